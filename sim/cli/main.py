"""The command ``hns``: figures, data, training, correlations and the ledger from the shell."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..core.terminal import STATUS, check_target, guarded, printable, say
from . import corr as _cli_corr
from . import estimate as _cli_estimate
from . import reproduce as _cli_reproduce
from . import results as _cli_results
from . import samplers as _cli_samplers
from . import sweep as _cli_sweep
from . import work as _cli_work
from .parser import Formatter, Parser

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

"""
    + STATUS,
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

Without options DNS's M, N, the learning rate, the decay, the epochs and the batch are chosen by the number of pairs and
their density: dense data want soft negatives (M/N = 1/2), sparse data hard ones (Gowalla: 3/200). What was chosen is
printed; an option overrides it. The metrics of the popularity ranking are printed beside the model's.

Hardness: smaller M, larger N and larger rho are harder. Smaller K of the metric wants harder negatives.
A run with --checkpoint that was stopped goes on, to the same bits, when it is started again.
""",
}


def _parser() -> Parser:
    formatter = Formatter
    parser = Parser(
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
    _cli_sweep.add_parents(p)
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
    """Run the command line; returns the exit status, see ``hns --help``. Every error is one line on standard error."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options: argparse.Namespace | None = None

    def run() -> int:
        nonlocal options
        from ..core.validation import MOST_SEED, check_int

        if arguments[:1] == ["check"]:  # its options are its own
            return _check(argparse.Namespace(rest=arguments[1:]))
        options = _parser().parse_args(arguments)
        if "seed" in options:
            check_int("seed", options.seed, low=0, most=MOST_SEED)
        return int(options.run(options))

    def kept() -> str:
        if options is None:
            return ""
        if options.command != "train":
            return "finished runs are kept and will not be repeated"
        return "start it again to go on" if options.checkpoint else "nothing is kept without --checkpoint"

    return guarded(run, kept)


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text  # brackets in a name are no markup

    heading = Text(printable(title)) if title else None
    table = Table(title=heading, title_justify="left", header_style="bold", box=None, pad_edge=False)
    for i, column in enumerate(columns):
        number = bool(rows) and all(isinstance(row[i], (int, float)) or row[i] == "" for row in rows)
        table.add_column(Text(printable(column)), justify="right" if number else "left")
    for row in rows:
        table.add_row(*(Text(printable(_text(value))) for value in row))
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
        say(title)
    return 0


def _data_list(options: argparse.Namespace) -> int:
    from ..data import catalogue

    rows = [(d["name"], d["users"], d["items"], d["pairs"], d["title"]) for d in catalogue()]
    _table("", ("name", "users", "items", "pairs", "what"), rows)
    return 0


def _data_fetch(options: argparse.Namespace) -> int:
    from ..data import fetch

    for name in options.names:
        say(f"{name}: {fetch(name, progress=True)}")
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
    by_data = options.sampler == "dns" and options.M is None and options.N is None
    sampler = None if by_data else _cli_samplers.make(options, train)
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


def _train(options: argparse.Namespace) -> int:
    from ..bpr import Popularity, evaluate
    from ..bpr.defaults import learned_nothing
    from ..core.npz import check_writable
    from ..core.validation import MOST_SIZE, check_int
    from ..data import load

    for k in options.ks:  # what is needed after the training is looked at before it
        check_int("ks", k, low=1, most=MOST_SIZE)
    if options.epochs is not None:  # without one the model is its random start
        check_int("epochs", options.epochs, low=1)
    for option, path in (("--save", options.save), ("--checkpoint", options.checkpoint)):
        check_target(option, path, parents=options.parents)
    if options.save is not None:
        check_writable(options.save)
    data = load(
        options.data, min_rating=options.min_rating, progress=not options.quiet, format=options.format,
        separator=options.separator, columns=_columns(options.columns),
    )  # fmt: skip
    say(data.describe())
    watched = options.patience is not None
    train = data.train if watched else data.fit
    model = _model(options, train)
    say("\n".join(filter(None, (str(model), model.choice(train)))))
    seconds = _cli_work.training_seconds(model, train)
    _cli_work.announce(seconds, "use fewer epochs, factors or layers, or a smaller N")
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
        _table("test", ("metric", *(f"{of}@{k}" for of in ("", "popularity ") for k in options.ks)), rows)
    if options.save is not None:
        model.save(options.save)
        say(f"saved to {options.save}")
    return 0


def _corr(options: argparse.Namespace) -> int:
    _table(*_cli_corr.corr(options))
    if options.csv is not None:
        say(f"curves written to {options.csv}")
    return 0


def _estimate(options: argparse.Namespace) -> int:
    above, columns, rows, below = _cli_estimate.estimate(options, _cli_samplers.make(options))
    say(above)
    _table("", columns, rows)
    say(below)
    return 0


def _check(options: argparse.Namespace) -> int:
    from proofs_check.cli import main as check

    return int(check(options.rest, prog="hns check"))


if __name__ == "__main__":
    sys.exit(main())
