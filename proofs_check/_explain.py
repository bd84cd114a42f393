"""``hns check --explain``: a result of the paper and its claims, told at the width of the terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Iterator

from ._formal import formal_theorems
from .model import Claim, ClaimResult
from .paper import PaperResult, find
from .tally import NothingToTest

__all__ = ["explain", "found_row", "row", "rows_width", "shortened"]

ID, VERDICT = 14, 22
"""Columns of the list of claims."""


def rows_width() -> int:
    """Columns of the terminal; 80 where there is none."""
    return max(60, shutil.get_terminal_size().columns)


def shortened(text: str, width: int) -> str:
    """Text that fits, cut between words.

    Examples
    --------
    >>> shortened("The dual of the KL ball", 15), shortened("short", 15)
    ('The dual of …', 'short')
    """
    if len(text) <= width:
        return text
    return text[: width - 1].rpartition(" ")[0].rstrip(",;:") + " …"


def row(claim_id: str, title: str, verdict: str, width: int) -> str:
    """A claim in one line: id, title, verdict."""
    room = width - ID - max(VERDICT, len(verdict)) - 1
    if room < 20:  # a verdict that needs its own line
        return f"{claim_id:{ID}}{shortened(title, width - ID)}\n{'':{ID}}{verdict}"
    return f"{claim_id:{ID}}{shortened(title, room):{room}} {verdict}".rstrip()


def found_row(result: ClaimResult, width: int) -> str:
    """The same of a claim that has been run, with what differs from the record."""
    verdict = str(result.status)
    if result.needs and result.agrees:
        verdict = f"not checked: needs {', '.join(result.needs)} (recorded: {result.recorded})"
    elif result.status != result.recorded:
        verdict += f" (recorded: {result.recorded})"
    return row(result.id, result.title, verdict, width)


def explain(words: str, width: int) -> str:
    """What somebody means by ``words`` (Theorem 2, T2, T2f): the result's line, then the claims' entries.

    One claim is told in full; of several, what each says and its verdict.
    """
    results, claims = find(words)
    width = min(width, 100)
    parts = ["\n".join(_result(result, width)) for result in results]
    if len(claims) == 1:
        parts.append("\n".join(_entry(claims[0], width)))
    else:
        parts += ["\n".join(_brief(claim, width)) for claim in claims]
        parts += [f"In full: hns check --explain {claim.id}" for claim in claims[:1]]
    return "\n\n".join(parts)


def _paragraph(text: str, width: int, indent: str = "") -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )


def _result(result: PaperResult, width: int) -> list[str]:
    heading = f"{result.name}: {result.printed}"
    answer = f"{result.verdict[0].upper()}{result.verdict[1:]}. {result.told}"
    return [*_paragraph(heading, width), *_paragraph(answer, width, "  ")]


def _brief(claim: Claim, width: int) -> list[str]:
    heading = f"{claim.id}: {claim.title}"
    return [*_paragraph(heading, width), *_paragraph(f"{claim.verdict.status}. {claim.verdict.words}", width, "  ")]


def _entry(claim: Claim, width: int) -> list[str]:
    lines = _paragraph(f"{claim.id}: {claim.title}", width)
    for name, text in _fields(claim):
        lines += ["", *_paragraph(f"{name}. {text}", width)]
    if example := _example(claim):
        lines += [
            "",
            "By hand.",
            *(wrapped for line in example.splitlines() for wrapped in _paragraph(line, width, "  ")),
        ]
    lines += ["", "Evidence."]
    for text in _evidence(claim):
        first, *rest = _paragraph(text, width - 2) or [""]
        lines += [f"- {first}", *(f"  {line}" for line in rest)]
    return lines


def _fields(claim: Claim) -> Iterator[tuple[str, str]]:
    yield "Verdict", f"{claim.verdict.status}. {claim.verdict.words}"
    yield f"Claim ({claim.where})", claim.statement
    yield "Domain", claim.domain
    if claim.sharp:
        yield "Sharp statement", claim.sharp
    if claim.scope:
        yield "Checked", "; ".join(map(str, claim.scope)) + "."


def _evidence(claim: Claim) -> Iterator[str]:
    for theorem, words in formal_theorems(claim.id):
        yield f"formal, {theorem}: {words}"
    for one in claim.checks:
        yield f"{one.kind}, {one.role}: {one.words}"


def _example(claim: Claim) -> str:
    try:
        return claim.example() if claim.example else ""
    except NothingToTest:
        return ""
