"""Names as people spell them: capitals, hyphens and spaces are no matter, and near ones are suggested."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

__all__ = ["hint", "plain"]


def plain(name: Any) -> str:
    """A name in small letters and digits only, by which spellings of one name are told to be one.

    Examples
    --------
    >>> plain("Softmax-V") == plain("softmax_v")
    True
    """
    return "".join(c for c in str(name).casefold() if c.isalnum())


def hint(given: Any, known: Iterable[Any], *, everything: bool = True) -> str:
    """The names near to one that is not known; where there are none, with ``everything``, all.

    Examples
    --------
    >>> hint("gowala", ["gowalla", "yelp"])
    'did you mean gowalla?'
    """
    names: dict[str, str] = {}
    for name in known:
        names.setdefault(plain(name), str(name))
    near = [names[name] for name in difflib.get_close_matches(plain(given), names, cutoff=0.5)]
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"known are {', '.join(names.values()) or 'none'}" if everything else ""
