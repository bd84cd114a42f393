"""Reading a table of interactions: CSV, TSV or parquet; user, item[, rating[, time]]; any kind of ids."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ._fetch import DataError
from ._interactions import Raw

__all__ = ["encode", "read_table"]

_ROLES = ("user", "item", "rating", "time")
_KNOWN = {
    "user": {"user", "user_id", "userid", "uid", "user_procid", "reviewerid", "customer_id"},
    "item": {"item", "item_id", "itemid", "iid", "item_procid", "movieid", "movie_id", "asin", "product_id", "book_id"},
    "rating": {"rating", "ratings", "stars", "overall", "score", "value"},
    "time": {"time", "timestamp", "date", "datetime", "unixreviewtime"},
}
_SEPARATORS = ("\t", "::", ",", ";", "|", " ")


def read_table(path: Path, name: str, parquet: bool, columns: Mapping[str, str | int] | None = None) -> Raw:
    """Rows of a table.

    A text table has a header if its first line names a user or an item column; otherwise the columns are user, item,
    rating, time in this order. ``columns`` overrules: role -> column name (header) or position from 0 (no header).

    Raises
    ------
    DataError
        For missing columns, missing ids, values that are no numbers, no rows, a broken file.
    """
    columns = None if columns is None else _check_columns(columns)
    frame = _read_parquet(path, name) if parquet else _read_text(path, name, columns)
    roles = _assign(list(frame.columns), name, columns)
    if not len(frame):
        raise DataError(f"{name} is empty: {path} has no rows")
    user, users = encode(frame[roles["user"]], name, "user")
    item, items = encode(frame[roles["item"]], name, "item")
    return Raw(
        user=user,
        item=item,
        users=users,
        items=items,
        rating=_numbers(frame[roles["rating"]], name, "rating") if "rating" in roles else None,
        time=_times(frame[roles["time"]], name) if "time" in roles else None,
    )


def _check_columns(columns: Mapping[str, str | int]) -> Mapping[str, str | int]:
    unknown = sorted(set(columns) - set(_ROLES))
    if unknown or not {"user", "item"} <= set(columns) or len({type(c) for c in columns.values()}) > 1:
        raise ValueError(
            "columns must map 'user', 'item' and perhaps 'rating', 'time' to column names, or all to positions, "
            f"got {dict(columns)!r}"
        )
    return columns


def _plain(column: object) -> str:
    """A column's name for comparison: lower case, without the ``:type`` that RecBole appends."""
    return str(column).strip().strip("\"'").split(":")[0].lower()


def _read_text(path: Path, name: str, columns: Mapping[str, str | int] | None) -> Any:
    import pandas as pd

    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig") as file:
            lines = [file.readline().rstrip("\r\n"), file.readline().rstrip("\r\n")]
    except (UnicodeDecodeError, EOFError, OSError) as error:
        raise DataError(f"{name}: {path} is not a readable UTF-8 text file ({type(error).__name__})") from None
    separator = next((s for s in _SEPARATORS if s in lines[0]), None)
    if separator is None:
        raise DataError(f"{name} must have columns user, item[, rating[, time]]; first line: {lines[0][:60]!r}")
    fields = lines[0].split(separator)
    known = set().union(*_KNOWN.values())
    header = any(_plain(f) in known for f in fields)
    if columns is not None:
        header = all(isinstance(c, str) for c in columns.values())
    elif not header and _looks_like_header(fields, lines[1].split(separator)):
        raise DataError(
            f"{name} must have columns user and item, its header is {lines[0][:80]!r}: rename them, or say which is "
            "which with columns="
        )
    names = [f.strip().strip("\"'") for f in fields] if header else list(range(len(fields)))
    roles = _assign(names, name, columns)
    try:
        frame = pd.read_csv(
            path,
            sep=separator,
            engine="python" if len(separator) > 1 else "c",
            header=None,
            names=names,
            skiprows=1 if header else 0,
            dtype={roles["user"]: str, roles["item"]: str},
            keep_default_na=False,
            na_values=[""],
            encoding="utf-8-sig",
        )
    except pd.errors.EmptyDataError:
        raise DataError(f"{name} is empty: {path} has no rows") from None
    except (pd.errors.ParserError, UnicodeDecodeError, EOFError, OSError, ValueError) as error:
        raise DataError(f"{name}: {path} is not a readable table ({str(error).splitlines()[0][:120]})") from None
    if not isinstance(frame.index, pd.RangeIndex):  # pandas takes what is left over for an index
        raise DataError(f"{name}: {path} is not a readable table (its rows have more fields than its header)")
    return frame


def _looks_like_header(first: list[str], second: list[str]) -> bool:
    """No number in the first line, but one in the second."""
    return not any(map(_is_number, first)) and any(map(_is_number, second))


def _is_number(text: str) -> bool:
    try:
        float(text.strip().strip("\"'"))
    except ValueError:
        return False
    return True


def _read_parquet(path: Path, name: str) -> Any:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except ImportError:
        raise DataError(f"{name}: reading parquet needs pyarrow: pip install 'hns-opauc[parquet]'") from None
    except Exception as error:
        raise DataError(f"{name}: {path} is not a readable parquet file ({type(error).__name__})") from None


def _assign(names: list[Any], name: str, columns: Mapping[str, str | int] | None) -> dict[str, Any]:
    """Role -> column."""
    if columns is not None:
        missing = [c for c in columns.values() if c not in names]
        if missing:
            raise DataError(f"{name} has no column {missing[0]!r}; it has {names[:12]}")
        return dict(columns)
    if names and all(isinstance(n, int) for n in names):
        return dict(zip(_ROLES, names))
    roles = {}
    for role in _ROLES:
        found = [n for n in names if _plain(n) in _KNOWN[role]]
        if len(found) > 1:
            raise DataError(f"{name} must have one {role} column, it has {found}: say which with columns=")
        if found:
            roles[role] = found[0]
    for role in ("user", "item"):
        if role not in roles:
            raise DataError(f"{name} has no {role} column; it has {names[:12]}: rename it or say which with columns=")
    return roles


def encode(values: Any, name: str, role: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes 0..n-1 and sorted labels of a pandas column of ids.

    Labels are int64 if every id is a plain integer (no sign +, no leading zeros), else str. Sorting makes the result
    independent of the order of rows.
    """
    import pandas as pd

    codes, unique = pd.factorize(values)
    missing = np.flatnonzero(codes < 0)
    if missing.size:
        raise DataError(f"{name} has {missing.size} rows with no {role} id, the first is data row {missing[0] + 1}")
    labels = np.asarray(unique)
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and (labels == np.floor(labels)).all():
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        texts = [str(label).strip() for label in labels]
        plain = all(t.removeprefix("-").isascii() and t.removeprefix("-").isdigit() and len(t) < 19 for t in texts)
        if plain and all(str(int(t)) == t for t in texts):
            labels = np.array([int(t) for t in texts], dtype=np.int64)
        else:
            labels = np.array(texts)
    sorted_labels, position = np.unique(labels, return_inverse=True)
    return position[codes].astype(np.int64), sorted_labels


def _numbers(values: Any, name: str, role: str) -> np.ndarray:
    import pandas as pd

    numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    bad = ~np.isfinite(numbers)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"{name} must have finite numbers as {role}, got {str(values.iloc[row])!r} in data row {row + 1}"
            f" ({int(bad.sum())} such rows)"
        )
    return numbers


def _times(values: Any, name: str) -> np.ndarray:
    """Times as float64: numbers as they are, dates as seconds since 1970."""
    import pandas as pd

    if pd.api.types.is_numeric_dtype(values):
        return _numbers(values, name, "time")
    as_numbers = pd.to_numeric(values, errors="coerce")
    if as_numbers.notna().all():
        return _numbers(values, name, "time")
    dates = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
    if dates.isna().any():
        row = int(np.flatnonzero(dates.isna())[0])
        raise DataError(
            f"{name} must have numbers or ISO dates as time, got {str(values.iloc[row])!r} in data row {row + 1}"
        )
    seconds = (dates - pd.Timestamp(0, tz="UTC")).dt.total_seconds()
    return np.asarray(seconds, dtype=np.float64)
