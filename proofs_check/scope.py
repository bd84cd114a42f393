"""How far a claim's statement goes along each axis of its domain, and how far its checks do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Axis", "Reached", "Span", "summarise", "uncovered"]

Span = tuple[float, float] | frozenset[str]
"""An interval with its ends, or a set of names."""

Reached = tuple[float, float, int] | frozenset[str]
"""Least and largest number that a check visited and how many different ones, or the names it visited."""


@dataclass(frozen=True)
class Axis:
    """One axis of a claim's domain.

    Parameters
    ----------
    name : str
        For example ``"N_+"``, ``"K / N"`` or ``"metric"``.
    stated : (low, high) or set of str
        What the statement covers. Infinity is allowed.
    checked : the same, optional
        What the checks reach at quick effort; ``stated`` by default.
    every : bool
        Every integer of ``checked`` is visited by one check, not its ends and some between.
    carried : str
        What carries the part of ``stated`` that is not ``checked``: ``"formal: <theorem>"`` (a theorem of
        ``proofs_check/coq`` about the claim) or ``"proof: <where>"`` (a proof written out in the claim's statement or
        its module's docstring). Must be given exactly where ``checked`` is less than ``stated``.

    runs : bool
        Reached by tables of training runs: with less of them here the claim is open, not unverified.

    Examples
    --------
    >>> print(Axis("N_+", (1, 40), every=True))
    N_+ from 1 to 40, every integer
    >>> print(Axis("n", (1, float("inf")), (1, 6), carried="formal: top_mean_is_maximum"))
    n from 1 to 6 (stated: 1 and more; formal: top_mean_is_maximum)
    """

    name: str
    stated: Span | Iterable[str]
    checked: Span | Iterable[str] | None = None
    every: bool = False
    carried: str = ""
    runs: bool = False

    def __post_init__(self) -> None:
        stated = _span(self.stated)
        checked = stated if self.checked is None else _span(self.checked)
        if isinstance(stated, frozenset) != isinstance(checked, frozenset):
            raise ValueError(f"axis {self.name} must have intervals or names on both sides, got both")
        if _within(stated, checked) == bool(self.carried):
            what = "no more" if self.carried else "more"
            raise ValueError(f"axis {self.name} states {what} than is checked, got carried={self.carried!r}")
        object.__setattr__(self, "stated", stated)
        object.__setattr__(self, "checked", checked)

    def __str__(self) -> str:
        words = _words(self.name, self.checked) + (", every integer" if self.every else "")
        if not self.carried:
            return words
        return f"{words} (stated: {_words('', self.stated).strip()}; {self.carried})"

    def missing(self, reached: Sequence[Reached]) -> str:
        """What of ``checked`` no check reached, in words; empty if nothing."""
        if isinstance(self.checked, frozenset):
            names = frozenset().union(*(r for r in reached if isinstance(r, frozenset)))
            left = sorted(self.checked - names)
            return f"{self.name}: no check reached {', '.join(left)}" if left else ""
        low, high = (float(end) for end in self.checked or ())
        numbers = [r for r in reached if not isinstance(r, frozenset)]
        if not numbers or min(r[0] for r in numbers) > low or max(r[1] for r in numbers) < high:
            got = f"{min(r[0] for r in numbers):g} to {max(r[1] for r in numbers):g}" if numbers else "nothing"
            return f"{self.name}: the checks must reach {low:g} to {high:g}, got {got}"
        if self.every and not any(r[0] <= low and r[1] >= high and r[2] >= high - low + 1 for r in numbers):
            return f"{self.name}: one check must visit every integer from {low:g} to {high:g}"
        return ""


def summarise(values: Mapping[str, set[Any]]) -> dict[str, Reached]:
    """What a check visited on each axis.

    >>> summarise({"K": {5, 20, 1}, "metric": {"recall"}})
    {'K': (1.0, 20.0, 3), 'metric': frozenset({'recall'})}
    """
    return {
        name: frozenset(seen)
        if any(isinstance(v, str) for v in seen)
        else (float(min(seen)), float(max(seen)), len(seen))
        for name, seen in values.items()
        if seen
    }


def uncovered(scope: Sequence[Axis], reached: Sequence[Mapping[str, Reached]]) -> list[str]:
    """The axes that the checks do not reach as far as the scope says, in words."""
    found = (axis.missing([r[axis.name] for r in reached if axis.name in r]) for axis in scope)
    return [words for words in found if words]


def _span(value: Any) -> Span:
    values = tuple(value)
    if all(isinstance(v, str) for v in values) and values and not isinstance(value, str):
        return frozenset(values)
    if len(values) != 2 or any(isinstance(v, str) for v in values) or not values[0] <= values[1]:
        raise ValueError(f"an axis must be (low, high) or names, got {value!r}")
    return float(values[0]), float(values[1])


def _within(inner: Span, outer: Span) -> bool:
    if isinstance(inner, frozenset) or isinstance(outer, frozenset):
        return inner <= outer  # type: ignore[operator]
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _words(name: str, span: Any) -> str:
    if isinstance(span, frozenset):
        return f"{name}: {', '.join(sorted(span))}"
    low, high = span
    if high == float("inf"):
        return f"{name} {low:g} and more"
    return f"{name} from {low:g} to {high:g}" if low < high else f"{name} = {low:g}"
