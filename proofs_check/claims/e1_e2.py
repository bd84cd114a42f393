"""E1 and E2: the hard and the soft estimator as estimators, against populations in closed form."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np

from sim.metrics import opauc
from sim.objectives import cvar_value, kl_dro_value, kl_of_weights
from sim.rankings import Binormal
from sim.sampling import DNS, SoftmaxExact

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..tally import Tally

# ---------------------------------------------------------------- E1


def _expected(roc: Callable[[Any], Any], n: int, m: int) -> float:
    """E of estimator (8) with n negatives, m = n beta: integral of ROC(u) Pr(Bin(n - 1, u) <= m - 1) du."""
    from scipy import stats

    nodes, weights = np.polynomial.legendre.leggauss(400)
    top = min(1.0, (m + 12.0 * np.sqrt(m) + 40.0) / n)
    u = 0.5 * top * (nodes + 1.0)
    rest = 0.5 * (1.0 - top) * (nodes + 1.0) + top
    return float(
        sum(
            h / 2 * (weights * roc(v) * stats.binom.cdf(m - 1, n - 1, v)).sum()
            for h, v in ((top, u), (1.0 - top, rest))
        )
    )


def _power_roc(n: int, m: int) -> tuple[Fraction, Fraction]:
    """For ROC(s) = 1 - (1 - s)^2: E of (8), and OPAUC(m/n) of the population, exactly.

    The j-th hardest negative has FPR U_(j), E[1 - (1 - U_(j))^2] = 1 - (n+1-j)(n+2-j) / ((n+1)(n+2)).
    """
    mean = sum((1 - Fraction((n + 1 - j) * (n + 2 - j), (n + 1) * (n + 2)) for j in range(1, m + 1)), Fraction(0)) / n
    beta = Fraction(m, n)
    return mean, beta - Fraction(1, 3) + (1 - beta) ** 3 / 3


@check("estimator (8) has no bias: E = OPAUC(beta) of the population, ROC 1 - (1 - s)^2, in fractions", Kind.EXACT)
def _unbiased(p: Any, t: Tally) -> None:
    for n in range(1, 20):
        for m in range(n, 0, -1):
            mean, truth = _power_roc(n, m)
            t.holds(mean == truth, f"n_- = {n}, beta = {Fraction(m, n)}: expectation {mean}, population {truth}")


@check(
    "no bias at beta = 1; else n_- times bias tends to beta (1 - beta) ROC'(beta) / 2",
    Kind.EXACT,
    Role.APPROXIMATE,
)
def _bias_exact(p: Any, t: Tally) -> None:
    for n in (1, 3, 10, 60):
        mean, truth = _power_roc(n, n)
        t.holds(mean == truth, f"beta = 1, n_- = {n}")
    for beta in (Fraction(1, 10), Fraction(1, 4), Fraction(1, 2), Fraction(9, 10)):
        limit = p.first_order(beta)
        for n in (40, 400, 4000):
            t.reach({"n_-": n, "beta": beta})
            mean, truth = _power_roc(n, int(beta * n))
            gap = (mean - truth) * n
            t.holds(
                abs(gap - limit) <= Fraction(3, n) + abs(limit) * Fraction(20, n),
                f"beta = {beta}, n_- = {n}: n_- bias {float(gap):.5f}, limit {float(limit):.5f}",
            )


@check(
    "binormal populations: the same limit of n_- times bias by quadrature",
    Kind.NUMERICAL,
    Role.APPROXIMATE,
    tolerance=0.005,
)
def _bias_binormal(p: Any, t: Tally) -> None:
    for area in (0.7, 0.9):
        model = Binormal.from_auc(area)
        for beta in (0.05, 0.2, 0.5):
            step = 1e-6
            slope = float(model.tpr(beta + step) - model.tpr(beta - step)) / (2 * step)
            limit = p.slope_term(beta, slope, float(model.tpr(beta)), float(model.opauc(beta)))
            n = 4000
            gap = n * (_expected(model.tpr, n, round(beta * n)) - float(model.opauc(beta)))
            t.small((gap - limit) / max(abs(limit), 0.05), f"AUC {area}, beta = {beta}: {gap:.4f} against {limit:.4f}")


@check(
    "simulated lists: mean of (8) against the exact expectation", Kind.STATISTICAL, Role.APPROXIMATE, false_alarm=1e-6
)
def _mean_simulated(p: Any, t: Tally) -> None:
    model, cases = Binormal.from_auc(0.85), ((5, 20, 2), (20, 20, 10), (10, 100, 5), (50, 200, 20))
    lists = t.pick(3000, 30000)
    for n_pos, n_neg, m in cases:
        values = _estimates(model, n_pos, n_neg, m, lists, t)
        truth = p.expected(model.tpr, n_neg, m)
        t.z_scores(
            [(values.mean() - truth) / (values.std(ddof=1) / np.sqrt(lists))],
            len(cases),
            f"N_+ = {n_pos}, N_- = {n_neg}, M = {m}",
        )


@check(
    "variance = A / n_+ + B / n_- to first order: halving when both classes double",
    Kind.STATISTICAL,
    Role.APPROXIMATE,
    false_alarm=1e-6,
)
def _variance_rate(p: Any, t: Tally) -> None:
    model, lists, sizes = Binormal.from_auc(0.85), t.pick(8000, 60000), ((40, 100, 10), (80, 200, 20), (160, 400, 40))
    found = []
    for n_pos, n_neg, m in sizes:
        values = _estimates(model, n_pos, n_neg, m, lists, t)
        centred = (values - values.mean()) ** 2
        found.append((centred.mean(), centred.std() / np.sqrt(lists)))
    for (one, error_one), (two, error_two) in pairwise(found):
        # the next order is O(1 / n): allow 3% beside the sampling error
        error = np.hypot(error_one, p.rate * error_two)
        excess = max(abs(one - p.rate * two) - 0.03 * one, 0.0)
        t.z_scores([excess / error], 2, "ratio of variances")


@check(
    "pools of N: the estimate tends to the mixture's mean, not to OPAUC(M / N), as n_- grows; the gap falls like 1 / N",
    Kind.NUMERICAL,
    Role.APPROXIMATE,
    tolerance=1e-6,
)
def _pool_gap(p: Any, t: Tally) -> None:
    # mean of TPR over DNS(M, N)'s sampled ranks at n_- = infinity is the estimator (8) on N negatives over beta
    for area in (0.7, 0.9):
        model = Binormal.from_auc(area)
        gaps = []
        for size in (20, 40, 80, 160):
            m, n = size // 5, 50 * size
            weights = DNS(m, size).rank_distribution(n, replace=True)
            edges = np.arange(n + 1) / n
            pooled = float((weights * np.diff(np.asarray(model.opauc(edges))) * n).sum())
            t.small((pooled - p.pooled(model, m, size)) * 0.01, f"AUC {area}, M = {m}, N = {size}: {pooled:.5f}")
            gaps.append(p.pooled(model, m, size) - float(model.opauc(0.2)) / 0.2)
        ratios = np.array(gaps[:-1]) / np.array(gaps[1:])
        t.holds((np.abs(ratios - 2.0) < 0.15).all() and min(gaps) > 0, f"AUC {area}: gaps {np.round(gaps, 5).tolist()}")


def _estimates(model: Binormal, n_pos: int, n_neg: int, m: int, lists: int, t: Tally) -> Any:
    pos, neg = model.sample(n_pos, n_neg, lists, rng=t.rng)
    return opauc(np.repeat([[1] * n_pos + [0] * n_neg], lists, axis=0), np.hstack([pos, neg]), m / n_neg)


def _pooled(model: Binormal, m: int, size: int) -> float:
    return _expected(model.tpr, size, m) * size / m


def _slope_term(beta: float, slope: float, tpr: float, area: float) -> float:
    return 0.5 * beta * (1.0 - beta) * slope


E1 = Claim(
    id="E1",
    title="The hard estimator: bias, variance, rates",
    where="Theorem 1: 'exact estimator of OPAUC(beta)'",
    statement="The non-parametric estimator (8), which DNS optimises, estimates OPAUC(beta) of the population "
    "without bias.",
    latex=r"E[\widehat{OPAUC}(\beta)] - OPAUC(\beta) = \frac{\beta(1-\beta)\,TPR'(\beta)}{2 n_-} + o(1/n_-),\quad "
    r"TPR' = \tfrac{d}{ds}TPR(s)",
    domain="Independent scores from a population with a smooth ROC curve; n_- beta an integer. Tried on uniform "
    "scores, in fractions, and on binormal ones of AUC .7 and .9. Exact means: exact for the sample at hand.",
    verdict=Verdict(
        Status.APPROXIMATELY,
        "Unbiased at beta = 1 only. Else too large by beta (1 - beta) ROC'(beta) / (2 n_-) to first order; no bias "
        "from n_+. The variance is "
        "A / n_+ + B / n_-. On pools of N the bias of the normalised value is of order 1 / N however many negatives "
        "there are.",
    ),
    sharp="E = integral of ROC(u) Pr(Bin(n_- - 1, u) <= M - 1) du: the sharp limit at beta is blurred by the law of "
    "the M-th order statistic. DNS(M, N) on pools is the same "
    "formula with n_- = N, so N sets the bias.",
    scope=(
        Axis("n_-", (40, 4000)),
        Axis("beta", (0.1, 0.9)),
    ),
    checks=(_unbiased, _bias_exact, _bias_binormal, _mean_simulated, _variance_rate, _pool_gap),
    parts={
        "first_order": lambda beta: beta * (1 - beta) * 2 * (1 - beta) / 2,
        "slope_term": _slope_term,
        "expected": _expected,
        "rate": 2.0,
        "pooled": _pooled,
    },
    mutants=(
        Mutant("no bias to first order", {"first_order": lambda beta: Fraction(0)}),
        Mutant("bias downwards", {"slope_term": lambda *a: -_slope_term(*a)}),
        Mutant("bias with beta instead of beta (1 - beta)", {"slope_term": lambda b, s, *a: 0.5 * b * s}),
        Mutant("expectation with Bin(n_-, u)", {"expected": lambda roc, n, m: _expected(roc, n + 1, m)}),
        Mutant("expectation with Bin <= M", {"expected": lambda roc, n, m: _expected(roc, n, m + 1)}),
        Mutant("standard deviation, not variance, falls like 1 / n", {"rate": 4.0}),
        Mutant(
            "pools are unbiased: OPAUC(M / N)",
            {"pooled": lambda model, m, size: float(model.opauc(m / size)) * size / m},
        ),
    ),
    example=lambda: (
        "ROC curve 1 - (1 - s)^2, two negatives, beta = 1/2: the hardest of two uniform FPRs U has E[1 "
        "- (1 - U)^2] = 1 - 1/2 = 1/2, times 1/n_- = 1/2: "
        f"{_power_roc(2, 1)[0]}.\nPopulation: integral of 2s - s^2 to 1/2 = 1/4 - 1/24 = {_power_roc(2, 1)[1]}. Bias "
        f"{_power_roc(2, 1)[0] - _power_roc(2, 1)[1]}."
    ),
)

# ---------------------------------------------------------------- E2


def _normal_kl(rho: float) -> float:
    """KL worst case of standard normal losses: sqrt(2 rho) (lambda* = 1 / sqrt(2 rho))."""
    return float(np.sqrt(2.0 * rho))


def _normal_cvar(rho: float) -> float:
    """CVaR of standard normal losses at beta = exp(-rho): phi(z) / beta, z the upper beta-quantile."""
    from scipy import stats

    beta = np.exp(-rho)
    return float(stats.norm.pdf(stats.norm.isf(beta)) / beta)


def _quantile_losses(n: int) -> Any:
    from scipy import stats

    return stats.norm.isf((np.arange(n) + 0.5) / n)


@check("the soft value estimates OPAUC(beta)'s hard value: equal at beta = exp(-rho), normal losses", Kind.NUMERICAL)
def _equal(p: Any, t: Tally) -> None:
    for rho in (0.1, 0.5, 1.0, 2.0):
        soft, hard = _normal_kl(rho), _normal_cvar(rho)
        t.holds(abs(soft - hard) <= 0.01, f"standard normal losses, rho = {rho}: soft {soft:.4f}, hard {hard:.4f}")


@check(
    "the soft value exceeds the hard one, for normal losses by up to 0.4 standard deviations (rho near 2)",
    Kind.NUMERICAL,
    Role.APPROXIMATE,
)
def _gap(p: Any, t: Tally) -> None:
    grid = np.geomspace(1e-3, 30.0, 200)
    gaps = np.array([_normal_kl(r) - _normal_cvar(float(r)) for r in grid])
    t.all_true((gaps > 0) & (gaps < p.most), "gap at rho =", grid)


@check(
    "the library on 100,000 normal quantiles against the population's closed forms",
    Kind.NUMERICAL,
    Role.APPROXIMATE,
    tolerance=4e-3,
)
def _closed_forms(p: Any, t: Tally) -> None:
    losses = _quantile_losses(100_000)
    for rho in (0.05, 0.3, 1.0, 2.0):
        t.reach({"rho": rho})
        t.small(float(kl_dro_value(losses, rho)) - p.soft(rho), f"soft, rho = {rho}")
        t.small(float(cvar_value(losses, float(np.exp(-rho)))) - p.hard(rho), f"hard, rho = {rho}")


@check(
    "a hard level that matches: the soft value at rho is the hard value at a smaller rho'' = c rho only for one "
    "rho each",
    Kind.NUMERICAL,
    Role.APPROXIMATE,
    tolerance=1e-6,
)
def _effective(p: Any, t: Tally) -> None:
    from scipy.optimize import brentq

    found = {}
    for rho in (0.1, 1.0, 3.0):
        harder = float(brentq(lambda r, rho=rho: _normal_cvar(r) - _normal_kl(rho), rho, 5 * rho + 1))
        t.holds(p.lowest * rho < harder < p.highest * rho, f"rho = {rho}: hard level exp(-{harder:.3f})")
        found[rho] = harder
    ratios = [h / r for r, h in found.items()]
    t.holds(ratios == sorted(ratios, reverse=True), f"ratios {ratios}")
    t.note(
        "hard level with the same value, as beta: "
        + ", ".join(f"rho = {r}: {np.exp(-h):.3f} (nominal {np.exp(-r):.3f})" for r, h in found.items())
    )


@check(
    "pools of N with lambda* per pool: mean value below the population's, gap falling like 1 / N",
    Kind.STATISTICAL,
    Role.APPROXIMATE,
    false_alarm=1e-6,
)
def _pool_bias(p: Any, t: Tally) -> None:
    rho, pools = 0.5, t.pick(20_000, 200_000)
    sizes = (25, 50, 100, 200)
    scaled = []
    for size in sizes:
        losses = t.rng.normal(size=(pools, size))
        # control variates: the pool's first four moments, whose means are known
        powers = [(losses**k).mean(axis=1) - known for k, known in ((1, 0.0), (2, 1.0), (3, 0.0), (4, 3.0))]
        design = np.stack([np.ones(pools), *powers], axis=1)
        values = np.asarray(kl_dro_value(losses, rho))
        fit, *_ = np.linalg.lstsq(design, values, rcond=None)
        gap, error = _normal_kl(rho) - fit[0], (values - design @ fit).std() / np.sqrt(pools)
        t.z_scores([max(-p.side * gap / error, 0.0)], 2 * len(sizes), f"N = {size}: gap {gap:.5f}")
        scaled.append((gap * size**p.power, error * size**p.power))
    for (one, e_one), (two, e_two) in pairwise(scaled):
        # next order in 1 / N: allow 15%
        excess = max(abs(one - two) - 0.15 * abs(two), 0.0)
        t.z_scores([excess / np.hypot(e_one, e_two)], 2 * len(sizes), "N times gap")


@check(
    "a pool cannot be harder than its maximum: past rho = log N the value no longer grows",
    Kind.PROPERTY,
    Role.APPROXIMATE,
    tolerance=1e-12,
)
def _saturated(p: Any, t: Tally) -> None:
    losses = t.rng.normal(size=(t.pick(200, 2000), 50))
    for rho in (p.edge(50) + 1e-6, 10.0, 100.0):
        t.all_small(np.asarray(kl_dro_value(losses, rho)) - losses.max(axis=1), f"rho = {rho:.3f}")
        t.all_small(
            np.asarray(kl_of_weights(SoftmaxExact(rho, 50).weights(losses))) - np.log(50), f"KL, rho = {rho:.3f}"
        )


E2 = Claim(
    id="E2",
    title="The soft estimator: bias, variance, rates",
    where="Theorem 2: 'soft estimator of OPAUC(beta)'",
    statement="The softmax (KL) value at rho estimates the OPAUC(beta) value with beta = exp(-rho).",
    latex=r"L\sim N(0,1):\quad \mathrm{KL}(\rho)=\sqrt{2\rho},\qquad \mathrm{CVaR}(e^{-\rho})=\varphi(z_\beta)/\beta",
    domain="Normally distributed losses (closed form on both sides, lambda* = sd / sqrt(2 rho)); pools of N.",
    verdict=Verdict(
        Status.APPROXIMATELY,
        "An upper bound, not an estimate: with normal losses it exceeds the hard value by 0.11 (rho = 0.01) to "
        "0.39 (rho = 2) standard deviations. "
        "On pools of N the mean value is too small by a term of order 1 / N, and it cannot pass the pool's maximum "
        "(rho >= log N).",
    ),
    sharp="The soft value at rho is the hard value at a harder level: with normal losses nominal beta = 0.905, 0.368, "
    "0.050 (rho = 0.1, 1, 3) act like beta = 0.734, 0.195, 0.018.",
    scope=(Axis("rho", (0.05, 2.0)),),
    checks=(_equal, _gap, _closed_forms, _effective, _pool_bias, _saturated),
    parts={
        "soft": _normal_kl,
        "hard": _normal_cvar,
        "most": 0.4,
        "lowest": 1.0,
        "highest": 4.0,
        "side": 1.0,
        "power": 1.0,
        "edge": lambda n: float(np.log(n)),
    },
    mutants=(
        Mutant("soft value sqrt(rho)", {"soft": lambda rho: float(np.sqrt(rho))}),
        Mutant(
            "hard value at the lower tail 1 - beta", {"hard": lambda rho: _normal_cvar(-float(np.log1p(-np.exp(-rho))))}
        ),
        Mutant("never more than 0.1 standard deviations apart", {"most": 0.1}),
        Mutant("pools are biased upwards", {"side": -1.0}),
        Mutant("pool bias of order 1 / sqrt(N)", {"power": 0.5}),
        Mutant("saturation from log(N) / 2 on", {"edge": lambda n: float(np.log(n)) / 2}),
    ),
    example=lambda: (
        "Standard normal losses, rho = log 2 (beta = 1/2): hard value = 2 phi(0) = 2 / sqrt(2 pi) = "
        "0.798; soft value sqrt(2 log 2) = 1.177."
    ),
)

CLAIMS = (E1, E2)
