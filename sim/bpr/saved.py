"""What a saved model, a checkpoint or a cell may say: every field of the right kind and in range, before it is used."""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import sampling
from ..core.validation import check_int
from ..sampling import Sampler
from .epoch import STATE, TABLES, table_shapes
from .settings import Settings

__all__ = [
    "MOST_EPOCHS",
    "best_state",
    "checked_table",
    "checked_tables",
    "entry",
    "known_settings",
    "run_state",
    "saved_sampler",
]

MOST_EPOCHS = 2**31 - 1


def entry(path: str | os.PathLike[str], meta: dict[str, Any], name: str, kind: Any, *default: Any) -> Any:
    """``meta[name]``, of the type ``kind``; the default where there is none, or a ValueError that names the file."""
    value = meta.get(name, *default)
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{path} must hold {name} as {_named(kind)}, got {_short(value)}")
    return value


REMOVED = {"mean_batch": False}
"""Settings of earlier versions that are no more, and the only value with which their files can be read."""


ADDED = {"pairs_per_pool": 1}
"""Settings that earlier versions did not have, and what they did."""


def known_settings(path: str | os.PathLike[str], settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as this version knows them; those that are no more must have been off."""
    for name, value in REMOVED.items():
        if settings.get(name, value) != value:
            raise ValueError(f"{path} was trained with {name}={settings[name]!r}, which this version no longer knows")
    return ADDED | {name: value for name, value in settings.items() if name not in REMOVED}


def run_state(path: str | os.PathLike[str], meta: dict[str, Any]) -> dict[str, Any]:
    """Epoch, batch, loss, pairs and history of a run, checked."""
    history = entry(path, meta, "history", list)
    last = 0
    for record in history:
        if not isinstance(record, dict) or _real(record.get("loss")) is None:
            raise ValueError(f"{path} must hold history as epochs with their loss, got {_short(record)}")
        last = _number(path, "history's epochs", record.get("epoch"), low=last + 1)
    loss = _real(found := entry(path, meta, "loss", (int, float), 0.0))
    if loss is None or not math.isfinite(loss):
        raise ValueError(f"{path} must hold loss as a finite number, got {_short(found)}")
    return {
        "_epoch": _number(path, "epoch", meta.get("epoch")), "_batch": _number(path, "batch", meta.get("batch", 0)),
        "_loss": loss, "_pairs": entry(path, meta, "pairs", str, ""), "history_": history,
    }  # fmt: skip


def _real(value: Any) -> float | None:
    """A number as a float, None for anything else; JSON's integers have no upper end, floats and numpy's do."""
    try:
        return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
    except OverflowError:
        return None


def _number(path: str | os.PathLike[str], name: str, value: Any, low: int = 0) -> int:
    try:
        return check_int(name, value, low=low, high=MOST_EPOCHS)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path} is no state of a run: {_line(error)}") from None


def best_state(path: str | os.PathLike[str], meta: dict[str, Any]) -> tuple[float, int, int]:
    """Best value on validation so far, its epoch, and validations since without a better one."""
    best = entry(path, meta, "best", list)
    value = _real(best[0]) if len(best) == 3 else None
    if value is None or math.isnan(value):
        raise ValueError(f"{path} must hold best as value, epoch and misses, got {_short(best)}")
    return value, _number(path, "best epoch", best[1]), _number(path, "misses", best[2])


def saved_sampler(path: str | os.PathLike[str], meta: dict[str, Any]) -> Sampler:
    """The sampler that a model was saved with, if it is one of this package's."""
    name = entry(path, meta, "sampler", str)
    kind = getattr(sampling, name, None) if name in sampling.__all__ else None
    if not (isinstance(kind, type) and issubclass(kind, Sampler) and kind is not Sampler):
        shown = name if name.isidentifier() and len(name) < 60 else _short(name)
        raise ValueError(f"sampler must be given: {path} was saved with {shown}, not of this package")
    made: Sampler = kind(**entry(path, meta, "sampler_params", dict))
    return made


def checked_tables(
    path: str | os.PathLike[str], arrays: dict[str, NDArray[Any]], prefix: str, shape: tuple[int, int], s: Settings,
    sampler: Sampler,
) -> dict[str, NDArray[Any]]:  # fmt: skip
    """The tables that a file keeps under ``prefix``, and the sampler's state: whole and finite, or a ValueError."""
    shapes = table_shapes(shape, s)
    tables = {name: checked_table(path, prefix + name, arrays, shapes[name], s.dtype) for name in TABLES}
    state = {name[len(prefix + STATE) :]: a for name, a in arrays.items() if name.startswith(prefix + STATE)}
    try:
        sampler.check_state(state, tables["U"], tables["V"])
    except ValueError as error:
        raise ValueError(f"{path} must hold a state of {sampler}: {_line(error)}") from None
    return tables | {STATE + name: array for name, array in state.items()}


def checked_table(
    path: str | os.PathLike[str], name: str, arrays: dict[str, NDArray[Any]], shape: tuple[int, ...], dtype: str
) -> NDArray[Any]:
    """The array ``name`` if it is of this shape and type, and finite."""
    found = arrays.get(name)
    if found is None or found.shape != shape or found.dtype != dtype:
        got = "none" if found is None else f"{found.dtype} of shape {found.shape}"
        raise ValueError(f"{path} must hold {name} as {dtype} of shape {shape}, got {got}")
    if not np.isfinite(found).all():
        raise ValueError(f"{path} must hold {name} as finite numbers, got NaN or infinite ones")
    return found


def _named(kind: Any) -> str:
    words = {dict: "a table", list: "a list", str: "a text", int: "an integer"}
    return words.get(kind, "a number") if isinstance(kind, type) else "a number"


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python writes no integer of more than 4300 digits
        text = "an integer of very many digits"
    return text if len(text) <= 60 else text[:57] + "..."


def _line(error: BaseException) -> str:
    return str(error).splitlines()[0]
