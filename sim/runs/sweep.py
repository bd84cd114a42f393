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

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from itertools import product
from pathlib import Path
from typing import Any

from ..bpr.lightgcn import GraphSettings
from ..bpr.settings import Settings
from ..core.files import open_plain
from ..core.names import hint, plain
from ..core.validation import MOST_CELLS, check_real
from ..data import available
from ..sampling import Sampler, parse
from ..sampling.spec import specs_of
from .cells import Cell

__all__ = ["SAMPLERS", "expand", "read_sweep"]

SAMPLERS = specs_of()
"""What makes a sampler, by name; see :mod:`sim.sampling.spec`."""

_MOST_BYTES = 1 << 22
_MODEL = {f.name: str(f.type) for f in fields(GraphSettings)}
_CELL = {f.name: str(f.type) for f in fields(Cell)}


def read_sweep(path: str | Path) -> list[Cell]:
    """The cells of a TOML file, see :func:`expand`; every error is a ValueError that begins with the file's name."""
    try:
        with open_plain(path, follow=True) as stream:  # a FIFO would wait, a device never end
            text = stream.read(_MOST_BYTES + 1)
        if len(text) > _MOST_BYTES:
            raise ValueError(f"a grid must have at most {_MOST_BYTES:,} bytes")
        return expand(tomllib.loads(text.decode()))
    except RecursionError:
        raise ValueError(f"{path}: must be a grid of tables and lists, got one nested too deeply") from None
    except OSError as error:
        why = str(error.strerror)
        raise ValueError(f"{path}: must be a readable TOML file: {why[:1].lower()}{why[1:]}") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def expand(grid: Mapping[str, Any]) -> list[Cell]:
    """All cells of a grid, equal ones once.

    Parameters
    ----------
    grid : mapping
        Fields of :class:`~sim.runs.cells.Cell`, of which ``data`` and ``sampler`` are needed (``seed`` is 0 if left
        out): a value or a list of values each. ``model`` is a table of settings; ``sampler`` one table or a list of
        them, or texts like "DNS(5, 200)"; a table has the ``name`` of one of :data:`SAMPLERS`, its arguments, and
        perhaps a ``model`` table of its own that overrides the common one.

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
    tables: list[tuple[dict[str, Any], dict[str, Any]]] = []
    for each in _entries("sampler", samplers):
        entry = _spelt(each) if isinstance(each, str) else _table("sampler", each)
        tables.append((entry, common | _table("sampler's model", entry.pop("model", {}))))
    count = _count(rest) * sum(_count(entry) * _count(model) for entry, model in tables)
    if count > MOST_CELLS:
        raise ValueError(f"the grid must have at most {MOST_CELLS:,} cells, got {count:,}: cut it into several files")
    pairs: list[tuple[Sampler, dict[str, Any]]] = []
    for entry, model in tables:
        pairs += product(_samplers(entry), _models(model))
    outer = _combinations(rest, _CELL, "")
    for name in (values["data"] for values in outer):
        if not (isinstance(name, str) and _is_file(name)):
            _known("data", name, available(), "a known data set or an existing file")
    cells = [Cell(sampler=s, model=m, **values) for values in outer for s, m in pairs]
    return list({cell.key: cell for cell in cells}.values())


def _samplers(entry: dict[str, Any]) -> list[Sampler]:
    """The samplers of one entry."""
    if "name" not in entry:
        raise ValueError("sampler must have a name, got none")
    spec = SAMPLERS[_known("sampler", entry["name"], SAMPLERS)]
    arguments = {key: value for key, value in entry.items() if key != "name"}
    types = {key: str(parameter.annotation) for key, parameter in spec.parameters.items()}
    return [_make(spec.name, lambda **v: spec.make(v), v) for v in _combinations(arguments, types, f"{spec.name}: ")]


def _spelt(text: str) -> dict[str, Any]:
    """The table of a sampler that is written as one text, like "DNS(5, 200)"."""
    sampler = parse(text)
    return {"name": type(sampler).__name__, **sampler.get_params()}


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
        [
            check_real(where + name, v) if types[name] == "float" and type(v) is int else v
            for v in _entries(where + name, value)
        ]
        for name, value in table.items()
    ]
    return [dict(zip(table, chosen)) for chosen in product(*choices)]


def _count(table: Mapping[str, Any]) -> int:
    """The choices of one entry of each value's list, not enumerated."""
    return math.prod(len(value) if isinstance(value, list) else 1 for value in table.values())


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
    names = list(known)
    if given in names:
        return str(given)
    if what == "sampler" and isinstance(given, str):  # as on the command line; arguments are spelt as in Python
        for name in names:
            if plain(name) == plain(given):
                return name
    raise ValueError(f"{what} must be {allowed}, got {given!r}: {hint(given, names)}")


def _is_file(name: str) -> bool:
    try:
        return Path(name).expanduser().is_file()
    except (OSError, ValueError, RuntimeError):  # too long, with a zero byte, of no such user
        return False
