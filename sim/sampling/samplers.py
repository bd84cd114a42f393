"""The samplers of the paper: uniform, DNS(M, N), Softmax(tau, N), Softmax-v(rho, N), and Softmax-exact(rho, N)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..core.validation import MOST_POOL, MOST_SIZE, check_choice, check_int, check_real
from .base import Sampler
from .kernels import weigh as k
from .kernels.ranks import kept_by_rank
from .proposals import check_proposal

__all__ = ["DNS", "NonSampling", "PoolSampler", "Softmax", "SoftmaxExact", "SoftmaxV", "Uniform", "popularity", "pris"]


@dataclass(frozen=True, repr=False)
class PoolSampler(Sampler):
    """A sampler whose pools may come from any proposal over the items; see :class:`Sampler` for the two options."""

    proposal: str = field(default="uniform", kw_only=True)
    corrected: bool = field(default=False, kw_only=True)

    def __post_init__(self) -> None:
        check_int("N", self.N, low=1, most=MOST_POOL)
        check_proposal(self.proposal)
        check_choice("corrected", self.corrected, (True, False))


@dataclass(frozen=True, repr=False)
class Uniform(PoolSampler):
    """Uniform sampling of ``N`` negatives, equally weighted: BPR (Rendle et al. 2009) at N = 1.

    It optimises AUC: its mixture lies on OPAUC(1) alone.

    Examples
    --------
    >>> Uniform(2).weights([0.3, 4.0]).tolist()
    [0.5, 0.5]
    """

    N: int = 1
    kernel = staticmethod(k.uniform)
    rank_based = True

    @property
    def params(self) -> tuple[float, ...]:
        """None needed."""
        return ()

    def rank_distribution(self, n_neg: int, *, replace: bool = False) -> NDArray[np.float64]:
        """1 / n_neg on every rank."""
        n = self._check_n_neg(n_neg, replace)
        return np.full(n, 1.0 / n)


@dataclass(frozen=True, repr=False)
class DNS(PoolSampler):
    r"""Dynamic negative sampling DNS(M, N): the M hardest of a pool of N, equally weighted (eq. 2 on a pool).

    DNS(1, N) is the original of Zhang et al. (2013); DNS(N, N) is uniform. On all n negatives, N = n, it is the exact
    estimator of OPAUC(M/n) (T1). On pools it is a mixture of OPAUC(k/n) whose law is that of the rank of the (M+1)-th
    best of the pool, minus one (T1-pool).

    Parameters
    ----------
    M : int
        Negatives kept, 1 <= M <= N; fewer is harder.
    N : int
        Pool size; larger is harder.

    Examples
    --------
    >>> DNS(2, 4).weights([0.1, 3.0, 0.2, 0.3]).tolist()
    [0.0, 0.5, 0.0, 0.5]
    >>> DNS(1, 2).rank_distribution(3).round(4).tolist()
    [0.6667, 0.3333, 0.0]
    """

    M: int = 5
    N: int = 200
    kernel = staticmethod(k.dns)
    rank_based = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("M", self.M, low=1, most=MOST_POOL)
        if self.M > self.N:
            raise ValueError(f"M must be <= N, got M={self.M}, N={self.N}")

    @property
    def params(self) -> tuple[float, ...]:
        """M."""
        return (float(self.M),)

    @property
    def width(self) -> int:
        """M entries of a pool get a weight."""
        return self.M

    def rank_distribution(self, n_neg: int, *, replace: bool = False) -> NDArray[np.float64]:
        r"""Exact law of the rank of a sampled negative.

        Without replacement, rank r is sampled when it is in the pool and fewer than M harder ones are:
        :math:`w_r = \frac{N}{nM} \Pr(H \le M-1)`, :math:`H \sim` Hypergeometric(n-1, r-1, N-1). With replacement
        :math:`W_r = E[\min(M, B)]/M` with :math:`B \sim` Binomial(N, r/n) is the cumulative law.
        """
        n = self._check_n_neg(n_neg, replace)
        steps = np.zeros(n)
        if not replace:
            kept_by_rank(n, self.N, self.M, steps)
            return steps
        from scipy import stats  # slow to import, needed only here

        # W_r - W_{r-1} = N/M * integral over ((r-1)/n, r/n) of Pr(Bin(N-1, p) <= M-1) dp, and for h = 0..M-1 the
        # integral of the binomial weight is a difference of Beta cdfs over N: no cancellation of numbers near one.
        edges = np.arange(n + 1) / n
        for h in range(self.M):
            law = stats.beta(h + 1, self.N - h)
            low = edges[:-1] * self.N < h  # use whichever tail is small
            steps += np.where(low, np.diff(law.cdf(edges)), -np.diff(law.sf(edges)))
        return steps / self.M


@dataclass(frozen=True, repr=False)
class SoftmaxV(PoolSampler):
    r"""Softmax-v(rho, N): weights proportional to exp(L / tau) over the pool, tau = sqrt(Var(L) / (2 rho)) (eq. 25).

    The temperature is set per (user, positive) pair from the unbiased variance of the pool's losses. It is a
    first-order stand-in for lambda* of eq. (22): the KL divergence it realises can be far from rho (T2f).

    Parameters
    ----------
    rho : float
        Radius of the KL ball, >= 0, nominally -log(beta); larger is harder. 0 is uniform.
    N : int
        Pool size; larger is harder.

    Examples
    --------
    >>> SoftmaxV(rho=0.5, N=3).weights([0.0, 1.0, 2.0]).round(3).tolist()
    [0.09, 0.245, 0.665]
    """

    rho: float = 1.0
    N: int = 200
    kernel = staticmethod(k.softmax_v)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_real("rho", self.rho, low=0.0)

    @property
    def params(self) -> tuple[float, ...]:
        """The radius rho."""
        return (float(self.rho),)


@dataclass(frozen=True, repr=False)
class SoftmaxExact(SoftmaxV):
    r"""Softmax-exact(rho, N): the same tilt at lambda*, solved on every pool so that KL(Q || uniform) = rho exactly.

    Where no lambda* exists, rho >= log(N / number of maximal losses), the worst case is the maximum itself: DNS(1, N).

    Parameters
    ----------
    rho : float
        Radius of the KL ball, >= 0; beta = exp(-rho).
    N : int
        Pool size.

    Examples
    --------
    >>> import numpy as np
    >>> p = SoftmaxExact(rho=0.5, N=3).weights([0.0, 1.0, 2.0])
    >>> round(float(np.sum(p * np.log(3 * p))), 9)
    0.5
    """

    kernel = staticmethod(k.softmax_exact)


@dataclass(frozen=True, repr=False)
class Softmax(PoolSampler):
    r"""Softmax(tau, N): weights proportional to exp(r_cj / tau) over the pool (eq. 3 on a pool).

    The tilt is by score and its temperature is the same for every (user, positive) pair; Softmax-v tilts by the loss,
    at a temperature of its own for every pair.

    Parameters
    ----------
    tau : float
        Temperature, > 0; smaller is harder.
    N : int
        Pool size; larger is harder.

    Examples
    --------
    >>> Softmax(tau=1.0, N=3).weights([-1.0, 0.0, 1.0]).round(3).tolist()  # margins
    [0.09, 0.245, 0.665]
    """

    tau: float = 1.0
    N: int = 200
    kernel = staticmethod(k.softmax)
    by_score = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_real("tau", self.tau, low=0.0, open_low=True)

    @property
    def params(self) -> tuple[float, ...]:
        """The temperature tau."""
        return (float(self.tau),)


@dataclass(frozen=True, repr=False)
class NonSampling(Sampler):
    """No sampling: the exact mean of the loss over all of a user's negatives (Fig. 1), for BPR's loss.

    The same objective in expectation as :class:`Uniform`, AUC, without its noise. The trainer's batches are then whole
    users, about ``batch_size`` pairs a batch; an epoch costs a multiple of pairs times items.

    Examples
    --------
    >>> NonSampling().weights([0.3, 4.0]).tolist()
    [0.5, 0.5]
    """

    N = 1
    kernel = staticmethod(k.uniform)
    rank_based = True

    @property
    def params(self) -> tuple[float, ...]:
        """None needed."""
        return ()

    def rank_distribution(self, n_neg: int, *, replace: bool = False) -> NDArray[np.float64]:
        """1 / n_neg on every rank."""
        return np.full(check_int("n_neg", n_neg, low=1, most=MOST_SIZE), 1.0 / n_neg)


def popularity(alpha: float = 1.0, N: int = 1) -> Uniform:
    """Negatives in proportion to count^alpha, equally weighted: alpha = 0.75 as in word2vec (Mikolov et al. 2013).

    Examples
    --------
    >>> popularity(0.75, 5)
    Uniform(N=5, proposal='count^0.75')
    """
    return Uniform(N, proposal=f"count^{check_real('alpha', alpha, low=0.0):g}")


def pris(N: int = 200, *, popular: bool = False, tau: float = 1.0) -> Softmax:
    """PRIS(U) and PRIS(P): self-normalised importance weights of the softmax over a pool (Lian, Liu, Chen 2020).

    A pool drawn from Q is weighed by exp(r_cj / tau - log Q(j)): for the uniform Q that is Softmax(tau, N) itself, for
    the popular one, Q(j) proportional to log(1 + count_j) as in the program of Chen et al. (2022), the same after the
    correction for Q. There tau = 1.

    Examples
    --------
    >>> pris(50, popular=True)
    Softmax(tau=1.0, N=50, proposal='log-count', corrected=True)
    """
    return Softmax(tau, N, proposal="log-count", corrected=True) if popular else Softmax(tau, N)
