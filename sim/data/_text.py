"""Text of a file: its bytes, checked, and how they are cut into records and fields."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from ._fetch import DataError
from .kernels import Survey, scan

__all__ = ["FORMATS", "ROLES", "Dialect", "Options", "fields", "read_bytes", "survey"]

FORMATS = ("table", "adjacency")
ROLES = ("user", "item", "rating", "time")
_WORDS = {"tab": "\t", "space": " ", "\\t": "\t"}
_SEPARATOR = re.compile(r'[^\w"\r\n\0]+')
_INNER = "\x1f"  # stands for a separator of more than one character
_BLOCK = 1 << 22


@dataclass(frozen=True)
class Options:
    """How a text file is to be read, as far as its reader has said.

    Attributes
    ----------
    format : {"table", "adjacency"}, optional
        A pair in each row, or a user and all the user's items.
    separator : str, optional
        Between fields; ``" "``: any run of spaces and tabs.
    columns : mapping, optional
        Role -> column name (there is a header) or position from 0 (there is none).
    """

    format: str | None = None
    separator: str | None = None
    columns: Mapping[str, str | int] | None = None

    @classmethod
    def check(cls, format: Any, separator: Any, columns: Any) -> Options:
        """Checked options.

        Raises
        ------
        ValueError
            For values that are not allowed.
        """
        if format is not None and format not in FORMATS:
            raise ValueError(f"format must be one of 'table', 'adjacency', got {format!r}")
        if separator is not None:
            given, separator = separator, _WORDS.get(separator, separator)
            if not isinstance(separator, str) or not _SEPARATOR.fullmatch(separator):
                raise ValueError(
                    "separator must be 'tab', 'space' or a text without letters, digits, quotes and "
                    f"line ends, got {given!r}"
                )
        if columns is not None:
            good = isinstance(columns, Mapping) and {"user", "item"} <= set(columns) <= set(ROLES)
            if good:
                kinds = {type(c) for c in columns.values()}
                good = kinds == {str} or (kinds == {int} and min(columns.values()) >= 0)
                good &= len(set(columns.values())) == len(columns)
            if not good:
                raise ValueError(
                    "columns must map 'user', 'item' and perhaps 'rating', 'time' each to another column: all by "
                    f"name, or all by position from 0, got {columns!r}"
                )
            if format == "adjacency":
                raise ValueError("columns must be None for format='adjacency': its rows are a user and items")
        return cls(format, separator, columns)


@dataclass(frozen=True)
class Dialect:
    """How lines are cut into fields: by one byte (``blank``: by runs of spaces and tabs), with or without quotes."""

    separator: str
    quoted: bool

    @property
    def blank(self) -> bool:
        """Whether any run of spaces and tabs separates."""
        return self.separator == " "

    @property
    def byte(self) -> str:
        """The character that the parsers look for."""
        return self.separator if len(self.separator.encode()) == 1 else _INNER

    def prepare(self, content: bytes) -> bytes:
        """The content with one byte in the separator's place, and one kind of line end (parsers differ on ``\\r``)."""
        if b"\r" in content:
            content = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return content if self.byte == self.separator else content.replace(self.separator.encode(), _INNER.encode())

    def plain(self, field: str) -> str:
        """A field without its quotes and the blanks around it."""
        field = field.strip()
        if self.quoted and len(field) > 1 and field[0] == field[-1] == '"':
            field = field[1:-1].replace('""', '"').strip()
        return field


def read_bytes(file: Path | IO[bytes], name: str) -> bytes:
    """The text of a file, unpacked if it is gzip, without a byte order mark.

    Raises
    ------
    DataError
        If it is damaged, not UTF-8, or holds NUL.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    blocks: list[bytes] = []
    size = 0
    try:
        with contextlib.ExitStack() as stack:
            opened: Any = stack.enter_context(open(file, "rb")) if isinstance(file, Path) else file
            if opened.read(2) == b"\x1f\x8b":
                opened.seek(0)
                opened = stack.enter_context(gzip.GzipFile(fileobj=opened))
            else:
                opened.seek(0)
            while block := opened.read(_BLOCK):
                _check_block(block, name, size)
                decoder.decode(block)
                blocks.append(block)
                size += len(block)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        at = size + max(error.start, 0)
        raise DataError(f"{name} must be UTF-8 text, it is not at byte {at}") from None
    except DataError:
        raise
    except Exception as error:  # a broken container raises nearly anything
        reason = " ".join(str(error).split())[:80] or type(error).__name__
        raise DataError(f"{name} is truncated or altered ({reason})") from None
    return b"".join(blocks).removeprefix(codecs.BOM_UTF8)


def _check_block(block: bytes, name: str, size: int) -> None:
    if size == 0 and block[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise DataError(f"{name} must be UTF-8 text, it is UTF-16: save it as UTF-8")
    nul = block.find(b"\0")  # here, so that a packed file of zeros is not unpacked to its end
    if nul >= 0:
        raise DataError(f"{name} must be text, it holds a NUL at byte {size + nul}")


def survey(content: bytes, dialect: Dialect, bounds: np.ndarray | None = None) -> Survey:
    """What :func:`~sim.data.kernels.scan` finds in a prepared content; ``bounds`` takes the fields' places."""
    text = np.frombuffer(content, dtype=np.uint8)
    bounds = np.empty((0, 3), dtype=np.int64) if bounds is None else bounds
    separator = np.uint8(0 if dialect.blank else ord(dialect.byte))
    return scan(text, separator, dialect.blank, dialect.quoted, bounds)


def fields(content: bytes, dialect: Dialect) -> tuple[np.ndarray, list[str], Survey]:
    """Record number and text of every field of a prepared content."""
    marks = b"\n\r \t" if dialect.blank else b"\n\r" + dialect.byte.encode()
    bounds = np.empty((sum(content.count(mark) for mark in marks) + 1, 3), dtype=np.int64)
    found = survey(content, dialect, bounds)
    bounds = bounds[: found.stored]
    texts = [content[start:end].decode("utf-8", "replace") for start, end in bounds[:, 1:].tolist()]
    return bounds[:, 0], texts, found
