"""What every figure looks like: one look for a sampler, a metric, a cut-off and a data set, wherever it is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

__all__ = [
    "AXES", "DASHED", "DATA_SETS", "K_COLOURS", "METRIC_NAMES", "PALETTE", "SAMPLERS", "Look",
    "data_colour", "data_frames", "label_rows", "legend_below", "mark_peak", "metric_title",
    "ordered_colours", "sampler_look", "style",
]  # fmt: skip

PALETTE = {
    "black": "#000000", "orange": "#E69F00", "sky": "#56B4E9", "green": "#009E73", "yellow": "#F0E442",
    "blue": "#0072B2", "red": "#D55E00", "purple": "#CC79A7", "grey": "#7F7F7F",
}  # fmt: skip
"""Okabe and Ito's palette, distinguishable with colour-blindness."""

K_COLOURS = {
    1: "#000000", 5: "#0072B2", 10: "#56B4E9", 20: "#009E73", 50: "#E69F00", 100: "#D55E00", 200: "#CC79A7",
}  # fmt: skip
"""Colour of each cut-off K."""


class Look(NamedTuple):
    """Colour and marker of what is drawn."""

    colour: str
    marker: str


SAMPLERS = {
    name: Look(PALETTE[colour], marker)
    for name, (colour, marker) in {
        "Uniform": ("black", "o"), "DNS": ("blue", "o"), "TopK": ("sky", "D"), "WARP": ("orange", "P"),
        "Softmax-v": ("red", "^"), "Softmax-exact": ("green", "s"), "Softmax": ("purple", "v"), "AHNS": ("orange", "X"),
        "popularity": ("grey", "o"), "PRIS-P": ("purple", "<"), "AdaSIR-P": ("sky", "<"), "AdaSIR-U": ("sky", ">"),
        "Kernel": ("orange", "h"), "IRGAN": ("black", "*"), "AOBPR": ("grey", "p"),
    }.items()
}  # fmt: skip
"""Look of each sampler. More samplers than colours: two may share a colour, no two share a look."""

AXES = {
    "M": ("DNS(M, N) over M", SAMPLERS["DNS"]), "N": ("DNS(5, N) over N", Look(PALETTE["sky"], "D")),
    "rho": ("Softmax-v over ρ", SAMPLERS["Softmax-v"]),
    "rho-exact": ("Softmax-exact over ρ", SAMPLERS["Softmax-exact"]),
}  # fmt: skip
"""Name and look of each axis of hardness."""

DATA_SETS = {
    "ml-100k": "green", "gowalla": "blue", "irb-gowalla": "sky", "irb-amazon2014-health": "orange",
    "irb-amazon2014-movie": "red", "irb-amazon2014-movie-temporal": "purple", "ml-10m": "black",
}  # fmt: skip
"""Colour of each data set in the palette; a sampler in the same panel is told by its marker."""

METRIC_NAMES = {
    "recall": "Recall", "ndcg": "NDCG", "precision": "Precision", "ap": "AP", "mrr": "MRR", "hit": "Hit",
}  # fmt: skip
"""How metrics are written."""

DASHED = (0, (3, 2))
"""Line style of what is compared with."""


def sampler_look(name: str) -> Look:
    """Look of the sampler of which ``name`` is a spelling.

    Examples
    --------
    >>> sampler_look("Softmax-v, ρ = 1") == SAMPLERS["Softmax-v"], sampler_look("DNS(5, 200)") == SAMPLERS["DNS"]
    (True, True)
    """
    for known in sorted(SAMPLERS, key=len, reverse=True):
        if name.startswith(known):
            return SAMPLERS[known]
    raise ValueError(f"name must begin with one of {', '.join(SAMPLERS)}, got {name!r}")


def data_colour(name: str) -> str:
    """Colour of a data set; grey for one that is not named in :data:`DATA_SETS`."""
    return PALETTE[DATA_SETS.get(name, "grey")]


def metric_title(metric: str) -> str:
    """How a metric and its cut-off are written.

    Examples
    --------
    >>> metric_title("ndcg@50")
    'NDCG@50'
    """
    name, at, k = metric.partition("@")
    return METRIC_NAMES[name] + at + k


@contextmanager
def style() -> Iterator[Any]:
    """``with style() as plt``: matplotlib under the project's style, the caller's settings restored afterwards."""
    import matplotlib.pyplot as plt

    with plt.style.context(str(Path(__file__).with_name("hns.mplstyle"))):
        yield plt


def data_frames(plt: Any, names: Sequence[Any], columns: int, size: tuple[float, float, float], **options: Any) -> Any:
    """Figure and axes with a row of panels for each of ``names``; ``size`` is width, height of the rest, of a row."""
    width, rest, row = size
    frame = {"squeeze": False, "sharey": "row", "layout": "constrained"} | options
    return plt.subplots(len(names), columns, figsize=(width, rest + row * len(names)), **frame)


def label_rows(axes: Any, names: Sequence[str], ylabel: str, xlabel: str | None = None) -> None:
    """Name each row at its left, and the last row's horizontal axis."""
    for ax, name in zip(axes[:, 0], names):
        ax.set_ylabel(f"{name}\n{ylabel}")
    for ax in axes[-1] if xlabel is not None else ():
        ax.set_xlabel(xlabel)


def ordered_colours(n: int) -> list[Any]:
    """``n`` colours from dark to light for an ordered parameter."""
    import matplotlib

    return [matplotlib.colormaps["viridis"](x) for x in np.linspace(0.0, 0.88, n)]


def mark_peak(ax: Any, x: float, y: float, colour: Any, size: float = 10.0) -> None:
    """A star where a curve is highest."""
    ax.plot(x, y, marker="*", markersize=size, color=colour, markeredgecolor="white", zorder=5)


def legend_below(figure: Any, ncols: int, *more: tuple[Any, str], where: str = "lower center") -> None:
    """One legend outside of the panels, of all that the axes name and of ``more`` pairs of handle and text."""
    found = {text: handle for ax in figure.axes for handle, text in zip(*ax.get_legend_handles_labels())}
    found |= {text: handle for handle, text in more}
    figure.legend(list(found.values()), list(found), loc=f"outside {where}", ncols=ncols)
