"""AF: other losses, in the precise sense in which Appendix F holds."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from sim.objectives import kl_dual, logistic_loss, softmax_loss, tilted_weights, triplet_loss
from sim.sampling import DNS

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..tally import Tally


def _tilted_mean(pos: float, neg: Any, t: float) -> float:
    losses = np.asarray(logistic_loss(pos - neg))
    return float(tilted_weights(losses, t) @ losses)


@check("Softmax-v's objective (23) bounds t times the softmax loss (InfoNCE) from above", Kind.NUMERICAL)
def _bounds_softmax(p: Any, t: Tally) -> None:
    for n in (1, 2, 3):
        for positive in (False, True):
            upper = _tilted_mean(0.0, np.zeros(n), 1.0)
            loss = float(softmax_loss([0.0], np.zeros(n), 1.0, positive_in_denominator=positive)[0])
            name = "with" if positive else "without"
            t.holds(
                upper >= loss,
                f"{n} negatives and the positive all scored 0, t = 1: {upper:.4f} < {loss:.4f} ({name} the positive "
                f"in the denominator)",
            )


@check(
    "adjusting one triplet margin equals adjusting M: some margin m gives every pair exactly M active negatives",
    Kind.ENUMERATION,
)
def _global_margin(p: Any, t: Tally) -> None:
    # differences r_i - r_j of two pairs (c, i), two negatives each; all margins between the integers tried
    for gap in range(6):
        pairs = ((0.0, 1.0), (float(gap), gap + 1.0))
        works = any(
            all(int((triplet_loss([0.0], [-d for d in pair], margin) > 0).sum()) == 1 for pair in pairs)
            for margin in np.arange(-1.0, 9.0, 0.5)
        )
        t.holds(works, f"r_i - r_j = {pairs[0]} for one pair and {pairs[1]} for another, M = 1: no common margin")


@check(
    "t log mean exp((r_j - r_i) / t) <= t log mean exp(l / t) <= E_Q[l], Q ~ exp(l / t); InfoNCE with log(n + 1)",
    Kind.PROPERTY,
    Role.CONDITION,
    tolerance=1e-12,
)
def _chain(p: Any, t: Tally) -> None:
    for _ in range(t.pick(3000, 30000)):
        n, temp = int(t.rng.integers(1, 30)), float(10 ** t.rng.uniform(-1.3, 1.3))
        pos, neg = float(t.rng.normal() * 3), t.rng.normal(size=n) * float(10 ** t.rng.uniform(-1, 1))
        losses = np.asarray(logistic_loss(pos - neg))
        upper = _tilted_mean(pos, neg, temp)
        middle = kl_dual(losses, 0.0, temp)
        without = temp * float(softmax_loss([pos], neg, temp, positive_in_denominator=False)[0] - p.offset(n))
        within = temp * float(softmax_loss([pos], neg, temp)[0] - p.offset(n + 1))
        label = f"n = {n}, t = {temp:.3f}, r_i = {pos:.3f}"
        t.reach({"n": n, "t": temp})
        scale = max(1.0, upper)
        t.small(max(p.sign * (without - middle) / scale, 0.0), f"softmax loss - log n <= KL form, {label}")
        t.small(max(p.sign * (middle - upper) / scale, 0.0), f"KL form <= tilted mean, {label}")
        t.small(max(p.sign * (within - upper) / scale, 0.0), f"InfoNCE - log(n + 1) <= tilted mean, {label}")


@check(
    "a margin of its own for every pair, between the M-th and the (M + 1)-th difference, picks DNS(M)'s negatives",
    Kind.PROPERTY,
    Role.CONDITION,
)
def _own_margin(p: Any, t: Tally) -> None:
    for _ in range(t.pick(1000, 10000)):
        n = int(t.rng.integers(2, 20))
        m = int(t.rng.integers(1, n))
        pos, neg = float(t.rng.normal()), t.rng.normal(size=n)
        gaps = np.sort(pos - neg)
        active = triplet_loss([pos], neg, p.margin(gaps, m))[0] > 0
        chosen = DNS(m, n).weights(neg) > 0
        t.holds((active == chosen).all(), f"n = {n}, M = {m}: {int(active.sum())} active")


@check(
    "BCE: the hardest negatives by l(-r_j) and by l(r_i - r_j) are the same, and l(r_i) + l(-r_j) >= l(r_i - r_j)",
    Kind.PROPERTY,
    Role.CONDITION,
)
def _bce(p: Any, t: Tally) -> None:
    for _ in range(t.pick(300, 3000)):
        n = int(t.rng.integers(2, 20))
        m = int(t.rng.integers(1, n + 1))
        pos, neg = float(t.rng.normal() * 3), t.rng.normal(size=n) * 3
        sampler = DNS(m, n)
        pair, own = np.asarray(logistic_loss(pos - neg)), np.asarray(logistic_loss(-neg))
        t.holds((sampler.weights(pair) == sampler.weights(own)).all(), f"n = {n}, M = {m}")
        t.all_true(p.sign_bce * (logistic_loss(pos) + own - pair) >= -1e-12, f"r_i = {pos:.3f}, r_j =", neg)


CLAIMS = (
    Claim(
        id="AF",
        title="Other losses: softmax, InfoNCE, triplet, BCE",
        where="Appendix F",
        statement="Softmax-v is an upper bound of the softmax loss and InfoNCE; adjusting the triplet margin equals "
        "adjusting M in DNS(M, N); the analysis carries over to BCE.",
        latex=r"t\log\tfrac1n\sum_j e^{(r_j-r_i)/t} \le t\log\tfrac1n\sum_j e^{\ell(r_i-r_j)/t} \le E_{Q_t}[\ell]",
        domain="Logistic pair loss, the same temperature t and the same negatives on both sides.",
        verdict=Verdict(
            Status.CONDITION,
            "The softmax bound holds only up to the constant t log n (mean instead of sum over negatives), t log(n "
            "+ 1) with the positive in the denominator. A margin "
            "equals M only if every (user, positive) pair has its own. BCE keeps DNS's choice of negatives and "
            "bounds the pair loss from above.",
        ),
        sharp="The constants do not change gradients at fixed n and t, so the practical reading stands; a single "
        "global margin is not DNS(M) for any M as soon as two pairs differ enough.",
        scope=(
            Axis("n", (1, math.inf), (1, 29), every=True, carried="formal: softmax_loss_le_tilted_mean"),
            Axis("t", (0.06, 19.0)),
        ),
        checks=(_bounds_softmax, _global_margin, _chain, _own_margin, _bce),
        parts={
            "offset": lambda n: float(np.log(n)),
            "sign": 1.0,
            "margin": lambda gaps, m: 0.5 * (gaps[m - 1] + gaps[m]),
            "sign_bce": 1.0,
        },
        mutants=(
            Mutant("without the constant log n", {"offset": lambda n: 0.0}),
            Mutant("Softmax-v is a lower bound", {"sign": -1.0}),
            Mutant("margin at the M-th difference", {"margin": lambda gaps, m: gaps[m - 1]}),
            Mutant(
                "margin one rank too far",
                {"margin": lambda gaps, m: 0.5 * (gaps[m] + gaps[min(m + 1, gaps.size - 1)]) + 1e-9},
            ),
            Mutant("BCE is a lower bound of the pair loss", {"sign_bce": -1.0}),
        ),
        example=lambda: (
            "Three negatives and the positive all scored 0, t = 1: Softmax-v's objective is l(0) = log "
            "2 = 0.693; the softmax loss is log 3 = 1.099 (log 4 with the "
            "positive in the denominator). Less log 3 it is 0, which log 2 does bound.\n"
            "Differences r_i - r_j of (0, 1) for one pair and (2, 3) for another, M = 1: the first needs a margin in "
            "(0, 1], the second in (2, 3]."
        ),
    ),
)
