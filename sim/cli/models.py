"""The score models of the command line: their names and shapes, and how options make one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..rankings import ScoreModel

__all__ = ["MODELS", "add_arguments", "score_model"]

MODELS = {
    "binormal": ("Binormal", "sigma", "sd of the positives (1)"),
    "student-t": ("StudentT", "df", "degrees of freedom (4)"),
    "logistic": ("LogisticShift", "", ""),
    "gumbel": ("GumbelShift", "", ""),
    "power": ("PowerROC", "", ""),
    "beta": ("BetaScores", "concentration", "concentration (4)"),
    "popularity": ("PopularitySkewed", "tail", "tail exponent (2)"),
    "false-negatives": ("FalseNegatives", "share", "share of hidden positives (0.1)"),
}
"""Name on the command line: class of :mod:`sim.rankings`, its shape parameter, and what that is."""


def add_arguments(parser: argparse.ArgumentParser, *, model: str | None, auc: float | None) -> None:
    """Declare the options; ``model`` and ``auc`` are the defaults, None for random rankings and an AUC of 0.8."""
    shapes = "; ".join(f"{name}: {what}" for name, (_, _, what) in MODELS.items() if what)
    unnamed = " (default: random rankings)" if model is None else ""
    parser.add_argument("--model", choices=tuple(MODELS), default=model, help=f"law of the scores{unnamed}")
    parser.add_argument(
        "--auc", type=float, default=auc, help=f"its population AUC (default: {0.8 if auc is None else auc})"
    )
    parser.add_argument("--shape", type=float, help=f"its shape; {shapes}")


def score_model(options: argparse.Namespace) -> ScoreModel | None:
    """The score model that the options name, None for random rankings."""
    from .. import rankings

    given = [name for name in ("auc", "shape") if getattr(options, name) is not None]
    if options.model is None:
        if given:
            raise ValueError(f"{given[0]} needs a score model: choose one with --model, got none")
        return None
    auc = 0.8 if options.auc is None else options.auc
    name, shape, _ = MODELS[options.model]
    family = getattr(rankings, name)
    if options.shape is None:
        return family.from_auc(auc)  # type: ignore[no-any-return]
    if not shape:
        raise ValueError(f"shape must be left out for the model {options.model}, got {options.shape:g}")
    return family.from_auc(auc, **{shape: options.shape})  # type: ignore[no-any-return]
