"""Columns of ids, ratings and times: exact, or refused with the number of values that are wrong.

Nothing is cast before it is looked at, and what is missing is found first. The functions take a
pandas Series and add what is wrong with it to a list of problems; then their result is of no use.
"""

from __future__ import annotations

import datetime
import decimal
import numbers
from collections.abc import Mapping, Set
from typing import Any, NamedTuple

import numpy as np

from ._fetch import DataError

__all__ = ["Problems", "as_series", "ids", "ratings", "times"]

_EXACT = 2.0**53
_ROUNDED = "beyond 2^53, or with more digits than a float keeps"
_MISSING = {"na", "n/a", "nan", "nat", "null", "none", "<na>", r"\n"}  # among whole numbers
_LONGEST = 1000  # characters of an id: labels are arrays of one width


class Problems(list[str]):
    """What is wrong with a table, in words."""

    def add(self, bad: Any, what: str, values: Any = None) -> None:
        """Note the number of bad rows, if there are any, and the first: its number, and its value."""
        rows = np.flatnonzero(bad)
        if rows.size:
            got = "" if values is None else f"{str(values.iloc[rows[0]])[:40]!r} in "
            number = int(rows[0] if values is None else values.index[rows[0]]) + 1
            self.append(f"{rows.size:,} {what}, the first is {got}data row {number:,}")

    def check(self, name: str) -> None:
        """Raise one DataError for all problems."""
        if self:
            raise DataError(f"{name} has {'; '.join(self)}")


class _Column(NamedTuple):
    kind: str  # int, float, number, text, time; else the name of what is not allowed
    values: Any


def as_series(values: Any, name: str) -> Any:
    """A caller's sequence as a pandas Series; what is masked is missing, Python objects stay.

    Raises
    ------
    TypeError, ValueError
        If it is no sequence, or not one-dimensional.
    """
    import pandas as pd

    if hasattr(values, "to_pandas"):  # of pyarrow, polars and others
        values = values.to_pandas()
    if isinstance(values, np.ma.MaskedArray):
        mask, values = np.ma.getmaskarray(values), values.data
        if mask.any():
            values = values.astype(object)
            values[mask] = None
    if isinstance(values, (pd.Series, pd.Index, pd.api.extensions.ExtensionArray, np.ndarray)):
        if values.ndim != 1:
            raise ValueError(f"{name} must be one-dimensional, got shape {values.shape}")
        if getattr(values.dtype, "kind", "") == "V" and isinstance(values, np.ndarray):
            raise TypeError(f"{name} must be numbers, texts or times, got a structured array")
        return pd.Series(values).reset_index(drop=True)
    if isinstance(values, (str, bytes, Set, Mapping)) or not hasattr(values, "__iter__"):
        raise TypeError(f"{name} must be a sequence, got {type(values).__name__}")
    values = list(values)
    objects = np.empty(len(values), dtype=object)  # np.array would cast, or nest
    objects[:] = values
    return pd.Series(objects, dtype=object)


def ids(values: Any, role: str, problems: Problems) -> tuple[np.ndarray, np.ndarray]:
    """Codes 0..n-1 and sorted labels of a column of ids.

    The ids of a column are all whole numbers (1 and 1.0 are the same) or all texts, whose outer
    blanks do not count. Labels are int64 if every id is a plain integer (no sign +, no leading
    zeros, within int64), else str: so a column of numbers and the same column as text agree.
    Sorting makes the result independent of the order of rows.
    """
    import pandas as pd

    missing = np.array(values.isna(), dtype=bool)
    kind, present = _unwrap(values[~missing] if missing.any() else values)
    labels: Any = np.zeros(0, dtype=np.int64)
    codes = np.zeros(0, dtype=np.int64)
    if kind == "text":
        codes, unique = pd.factorize(present)
        texts = [str(text).strip() for text in unique]
        empty = _without_value(texts)
        if empty.any():
            missing[present.index[empty[codes]]] = True
        labels = _text_labels(texts, role, problems)
    elif kind in ("int", "float", "number"):
        codes, unique = pd.factorize(present.to_numpy())
        whole = [_whole(number) for number in unique.tolist()] if kind == "number" else unique
        if kind == "float":
            good = (np.abs(unique) < _exact_below(unique.dtype)) & (unique == np.floor(unique))
            whole = np.where(good, unique, 0).astype(np.int64)
        else:
            good = np.array([number is not None for number in whole], dtype=bool)
        problems.add(~good[codes], f"{role} ids that are not whole, or too large to be exact", present)
        labels = _whole_labels(whole if good.all() else np.zeros(len(good), dtype=np.int64))
    elif len(present):
        problems.append(f"{kind} as {role} ids: they must be integers or texts")
    problems.add(missing, f"rows with no {role} id")
    if problems:
        return codes, labels
    labels, position = np.unique(labels, return_inverse=True)
    return position[codes].astype(np.int64), labels


def _exact_below(kind: Any) -> float:
    """The power of two from which on two whole numbers become one float of this type."""
    return 2.0 ** (np.finfo(kind).nmant + 1)


def _whole(number: Any) -> int | None:
    """The integer that a number is, None if it is none or may have lost digits."""
    try:
        whole = int(number)
    except (ValueError, OverflowError):
        return None
    exact = not isinstance(number, (float, np.floating)) or abs(whole) < _exact_below(type(number))
    return whole if exact and whole == number else None


def _whole_labels(whole: Any) -> np.ndarray:
    """int64; texts if there is a number beyond it."""
    try:
        labels = np.array([int(n) for n in whole] if isinstance(whole, list) else whole)
        if labels.dtype.kind in "iu" and (not labels.size or labels.max() <= np.iinfo(np.int64).max):
            return labels.astype(np.int64)
    except OverflowError:
        pass
    return np.array([str(int(n)) for n in whole])


def _is_plain(text: str) -> bool:
    """Whether a text is what ``str`` makes of an int64."""
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        return False
    return str(int(text)) == text and -(2**63) <= int(text) < 2**63


def _without_value(texts: list[str]) -> np.ndarray:
    """Which texts are no id: empty ones; words for a missing value where all others are whole numbers."""
    words = {text for text in texts if text.lower() in _MISSING}
    rest = [text for text in texts if text and text not in words]
    if not rest or not all(map(_is_plain, rest)):
        words = set()
    return np.array([not text or text in words for text in texts], dtype=bool)


def _text_labels(texts: list[str], role: str, problems: Problems) -> np.ndarray:
    long = sum(len(text) > _LONGEST for text in texts)
    if long:
        problems.append(f"{long:,} {role} ids of more than {_LONGEST:,} characters")
        return np.zeros(0, dtype=np.int64)
    nul = sum("\0" in text for text in texts)
    if nul:
        problems.append(f"{nul:,} {role} ids that hold a NUL")
    twice = len(texts) - len(set(texts))
    if twice:
        problems.append(f"{twice:,} {role} ids that differ from others only by blanks around them")
    return np.array([int(text) for text in texts], dtype=np.int64) if all(map(_is_plain, texts)) else np.array(texts)


def ratings(values: Any, role: str, problems: Problems) -> np.ndarray:
    """A column of finite numbers as float64, exact for integers."""
    missing = np.array(values.isna(), dtype=bool)
    kind, present = _unwrap(values[~missing] if missing.any() else values)
    result = np.zeros(0)
    if kind == "text":
        result = _text_numbers(present, role, problems, missing)
    elif kind in ("int", "float", "number"):
        result = _floats(present, kind, role, problems)
    elif len(present):
        problems.append(f"{kind} as {role}: it must be numbers")
    problems.add(missing, f"rows with no {role}")
    return result


def times(values: Any, role: str, problems: Problems) -> np.ndarray:
    """A column of times: float64 numbers as they are, int64 where these would round; dates and
    durations as int64 in their own unit. Dates without a zone are UTC."""
    missing = np.array(values.isna(), dtype=bool)
    kind, present = _unwrap(values[~missing] if missing.any() else values)
    result = np.zeros(0)
    if kind == "text":
        result = _text_times(present, role, problems, missing)
    elif kind == "time":
        result = present.astype("int64").to_numpy()
    elif kind == "int":
        whole = present.to_numpy()
        large = whole > np.iinfo(np.int64).max
        problems.add(large, f"{role}s beyond the largest integer", present)
        lost = whole == np.iinfo(np.int64).min
        problems.add(lost, f"{role}s of -2^63, which is numpy's NaT as an integer", present)
        exact = not whole.size or (whole.max() <= _EXACT and whole.min() >= -_EXACT)
        result = whole.astype(np.float64 if exact else np.int64)
    elif kind in ("int", "float", "number"):
        result = _floats(present, kind, role, problems)
    elif len(present):
        problems.append(f"{kind} as {role}: it must be numbers, dates or durations")
    problems.add(missing, f"rows with no {role}")
    return result


def _floats(values: Any, kind: str, role: str, problems: Problems) -> np.ndarray:
    """Numbers as float64; those that are not finite or lose digits are problems."""
    given = values.to_numpy()
    if kind == "number":
        pairs = [_nearest(number) for number in given]
        result = np.array([value for value, _ in pairs], dtype=np.float64)
        exact = np.array([same for _, same in pairs], dtype=bool)
    else:
        result = given.astype(np.float64)
        if kind == "int":  # looked at before the cast
            result[(given > int(_EXACT)) | (given < -int(_EXACT))] = 2 * _EXACT
        exact = np.ones(given.size, dtype=bool)
    finite = np.isfinite(result)
    problems.add(~finite, f"{role}s that are not finite", values)
    problems.add(finite & (~exact | (np.abs(result) > _EXACT)), f"{role}s {_ROUNDED}", values)
    return result


def _nearest(number: Any) -> tuple[float, bool]:
    """The nearest float, and whether it stands for the number: equal, or the same decimal."""
    try:
        value = float(number)
    except OverflowError:
        return 0.0, False
    if isinstance(number, decimal.Decimal) and np.isfinite(value):
        return value, decimal.Decimal(repr(value)) == number
    return value, not np.isfinite(value) or bool(value == number)


def _text_numbers(values: Any, role: str, problems: Problems, missing: np.ndarray) -> np.ndarray:
    import pandas as pd

    result = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = _blank(values, ~np.isfinite(result), missing)
    problems.add(wrong, f"{role}s that are no finite number", values)
    problems.add(np.isfinite(result) & (np.abs(result) > _EXACT), f"{role}s {_ROUNDED}", values)
    return result


def _text_times(values: Any, role: str, problems: Problems, missing: np.ndarray) -> np.ndarray:
    """All numbers, or all ISO dates."""
    import pandas as pd

    values = values.str.strip()
    as_numbers = pd.to_numeric(values, errors="coerce")
    if pd.api.types.is_integer_dtype(as_numbers.dtype):
        return times(as_numbers, role, problems)
    if as_numbers.notna().mean() > 0.5:
        return _text_numbers(values, role, problems, missing)
    dates = pd.to_datetime(values, errors="coerce", utc=True, format="ISO8601")
    wrong = _blank(values, dates.isna().to_numpy(), missing)
    problems.add(wrong, f"{role}s that are neither all numbers nor all ISO dates", values)
    return np.asarray(dates.fillna(pd.Timestamp(0, tz="UTC")).astype("int64"))


def _blank(values: Any, bad: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """The bad ones that are not blank; the blank ones become missing."""
    rows = np.flatnonzero(bad)
    blank = rows[[not str(values.iloc[row]).strip() for row in rows]] if rows.size else rows
    missing[values.index[blank]] = True
    bad = bad.copy()
    bad[blank] = False
    return bad


def _unwrap(values: Any) -> _Column:
    """The kind of a column without missing values, in numpy's types where these are exact."""
    import pandas as pd

    kinds = pd.api.types
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _unwrap(values.astype(dtype.categories.dtype))
    if isinstance(dtype, pd.StringDtype):
        return _Column("text", values)
    if kinds.is_bool_dtype(dtype):
        return _Column("bool", values)
    if kinds.is_integer_dtype(dtype):
        plain = "uint64" if kinds.is_unsigned_integer_dtype(dtype) else "int64"
        return _Column("int", pd.Series(values.to_numpy(dtype=plain), index=values.index))
    if kinds.is_float_dtype(dtype):
        width = dtype if isinstance(dtype, np.dtype) else np.dtype(np.float64)
        if width.itemsize > 8:  # pandas would hash it as a float64
            return _Column("number", pd.Series(list(values.to_numpy()), index=values.index, dtype=object))
        return _Column("float", pd.Series(values.to_numpy(dtype=width), index=values.index))
    if kinds.is_datetime64_any_dtype(dtype) or kinds.is_timedelta64_dtype(dtype):
        return _Column("time", values)
    if kinds.is_object_dtype(dtype) or isinstance(dtype, pd.ArrowDtype) or getattr(dtype, "kind", "") == "S":
        return _unwrap_objects(values.astype(object))
    return _Column(str(dtype), values)


def _unwrap_objects(values: Any) -> _Column:
    import pandas as pd

    types = set(map(type, values))

    def all_are(*classes: type) -> bool:
        return all(issubclass(t, classes) and not issubclass(t, (bool, np.bool_)) for t in types)

    if all_are(str):
        return _Column("text", values)
    if all_are(bytes):
        try:
            return _Column("text", values.map(lambda text: text.decode()))
        except UnicodeDecodeError:
            return _Column("bytes", values)
    if all_are(numbers.Integral):
        try:
            whole = np.array([int(value) for value in values], dtype=np.int64)
            return _Column("int", pd.Series(whole, index=values.index))
        except OverflowError:
            return _Column("number", values)
    if all_are(numbers.Real, decimal.Decimal):
        return _Column("number", values)
    try:
        if all_are(datetime.date, np.datetime64):
            return _Column("time", pd.to_datetime(values, utc=True))
        if all_are(datetime.timedelta, np.timedelta64):
            return _Column("time", pd.to_timedelta(values))
    except (ValueError, OverflowError):  # beyond what pandas can hold
        pass
    return _Column(" and ".join(sorted(t.__name__ for t in types)), values)
