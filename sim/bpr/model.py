"""BPRMF: matrix factorisation trained by Bayesian personalised ranking with any negative sampler."""

from __future__ import annotations

import contextlib
import inspect
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from tqdm import tqdm

from .. import __version__
from ..core.npz import read_npz, write_npz
from ..core.pairs import fingerprint, with_ignored
from ..core.random import to_seed
from ..core.simd import aligned
from ..core.validation import MOST_EPOCHS, MOST_SIZE, check_int
from ..sampling import Sampler
from .defaults import Given
from .epoch import Diverged, Epoch, Interrupt, interactions, start_tables, threads, trainable
from .evaluate import scores_overflow
from .recommender import Recommender
from .saved import checked_tables, entry, known_settings, run_state, saved_sampler
from .settings import Settings
from .watch import Checkpoint, Watch

__all__ = ["BPRMF", "Diverged"]


class BPRMF(Recommender):
    r"""Matrix factorisation with the pairwise logistic loss and hard negative sampling.

    For every observed pair (u, i) of a mini-batch a pool of N items is drawn uniformly and weighed by the sampler:

    .. math:: \min_\theta \sum_{(u,i)} \sum_j p_{uij} \log(1 + \exp(r_{uj} - r_{ui})), \quad r_{ui} = U_u \cdot V_i,

    with p held constant in the gradient. By default the optimiser is dense Adam with the L2 term in the gradient of
    every row at every step. Results are bit-identical for any number of threads and after a resume.

    Parameters
    ----------
    factors : int
        Dimension d of the embeddings.
    sampler : Sampler, optional
        See :mod:`sim.sampling`. What is None, here and below, :meth:`fit` chooses by the size and density of its data
        (:mod:`sim.bpr.defaults` says how); what is given stays. After it ``sampler`` and ``settings`` are those used.
    lr, weight_decay : float, optional
        Adam's learning rate, and the factor of the L2 term added to the gradient.
    epochs, batch_size : int, optional
        Passes over the observed pairs; pairs a step.
    exclude_positives : bool
        Keep the user's train positives out of the pools, as the paper's text says (its program leaves them in).
    replace : bool
        Draw pools with replacement.
    sum_negatives : bool
        With rank-based samplers, multiply a pair's loss by the number of kept negatives, as the published program does
        for DNS. Then M also changes the weight of the data against the L2 term; the default, the mean, keeps the two
        apart.
    lr_decay, lr_decay_every : float, int
        The learning rate is multiplied by ``lr_decay`` every ``lr_decay_every`` epochs.
    init_scale : float
        Standard deviation of the normal start values.
    dtype : {"float32", "float64"}
        Precision of factors and arithmetic.
    optimizer : {"adam", "sgd"}
        Adam with L2 in the gradient, as published, or plain SGD.
    sparse : bool
        Update only the rows that a batch touches, decay included. Off: every row at every step, as published.
    item_bias : bool
        Learn a bias per item, starting from 0, under the same L2 term: the last column of ``item_factors``, where
        ``user_factors`` is 1. There is none per user: it changes no ranking, and cancels in every loss of differences
        of scores, which all are but "bce" and "llpauc".
    loss : {"bpr", "hinge", "bce", "llpauc", "infonce", "sampled-softmax", "psl"}
        What is minimised for a pair and its weighted negatives, see :mod:`sim.bpr.kernels.loss`: the pairwise logistic
        loss; the triplet loss; the pointwise logistic loss; the squared loss of LLPAUC; InfoNCE over the negatives with
        a weight; the softmax over the catalogue estimated from them; the pairwise softmax loss.
    margin, temperature : float
        Margin of "hinge"; temperature of "infonce", "sampled-softmax" and "psl".
    share : float
        For "llpauc", the share of each user's positives, the best-scored ones, that count: its alpha, in (0, 1].
    pairs_per_pool : int
        So many pairs of a batch, of different users where it can be, share one pool of N uniform items, which is then
        scored while it is in the cache. A pair draws again the places that hold its user's positives, so that the law
        of its negatives stays; only their correlation within a batch rises. 1: each pair draws its own.
    rng : Generator, int or None
        Source of the seed (SPEC 7).
    n_threads : int, optional
        Use at most so many threads, in training and afterwards; by default, and at most, all that numba may use in the
        process (``NUMBA_NUM_THREADS``; in joblib's loky workers their share of the cores, unless it is set by hand:
        then ``parallel_config(inner_max_num_threads=1)``). The result does not depend on it. Python threads and forked
        processes are no places for numba's parallel code.

    Attributes
    ----------
    user_factors, item_factors : ndarray of shapes (n_users, d), (n_items, d)
        The embeddings; d + 1 columns with ``item_bias``.
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
        sampler: Sampler | None = None,
        lr: float | None = None,
        weight_decay: float | None = None,
        epochs: int | None = None,
        batch_size: int | None = None,
        *,
        exclude_positives: bool = True,
        replace: bool = True,
        sum_negatives: bool = False,
        lr_decay: float = 0.95,
        lr_decay_every: int = 5,
        init_scale: float = 0.1,
        dtype: str = "float32",
        optimizer: str = "adam",
        sparse: bool = False,
        item_bias: bool = False,
        loss: str = "bpr",
        margin: float = 1.0,
        temperature: float = 1.0,
        share: float = 1.0,
        pairs_per_pool: int = 1,
        rng: np.random.Generator | int | None = None,
        n_threads: int | None = None,
    ) -> None:
        if not (sampler is None or isinstance(sampler, Sampler)):
            raise TypeError(f"sampler must be a Sampler such as DNS(5, 200), got {sampler!r}")
        self._given = Given(sampler, lr, weight_decay, epochs, batch_size)
        self.settings = Settings(
            factors, exclude_positives=exclude_positives, replace=replace, sum_negatives=sum_negatives,
            lr_decay=lr_decay, lr_decay_every=lr_decay_every, init_scale=init_scale, dtype=dtype,
            optimizer=optimizer, sparse=sparse, item_bias=item_bias, loss=loss, margin=margin, temperature=temperature,
            share=share, pairs_per_pool=pairs_per_pool, **self._given.settings(),
        )  # fmt: skip
        self.sampler: Any = sampler
        self.rng = rng
        self.n_threads = None if n_threads is None else check_int("n_threads", n_threads, low=1, most=MOST_SIZE)
        self.seed_ = to_seed(rng)
        self.history_: list[dict[str, Any]] = []
        self._tables: dict[str, NDArray[Any]] = {}
        # Whole epochs done; of the one that was interrupted: batches done, their loss, and on which pairs.
        self._epoch, self._batch, self._loss, self._pairs = 0, 0, 0.0, ""

    # -- parameters ---------------------------------------------------------------------------------------------

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Constructor arguments by name (scikit-learn convention); None for what is left to the data."""
        return {**self.settings.as_dict(), **self._given.as_dict(), "rng": self.rng, "n_threads": self.n_threads}

    def set_params(self, **params: Any) -> BPRMF:
        """Set constructor arguments; the model becomes unfitted. Unknown names and bad values leave it as it was."""
        current = self.get_params()
        unknown = sorted(set(params) - set(current))
        if unknown:
            raise ValueError(f"parameters must be among {', '.join(sorted(current))}, got {', '.join(unknown)}")
        self.__dict__ = vars(type(self)(**{**current, **params}))
        return self

    def __repr__(self) -> str:
        """The arguments that are not at their defaults."""
        defaults: dict[str, Any] = {}
        for kind in reversed(type(self).__mro__):
            defaults |= {name: p.default for name, p in inspect.signature(kind.__init__).parameters.items()}  # type: ignore[misc]
        params = self.get_params()
        shown = (n for n in sorted(params, key=[*defaults].index) if params[n] != defaults[n])
        return f"{type(self).__name__}({', '.join(f'{n}={_shown(params[n])}' for n in shown)})"

    def settled(self, user_items: Any) -> tuple[Sampler, Settings]:
        """The sampler and the settings that :meth:`fit` will use for these data."""
        return self._given.settle(interactions(user_items), self.settings)

    def choice(self, user_items: Any) -> str:
        """What :meth:`fit` will choose for these data and why, in words; empty if all was given."""
        return self._given.words(interactions(user_items), self.settings)

    @property
    def user_factors(self) -> NDArray[Any]:
        """Embeddings of the users, (n_users, d)."""
        return self._table("U")[:, : self.settings.columns]

    @property
    def item_factors(self) -> NDArray[Any]:
        """Embeddings of the items, (n_items, d)."""
        return self._table("V")[:, : self.settings.columns]

    def _table(self, name: str) -> NDArray[Any]:
        if name not in self._tables:
            raise RuntimeError("the model is not fitted: call fit first")
        return self._tables[name]

    # -- training -----------------------------------------------------------------------------------------------

    def fit(
        self,
        user_items: Any,
        *,
        ignore: Any | None = None,
        valid: Any | None = None,
        metric: str = "ndcg@20",
        evaluate_every: int = 5,
        patience: int | None = None,
        checkpoint: str | os.PathLike[str] | None = None,
        checkpoint_minutes: float = 5.0,
        checkpoint_epochs: int | None = None,
        callbacks: Iterable[Callable[[BPRMF, dict[str, Any]], bool | None]] = (),
        progress: bool = False,
    ) -> BPRMF:
        """Train from new start values.

        Parameters
        ----------
        user_items : sparse matrix of shape (n_users, n_items)
            Observed pairs: every positive entry is one. Negative or NaN entries are an error.
        ignore : sparse matrix of the same shape, optional
            Pairs that are neither trained on nor drawn as negatives: known or suspected positives.
        valid : sparse matrix of the same shape, optional
            Held-out positives to watch, apart from the pairs of ``user_items``. At the end the model is put back to
            its state after the best epoch by ``metric``, optimiser included: :meth:`partial_fit` goes on from there.
        metric : str
            "NAME@K" with NAME one of recall, precision, ndcg, ap, mrr, hit.
        evaluate_every : int
            Epochs between validations; the last epoch is validated too.
        patience : int, optional
            Stop after this many validations without a new best.
        checkpoint : path, optional
            Write the whole state there after epochs (see below), at the end and on Ctrl-C; if the file exists and
            belongs to the same settings, seed, data and validation, continue from it, to the same bits as an
            uninterrupted run. ``epochs`` may have grown since.
        checkpoint_minutes, checkpoint_epochs : float, int, optional
            Write after the first epoch that ends so many minutes after the last writing, and after every so many
            epochs.
        callbacks : iterable of callable
            Called as ``callback(model, record)`` after every epoch and its validation, with the entry of
            ``history_``; returning True stops the training.
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
        KeyboardInterrupt
            On Ctrl-C, between two batches; :meth:`partial_fit`, or :meth:`fit` with the same ``checkpoint``, goes on
            from there to the same bits as an uninterrupted run. A second Ctrl-C stops at once.
        OSError, ValueError
            If ``checkpoint`` cannot be written, is damaged, or is of another run. Bad arguments are found before the
            training starts. What fails before the first epoch or in the midst of a step, a second Ctrl-C included,
            leaves the model as it was; what fails between epochs, such as a callback, leaves it after the last one.
        """
        before = dict(vars(self))
        with self._or_as(before):
            train = self._pairs_of(user_items, ignore, anew=True)
            watch = Watch(metric, evaluate_every, patience, train, valid)
            calls = tuple(callbacks)
            for callback in calls:
                if not callable(callback):
                    raise TypeError(f"callbacks must be callable, got {callback!r}")
            pace = (checkpoint_minutes, checkpoint_epochs)
            store = Checkpoint(checkpoint, *pace, self, watch) if checkpoint is not None else None
            if store is None or not store.resume(self):
                self._start(train.shape)
        return self._run(before, train, self.settings.epochs, watch, store, calls, progress)

    def partial_fit(
        self, user_items: Any, *, ignore: Any | None = None, epochs: int = 1, progress: bool = False
    ) -> BPRMF:
        """Go on until ``epochs`` more epochs are done, from the present factors and optimiser state if there are any.

        An epoch that was interrupted is finished first and counts as one of them. ``ignore`` is as in :meth:`fit`.
        Adam's corrections of its moments take the epochs before to have had as many batches as these. The work is done
        on a copy of the tables, which may be read-only: a failure leaves the model as :meth:`fit` says.
        """
        more, before = check_int("epochs", epochs, low=0, most=MOST_EPOCHS), dict(vars(self))
        with self._or_as(before):
            train = self._pairs_of(user_items, ignore, anew=not self._tables)
        known = (len(self._tables["U"]), len(self._tables["V"])) if self._tables else train.shape
        if known != train.shape:
            raise ValueError(f"user_items must have the fitted shape {known}, got {train.shape}")
        if self._batch and self._pairs != fingerprint(train):
            raise ValueError("user_items and ignore must be those of the interrupted epoch, got others")
        with self._or_as(before):
            if self._tables:
                self._tables = {name: aligned(table) for name, table in self._tables.items()}
            else:
                self._start(train.shape)
        watch = Watch("ndcg@20", 1, None, train, None)
        return self._run(before, train, self._epoch + more, watch, None, (), progress)

    def _pairs_of(self, user_items: Any, ignore: Any | None, anew: bool) -> sparse.csr_matrix:
        train = interactions(user_items)
        if anew:
            self.sampler, self.settings = self._given.settle(train, self.settings)
        trainable(train, self)
        if ignore is None:
            return train
        if not self.settings.exclude_positives:
            raise ValueError("ignore must be None with exclude_positives=False, got a matrix")
        if self.settings.loss == "llpauc":
            raise ValueError("ignore must be None with loss='llpauc', which ranks all positives, got a matrix")
        return with_ignored(train, ignore)

    @contextlib.contextmanager
    def _or_as(self, before: dict[str, Any]) -> Iterator[None]:
        """Put the model back to ``before`` if the block fails: no half-made step is left."""
        try:
            yield
        except BaseException:
            self.__dict__ = before
            raise

    def _start(self, shape: tuple[int, int]) -> None:
        self._epoch, self._batch, self._loss, self.history_ = 0, 0, 0.0, []
        self._tables = start_tables(shape, self.settings, self.seed_)

    def _run(
        self,
        before: dict[str, Any],
        train: sparse.csr_matrix,
        until: int,
        watch: Watch,
        store: Checkpoint | None,
        callbacks: Sequence[Callable[[BPRMF, dict[str, Any]], bool | None]],
        progress: bool,
    ) -> BPRMF:
        n_pairs = int(train.count_nonzero())
        self.history_ = [r for r in self.history_ if r["epoch"] <= self._epoch]  # the best epoch may have been restored
        left = max(0, until - self._epoch) * n_pairs - min(self._batch * self.settings.batch_size, n_pairs)
        with (
            threads(self.n_threads),
            tqdm(total=left, unit="pair", unit_scale=True, disable=not progress) as bar,
            Interrupt() as interrupt,
        ):
            with self._or_as(before):
                epoch = self._make_epoch(train)
                if self._batch and self._batch >= epoch.n_batches:  # by a file
                    raise ValueError(f"an interrupted epoch must have < {epoch.n_batches} batches, got {self._batch}")
            stopped = watch.stopped
            while self._epoch < until and not stopped:
                start = time.perf_counter()
                with self._or_as(before):
                    self._advance(epoch, bar.update, lambda: interrupt.pending)
                if self._batch < epoch.n_batches:
                    if store is not None:
                        store.save_if_due(self, final=True)
                    raise KeyboardInterrupt(f"stopped in epoch {self._epoch + 1} after {self._batch} batches")
                self._epoch, self._batch, loss, self._loss = self._epoch + 1, 0, self._loss, 0.0
                if not np.isfinite(loss) or scores_overflow(self.user_factors, self.item_factors):
                    raise Diverged(f"factors are not finite or too large after epoch {self._epoch}: use a smaller lr")
                record = {"epoch": self._epoch, "loss": loss / n_pairs, "seconds": time.perf_counter() - start}
                self.history_.append(record)
                stopped = watch.look(self, record)
                bar.set_postfix(epoch=self._epoch, loss=f"{record['loss']:.4f}", **watch.shown)
                stopped |= any([bool(callback(self, record)) for callback in callbacks])  # noqa: C419 (each is called)
                if store is not None:
                    store.save_if_due(self, final=stopped or self._epoch >= until)
            watch.restore(self)
        return self

    def _make_epoch(self, train: sparse.csr_matrix) -> Epoch:
        return Epoch(self, train)

    def _advance(self, epoch: Epoch, tick: Callable[[int], Any], stop: Callable[[], bool]) -> None:
        """Batches of the present epoch, until its end or ``stop()``."""
        self._batch, loss = epoch.run(self._epoch, self._batch, tick, stop)
        self._loss += loss
        self._pairs = fingerprint(epoch.train) if self._batch < epoch.n_batches else ""

    # -- files --------------------------------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write factors, optimiser state and history to an .npz file without pickle, atomically."""
        meta = {
            "kind": type(self).__name__, "version": __version__, "sampler": type(self.sampler).__name__,
            "sampler_params": self.sampler.get_params(), "settings": self.settings.as_dict(), "seed": self.seed_,
            "epoch": self._epoch, "batch": self._batch, "loss": self._loss, "pairs": self._pairs,
            "history": self.history_,
        }  # fmt: skip
        self._table("U")
        write_npz(path, meta, self._tables)

    @classmethod
    def load(cls, path: str | os.PathLike[str], *, sampler: Sampler | None = None) -> BPRMF:
        """Read a saved model; ``sampler`` is needed only if it was saved with one defined outside this package."""
        meta, arrays = read_npz(path)
        if meta.get("kind") != cls.__name__ or not {"U", "V"} <= set(arrays):
            raise ValueError(f"path must be a saved {cls.__name__}, got {path}: kind {meta.get('kind')!r}")
        state = run_state(path, meta)
        try:
            sampler = saved_sampler(path, meta) if sampler is None else sampler
            settings = known_settings(path, entry(path, meta, "settings", dict))
            model = cls(sampler=sampler, rng=entry(path, meta, "seed", int), **settings)
        except TypeError as error:
            raise ValueError(f"path must be a model of this version or an older one, got {path}: {error}") from None
        model._adopt(path, arrays)
        vars(model).update(state)
        return model

    def _adopt(self, path: str | os.PathLike[str], arrays: dict[str, NDArray[Any]]) -> None:
        """Take the tables of a saved model."""
        shape = (arrays["U"].shape or (0,))[0], (arrays["V"].shape or (0,))[0]
        found = checked_tables(path, arrays, "", shape, self.settings, self.sampler)
        self._tables = {name: aligned(table) for name, table in found.items()}


def _shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else repr(value) if isinstance(value, str) else str(value)
