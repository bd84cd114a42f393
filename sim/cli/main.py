"""The command ``hns``: figures, data, training, correlations from the shell; other packages add commands."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from .. import __version__
from ..core.signals import quiet_trackers, sigterm_as_ctrl_c
from ..core.terminal import STATUS, guarded
from . import corr, data, estimate, reproduce, results, sweep, train
from .command import Command, added, added_names
from .parser import Formatter, Parser

__all__ = ["main"]

COMMANDS = {module.COMMAND.name: module.COMMAND for module in (reproduce, sweep, results, data, train, corr, estimate)}

_EPILOG = """\
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


def _parser(first: str = "") -> Parser:
    """The parser. Only the command ``first`` is declared, all are where it is none; others are loaded if need be."""
    parser = Parser(
        prog="hns",
        description="The theories behind hard negative sampling, checked: exact theory, simulation, training.",
        epilog=_EPILOG + STATUS,
    )
    parser.add_argument("--version", action="version", version=f"hns-opauc {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    others = {} if first in COMMANDS else {name: added(name) for name in added_names() if name not in COMMANDS}
    for name, command in (COMMANDS | others).items():
        p = commands.add_parser(name, help=command.help, epilog=command.epilog, formatter_class=Formatter)
        if first not in COMMANDS or name == first:
            command.declare(p)
        p.set_defaults(chosen=command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status, see ``hns --help``. Every error is one line on standard error."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    options: argparse.Namespace | None = None
    if argv is None:  # a program of its own
        quiet_trackers()

    def run() -> int:
        nonlocal options
        from ..core.validation import MOST_SEED, check_int

        with sigterm_as_ctrl_c():
            options = _parser(arguments[0] if arguments else "").parse_args(arguments)
            if "seed" in options:
                check_int("seed", options.seed, low=0, most=MOST_SEED)
            command: Command = options.chosen
            return int(command.run(options))

    def kept() -> str:
        return options.chosen.kept(options) if options is not None else ""

    return guarded(run, kept)


if __name__ == "__main__":
    sys.exit(main())
