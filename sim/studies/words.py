"""How tables become words: the spelling of numbers, and the rules by which a qualitative word is chosen.

A study's ``findings`` and captions take their words from here, so that one word means one thing everywhere: two things
are "ahead of" or "behind" one another only where the paired interval of their difference leaves out zero, or where a
p-value is below 5% after Holm's correction over the family that the sentence speaks of; otherwise they are "level".
An interval stands in square brackets behind its number; the sentence says once what it is over.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

__all__ = ["ALPHA", "counted", "extent", "listed", "share_of", "span", "spelled", "standing"]

ALPHA = 0.05
"""Level of every test, after the correction that the sentence names."""


def span(value: float, low: float, high: float, form: str = ".3f") -> str:
    """A number and its interval; the number alone where there is none.

    Examples
    --------
    >>> span(0.25, 0.2, 0.3), span(0.25, float("nan"), float("nan"))
    ('0.250 [0.200, 0.300]', '0.250')
    """
    if np.isnan(low) or np.isnan(high):
        return spelled(value, form)
    return f"{spelled(value, form)} [{spelled(low, form)}, {spelled(high, form)}]"


def spelled(value: float, form: str = ".3f") -> str:
    """A number: no minus before a zero, no power of ten up to a million.

    Examples
    --------
    >>> spelled(-0.0001), spelled(770.2, ".2g"), spelled(0.0123, ".2g")
    ('0.000', '770', '0.012')
    """
    text = f"{value:{form}}"
    if "e+0" in text:
        text = f"{float(text):,.0f}"
    return text.lstrip("-") if text.startswith("-") and not text.strip("-0.%") else text


def standing(
    low: float, high: float, *, at: float = 0.0, words: Sequence[str] = ("behind", "level with", "ahead of")
) -> str:
    """Which of three words a paired interval allows: below ``at`` as a whole, around it, above it as a whole.

    Examples
    --------
    >>> standing(0.01, 0.03), standing(-0.01, 0.03), standing(0.90, 0.97, at=1.0)
    ('ahead of', 'level with', 'behind')
    """
    return words[0] if high < at else words[2] if low > at else words[1]


def listed(items: Iterable[Any], none: str = "none", last: str = "and") -> str:
    """A list as it is read.

    Examples
    --------
    >>> listed("abc"), listed("ab"), listed("a"), listed("")
    ('a, b and c', 'a and b', 'a', 'none')
    """
    words = [str(item) for item in items]
    if not words:
        return none
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"


def counted(n: int, of: int, what: str) -> str:
    """How many of how many.

    Examples
    --------
    >>> counted(0, 4, "curves"), counted(3, 4, "curves"), counted(4, 4, "curves")
    ('none of 4 curves', '3 of 4 curves', 'all 4 curves')
    """
    if n == of and of > 1:
        return f"all {of} {what}"
    return f"{n or 'none'} of {of} {what}"


def share_of(n: float, of: float) -> str:
    """A share as a whole percentage, "none" and "all" only where it is so.

    Examples
    --------
    >>> share_of(0, 7), share_of(1, 300), share_of(7, 7)
    ('0%', '<1%', '100%')
    """
    part = n / of
    if 0 < part < 0.005 or 0.995 <= part < 1:
        return "<1%" if part < 0.5 else ">99%"
    return f"{part:.0%}"


def extent(values: Any, form: str = ".2f") -> str:
    """The range of some numbers, one number where all are spelled the same.

    Examples
    --------
    >>> extent([0.1, 0.3]), extent([0.1, 0.101])
    ('0.10 to 0.30', '0.10')
    """
    ends = [spelled(end, form) for end in (np.min(values), np.max(values))]
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"
