"""L1 and T1: the CVaR ball, the mean of the M worst losses, and DNS over all negatives."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, permutations, product
from typing import Any

import numpy as np

from sim.objectives import cvar_dual, cvar_optimal_eta, cvar_value, logistic_loss, opauc_surrogate, opauc_surrogate_grad
from sim.sampling import DNS

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..reference import FAMILIES, family, losses_of, worst_mean
from ..tally import Tally

# ---------------------------------------------------------------- Lemma 1


@check(
    "every corner of the CVaR ball {q: q_j <= 1/M} against the mean of the M worst, in fractions, ties included",
    Kind.EXACT,
)
def _corners(p: Any, t: Tally) -> None:
    top = t.pick(5, 6)
    for n in range(1, top + 1):
        for losses in product(range(3), repeat=n):
            for m in range(1, n + 1):
                t.reach({"n": n, "M": m})
                # M q_j <= 1 for all j and sum q = 1: the corners put 1/M on M of the losses
                primal = max(Fraction(sum(losses[j] for j in chosen), m) for chosen in combinations(range(n), m))
                t.same(p.value(losses, m), primal, f"L = {losses}, M = {m}")


@check("the dual min over eta of eta + E(L - eta)_+ / beta, by its breakpoints in fractions", Kind.EXACT)
def _dual_exact(p: Any, t: Tally) -> None:
    top = t.pick(5, 6)
    for n in range(1, top + 1):
        for losses in product(range(3), repeat=n):
            for m in range(1, n + 1):
                lowest = min(p.dual(losses, Fraction(m, n), Fraction(eta)) for eta in {0, *losses})
                t.same(p.value(losses, m), lowest, f"L = {losses}, M = {m}")


@check("the linear programme of (13) solved by scipy.optimize.linprog (HiGHS), M real", Kind.DUALITY, tolerance=1e-9)
def _linear_programme(p: Any, t: Tally) -> None:
    from scipy.optimize import linprog

    for _ in range(t.pick(40, 400)):
        n = int(t.rng.integers(2, 30))
        losses = losses_of(t.rng.normal(size=n), t.rng.normal())
        beta = float(t.rng.uniform(1.0 / n, 1.0))
        solved = linprog(-losses, A_eq=np.ones((1, n)), b_eq=[1.0], bounds=(0.0, p.cap(beta, n)))
        t.same(
            float(cvar_value(losses, beta)),
            -float(solved.fun) if solved.success else np.nan,
            f"n = {n}, beta = {beta:.4f}",
        )


@check("value against dual at the beta-quantile eta of (16), both ends of its interval", Kind.DUALITY, tolerance=1e-9)
def _gap(p: Any, t: Tally) -> None:
    rows = t.pick(600, 6000)
    for name in FAMILIES:
        for n in (2, 7, 50):
            losses = family(name, t.rng, rows, n)
            for beta in (1.0 / n, 0.5, float(t.rng.uniform(0.01, 1.0))):
                value = np.asarray(cvar_value(losses, beta))
                low, high = (np.asarray(e) for e in cvar_optimal_eta(losses, p.beta(beta)))
                for eta in (np.where(np.isinf(low), high, low), high):
                    deviation = (np.asarray(cvar_dual(losses, beta, eta)) - value) / np.maximum(1.0, np.abs(value))
                    t.all_small(deviation, f"{name}, n = {n}, beta = {beta:.4f}")


def _dual(losses: Sequence[int], beta: Fraction, eta: Fraction) -> Fraction:
    return eta + sum((max(x - eta, Fraction(0)) for x in losses), Fraction(0)) / len(losses) / beta


LEMMA = Claim(
    id="L1",
    title="CVaR-DRO is the mean of the M worst losses",
    where="Lemma 1, eqs. (9), (13), (15), (16)",
    statement="The worst case of the loss over all reweightings with sup log dQ/dP_0 <= rho, P_0 uniform on the "
    "negatives, "
    "is the mean of the n_- beta largest losses with beta = exp(-rho), which is the OPAUC(beta) objective (9). "
    "It equals the minimum of the dual (15), attained at the upper beta-quantile of the losses (16).",
    latex=r"\max_{dQ/dP_0 \le 1/\beta} E_Q[L] = \min_\eta \{\eta + \tfrac1\beta E_{P_0}(L-\eta)_+\} = \frac1M "
    r"\sum_{j \le M} L_{(j)},"
    r"\quad M = n_-\beta",
    domain="Any real losses, any ties, 1 <= M <= n_-. The constraint eta >= 0 of (15) is harmless because the "
    "logistic loss is positive. "
    "Where n_- beta is not an integer, the loss on the boundary counts with the fraction that is left.",
    verdict=Verdict(Status.HOLDS, "As printed, ties included."),
    scope=(
        Axis("n", (1, math.inf), (1, 5), every=True, carried="formal: top_mean_is_maximum"),
        Axis("M", (1, math.inf), (1, 5), every=True, carried="formal: top_mean_is_maximum"),
    ),
    checks=(_corners, _dual_exact, _linear_programme, _gap),
    parts={
        "value": worst_mean,
        "dual": _dual,
        "beta": lambda beta: beta,
        "cap": lambda beta, n: 1.0 / (beta * n),
    },
    mutants=(
        Mutant("M + 1 worst losses (beta off by one)", {"value": lambda x, m: worst_mean(x, min(m + 1, len(x)))}),
        Mutant("the M smallest losses", {"value": lambda x, m: -worst_mean([-v for v in x], m)}),
        Mutant("dual without the factor exp(rho) = 1/beta", {"dual": lambda x, b, e: _dual(x, Fraction(1), e)}),
        Mutant("eta at the lower beta-quantile", {"beta": lambda beta: max(1.0 - beta, 1e-9)}),
        Mutant("KL-style cap: dQ/dP_0 <= 1 + log(1/beta)", {"cap": lambda beta, n: (1.0 - np.log(beta)) / n}),
    ),
    example=lambda: (
        "Losses 4, 3, 2, 1 and beta = 1/2: the worst Q puts 1/2 on 4 and on 3, value 7/2. Dual at eta = 3: "
        f"3 + (1/4) (4 - 3) / (1/2) = {_dual((4, 3, 2, 1), Fraction(1, 2), Fraction(3))}; at eta = 2: "
        f"2 + (1/4) (2 + 1) / (1/2) = {_dual((4, 3, 2, 1), Fraction(1, 2), Fraction(2))}; any eta in [2, 3] will do."
    ),
)

# ---------------------------------------------------------------- Theorem 1


@check(
    "DNS(M, n) weights on every order of n losses, ties included: objective (1) = objective (9)",
    Kind.ENUMERATION,
    tolerance=1e-13,
)
def _all_orders(p: Any, t: Tally) -> None:
    for n in range(1, t.pick(6, 7) + 1):
        for pattern in (tuple(range(n)), tuple(j // 2 for j in range(n)), (0,) * n):
            orders = np.array(sorted(set(permutations(pattern))), dtype=np.float64)
            for m in range(1, n + 1):
                t.reach({"n_-": n, "M": m})
                value = (p.weights(orders, m) * orders).sum(axis=1)
                target = float(worst_mean(pattern, m))
                t.all_small(value - target, f"M = {m}, L =", orders)


@check(
    "value and gradient in all scores against the surrogate (9), p held constant (Danskin), no ties",
    Kind.NUMERICAL,
    tolerance=1e-12,
)
def _danskin(p: Any, t: Tally) -> None:
    for _ in range(t.pick(400, 4000)):
        n_pos, n = int(t.rng.integers(1, 5)), int(t.rng.integers(1, 25))
        m = int(t.rng.integers(1, n + 1))
        pos, neg = t.rng.normal(size=n_pos) * 3, t.rng.normal(size=n) * 3
        margins = pos[:, None] - neg[None, :]
        w = p.weights(np.asarray(logistic_loss(margins)), m)
        value, grad_pos, grad_neg = opauc_surrogate_grad(pos, neg, m / n)
        slope = -w / (1.0 + np.exp(margins))
        t.small(abs((w * np.asarray(logistic_loss(margins))).sum(axis=1).mean() - value), f"value, n = {n}, M = {m}")
        t.all_small(slope.sum(axis=1) / n_pos - grad_pos, f"positives, n = {n}, M = {m}")
        t.all_small(-slope.sum(axis=0) / n_pos - grad_neg, f"negatives, n = {n}, M = {m}")


@check(
    "kinks: at a tie on the boundary the two one-sided derivatives of (9) differ, and DNS gives one between them",
    Kind.NUMERICAL,
    Role.SHARP,
    tolerance=1e-6,
)
def _kinks(p: Any, t: Tally) -> None:
    step = 1e-7
    for _ in range(t.pick(100, 1000)):
        n = int(t.rng.integers(3, 12))
        m = int(t.rng.integers(1, n))
        neg = np.sort(t.rng.normal(size=n))[::-1].copy()
        neg[m] = neg[m - 1]  # ranks M and M + 1 are tied
        pos = float(t.rng.normal())

        def objective(shift: float, neg: Any = neg, m: int = m, pos: float = pos) -> float:
            moved = neg.copy()
            moved[m] += shift
            return opauc_surrogate([pos], moved, m / moved.size)

        right, left = (objective(step) - objective(0.0)) / step, (objective(0.0) - objective(-step)) / step
        expected = 1.0 / (1.0 + np.exp(pos - neg[m])) / m
        t.small(abs(right - expected), f"right derivative, n = {n}, M = {m}")
        t.small(abs(left), f"left derivative, n = {n}, M = {m}")
        w = p.weights(np.asarray(logistic_loss(pos - neg))[None, :], m)[0]
        slope = w[m] / (1.0 + np.exp(pos - neg[m]))
        t.holds(-1e-12 <= slope <= expected + 1e-12, f"DNS derivative {slope:.6f} outside [0, {expected:.6f}]")


@check("draws of the sampler: frequencies against 1/M on the M hardest", Kind.STATISTICAL, false_alarm=1e-6)
def _draws(p: Any, t: Tally) -> None:
    size = t.pick(20_000, 200_000)
    sizes = ((1, 4), (2, 5), (5, 9), (12, 12))
    for m, n in sizes:
        losses = t.rng.permutation(n).astype(np.float64)
        counts = np.bincount(DNS(m, n).draw(losses, size, rng=t.rng), minlength=n)
        prob = p.weights(losses[None, :], m)[0]
        t.holds((counts[prob == 0] == 0).all(), f"DNS({m}, {n}) drew a negative of zero weight")
        spread = np.sqrt(size * prob * (1 - prob))
        z = np.where(spread > 0, (counts - size * prob) / np.where(spread > 0, spread, 1.0), counts - size * prob)
        t.z_scores(z, sum(n for _, n in sizes), f"DNS({m}, {n})")


def _dns(losses: Any, m: int) -> Any:
    return DNS(m, losses.shape[-1]).weights(losses)


THEOREM = Claim(
    id="T1",
    title="DNS over all negatives optimises OPAUC(M / n_-)",
    where="Theorem 1, eqs. (1), (2), (9)",
    statement="Sampling uniformly among the M hardest of ALL negatives makes objective (1) equal to the OPAUC(beta) "
    "surrogate (9) "
    "with beta = M / n_-; the estimator is exact but non-smooth.",
    latex=r"E_{j \sim DNS(M)}[L_j] = \frac{1}{n_-\beta} \sum_{j \in S^\downarrow[1, n_-\beta]} L_j,\quad \beta = "
    r"M/n_-",
    domain="Pools that hold all negatives (N = n_-); n_- beta an integer. Value: always, ties included. Gradient: "
    "where ranks M and M + 1 are not tied.",
    verdict=Verdict(
        Status.SHARPENED,
        "Exact in value everywhere and in gradient off ties; at a tie on the boundary the objective has a kink and "
        "DNS returns one of its subgradients.",
    ),
    sharp="At a tie of ranks M and M + 1 the derivative of (9) in a tied score jumps from 0 to |l'| / M; every way "
    "to break the tie gives a "
    "subgradient. The step from this surrogate to 'consistent for maximising OPAUC' is another claim: S1.",
    scope=(
        Axis("n_-", (1, math.inf), (1, 6), every=True, carried="formal: dns_objective_is_surrogate"),
        Axis("M", (1, math.inf), (1, 6), every=True, carried="formal: dns_objective_is_surrogate"),
    ),
    checks=(_all_orders, _danskin, _kinks, _draws),
    parts={"weights": _dns},
    mutants=(
        Mutant("M + 1 hardest", {"weights": lambda x, m: _dns(x, min(m + 1, x.shape[-1]))}),
        Mutant("M - 1 hardest", {"weights": lambda x, m: _dns(x, max(m - 1, 1))}),
        Mutant("the M easiest", {"weights": lambda x, m: _dns(-x, m)}),
        Mutant(
            "all losses tied with the M-th get 1/M (ties counted twice)",
            {"weights": lambda x, m: (x >= np.sort(x, axis=-1)[..., -m][..., None]) / m},
        ),
        Mutant("weights 1/n instead of 1/M", {"weights": lambda x, m: _dns(x, m) * m / x.shape[-1]}),
    ),
    example=lambda: (
        "Negatives scored 2, 1, 1, 0 and M = 2: (9) takes the loss of 2 and of one of the tied 1s. Raising one tied "
        "score raises the "
        "objective, lowering it changes nothing, as the other takes its place: a kink."
    ),
)

CLAIMS = (LEMMA, THEOREM)
