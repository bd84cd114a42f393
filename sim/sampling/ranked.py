"""Samplers that aim at a rank or a score: the weights that a Top-K metric asks for, WARP, and AHNS."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..core.validation import MOST_SIZE, check_choice, check_int, check_real
from .kernels import weigh as k
from .samplers import PoolSampler

__all__ = ["AHNS", "WARP", "TopKOptimal"]


@dataclass(frozen=True, repr=False)
class TopKOptimal(PoolSampler):
    r"""TopKOptimal(metric, K, N): the target sets the hardness by theory, not by tuning.

    Under random rankings the weighted area :math:`\sum_r w_r P_r` over the ranks r = 1..n_neg of all negatives that
    correlates most with metric@K is known (:func:`sim.rankings.optimal_weights`, G2). Its non-negative part is carried
    to the ranks s = 1..N of a pool: the s-th best of a pool of N drawn from n has the expected rank
    :math:`s (n + 1)/(N + 1)`, and rank r goes to the pool rank whose expected rank is the first that is not below r,
    :math:`s = \min(\lceil r (N + 1)/(n + 1) \rceil, N)`. On the pool of all negatives, N = n, nothing changes. Where
    the metric looks no deeper than (n + 1)/(N + 1) ranks all weight falls on s = 1: then it is DNS(1, N), for no
    weights on such a pool are harder.

    Parameters
    ----------
    metric : str
        A metric of :func:`sim.rankings.optimal_weights`.
    K : int
        Its cut-off.
    N : int
        Pool size.
    n_pos, n_neg : int
        Positives and negatives of a typical user; n_neg >= N.
    falling : bool
        Take the best weights that never rise with the rank instead. The best ones of all do: with few positives
        Recall@K asks for a negative at rank K itself and not above it.

    Examples
    --------
    >>> TopKOptimal("recall", 20, N=100, n_pos=20, n_neg=1500).weights(range(100))[-3:].round(3).tolist()
    [0.0, 1.0, 0.0]
    >>> TopKOptimal("recall", 20, N=100, n_pos=20, n_neg=1500, falling=True).weights(range(100))[-3:].round(3).tolist()
    [0.005, 0.515, 0.481]
    """

    metric: str = "ndcg"
    K: int = 20
    N: int = 200
    n_pos: int = 20
    n_neg: int = 1000
    falling: bool = field(default=False, kw_only=True)
    kernel = staticmethod(k.ranked)
    rank_based = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("n_neg", self.n_neg, low=self.N, most=MOST_SIZE)
        check_choice("falling", self.falling, (True, False))
        self.params  # noqa: B018 (the metric, K and n_pos are checked where the weights are computed)

    @property
    def params(self) -> tuple[float, ...]:
        """Weights by pool rank, down to the last that is not zero."""
        return _pool_weights(self.metric, self.K, self.N, self.n_pos, self.n_neg, self.falling)

    @property
    def width(self) -> int:
        """As many entries get a weight as there are pool ranks with one."""
        return len(self.params)

    def rank_distribution(self, n_neg: int, *, replace: bool = False) -> NDArray[np.float64]:
        """Exact law of the rank of a sampled negative, as a mixture of those of DNS(s, N).

        The s-th best alone is s DNS(s, N) - (s - 1) DNS(s - 1, N).
        """
        from .samplers import DNS

        self._check_n_neg(n_neg, replace)
        law = np.zeros(n_neg)
        following = (*self.params[1:], 0.0)
        for s, (weight, after) in enumerate(zip(self.params, following), 1):
            if weight != after:
                law += s * (weight - after) * DNS(s, self.N).rank_distribution(n_neg, replace=replace)
        return np.maximum(law, 0.0)


@lru_cache(maxsize=64)
def _pool_weights(metric: str, K: int, N: int, n_pos: int, n_neg: int, falling: bool) -> tuple[float, ...]:
    from ..rankings import optimal_weights  # rankings is the higher layer; needed for these numbers only

    wanted = np.maximum(optimal_weights(n_pos, n_neg, metric, K, falling=falling)[0], 0.0)
    ranks = np.arange(1, n_neg + 1)
    pool_rank = np.minimum(-(-ranks * (N + 1) // (n_neg + 1)), N)
    weights = np.bincount(pool_rank - 1, wanted, N) / wanted.sum()
    return tuple(weights[: np.flatnonzero(weights)[-1] + 1].tolist())


@dataclass(frozen=True, repr=False)
class WARP(PoolSampler):
    r"""WARP: draw negatives until one violates the margin, and weigh it by the rank that this suggests.

    The pool is read in order; the first negative with :math:`r_{cj} > r_{ci} - margin`, at trial t, gets the weight
    :math:`\Phi(\lfloor n_{neg} / t \rfloor) / \Phi(n_{neg})` with :math:`\Phi(k) = 1 + 1/2 + \dots + 1/k`, and a pool
    without a violation nothing (WSABIE, Weston, Bengio and Usunier 2011, algorithm 1, scaled to weights of at most 1;
    there with the hinge loss: ``BPRMF(loss="hinge")`` and the same margin). The weight falls with t, so it does not
    sum to one, and it looks at the order of the pool: no law on pools. On average over pools all v negatives of a pair
    that violate the margin get the same weight: OPAUC(v/n), with a weight of the pair that falls with v.

    Parameters
    ----------
    n_neg : int
        Negatives of a typical user.
    margin : float
        Margin, > 0.
    N : int
        Trials at most.

    Examples
    --------
    >>> WARP(n_neg=4, margin=1.0, N=3).weights([-2.0, -0.5, 3.0]).round(3).tolist()  # second trial: (1 + 1/2) / Phi(4)
    [0.0, 0.72, 0.0]
    """

    n_neg: int = 1000
    margin: float = 1.0
    N: int = 200
    kernel = staticmethod(k.warp)
    by_score = True
    sequential = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("n_neg", self.n_neg, low=1, most=MOST_SIZE)
        check_real("margin", self.margin, low=0.0, open_low=True)
        if self.corrected:
            raise ValueError("corrected must be False for WARP, whose weights do not sum to one, got True")

    @property
    def params(self) -> tuple[float, ...]:
        """The margin, then the weight of a violation at trial 1, 2, ..., N."""
        phi = np.append(0.0, np.cumsum(1.0 / np.arange(1, self.n_neg + 1)))
        return (float(self.margin), *(phi[self.n_neg // np.arange(1, self.N + 1)] / phi[-1]).tolist())

    @property
    def width(self) -> int:
        """One entry of a pool at most gets a weight."""
        return 1


@dataclass(frozen=True, repr=False)
class AHNS(PoolSampler):
    r"""Adaptive hardness: the higher a positive already stands, the easier its negative.

    Of a pool of N the negative whose score is nearest to :math:`\beta (r_{ci} + \alpha)^{p+1}` (Lai, Chen, Han, Zhang
    and Chen, AAAI 2024). Where :math:`r_{ci} + \alpha \le 0` the target is the limit from above: the hardest negative
    if p < -1. There scores may be cosines; here they are the model's inner products.

    Parameters
    ----------
    alpha, beta : float
        Offset, and scale > 0, of the target.
    p : float
        Below -1 for easier negatives of higher positives.
    N : int
        Pool size.

    Examples
    --------
    >>> AHNS(alpha=1.0, beta=0.5, p=-2.0, N=3).weights([-1.0, 0.4, 3.0]).tolist()  # at a positive of score 0
    [0.0, 1.0, 0.0]
    """

    alpha: float = 0.1
    beta: float = 1.0
    p: float = -2.0
    N: int = 32
    kernel = staticmethod(k.ahns)
    by_score = True
    sees_positive = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_real("alpha", self.alpha)
        check_real("beta", self.beta, low=0.0, open_low=True)
        check_real("p", self.p)

    @property
    def params(self) -> tuple[float, ...]:
        """alpha, beta, p, and the place of the positive's score."""
        return (float(self.alpha), float(self.beta), float(self.p), 0.0)

    @property
    def width(self) -> int:
        """One entry of a pool gets a weight."""
        return 1
