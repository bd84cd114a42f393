"""G2-trend: how far the best hardness moves with K, tested: the elasticity of the best beta."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...runs.options import Options
from ..stats import bootstrap, holm, trend, trend_power
from ..study import Findings, Study
from ..style import AXES, METRIC_NAMES, PALETTE, legend_below, style
from ..words import ALPHA, counted, extent, span, standing
from .grids import KS, METRICS, AxisRuns, axis_runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "G2-trend", "Elasticity of the best hardness in K", 120, made="trained", split_by=("data",),
)  # fmt: skip

POWERS = (0.1, 0.25, 0.5, 1.0)


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """The trend test on every data set, axis and metric over all K.

    Returns
    -------
    DataFrame
        Columns data, axis, metric, elasticity, low, high (95%), p, p_holm (corrected for all rows of the data set),
        power_0.1 to power_1 (of the uncorrected test, if that were the elasticity), seeds, users.
    """
    rows: list[dict[str, Any]] = []
    for runs in axis_runs(options, *AXES):
        rows += trend_rows(runs, options.seed)
    table = pd.DataFrame(rows)
    table.insert(list(table.columns).index("p") + 1, "p_holm", table.groupby("data").p.transform(holm))
    return table


def trend_rows(runs: AxisRuns, seed: int) -> list[dict[str, Any]]:
    """The test for each metric of one axis."""
    rows = []
    for metric in METRICS:
        values = runs.values([metric])
        found = bootstrap(values, seed=seed)
        seen = trend(runs.beta, KS, found)
        rows.append(
            {
                "data": runs.grid.data, "axis": runs.axis, "metric": metric,
                "elasticity": seen.elasticity, "low": seen.low, "high": seen.high, "p": seen.p,
                **{f"power_{e:g}": trend_power(runs.beta, KS, found, e) for e in POWERS},
                "seeds": values.shape[1], "users": values.shape[2],
            }
        )  # fmt: skip
    return rows


def plot(table: pd.DataFrame) -> Figure:
    """Elasticities with their intervals, beside 0 (K does not matter) and 1 (random rankings)."""
    sets = list(dict.fromkeys(table.data))
    with style() as plt:
        sizes = [table[table.data == d].axis.nunique() for d in sets]
        height = 0.8 + 0.3 * len(sets) + 0.55 * sum(sizes)
        figure, axes = plt.subplots(
            len(sets), 1, figsize=(6.4, height), squeeze=False, sharex=True, height_ratios=sizes, layout="constrained"
        )
        for ax, data in zip(axes[:, 0], sets):
            part = table[table.data == data]
            kinds = list(dict.fromkeys(part.axis))
            for metric, shift, colour in zip(METRICS, (0.22, 0.0, -0.22), ("blue", "red", "green")):
                line = part[part.metric == metric].set_index("axis").loc[kinds]
                error = np.clip([line.elasticity - line.low, line.high - line.elasticity], 0, None)
                ax.errorbar(
                    line.elasticity, np.arange(len(kinds))[::-1] + shift, xerr=error, fmt="o", markersize=4,
                    color=PALETTE[colour], label=f"{METRIC_NAMES[metric]}@K",
                )  # fmt: skip
            ax.set_yticks(np.arange(len(kinds))[::-1], [AXES[a][0] for a in kinds])
            ax.set(title=data, ylim=(-0.5, len(kinds) - 0.5))
            ax.axvline(0, color="black", linewidth=1)
            ax.axvline(1, color="black", linewidth=1.2, linestyle=(0, (3, 2)))
        axes[-1, 0].set_xlabel("elasticity: d log(best β) / d log(K)   (dashed: β proportional to K)")
        legend_below(figure, ncols=3)
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was tested, with how much data, what was found."""
    found = table[table.p_holm < 0.05]
    tests = " or ".join(f"{n}" for n in dict.fromkeys(table.groupby("data", sort=False).size()))
    up, down = found[found.elasticity > 0], found[found.elasticity < 0]

    def named(part: pd.DataFrame) -> str:
        names = (
            f"{r.data}, {AXES[r.axis][0]}, {METRIC_NAMES[r.metric]} {r.elasticity:.2f} [{r.low:.2f}, {r.high:.2f}]"
            for r in part.itertuples()
        )
        return f"{len(part)} ({'; '.join(names)})" if len(part) else "0"

    return (
        f"Slope of log(best β) over log(K), K = {KS[0]} to {KS[-1]}: 0 where K does not matter, about 1 under random "
        "rankings. Intervals (95%) by paired bootstrap over users and seeds; p-values of one curve for all K, Holm's "
        f"correction for the {tests} tests of a data set. Softer for larger K, as the guideline says: {named(up)}; the "
        f"other way: {named(down)}. "
        f"Median elasticity {table.elasticity.median():.2f}. Power of a single test at elasticity "
        + ", ".join(f"{e:g}: {table[f'power_{e:g}'].min():.2f} to {table[f'power_{e:g}'].max():.2f}" for e in POWERS)
        + "."
    )


def findings(table: pd.DataFrame) -> Findings:
    """For each data set, which elasticities are shown to differ from zero, and their range."""
    found = {}
    for data, part in table.groupby("data", sort=False):
        seen = part[part.p_holm < ALPHA]
        up, down = (seen.elasticity > 0).sum(), (seen.elasticity < 0).sum()
        found[data] = (
            f"{data}: the best hardness is softer for larger K in {counted(up, len(part), 'tests')} and harder in "
            f"{down} (Holm over the data set's tests); elasticities {extent(part.elasticity)}, median "
            f"{part.elasticity.median():.2f}."
        )
        for row in part.itertuples():
            word = standing(row.low, row.high, words=("negative", "not told from zero", "positive"))
            corrected = "" if row.p_holm < ALPHA or word.startswith("not") else ", but not after Holm's correction"
            found[f"{data}/{row.axis}/{row.metric}"] = (
                f"{data}, {AXES[row.axis][0]}, {METRIC_NAMES[row.metric]}@K: elasticity "
                f"{span(row.elasticity, row.low, row.high, '.2f')} (95%, over users and seeds), {word}{corrected}."
            )
    return found
