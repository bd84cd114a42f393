"""Studies in a notebook: the published table's picture, then what may be said from it.

Needs the extra ``docs``.
"""

from __future__ import annotations

import io
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .study import get_study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FIGURES", "picture", "published", "said", "show"]

FIGURES = Path(__file__).resolve().parents[2] / "figures"
"""Where the published tables lie, in a working tree."""

COLOURS = 96
"""Of a picture's palette: enough for shades and smooth lines, a third of the bytes."""


def published(name: str, *data: str) -> pd.DataFrame:
    """The published table of a study, the rows of these data sets only where some are named."""
    import pandas as pd

    table = pd.read_csv(FIGURES / f"{get_study(name).id}.csv")
    return table[table.data.isin(data)].reset_index(drop=True) if data else table


def picture(figure: Any, alt: str = "") -> None:
    """Display a figure once, with two pixels a point of the screen and few colours, and close it."""
    import matplotlib.pyplot as plt
    from IPython.display import Image, display
    from PIL import Image as Pixels

    wide, small = io.BytesIO(), io.BytesIO()
    figure.savefig(wide, format="png", dpi=2 * 96, facecolor="white")
    plt.close(figure)
    pixels = Pixels.open(wide).convert("RGB")
    pixels.quantize(COLOURS, dither=Pixels.Dither.NONE).save(small, "png", optimize=True)
    display(Image(small.getvalue(), format="png", width=pixels.width // 2, alt=alt))  # type: ignore[no-untyped-call]


def said(name: str, table: pd.DataFrame, *keys: str) -> None:
    """Display the findings whose names fit one of the patterns ``keys``, by default all."""
    from IPython.display import Markdown, display

    found = get_study(name).findings(table)
    lines = [f"- {line}" for key, line in found.items() if any(fnmatchcase(key, one) for one in keys or ("*",))]
    if not lines:
        raise ValueError(f"keys must fit findings of {name}, which are {', '.join(found)}; got {', '.join(keys)}")
    display(Markdown("\n".join(["**Found:**", "", *lines])))  # type: ignore[no-untyped-call]


def show(name: str, table: pd.DataFrame | None = None, *keys: str, caption: bool = True) -> None:
    """Display a study: its picture, its findings (see :func:`said`) and its caption.

    Parameters
    ----------
    name : str
        Its id.
    table : DataFrame, optional
        Default: the published one.
    keys : str
        Patterns of the findings to show.
    caption : bool
        Whether to say how it was made.
    """
    from IPython.display import Markdown, display

    study = get_study(name)
    table = published(name) if table is None else table
    picture(study.plot(table), f"{study.id}: {study.title}")
    said(name, table, *keys)
    if caption:
        display(Markdown(f"*How it was made.* {study.caption(table)}"))  # type: ignore[no-untyped-call]
