"""Figures 8 to 10: Top-K metrics along one axis of hardness: M of DNS(M, N), N of DNS(5, N), rho of softmax."""

from __future__ import annotations

from functools import partial

from ..study import Study
from .curves import caption_curves, curves, findings_curves, plot_curves

__all__ = ["STUDIES"]


def _study(name: str, title: str, order: int, panels: list[tuple[str, str]], xlabel: str) -> Study:
    """The study of the axes of ``panels``, which are pairs of axis and sampler's name."""
    axes = [axis for axis, _ in panels]
    return Study(
        name, title, order, lambda options: curves(options, *axes), partial(plot_curves, panels=panels, xlabel=xlabel),
        caption_curves, findings_curves, made="trained", split_by=("data",),
    )  # fmt: skip


STUDIES = (
    _study(
        "F8", "Metric@K against M of DNS(M, N)", 60, [("M", "DNS(M, N)")],
        "negatives kept, M (left: hardest, right: uniform)",
    ),
    _study("F9", "Metric@K against N of DNS(5, N)", 70, [("N", "DNS(5, N)")], "pool size N (right: hardest)"),
    _study(
        "F10", "Metric@K against rho of softmax sampling", 80, [("rho", "Softmax-v"), ("rho-exact", "Softmax-exact")],
        "radius ρ (right: hardest)",
    ),
)  # fmt: skip
