"""The command ``hns estimate``: what a sampler estimates on a score model, with what bias and variance."""

from __future__ import annotations

import argparse
from typing import Any

from ..core.terminal import say
from . import models as _cli_models
from . import samplers
from . import work as _cli_work
from .command import Command
from .table import show_table

__all__ = ["COMMAND", "estimate"]

_EPILOG = """\
examples
  hns estimate --sampler dns --M 5 --N 200 --model binormal --auc 0.9
  hns estimate --sampler softmax-v --rho 1 --N 200 --model student-t --shape 5
  hns estimate --sampler dns --M 5 --N 50 --beta 0.05        as an estimator of another OPAUC
  hns estimate --sampler dns --M 25 --N 1000 --n-pos 20 --n-neg 1000   one sample too; the whole pool is exact (T1)

value     the surrogate objective (9) of OPAUC(beta); beta is M/N for DNS, exp(-rho) for softmax
slope     its derivative when all positives' scores rise together
gradient  all n_pos + n_neg entries: truth is its length, bias that of its bias
error     standard error of a simulated mean, or the quadrature's
sd, rmse  of one user's estimate, every positive with its own pool
KL ball   the objective of Theorem 2, for softmax

DNS and uniform are exact, softmax is simulated. The last line compares beta as the paper reads it with the one that the
weights realise, exp(-KL), and with that of the OPAUC whose objective the mean estimate equals.
"""


def _declare(parser: argparse.ArgumentParser) -> None:
    samplers.add_arguments(parser, ("uniform", "dns", "softmax-v", "softmax-exact"))
    _cli_models.add_arguments(parser, model="binormal", auc=0.9)
    parser.add_argument("--beta", type=float, help="FPR limit to estimate (default: the sampler's)")
    parser.add_argument("--n-pos", type=int, default=100, metavar="N", help="positives of the user (default: 100)")
    parser.add_argument("--n-neg", type=int, metavar="N", help="also draw a sample with so many negatives")
    parser.add_argument("--n-pairs", type=int, default=20_000, metavar="N", help="simulated positives (default: 20000)")
    parser.add_argument("--seed", type=int, default=0, help="of the simulation")


def estimate(options: argparse.Namespace, sampler: Any) -> tuple[str, list[str], list[list[Any]], str]:
    """The line above the table, its columns and rows, and what stands below it."""
    from ..core.validation import MOST_SIZE, check_int
    from ..estimators import assess
    from ..sampling import SoftmaxV

    for name in ("n_pos", "n_neg", "n_pairs"):
        if getattr(options, name) is not None:
            check_int(name, getattr(options, name), low=1, most=MOST_SIZE)
    simulated = isinstance(sampler, SoftmaxV)
    seconds = _cli_work.estimate_seconds(sampler, options.n_pos, options.n_neg, options.n_pairs, simulated)
    _cli_work.announce(seconds, "use fewer pairs (--n-pairs) or a smaller N")
    found = assess(
        sampler,
        _cli_models.score_model(options),  # type: ignore[arg-type]  # a model is always named here
        beta=options.beta,
        n_pos=options.n_pos,
        n_neg=options.n_neg,
        n_pairs=options.n_pairs,
        rng=options.seed,
    )
    columns = ["target", "quantity", "truth", "mean", "error", "bias", "sd", "rmse"]
    rows = [["" if row[c] != row[c] else row[c] for c in columns] for row in found.rows]
    below = f"beta: nominal {found.nominal:.4g}, by divergence {found.realised:.4g}, by value {found.matched:.4g}"
    if any(row["truth"] != row["truth"] for row in found.rows):
        below += "\nno truth for the KL ball: its worst case puts weight on negatives rarer than 1e-270"
    how = "exact" if found.exact else f"simulated, {options.n_pairs:,} pairs"
    above = f"{sampler} on {options.model} scores of AUC {options.auc:g}, {options.n_pos} positives ({how})"
    return above, columns, rows, below


def _run(options: argparse.Namespace) -> int:
    above, columns, rows, below = estimate(options, samplers.make(options))
    say(above)
    show_table("", columns, rows)
    say(below)
    return 0


COMMAND = Command("estimate", "a sampler's bias and variance as an estimator of OPAUC(beta)", _declare, _run, _EPILOG)
