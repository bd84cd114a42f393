"""The command ``hns corr``: which OPAUC(beta) or LLPAUC(alpha, beta) goes best with which metric@K."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.files import is_stdout
from ..core.memory import check_memory
from ..core.terminal import check_target, say
from . import models as _cli_models
from . import work as _cli_work
from .command import Command
from .surroundings import add_parents
from .table import show_table

if TYPE_CHECKING:
    import pandas as pd

    from ..rankings import ScoreModel

__all__ = ["COMMAND", "corr"]

_EPILOG = """\
Every ranking of N_+ positives and N_- negatives has a metric@K and, for each m, an area over its m hardest negatives:
OPAUC(beta), beta = m/N_-. Over many rankings the two go together, best at some m. Train for that beta (DNS keeps the m
hardest negatives), and the loss follows the metric.

examples
  hns corr 200 800                     recall at K = 5, 20, 50: best m, correlation there, at m = K, and for AUC
  hns corr 50 99950 --metric ndcg --k 10 100
  hns corr 200 800 --metric ap --alpha 0.1     LLPAUC: only the best tenth of the positives counts in the area
  hns corr 200 800 --simulate 100000   Monte Carlo beside the closed form
  hns corr 200 800 --model binormal --auc 0.9             rankings of a recommender that has learnt something
  hns corr 200 800 --model student-t --shape 3 --method kendall
  hns corr 20 180 --csv curve.csv      the whole curve over m

how each line was found
  exact      closed form; uniformly random rankings (no --model), Pearson
  law        limit under a score model, from 3 negatives in the top K on; Pearson, alpha = 1, and metrics linear in the
             positions (recall, precision, dcg, ndcg)
  simulated  rankings drawn, with 95% intervals; always where neither of the others applies

rule of thumb: Recall@K peaks near m = 1.5 times the negatives in the top K, K (1 - Precision@K).
"""

RANKINGS = 20_000
ENOUGH = 3.0
"""Negatives expected in the top K from which on the limit under a score model is near: within 0.1 of the height."""
GRID = {"pearson": 300, "spearman": 60, "kendall": 60}


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("n_pos", type=int, help="number of positives")
    parser.add_argument("n_neg", type=int, help="number of negatives")
    parser.add_argument(
        "--metric", choices=("recall", "precision", "dcg", "ndcg", "ap", "mrr", "hit"), default="recall", help="at K"
    )
    parser.add_argument("--k", type=int, nargs="+", default=[5, 20, 50], help="cut-offs (default: 5 20 50)")
    parser.add_argument("--alpha", type=float, default=1.0, help="LLPAUC: share of the best positives in the area")
    parser.add_argument("--method", choices=tuple(GRID), default="pearson", help="coefficient (kendall: tau-b)")
    _cli_models.add_arguments(parser, model=None, auc=None)
    parser.add_argument(
        "--simulate", type=int, metavar="RANKINGS", help=f"draw so many (default: {RANKINGS} if needed)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the simulation")
    parser.add_argument("--csv", type=Path, help="write the curves there")
    add_parents(parser)


def corr(options: argparse.Namespace) -> tuple[str, list[str], list[list[Any]]]:
    """Title, columns and rows of the answer; writes the curves if asked to."""
    import pandas as pd

    from ..core.validation import MOST_RANKINGS, MOST_SIZE, check_int

    check_target("--csv", options.csv, parents=options.parents)
    model = _cli_models.score_model(options)
    for name in ("n_pos", "n_neg"):
        check_int(name, getattr(options, name), low=1, high=MOST_SIZE)
    if options.simulate is not None:
        check_int("n_rankings", options.simulate, low=10, high=MOST_RANKINGS)
    check_memory(100.0 * options.n_neg * len(options.k), None, "use fewer negatives or cut-offs")
    curves = [curve for k in options.k for curve in _theory(options, model, k)]
    missing = [k for k in options.k if options.simulate is not None or k not in {c["k"].iloc[0] for c in curves}]
    if missing:
        curves += _simulated(options, model, missing)
    order = {k: i for i, k in enumerate(options.k)}
    curves.sort(key=lambda curve: order[curve["k"].iloc[0]])
    if options.csv is not None:
        from ..core.files import write_text

        text = pd.concat(curves).drop(columns=["m_interval", "interval"])
        write_text(options.csv, text.to_csv(index=False, float_format="%.10g", lineterminator="\n"))
    law = "random rankings" if model is None else f"{options.model} scores of AUC {model.auc:.4g}"
    area = "OPAUC" if options.alpha == 1.0 else f"LLPAUC, alpha = {options.alpha:g}"
    title = f"{options.n_pos} positives, {options.n_neg} negatives, {law}; {options.method} correlation with {area}"
    columns = ["metric", "how", "m at peak", "95%", "beta", "correlation", "95%", "at m = K", "at m = N_-"]
    return title, columns, [_row(curve, options.n_neg) for curve in curves]


def _theory(options: argparse.Namespace, model: ScoreModel | None, k: int) -> list[pd.DataFrame]:
    """The curve in closed form or in the limit, where there is one."""
    from ..rankings import LINEAR_METRICS, exact_correlation, expected_negatives, lattice_moments, limit_correlation

    n_pos, n_neg, linear = options.n_pos, options.n_neg, options.metric in LINEAR_METRICS and options.alpha == 1.0
    if options.method != "pearson" or (model is not None and not linear):
        return []
    if model is not None:
        if expected_negatives(n_pos, n_neg, k, score_model=model) < ENOUGH:
            return []
        return [_curve(options, k, "law", limit_correlation(n_pos, n_neg, options.metric, k, score_model=model))]
    if linear:
        return [_curve(options, k, "exact", exact_correlation(n_pos, n_neg, options.metric, k))]
    if n_pos * n_neg > 10**9:  # minutes: simulate instead
        return []
    value = lattice_moments(n_pos, n_neg, options.metric, k, alpha=options.alpha).correlation
    return [_curve(options, k, "exact", value)]


def _simulated(options: argparse.Namespace, model: ScoreModel | None, ks: list[int]) -> list[pd.DataFrame]:
    import numpy as np

    from ..rankings import simulate_correlation
    from ..rankings.simulate.plan import make_plan

    grid = np.geomspace(1, max(options.n_neg, 1), GRID[options.method]).round().astype(np.int64)
    ms = np.union1d(grid, np.array([k for k in ks if 1 <= k <= options.n_neg], dtype=np.int64))
    if options.n_neg <= 2000 and options.method == "pearson":
        ms = np.arange(1, options.n_neg + 1)
    metric = "ndcg" if options.metric == "dcg" else options.metric  # proportional: N_+ and K are fixed
    rankings = RANKINGS if options.simulate is None else options.simulate
    make_plan(  # refuses what cannot be before anything is said of time
        options.n_pos, options.n_neg, (metric,), ks, rankings, options.alpha, ms, options.method
    )
    seconds = _cli_work.correlation_seconds(options.n_pos, options.n_neg, rankings, len(ms), options.method)
    _cli_work.announce(seconds, "use fewer rankings (--simulate) or items")
    result = simulate_correlation(
        options.n_pos, options.n_neg, metrics=(metric,), ks=ks, rng=options.seed, score_model=model,
        n_rankings=rankings, alpha=options.alpha,
        ms=ms, method=options.method, progress=True,
    )  # fmt: skip
    peaks = result.peaks()
    curves = []
    for j, k in enumerate(ks):
        value, error = result.curve(metric, k)
        curve = _curve(options, k, "simulated", value, ms, error)
        if np.isfinite(value).any():
            curve["m_interval"] = f"{peaks.m_low[0, j]:.0f} .. {peaks.m_high[0, j]:.0f}"
            curve["interval"] = f"{peaks.correlation_low[0, j]:.4f} .. {peaks.correlation_high[0, j]:.4f}"
        curves.append(curve)
    return curves


def _curve(
    options: argparse.Namespace, k: int, how: str, value: Any, ms: Any = None, error: Any = float("nan")
) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    m = np.arange(1, options.n_neg + 1) if ms is None else ms
    return pd.DataFrame(
        {
            "metric": options.metric,
            "k": k,
            "how": how,
            "m": m,
            "beta": m / options.n_neg,
            "correlation": value,
            "standard_error": error,
            "m_interval": "",
            "interval": "",
        }
    )


def _row(curve: pd.DataFrame, n_neg: int) -> list[Any]:
    k, name = int(curve["k"].iloc[0]), f"{curve.metric.iloc[0]}@{curve['k'].iloc[0]}"
    if curve.correlation.isna().all():
        return [name, curve.how.iloc[0], "none: it is the same for every ranking", *[""] * 6]
    best = curve.loc[curve.correlation.idxmax()]
    paired = curve.correlation[curve.m == k]
    return [
        name, best.how, int(best.m), best.m_interval, float(best.m / n_neg), float(best.correlation), best.interval,
        float(paired.iloc[0]) if len(paired) else "", float(curve.correlation.iloc[-1]),
    ]  # fmt: skip


def _run(options: argparse.Namespace) -> int:
    answer = corr(options)
    if is_stdout(options.csv):  # nothing else there
        return 0
    show_table(*answer)
    if options.csv is not None:
        say(f"curves written to {options.csv}")
    return 0


COMMAND = Command(
    "corr", "which OPAUC(beta) or LLPAUC(alpha, beta) goes best with which metric@K", _declare, _run, _EPILOG
)
