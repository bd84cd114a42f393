"""Values that are made when they are first asked for, so that importing a module computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

__all__ = ["Later"]

T = TypeVar("T")


class Later(Mapping[str, T]):
    """A mapping of names to values, each made once, at its first use.

    Parameters
    ----------
    makers : mapping of str to callable
        Functions without arguments.

    Examples
    --------
    >>> squares = Later({"two": lambda: print("made") or 4})
    >>> list(squares)
    ['two']
    >>> squares["two"], squares["two"]
    made
    (4, 4)
    """

    def __init__(self, makers: Mapping[str, Callable[[], T]]) -> None:
        self._makers = dict(makers)
        self._made: dict[str, T] = {}

    def __getitem__(self, name: str) -> T:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)
