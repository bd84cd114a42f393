"""One dialect of a text file, found from its first lines together and checked against all of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from ._fetch import DataError
from ._roles import by_name, is_known
from ._text import ROLES, Dialect, Options, fields, survey
from .kernels import Survey

__all__ = ["Layout", "find_layout", "has_number", "lay_out", "looks_like_header", "unclear"]

_SEPARATORS = ("\t", "::", ",", ";", "|", " ")
_HEAD, _LINES = 1 << 16, 100

_QUOTING = (",", ";", "|")  # what writes these puts fields in quotes
_ENCLOSED = re.compile(rb'(?m)(?:^|[,;|])"[^"\r\n]*"(?:[,;|]|\r?$)')
_OPENED = re.compile(rb'(?m)(?:^|[,;|])"[^"\n]*$')
_CLOSED = re.compile(rb'(?m)^[^"\n]*"(?:[,;|]|$)')
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?)?(Z|[+-]\d\d:?\d\d)?")
_WORDS = re.compile(r"(?=.*[^\W\d])(?!.*::)[^\s,;|]+( [^\s,;|]+)*")

_SEPARATE = "give separator= (--separator), or format='adjacency' (--format) for rows of user item item ..."
_NAME = "give columns= (--columns), names if the first row is a header, else positions from 0"


class Layout(NamedTuple):
    """How a text file is read.

    Attributes
    ----------
    dialect : Dialect
        How lines are cut.
    rows : list of list of str
        The first rows, the header among them.
    header : list of str, optional
        Names of the columns; None: the first row is data.
    sure : bool
        Whether the first row is known to be a header, or known to be data.
    adjacency : bool
        Whether a row is a user and all the user's items.
    content : bytes
        The text, with one byte in the separator's place.
    survey : Survey
        What is in it.
    """

    dialect: Dialect
    rows: list[list[str]]
    header: list[str] | None
    sure: bool
    adjacency: bool
    content: bytes
    survey: Survey


class _Reading(NamedTuple):
    """The first rows by one dialect, fields as they stand in the file."""

    dialect: Dialect
    rows: list[list[str]]
    sound: bool  # no quote is out of place

    @property
    def even(self) -> bool:
        return len({len(row) for row in self.rows}) == 1 and len(self.rows[0]) > 1

    @property
    def usual(self) -> float:
        """Share of rows with the most usual number of fields, if that is two or more."""
        lengths = [len(row) for row in self.rows]
        most = max(set(lengths), key=lambda n: (n > 1, lengths.count(n)))
        return lengths.count(most) / len(lengths) if most > 1 else 0.0

    @property
    def clean(self) -> float:
        """Share of fields that are a number, a date, words, quoted, or empty."""
        every = [field.strip() for row in self.rows for field in row]
        kinds = (_NUMBER, _DATE, _WORDS)
        good = sum(not f or (self.dialect.quoted and f[0] == '"') or any(k.fullmatch(f) for k in kinds) for f in every)
        return good / max(len(every), 1)

    def plain(self) -> list[list[str]]:
        """The rows without quotes."""
        return [[self.dialect.plain(field) for field in row] for row in self.rows]


def find_layout(content: bytes, name: str, options: Options) -> Layout:
    """The one way to read a text that its first lines show and that all its lines keep to.

    Raises
    ------
    DataError
        If it cannot be told, or lines do not keep to it: with the first rows as they are
        understood, and the option that settles it.
    """
    head, cut = _head(content)
    if not head.strip():
        raise DataError(f"{name} is empty: it has no rows")
    reading = _choose(_readings(head, cut, options), name, options)
    rows = reading.plain()
    guessed = options.format is None and options.columns is None and _is_adjacency(reading)
    if options.format == "adjacency" or guessed:
        content = reading.dialect.prepare(content)
        if looks_like_header(rows):
            raise unclear(name, "its first line is no user and items", rows, "take it out")
        found = survey(content, reading.dialect)
        return Layout(reading.dialect, rows, None, True, True, content, found)
    layout = lay_out(content, reading.dialect, name)
    header, sure = _header(layout.rows, name, options)
    return layout._replace(header=header, sure=sure)


def lay_out(content: bytes, dialect: Dialect, name: str, remedy: str = f"mend it, or {_SEPARATE}") -> Layout:
    """A table cut by a known separator, all of whose rows have the same number of fields.

    Raises
    ------
    DataError
        If they have not.
    """
    head, cut = _head(content)
    content, dialect, found = _settle_quotes(content, dialect)
    rows = _rows(head, cut, dialect).plain()
    if not rows:
        raise DataError(f"{name} is empty: it has no rows")
    _check_all(found, dialect, name, rows, remedy)
    return Layout(dialect, rows, None, False, False, content, found)


def unclear(
    name: str, why: str, rows: Sequence[Sequence[str]], remedy: str, dialect: Dialect | None = None
) -> DataError:
    """The error that shows the first two rows as they are understood, and what settles it."""
    shown = " and ".join(
        f"[{', '.join(repr(field[:24]) for field in row[:6])}{', ...' if len(row) > 6 else ''}]" for row in rows[:2]
    )
    by = "" if dialect is None else f" by {dialect.separator!r}"
    return DataError(f"{name}: {why}; its first rows are read{by} as {shown}: {remedy}")


def _head(content: bytes) -> tuple[bytes, bool]:
    """The first whole lines, and whether there are more."""
    size = _HEAD
    while size < len(content) and not re.search(rb"[\n\r]", content[:size]):
        size *= 16
    head = content[:size]
    if size < len(content):
        head = head[: max(head.rfind(b"\n"), head.rfind(b"\r")) + 1]
    lines = head.split(b"\n", _LINES)
    if len(lines) > _LINES and lines[-1]:
        head = head[: -len(lines[-1])]
    return head, len(head) < len(content)


def _rows(head: bytes, cut: bool, dialect: Dialect) -> _Reading:
    number, texts, found = fields(dialect.prepare(head), dialect)
    rows: list[list[str]] = [[] for _ in range(found.records)]
    for record, text in zip(number.tolist(), texts):
        rows[record].append(text)
    if cut and found.unclosed and len(rows) > 1:  # its end is not in the head
        rows, found = rows[:-1], found._replace(unclosed=False)
    return _Reading(dialect, rows, not found.strays and not found.unclosed)


def _readings(head: bytes, cut: bool, options: Options) -> list[_Reading]:
    """The first rows by each separator that occurs in them; with quotes, unless these do not fit."""
    readings = []
    for separator in _SEPARATORS if options.separator is None else (options.separator,):
        dialect = Dialect(separator, b'"' in head)
        within = separator.encode() in head or (dialect.blank and b"\t" in head)
        if not within and options.separator is None and options.format != "adjacency":
            continue
        both = [_rows(head, cut, dialect)]
        if dialect.quoted:
            both.append(_rows(head, cut, Dialect(separator, False)))
        readings.append(max(both, key=lambda reading: (reading.even, reading.sound)))
    return [reading for reading in readings if reading.rows]


def _choose(readings: list[_Reading], name: str, options: Options) -> _Reading:
    if not readings:
        raise DataError(
            f"{name} must have columns user, item[, rating[, time]], or user item item ...; its "
            f"first lines show no separator: {_SEPARATE}"
        )
    if options.format == "adjacency":
        return max(readings, key=lambda reading: (reading.clean, sum(map(len, reading.rows))))
    several = [reading for reading in readings if reading.usual]
    if not several:
        rows = readings[0].plain()
        raise unclear(name, "it has one column", rows, _SEPARATE, readings[0].dialect)
    named = [reading for reading in several if _is_named(reading.plain()[0], options)]
    pool = named or several
    even = [reading for reading in pool if reading.even]
    if not even:
        return max(pool, key=lambda reading: reading.usual * reading.clean)
    best = max(reading.clean for reading in even)
    first = [reading for reading in even if reading.clean == best]
    if first[0].dialect.separator == "\t":  # spaces and tabs separate too then, and no better
        first = [reading for reading in first if not reading.dialect.blank]
    if len(first) > 1:
        by = " or ".join(repr(reading.dialect.separator) for reading in first)
        raise unclear(name, f"its separator may be {by}", first[0].plain(), _SEPARATE, first[0].dialect)
    return first[0]


def _is_named(row: list[str], options: Options) -> bool:
    names = [c for c in (options.columns or {}).values() if isinstance(c, str)]
    return set(names) <= set(row) if names else is_known(row)


def _is_adjacency(reading: _Reading) -> bool:
    """Rows of different lengths, all whole numbers, hardly a user twice: lists like LightGCN's train.txt."""
    rows = reading.rows
    if reading.dialect.separator not in ("\t", " ") or reading.even or len(rows) < 2:
        return False
    often = Counter(row[0] for row in rows).most_common(1)[0][1]
    whole = all(field.strip().isdecimal() for row in rows for field in row)
    return whole and often <= 2 and (reading.usual <= 0.9 or len(rows) < 10)


def _settle_quotes(content: bytes, dialect: Dialect) -> tuple[bytes, Dialect, Survey]:
    """Whether quotes enclose fields, by all lines."""
    content = dialect.prepare(content)
    without = Dialect(dialect.separator, False)
    if b'"' not in content:
        return content, without, survey(content, without)
    quoted = Dialect(dialect.separator, True)
    found = survey(content, quoted)
    fits = not (found.misfits or found.strays or found.unclosed)
    if fits and not found.inside:
        return content, quoted, found
    plain = survey(content, without)
    enclosed = _ENCLOSED.search(content) or (_OPENED.search(content) and _CLOSED.search(content))
    if not fits and dialect.separator in _QUOTING and enclosed:
        return content, quoted, found  # some fields are enclosed, so all quotes are meant: an error
    # a quote that spans lines, each of which is a row by itself, encloses nothing
    if plain.fields > 1 and not plain.misfits and (not fits or plain.fields == found.fields):
        return content, without, plain
    return (content, quoted, found) if fits or dialect.quoted else (content, without, plain)


def _check_all(found: Survey, dialect: Dialect, name: str, rows: list[list[str]], remedy: str) -> None:
    """Every row has as many fields as the first, every quote its end."""
    wrong = []
    if found.fields < 2:
        wrong.append("it has one column")
    if found.misfits:
        wrong.append(
            f"{found.misfits:,} rows do not have the first row's {found.fields} fields, "
            f"the first has {found.misfit_fields} in line {found.misfit_line}"
        )
    if found.strays:
        wrong.append(f"{found.strays:,} fields go on behind their closing quote, the first in line {found.stray_line}")
    if found.unclosed:
        wrong.append("a quoted field has no end")
    if wrong:
        raise unclear(name, "; ".join(wrong), rows, remedy, dialect)


def _header(rows: list[list[str]], name: str, options: Options) -> tuple[list[str] | None, bool]:
    """Names of the columns if the first row is a header, and whether that is sure."""
    first = rows[0]
    values = list((options.columns or {}).values())
    if values and isinstance(values[0], str):
        return first, True
    numbers = has_number(first)
    header = is_known(first) or (any(by_name(first).values()) and not numbers)
    if values:
        if header or looks_like_header(rows):
            raise unclear(name, "its first row is a header", rows, "give columns= (--columns) by these names")
        return None, True
    if header:
        return first, True
    if looks_like_header(rows):
        raise unclear(name, "its first row looks like a header, but names no user and no item", rows, _NAME)
    if len(first) > len(ROLES):
        raise unclear(
            name,
            f"it has {len(first)} columns and no header that names user and item",
            rows,
            f"{_NAME}, or {_SEPARATE}",
        )
    return None, numbers or _same_shape(rows)


def has_number(row: list[str]) -> bool:
    """Whether a field of the row is a number or a date, as no name is."""
    return any(map(_is_number, row))


def _is_number(field: str) -> bool:
    return bool(_NUMBER.fullmatch(field) or _DATE.fullmatch(field))


def looks_like_header(rows: list[list[str]]) -> bool:
    """No number in the first row, but a column of numbers below it."""
    width = min(map(len, rows))
    below = [[row[j] for row in rows[1:] if row[j]] for j in range(width)]
    numbers = any(column and all(map(_is_number, column)) for column in below)
    return numbers and not has_number(rows[0])


def _same_shape(rows: list[list[str]]) -> bool:
    """Whether a field of the first row is built like all those below it, with two digits or more."""
    for column in zip(*rows):
        shapes = {re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "a", field)) for field in column}
        alike = len(shapes) == 1 or (len({len(field) for field in column}) == 1 and len(column[0]) > 5)
        if len(column) > 1 and alike and sum(map(str.isdigit, column[0])) > 1:
            return True
    return False
