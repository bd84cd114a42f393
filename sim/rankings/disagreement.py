"""How often an area and a Top-K metric order two rankings otherwise (claim I1).

Two rankings are drawn independently. They disagree if the metric is larger for the one and the area for the other; they
are undecided if either is equal for both. Recall@K against OPAUC(m/N_-) is exact under uniformly random rankings, from
the joint law of the hits and of X_m; everything else is simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..core.random import to_seed
from ..core.validation import check_int
from .exact.moments import metric_position_weights, sizes
from .models.base import Floats, ScoreModel

__all__ = ["Disagreement", "joint_law", "recall_disagreement", "simulate_disagreement"]

MAX_CELLS = 3 * 10**7
"""Of the joint law's table, K + 1 times the values of X_m."""
NEGLIGIBLE = 1e-40
SIMULATED = ("recall", "ndcg")


@dataclass(frozen=True)
class Disagreement:
    """Chances for two independent rankings.

    Attributes
    ----------
    against, agree, undecided : float
        The metric and the area order them otherwise; alike; the metric, or the area, is the same for both.
    rate : float
        Share of ``against`` among the decided; NaN where none is.
    split : float
        ``against`` with half of ``undecided``: what a coin for the undecided would give. For jointly normal values of
        correlation rho it is arccos(rho) / pi.
    """

    against: float
    agree: float

    @property
    def undecided(self) -> float:  # noqa: D102
        return max(1.0 - self.against - self.agree, 0.0)

    @property
    def split(self) -> float:  # noqa: D102
        return self.against + 0.5 * self.undecided

    @property
    def rate(self) -> float:  # noqa: D102
        decided = self.against + self.agree
        return self.against / decided if decided > 0.0 else float("nan")


def joint_law(n_pos: int, n_neg: int, k: int, m: int) -> Floats:
    """Joint law of the hits in the top K and of X_m = N_+ N_- OPAUC(m/N_-) for uniformly random rankings.

    Parameters
    ----------
    n_pos, n_neg : int
        N_+ and N_-, at least 1.
    k : int
        K, in 1..N_+ + N_-.
    m : int
        In 1..N_-; the table of (K + 1)(m N_+ + 1) entries must not pass 3e7.

    Returns
    -------
    ndarray, shape (min(K, N_+) + 1, m N_+ + 1)
        Entry (i, x) is Pr(i hits, X_m = x).

    Raises
    ------
    TypeError, ValueError
        For sizes, K or m out of range.

    Examples
    --------
    >>> joint_law(1, 2, 1, 1).round(4).tolist()
    [[0.6667, 0.0], [0.0, 0.3333]]
    """
    n_pos, n_neg = sizes(n_pos, n_neg)
    n = n_pos + n_neg
    k, m = check_int("k", k, low=1, high=n), check_int("m", m, low=1, high=n_neg)
    top, width = min(k, n_pos), m * n_pos + 1
    if (k + 1) * width > MAX_CELLS:
        raise ValueError(f"(k + 1) * m * n_pos must be <= {MAX_CELLS:.0e}, got {(k + 1) * width}; simulate instead")
    # first K positions: by positives so far, the law of X
    ahead = np.zeros((top + 1, width))
    ahead[0, 0] = 1.0
    for t in range(k):
        after = np.zeros_like(ahead)
        for a in range(max(0, t - n_neg), min(t, top) + 1):
            b, left = t - a, n - t
            if a < top or n_pos > top:
                after[min(a + 1, top)] += ahead[a] * ((n_pos - a) / left)
            if b < n_neg:
                after[a] += _shift(ahead[a] * ((n_neg - b) / left), a if b < m else 0)
        ahead = after
    law = np.zeros((top + 1, width))
    for hits in range(max(0, k - n_neg), top + 1):
        law[hits] = _finish(ahead[hits], hits, k - hits, m, n_pos, n_neg)
    return law


def _finish(start: Floats, hits: int, b: int, m: int, n_pos: int, n_neg: int) -> Floats:
    """Law of X_m from the state after the top K: ``hits`` positives, ``b`` negatives."""
    if b >= m:
        return start
    law = np.zeros((n_pos + 1, start.size))
    law[hits] = start
    last = hits  # beyond so many positives there is less than rounding keeps
    for above in range(b, m):
        a = hits
        while a < n_pos and (a < last or law[a].max() > NEGLIGIBLE):
            law[a + 1] += law[a] * ((n_pos - a) / (n_pos + n_neg - a - above))
            a += 1
        last = a
        for a in range(hits, last + 1):
            law[a] = _shift(law[a] * ((n_neg - above) / (n_pos + n_neg - a - above)), a)
    return law.sum(axis=0)


def _shift(law: Floats, by: int) -> Floats:
    if by == 0:
        return law
    moved = np.zeros_like(law)
    moved[by:] = law[:-by]
    return moved


def recall_disagreement(n_pos: int, n_neg: int, k: int, m: int) -> Disagreement:
    """Exact disagreement of Recall@K with OPAUC(m/N_-) for two uniformly random rankings.

    Parameters
    ----------
    n_pos, n_neg, k, m
        As in :func:`joint_law`.

    Returns
    -------
    Disagreement

    Raises
    ------
    TypeError, ValueError
        As in :func:`joint_law`.

    Examples
    --------
    >>> found = recall_disagreement(200, 800, 5, 6)
    >>> round(found.rate, 3), round(found.undecided, 3)
    (0.007, 0.326)
    """
    law = joint_law(n_pos, n_neg, k, m)
    below = np.cumsum(law, axis=1) - law  # the same hits, smaller area
    above = law.sum(axis=1, keepdims=True) - below - law
    smaller = np.cumsum(below, axis=0) - below
    larger = np.cumsum(above, axis=0) - above
    return Disagreement(against=2.0 * float((law * larger).sum()), agree=2.0 * float((law * smaller).sum()))


def simulate_disagreement(
    n_pos: int,
    n_neg: int,
    *,
    ks: Sequence[int],
    areas: Sequence[tuple[int, int]],
    n_pairs: int = 20_000,
    score_model: ScoreModel | None = None,
    rng: int | np.random.Generator = 0,
) -> dict[tuple[str, int, tuple[int, int]], Disagreement]:
    """Disagreement of Recall@K and NDCG@K with areas for pairs of simulated rankings.

    Parameters
    ----------
    n_pos, n_neg : int
        N_+ and N_-, at least 1.
    ks : sequence of int
        Cut-offs K.
    areas : sequence of (int, int)
        (m, best): the sum over the m hardest negatives of min(P_j, best). (N_-, N_+) is AUC, (m, N_+) OPAUC(m/N_-),
        best < N_+ LLPAUC.
    n_pairs : int
        Pairs of rankings.
    score_model : ScoreModel, optional
        Uniformly random rankings if None.
    rng : int or Generator

    Returns
    -------
    dict
        By (metric, K, area).

    Raises
    ------
    TypeError, ValueError
        For sizes, cut-offs or areas out of range.

    Examples
    --------
    >>> found = simulate_disagreement(20, 80, ks=[5], areas=[(6, 20), (80, 20)], n_pairs=2000, rng=1)
    >>> found["recall", 5, (6, 20)].rate < found["recall", 5, (80, 20)].rate
    True
    """
    n_pos, n_neg = sizes(n_pos, n_neg)
    n = n_pos + n_neg
    pairs = check_int("n_pairs", n_pairs, low=1)
    cuts = [check_int("ks", k, low=1, high=n) for k in ks]
    for m, best in areas:
        check_int("areas", m, low=1, high=n_neg)
        check_int("areas", best, low=1, high=n_pos)
    generator = np.random.default_rng(to_seed(rng))
    batch = max(1, min(pairs, 4_000_000 // n))
    keys = [(metric, k, (area[0], area[1])) for metric in SIMULATED for k in cuts for area in areas]
    counts = {key: np.zeros(2) for key in keys}
    for start in range(0, pairs, batch):
        size = min(batch, pairs - start)
        one, two = (_values(_labels(size, n_pos, n_neg, score_model, generator), cuts, areas) for _ in range(2))
        for metric, k, area in keys:
            product = np.sign(one[metric, k] - two[metric, k]) * np.sign(one["area", area] - two["area", area])
            counts[metric, k, area] += (product < 0).sum(), (product > 0).sum()
    return {key: Disagreement(against=float(c[0] / pairs), agree=float(c[1] / pairs)) for key, c in counts.items()}


def _labels(
    size: int, n_pos: int, n_neg: int, model: ScoreModel | None, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Rankings as rows of labels, best item first."""
    if model is None:
        scores = generator.random((size, n_pos + n_neg))
    else:
        scores = -np.concatenate(model.sample(n_pos, n_neg, size, generator), axis=1)
    return np.argsort(scores, axis=1) < n_pos


def _values(labels: NDArray[np.bool_], ks: Sequence[int], areas: Sequence[tuple[int, int]]) -> dict[tuple, Floats]:
    n_pos = int(labels[0].sum())
    n_neg = labels.shape[1] - n_pos
    above = np.cumsum(labels, axis=1)[~labels].reshape(len(labels), n_neg)
    found: dict[tuple, Floats] = {}
    for k in ks:
        for metric in SIMULATED:
            weights = np.ones(k) if metric == "recall" else metric_position_weights(n_pos, n_neg, "dcg", k)
            found[metric, k] = (labels[:, :k] @ weights).round(12)
    for m, best in areas:
        found["area", (m, best)] = np.minimum(above[:, :m], best).sum(axis=1).astype(np.float64)
    return found
