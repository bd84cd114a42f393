"""The tables of methods in a Markdown file: between ``<!-- Table2 -->`` and ``<!-- end -->`` stand the figure's means.

python -m sim.studies.readme README.md figures
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pandas as pd

from ..core.files import write_text
from .tables.methods import markdown_means

__all__ = ["with_tables"]

_BLOCK = re.compile(r"<!-- (\w+) -->\n.*?<!-- end -->", re.DOTALL)


def with_tables(text: str, figures: Path) -> str:
    """``text`` with every such block filled anew from the CSV of its name in the folder."""

    def block(found: re.Match[str]) -> str:
        name = found[1]
        means = markdown_means(pd.read_csv(figures / f"{name}.csv"))
        return f"<!-- {name} -->\n{means}<!-- end -->"

    return _BLOCK.sub(block, text)


if __name__ == "__main__":
    readme, folder = map(Path, sys.argv[1:])
    write_text(readme, with_tables(readme.read_text(encoding="utf-8"), folder))
