"""The command ``hns train``: one model, from data to its metrics and its file."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from ..core.terminal import check_target, say
from . import samplers
from .command import Command
from .surroundings import add_parents
from .table import show_table
from .work import announce, training_seconds

__all__ = ["COMMAND", "model_of"]

_EPILOG = """
examples
  hns train ml-100k --sampler dns --M 50 --N 200 --lr 0.005 --weight-decay 0.1 --batch-size 1024 --epochs 22
  hns train gowalla --sampler softmax-v --rho 1 --N 200 --epochs 100 --save model.npz --checkpoint run.npz
  hns train my_clicks.csv --sampler uniform --min-rating 4
  hns train ml-100k --sampler pris-p --N 100 --loss sampled-softmax --temperature 0.5
  hns train ml-100k --layers 3 --sampler dns --M 50 --N 200 --lr 0.005 --weight-decay 0.1 --batch-size 1024

Without options DNS's M, N, the learning rate, the decay, the epochs and the batch are chosen by the number of pairs and
their density: dense data want soft negatives (M/N = 1/2), sparse data hard ones (Gowalla: 3/200). What was chosen is
printed; an option overrides it. The metrics of the popularity ranking are printed beside the model's.

Hardness: smaller M, larger N and larger rho are harder. Smaller K of the metric wants harder negatives.
A run with --checkpoint that was stopped goes on, to the same bits, when it is started again.
"""


def _declare(p: argparse.ArgumentParser) -> None:
    p.epilog = samplers.epilog() + _EPILOG
    p.add_argument("data", help="a known data set, or a CSV, TSV, parquet, .npz or .mat file")
    samplers.add_arguments(p)
    p.add_argument(
        "--loss", choices=("bpr", "hinge", "bce", "llpauc", "infonce", "sampled-softmax", "psl"), default="bpr",
        help="what is minimised for a pair and its negatives (default: bpr)",
    )  # fmt: skip
    p.add_argument("--temperature", type=float, default=1.0, help="of the last three losses (default: 1)")
    p.add_argument("--share", type=float, default=1.0, help="llpauc: share of the best positives (default: 1)")
    p.add_argument("--pairs-per-pool", type=int, default=1, help="pairs that share a pool of negatives (default: 1)")
    p.add_argument("--factors", type=int, default=32, help="dimension of the embeddings")
    p.add_argument("--layers", type=int, help="train LightGCN with so many layers instead of matrix factorisation")
    by_data = "(default: chosen by the data, see below)"
    p.add_argument("--lr", type=float, help=f"learning rate {by_data}")
    p.add_argument("--weight-decay", type=float, help=f"factor of the L2 term {by_data}")
    p.add_argument("--epochs", type=int, help=f"passes over the pairs {by_data}")
    p.add_argument("--batch-size", type=int, help=f"pairs a step {by_data}")
    p.add_argument("--seed", type=int, default=0, help="of the training; the split has its own")
    p.add_argument("--ks", type=int, nargs="+", default=[5, 20, 50], help="cut-offs of the metrics")
    p.add_argument("--patience", type=int, help="stop after so many validations (every 5 epochs) without a new best")
    p.add_argument("--checkpoint", type=Path, help="keep the state of the run here, and go on from it")
    p.add_argument("--save", type=Path, help="write the trained model here (.npz)")
    add_parents(p)
    p.add_argument("--min-rating", type=float, help="own file: ratings below are not positives")
    p.add_argument(
        "--format", choices=("table", "adjacency"), help="own text file: rows of pairs, or of user item item ..."
    )
    p.add_argument("--separator", metavar="TEXT", help="own text file: between fields, such as , or tab or space")
    p.add_argument(
        "--columns", nargs="+", metavar="ROLE=COLUMN",
        help="own table: user=NAME item=NAME [rating=NAME] [time=NAME], or positions from 0 if it has no header",
    )  # fmt: skip
    p.add_argument("--quiet", action="store_true", help="no progress bar")


def model_of(options: argparse.Namespace, train: Any = None) -> Any:
    """The model that the options of ``hns train`` name, not fitted."""
    from ..bpr import BPRMF, LightGCN

    named = (
        "factors", "lr", "weight_decay", "epochs", "batch_size", "loss", "margin", "temperature", "share",
        "pairs_per_pool",
    )  # fmt: skip
    settings = {name: getattr(options, name) for name in named}
    if options.layers is not None:
        settings["layers"] = options.layers
    kind = BPRMF if options.layers is None else LightGCN
    by_data = options.sampler == "dns" and options.M is None and options.N is None
    sampler = None if by_data else samplers.make(options, train)
    return kind(sampler=sampler, rng=options.seed, **settings)


def _columns(given: list[str] | None) -> dict[str, str | int] | None:
    """What --columns says: role -> name, or position if all are numbers."""
    if given is None:
        return None
    pairs = dict(text.partition("=")[::2] for text in given)
    if "" in pairs.values() or len(pairs) < len(given):
        raise ValueError(f"--columns must be user=COLUMN item=COLUMN ..., got {' '.join(given)!r}")
    numbers = all(column.isdecimal() for column in pairs.values())
    return {role: int(column) if numbers else column for role, column in pairs.items()}


def _run(options: argparse.Namespace) -> int:
    from ..bpr import Popularity, evaluate
    from ..bpr.defaults import learned_nothing
    from ..core.files import check_writable
    from ..core.validation import MOST_SIZE, check_int
    from ..data import load

    for k in options.ks:  # what is needed after the training is looked at before it
        check_int("ks", k, low=1, most=MOST_SIZE)
    if options.epochs is not None:  # without one the model is its random start
        check_int("epochs", options.epochs, low=1)
    for option, path in (("--save", options.save), ("--checkpoint", options.checkpoint)):
        check_target(option, path, parents=options.parents)
        if (
            path is not None
            and os.path.exists(options.data)
            and os.path.realpath(path) == os.path.realpath(options.data)
        ):
            raise ValueError(f"{option}: path must be another file than the data, got {path}")
    if options.save is not None:
        check_writable(options.save)
    data = load(
        options.data, min_rating=options.min_rating, progress=not options.quiet, format=options.format,
        separator=options.separator, columns=_columns(options.columns),
    )  # fmt: skip
    say(data.describe())
    watched = options.patience is not None
    train = data.train if watched else data.fit
    model = model_of(options, train)
    say("\n".join(filter(None, (str(model), model.choice(train)))))
    seconds = training_seconds(model, train)
    announce(seconds, "use fewer epochs, factors or layers, or a smaller N")
    model.fit(
        train,
        valid=data.valid if watched else None,
        patience=options.patience,
        checkpoint=options.checkpoint,
        progress=not options.quiet,
    )
    if warning := learned_nothing(model):
        print(f"warning: {warning}", file=sys.stderr)
    if data.test.nnz:
        found = [evaluate(m, data.test, exclude=data.fit, ks=options.ks) for m in (model, Popularity(data.fit))]
        rows = [
            (m, *(values[f"{m}@{k}"] for values in found for k in options.ks))
            for m in ("recall", "ndcg", "precision", "ap", "mrr", "hit")
        ]
        show_table("test", ("metric", *(f"{of}@{k}" for of in ("", "popularity ") for k in options.ks)), rows)
    if options.save is not None:
        model.save(options.save)
        say(f"saved to {options.save}")
    return 0


def _kept(options: argparse.Namespace) -> str:
    return "start it again to go on" if options.checkpoint else "nothing is kept without --checkpoint"


COMMAND = Command("train", "train and evaluate one model", _declare, _run, kept=_kept)
