"""F7: harder with smaller M, larger N, larger rho, as stochastic dominance."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.sampling import DNS, SoftmaxExact, SoftmaxV, simulate_rank_distribution

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..reference import FAMILIES, cumulative_with, cumulative_without, family
from ..tally import Tally

LAWS = (cumulative_without, cumulative_with)


@check("DNS: W(r) falls in M and rises in N at every rank r, in fractions, with and without replacement", Kind.EXACT)
def _dns(p: Any, t: Tally) -> None:
    top = t.pick(9, 13)
    for law in LAWS:
        for n in range(2, top + 1):
            for size in range(1, n):
                for m in range(1, size + 1):
                    t.reach({"n": n, "N": size})
                    here = law(n, m, size)
                    other = law(n, *p.easier_m(m, size))
                    t.holds(
                        all(a >= b for a, b in zip(here, other)),
                        f"n = {n}: DNS({m}, {size}) against {p.easier_m(m, size)}",
                    )
                    other = law(n, *p.harder_n(m, size))
                    t.holds(
                        all(a <= b for a, b in zip(here, other)),
                        f"n = {n}: DNS({m}, {size}) against {p.harder_n(m, size)}",
                    )


@check("the same for the library's rank distributions at n = 500, N up to 100", Kind.NUMERICAL, tolerance=1e-12)
def _library(p: Any, t: Tally) -> None:
    n, grid = 500, ((1, 20), (2, 20), (5, 20), (10, 20), (5, 50), (5, 100))
    curve = {g: np.cumsum(DNS(*g).rank_distribution(n)) for g in grid}
    for hard, easy in (
        ((1, 20), (2, 20)),
        ((2, 20), (5, 20)),
        ((5, 20), (10, 20)),
        ((5, 50), (5, 20)),
        ((5, 100), (5, 50)),
    ):
        t.all_small((curve[hard] - curve[easy]).clip(max=0.0), f"DNS{hard} against DNS{easy}, rank")


@check(
    "softmax on a pool: the ratio of the weights at rho' > rho rises with the loss, so W rises at every rank",
    Kind.PROPERTY,
    tolerance=1e-11,
)
def _softmax(p: Any, t: Tally) -> None:
    radii = (0.01, 0.1, 0.5, 1.0, 2.0, 10.0)
    for make in (SoftmaxV, SoftmaxExact):
        for name in FAMILIES:
            losses = -np.sort(-family(name, t.rng, t.pick(100, 1000), 20), axis=1)
            curves = [np.cumsum(make(p.radius(rho), 20).weights(losses), axis=1) for rho in radii]
            for low, high, rho in zip(curves, curves[1:], radii[1:]):
                t.all_small((high - low).clip(max=0.0), f"{make.__name__}, {name}, rho = {rho}")


@check(
    "rank distributions over all negatives on the same simulated pools: dominance at every rank",
    Kind.PROPERTY,
    tolerance=1e-11,
)
def _simulated(p: Any, t: Tally) -> None:
    losses = family("normal scores", t.rng, 1, 400)[0]
    for make in (SoftmaxV, SoftmaxExact):
        curves = [
            simulate_rank_distribution(make(p.radius(rho), 50), losses, n_pools=t.pick(500, 5000), rng=1).cumulative
            for rho in (0.1, 1.0, 10.0)
        ]
        t.all_small(np.diff(np.stack(curves), axis=0).clip(max=0.0), f"{make.__name__}")


@check("strict: W differs at some rank below n for M against M + 1 and N against N + 1", Kind.EXACT, Role.SHARP)
def _strict(p: Any, t: Tally) -> None:
    for law in LAWS:
        for n in range(3, 9):
            for size in range(2, n):
                for m in range(1, size):
                    t.holds(law(n, m, size)[: n - 1] != law(n, m + 1, size)[: n - 1], f"n = {n}, DNS({m}, {size})")
                    t.holds(law(n, m, size)[: n - 1] != law(n, m, size + 1)[: n - 1], f"n = {n}, DNS({m}, {size})")


def _example() -> str:
    rows = [
        f"DNS({m}, {size}): " + ", ".join(str(v) for v in cumulative_without(4, m, size))
        for m, size in ((1, 2), (1, 3), (2, 3), (2, 4))
    ]
    return (
        "n_- = 4, cumulative probability W(1), ..., W(4), pools without replacement:\n"
        + "\n".join(rows)
        + "\nM down or N up raises every entry. M / N alone does not decide: DNS(1, 2) and DNS(2, 4) differ."
    )


CLAIMS = (
    Claim(
        id="F7",
        title="Harder with smaller M, with larger N, with larger rho",
        where="Fig. 7 (10,000 draws on one trained model)",
        statement="The cumulative sampling probability over negatives sorted by score rises with smaller M, with "
        "larger N and with larger rho.",
        latex=r"W(r)=\frac{E\min(M,B_r)}{M}:\ W_{M,N}\ge W_{M+1,N},\ W_{M,N+1}\ge W_{M,N},\ W_{\rho'}\ge W_\rho\ "
        r"(\rho'>\rho)",
        domain="Any scores; B_r hypergeometric (pools without replacement) or binomial (with). Softmax-v and "
        "Softmax-exact pool by pool, hence on average.",
        verdict=Verdict(
            Status.SHARPENED,
            "Theorems, not observations: first-order stochastic dominance at every rank, for any model and data set.",
        ),
        sharp="For DNS because min(M, b) / M falls in M and B_r rises with N; for the softmax because exp(L / tau') "
        "/ exp(L / tau) rises with L (monotone likelihood ratio). "
        "The order is partial: M / N alone does not decide.",
        scope=(
            Axis("n", (2, math.inf), (2, 9), every=True, carried="formal: cumulative_increasing_in_N"),
            Axis("N", (1, math.inf), (1, 8), every=True, carried="formal: cumulative_increasing_in_N"),
        ),
        checks=(_dns, _library, _softmax, _simulated, _strict),
        parts={
            "easier_m": lambda m, size: (min(m + 1, size), size),
            "harder_n": lambda m, size: (m, size + 1),
            "radius": lambda rho: rho,
        },
        mutants=(
            Mutant("larger M is harder", {"easier_m": lambda m, size: (max(m - 1, 1), size)}),
            Mutant("larger N is easier", {"harder_n": lambda m, size: (m, max(size - 1, m))}),
            Mutant(
                "DNS(M + 1, N + 1) is at least as hard as DNS(M, N)", {"harder_n": lambda m, size: (m + 1, size + 1)}
            ),
            Mutant("larger rho is easier", {"radius": lambda rho: 1.0 / rho}),
        ),
        example=_example,
    ),
)
