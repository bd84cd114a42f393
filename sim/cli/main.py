"""The command ``hns``: figures, data, training, correlations and the ledger from the shell."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from . import corr as _cli_corr
from . import estimate as _cli_estimate
from . import reproduce as _cli_reproduce
from . import results as _cli_results
from . import samplers as _cli_samplers
from . import sweep as _cli_sweep

__all__ = ["main"]

_EPILOG = {
    "hns": """\
examples
  hns reproduce                        every figure and table made anew and compared with what is published
  hns reproduce --only F6              one of them
  hns reproduce --train                every figure and table from new training runs (30 to 50 minutes, resumable)
  hns check                            the ledger: each claim of the paper with its evidence and verdict
  hns corr 200 800 --k 5 20 50         which OPAUC(beta) predicts which metric@K, exactly
  hns estimate --sampler dns --M 5 --N 200   what a sampler estimates, with what bias and variance
  hns train ml-100k --sampler dns --M 50 --N 200
  hns sweep grid.toml                  a grid of training runs: resumable, shared between processes and machines
  hns results --csv all.csv            the finished ones
  hns data list                        the data sets it knows

environment
  HNS_DATA_DIR     folder with local copies of data sets, tried before the network
  HNS_CACHE_DIR    fetched and parsed data (default: the user's cache folder)
  HNS_RESULTS_DIR  finished training runs (default: results)
  NUMBA_NUM_THREADS  threads of the compiled kernels
""",
    "data": """\
examples
  hns data list                        names and sizes
  hns data info gowalla                source, hash, terms, whom to cite, where a local copy may lie
  hns data fetch ml-100k gowalla       download, verify by hash, keep in the cache

Without a network put the file into a folder and name that folder in HNS_DATA_DIR; the hash is checked all the same.
""",
    "train": _cli_samplers.EPILOG
    + """
examples
  hns train ml-100k --sampler dns --M 50 --N 200 --lr 0.005 --weight-decay 0.1 --batch-size 1024 --epochs 22
  hns train gowalla --sampler softmax-v --rho 1 --N 200 --epochs 100 --save model.npz --checkpoint run.npz
  hns train my_clicks.csv --sampler uniform --min-rating 4
  hns train ml-100k --sampler pris-p --N 100 --loss sampled-softmax --temperature 0.5
  hns train ml-100k --layers 3 --sampler dns --M 50 --N 200 --lr 0.005 --weight-decay 0.1 --batch-size 1024

Hardness: smaller M, larger N and larger rho are harder. Smaller K of the metric wants harder negatives.
A run with --checkpoint that was stopped goes on, to the same bits, when it is started again.
""",
}


def _parser() -> argparse.ArgumentParser:
    formatter = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="hns",
        description="The theories behind hard negative sampling, checked: exact theory, simulation, training.",
        epilog=_EPILOG["hns"],
        formatter_class=formatter,
    )
    parser.add_argument("--version", action="version", version=f"hns-opauc {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    p = commands.add_parser(
        "reproduce",
        help="make what is published anew and compare",
        epilog=_cli_reproduce.EPILOG,
        formatter_class=formatter,
    )
    _cli_reproduce.add_arguments(p)
    p.set_defaults(run=_reproduce)

    p = commands.add_parser(
        "sweep", help="a grid of training runs from a TOML file", epilog=_cli_sweep.EPILOG, formatter_class=formatter
    )
    _cli_sweep.add_arguments(p)
    p.set_defaults(run=_sweep)

    p = commands.add_parser(
        "results", help="list or export finished training runs", epilog=_cli_results.EPILOG, formatter_class=formatter
    )
    _cli_results.add_arguments(p)
    p.set_defaults(run=_results)

    p = commands.add_parser(
        "data", help="list, fetch or describe data sets", epilog=_EPILOG["data"], formatter_class=formatter
    )
    what = p.add_subparsers(dest="what", metavar="list|fetch|info", required=True)
    what.add_parser("list", help="the known data sets").set_defaults(run=_data_list)
    for name, text in (("fetch", "download, verify and keep"), ("info", "source, hash, sizes, terms")):
        q = what.add_parser(name, help=text)
        q.add_argument("names", nargs="+", metavar="NAME")
        q.set_defaults(run=_data_fetch if name == "fetch" else _data_info)

    p = commands.add_parser(
        "train", help="train and evaluate one model", epilog=_EPILOG["train"], formatter_class=formatter
    )
    p.add_argument("data", help="a known data set, or a CSV, TSV, parquet, .npz or .mat file")
    _cli_samplers.add_arguments(p)
    p.add_argument(
        "--loss", choices=("bpr", "hinge", "bce", "llpauc", "infonce", "sampled-softmax", "psl"), default="bpr",
        help="what is minimised for a pair and its negatives (default: bpr)",
    )  # fmt: skip
    p.add_argument("--temperature", type=float, default=1.0, help="of the last three losses (default: 1)")
    p.add_argument("--share", type=float, default=1.0, help="llpauc: share of the best positives (default: 1)")
    p.add_argument("--factors", type=int, default=32)
    p.add_argument("--layers", type=int, help="train LightGCN with so many layers instead of matrix factorisation")
    p.add_argument("--lr", type=float, default=0.001)
    p.add_argument("--weight-decay", type=float, default=0.01)
    p.add_argument("--epochs", type=int, default=50)
    p.add_argument("--batch-size", type=int, default=4096)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--ks", type=int, nargs="+", default=[5, 20, 50], help="cut-offs of the metrics")
    p.add_argument("--patience", type=int, help="stop after so many validations (every 5 epochs) without a new best")
    p.add_argument("--checkpoint", type=Path, help="keep the state of the run here, and go on from it")
    p.add_argument("--save", type=Path, help="write the trained model here (.npz)")
    p.add_argument("--min-rating", type=float, help="own file: ratings below are not positives")
    p.add_argument("--quiet", action="store_true", help="no progress bar")
    p.set_defaults(run=_train)

    p = commands.add_parser(
        "corr", help="which OPAUC(beta) or LLPAUC(alpha, beta) goes best with which metric@K",
        epilog=_cli_corr.EPILOG, formatter_class=formatter,
    )  # fmt: skip
    _cli_corr.add_arguments(p)
    p.set_defaults(run=_corr)

    p = commands.add_parser(
        "estimate", help="a sampler's bias and variance as an estimator of OPAUC(beta)",
        epilog=_cli_estimate.EPILOG, formatter_class=formatter,
    )  # fmt: skip
    _cli_samplers.add_arguments(p, ("uniform", "dns", "softmax-v", "softmax-exact"))
    _cli_estimate.add_arguments(p)
    p.set_defaults(run=_estimate)

    p = commands.add_parser("check", help="the ledger of claims and verdicts", add_help=False)
    p.add_argument("rest", nargs=argparse.REMAINDER)
    p.set_defaults(run=_check)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status. Expected errors are one line on standard error, status 2."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments[:1] == ["check"]:  # its options are its own
        return _check(argparse.Namespace(rest=arguments[1:]))
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except KeyboardInterrupt:
        kept = "finished runs are kept and will not be repeated"
        if options.command == "train":
            kept = "start it again to go on" if options.checkpoint else "nothing is kept without --checkpoint"
        print(f"stopped; {kept}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        return 0
    except (ValueError, TypeError, OSError, ArithmeticError, MemoryError) as error:
        print(f"hns: {error}", file=sys.stderr)
        return 2


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for i, column in enumerate(columns):
        number = bool(rows) and all(isinstance(row[i], (int, float)) or row[i] == "" for row in rows)
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*(_text(value) for value in row))
    console = Console()
    if not console.is_terminal:  # a file or a pipe: do not wrap
        console = Console(width=200)
    console.print(table)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _reproduce(options: argparse.Namespace) -> int:
    if not options.list:
        return _cli_reproduce.run(options)
    from ..studies import studies

    _table("", ("id", "what"), [(study.id, study.title) for study in studies().values()])
    return 0


def _sweep(options: argparse.Namespace) -> int:
    if options.dry_run:
        _table(*_cli_sweep.plan(options))
        return 0
    return _cli_sweep.run(options)


def _results(options: argparse.Namespace) -> int:
    title, columns, rows = _cli_results.results(options)
    if options.csv is None:
        _table(title, columns, rows)
    else:
        print(title)
    return 0


def _data_list(options: argparse.Namespace) -> int:
    from ..data import catalogue

    rows = [(d["name"], d["users"], d["items"], d["pairs"], d["title"]) for d in catalogue()]
    _table("", ("name", "users", "items", "pairs", "what"), rows)
    return 0


def _data_fetch(options: argparse.Namespace) -> int:
    from ..data import fetch

    for name in options.names:
        print(f"{name}: {fetch(name, progress=True)}")
    return 0


def _data_info(options: argparse.Namespace) -> int:
    from ..data import info

    for name in options.names:
        _table(name, ("", ""), [(key, "" if value is None else str(value)) for key, value in info(name).items()])
    return 0


def _model(options: argparse.Namespace, train: Any = None) -> Any:
    """The model that the options of ``hns train`` name, not fitted."""
    from ..bpr import BPRMF, LightGCN

    named = ("factors", "lr", "weight_decay", "epochs", "batch_size", "loss", "margin", "temperature", "share")
    settings = {name: getattr(options, name) for name in named}
    if options.layers is not None:
        settings["layers"] = options.layers
    kind = BPRMF if options.layers is None else LightGCN
    return kind(sampler=_cli_samplers.make(options, train), rng=options.seed, **settings)


def _train(options: argparse.Namespace) -> int:
    from ..bpr import evaluate
    from ..core.npz import check_writable
    from ..core.validation import check_int
    from ..data import load

    for k in options.ks:  # what is needed after the training is looked at before it
        check_int("ks", k, low=1)
    if options.save is not None:
        check_writable(options.save)
    data = load(options.data, min_rating=options.min_rating, progress=not options.quiet)
    print(data.describe())
    watched = options.patience is not None
    model = _model(options, data.train if watched else data.fit)
    print(model)
    model.fit(
        data.train if watched else data.fit,
        valid=data.valid if watched else None,
        patience=options.patience,
        checkpoint=options.checkpoint,
        progress=not options.quiet,
    )
    if data.test.nnz:
        values = evaluate(model, data.test, exclude=data.fit, ks=options.ks)
        rows = [
            (m, *(values[f"{m}@{k}"] for k in options.ks)) for m in ("recall", "ndcg", "precision", "ap", "mrr", "hit")
        ]
        _table("test", ("metric", *(f"@{k}" for k in options.ks)), rows)
    if options.save is not None:
        model.save(options.save)
        print(f"saved to {options.save}")
    return 0


def _corr(options: argparse.Namespace) -> int:
    _table(*_cli_corr.corr(options))
    if options.csv is not None:
        print(f"curves written to {options.csv}")
    return 0


def _estimate(options: argparse.Namespace) -> int:
    above, columns, rows, below = _cli_estimate.estimate(options, _cli_samplers.make(options))
    print(above)
    _table("", columns, rows)
    print(below)
    return 0


def _check(options: argparse.Namespace) -> int:
    from proofs_check.cli import main as check

    return int(check(options.rest))


if __name__ == "__main__":
    sys.exit(main())
