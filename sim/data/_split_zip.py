"""A zip of train.tsv and test.tsv, and perhaps lists of original ids: a set with a split of its own."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from ._columns import Problems, ids
from ._dialect import has_number, lay_out, looks_like_header, unclear
from ._fetch import DataError
from ._interactions import Raw
from ._roles import is_known
from ._tables import parse
from ._text import Dialect, read_bytes

__all__ = ["read_split_zip"]

_TABLES = ("train.tsv", "test.tsv")
_LISTS = ("user_list.tsv", "item_list.tsv")


def read_split_zip(path: Path, name: str) -> Raw:
    """Rows of train.tsv and test.tsv: tabs, a header, the user and the item first.

    Raises
    ------
    DataError
        For a damaged or encrypted archive, missing members, uneven rows, ids that are not in the
        list of original ids.
    """
    import pandas as pd

    texts: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            for member in (*_TABLES, *_LISTS):
                if member in members:
                    with archive.open(member) as file:
                        texts[member] = read_bytes(file, f"{member} of {name}")
    except DataError:
        raise
    except Exception as error:  # a broken archive raises nearly anything
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise DataError(f"{name} is not a readable zip of tables ({reason})") from None
    missing = [member for member in _TABLES if member not in texts]
    if missing:
        raise DataError(f"{name} must hold train.tsv and test.tsv, {missing[0]} is missing")
    train, test = (_table(texts[member], f"{member} of {name}") for member in _TABLES)
    if train.empty:
        raise DataError(f"train.tsv of {name} is empty: it has no rows below its header")
    both = pd.concat([train, test], ignore_index=True)
    problems = Problems()
    user, users = ids(both["user"], "user", problems)
    item, items = ids(both["item"], "item", problems)
    problems.check(name)
    return Raw(
        user=user,
        item=item,
        users=_original(users, texts.get(_LISTS[0]), f"{_LISTS[0]} of {name}"),
        items=_original(items, texts.get(_LISTS[1]), f"{_LISTS[1]} of {name}"),
        part=np.repeat(np.array([0, 2], dtype=np.uint8), [len(train), len(test)]),
    )


def _table(content: bytes, name: str) -> Any:
    """The first two columns below the header."""
    import pandas as pd

    layout = lay_out(content, Dialect("\t", False), name, "its rows must be user, tab, item")
    first = layout.rows[0]
    if not has_number(first):
        if len(layout.rows) > 1 and not (is_known(first) or looks_like_header(layout.rows)):
            remedy = "call its columns user and item"
            raise unclear(name, "its first row may be a header or data", layout.rows, remedy)
        layout = layout._replace(header=first)
        if layout.survey.records == 1:
            return pd.DataFrame({"user": [], "item": []}, dtype=str)
    return parse(layout, {"user": 0, "item": 1}, name)


def _original(running: np.ndarray, content: bytes | None, name: str) -> np.ndarray:
    """Original labels of running ids, by a list of (original, running); without one, the ids."""
    if content is None:
        return running
    table = _table(content, name)
    problems = Problems()
    codes, listed = ids(table["item"], "running", problems)
    problems.check(name)
    original = table["user"].fillna("").to_numpy(dtype=str)
    for values, what in ((listed, "running"), (np.unique(original), "original")):
        if values.size < original.size:
            raise DataError(f"{name} has {original.size - values.size:,} {what} ids twice")
    place = np.zeros(listed.size, dtype=np.int64)
    place[codes] = np.arange(original.size)
    if listed.dtype != running.dtype or not np.isin(running, listed).all():
        raise DataError(f"{name} lacks some of the ids in train.tsv or test.tsv")
    return original[place[np.searchsorted(listed, running)]]
