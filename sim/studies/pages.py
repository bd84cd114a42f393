"""Pages whose words follow from tables: Markdown with marked blocks, each filled anew from what its mark names.

A mark stands on a line of its own, its block ends with ``<!-- end -->``, and all between is written by :func:`render`::

    <!-- say F6/law -->                 the sentence "law" among the findings of F6
    <!-- say G2-trend/gowalla/ -->      every one whose name begins so, a bullet each
    <!-- table Table2 -->               a Markdown table
    <!-- about F8 -->                   where a figure's files are, and the command that makes it

What stands outside of blocks is typed, and :func:`typed_numbers` finds the numbers in it.
"""

from __future__ import annotations

import functools
import json
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pandas as pd

from .study import Findings, get_study

__all__ = ["Evidence", "Fill", "differences", "render", "typed_numbers", "with_words"]

Fill = Callable[[str], Findings | str]
"""What a mark's argument stands for: named sentences, or text as it is."""

WIDTH = 100
_BLOCK = re.compile(
    r"^(?P<indent> *)<!-- (?P<kind>\w+) (?P<what>.+?) -->\n(?P<body>.*?)^ *<!-- end -->$", re.DOTALL | re.MULTILINE
)
_NUMBER = re.compile(r"(?<![\w.])-?(?:\d*\.\d+%?|\d+%)(?![\w.]*\w)")
_CODE = re.compile(r"^ *```.*?^ *```$|`[^`\n]*`|\]\([^)\s]*\)|<[^>\n]*>", re.DOTALL | re.MULTILINE)


class Evidence:
    """The tables of a folder of figures, each read once, and what may be said from them."""

    def __init__(self, figures: Path) -> None:
        self.figures = figures
        self.table: Callable[[str], pd.DataFrame] = functools.cache(self._table)
        self.findings: Callable[[str], Findings] = functools.cache(self._findings)

    def _table(self, name: str) -> pd.DataFrame:
        return pd.read_csv(self.figures / f"{name}.csv")

    def _findings(self, name: str) -> Findings:
        return get_study(name).findings(self.table(name))


def render(text: str, fills: Mapping[str, Fill]) -> str:
    """A page with all of its blocks written anew.

    Parameters
    ----------
    text : str
        The page.
    fills : mapping of str to callable
        Kind of mark (say, table, ...) to what fills a block of it.

    Raises
    ------
    ValueError
        For a mark of an unknown kind, or one that names nothing.

    Examples
    --------
    >>> print(render("<!-- say a/b -->\\nold\\n<!-- end -->", {"say": lambda name: {name: "New."}}))
    <!-- say a/b -->
    New.
    <!-- end -->
    """
    if (marks := text.count("<!-- end -->")) != (blocks := len(_BLOCK.findall(text))):
        raise ValueError(f"every block must begin and end on lines of its own, got {marks} ends and {blocks} blocks")

    def block(found: re.Match[str]) -> str:
        indent = found["indent"]
        body = _written(_filled(found, fills), indent)
        return f"{indent}<!-- {found['kind']} {found['what']} -->\n{body}{indent}<!-- end -->"

    return _BLOCK.sub(block, text)


def _filled(found: re.Match[str], fills: Mapping[str, Fill]) -> Findings | str:
    if found["kind"] not in fills:
        raise ValueError(f"mark must be one of {', '.join(fills)}, got {found['kind']!r}")
    made = fills[found["kind"]](found["what"])
    if not made:
        raise ValueError(f"a mark must name something, got {found['kind']} {found['what']}")
    return made


def _written(made: Findings | str, indent: str) -> str:
    if isinstance(made, str):
        return textwrap.indent(made.rstrip("\n") + "\n", indent)
    bullet = "- " if len(made) > 1 else ""
    return "".join(
        textwrap.fill(
            sentence, WIDTH, initial_indent=indent + bullet, subsequent_indent=indent + " " * len(bullet),
            break_long_words=False, break_on_hyphens=False,
        ) + "\n"
        for sentence in made.values()
    )  # fmt: skip


def differences(text: str, fills: Mapping[str, Fill]) -> list[str]:
    """Every sentence and table of a page that is not what its evidence says, one line each, by name."""
    wrong = []
    for found in _BLOCK.finditer(text):
        made = _filled(found, fills)
        if isinstance(made, str):
            if found["body"] != _written(made, found["indent"]):
                wrong.append(f"{found['kind']} {found['what']} is not that of its evidence")
            continue
        had = list(_sentences(found["body"], len(made) > 1))
        for number, (name, sentence) in enumerate(made.items()):
            before = had[number] if number < len(had) else "nothing"
            if before != sentence:
                wrong.append(f"{name} says {before!r}, its evidence {sentence!r}")
        wrong += [f"{found['what']} says {extra!r}, its evidence nothing" for extra in had[len(made) :]]
    return wrong


def _sentences(body: str, bullets: bool) -> Iterator[str]:
    parts = re.split(r"^ *- ", body, flags=re.MULTILINE)[1:] if bullets else [body]
    return (" ".join(part.split()) for part in parts if part.strip())


def typed_numbers(text: str, allowed: str = r"(?!)") -> list[str]:
    """Decimals and percentages that stand in a page outside of its blocks, its code and its links.

    Parameters
    ----------
    text : str
        The page.
    allowed : str
        Regular expression of what may stand there; it is taken out first.

    Examples
    --------
    >>> typed_numbers("a gain of 3.5% at `lr=.005`, .92 and 17%, see [2.3](a/0.1.png)", r"see \\[2\\.3")
    ['3.5%', '.92', '17%']
    """
    bare = re.sub(allowed, " ", _CODE.sub("]", _BLOCK.sub("", text)))
    return [found[0] for found in _NUMBER.finditer(bare)]


def with_words(record: str, evidence: Evidence) -> str:
    """A figure's record (its JSON) with the caption and the findings that its table has."""
    info = json.loads(record)
    table, study = evidence.table(info["id"]), get_study(info["id"])
    info |= {"caption": study.caption(table), "findings": evidence.findings(info["id"])}
    return json.dumps(info, indent=2, ensure_ascii=False) + "\n"
