"""How fast the samplers' bias and variance fall with the pool size N, on every score model (T1, T2): fitted powers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...estimators import GROUPS, Rate, dns_moments, fit_rate, simulate_moments
from ...rankings import ScoreModel
from ...runs.options import Options
from ...sampling import DNS
from ..study import Findings, Study
from ..style import SAMPLERS as LOOKS
from ..style import legend_below, style
from ..words import counted, extent
from .common import MODELS, QUANTITIES, SAMPLERS, at_beta

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "E-rates", "How fast bias and variance of the estimators fall with the pool size", 180,
)  # fmt: skip

BETA, AUC = 0.1, 0.9
SIZES = (20, 40, 80, 160, 320, 640, 1_280)
STATISTICS = ("bias", "variance")


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Exponents of N fitted to what is left of the bias, and to the variance over pools.

    A bias c N^-a changes by a constant multiple of N^-a when the pool doubles, so a is fitted to those changes: no
    limit need be known, nor exist. Both pool sizes are cut from the same draws, which keeps the noise small.

    Returns
    -------
    DataFrame
        Columns model, sampler, statistic (bias, variance), quantity (value, slope), exponent, low, high (95%), N_min,
        N_max, sizes (that entered the fit), misfit (largest factor by which they miss it), first and last (the
        statistic at the smallest and largest N), kind, n_pairs, beta, auc. The exponent is NaN where the statistic
        changes sign.
    """
    n_pairs = cast(int, options.pick(smoke=128, default=1_024, paper=50_000))
    sizes = SIZES if options.profile != "smoke" else SIZES[:4]
    rows = []
    for model_name, from_auc in MODELS.items():
        for name in SAMPLERS:
            tables = _groups(name, from_auc(AUC), sizes, n_pairs, options.seed)
            for statistic, table in zip(STATISTICS, tables):
                for q, quantity in enumerate(QUANTITIES):
                    names = {"model": model_name, "sampler": name, "statistic": statistic, "quantity": quantity}
                    used = sizes[: table.shape[1]]
                    rate = fit_rate(used, table[:, :, q])
                    rows.append({**names, **_row(rate, used, table[:, :, q]), "n_pairs": n_pairs})
    frame = pd.DataFrame(rows).assign(beta=BETA, auc=AUC)
    return frame.assign(kind=np.where(frame["sampler"] == "DNS", "exact", "simulated"))


def _groups(
    name: str, model: ScoreModel, sizes: tuple[int, ...], n_pairs: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Change of the mean when N doubles (groups, sizes - 1, 2), and variance over pools (groups, sizes, 2)."""
    means, withins = [], []
    for size in sizes:
        sampler = at_beta(name, BETA, size)
        if isinstance(sampler, DNS):
            exact = dns_moments(sampler, model)
            means.append(np.tile(exact.mean, (GROUPS, 1)))
            withins.append(np.tile(exact.within, (GROUPS, 1)))
        else:
            found = simulate_moments(sampler, model, n_pairs=n_pairs, blocks=2 * sizes[-1] // size, rng=seed)
            means.append(found.group_mean)
            withins.append(found.group_within)
    return np.diff(np.stack(means, axis=1), axis=1), np.stack(withins, axis=1)


def _row(rate: Rate, sizes: tuple[int, ...], table: NDArray[np.float64]) -> dict[str, Any]:
    mean = table.mean(axis=0)
    return {
        "exponent": rate.slope, "low": rate.low, "high": rate.high, "N_min": sizes[0], "N_max": sizes[-1],
        "sizes": int(rate.used.sum()), "misfit": rate.misfit, "first": mean[0], "last": mean[-1],
    }  # fmt: skip


def plot(table: pd.DataFrame) -> Figure:
    """Fitted exponents with intervals, a row a model, a panel a statistic."""
    panels = (
        ("bias", "value", "bias, value"),
        ("bias", "slope", "bias, slope"),
        ("variance", "value", "pool variance, value"),
        ("variance", "slope", "pool variance, slope"),
    )
    models = list(MODELS)
    with style() as plt:
        figure, axes = plt.subplots(1, 4, figsize=(10.4, 3.6), sharey=True, sharex=True)
        for ax, (statistic, quantity, title) in zip(axes, panels):
            part = table[(table.statistic == statistic) & (table.quantity == quantity)]
            ax.axvline(-1.0, color="black", linewidth=0.8, linestyle=(0, (3, 2)))
            ax.axvline(0.0, color="black", linewidth=0.8)
            for offset, name in zip((0.22, 0.0, -0.22), SAMPLERS):
                fits = part[part["sampler"] == name].set_index("model").reindex(models)
                rows = np.arange(len(models))[::-1] + offset
                ax.errorbar(
                    fits.exponent, rows, xerr=[fits.exponent - fits.low, fits.high - fits.exponent],
                    fmt=LOOKS[name].marker, color=LOOKS[name].colour, elinewidth=0.9, label=name,
                )  # fmt: skip
            ax.set_title(title)
            ax.grid(axis="y", visible=False)
        axes[0].set_yticks(np.arange(len(models))[::-1], models)
        figure.supxlabel("fitted exponent of N (-1: falls as 1/N; 0 or more: does not fall)", fontsize=9)
        legend_below(figure, 3, where="upper center")
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    value = table[(table.statistic == "bias") & (table.quantity == "value")].set_index(["sampler", "model"]).exponent

    def reach(name: str) -> str:
        return f"{value[name].min():+.2f} to {value[name].max():+.2f}"

    spread = table[(table.statistic == "variance") & (table["sampler"] == "DNS")].exponent
    return (
        f"Exponents of the pool size N, fitted over N = {table.N_min.min()} to {table.N_max.max():,} at nominal "
        f"β = {BETA:g} on populations of AUC {AUC:g}, 95% jackknife intervals (mostly smaller than the markers); DNS "
        f"from exact moments, softmax from {int(table.n_pairs.iloc[0]):,} simulated positives. The bias' exponent is "
        f"fitted to its change when the pool doubles, so it needs no limit; it is missing where that changes sign; the "
        f"table tells how far each fit misses. "
        f"DNS: {reach('DNS')} for the value and {spread.min():+.2f} to {spread.max():+.2f} for the variance, near the "
        f"1/N of order statistics on every model. Softmax-exact: {reach('Softmax-exact')}, about 1/N for bounded "
        f"scores only. Softmax-v: {reach('Softmax-v')}: on unbounded scores its objective keeps growing with N."
    )


def findings(table: pd.DataFrame) -> Findings:
    """Fitted exponents of each sampler over the score models."""
    value = table[(table.statistic == "bias") & (table.quantity == "value")]
    found = {}
    for name in SAMPLERS:
        part = value[value["sampler"] == name]
        falling = (part.high < 0).sum()
        found[name] = (
            f"{name}: the bias of the value goes as N to the power of {extent(part.exponent.dropna())} on "
            f"{part.model.nunique()} score models, and is shown to fall on "
            f"{counted(falling, len(part), 'of them') if falling < len(part) else 'all'} (95% jackknife intervals)."
        )
    return found
