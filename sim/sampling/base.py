"""What a negative sampler is: a rule that turns a pool's losses into weights."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numba import from_dtype, types
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ..core.jit import by_address
from ..core.random import to_seed
from ..core.validation import MOST_SIZE, check_int, losses_array
from .kernels.proposals import Proposal
from .kernels.simulate import draw_many, weigh_rows

__all__ = ["Refresh", "Sampler", "mixture_from_weights"]


@dataclass(frozen=True)
class Refresh:
    """What a sampler with a memory sees between two epochs.

    Attributes
    ----------
    U, V : ndarray of shapes (n_users, d), (n_items, d)
        The factors as they are; columns beyond the model's own are zero.
    indptr, indices : ndarray
        Rows of the items that must not be drawn for a user, if ``exclude``.
    exclude : bool
        Whether pools leave those out.
    counts : ndarray of shape (n_items,)
        Train pairs of each item.
    key : uint64
        Random stream of this epoch's refreshment.
    """

    U: NDArray[Any]
    V: NDArray[Any]
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    exclude: bool
    counts: NDArray[np.float64]
    key: np.uint64


class Sampler(ABC):
    """A negative sampler: how a pool of ``N`` negatives is drawn, and how one unit of probability is spread over it.

    One definition serves everything: :meth:`weights` is the law that the proofs check, :meth:`rank_distribution` its
    exact marginal over the ranks of all negatives, :meth:`draw` samples from it, and the trainer runs the same compiled
    kernel on every pool.

    Sub-classes are frozen dataclasses. An own sampler gives :attr:`params` and :attr:`kernel`, a ``numba.njit``
    function ``(losses, params, idx, w) -> count`` that writes the kept positions of the pool to ``idx[:count]`` and
    their weights, which sum to one, to ``w[:count]``. It must not keep state: it runs in many threads.
    Nor may it raise: the trainer calls it by address, where an exception is lost and the pair trains on no negatives;
    ``proofs_check.verify_sampler`` shows it.

    Attributes
    ----------
    N : int
        Pool size.
    rank_based : bool
        The weights depend only on the order of the losses. The trainer then skips the loss and compares scores.
    by_score : bool
        The kernel takes the margins r_cj - r_ci in the place of the losses.
    sees_positive : bool
        The trainer writes r_ci over the last of the :attr:`params` that the kernel is given.
    proposal : str
        Where pools are drawn from: "uniform"; or by the number of an item's train pairs, "count^A" (A >= 0) or
        "log-count" (log(1 + count)).
    corrected : bool
        Divide the weights by the proposal's probabilities (and scale them to sum to one): self-normalised importance
        sampling of what the weights would be on a uniform pool.
    sequential : bool
        The kernel reads the pool in order, and may give less than one unit of weight in all: no probability law.
    adaptive : bool
        The proposal follows the model: before an epoch the trainer calls :meth:`refresh`, and keeps the state that it
        leaves with the model, in checkpoints too.

    Examples
    --------
    A sampler that takes the hardest and the easiest negative of the pool, each half of the time:

    >>> import numba
    >>> from dataclasses import dataclass
    >>> @numba.njit
    ... def ends(losses, params, idx, w):
    ...     idx[0], idx[1] = losses.argmax(), losses.argmin()
    ...     w[0] = w[1] = 0.5
    ...     return 2
    >>> @dataclass(frozen=True)
    ... class Ends(Sampler):
    ...     N: int = 10
    ...     kernel = staticmethod(ends)
    ...     rank_based = True
    ...     params = ()
    >>> Ends(4).weights([0.1, 3.0, 0.2, 0.3]).tolist()
    [0.5, 0.5, 0.0, 0.0]
    """

    N: int
    rank_based: ClassVar[bool] = False
    by_score: ClassVar[bool] = False
    sees_positive: ClassVar[bool] = False
    proposal: str = "uniform"
    corrected: bool = False
    sequential: ClassVar[bool] = False
    adaptive: ClassVar[bool] = False
    kernel: ClassVar[Callable[..., Any]]

    @property
    @abstractmethod
    def params(self) -> tuple[float, ...]:
        """Numbers handed to the kernel."""

    @property
    def width(self) -> int:
        """At most this many entries of a pool get a weight."""
        return self.N

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments by name (scikit-learn convention); keyword-only ones where not at their default.

        So that a new option does not rename what was computed without it.
        """
        named = sorted(fields(self), key=lambda f: f.kw_only)  # type: ignore[arg-type,return-value]
        values = {f.name: (f, getattr(self, f.name)) for f in named}
        return {name: value for name, (f, value) in values.items() if not f.kw_only or value != f.default}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.get_params().items())})"

    def __str__(self) -> str:
        """As :func:`sim.sampling.parse` reads it: floats in the fewest digits that are exact."""

        def shown(value: Any) -> str:
            exact = isinstance(value, float) and float(f"{value:g}") == value
            return f"{value:g}" if exact else str(value)

        return f"{type(self).__name__}({', '.join(f'{k}={shown(v)}' for k, v in self.get_params().items())})"

    def refresh(self, now: Refresh, state: dict[str, NDArray[Any]]) -> None:
        """Bring the arrays in ``state``, empty at first, up to date; only if :attr:`adaptive`."""
        raise NotImplementedError

    def adaptive_proposal(self, state: dict[str, NDArray[Any]]) -> Proposal:
        """The proposal that the state stands for; see :mod:`sim.sampling.kernels.proposals`."""
        raise NotImplementedError

    def check_state(self, state: dict[str, NDArray[Any]], U: NDArray[Any], V: NDArray[Any]) -> None:
        """ValueError unless ``state``, read from a file, is empty or what :meth:`refresh` leaves for these tables.

        Compiled code believes it. An own sampler with a memory should override this.
        """
        if state and not self.adaptive:
            raise ValueError(f"it has no memory, got {', '.join(sorted(state))}")

    def compiled(self, dtype: DTypeLike = np.float64) -> Any:
        """:attr:`kernel` for losses of this type, as compiled loops take it: they call it by its address."""
        real = from_dtype(np.dtype(dtype))
        return by_address(self.kernel, types.int64(real[::1], types.float64[::1], types.int64[::1], real[::1]))

    def require_losses(self) -> None:
        """ValueError unless pools are uniform and their weights follow from the losses alone, in order or in size."""
        if self.by_score or self.adaptive or self.proposal != "uniform":
            raise ValueError(f"sampler must weigh uniform pools by their losses here, got {self}")

    def params_array(self) -> NDArray[np.float64]:
        """:attr:`params` as the array that kernels take."""
        return np.asarray(self.params, dtype=np.float64)

    def weights(self, losses: ArrayLike) -> NDArray[np.float64]:
        """Sampling probabilities on pools.

        Parameters
        ----------
        losses : array_like of shape (..., n)
            Losses L(c, i, j) of the pool's negatives, finite; larger is harder. For samplers :attr:`by_score` their
            margins r_cj - r_ci. Usually n = N; a pool cut short by a small catalogue may have fewer.

        Returns
        -------
        ndarray of shape (..., n)
            Non-negative, summing to one along the last axis. Before a correction for the proposal.
        """
        array = losses_array(losses)
        flat = np.ascontiguousarray(array.reshape(-1, array.shape[-1]))
        out = np.zeros_like(flat)
        weigh_rows(self.compiled(), self.params_array(), flat, out)
        return out.reshape(array.shape)

    def draw(self, losses: ArrayLike, size: int, rng: np.random.Generator | int | None = None) -> NDArray[np.int64]:
        """Draw positions of one pool in proportion to :meth:`weights`.

        Parameters
        ----------
        losses : array_like of shape (n,)
            The pool's losses.
        size : int
            Number of independent draws, >= 0.
        rng : Generator, int or None
            Source of randomness (SPEC 7).

        Returns
        -------
        ndarray of shape (size,)
            Positions in 0..n-1.
        """
        if self.sequential:
            raise ValueError(f"sampler must have a law on pools to draw from, got {self}")
        pool = losses_array(losses)
        if pool.ndim != 1:
            raise ValueError(f"losses must be one pool (1-D), got shape {pool.shape}")
        out = np.empty(check_int("size", size, low=0, most=MOST_SIZE), dtype=np.int64)
        draw_many(self.weights(pool), np.uint64(to_seed(rng)), out)
        return out

    def rank_distribution(self, n_neg: int, *, replace: bool = False) -> NDArray[np.float64]:
        """Exact share of the sampling probability on each rank among all negatives, hardest first, shape (n_neg,).

        Parameters
        ----------
        n_neg : int
            Number of negatives n_-, all with different losses.
        replace : bool
            Whether pools are drawn with replacement.

        Raises
        ------
        ValueError
            Where the law depends on the losses themselves and not only on their order; use
            :func:`sim.sampling.simulate_rank_distribution` there. Also for a pool larger than n_neg drawn without
            replacement.
        """
        raise ValueError(f"{self} has no rank distribution free of the losses; use simulate_rank_distribution instead")

    def opauc_mixture(self, n_neg: int, *, replace: bool = False) -> NDArray[np.float64]:
        """Weights over k = 1..n_neg of the exact objectives OPAUC(k / n_neg) that this sampler optimises on average."""
        return mixture_from_weights(self.rank_distribution(n_neg, replace=replace))

    def effective_beta(self, n_neg: int, *, replace: bool = False) -> float:
        """Mean of beta under :meth:`opauc_mixture`: one scale of hardness for all rank-based samplers."""
        mixture = self.opauc_mixture(n_neg, replace=replace)
        return float(mixture @ np.arange(1, mixture.size + 1)) / mixture.size

    def _check_n_neg(self, n_neg: int, replace: bool) -> int:
        if self.proposal != "uniform":
            raise ValueError(f"{self} has no rank distribution free of item counts; use simulate_rank_distribution")
        n = check_int("n_neg", n_neg, low=1, most=MOST_SIZE)
        if not replace and n < self.N:
            raise ValueError(f"n_neg must be >= N={self.N} to draw pools without replacement, got {n}")
        return n


def mixture_from_weights(rank_weights: ArrayLike) -> NDArray[np.float64]:
    """Rank weights as a mixture of hard cuts, by Abel summation (T1-pool).

    Parameters
    ----------
    rank_weights : array_like of shape (n,)
        Probability w_r on rank r, hardest first.

    Returns
    -------
    ndarray of shape (n,)
        Entry k-1 is k (w_k - w_{k+1}), the weight of OPAUC(k/n). It sums to the sum of the w; entries are negative
        exactly where w increases.

    Examples
    --------
    >>> mixture_from_weights([0.5, 0.25, 0.25]).tolist()
    [0.25, 0.0, 0.75]
    """
    w = np.asarray(rank_weights, dtype=np.float64)
    return np.arange(1, w.size + 1) * (w - np.append(w[1:], 0.0))
