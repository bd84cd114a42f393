"""The command ``hns check`` and ``python -m proofs_check``."""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Sequence

from sim.cli.command import Command
from sim.cli.parser import Parser
from sim.core.files import write_text
from sim.core.terminal import INTERRUPTED, STATUS, check_target, guarded, say

from ._claims_md import claims_markdown, claims_path
from ._explain import explain, found_row, row, rows_width
from ._registry import all_claims, select_claims
from ._report import problems, summary, to_html, to_json
from ._run import run
from .tally import EFFORTS

__all__ = ["COMMAND", "add_arguments", "execute", "main"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``hns check`` to a parser."""
    parser.add_argument("--only", nargs="+", action="extend", metavar="ID", help="claims or families, e.g. T3 F6-law")
    parser.add_argument(
        "--explain", nargs="+", metavar="NAME",
        help="a result of the paper or a claim, e.g. 'Theorem 2' or T2f: what became of it, and stop",
    )  # fmt: skip
    parser.add_argument("--effort", choices=EFFORTS, default="quick", help="how much to test (default: quick)")
    parser.add_argument("--jobs", type=int, metavar="N", help="processes (default: the cores at hand, at most 2)")
    parser.add_argument("--json", metavar="FILE", help="write everything found as JSON")
    parser.add_argument("--html", metavar="FILE", help="write the ledger as one HTML page")
    parser.add_argument("--parents", action="store_true", help="make the folder of a file to write if it is not there")
    parser.add_argument("--list", action="store_true", help="list the claims with their recorded verdicts and stop")
    parser.add_argument("--write-claims", action="store_true", help="write CLAIMS.md anew and stop")


def execute(options: argparse.Namespace) -> int:
    """Run the ledger with parsed options; the exit status.

    0: every verdict is the recorded one; 1: one differs; 130: interrupted, after the finished claims have been printed
    and written. Wrong arguments are a ValueError.
    """
    width = rows_width()
    if options.explain:
        say(explain(" ".join(options.explain), width))
        return 0
    only = [name for group in options.only for name in group.split(",") if name] if options.only else None
    selected = select_claims(only)
    for option in ("json", "html"):
        check_target(f"--{option}", getattr(options, option), parents=options.parents)
    if options.list:
        for claim in selected:
            say(row(claim.id, claim.title, str(claim.verdict.status), width))
        return 0
    if options.write_claims:
        write_text(claims_path(), claims_markdown())
        say(f"wrote {claims_path().name}: {len(all_claims())} claims")
        return 0
    results, complete = run(
        only, effort=options.effort, jobs=options.jobs, progress=lambda result: say(found_row(result, width))
    )
    say("")
    for line in (*problems(results), summary(results, complete)):
        say("\n".join(textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)))
    if options.json:
        write_text(options.json, to_json(results, options.effort, complete))
    if options.html:
        write_text(options.html, to_html(results, options.effort, complete))
    if not complete:
        return INTERRUPTED
    return 0 if all(r.agrees for r in results) else 1


def main(argv: Sequence[str] | None = None, *, prog: str = "proofs_check") -> int:
    """Parse arguments and run the ledger; ``prog`` is the name shown in the help. Errors are one line, status 2.

    Examples
    --------
    >>> main(["--list", "--only", "T3-sharp"])
    T3-sharp      Theorem 3 with the best possible bounds     holds
    0
    """

    def go() -> int:
        parser = Parser(prog=prog, description="Test every claim of the paper.", epilog=STATUS)
        add_arguments(parser)
        return execute(parser.parse_args(argv))

    return guarded(go)


COMMAND = Command("check", "the ledger of claims and verdicts", add_arguments, execute, STATUS)
