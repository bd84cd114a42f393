"""Figures 2 and 3: AUC and OPAUC as areas, and two rankings with the same AUC but different OPAUC and Top-K."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..metrics import auc, hits_at_k_from_labels, opauc, opauc_count
from ..rankings import Binormal
from ..runs.options import Options
from .study import Findings, Study
from .style import PALETTE, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "F2", "AUC and OPAUC as areas; two rankings that AUC cannot tell apart", 20, made="exact",
)  # fmt: skip

N_POS, N_NEG, BETA, K = 4, 5, 0.4, 4
MODEL = Binormal(mu=1.2)


def two_rankings() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Among all rankings of 4 positives and 5 negatives, a pair of equal AUC whose heads differ most.

    Largest is the sum of the differences in OPAUC(0.4) and in Recall@4, both between 0 and 1. Returns labels, best
    first: the ranking with the better head, then the other.
    """
    groups: dict[int, list[tuple[int, ...]]] = {}
    n = N_POS + N_NEG
    for places in combinations(range(n), N_POS):
        labels = tuple(int(i in places) for i in range(n))
        groups.setdefault(int(opauc_count(labels, N_NEG)), []).append(labels)
    m = round(BETA * N_NEG)

    def head(labels: tuple[int, ...]) -> float:
        return int(opauc_count(labels, m)) / (m * N_POS) + int(hits_at_k_from_labels(labels, K)) / N_POS

    pairs = [(max(group, key=head), min(group, key=head)) for group in groups.values()]
    return max(pairs, key=lambda pair: head(pair[0]) - head(pair[1]))


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """The ROC curve of a binormal model, and metrics of the two rankings, position by position.

    Returns
    -------
    DataFrame
        ``part`` is "roc" (columns x = FPR, y = TPR) or "ranking A" / "ranking B" (x = position, y = 1 for a positive,
        with auc, opauc and recall of the whole ranking).
    """
    fpr = np.linspace(0.0, 1.0, 201)
    rows = [{"part": "roc", "x": x, "y": float(MODEL.tpr(x))} for x in fpr]
    for name, labels in zip("AB", two_rankings()):
        scores = -np.arange(len(labels), dtype=float)
        values = {
            "auc": float(auc(labels, scores)),
            "opauc": float(opauc(labels, scores, BETA, normalize="beta")),
            "recall": int(hits_at_k_from_labels(labels, K)) / N_POS,
        }
        rows += [{"part": f"ranking {name}", "x": i + 1, "y": label, **values} for i, label in enumerate(labels)]
    return pd.DataFrame(rows)


def plot(table: pd.DataFrame) -> Figure:
    """Three panels: AUC, OPAUC(0.4), the two rankings."""
    with style() as plt:
        figure, axes = plt.subplots(1, 3, figsize=(9.2, 2.9), width_ratios=[1, 1, 1.5])
        roc = table[table.part == "roc"]
        for ax, limit, name in ((axes[0], 1.0, "AUC"), (axes[1], BETA, f"OPAUC({BETA:g})")):
            part = roc[roc.x <= limit + 1e-12]
            ax.fill_between(part.x, part.y, color=PALETTE["sky"], alpha=0.55, linewidth=0)
            ax.plot(roc.x, roc.y, color=PALETTE["blue"])
            ax.plot([0, 1], [0, 1], color=PALETTE["grey"], linewidth=0.8, linestyle=":")
            ax.axvline(limit, color=PALETTE["red"], linewidth=1, linestyle="--")
            ax.set(
                xlabel="false positive rate", ylabel="true positive rate", title=name, xlim=(0, 1.01), ylim=(0, 1.02)
            )
            ax.text(limit / 2, 0.3, f"{float(MODEL.opauc(limit)):.3f}", ha="center")
        axes[1].annotate("β", (BETA, 0), (4, 4), textcoords="offset points", color=PALETTE["red"])
        ax = axes[2]
        for row, name in enumerate(("ranking A", "ranking B")):
            part = table[table.part == name]
            for x, y in zip(part.x, part.y):
                colour = PALETTE["green"] if y else PALETTE["orange"]
                ax.text(
                    x, -row, "+" if y else "−", ha="center", va="center", fontsize=13, color="white", weight="bold",
                    bbox={"boxstyle": "circle,pad=0.18", "color": colour},
                )  # fmt: skip
            one = part.iloc[0]
            text = f"{name[-1]}: AUC {one.auc:.2f}, OPAUC({BETA:g})/β {one.opauc:.3g}, Recall@{K} {one.recall:.2f}"
            ax.text(0.55, -row + 0.36, text, fontsize=8)
            ax.plot([K + 0.5] * 2, [-row - 0.24, -row + 0.24], color=PALETTE["grey"], linewidth=1, linestyle="--")
        ax.annotate(f"← top {K}", (K + 0.5, -1.24), (0, -9), textcoords="offset points", ha="right", fontsize=8)
        ax.set(xlim=(0.4, N_POS + N_NEG + 0.6), ylim=(-1.5, 0.75), yticks=[], xlabel="position in the ranking")
        ax.set_title("same AUC, different head")
        ax.grid(False)
        ax.spines["left"].set_visible(False)
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    a, b = (table[table.part == f"ranking {name}"].iloc[0] for name in "AB")
    return (
        f"Left: AUC and OPAUC({BETA:g}) as areas under the ROC curve of a binormal model (shift {MODEL.mu:g}), "
        "closed "
        f"form. Right: of all rankings of {N_POS} positives and {N_NEG} negatives, two with the same AUC "
        f"({a.auc:.2f}) whose heads differ most: OPAUC({BETA:g}) {a.opauc:.3g} against {b.opauc:.3g} (divided by "
        f"beta); Recall@{K} is {a.recall:.2f} against {b.recall:.2f}. OPAUC sees the head of the ranking, AUC does "
        "not."
    )


def findings(table: pd.DataFrame) -> Findings:
    """What AUC cannot see, in numbers."""
    a, b = (table[table.part == f"ranking {name}"].iloc[0] for name in "AB")
    return {
        "heads": (
            f"Two rankings of {N_POS} positives and {N_NEG} negatives have the same AUC, {a.auc:.2f}, and differ at "
            "the "
            f"head: OPAUC({BETA:g}) {a.opauc:.3g} against {b.opauc:.3g} of its largest value, Recall@{K} "
            f"{a.recall:.2f} against {b.recall:.2f} (exact)."
        )
    }
