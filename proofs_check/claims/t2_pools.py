"""T2h and T2i: the limits of the temperature, and softmax on pools."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import accumulate, combinations, product
from typing import Any

import numpy as np

from sim.objectives import (
    kl_dual,
    kl_of_weights,
    tilted_weights,
)
from sim.sampling import DNS, SoftmaxExact, SoftmaxV

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..reference import family
from ..tally import Tally

# ---------------------------------------------------------------- T2h
_LIMITS = "proof: the ratio of two weights is exp((L_i - L_j) / tau), which tends to 0, 1 or infinity"
_SHARE = "proof: a rank is in N / n of the pools and weighs at most 1 there; harder laws in every pool are so on "
"average"


@check(
    "tau -> 0: weight off the maximal losses <= (n / ties - 1) exp(-gap / tau), shared evenly among the ties",
    Kind.PROPERTY,
    tolerance=1e-12,
)
def _cold(p: Any, t: Tally) -> None:
    losses = t.rng.integers(0, 4, (t.pick(500, 5000), 7)).astype(float)
    top = losses == losses.max(axis=1, keepdims=True)
    ties = top.sum(axis=1)
    target = p.cold(top, ties)
    for tau in (0.02, 0.1, 0.5):
        t.reach({"tau": tau})
        w = tilted_weights(losses, p.tilt(tau))
        bound = (7 / ties - 1) * np.exp(-1.0 / tau)  # integer losses: the gap to the second is >= 1
        t.all_small((np.abs(w - target).sum(axis=1) / 2 - bound).clip(min=0.0), f"tau = {tau}, L =", losses)
    t.all_small(np.abs(tilted_weights(losses, 0.0) - target).sum(axis=1), "tau = 0, L =", losses)


@check("tau -> infinity: |n w - 1| <= exp(range / tau) - 1", Kind.PROPERTY, tolerance=1e-12)
def _hot(p: Any, t: Tally) -> None:
    losses = t.rng.random((t.pick(500, 5000), 9))
    for tau in (2.0, 10.0, 1000.0):
        t.reach({"tau": tau})
        w = tilted_weights(losses, p.tilt(tau))
        bound = np.exp(np.ptp(losses, axis=1) / tau) - 1.0
        t.all_small((np.abs(9 * w - 1.0).max(axis=1) - bound).clip(min=0.0), f"tau = {tau}")


T2H = Claim(
    id="T2h",
    title="Limits of the temperature",
    where="Eq. (3): smaller tau is harder",
    statement="As tau -> 0 softmax sampling becomes sampling of the hardest negative (DNS with M = 1), as tau -> "
    "infinity uniform sampling.",
    latex=r"\lim_{\tau\to0} w_j = 1(L_j=\max L)/\#\max,\qquad \lim_{\tau\to\infty} w_j = 1/n",
    domain="Any finite losses. At ties of the maximum the limit spreads evenly over them, while DNS(1) takes one.",
    verdict=Verdict(Status.HOLDS, "With explicit rates; ties of the maximum share the weight."),
    scope=(Axis("tau", (0, math.inf), (0.02, 1000.0), carried=_LIMITS),),
    checks=(_cold, _hot),
    parts={"tilt": lambda tau: tau, "cold": lambda top, ties: top / ties[:, None]},
    mutants=(
        Mutant("tau upside down", {"tilt": lambda tau: 1.0 / tau}),
        Mutant(
            "one of the tied maxima takes all", {"cold": lambda top, ties: np.eye(top.shape[1])[top.argmax(axis=1)]}
        ),
        Mutant("tau squared", {"tilt": lambda tau: np.sqrt(tau)}),
    ),
    example=lambda: (
        "L = (0, 1, 1): weights (1, e^(1/tau), e^(1/tau)) / (1 + 2 e^(1/tau)) -> (0, 1/2, 1/2) as tau "
        "-> 0, (1/3, 1/3, 1/3) as tau -> infinity."
    ),
)

# ---------------------------------------------------------------- T2i


def _pool_marginals(weights: tuple[int, ...], size: int) -> list[Fraction]:
    """Mean over all pools of the softmax weights, for exp(L / tau) = the given integers."""
    n = len(weights)
    pools = list(combinations(range(n), size))
    total = [Fraction(0)] * n
    for pool in pools:
        mass = sum(weights[j] for j in pool)
        for j in pool:
            total[j] += Fraction(weights[j], mass * len(pools))
    return total


@check(
    "softmax on pools of N has the law of softmax over all negatives, on average; exp(L / tau) integers",
    Kind.ENUMERATION,
)
def _same_law(p: Any, t: Tally) -> None:
    for n in range(2, 5):
        for weights in product(range(1, 4), repeat=n):
            for size in range(2, n + 1):
                found = _pool_marginals(weights, size)
                full = [Fraction(w, sum(weights)) for w in weights]
                t.holds(
                    found == full,
                    f"e^L = {weights}, N = {size}: {', '.join(map(str, found))} against {', '.join(map(str, full))}",
                )


@check(
    "cap: on average no negative gets more than N / n, and the hardest ranks get no more than under DNS(1, N)",
    Kind.ENUMERATION,
    Role.CONDITION,
)
def _cap(p: Any, t: Tally) -> None:
    for n in range(2, t.pick(6, 7) + 1):
        for weights in (
            (2**n, *range(n - 1, 0, -1)),
            tuple(3 ** (n - j) for j in range(n)),
            tuple(range(n, 0, -1)),
            (1000, *(1,) * (n - 1)),
        ):
            for size in range(1, n + 1):
                t.reach({"n": n, "N": size})
                found = list(accumulate(_pool_marginals(weights, size)))
                hardest = list(
                    accumulate(Fraction(x).limit_denominator(10**6) for x in DNS(1, size).rank_distribution(n))
                )
                t.holds(all(a <= b for a, b in zip(found, hardest)), f"e^L = {weights}, N = {size}: above DNS(1, N)")
                t.holds(found[0] <= p.share(size, n), f"e^L = {weights}, N = {size}: hardest gets {found[0]}")


@check(
    "at a fixed temperature the mean over pools of the dual (21) rises with N to its value on all negatives",
    Kind.PROPERTY,
    Role.CONDITION,
    tolerance=1e-12,
)
def _rises(p: Any, t: Tally) -> None:
    for _ in range(t.pick(30, 300)):
        n, lam = int(t.rng.integers(3, 9)), float(t.rng.uniform(0.1, 3.0))
        losses = t.rng.exponential(size=n)
        values = [
            float(np.mean([kl_dual(losses[list(c)], 0.5, lam) for c in combinations(range(n), size)]))
            for size in range(1, n + 1)
        ]
        t.all_small(
            (p.direction * np.diff(values)).clip(max=0.0),
            f"n = {n}, lambda = {lam:.3f}, L = {losses.round(3).tolist()}",
        )


@check("no pool of N realises a KL above log N: nominal rho = 10 and 100 on N = 200", Kind.PROPERTY, Role.CONDITION)
def _no_more_than_log_n(p: Any, t: Tally) -> None:
    losses = family("normal scores", t.rng, t.pick(50, 500), 200)
    for rho in (1.0, 10.0, 100.0):
        for sampler in (SoftmaxV(rho, 200), SoftmaxExact(rho, 200)):
            found = np.asarray(kl_of_weights(sampler.weights(losses)))
            t.all_true(found <= p.cap(200) + 1e-9, f"{sampler}: KL up to {found.max():.3f}")


T2I = Claim(
    id="T2i",
    title="Softmax on pools of N",
    where="Algorithm of Softmax-v(rho, N) under Theorem 2",
    statement="The paper proves Theorem 2 for all negatives and runs softmax sampling on uniform pools of N.",
    latex=r"E_{pool}[w^{pool}_j] \ne w_j,\qquad E_{pool}[\lambda\log \tfrac1N\sum_{pool}e^{L/\lambda}] \uparrow "
    r"\lambda\log\tfrac1n\sum_j e^{L_j/\lambda}\ (N\uparrow n)",
    domain="Pools without replacement from n negatives, any losses.",
    verdict=Verdict(
        Status.CONDITION,
        "The laws agree at N = n_- only. A pool softens: the hardest negative gets at most N / n_-, everything is "
        "bounded by DNS(1, N), the KL by log N; "
        "at a fixed temperature the objective rises with N towards that of all negatives.",
    ),
    sharp="Whatever rho, the rank distribution of any sampler on pools of N is dominated by that of DNS(1, N), "
    "whose mean beta is 2 / (N + 1) in the limit of "
    "many negatives: N, not rho, sets the hardest objective that can be reached.",
    scope=(
        Axis("n", (2, math.inf), (2, 6), every=True, carried=_SHARE),
        Axis("N", (1, math.inf), (1, 6), every=True, carried=_SHARE),
    ),
    checks=(_same_law, _cap, _rises, _no_more_than_log_n),
    parts={"share": lambda size, n: Fraction(size, n), "direction": 1.0, "cap": lambda size: float(np.log(size))},
    mutants=(
        Mutant("the hardest negative gets at most 1 / N", {"share": lambda size, n: Fraction(1, size)}),
        Mutant("the objective falls with N", {"direction": -1.0}),
        Mutant("KL at most log(N / 2)", {"cap": lambda size: float(np.log(size / 2))}),
        Mutant("KL at most 1, the nominal rho", {"cap": lambda size: 1.0}),
    ),
    example=lambda: (
        "Three negatives with exp(L / tau) = 2, 1, 1, pools of 2: {2,1} twice, {1,1} once. The hardest "
        "gets (2/3 + 2/3 + 0) / 3 = "
        f"{_pool_marginals((2, 1, 1), 2)[0]}, under softmax over all three 1/2."
    ),
)

CLAIMS = (T2H, T2I)
