"""What looks at a run between its epochs: the watch on validation, and the checkpoint."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..core.files import check_writable
from ..core.npz import read_npz, write_npz
from ..core.pairs import clean_pairs, fingerprint
from ..core.simd import aligned
from ..core.validation import MOST_SIZE, check_int, check_real
from .epoch import BITS
from .evaluate import METRICS, evaluate
from .saved import best_state, checked_tables, entry, known_settings, run_state

if TYPE_CHECKING:
    from .model import BPRMF

__all__ = ["Checkpoint", "Watch"]


class Watch:
    """Validation: the state of the best epoch so far, and when to stop."""

    def __init__(
        self, metric: str, every: int, patience: int | None, train: sparse.csr_matrix, valid: Any | None
    ) -> None:
        self.metric, self.train = metric, train
        self.every = check_int("evaluate_every", every, low=1, most=MOST_SIZE)
        self.patience = None if patience is None else check_int("patience", patience, low=1, most=MOST_SIZE)
        if self.patience is not None and valid is None:
            raise ValueError("valid must be given when patience is set")
        name, _, k = str(metric).partition("@")
        if name not in METRICS or not k.isdecimal():
            raise ValueError(f"metric must look like 'ndcg@20' with one of {', '.join(METRICS)}, got {metric!r}")
        self.k = check_int("metric's K", int(k), low=1, most=MOST_SIZE)
        self.valid = None if valid is None else clean_pairs("valid", valid, train.shape)
        if self.valid is not None and self.valid.nnz == 0:
            raise ValueError("valid must have at least one positive, got none")
        if self.valid is not None and (both := self.valid.multiply(train).nnz):
            raise ValueError(f"valid must not contain pairs of user_items, got {both} of them")
        self.best, self.best_epoch, self.misses = -np.inf, 0, 0
        self.tables: dict[str, NDArray[Any]] = {}
        self.shown: dict[str, str] = {}

    @property
    def stopped(self) -> bool:
        """Patience is used up."""
        return self.patience is not None and self.misses >= self.patience

    def identity(self) -> dict[str, Any]:
        """What decides which epoch is the best and when to stop."""
        if self.valid is None:
            return {"valid": None}
        return {
            "valid": fingerprint(self.valid), "metric": self.metric, "evaluate_every": self.every,
            "patience": self.patience,
        }  # fmt: skip

    def look(self, model: BPRMF, record: dict[str, Any]) -> bool:
        """Validate if it is time; keep the state if it is the best. True: stop."""
        if self.valid is None or (record["epoch"] % self.every and record["epoch"] != model.settings.epochs):
            return False
        values = evaluate(model, self.valid, exclude=self.train, ks=(self.k,))
        record["valid"] = values
        self.shown = {self.metric: f"{values[self.metric]:.4f}"}
        if values[self.metric] > self.best:
            self.best, self.best_epoch, self.misses = values[self.metric], record["epoch"], 0
            self.tables = {name: table.copy() for name, table in model._tables.items()}
        else:
            self.misses += 1
        return self.stopped

    def restore(self, model: BPRMF) -> None:
        """Put the model back to the best epoch seen, optimiser and epoch number included."""
        if self.tables:
            model._tables, model._epoch = {name: aligned(table) for name, table in self.tables.items()}, self.best_epoch


class Checkpoint:
    """The whole state of a run on disk."""

    def __init__(
        self, path: str | os.PathLike[str], minutes: float, epochs: int | None, model: BPRMF, watch: Watch
    ) -> None:
        self.path, self.watch = Path(path), watch
        self.seconds = 60 * check_real("checkpoint_minutes", minutes, low=0.0)
        self.epochs = None if epochs is None else check_int("checkpoint_epochs", epochs, low=1, most=MOST_SIZE)
        self.identity = {
            "bits": BITS, "sampler": repr(model.sampler), "seed": model.seed_, "data": fingerprint(watch.train),
            **model.settings.as_dict(), **watch.identity(),
        }  # fmt: skip
        self.written = time.monotonic()
        check_writable(self.path)

    def resume(self, model: BPRMF) -> bool:
        """Load the state into the model and its watch, if there is a file; whether there was one."""
        if not self.path.exists():
            return False
        meta, arrays = read_npz(self.path)
        if meta.get("kind") != "checkpoint":
            raise ValueError(f"checkpoint must be a file of a run, got {self.path}: kind {meta.get('kind')!r}")
        state = run_state(self.path, meta)
        self._compare(known_settings(self.path, entry(self.path, meta, "identity", dict)), state["_epoch"])
        shape, watch = self.watch.train.shape, self.watch
        about = (shape, model.settings, model.sampler)
        tables = {name: aligned(t) for name, t in checked_tables(self.path, arrays, "", *about).items()}
        best, best_epoch, misses = best_state(self.path, meta)
        kept = checked_tables(self.path, arrays, "best_", *about) if best_epoch else {}
        watch.best, watch.best_epoch, watch.misses, watch.tables = best, best_epoch, misses, kept
        vars(model).update(state, _tables=tables)
        return True

    def _compare(self, theirs: dict[str, Any], epochs_done: int) -> None:
        """Refuse the state of another run, and one that this run would never have been in."""
        differs = [k for k in self.identity | theirs if k != "epochs" and theirs.get(k) != self.identity.get(k)]
        if differs:
            k = differs[0]
            if (k in theirs) != (k in self.identity):
                raise ValueError(
                    f"checkpoint {self.path} is of another version or model, {k} is unknown "
                    f"{'here' if k in theirs else 'there'}: give another path, or delete it to start anew"
                )
            raise ValueError(
                f"checkpoint {self.path} is of another run: {k} is {theirs.get(k)!r} there, "
                f"{self.identity.get(k)!r} here"
            )
        epochs, planned = self.identity["epochs"], entry(self.path, theirs, "epochs", int)
        if epochs < epochs_done:
            raise ValueError(f"epochs must be >= {epochs_done}, done in checkpoint {self.path}, got {epochs}")
        if self.watch.valid is not None and epochs > epochs_done == planned and planned % self.watch.every:
            raise ValueError(
                f"epochs must be {planned} as in checkpoint {self.path}, whose last validation was not at a multiple "
                f"of evaluate_every = {self.watch.every}, got {epochs}"
            )

    def save_if_due(self, model: BPRMF, *, final: bool) -> None:
        """Write the state if the last time was long ago, or if this is the end."""
        due = self.epochs is not None and model._epoch % self.epochs == 0
        if not (final or due) and time.monotonic() - self.written < self.seconds:
            return
        watch = self.watch
        meta = {
            "kind": "checkpoint", "identity": self.identity, "epoch": model._epoch, "batch": model._batch,
            "loss": model._loss, "history": model.history_, "best": [watch.best, watch.best_epoch, watch.misses],
        }  # fmt: skip
        write_npz(self.path, meta, model._tables | {f"best_{n}": t for n, t in watch.tables.items()})
        self.written = time.monotonic()
