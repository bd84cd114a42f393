"""Figure 7: where hard negative samplers put their probability, over negatives sorted by falling score."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...bpr import BPRMF
from ...data import FetchError, load
from ...objectives import logistic_loss
from ...runs.options import Options
from ...sampling import DNS, Sampler, SoftmaxExact, SoftmaxV, simulate_rank_distribution
from ..recommender import median_user, trained
from ..study import Findings, Study
from ..style import ordered_colours, style

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STUDY = Study.of(
    __name__, "F7", "Sampling hardness: cumulative probability over the ranked negatives", 50, made="trained",
    zero_below={"standard_error": 1e-8},
)  # fmt: skip

MS = (1, 2, 5, 10, 20, 50, 200)
NS = (20, 50, 100, 200, 400, 800)
RHOS = (0.01, 0.1, 1.0, 10.0, 100.0)


def _losses(options: Options) -> tuple[str, NDArray[np.float64]]:
    """Losses of all negatives of one (user, positive) pair of a model that is trained here; the data set's name."""
    found = None
    if options.profile != "smoke":
        try:
            data = load("gowalla", data_dir=options.data_dir, progress=options.progress)
            model = BPRMF(sampler=DNS(5, 200), rng=options.seed, lr=0.002, weight_decay=0.01, epochs=8, batch_size=4096)
            found = data, model.fit(data.train, progress=options.progress)
        except FetchError:
            pass
    data, model = found or trained(options, "train", 14)

    def scores_of(user: int) -> NDArray[np.float64]:
        return (model.item_factors @ model.user_factors[user]).astype(np.float64)

    user, positives, positive = median_user(data.train, scores_of)
    scores = scores_of(user)
    negatives = np.setdiff1d(np.arange(data.n_items), positives)
    return data.name, logistic_loss(scores[positive] - scores[negatives])


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Exact curves for DNS, simulated ones for the softmax samplers, pools drawn without replacement.

    Returns
    -------
    DataFrame
        Columns panel (M, N, rho, rho-exact), parameter, rank, cumulative, standard_error (0 where exact),
        effective_beta, kind (exact or simulated), n_neg, data, n_pools.
    """
    n_pools = cast(int, options.pick(smoke=500, default=10_000, paper=100_000))
    name, losses = _losses(options)
    n = losses.size
    grid = np.unique(np.round(np.geomspace(1, n, 160)).astype(int))
    rows: list[pd.DataFrame] = []

    def add(panel: str, parameter: float, w: NDArray, error: NDArray | float, effective: float, kind: str) -> None:
        cumulative = np.cumsum(w)[grid - 1]
        rows.append(
            pd.DataFrame(
                {
                    "panel": panel,
                    "parameter": parameter,
                    "rank": grid,
                    "cumulative": cumulative,
                    "standard_error": error,
                    "effective_beta": effective,
                    "kind": kind,
                    "n_neg": n,
                    "data": name,
                    "n_pools": n_pools if kind == "simulated" else 0,
                }
            )
        )

    def exact(panel: str, parameter: float, sampler: Sampler) -> None:
        add(panel, parameter, sampler.rank_distribution(n), 0.0, sampler.effective_beta(n), "exact")

    for m in MS:
        exact("M", m, DNS(m, 200))
    for pool in NS:
        if pool <= n:
            exact("N", pool, DNS(5, pool))
    for panel, family in (("rho", SoftmaxV), ("rho-exact", SoftmaxExact)):
        for rho in RHOS:
            estimate = simulate_rank_distribution(family(rho, 200), losses, n_pools=n_pools, rng=options.seed)
            # the weights of a pool sum to one: an upper bound for the error of their cumulative sum
            error = np.sqrt(np.clip(estimate.cumulative * (1 - estimate.cumulative), 0, None) / n_pools)[grid - 1]
            add(panel, rho, estimate.probability, error, estimate.effective_beta, "simulated")
    return pd.concat(rows, ignore_index=True)


def plot(table: pd.DataFrame) -> Figure:
    """Four panels: DNS over M and over N, Softmax-v and Softmax-exact over rho."""
    titles = {
        "M": ("DNS(M, 200)", "M"),
        "N": ("DNS(5, N)", "N"),
        "rho": ("Softmax-v(ρ, 200)", "ρ"),
        "rho-exact": ("Softmax-exact(ρ, 200)", "ρ"),
    }
    with style() as plt:
        figure, axes = plt.subplots(1, 4, figsize=(11.5, 3.5), sharey=True)
        for ax, (panel, (title, symbol)) in zip(axes, titles.items()):
            part = table[table.panel == panel]
            values = list(dict.fromkeys(part.parameter))
            ends = []
            for value, colour in zip(values, ordered_colours(len(values))):
                curve = part[part.parameter == value]
                ax.plot(curve["rank"], curve.cumulative, color=colour)
                if (curve.standard_error > 0).any():
                    low, high = curve.cumulative - 2 * curve.standard_error, curve.cumulative + 2 * curve.standard_error
                    ax.fill_between(curve["rank"], low, high, color=colour, alpha=0.25, linewidth=0)
                ends.append((f"{symbol} = {value:g}", colour))
            ax.set_xscale("log")
            ax.set(xlabel="rank of the negative", title=title, ylim=(0, 1.02), xlim=(1, table.n_neg.iloc[0]))
            handles = [plt.Line2D([], [], color=colour) for _, colour in ends]
            names = [name for name, _ in ends]
            ax.legend(
                handles, names, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=3, handlelength=1, fontsize=7.5
            )
        axes[0].set_ylabel("cumulative probability")
    return figure


def caption(table: pd.DataFrame) -> str:
    """What was drawn, with how much data, what to see."""
    n, data = int(table.n_neg.iloc[0]), table.data.iloc[0]
    pools = int(table.n_pools.max())

    def effective(panel: str) -> str:
        part = table[table.panel == panel].drop_duplicates("parameter")
        return ", ".join(f"{r.parameter:g}: {r.effective_beta:.3g}" for r in part.itertuples())

    return (
        f"Cumulative sampling probability over the {n:,} negatives of one (user, positive) pair of a model trained on "
        f"{data}, sorted by falling score. DNS curves are exact (they do not depend on the scores); softmax curves are "
        f"means over {pools:,} simulated pools with 2 standard errors. Harder to the upper left: smaller M, larger N, "
        f"larger ρ. Effective β of the OPAUC mixture: DNS over M {effective('M')}; Softmax-v over ρ "
        f"{effective('rho')}; Softmax-exact over ρ {effective('rho-exact')}. Softmax-exact saturates at DNS(1, 200) "
        "for ρ ≥ log 200 = 5.3."
    )


def findings(table: pd.DataFrame) -> Findings:
    """Which way each parameter moves the hardness."""
    beta = table.drop_duplicates(["panel", "parameter"]).set_index(["panel", "parameter"]).effective_beta
    names = {"M": "DNS(M, 200) over M", "N": "DNS(5, N) over N", "rho": "Softmax-v over ρ",
             "rho-exact": "Softmax-exact over ρ"}  # fmt: skip
    found = {}
    for panel, name in names.items():
        line = beta[panel]
        steps = np.diff(line.to_numpy())
        way = "softer" if (steps > 0).all() else "harder" if (steps < 0).all() else "not steadily harder"
        found[panel] = (
            f"{name}: effective β from {line.iloc[0]:.3g} at {line.index[0]:g} to {line.iloc[-1]:.3g} at "
            f"{line.index[-1]:g}, {way} all the way ({'exact' if panel in 'MN' else 'simulated'})."
        )
    return found
