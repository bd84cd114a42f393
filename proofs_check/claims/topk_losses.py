"""L2: one rule for losses made for the top K: what they do to the axes of the ROC, and what their minimisers rank."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import combinations, product
from typing import Any

import numpy as np

from sim.objectives import (
    ACTIVATIONS,
    bsl_minimiser,
    bsl_risk,
    ccl_minimiser,
    collapse_margin,
    logistic_loss,
    psl_risk,
    sampled_quantile_rank,
)

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..tally import Tally

Distort = Callable[[Any], Any]


def _laws(t: Tally, n: int) -> tuple[Any, Any]:
    counts = t.rng.integers(1, 9, (2, n)).astype(float)
    return counts[0] / counts[0].sum(), counts[1] / counts[1].sum()


def _identity(x: Any) -> Any:
    return x


def _cut(share: float) -> Distort:
    return lambda x: np.minimum(np.asarray(x) / share, 1.0)


def _pool(m: int, size: int) -> Distort:
    """W of DNS(M, N) on pools with replacement: E min(M, Binomial(N, F)) / M."""

    def law(f: Any) -> Any:
        from scipy.stats import binom

        b = np.arange(size + 1)
        return binom.pmf(b, size, np.clip(f, 0.0, 1.0)[..., None]) @ np.minimum(b, m) / m

    return law


LOSSES: dict[str, tuple[Distort, Distort]] = {
    "AUC": (_identity, _identity),
    "DNS": (_identity, _cut(0.3)),
    "DNS(2, 5)": (_identity, _pool(2, 5)),
    "LLPAUC": (_cut(0.5), _cut(0.3)),
}
"""Distortions V of the positives' axis and W of the negatives'."""


def _pair_risk(p: Any, q: Any, scores: Any, positives: Distort, negatives: Distort) -> float:
    """E over positives weighted by V and negatives by W, both hardest and best first, of the logistic loss."""

    def weights(law: Any, distort: Distort) -> Any:
        order = np.argsort(-scores, kind="stable")
        found = np.empty_like(law)
        found[order] = np.diff(np.asarray(distort(np.concatenate(([0.0], np.cumsum(law[order]).clip(max=1.0))))))
        return found

    loss = np.asarray(logistic_loss(np.subtract.outer(scores, scores)))
    return float(weights(p, positives) @ loss @ weights(q, negatives))


# ---------------------------------------------------------------- first order


@check(
    "AUC, DNS, DNS(M, N), LLPAUC: when the scores of a set A rise from equality the risk changes at the rate "
    "(W(q(A)) - V(p(A))) / 2, every A; so they are a local optimum iff V(p(A)) <= W(q(A)) for all A, as the "
    "library says",
    Kind.NUMERICAL,
    Role.CONDITION,
    tolerance=1e-6,
)
def _first_order(p: Any, t: Tally) -> None:
    step = 1e-7
    for _ in range(t.pick(30, 300)):
        n = int(t.rng.integers(2, 6))
        one, two = _laws(t, n)
        for name, (positives, negatives) in LOSSES.items():
            t.reach({"loss": name})
            sets = [np.array(s) for s in product((0.0, 1.0), repeat=n)]
            rates = [(_pair_risk(one, two, step * s, positives, negatives) - math.log(2.0)) / step for s in sets]
            said = [p.rate(float(positives(one @ s)), float(negatives(two @ s))) for s in sets]
            label = f"{name}, p = {one.round(3).tolist()}, q = {two.round(3).tolist()}"
            t.all_small(np.array(rates) - said, f"{label}, set")
            margin = collapse_margin(one, two, positives=positives, negatives=negatives)
            t.holds(abs(-2.0 * min(said) - margin) < 1e-9, f"{label}: the library's margin {margin:.6f}")


@check(
    "DNS at beta collapses iff max p / q <= 1 / beta, LLPAUC's equal scores are a local optimum iff max p / q <= "
    "alpha / beta, where those cuts bind: two instances, every p and q in fractions of 20",
    Kind.ENUMERATION,
    Role.CONDITION,
)
def _cuts(p: Any, t: Tally) -> None:
    for a, b in product(range(1, 20), repeat=2):
        one, two = np.array([a, 20 - a]) / 20.0, np.array([b, 20 - b]) / 20.0
        for alpha, beta in ((1.0, 0.3), (0.5, 0.3), (0.5, 0.1), (1.0, 1.0)):
            margin = collapse_margin(one, two, positives=_cut(alpha), negatives=_cut(beta))
            ratio = max(Fraction(a, b), Fraction(20 - a, 20 - b))
            at = a if ratio == Fraction(a, b) else 20 - a
            if at / 20 <= alpha:  # else V has reached 1 there
                t.same(
                    margin <= 1e-12, float(ratio) <= p.limit(alpha, beta) + 1e-12, f"{a}/20, {b}/20, {alpha}, {beta}"
                )


# ---------------------------------------------------------------- softmax losses


@check(
    "every top-K loss (SL, BSL, PSL) orders by p / q at its minimiser, whatever its temperatures",
    Kind.EXACT,
)
def _every_loss(p: Any, t: Tally) -> None:
    # PSL with (1 + z)_+ at tau = 1, p = (14, 11) / 25, q = (11, 9) / 20: the risk is concave in f_a - f_b on [-1, 1]
    # and rises outside, so the minimum is at an end
    right = Fraction(11, 20) ** 14 * Fraction(31, 20) ** 11
    wrong = Fraction(9, 20) ** 11 * Fraction(29, 20) ** 14
    t.holds(
        right <= wrong,
        f"PSL, tau = 1, p = (14, 11) / 25, q = (11, 9) / 20: e^(25 risk) is {float(right):.5f} with the first instance "
        f"ahead, {float(wrong):.5f} with the second",
    )


@check(
    "SL and BSL with tau_+ > tau: scores log(p / q) / (1 / tau - 1 / tau_+) reach the lower bound -tau D_a(p || "
    "q), a = tau_+ / (tau_+ - tau), which no other scores pass",
    Kind.DUALITY,
    Role.CONDITION,
    tolerance=1e-10,
)
def _bilateral(p: Any, t: Tally) -> None:
    for _ in range(t.pick(150, 1500)):
        one, two = _laws(t, int(t.rng.integers(2, 7)))
        tau = float(t.rng.uniform(0.05, 2.0))
        tau_pos = tau * p.ratio(float(t.rng.uniform(1.05, 8.0))) if t.rng.random() < 0.7 else np.inf
        label = f"p = {one.round(3).tolist()}, q = {two.round(3).tolist()}, tau = {tau:.3f}, tau_+ = {tau_pos:.3f}"
        t.reach({"loss": "SL" if tau_pos == np.inf else "BSL"})
        scores, least = bsl_minimiser(one, two, tau=tau, tau_pos=tau_pos)
        t.holds(scores is not None, f"no minimiser, {label}")
        assert scores is not None
        t.small(bsl_risk(one, two, scores, tau=tau, tau_pos=tau_pos) - least, label)
        ratio = one / two
        wrong = np.subtract.outer(ratio, ratio) * np.subtract.outer(scores, scores)
        t.holds((wrong >= -1e-12).all(), f"order, {label}")
        for size in (1e-2, 1.0, 30.0):
            other = scores + size * tau * t.rng.normal(size=one.size)
            t.small(max(least - bsl_risk(one, two, other, tau=tau, tau_pos=tau_pos), 0.0), f"other scores, {label}")


@check(
    "BSL with tau_+ <= tau has no minimiser: the infimum min_x (tau log q_x - tau_+ log p_x) is passed by no "
    "scores and approached where one instance leaves all others behind; with tau_+ < tau it need not be the one "
    "of largest p / q",
    Kind.NUMERICAL,
    Role.CONDITION,
    tolerance=1e-9,
)
def _runaway(p: Any, t: Tally) -> None:
    others = 0
    for _ in range(t.pick(150, 1500)):
        one, two = _laws(t, int(t.rng.integers(2, 7)))
        tau = float(t.rng.uniform(0.1, 2.0))
        tau_pos = tau * float(t.rng.choice([1.0, 0.9, 0.5, 0.2]))
        least = p.infimum(one, two, tau, tau_pos)
        label = f"p = {one.round(3).tolist()}, q = {two.round(3).tolist()}, tau = {tau:.3f}, tau_+ = {tau_pos:.3f}"
        for _ in range(5):
            scores = tau * t.rng.normal(size=one.size) * float(10.0 ** t.rng.uniform(-1, 2))
            t.small(max(least - bsl_risk(one, two, scores, tau=tau, tau_pos=tau_pos), 0.0), label)
        first = int(np.argmin(tau * np.log(two) - tau_pos * np.log(one)))
        away = np.where(np.arange(one.size) == first, 60.0 * tau, 0.0)
        t.small(bsl_risk(one, two, away, tau=tau, tau_pos=tau_pos) - least, f"one ahead, {label}")
        others += (one / two)[first] < (one / two).max() - 1e-9
    t.holds(others > 0, "the runaway is always the instance of largest p / q")


@check(
    "PSL: 1(z >= 0) <= a(z) <= e^z for (1 + z)_+, 1 + tanh z and (1 + atan z)_+, so it bounds the log rank "
    "tighter than SL; two instances, p in fractions of 25, q of 20, 1 / tau = 2, 5, 10: the minimiser over f_a - "
    "f_b in steps of 0.025 does not reverse the order of p / q",
    Kind.NUMERICAL,
    Role.CONDITION,
)
def _pairwise(p: Any, t: Tally) -> None:
    z = np.linspace(-6.0, 6.0, 4_001)
    for name in ACTIVATIONS:
        at_zero = float(np.exp(psl_risk([1.0], [1.0], [0.0], tau=1.0, activation=name)))
        t.holds(abs(at_zero - 1.0) < 1e-12, f"{name}: a(0) = 1")
        value = _activation(name, z)
        t.all_true(value <= np.exp(z) + 1e-12, f"{name} <= e^z, entry")
        t.all_true(value >= (z >= 0), f"{name} >= 1(z >= 0), entry")
    gap = np.linspace(-3.0, 3.0, 241)
    for a, b in product(range(1, 25), range(1, 20)):
        one, two = a / 25.0, b / 20.0
        if one <= two:
            continue
        for name in ACTIVATIONS[1:]:
            t.reach({"loss": f"PSL, {name}"})
            for power in p.powers:
                up, down = (_activation(name, sign * gap) ** power for sign in (1.0, -1.0))
                with np.errstate(divide="ignore"):
                    risk = one * np.log(two + (1 - two) * down) + (1 - one) * np.log(1 - two + two * up)
                t.holds(gap[risk.argmin()] > -1e-9, f"{name}, p_a = {one}, q_a = {two}, 1 / tau = {power}")


def _activation(name: str, z: Any) -> Any:
    if name == "exp":
        return np.exp(z)
    return np.clip(1.0 + {"relu": z, "tanh": np.tanh(z), "atan": np.arctan(z)}[name], 0.0, None)


# ---------------------------------------------------------------- CCL, SL@K, bounds


@check(
    "CCL: the minimiser over scores in {-1, -0.9 .. 1} is 1 where p > w q and m elsewhere (any tie at equality): one "
    "threshold, all else tied",
    Kind.ENUMERATION,
    Role.CONDITION,
    tolerance=1e-12,
)
def _one_threshold(p: Any, t: Tally) -> None:
    grid = np.linspace(-1.0, 1.0, 21)
    for _ in range(t.pick(200, 2000)):
        one, two = _laws(t, int(t.rng.integers(2, 7)))
        weight, margin = float(t.rng.uniform(0.3, 3.0)), float(t.rng.choice(grid))
        t.reach({"loss": "CCL"})
        risk = one[:, None] * (1.0 - grid) + weight * two[:, None] * np.clip(grid - margin, 0.0, None)
        found = p.ccl(one, two, weight, margin)
        at = one * (1.0 - found) + weight * two * np.clip(found - margin, 0.0, None)
        t.all_small(at - risk.min(axis=1), f"p = {one.round(3).tolist()}, w = {weight:.2f}, m = {margin:.1f}, instance")
        t.holds(np.unique(found).size <= 2, "more than two levels")


@check(
    "SL@K's threshold from N of n items, every sample, n <= 8: the rank of the m-th best has the law C(r-1, m-1) "
    "C(n-r, N-m) / C(n, N), mean m (n + 1) / (N + 1) and variance m (N + 1 - m) (n + 1) (n - N) / ((N + 1)^2 (N + "
    "2))",
    Kind.ENUMERATION,
    Role.CONDITION,
)
def _threshold(p: Any, t: Tally) -> None:
    t.reach({"loss": "SL@K"})
    for n in range(1, t.pick(8, 10) + 1):
        for size in range(1, n + 1):
            samples = list(combinations(range(1, n + 1), size))
            for m in range(1, size + 1):
                ranks = [s[m - 1] for s in samples]
                label = f"n = {n}, N = {size}, m = {m}"
                mean = Fraction(sum(ranks), len(ranks))
                t.same(mean, p.mean(n, size, m), f"mean, {label}")
                t.same(
                    Fraction(sum(r * r for r in ranks), len(ranks)) - mean**2,
                    Fraction(m * (size + 1 - m) * (n + 1) * (n - size), (size + 1) ** 2 * (size + 2)),
                    f"variance, {label}",
                )
                law = np.bincount(ranks, minlength=n + 1)[1:] / len(ranks)
                t.holds(np.abs(law - sampled_quantile_rank(n, size, m)).max() < 1e-12, f"law, {label}")


def _hits(ranking: tuple[int, ...], k: int) -> Iterator[int]:
    return (r for r, label in enumerate(ranking, 1) if label and r <= k)


@check(
    "SL@K with exact ranks, sum over positives in the top K of log rank: among rankings of 3 positives and 5 "
    "negatives, K = 4, a ranking with more hits and more DCG can have more loss, and dividing by the hits mends "
    "DCG bounds only: -log (DCG / hits) <= the mean log rank, always",
    Kind.ENUMERATION,
    Role.CONDITION,
)
def _adding_a_hit(p: Any, t: Tally) -> None:
    found = []
    for places in combinations(range(8), 3):
        ranking = tuple(int(i in places) for i in range(8))
        ranks = list(_hits(ranking, 4))
        loss = sum(math.log(r) for r in ranks)
        gain = sum(1.0 / math.log2(1 + r) for r in ranks)
        found.append((len(ranks), gain, loss))
        if ranks:
            t.holds(-math.log(gain / len(ranks)) <= p.mean_loss(ranks) + 1e-12, f"bound, hits at {ranks}")
    t.holds(
        any(a[0] > b[0] > 0 and a[1] > b[1] and a[2] > b[2] for a in found for b in found), "more hits never cost more"
    )


@check(
    "one positive: -log NDCG <= CCE <= sum of BPR <= sum of BCE over all negatives; with one negative CCE is BPR",
    Kind.PROPERTY,
    Role.CONDITION,
    tolerance=1e-10,
)
def _chain(p: Any, t: Tally) -> None:
    for _ in range(t.pick(300, 3000)):
        n = int(t.rng.integers(1, 40))
        positive, negatives = float(t.rng.normal()), t.rng.normal(size=n) * float(t.rng.choice([0.3, 1.0, 4.0]))
        gap = negatives - positive
        rank = 1 + int((gap >= 0).sum())
        cce = float(np.logaddexp.reduce(np.append(gap, 0.0)))
        bpr = float(np.logaddexp(0.0, gap).sum())
        bce = n * float(np.logaddexp(0.0, -positive)) + float(np.logaddexp(0.0, negatives).sum())
        chain = [math.log(math.log2(1 + rank)), *p.chain(cce, bpr, bce)]
        t.all_small(np.maximum(-np.diff(chain), 0.0), f"n = {n}, rank {rank}, step")
        one = float(np.logaddexp(0.0, gap[0]))
        t.small(float(np.logaddexp(gap[0], 0.0)) - one, "one negative")


L2 = Claim(
    id="L2",
    title="One rule for top-K losses: how they distort the axes of the ROC",
    where="Beyond the paper; SL, BSL, PSL, SL@K, LLPAUC, CCL, BPR and BCE as published",
    statement="Losses made for the top K are consistent: their minimisers order the instances by p / q.",
    latex=r"\frac{dR}{d\epsilon}\Big|_{f=\epsilon 1_A}\propto W(q(A))-V(p(A)),\qquad "
    r"\min BSL=-\tau D_{\frac{\tau_+}{\tau_+-\tau}}(p\|q),\ f=\frac{\log(p/q)}{1/\tau-1/\tau_+}",
    domain="Finite populations, p, q > 0, a free score an instance. BSL with its positives' log-mean-exp at tau_+; PSL "
    "with the activations (1 + z)_+, 1 + tanh z, (1 + atan z)_+, two instances; LLPAUC with hard cuts at alpha and "
    "beta; CCL on scores in [-1, 1]; SL@K's threshold from N of n items drawn without replacement.",
    verdict=Verdict(
        Status.CONDITION,
        "SL always; BSL iff tau_+ > tau, else it has no minimiser and one instance runs away. PSL bounds the log "
        "rank tighter than SL, and that is not what counts: at tau = 1 it prefers the wrong order for p = (.56, "
        ".44), q = (.55, .45); for tau <= 1/2 no such case was found. DNS collapses iff max p / q <= 1 / beta "
        "(S1); LLPAUC, which counts the best alpha of the positives, only from alpha / beta on. CCL knows one "
        "threshold, p > w q, and ties the rest: right for Recall@K where w is p / q at the K-th place. SL@K's "
        "summed log ranks can rise with a hit more; its threshold cannot be finer than rank (n + 1) / (N + 1): 41 "
        "on average for K <= 41 of 41,000 items and N = 1000.",
    ),
    sharp="A loss weighs negatives by W and positives by V, laws over their ranks. When a set A of instances "
    "rises from equal scores the risk changes as W(q(A)) - V(p(A)): the scores leave equality iff the ROC with "
    "both axes distorted, V(TPR) against W(FPR), passes the diagonal somewhere. BSL's minimum is a Renyi "
    "divergence (D1).",
    checks=(
        *(_every_loss, _first_order, _cuts, _bilateral, _runaway, _pairwise),
        *(_one_threshold, _threshold, _adding_a_hit, _chain),
    ),
    scope=(Axis("loss", (*LOSSES, "SL", "BSL", "PSL, relu", "PSL, tanh", "PSL, atan", "CCL", "SL@K")),),
    parts={
        "rate": lambda v, w: (w - v) / 2.0,
        "limit": lambda alpha, beta: alpha / beta,
        "ratio": lambda r: r,
        "infimum": lambda p, q, tau, tau_pos: float((tau * np.log(q) - tau_pos * np.log(p)).min()),
        "powers": (2, 5, 10),
        "ccl": lambda p, q, w, m: ccl_minimiser(p, q, weight=w, margin=m),
        "mean": lambda n, size, m: Fraction(m * (n + 1), size + 1),
        "mean_loss": lambda ranks: sum(math.log(r) for r in ranks) / len(ranks),
        "chain": lambda cce, bpr, bce: (cce, bpr, bce),
    },
    mutants=(
        Mutant("positives are not distorted", {"rate": lambda v, w: w / 2.0}),
        Mutant("LLPAUC collapses as DNS does, from 1 / beta on", {"limit": lambda alpha, beta: 1.0 / beta}),
        Mutant("BSL has a minimiser for tau_+ < tau too", {"ratio": lambda r: 1.0 / r}),
        Mutant(
            "the runaway is the instance of largest p / q",
            {"infimum": lambda p, q, tau, s: float((tau * np.log(q) - s * np.log(p))[np.argmax(p / q)])},
        ),
        Mutant("PSL is consistent at tau = 1", {"powers": (1,)}),
        Mutant("CCL's threshold is p > q", {"ccl": lambda p, q, w, m: np.where(p > q, 1.0, m)}),
        Mutant("the sampled threshold has mean rank m n / N", {"mean": lambda n, size, m: Fraction(m * n, size)}),
        Mutant(
            "the best rank alone bounds DCG per hit",
            {"mean_loss": lambda ranks: min(math.log(r) for r in ranks)},
        ),
        Mutant("BCE is below BPR", {"chain": lambda cce, bpr, bce: (cce, bce, bpr)}),
    ),
    example=lambda: (
        "PSL, (1 + z)_+, tau = 1, two instances, p = (14, 11) / 25, q = (11, 9) / 20. With d = f_a - f_b in [-1, "
        "1] the "
        "risk p_a log(1 - q_b d) + p_b log(1 + q_a d) is concave: the minimum is at an end.\n"
        "d = 1: .56 log .55 + .44 log 1.55 = -.1420; d = -1: .44 log .45 + .56 log 1.45 = -.1433: b first, though "
        "14/25 : 11/20 > 1 > 11/25 : 9/20.\n"
        "SL@K, K = 4: one hit at rank 1 costs log 1 = 0; a second hit at rank 2 makes it log 2."
    ),
)

CLAIMS = (L2,)
