"""N1, C1 and F3: the normalised OPAUC, the corollary on K and beta, and the two rankings of Fig. 3."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product
from typing import Any

import numpy as np

from sim.metrics import auc, opauc, recall_at_k

from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..reference import all_labels, areas
from ..tally import Tally

# ---------------------------------------------------------------- N1


def _trans(area: Fraction, low: Fraction, high: Fraction) -> Fraction:
    return (1 + (area - low) / (high - low)) / 2


def _literal_low(beta: Fraction) -> Fraction:
    return Fraction(0)


def _mcclish_low(beta: Fraction) -> Fraction:
    return beta * beta / 2


_AFFINE = "proof: Trans is affine in A, and beta^2 / 2 is the area under the diagonal"


@check("with min = 0 and max = beta, (11) is AUC at beta = 1, as Fig. 6 uses it; every ranking", Kind.ENUMERATION)
def _literal(p: Any, t: Tally) -> None:
    for n_pos, n_neg in product(range(1, 6), repeat=2):
        for labels, x in zip(all_labels(n_pos, n_neg), areas(all_labels(n_pos, n_neg))[:, -1].tolist()):
            area = Fraction(x, n_pos * n_neg)
            got = _trans(area, _literal_low(Fraction(1)), Fraction(1))
            t.holds(got == area, f"ranking {''.join('+' if v else '-' for v in labels)}: AUC {area}, normalised {got}")


@check(
    "with McClish's min = beta^2 / 2: AUC at beta = 1, 1 for a perfect, 1/2 for a chance ROC curve; every ranking",
    Kind.ENUMERATION,
    Role.CONDITION,
)
def _mcclish(p: Any, t: Tally) -> None:
    top = 7
    for n_pos, n_neg in product(range(1, top + 1), repeat=2):
        t.reach({"N_+": n_pos, "N_-": n_neg})
        for x in areas(all_labels(n_pos, n_neg))[:, -1].tolist():
            area = Fraction(x, n_pos * n_neg)
            t.same(_trans(area, p.low(Fraction(1)), Fraction(1)), area, f"N_+ = {n_pos}, N_- = {n_neg}, beta = 1")
        for m in range(1, n_neg + 1):
            beta = Fraction(m, n_neg)
            t.same(_trans(beta, p.low(beta), beta), Fraction(1), f"perfect ranking, beta = {beta}")
            t.same(_trans(beta * beta / 2, p.low(beta), beta), Fraction(1, 2), f"chance, beta = {beta}")


@check(
    "the library's opauc(normalize='mcclish') on every small ranking", Kind.NUMERICAL, Role.CONDITION, tolerance=1e-13
)
def _library(p: Any, t: Tally) -> None:
    for n_pos, n_neg in ((1, 1), (2, 3), (3, 2), (4, 4)):
        for labels, x in zip(all_labels(n_pos, n_neg), areas(all_labels(n_pos, n_neg))):
            for m in range(1, n_neg + 1):
                beta = Fraction(m, n_neg)
                exact = _trans(Fraction(int(x[m - 1]), n_pos * n_neg), p.low(beta), beta)
                found = opauc(labels, np.arange(labels.size, 0, -1.0), float(beta), normalize="mcclish")
                t.small(found - float(exact), f"{labels.astype(int).tolist()}, beta = {beta}")


@check(
    "any such normalisation is affine and rising at fixed beta: Pearson correlations do not change",
    Kind.EXACT,
    Role.CONDITION,
)
def _affine(p: Any, t: Tally) -> None:
    for m in range(1, 40):
        beta = Fraction(m, 40)
        slope = [_trans(beta * s, p.low(beta), beta) for s in (Fraction(0), Fraction(1, 2), Fraction(1))]
        t.holds(slope[2] - slope[1] == slope[1] - slope[0] > 0, f"beta = {beta}")


N1 = Claim(
    id="N1",
    title="Normalised OPAUC",
    where="Eqs. (10), (11); Fig. 6 at beta = 1",
    statement="OPAUC is normalised by Trans(A) = 1/2 (1 + (A - min A) / (max A - min A)), which gives AUC at beta = 1.",
    latex=r"\tfrac12\Big[1+\frac{A-\min A}{\max A-\min A}\Big],\quad \max A=\beta,\ \min A = \beta^2/2\ \text{(not "
    r"0)}",
    domain="0 < beta <= 1.",
    verdict=Verdict(
        Status.CONDITION,
        "Only with McClish's minimum, the chance area beta^2 / 2. With the true minimum 0, beta = 1 gives (1 + AUC) "
        "/ 2. The correlations of Fig. 6 are the same either way.",
    ),
    sharp="With min A = beta^2 / 2 the value is 1/2 for a random, 1 for a perfect ranking at every beta, AUC at "
    "beta = 1, and that of scikit-learn's roc_auc_score(max_fpr=beta).",
    scope=(
        Axis("N_+", (1, math.inf), (1, 7), every=True, carried=_AFFINE),
        Axis("N_-", (1, math.inf), (1, 7), every=True, carried=_AFFINE),
    ),
    checks=(_literal, _mcclish, _library, _affine),
    parts={"low": _mcclish_low},
    mutants=(
        Mutant("min = 0", {"low": _literal_low}),
        Mutant("min = beta / 2", {"low": lambda beta: beta / 2}),
        Mutant("min = beta^2", {"low": lambda beta: beta * beta if beta < 1 else Fraction(1, 3)}),
    ),
    example=lambda: (
        "Ranking - + : AUC = 0. Taken literally (min 0, max 1) the normalised value is 1/2 (1 + 0) = "
        "1/2; with min 1/2 it is 1/2 (1 + (0 - 1/2) / (1/2)) = 0."
    ),
)

# ---------------------------------------------------------------- C1


def _information(n_pos: int, n_neg: int, k: int, senses: Any) -> dict[str, int]:
    """For each sense the m whose X_m says most about the hits in the top k, over all rankings alike (smallest m)."""
    labels = all_labels(n_pos, n_neg)
    hits = labels[:, :k].sum(axis=1).astype(np.int64)
    x = areas(labels)
    total = len(hits)
    score: dict[str, list[Fraction]] = {"spread": [], "variance": [], "correlation": []}
    sum_h, sum_hh = int(hits.sum()), int((hits * hits).sum())
    for m in range(n_neg):
        column = x[:, m]
        low, high = np.full(column.max() + 1, 10**6), np.full(column.max() + 1, -1)
        np.minimum.at(low, column, hits)
        np.maximum.at(high, column, hits)
        score["spread"].append(-Fraction(int((high - low)[column].sum()), total))
        count, first = np.bincount(column), np.bincount(column, hits).astype(np.int64)
        score["variance"].append(sum((Fraction(int(f) ** 2, int(c)) for f, c in zip(first, count) if c), Fraction(0)))
        sx, sxx, sxh = int(column.sum()), int((column * column).sum()), int((column * hits).sum())
        cov, var = total * sxh - sx * sum_h, total * sxx - sx * sx
        score["correlation"].append(Fraction(cov * cov, var) if var else Fraction(0))
    if total * sum_hh == sum_h**2:
        return {}
    return {sense: 1 + values.index(max(values)) for sense, values in score.items() if sense in senses}


@check(
    "the m that says most about the hits in the top K never falls as K rises, in three senses; every N_+, N_- <= 7",
    Kind.ENUMERATION,
)
def _monotone(p: Any, t: Tally) -> None:
    top = t.pick(7, 8)
    for n_pos, n_neg in product(range(1, top + 1), repeat=2):
        t.reach({"N_+": n_pos, "N_-": n_neg})
        before: dict[str, int] = {}
        for k in range(1, n_neg + 1):
            now = _information(n_pos, n_neg, p.k(k, n_neg), p.senses)
            for sense, m in now.items():
                t.holds(
                    p.order * m >= p.order * before.get(sense, m),
                    f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}: best m by {sense} {m} after {before.get(sense)}",
                )
            before = now or before


@check(
    "K = 1: X_1 decides Precision@1, and hits@K = K exactly if X_1 >= K; every ranking", Kind.ENUMERATION, Role.SHARP
)
def _first(p: Any, t: Tally) -> None:
    top = 7
    for n_pos, n_neg in product(range(1, top + 1), repeat=2):
        labels = all_labels(n_pos, n_neg)
        x = areas(labels)[:, 0]
        for k in range(1, n_pos + 1):
            t.all_true(
                (labels[:, :k].sum(axis=1) == k) == (x >= p.threshold(k)),
                f"N_+ = {n_pos}, N_- = {n_neg}, K = {k}, ranking",
                labels.astype(int),
            )


C1 = Claim(
    id="C1",
    title="The smaller K, the harder: the best level of OPAUC rises with K",
    where="Corollary 1 and guideline 2, theoretical half",
    statement="Theorem 3 ties metrics at K to OPAUC(beta) with beta = K / N_-; so the smaller K, the smaller the "
    "beta (the harder the negatives) that suits it.",
    latex=r"K \mapsto \arg\max_m\ \mathrm{information}(X_m;\ \text{hits@}K)\ \text{is non-decreasing}",
    domain="All rankings of the two classes alike (no score model), 1 <= K <= N_-; N_+, N_- <= 7 (full: 8), "
    "enumerated. What training does with it is G2.",
    verdict=Verdict(
        Status.SHARPENED,
        "The best m never falls as K rises, whether 'best' means narrowest range of hits given X_m, most explained "
        "variance, or highest correlation. "
        "It is not m = K in general (see F6-law).",
    ),
    sharp="At K = 1, OPAUC(1 / N_-) decides the metric exactly. In general the best m is near 1.5 K (1 - N_+ / N) "
    "for correlation (F6-law), not K.",
    scope=(
        Axis("N_+", (1, 7), every=True),
        Axis("N_-", (1, 7), every=True),
    ),
    checks=(_monotone, _first),
    parts={
        "order": 1,
        "senses": ("spread", "variance", "correlation"),
        "k": lambda k, n_neg: k,
        "threshold": lambda k: k,
    },
    mutants=(
        Mutant("the best m never rises as K rises", {"order": -1}),
        Mutant("the same for the bottom K, counted from the end", {"k": lambda k, n_neg: n_neg + 1 - k}),
        Mutant("hits@K = K if X_1 >= K - 1", {"threshold": lambda k: k - 1}),
    ),
    example=lambda: (
        "N_+ = N_- = 5. Best m by correlation for K = 1, 2, 3, 4, 5: "
        + ", ".join(str(_information(5, 5, k, ("correlation",))["correlation"]) for k in range(1, 6))
        + ". At K = 4 it is 3, not K."
    ),
)

# ---------------------------------------------------------------- F3


def _equal_auc(n_pos: int, n_neg: int, m: int, k: int) -> Any:
    """All pairs of rankings with equal X_{N_-}: differences in X_m and in hits@k."""
    labels = all_labels(n_pos, n_neg)
    x, hits = areas(labels), labels[:, :k].sum(axis=1)
    for total in np.unique(x[:, -1]):
        rows = np.flatnonzero(x[:, -1] == total)
        yield rows, x[rows, m - 1], hits[rows]


@check(
    "two rankings with equal AUC, different OPAUC(0.4) and different hits@2 exist for each N_+ = 2..6 and N_- = 5",
    Kind.ENUMERATION,
)
def _exists(p: Any, t: Tally) -> None:
    for n_pos in range(2, 7):
        t.reach({"N_+": n_pos})
        found = any(
            len(set(zip(p.area(x).tolist(), h.tolist()))) > 1 and np.ptp(p.area(x)) > 0 and np.ptp(h) > 0
            for _, x, h in _equal_auc(n_pos, 5, 2, 2)
        )
        t.holds(found, f"N_+ = {n_pos}")


@check("the two rankings below: AUC, OPAUC(0.4) and Recall@2 by the library", Kind.NUMERICAL, tolerance=1e-14)
def _pair(p: Any, t: Tally) -> None:
    one, two = p.pair
    scores = np.arange(len(one), 0, -1.0)
    t.small(auc(one, scores) - auc(two, scores), "AUC")
    t.small(opauc(one, scores, 0.4) - 2 / 10, "OPAUC(0.4) of the first")
    t.small(opauc(two, scores, 0.4), "OPAUC(0.4) of the second")
    t.holds(recall_at_k(one, scores, 2) == 0.5 and recall_at_k(two, scores, 2) == 0.0, "Recall@2")


@check(
    "at equal AUC, more OPAUC(0.4) goes with more hits@2 in over 97% of the pairs, but not in all",
    Kind.ENUMERATION,
    Role.SHARP,
)
def _concordance(p: Any, t: Tally) -> None:
    for n_pos in (5, 6, 7):
        agree = disagree = 0
        for _, x, h in _equal_auc(n_pos, 5, 2, 2):
            x, h = p.area(x).astype(np.int64), h.astype(np.int64)
            signs = np.sign(np.subtract.outer(x, x)) * np.sign(np.subtract.outer(h, h))
            agree += int((signs > 0).sum()) // 2
            disagree += int((signs < 0).sum()) // 2
        t.note(f"N_+ = {n_pos}, N_- = 5: {agree} pairs agree, {disagree} disagree")
        t.holds(agree > p.odds * disagree > 0, f"N_+ = {n_pos}: {agree} agree, {disagree} disagree")


_PAIR = ((1, 0, 0, 0, 0, 0, 1), (0, 0, 1, 0, 1, 0, 0))

F3 = Claim(
    id="F3",
    title="Equal AUC, different OPAUC and different Top-K",
    where="Figs. 2, 3",
    statement="Two rankings can have the same AUC while OPAUC(0.4) and the Top-K metrics tell them apart.",
    latex=r"AUC(a)=AUC(b),\ OPAUC_{0.4}(a)>OPAUC_{0.4}(b),\ Recall@2(a)>Recall@2(b)",
    domain="N_- = 5 (so that 0.4 N_- = 2 is an integer), N_+ = 2 to 6.",
    verdict=Verdict(
        Status.SHARPENED,
        "Such pairs exist for every N_+ from 2 to 6. OPAUC(0.4) tells the better Top-2 in over 97% of the pairs of "
        "equal AUC that both tell apart, but not in all.",
    ),
    sharp="OPAUC is no guarantee: from N_+ = 5 on there are rankings of equal AUC where the one with more "
    "OPAUC(0.4) has fewer hits in the top 2.",
    scope=(Axis("N_+", (2, 6), every=True),),
    checks=(_exists, _pair, _concordance),
    parts={"area": lambda x: x, "pair": _PAIR, "odds": 33},
    mutants=(
        Mutant("OPAUC(1) = AUC itself tells them apart", {"area": lambda x: x * 0}),
        Mutant("less OPAUC(0.4) goes with more hits", {"area": lambda x: -x}),
        Mutant("the pair + - - - - - + and - + - + - - -", {"pair": (_PAIR[0], (0, 1, 0, 1, 0, 0, 0))}),
        Mutant("over 99.9% of the pairs agree", {"odds": 999}),
    ),
    example=lambda: (
        "+ - - - - - + and - - + - + - - : pairs in order 5 + 0 and 3 + 2, so AUC = 5/10 for both. Top "
        "two negatives: OPAUC(0.4) = 2/10 and 0; Recall@2 = 1/2 and 0.\n"
        "The other way round: + + - - + + - - + - has 2 + 2 = 4 pairs over the top two negatives and 2 hits in the "
        "top "
        "2,\n"
        "+ - + + + - - - - + has 1 + 4 = 5 and 1 hit; both have 17 of 25 pairs in order."
    ),
)

CLAIMS = (N1, C1, F3)
