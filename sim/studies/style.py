"""Colours and small drawing helpers shared by the figures: the same colour means the same K everywhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["K_COLOURS", "PALETTE", "label_line_ends", "legend_below", "ordered_colours", "style"]

PALETTE = {
    "black": "#000000", "orange": "#E69F00", "sky": "#56B4E9", "green": "#009E73", "yellow": "#F0E442",
    "blue": "#0072B2", "red": "#D55E00", "purple": "#CC79A7", "grey": "#7F7F7F",
}  # fmt: skip
"""Okabe and Ito's palette, distinguishable with colour-blindness."""

K_COLOURS = {
    1: "#000000", 5: "#0072B2", 10: "#56B4E9", 20: "#009E73", 50: "#E69F00", 100: "#D55E00", 200: "#CC79A7",
}  # fmt: skip
"""Colour of each cut-off K."""


@contextmanager
def style() -> Iterator[Any]:
    """``with style() as plt``: matplotlib under the project's style, the caller's settings restored afterwards."""
    import matplotlib.pyplot as plt

    with plt.style.context(str(Path(__file__).with_name("hns.mplstyle"))):
        yield plt


def ordered_colours(n: int) -> list[Any]:
    """``n`` colours from dark to light for an ordered parameter."""
    import matplotlib

    return [matplotlib.colormaps["viridis"](x) for x in np.linspace(0.0, 0.88, n)]


def legend_below(figure: Any, ncols: int) -> None:
    """One legend under the figure of all that its axes name."""
    found = {text: handle for ax in figure.axes for handle, text in zip(*ax.get_legend_handles_labels())}
    figure.legend(list(found.values()), list(found), loc="outside lower center", ncols=ncols)


def label_line_ends(ax: Any, ends: Sequence[tuple[float, float, str, Any]], *, gap: float = 0.055) -> None:
    """Write labels right of the points (x, y, text, colour), moved apart so that they do not overlap.

    ``gap`` is the least distance in units of the axes' height.
    """
    low, high = ax.get_ylim()
    height = (high - low) * gap
    placed = -np.inf
    for x, y, text, colour in sorted(ends, key=lambda e: e[1]):
        at = max(y, placed + height)
        placed = at
        ax.annotate(
            text, (x, y), (4, (at - y) / (high - low) * ax.bbox.height * 72 / ax.figure.dpi),
            textcoords="offset points", color=colour, va="center", fontsize=8, annotation_clip=False,
        )  # fmt: skip
