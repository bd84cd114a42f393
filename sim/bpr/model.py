"""BPRMF: matrix factorisation trained by Bayesian personalised ranking with any negative sampler."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from tqdm import tqdm

from .. import __version__
from .._jit import MAX_THREADS
from .._random import to_seed
from .._simd import LANES
from .._validation import check_int
from ..sampling import DNS, Sampler
from . import _kernels as kernels
from ._schedule import Settings
from ._store import read_npz, write_npz
from ._training import TABLES, Checkpoint, Epoch, Watch, interactions
from .evaluate import evaluate, recommend_rows

__all__ = ["BPRMF", "Diverged"]


class Diverged(ArithmeticError):
    """Training produced NaN or infinite factors."""


class BPRMF:
    r"""Matrix factorisation with the pairwise logistic loss and hard negative sampling.

    For every observed pair (u, i) of a mini-batch a pool of N items is drawn uniformly and weighed by the sampler:

    .. math:: \min_\theta \sum_{(u,i)} \sum_j p_{uij} \log(1 + \exp(r_{uj} - r_{ui})), \quad r_{ui} = U_u \cdot V_i,

    with p held constant in the gradient. By default the optimiser is dense Adam with the L2 term in the gradient of
    every row at every step. Results are bit-identical for any number of threads and after a resume.

    Parameters
    ----------
    factors : int
        Dimension d of the embeddings.
    sampler : Sampler
        See :mod:`sim.sampling`.
    lr, weight_decay : float
        Adam's learning rate, and the factor of the L2 term added to the gradient.
    epochs : int
        Passes over the observed pairs.
    batch_size : int
        Pairs a step.
    exclude_positives : bool
        Keep the user's train positives out of the pools, as the paper's text says (its program leaves them in).
    replace : bool
        Draw pools with replacement.
    sum_negatives : bool
        Multiply a pair's loss by the number of kept negatives, as the published program does. Then M also changes
        the weight of the data against the L2 term; the default, the weighted mean, keeps the two apart.
    mean_batch : bool
        Divide the batch's loss by the number of its pairs. Off: the sum, as in the published program.
    lr_decay, lr_decay_every : float, int
        The learning rate is multiplied by ``lr_decay`` every ``lr_decay_every`` epochs.
    init_scale : float
        Standard deviation of the normal start values.
    dtype : {"float32", "float64"}
        Precision of factors and arithmetic.
    optimizer : {"adam", "adamw", "sgd", "adagrad"}
        Adam with L2 in the gradient (as published), with decoupled decay, plain SGD, or AdaGrad.
    sparse : bool
        Update only the rows that a batch touches, decay included. Off: every row at every step, as published.
    rng : Generator, int or None
        Source of the seed (SPEC 7).
    n_threads : int, optional
        Threads to use; all that numba may use by default. The result does not depend on it.

    Attributes
    ----------
    user_factors, item_factors : ndarray of shapes (n_users, d), (n_items, d)
        The embeddings.
    history_ : list of dict
        One entry an epoch: epoch, loss (mean over pairs), seconds, and validation metrics where they were computed.
    seed_ : int
        The seed in use; with the same data and settings it gives the same bits.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import sparse
    >>> from sim.bpr import BPRMF
    >>> from sim.sampling import DNS
    >>> X = sparse.lil_matrix(np.kron(np.eye(2), np.ones((40, 6))))  # two groups of users with their own items
    >>> X[0, 5] = 0
    >>> model = BPRMF(factors=8, sampler=DNS(2, 4), lr=0.02, epochs=30, batch_size=16, rng=0).fit(X)
    >>> ids, scores = model.recommend(0, X[0].tocsr(), N=1)
    >>> int(ids[0])
    5
    """

    def __init__(
        self,
        factors: int = 32,
        sampler: Sampler = DNS(5, 200),  # noqa: B008 (frozen)
        lr: float = 0.001,
        weight_decay: float = 0.01,
        epochs: int = 100,
        batch_size: int = 4096,
        *,
        exclude_positives: bool = True,
        replace: bool = True,
        sum_negatives: bool = False,
        mean_batch: bool = False,
        lr_decay: float = 0.95,
        lr_decay_every: int = 5,
        init_scale: float = 0.1,
        dtype: str = "float32",
        optimizer: str = "adam",
        sparse: bool = False,
        rng: np.random.Generator | int | None = None,
        n_threads: int | None = None,
    ) -> None:
        if not isinstance(sampler, Sampler):
            raise TypeError(f"sampler must be a Sampler such as DNS(5, 200), got {sampler!r}")
        self.settings = Settings(
            factors, lr, weight_decay, epochs, batch_size, exclude_positives, replace, sum_negatives, mean_batch,
            lr_decay, lr_decay_every, init_scale, dtype, optimizer, sparse,
        )  # fmt: skip
        self.sampler = sampler
        self.rng = rng
        self.n_threads = None if n_threads is None else check_int("n_threads", n_threads, low=1)
        if self.n_threads is not None and self.n_threads > MAX_THREADS:
            raise ValueError(f"n_threads must be <= {MAX_THREADS} on this machine, got {n_threads}")
        self.seed_ = to_seed(rng)
        self.history_: list[dict[str, Any]] = []
        self._tables: dict[str, NDArray[Any]] = {}
        self._epoch = 0

    # -- parameters ---------------------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Constructor arguments by name (scikit-learn convention)."""
        return {"sampler": self.sampler, **self.settings.as_dict(), "rng": self.rng, "n_threads": self.n_threads}

    def set_params(self, **params: Any) -> BPRMF:
        """Set constructor arguments; unknown names are an error. The model becomes unfitted."""
        current = self.get_params()
        unknown = sorted(set(params) - set(current))
        if unknown:
            raise ValueError(f"parameters must be among {', '.join(sorted(current))}, got {', '.join(unknown)}")
        self.__init__(**{**current, **params})  # type: ignore[misc]
        return self

    def __repr__(self) -> str:
        s = self.settings
        return f"BPRMF(factors={s.factors}, sampler={self.sampler}, lr={s.lr:g}, weight_decay={s.weight_decay:g})"

    @property
    def user_factors(self) -> NDArray[Any]:
        """Embeddings of the users, (n_users, d)."""
        return self._table("U")[:, : self.settings.factors]

    @property
    def item_factors(self) -> NDArray[Any]:
        """Embeddings of the items, (n_items, d)."""
        return self._table("V")[:, : self.settings.factors]

    def _table(self, name: str) -> NDArray[Any]:
        if name not in self._tables:
            raise RuntimeError("the model is not fitted: call fit first")
        return self._tables[name]

    # -- training -----------------------------------------------------------------------------------------------

    def fit(
        self,
        user_items: Any,
        *,
        valid: Any | None = None,
        metric: str = "ndcg@20",
        evaluate_every: int = 5,
        patience: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_minutes: float = 5.0,
        callbacks: Iterable[Callable[[BPRMF, dict[str, Any]], bool | None]] = (),
        progress: bool = False,
    ) -> BPRMF:
        """Train from new start values.

        Parameters
        ----------
        user_items : sparse matrix of shape (n_users, n_items)
            Observed pairs: every positive entry is one. Negative or NaN entries are an error.
        valid : sparse matrix of the same shape, optional
            Held-out positives to watch. The factors of the best epoch by ``metric`` are kept.
        metric : str
            "NAME@K" with NAME one of recall, precision, ndcg, ap, mrr, hit.
        evaluate_every : int
            Epochs between validations.
        patience : int, optional
            Stop after this many validations without a new best.
        checkpoint : path, optional
            Write the whole state there at least every ``checkpoint_minutes`` and at the end; if the file exists and
            belongs to the same settings, seed and data, continue from it, to the same bits as an uninterrupted run.
        callbacks : iterable of callable
            Called as ``callback(model, record)`` after every epoch; returning True stops the training.
        progress : bool
            Show a progress bar with loss and speed.

        Returns
        -------
        BPRMF
            The model itself.

        Raises
        ------
        Diverged
            If factors become NaN or infinite; the message names the epoch.
        """
        train = interactions(user_items)
        watch = Watch(metric, evaluate_every, patience, train, valid)
        self._epoch, self.history_ = 0, []
        self._start_tables(train.shape)
        store = Checkpoint(checkpoint, checkpoint_minutes, self._identity(train)) if checkpoint is not None else None
        if store is not None:
            self._epoch, self.history_ = store.resume(self._tables, watch)
        return self._run(train, self.settings.epochs, watch, store, tuple(callbacks), progress)

    def partial_fit(self, user_items: Any, *, epochs: int = 1, progress: bool = False) -> BPRMF:
        """Go on for ``epochs`` more epochs, from the present factors and optimiser state if there are any."""
        train = interactions(user_items)
        if self._tables and (len(self._tables["U"]), len(self._tables["V"])) != train.shape:
            known = (len(self._tables["U"]), len(self._tables["V"]))
            raise ValueError(f"user_items must have the fitted shape {known}, got {train.shape}")
        if not self._tables:
            self._start_tables(train.shape)
        watch = Watch("ndcg@20", 1, None, train, None)
        return self._run(train, self._epoch + check_int("epochs", epochs, low=0), watch, None, (), progress)

    def _start_tables(self, shape: tuple[int, int]) -> None:
        s = self.settings
        width = -(-s.factors // LANES) * LANES
        self._tables = {
            name: np.zeros((shape[0] if name.endswith("U") else shape[1], width), s.dtype) for name in TABLES
        }
        scale = np.dtype(s.dtype).type(s.init_scale)
        for number, name in enumerate("UV"):
            kernels.fill_normal(np.uint64(self.seed_), number, scale, s.factors, self._tables[name])

    def _identity(self, train: sparse.csr_matrix) -> dict[str, Any]:
        digest = hashlib.sha256(train.indptr.tobytes() + train.indices.tobytes()).hexdigest()
        return {
            "sampler": repr(self.sampler),
            "seed": self.seed_,
            "data": f"{train.shape} {digest}",
            **self.settings.as_dict(),
        }

    def _run(
        self,
        train: sparse.csr_matrix,
        until: int,
        watch: Watch,
        store: Checkpoint | None,
        callbacks: Sequence[Callable[[BPRMF, dict[str, Any]], bool | None]],
        progress: bool,
    ) -> BPRMF:
        before = numba.get_num_threads()
        numba.set_num_threads(self.n_threads or before)
        bar = tqdm(total=max(0, until - self._epoch) * train.nnz, unit="pair", unit_scale=True, disable=not progress)
        try:
            epoch = Epoch(self, train)
            stopped = watch.stopped
            while self._epoch < until and not stopped:
                start = time.perf_counter()
                loss = epoch.run(self._epoch, bar.update)
                if not np.isfinite(loss) or not all(np.isfinite(self._tables[t]).all() for t in "UV"):
                    raise Diverged(f"factors are not finite after epoch {self._epoch + 1}: use a smaller lr")
                self._epoch += 1
                record = {"epoch": self._epoch, "loss": loss / train.nnz, "seconds": time.perf_counter() - start}
                self.history_.append(record)
                stopped = watch.look(self, record)
                bar.set_postfix(epoch=self._epoch, loss=f"{record['loss']:.4f}", **watch.shown)
                stopped |= any([bool(callback(self, record)) for callback in callbacks])  # noqa: C419 (each is called)
                if store is not None:
                    store.save_if_due(self, watch, final=stopped or self._epoch >= until)
        finally:
            bar.close()
            numba.set_num_threads(before)
        watch.restore(self)
        return self

    # -- use ----------------------------------------------------------------------------------------------------

    def recommend(
        self,
        userid: int | ArrayLike,
        user_items: Any | None = None,
        N: int = 10,
        filter_already_liked_items: bool = True,
    ) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """The best items for one user or several.

        Parameters
        ----------
        userid : int or array_like of int
            User number(s).
        user_items : sparse matrix with one row per entry of ``userid``
            What to leave out; needed unless ``filter_already_liked_items`` is False.
        N : int
            Items per user, 1..n_items.

        Returns
        -------
        ids, scores : ndarray of shape (N,) or (len(userid), N)
            Best first; -1 and -inf where fewer than N items are left.
        """
        users = np.atleast_1d(np.asarray(userid, dtype=None if np.size(userid) else np.int64))
        U, V = self.user_factors, self.item_factors
        if users.ndim != 1 or not np.issubdtype(users.dtype, np.integer):
            raise TypeError(f"userid must be an integer or a 1-D array of them, got {userid!r}")
        if users.size and (users.min() < 0 or users.max() >= len(U)):
            raise ValueError(f"userid must be in 0..{len(U) - 1}, got {users.min()}..{users.max()}")
        n = check_int("N", N, low=1, high=len(V))
        if filter_already_liked_items and user_items is None:
            raise ValueError("user_items must be given to filter liked items; or set filter_already_liked_items=False")
        ids, scores = recommend_rows(U[users], V, n, user_items if filter_already_liked_items else None)
        return (ids[0], scores[0]) if np.ndim(userid) == 0 else (ids, scores)

    def similar_items(self, itemid: int, N: int = 10) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """The ``N`` items nearest to ``itemid`` by cosine, and their cosines.

        The item itself comes first with 1, ties go by item number; a row of zeros has cosine 0 to all others.
        """
        V = self.item_factors
        item = check_int("itemid", itemid, low=0, high=len(V) - 1)
        n = check_int("N", N, low=1, high=len(V))
        norms = np.linalg.norm(V.astype(np.float64), axis=1, keepdims=True)
        unit = (V / np.where(norms > 0, norms, 1)).astype(V.dtype)
        itself = sparse.csr_matrix(([1], ([0], [item])), shape=(1, len(V)))
        ids, cosines = recommend_rows(unit[[item]], unit, n, itself)
        return np.append(np.int32(item), ids[0, : n - 1]), np.append(V.dtype.type(1), cosines[0, : n - 1])

    def evaluate(self, test: Any, **options: Any) -> dict[str, float]:
        """See :func:`sim.bpr.evaluate`; pass ``exclude=train``."""
        return evaluate(self, test, **options)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write factors, optimiser state and history to an .npz file without pickle, atomically."""
        meta = {
            "kind": "BPRMF", "version": __version__, "sampler": type(self.sampler).__name__,
            "sampler_params": self.sampler.get_params(), "settings": self.settings.as_dict(), "seed": self.seed_,
            "epoch": self._epoch, "history": self.history_,
        }  # fmt: skip
        self._table("U")
        write_npz(path, meta, self._tables)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, sampler: Sampler | None = None) -> BPRMF:
        """Read a saved model; ``sampler`` is needed only if it was saved with one defined outside this package."""
        from .. import sampling

        meta, arrays = read_npz(path)
        if meta.get("kind") != "BPRMF" or not set(TABLES) <= set(arrays):
            raise ValueError(f"path must be a saved BPRMF, got {path}: kind {meta.get('kind')!r}")
        if sampler is None:
            factory = getattr(sampling, meta["sampler"], None)
            if factory is None:
                raise ValueError(f"sampler must be given: {path} was saved with {meta['sampler']}, not of this package")
            sampler = factory(**meta["sampler_params"])
        model = cls(sampler=sampler, rng=meta["seed"], **meta["settings"])
        model._tables = {name: np.ascontiguousarray(arrays[name]) for name in TABLES}
        model._epoch, model.history_ = meta["epoch"], meta["history"]
        return model
