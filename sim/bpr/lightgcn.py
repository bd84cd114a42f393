"""LightGCN: embeddings averaged over the layers of the user-item graph, trained as :class:`sim.bpr.BPRMF` is.

The final embeddings F are linear in the parameters E: F = P E with the symmetric matrix P. So a batch is: propagate;
run BPRMF's batch on F with an optimiser that takes no step but keeps the gradient; propagate that back, by the same P,
and take the step on E. No line of sampling, loss or optimiser is written twice, and every sampler works here too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..core.simd import aligned_zeros
from ..core.validation import MOST_LAYERS, MOST_SIZE, check_int
from ..sampling import Sampler
from .epoch import Epoch, threads
from .kernels import graph as kernels
from .kernels.optimizer import ADAM
from .kernels.structs import Optimizer, Tables, Work
from .model import BPRMF
from .saved import checked_table
from .settings import Settings

__all__ = ["Graph", "LightGCN"]

_TASKS = 64  # tasks a side of the graph
_FINAL = ("FU", "FV")  # names of the final embeddings, of users and of items

Pair = tuple[NDArray[Any], NDArray[Any]]


@dataclass(frozen=True)
class GraphSettings(Settings):
    """What decides a run of :class:`LightGCN`."""

    layers: int = 3
    refresh: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("layers", self.layers, low=0, most=MOST_LAYERS)
        check_int("refresh", self.refresh, low=1, most=MOST_SIZE)
        for name in ("sparse", "item_bias"):
            if getattr(self, name):
                raise ValueError(f"{name} must be False for LightGCN, got True")


class Graph:
    r"""The train pairs as a bipartite graph, and its mean propagation.

    .. math:: P = \frac{1}{K+1} \sum_{k=0}^{K} (D^{-1/2} A D^{-1/2})^k,

    computed as E + S A S (E + S A S (E + ...)), S = D^(-1/2): no layer is kept. A node without edges keeps E / (K + 1).

    Parameters
    ----------
    pairs : csr_matrix of shape (n_users, n_items)
        The edges: entries that are not zero.
    layers : int
        K.
    width : int
        Columns of the tables.
    dtype : str
        Type of the tables.
    """

    def __init__(self, pairs: sparse.csr_matrix, layers: int, width: int, dtype: str) -> None:
        edges = sparse.csr_matrix(pairs, dtype=np.int8, copy=True)
        edges.eliminate_zeros()
        if layers == 0:  # the mean of one layer has no neighbours in it
            edges = sparse.csr_matrix(edges.shape, dtype=np.int8)
        self.hops = max(1, layers)
        both = (edges, edges.T.tocsr())
        degrees = [np.diff(side.indptr) for side in both]
        roots = [np.where(d > 0, 1 / np.sqrt(np.maximum(d, 1)), 0.0) for d in degrees]
        self.roots = tuple(r.astype(dtype) for r in roots)
        parts = [_edges(side) for side in both]
        self.inner = tuple((*p, r.astype(dtype), (r * r).astype(dtype)) for p, r in zip(parts, roots))
        share = 1 / (layers + 1)
        self.last = tuple(
            (*p, np.full(r.size, share).astype(dtype), (share * r).astype(dtype)) for p, r in zip(parts, roots)
        )
        self.ones = np.ones(max(int(d.max()) for d in degrees), dtype)
        self.work = [tuple(aligned_zeros((n, width), dtype) for n in edges.shape) for _ in range(min(2, self.hops))]

    def spread(self, base: Pair, out: Pair) -> None:
        """``out = P base``, for pairs of tables of users and items."""
        kernels.hop(*self.last, self.ones, base, self._all_but_last(base), out)

    def step(self, gradients: Pair, users: Any, items: Any, step: int, optimizer: Any) -> None:
        """The optimiser's step on (factors, moments) of users and items, by the gradient ``P gradients``.

        ``gradients`` are used up: zero afterwards.
        """
        kernels.hop_and_step(
            *self.last, self.ones, gradients, self._all_but_last(gradients), users, items, step, optimizer
        )

    def _all_but_last(self, base: Pair) -> Any:
        """The source of the last hop."""
        now = self.work[0]
        for roots, table, out in zip(self.roots, base, now):
            kernels.scale_rows(roots, table, out)
        for hop in range(1, self.hops):
            now, before = self.work[hop % 2], now
            kernels.hop(*self.inner, self.ones, base, before, now)
        return now


def _edges(side: sparse.csr_matrix) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Row pointers, neighbours in ascending order, and the rows where tasks of about equal work begin and end."""
    side.sort_indices()
    indptr = side.indptr.astype(np.int64)
    work = indptr + np.arange(indptr.size)
    bounds = np.searchsorted(work, np.linspace(0, work[-1], _TASKS + 1))
    return indptr, side.indices.astype(np.int32), bounds


class GraphEpoch(Epoch):
    """An epoch whose batches see the propagated tables and move the parameters."""

    s: GraphSettings

    def __init__(self, model: LightGCN, train: sparse.csr_matrix, graph: Graph) -> None:
        super().__init__(model, train)
        self.graph, self.batches = graph, self.loop
        U, V = self.work.tables.U, self.work.tables.V
        self.final, self.gradients, nothing = ((np.zeros_like(U), np.zeros_like(V)) for _ in range(3))
        self.seen = Tables(
            self.final[0], self.gradients[0], nothing[0], self.final[1], self.gradients[1], nothing[1], self.done
        )
        # Adam with beta1 = 0, beta2 = 1 and steps of size 0 is the optimiser that leaves the gradient in the first
        # moment and all else as it is.
        hyper = np.array([0, 0, 0, 1, 1], U.dtype)
        self.keep = Optimizer(ADAM, hyper, np.zeros(self.n_batches, U.dtype), np.ones(self.n_batches, U.dtype), -1)
        self.loop = self._loop

    def factors(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """The final embeddings."""
        self.graph.spread((self.work.tables.U, self.work.tables.V), self.final)
        return self.final

    @property
    def slice(self) -> int:
        """Batches between two looks at the clock: whole periods of the refreshment, which always starts a slice."""
        return self._slice

    @slice.setter
    def slice(self, batches: int) -> None:
        self._slice = -(-batches // self.s.refresh) * self.s.refresh

    def _loop(self, first: int, last: int, batch_size: int, dealt: Any, work: Work, losses: Any) -> None:
        tables = work.tables
        # only the rows that a batch touches have a gradient
        seen = work._replace(tables=self.seen, optimizer=self.keep, flags=work.flags._replace(sparse=True))
        for b in range(first, last):
            if b % self.s.refresh == 0:
                self.graph.spread((tables.U, tables.V), self.final)
            self.batches(b, b + 1, batch_size, dealt, seen, losses)
            self.graph.step(self.gradients, tables[:3], tables[3:6], b, work.optimizer)
        self.done[:] = last  # nothing was postponed


class LightGCN(BPRMF):
    r"""Mean propagation over the user-item graph, with the losses, samplers and optimisers of :class:`BPRMF`.

    .. math:: F = \frac{1}{K+1} \sum_{k=0}^{K} \hat A^k E, \quad \hat A = D^{-1/2} A D^{-1/2}, \quad
        r_{ui} = F_u \cdot F_i,

    with A the adjacency matrix of the bipartite graph of the train pairs (ignored pairs are no edges). The parameters
    are E; the gradient in them is the symmetric operator of the mean applied to the gradient in F; the L2 term is on
    all rows of E at every step, as in the published program. With ``layers=0`` it is :class:`BPRMF`, bit for bit.

    An epoch costs 2 ``layers`` products with the adjacency matrix a batch besides :class:`BPRMF`'s epoch: larger
    batches make it cheaper in proportion.

    Parameters
    ----------
    factors, sampler, lr, weight_decay, epochs, batch_size
        As in :class:`BPRMF`.
    layers : int
        K >= 0.
    refresh : int
        Propagate the parameters forwards only every so many batches, >= 1, so that pools are scored, and gradients
        taken, at embeddings that are up to ``refresh - 1`` steps old. Gradients are propagated back in every batch.
    **options
        The other arguments of :class:`BPRMF`; ``sparse`` and ``item_bias`` must be False.

    Attributes
    ----------
    user_factors, item_factors : ndarray of shapes (n_users, d), (n_items, d)
        The final embeddings F.
    history_, seed_
        As in :class:`BPRMF`.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from sim.bpr import LightGCN
    >>> from sim.sampling import DNS
    >>> X = sparse.lil_matrix(np.kron(np.eye(2), np.ones((40, 6))))  # two groups of users with their own items
    >>> X[0, 5] = 0
    >>> model = LightGCN(factors=8, layers=2, sampler=DNS(2, 4), lr=0.02, epochs=10, batch_size=64, rng=0).fit(X)
    >>> ids, scores = model.recommend(0, X[0].tocsr(), N=1)
    >>> int(ids[0])
    5
    """

    settings: GraphSettings

    def __init__(
        self,
        factors: int = 32,
        sampler: Sampler | None = None,
        lr: float | None = None,
        weight_decay: float | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        *,
        layers: int = 3,
        refresh: int = 1,
        **options: Any,
    ) -> None:
        super().__init__(factors, sampler, lr, weight_decay, epochs, batch_size, **options)
        self.settings = GraphSettings(**self.settings.as_dict(), layers=layers, refresh=refresh)

    @property
    def user_factors(self) -> NDArray[Any]:
        """Final embeddings of the users, (n_users, d)."""
        return self._final("FU")

    @property
    def item_factors(self) -> NDArray[Any]:
        """Final embeddings of the items, (n_items, d)."""
        return self._final("FV")

    def _final(self, name: str) -> NDArray[Any]:
        """A table of final embeddings; they are computed when first asked for after the parameters moved."""
        if self._tables and name not in self._tables:
            base = (self._tables["U"], self._tables["V"])
            final = (np.empty_like(base[0]), np.empty_like(base[1]))
            with threads(self.n_threads):
                self._graph.spread(base, final)
            self._tables |= dict(zip(_FINAL, final))
        return self._table(name)[:, : self.settings.columns]

    def _make_epoch(self, train: sparse.csr_matrix) -> Epoch:
        width = self._tables["U"].shape[1]
        self._graph = Graph(train, self.settings.layers, width, self.settings.dtype)
        return GraphEpoch(self, train, self._graph)

    def _advance(self, epoch: Epoch, tick: Callable[[int], Any], stop: Callable[[], bool]) -> None:
        for name in _FINAL:
            self._tables.pop(name, None)
        super()._advance(epoch, tick, stop)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write parameters, final embeddings, optimiser state and history; see :meth:`BPRMF.save`."""
        self._final("FU")
        super().save(path)

    def _adopt(self, path: str | os.PathLike[str], arrays: dict[str, NDArray[Any]]) -> None:
        super()._adopt(path, arrays)
        for name in _FINAL:
            like = self._tables[name[1]]
            self._tables[name] = checked_table(path, name, arrays, like.shape, self.settings.dtype)
