"""F6-1 and F6-4: the correlations of Fig. 6 in closed form, and what they show; the peaks are in f6_peaks."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from sim.rankings import (
    correlation_by_cutoff,
    exact_correlation,
    rational_moments,
    simulate_correlation,
)

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..reference import all_labels, areas
from ..tally import Tally

N_POS, N_NEG = 200, 800
SHOWN = (5, 20, 50)
METRICS = ("recall", "ndcg")


# ---------------------------------------------------------------- F6-1


@check(
    "AUC's correlation stays under 0.4 for Recall@K and NDCG@K, K = 1..200, 200 positives and 800 negatives",
    Kind.NUMERICAL,
)
def _auc_everywhere(p: Any, t: Tally) -> None:
    for k in range(1, 201):
        for metric in METRICS:
            value = float(exact_correlation(N_POS, N_NEG, metric, k)[-1])
            t.holds(value < 0.4, f"{metric}@{k}: correlation {value:.4f} with AUC")


@check(
    "peaks above 0.8 for K <= 200; AUC under 0.4 exactly for K <= 56 (Recall) and K <= 72 (NDCG)",
    Kind.NUMERICAL,
    Role.CONDITION,
)
def _peaks(p: Any, t: Tally) -> None:
    for k in range(1, 201):
        t.reach({"K": k})
        for metric in METRICS:
            curve = p.curve(N_POS, N_NEG, metric, k)
            t.holds(curve.max() > p.peak, f"{metric}@{k}: peak {curve.max():.4f}")
            t.holds((curve[-1] < 0.4) == (k <= p.last[metric]), f"{metric}@{k}: AUC {curve[-1]:.4f}")


@check(
    "the closed form behind it against every ranking: Cov(R, X_m), Var X_m, Var R in fractions, integer weights",
    Kind.ENUMERATION,
    Role.CONDITION,
)
def _moments(p: Any, t: Tally) -> None:
    top = t.pick(5, 6)
    for n_pos, n_neg in product(range(1, top + 1), repeat=2):
        labels = all_labels(n_pos, n_neg)
        x = areas(labels)
        total = len(labels)
        for k in range(1, n_pos + n_neg + 1):
            for weights in ([1] * k, [3 * (k - j) + 1 for j in range(k)]):
                exact = rational_moments(n_pos, n_neg, weights)
                r = labels[:, :k].astype(np.int64) @ np.array(weights)
                label = f"N_+ = {n_pos}, N_- = {n_neg}, w = {weights}"
                t.same(
                    exact.metric_var, Fraction(int(total * (r * r).sum() - r.sum() ** 2), total**2), f"Var R, {label}"
                )
                for m in range(n_neg):
                    c = x[:, m]
                    t.same(
                        exact.area_var[m],
                        Fraction(int(total * (c * c).sum() - c.sum() ** 2), total**2),
                        f"Var X, {label}",
                    )
                    t.same(
                        exact.covariance[m],
                        Fraction(int(total * (r * c).sum() - r.sum() * c.sum()), total**2),
                        f"Cov, {label}",
                    )


@check(
    "100,000 simulated rankings as in the paper (quick: 20,000) against the closed form",
    Kind.STATISTICAL,
    Role.CONDITION,
    false_alarm=1e-6,
)
def _simulated(p: Any, t: Tally) -> None:
    from scipy import stats

    found = simulate_correlation(N_POS, N_NEG, metrics=METRICS, ks=SHOWN, n_rankings=t.pick(20_000, 100_000), rng=t.rng)
    keep = np.array([0, 4, 9, 19, 49, 99, 199, 399, 799])
    for metric, k in product(METRICS, SHOWN):
        value, error = found.curve(metric, k)
        student = ((value - p.curve(N_POS, N_NEG, metric, k)) / error)[keep]
        # the jackknife's statistic is Student's t: turn it into a normal one of the same tail
        z = stats.norm.isf(stats.t.sf(np.abs(student), found.groups - 1))
        t.z_scores(z, keep.size * len(METRICS) * len(SHOWN), f"{metric}@{k}, m", keep + 1)


F6_1 = Claim(
    id="F6-1",
    title="Peaks above 0.8 while AUC stays under 0.4",
    where="Fig. 6, first observation",
    statement="The correlation of Recall/NDCG@K with OPAUC(beta) peaks above 0.8, while AUC (beta = 1) stays under "
    "0.4.",
    latex=r"\max_m \rho(R@K, X_m) > 0.8,\quad \rho(R@K, X_{N_-}) < 0.4",
    domain="N_+ = 200, N_- = 800, uniformly random rankings; closed forms, so no sampling error.",
    verdict=Verdict(
        Status.CONDITION,
        "The peaks are above 0.8 (0.89 and more) for all K <= 200. AUC is under 0.4 for K <= 56 (Recall, Precision) "
        "or K <= 72 (NDCG) only; Recall@200 reaches 0.69.",
    ),
    sharp="AUC's correlation with Recall@K is about sqrt(3 K / N) for K << N, so it passes 0.4 near K = 0.053 N.",
    scope=(Axis("K", (1, 200), every=True),),
    checks=(_auc_everywhere, _peaks, _moments, _simulated),
    parts={"curve": exact_correlation, "peak": 0.8, "last": {"recall": 56, "ndcg": 72}},
    mutants=(
        Mutant("AUC under 0.4 for K <= 50 exactly", {"last": {"recall": 50, "ndcg": 50}}),
        Mutant("peaks above 0.95", {"peak": 0.95}),
        Mutant(
            "classes exchanged: 800 positives, 200 negatives",
            {"curve": lambda a, b, metric, k: np.resize(exact_correlation(b, a, metric, k), b)},
        ),
        Mutant(
            "beta off by one: OPAUC((m + 1) / N_-)",
            {
                "curve": lambda a, b, metric, k: np.append(
                    exact_correlation(a, b, metric, k)[1:], exact_correlation(a, b, metric, k)[-1]
                )
            },
        ),
    ),
    example=lambda: (
        "Correlations at 200/800. "
        + "; ".join(
            f"Recall@{k}: peak {exact_correlation(N_POS, N_NEG, 'recall', k).max():.4f}, AUC "
            f"{exact_correlation(N_POS, N_NEG, 'recall', k)[-1]:.4f}"
            for k in (5, 20, 50, 56, 57, 200)
        )
        + ".\nBy hand, N_+ = N_- = 1: rankings + - and - +; hits@1 = X_1 = AUC, correlation 1."
    ),
)

# ---------------------------------------------------------------- F6-4


@check(
    "left of both peaks, NDCG@K keeps a larger share of its peak than Recall@K at the same m; K = 2..200, 200/800",
    Kind.NUMERICAL,
)
def _slower(p: Any, t: Tally) -> None:
    for n_pos, n_neg in ((N_POS, N_NEG), (50, 950), (400, 600)):
        for k in range(2, 201, t.pick(6, 1)):
            t.reach({"K": k, "N_+ / N": n_pos / (n_pos + n_neg)})
            curves = exact_correlation(n_pos, n_neg, "recall", k), exact_correlation(n_pos, n_neg, "ndcg", k)
            recall, ndcg = p.at(*curves)
            t.all_true(p.sign * (ndcg - recall) > 0, f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}, m")


@check("the same for every N_+, N_- <= 25 (full: 40) and every K from 2 to N - 1", Kind.ENUMERATION)
def _slower_everywhere(p: Any, t: Tally) -> None:
    for n_pos, n_neg in product(range(1, t.pick(25, 40) + 1), repeat=2):
        both = zip(*(correlation_by_cutoff(n_pos, n_neg, metric) for metric in METRICS))
        for k, curves in enumerate(both, 1):
            t.reach({"N_+": n_pos, "N_-": n_neg})
            if k > 1:
                recall, ndcg = p.at(*curves)
                t.all_true(p.sign * (ndcg - recall) > 0, f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}, m")


def _left(recall: Any, ndcg: Any) -> tuple[Any, Any]:
    """Shares of the peak at the m left of both peaks."""
    left = min(recall.argmax(), ndcg.argmax())
    return recall[:left] / recall.max(), ndcg[:left] / ndcg.max()


def _right(recall: Any, ndcg: Any) -> tuple[Any, Any]:
    right = max(recall.argmax(), ndcg.argmax()) + 1
    return recall[right:] / recall.max(), ndcg[right:] / ndcg.max()


def _relative(recall: Any, ndcg: Any) -> tuple[Any, Any]:
    """A false variant: at equal m / m* instead of equal m."""
    x = np.linspace(0.2, 0.95, 40)
    m = np.arange(1, recall.size + 1.0)
    one, two = (np.interp(x * (c.argmax() + 1), m, c) / c.max() for c in (recall, ndcg))
    return one, two


F6_4 = Claim(
    id="F6-4",
    title="Left of the peak NDCG falls more slowly",
    where="Fig. 6, fourth observation",
    statement="For beta below the peak, the correlation of NDCG@K falls more slowly than that of Recall@K and "
    "Precision@K.",
    latex=r"m<\min(m^*_N,m^*_R):\quad \rho_N(m)/\rho_N(m^*_N) > \rho_R(m)/\rho_R(m^*_R)",
    domain="Uniformly random rankings, K >= 2, the same m for both: every N_+, N_- <= 25 with every K < N, and N "
    "= 1000 with 5% to 40% positives and K <= 200. Relative to where each peaks (m / m*), it fails slightly at "
    "some K.",
    verdict=Verdict(Status.HOLDS, "At equal beta, at every size and K tried."),
    scope=(
        Axis("K", (2, 200)),
        Axis("N_+ / N", (0.05, 0.4)),
        Axis("N_+", (1, 25), every=True),
        Axis("N_-", (1, 25), every=True),
    ),
    checks=(_slower, _slower_everywhere),
    parts={"at": _left, "sign": 1.0},
    mutants=(
        Mutant("right of the peak too", {"at": _right}),
        Mutant("Recall falls more slowly", {"sign": -1.0}),
        Mutant("at equal m / m* instead of equal m", {"at": _relative}),
    ),
    example=lambda: (
        "200/800, K = 20, m = 5 of peaks at 24 (Recall) and 18 (NDCG): NDCG keeps "
        f"{_kept('ndcg', 20, 5):.3f} of its peak, Recall {_kept('recall', 20, 5):.3f}."
    ),
)


def _kept(metric: str, k: int, m: int) -> float:
    curve = exact_correlation(N_POS, N_NEG, metric, k)
    return float(curve[m - 1] / curve.max())


CLAIMS = (F6_1, F6_4)
