"""Samplers with a memory: their proposal follows the model, and is brought up to date between epochs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._jit import MAX_THREADS
from .._validation import check_fraction, check_int, check_real
from . import _adaptive_kernels as kernels
from . import _kernels as k
from ._base import Refresh, Sampler
from ._pool_kernels import mask_words
from ._proposal_kernels import CACHE, FACTORS
from ._proposals import check_proposal, proposal_arrays

__all__ = ["AOBPR", "AdaSIR"]

_NONE = np.empty(0), np.empty(0, np.uint64)


@dataclass(frozen=True, repr=False)
class AOBPR(Sampler):
    r"""Adaptive oversampling: negatives that stand high on a factor that matters to the user.

    A factor f is drawn in proportion to :math:`|u_f| \sigma_f`, with :math:`\sigma_f` the standard deviation of factor
    f over the items, then a rank in proportion to :math:`\exp(-rank/\lambda)`; the negative is the item of that rank by
    factor f, from the top where :math:`u_f \ge 0` and from the bottom elsewhere (Rendle and Freudenthaler 2014, section
    5). The rankings are those of the items' table at the start of the epoch (there: every n log n steps, about an epoch
    on Gowalla); the user's row is up to date. Positives are drawn again.

    Parameters
    ----------
    lam : float
        Scale of the geometric law of ranks, > 0; smaller is harder.
    N : int
        Negatives of a pair, equally weighted.
    """

    lam: float = 500.0
    N: int = 1
    kind = k.UNIFORM
    rank_based = True
    adaptive = True

    def __post_init__(self) -> None:
        check_int("N", self.N, low=1)
        check_real("lam", self.lam, low=0.0, open_low=True)

    @property
    def params(self) -> tuple[float, ...]:
        """None needed: the entries of a pool weigh the same."""
        return ()

    def refresh(self, now: Refresh, state: dict[str, NDArray[Any]]) -> None:
        """Sort the items by every factor; ties by number."""
        state["order"] = np.argsort(-now.V.T, axis=1, kind="stable").astype(np.int32)
        spread = now.V.std(axis=0, dtype=np.float64)
        state["numbers"] = np.stack([spread, np.full_like(spread, self.lam)])

    def adaptive_proposal(self, state: dict[str, NDArray[Any]]) -> tuple[Any, ...]:
        """Ranks by factor."""
        return FACTORS, *_NONE, state["order"], state["numbers"]


@dataclass(frozen=True, repr=False)
class AdaSIR(Sampler):
    r"""AdaSIR(U), AdaSIR(P): uniform draws from a cache of each user's own that importance resampling keeps hard.

    At the start of an epoch C candidates are drawn from the proposal Q, uniform or by popularity, and C of them drawn
    again with replacement in proportion to :math:`\exp(r_{cj}/\tau) / Q(j)`; as C grows these follow the softmax over
    all negatives. An entry is, with probability ``reuse``, one of the old cache instead (Chen, Lian, Jin, Zheng and
    Chen 2022: sampling importance resampling, and the reuse of historical hard samples; there the old ones are kept by
    the importance weights of the two caches, here by a fixed share; its weighting of positives by estimated rank is
    left out).

    Parameters
    ----------
    N : int
        Negatives of a pair, drawn uniformly with replacement from the cache, equally weighted.
    C : int
        Size of a cache.
    tau : float
        Temperature of the softmax, > 0.
    reuse : float
        Share of a cache that comes from the one before, in (0, 1].
    proposal : str
        Where candidates come from: "uniform" for AdaSIR(U), "log-count" or "count^A" for AdaSIR(P).
    """

    N: int = 1
    C: int = 200
    tau: float = 1.0
    reuse: float = 0.5
    proposal: str = "uniform"
    kind = k.UNIFORM
    rank_based = True
    adaptive = True

    def __post_init__(self) -> None:
        check_int("N", self.N, low=1)
        check_int("C", self.C, low=1)
        check_real("tau", self.tau, low=0.0, open_low=True)
        check_fraction("reuse", self.reuse)
        check_proposal(self.proposal)

    @property
    def params(self) -> tuple[float, ...]:
        """None needed: the entries of a pool weigh the same."""
        return ()

    def refresh(self, now: Refresh, state: dict[str, NDArray[Any]]) -> None:
        """Resample all caches."""
        if "caches" not in state:
            state["caches"] = np.full((len(now.U), self.C), -1, np.int32)
        kernels.resample_caches(
            now.key, now.U, now.V, now.indptr, now.indices, now.exclude, proposal_arrays(self.proposal, now.counts),
            self.tau, self.reuse, np.zeros((MAX_THREADS, mask_words(len(now.V))), np.uint64), state["caches"],
        )  # fmt: skip

    def adaptive_proposal(self, state: dict[str, NDArray[Any]]) -> tuple[Any, ...]:
        """The caches."""
        return CACHE, *_NONE, state["caches"], np.empty((0, 0))
