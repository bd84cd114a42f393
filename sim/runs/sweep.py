"""Sweeps: a grid of cells written down in TOML.

The file names the fields of :class:`~sim.runs.cells.Cell`; wherever a list stands, every entry is tried, with
every entry of the other lists:

>>> cells = expand({
...     "data": "ml-100k", "seed": [1, 2],
...     "model": {"epochs": 20, "weight_decay": [0.03, 0.1]},
...     "sampler": [{"name": "DNS", "M": [5, 50], "N": 200}, {"name": "WARP", "model": {"loss": "hinge"}}],
... })
>>> len(cells), str(cells[0].sampler), cells[-1].model
(12, 'DNS(M=5, N=200)', {'epochs': 20, 'weight_decay': 0.1, 'loss': 'hinge'})
"""

from __future__ import annotations

import difflib
import inspect
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from itertools import product
from pathlib import Path
from typing import Any

from .. import sampling
from ..bpr.lightgcn import GraphSettings
from ..bpr.settings import Settings
from ..data import available
from ..sampling import Sampler
from .cells import Cell

__all__ = ["SAMPLERS", "expand", "read_sweep"]

SAMPLERS = {
    name: made
    for name, made in vars(sampling).items()
    if name in ("popularity", "pris") or (isinstance(made, type) and issubclass(made, Sampler) and made is not Sampler)
}
"""What makes a sampler, by name: the classes of :mod:`sim.sampling`, ``popularity`` and ``pris``."""

_MODEL = {f.name: str(f.type) for f in fields(GraphSettings)}
_CELL = {f.name: str(f.type) for f in fields(Cell)}


def read_sweep(path: str | Path) -> list[Cell]:
    """The cells of a TOML file, see :func:`expand`; every error is a ValueError that begins with the file's name."""
    try:
        return expand(tomllib.loads(Path(path).read_bytes().decode()))
    except OSError as error:
        raise ValueError(f"{path}: must be a readable TOML file: {str(error.strerror).lower()}") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def expand(grid: Mapping[str, Any]) -> list[Cell]:
    """All cells of a grid, equal ones once.

    Parameters
    ----------
    grid : mapping
        Fields of :class:`~sim.runs.cells.Cell`, of which ``data`` and ``sampler`` are needed (``seed`` is 0 if
        left out): a value or a list of values each. ``model`` is a table of settings; ``sampler`` one table or a list
        of them, with the ``name`` of one of :data:`SAMPLERS`, its arguments, and perhaps a ``model`` table of its own
        that overrides the common one.

    Raises
    ------
    ValueError, TypeError
        For a name that is not known (near ones are suggested), a value that is not allowed, a list without entries.
    """
    rest = {"seed": 0, **grid}
    for name in rest:
        _known("setting", name, _CELL)
    for name in ("data", "sampler"):
        if name not in rest:
            raise ValueError(f"{name} must be given, got none")
    common, samplers = _table("model", rest.pop("model", {})), rest.pop("sampler")
    pairs: list[tuple[Sampler, dict[str, Any]]] = []
    for each in _entries("sampler", samplers):
        entry = _table("sampler", each)
        own = _table("sampler's model", entry.pop("model", {}))
        pairs += product(_samplers(entry), _models(common | own))
    outer = _combinations(rest, _CELL, "")
    for name in (values["data"] for values in outer):
        if not (isinstance(name, str) and Path(name).expanduser().is_file()):
            _known("data", name, available(), "a known data set or an existing file")
    cells = [Cell(sampler=s, model=m, **values) for values in outer for s, m in pairs]
    return list({cell.key: cell for cell in cells}.values())


def _samplers(entry: dict[str, Any]) -> list[Sampler]:
    """The samplers of one entry."""
    if "name" not in entry:
        raise ValueError("sampler must have a name, got none")
    name = _known("sampler", entry["name"], SAMPLERS)
    signature = inspect.signature(SAMPLERS[name]).parameters
    arguments = {key: value for key, value in entry.items() if key != "name"}
    types = {key: str(parameter.annotation) for key, parameter in signature.items()}
    return [_make(name, SAMPLERS[name], values) for values in _combinations(arguments, types, f"{name}: ")]


def _models(settings: dict[str, Any]) -> list[dict[str, Any]]:
    """The model settings of a table; the cells check their values."""
    if "refresh" in settings and "layers" not in settings:
        raise ValueError("model: refresh is LightGCN's: layers must be given too")
    found = _combinations(settings, _MODEL, "model: ")
    for values in found:
        _make("model", GraphSettings if "layers" in values else Settings, values)
    return found


def _combinations(table: Mapping[str, Any], types: Mapping[str, str], where: str) -> list[dict[str, Any]]:
    """Every choice of one entry of each value's list. Whole numbers become floats where these belong: one key each."""
    for name in table:
        _known(f"{where}setting", name, types)
    choices = [
        [float(v) if types[name] == "float" and type(v) is int else v for v in _entries(where + name, value)]
        for name, value in table.items()
    ]
    return [dict(zip(table, chosen)) for chosen in product(*choices)]


def _entries(name: str, value: Any) -> list[Any]:
    entries = value if isinstance(value, list) else [value]
    if not entries:
        raise ValueError(f"{name} must have at least one entry, got an empty list")
    return entries


def _table(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a table, got {value!r}")
    return dict(value)


def _make(name: str, factory: Any, arguments: Mapping[str, Any]) -> Any:
    try:
        return factory(**arguments)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{name}: {error}") from None


def _known(what: str, given: Any, known: Iterable[str], allowed: str = "a known one") -> str:
    """``given`` if it is known; else an error that names what is near, or everything."""
    names = {_plain(name): name for name in known}
    if given in names.values():
        return str(given)
    near = [names[name] for name in difflib.get_close_matches(_plain(given), names, cutoff=0.5)]
    hint = f"did you mean {' or '.join(near)}?" if near else f"known are {', '.join(names.values()) or 'none'}"
    raise ValueError(f"{what} must be {allowed}, got {given!r}: {hint}")


def _plain(name: Any) -> str:
    return str(name).lower().replace("-", "").replace("_", "")
