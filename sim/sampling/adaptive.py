"""Samplers with a memory: their proposal follows the model, and is brought up to date between epochs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.jit import MAX_THREADS
from ..core.validation import MOST_POOL, check_choice, check_fraction, check_int, check_real
from .base import Refresh, Sampler
from .kernels import adaptive as kernels
from .kernels import weigh as k
from .kernels.pools import mask_words
from .kernels.proposals import CACHE, FACTORS, Proposal
from .proposals import check_proposal, proposal_arrays

__all__ = ["AOBPR", "IRGAN", "AdaSIR", "Kernel"]

_NONE = np.empty(0), np.empty(0, np.uint64)

_Part = tuple[Any, tuple[int, ...], float, float]
"""Type, shape, least and largest value of an array."""


def _check(state: dict[str, NDArray[Any]], layout: dict[str, _Part]) -> None:
    """ValueError unless the state is empty, or has the parts of ``layout``."""
    if state and set(state) != set(layout):
        raise ValueError(f"it has the parts {', '.join(sorted(layout))}, got {', '.join(sorted(state))}")
    for name, array in state.items():
        dtype, shape, low, high = layout[name]
        if array.dtype != dtype or array.shape != shape:
            raise ValueError(f"{name} must be {np.dtype(dtype)} of shape {shape}, got {array.dtype} of {array.shape}")
        if array.size and not (array.min() >= low and array.max() <= high and np.isfinite(array).all()):
            raise ValueError(f"{name} must be in {low}..{high}, got others")


@dataclass(frozen=True, repr=False)
class AOBPR(Sampler):
    r"""Adaptive oversampling: negatives that stand high on a factor that matters to the user.

    A factor f is drawn in proportion to :math:`|u_f| \sigma_f`, with :math:`\sigma_f` the standard deviation of factor
    f over the items, then a rank in proportion to :math:`\exp(-rank/\lambda)`; the negative is the item of that rank by
    factor f, from the top where :math:`u_f \ge 0` and from the bottom elsewhere (Rendle and Freudenthaler 2014). The
    rankings are those of the items' table at the start of the epoch, and the user's row is up to date; there too the
    rankings are made anew from time to time only. Positives are drawn again.

    Parameters
    ----------
    lam : float
        Scale of the geometric law of ranks, > 0; smaller is harder.
    N : int
        Negatives of a pair, equally weighted.
    """

    lam: float = 500.0
    N: int = 1
    kernel = staticmethod(k.uniform)
    rank_based = True
    adaptive = True

    def __post_init__(self) -> None:
        check_int("N", self.N, low=1, most=MOST_POOL)
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

    def check_state(self, state: dict[str, NDArray[Any]], U: NDArray[Any], V: NDArray[Any]) -> None:
        """See :class:`Sampler`."""
        width = V.shape[1]
        _check(state, {"order": (np.int32, (width, len(V)), 0, len(V) - 1), "numbers": (float, (2, width), 0, np.inf)})

    def adaptive_proposal(self, state: dict[str, NDArray[Any]]) -> Proposal:
        """Ranks by factor."""
        return Proposal(FACTORS, *_NONE, state["order"], state["numbers"])


class _Cached(Sampler):
    """Draws from a cache of each user's own."""

    N: int
    C: int
    kernel = staticmethod(k.uniform)
    rank_based = True
    adaptive = True

    def __post_init__(self) -> None:
        check_int("N", self.N, low=1, most=MOST_POOL)
        check_int("C", self.C, low=1, most=MOST_POOL)

    @property
    def params(self) -> tuple[float, ...]:
        """None needed: the entries of a pool weigh the same."""
        return ()

    def check_state(self, state: dict[str, NDArray[Any]], U: NDArray[Any], V: NDArray[Any]) -> None:
        """See :class:`Sampler`."""
        size = (len(U), self.C)
        layout: dict[str, _Part] = {"caches": (np.int32, size, -1, len(V) - 1)}
        _check(state, layout | self._tables_of(U, V))
        if state and ((state["caches"] < 0) != (state["caches"][:, :1] < 0)).any():  # all of a row are -1, or none
            raise ValueError("caches must not have empty places")

    def _tables_of(self, U: NDArray[Any], V: NDArray[Any]) -> dict[str, _Part]:
        """Other parts of the state."""
        return {}

    def adaptive_proposal(self, state: dict[str, NDArray[Any]]) -> Proposal:
        """The caches, and the weights by which they were drawn."""
        return Proposal(CACHE, *_NONE, state["caches"], state.get("weights", np.empty((0, 0))))


@dataclass(frozen=True, repr=False)
class AdaSIR(_Cached):
    r"""AdaSIR(U), AdaSIR(P): uniform draws from a cache of each user's own that importance resampling keeps hard.

    At the start of an epoch C candidates are drawn from the proposal Q, uniform or by popularity, and C of them drawn
    again with replacement in proportion to :math:`\exp(r_{cj}/\tau) / Q(j)`; as C grows these follow the softmax over
    all negatives. An entry is, with probability ``reuse``, one of the old cache instead (Chen, Lian, Jin, Zheng and
    Chen 2022; the published program takes the old ones with probability 1/2, as here by default. It weighs the drawn
    negatives by a softmax of their scores once more, here they weigh the same; its weighting of positives by estimated
    rank is left out).

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

    def __post_init__(self) -> None:
        super().__post_init__()
        check_real("tau", self.tau, low=0.0, open_low=True)
        check_fraction("reuse", self.reuse)
        check_proposal(self.proposal)

    def refresh(self, now: Refresh, state: dict[str, NDArray[Any]]) -> None:
        """Resample all caches."""
        if "caches" not in state:
            state["caches"] = np.full((len(now.U), self.C), -1, np.int32)
        kernels.resample_caches(
            now.key, now.U, now.V, now.indptr, now.indices, now.exclude, proposal_arrays(self.proposal, now.counts),
            self.tau, self.reuse, np.zeros((MAX_THREADS, mask_words(len(now.V))), np.uint64), state["caches"],
        )  # fmt: skip


@dataclass(frozen=True, repr=False)
class Kernel(_Cached):
    r"""Quadratic kernel: negatives in proportion to :math:`\alpha r_{cj}^2 + 1` (Blanc and Rendle 2018).

    With the importance correction, the default, the weights estimate equal ones; ``loss="sampled-softmax"`` is its own.
    There a tree over the items draws from the law at the present factors; here each user's C draws are made by going
    through all items at the start of an epoch, which is the same law, up to an epoch old.

    Parameters
    ----------
    N : int
        Negatives of a pair, drawn from the cache with replacement.
    C : int
        Size of a cache.
    alpha : float
        Weight of the square, >= 0; 0 is uniform.
    corrected : bool
        See :class:`Sampler`.
    """

    N: int = 20
    C: int = 200
    alpha: float = 100.0
    corrected: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_real("alpha", self.alpha, low=0.0)
        check_choice("corrected", self.corrected, (True, False))

    def _tables_of(self, U: NDArray[Any], V: NDArray[Any]) -> dict[str, _Part]:
        return {"weights": (float, (len(U), self.C), 0, np.inf)}

    def refresh(self, now: Refresh, state: dict[str, NDArray[Any]]) -> None:
        """Draw all caches afresh."""
        state["caches"], state["weights"] = np.empty((len(now.U), self.C), np.int32), np.ones((len(now.U), self.C))
        kernels.draw_quadratic(
            now.key, now.U, now.V, now.indptr, now.indices, now.exclude, self.alpha, state["caches"], state["weights"]
        )


@dataclass(frozen=True, repr=False)
class IRGAN(_Cached):
    r"""IRGAN: a generator, another factorisation, that learns to draw what the trained model scores high.

    At the start of an epoch, for one user after the other, C items are drawn from the generator's softmax over all the
    user's negatives, and the generator takes a step of REINFORCE with the reward :math:`\log(1 + \exp(r_{cj}))` less
    its mean (Wang et al. 2017; there both sides are pre-trained, and the discriminator learns by BCE:
    here the model is trained by its own loss, and the generator starts as its copy). A fast generator finds the
    positives that were not observed, and the model unlearns them.

    Parameters
    ----------
    N : int
        Negatives of a pair, drawn from the cache with replacement, equally weighted.
    C : int
        Draws a user and epoch, >= 2.
    tau : float
        Temperature of the generator, > 0.
    rate : float
        Its learning rate, > 0.
    """

    N: int = 1
    C: int = 50
    tau: float = 0.5
    rate: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("C", self.C, low=2, most=MOST_POOL)
        check_real("tau", self.tau, low=0.0, open_low=True)
        check_real("rate", self.rate, low=0.0, open_low=True)

    def _tables_of(self, U: NDArray[Any], V: NDArray[Any]) -> dict[str, _Part]:
        return {name: (t.dtype, t.shape, -np.inf, np.inf) for name, t in (("GU", U), ("GV", V))}

    def refresh(self, now: Refresh, state: dict[str, NDArray[Any]]) -> None:
        """One round of the generator."""
        if "GU" not in state:
            state["GU"], state["GV"] = np.array(now.U), np.array(now.V)
        state["caches"] = np.empty((len(now.U), self.C), np.int32)
        kernels.play_generator(
            now.key, state["GU"], state["GV"], now.U, now.V, now.indptr, now.indices, now.exclude, self.tau, self.rate,
            state["caches"],
        )  # fmt: skip
