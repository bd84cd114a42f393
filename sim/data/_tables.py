"""Reading a table of interactions: text or parquet; user, item[, rating[, time]]; or lists of items."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import IO, Any

import numpy as np

from ._columns import Problems, as_series, ids, ratings, times
from ._dialect import Layout, find_layout, unclear
from ._fetch import DataError
from ._interactions import Raw
from ._roles import assign
from ._text import ROLES, Options, fields, read_bytes

__all__ = ["from_columns", "parse", "read_parquet", "read_text"]


def read_text(file: Path | IO[bytes], name: str, options: Options | None = None) -> Raw:
    """Rows of a text file.

    A table has a header if its first row names a user and an item column, or ``options.columns``
    gives names; otherwise the columns are user, item, rating, time in this order. Lists of items
    have a row for a user, who may have several.

    Raises
    ------
    DataError
        For a file that is damaged or that can be read in more than one way, for missing columns
        and values, ids and numbers that would not be exact, and no rows.
    """
    options = Options() if options is None else options
    layout = find_layout(read_bytes(file, name), name, options)
    if layout.adjacency:
        return _lists(layout, name)
    if layout.header is not None:
        roles = assign(layout.header, name, options.columns)
    elif options.columns is not None:
        roles = {role: int(column) for role, column in options.columns.items()}
    else:
        roles = dict(zip(ROLES, range(layout.survey.fields)))
    frame = parse(layout, roles, name)
    _check_first_row(frame, layout, roles, name)
    raw = from_columns(frame, name)
    if layout.survey.inside:
        _check_lines(raw, name)
    if layout.header is None and options == Options(separator=options.separator):
        _check_once(raw, frame, layout, name)
    return raw


def from_columns(frame: dict[str, Any] | Any, name: str) -> Raw:
    """Rows of columns named by role: all that is wrong with them is one error."""
    problems = Problems()
    user, users = ids(frame["user"], "user", problems)
    item, items = ids(frame["item"], "item", problems)
    rating = ratings(frame["rating"], "rating", problems) if "rating" in frame else None
    time = times(frame["time"], "time", problems) if "time" in frame else None
    problems.check(name)
    return Raw(user, item, users, items, rating, time)


def parse(layout: Layout, roles: dict[str, int], name: str) -> Any:
    """The columns of a table, named by role; user and item are texts.

    Raises
    ------
    DataError
        If there are no rows, or the parser does not see the rows that are there.
    """
    import pandas as pd

    rows = layout.survey.records - (layout.header is not None)
    if not rows:
        raise DataError(f"{name} is empty: it has no rows below its header")
    width = layout.survey.fields
    beyond = [position for position in roles.values() if position >= width]
    if beyond:
        raise DataError(f"{name} has no column {beyond[0]}; it has 0 to {width - 1}")
    content = io.BytesIO(layout.content)
    content.seek(layout.survey.body if layout.header is not None else 0)
    try:
        frame = pd.read_csv(
            content,
            sep=r"\s+" if layout.dialect.blank else layout.dialect.byte,
            header=None,
            names=range(width),
            usecols=sorted(set(roles.values())),
            dtype={roles["user"]: str, roles["item"]: str},
            keep_default_na=False,
            na_values=[""],
            skipinitialspace=True,
            quoting=csv.QUOTE_MINIMAL if layout.dialect.quoted else csv.QUOTE_NONE,
            low_memory=False,
            encoding="utf-8",
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(f"{name} is not a readable table ({reason})") from None
    if len(frame) != rows:
        raise unclear(name, f"{len(frame):,} rows are read of {rows:,}", layout.rows, "look at its quotes")
    return pd.DataFrame({role: frame[position] for role, position in roles.items()})


def _check_first_row(frame: Any, layout: Layout, roles: dict[str, int], name: str) -> None:
    """The header does not come again; a first row that may be a header is data if its ids do."""
    first = [layout.rows[0][roles[role]] for role in ("user", "item")]
    same = [np.asarray(frame[role] == value, dtype=bool) for role, value in zip(frame, first)]
    again = same[0] & same[1]
    if layout.header is not None and again.any():
        problems = Problems()
        problems.add(again, "rows that repeat its header")
        problems.check(name)
    if not layout.sure and not ((same[0] | same[1]) & ~again).any():
        raise unclear(
            name, "its first row may be a header or data", layout.rows,
            "give columns= (--columns), names if it is a header, else positions from 0",
        )  # fmt: skip


def _check_lines(raw: Raw, name: str) -> None:
    for role, labels in (("user", raw.users), ("item", raw.items)):
        broken = sum("\n" in label or "\r" in label for label in map(str, labels))
        if broken:
            raise DataError(f"{name} has {broken:,} {role} ids with a line end in them, by its quotes")


def _check_once(raw: Raw, frame: Any, layout: Layout, name: str) -> None:
    """Rows of three or four whole numbers, each of another user, may be lists of items."""
    further = [column for role, column in frame.items() if role in ("rating", "time")]
    whole = further and all(column.dtype.kind in "iu" for column in further)
    if whole and raw.user.size > 1 and raw.users.size == raw.user.size:
        raise unclear(
            name, "its rows may be user, item, rating, time or user and items", layout.rows,
            "give format='table' or format='adjacency' (--format), or columns= (--columns)",
        )  # fmt: skip


def _lists(layout: Layout, name: str) -> Raw:
    """A user and all the user's items in each row."""
    record, texts, _ = fields(layout.content, layout.dialect)
    first = np.ones(record.size, dtype=bool)
    first[1:] = record[1:] != record[:-1]
    if first.all():
        raise unclear(name, "no row has an item", layout.rows, "give separator= (--separator)")
    every = np.array(texts, dtype=object)
    user, users, item, items = *_encode(every[first], "user", name), *_encode(every[~first], "item", name)
    return Raw(user[record[~first]], item, users, items)


def _encode(texts: np.ndarray, role: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    problems = Problems()
    found = ids(as_series(texts, role), role, problems)
    problems.check(name)
    return found


def read_parquet(path: Path, name: str, options: Options | None = None) -> Raw:
    """Rows of a parquet file, by the names of its columns."""
    options = Options() if options is None else options
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise DataError(f"{name}: reading parquet needs pyarrow: pip install 'hns-opauc[parquet]'") from None
    if any(isinstance(column, int) for column in (options.columns or {}).values()):
        raise ValueError("columns must be names for a parquet file, got positions")
    try:
        with open(path, "rb") as file:
            opened = parquet.ParquetFile(file)
            names = list(opened.schema_arrow.names)
            roles = assign(names, name, options.columns)
            table = opened.read(columns=[names[i] for i in roles.values()], use_threads=False)
            frame = table.to_pandas(ignore_metadata=True)
    except DataError:
        raise
    except Exception as error:  # a broken file raises nearly anything
        raise DataError(f"{name} is not a readable parquet file ({type(error).__name__})") from None
    if not len(frame):
        raise DataError(f"{name} is empty: it has no rows")
    try:
        return from_columns({role: frame[names[i]] for role, i in roles.items()}, name)
    except UnicodeDecodeError:
        raise DataError(f"{name} is not a readable parquet file (texts that are not UTF-8)") from None
