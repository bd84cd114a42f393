"""F6-law-users: whether one M / N serves users with few and with many positives."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.rankings import Binormal, exact_correlation, expected_negatives, limit_correlation

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..tally import Tally

N = 1000
KS = (5, 10, 20, 50)
MOST = 500


def _share(k: int, n: int) -> float:
    """The one beta for all users."""
    return 1.5 * k / n


def _loss(curve: Any, beta: float) -> float:
    """What correlation is lost at m = beta N_-, rounded, against the peak."""
    m = min(max(round(beta * curve.size), 1), curve.size)
    return float(curve.max() - curve[m - 1])


@check(
    "random rankings of N = 1000, every N_+ from 1 to 500, Recall@5, 10, 20, 50: at beta = 1.5 K / N the "
    "correlation is within 0.02 of the peak, within 0.001 for K >= 20",
    Kind.ENUMERATION,
)
def _random(p: Any, t: Tally) -> None:
    for k in KS:
        for n_pos in range(1, MOST + 1):
            curve = exact_correlation(n_pos, N - n_pos, "recall", k)
            t.reach({"N_+": n_pos, "K": k})
            lost = _loss(curve, p.beta(k, N))
            t.holds(lost <= (0.001 if k >= 20 else 0.02), f"Recall@{k}, N_+ = {n_pos}: {lost:.4f} below the peak")


@check(
    "score models: one beta still serves all users: binormal, AUC .9, N = 10,000, K = 50, N_+ = 10 to 400: the "
    "best beta for N_+ = 10 is within 0.05 of every user's peak",
    Kind.NUMERICAL,
)
def _models(p: Any, t: Tally) -> None:
    model = Binormal.from_auc(0.9)
    curves = {n: limit_correlation(n, 10_000 - n, "recall", 50, score_model=model) for n in (10, 50, 100, 200, 400)}
    beta = float(curves[10].argmax() + 1) / curves[10].size
    for n_pos, curve in curves.items():
        lost = _loss(curve, beta)
        t.holds(lost <= 0.05, f"N_+ = {n_pos}: {lost:.3f} below the peak at the beta of N_+ = 10")


@check(
    "score models: the best beta falls as N_+ rises, as the negatives in the top K do: binormal, AUC .75 and .9, "
    "N = 10,000, K = 50 and 200; for AUC .75 it costs at most 0.05 to give every user with N_+ <= 200 the beta of "
    "N_+ = 10, for AUC .9 and K = 50 more",
    Kind.NUMERICAL,
    Role.CONDITION,
)
def _falls(p: Any, t: Tally) -> None:
    for auc in (0.75, 0.9):
        model = Binormal.from_auc(auc)
        for k in (50, 200):
            users = (10, 50, 100, 200)
            curves = [limit_correlation(n, 10_000 - n, "recall", k, score_model=model) for n in users]
            best = [float(c.argmax() + 1) / c.size for c in curves]
            expected = [expected_negatives(n, 10_000 - n, k, score_model=model) / (10_000 - n) for n in users]
            label = f"AUC {auc}, K = {k}: best beta {np.round(best, 4).tolist()}"
            t.reach({"AUC": auc})
            t.holds((p.sign * np.diff(best) < 0).all() and (np.diff(expected) < 0).all(), label, len(users))
            lost = max(_loss(c, best[0]) for c in curves)
            t.note(f"{label}: at the first one's beta at most {lost:.3f} is lost")
            if auc == 0.75:
                t.holds(lost <= 0.05, f"{label}: {lost:.3f} lost")
            elif k == 50:
                t.holds(lost > 0.05, f"{label}: {lost:.3f} lost")


def _example() -> str:
    words = []
    for n_pos in (1, 10, 100, 500):
        curve = exact_correlation(n_pos, N - n_pos, "recall", 20)
        words.append(f"{n_pos} positives: m* = {curve.argmax() + 1}, beta* = {(curve.argmax() + 1) / curve.size:.4f}")
    return "Recall@20 among 1000 items, 1.5 K / N = 0.03. " + "; ".join(words) + "."


F6_LAW_USERS = Claim(
    id="F6-law-users",
    title="One M / N for all users",
    where="A corollary of F6-law; beyond the paper",
    statement="The best beta of Recall@K, 1.5 K / N, does not depend on a user's number of positives, so one M / "
    "N serves users with few and with many.",
    latex=r"m^*=\tfrac32\,K\,\tfrac{N_-}N\ \Rightarrow\ \beta^*=\frac{m^*}{N_-}=\tfrac32\,\tfrac KN\quad"
    r"\text{for every } N_+",
    domain="Recall@K. Random rankings of N = 1000 items, 1 to 500 of them positives, K = 5 to 50. Rankers that work: "
    "binormal score models of AUC .75 and .9.",
    verdict=Verdict(
        Status.CONDITION,
        "Under random rankings: the correlation at 1.5 K / N is within 0.02 of the peak for every number of positives, "
        "within 0.001 from K = 20 on. Under a ranker that works users with many positives have fewer negatives in the "
        "top K and want a harder beta; at AUC .9, Recall@50 among 10,000, the beta of a user with 10 positives costs "
        "one with 200 a correlation of 0.08.",
    ),
    sharp="One M / N serves all users as long as positives are few in the top K: beta* = (2 + theta) / (1 + theta) s_K "
    "(F6-law-models) depends on N_+ through s_K, N_+ TPR(s_K) + N_- s_K = K, only.",
    checks=(_random, _models, _falls),
    scope=(Axis("N_+", (1, MOST), every=True), Axis("K", (5, 50)), Axis("AUC", (0.75, 0.9))),
    parts={"beta": _share, "sign": 1.0},
    mutants=(
        Mutant("beta = K / N (Theorem 3's pairing)", {"beta": lambda k, n: k / n}),
        Mutant("beta = 2 K / N", {"beta": lambda k, n: 2 * k / n}),
        Mutant("users with more positives want a softer beta", {"sign": -1.0}),
    ),
    example=_example,
)

CLAIMS = (F6_LAW_USERS,)
