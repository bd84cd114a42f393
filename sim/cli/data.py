"""The command ``hns data``: the data sets that are known, their sources, and fetching them."""

from __future__ import annotations

import argparse

from ..core.terminal import say
from .command import Command
from .table import show_table

__all__ = ["COMMAND"]

_EPILOG = """\
examples
  hns data list                        names and sizes
  hns data info gowalla                source, hash, terms, whom to cite, where a local copy may lie
  hns data fetch ml-100k gowalla       download, verify by hash, keep in the cache

Without a network put the file into a folder and name that folder in HNS_DATA_DIR; the hash is checked all the same.
"""


def _declare(p: argparse.ArgumentParser) -> None:
    what = p.add_subparsers(dest="what", metavar="list|fetch|info", required=True)
    what.add_parser("list", help="the known data sets")
    for name, text in (("fetch", "download, verify and keep"), ("info", "source, hash, sizes, terms")):
        what.add_parser(name, help=text).add_argument("names", nargs="+", metavar="NAME")


def _run(options: argparse.Namespace) -> int:
    from ..data import catalogue, fetch, info

    if options.what == "list":
        rows = [(d["name"], d["users"], d["items"], d["pairs"], d["title"]) for d in catalogue()]
        show_table("", ("name", "users", "items", "pairs", "what"), rows)
        return 0
    for name in options.names:
        if options.what == "fetch":
            say(f"{name}: {fetch(name, progress=True)}")
        else:
            about = info(name).items()
            show_table(name, ("", ""), [(key, "" if value is None else str(value)) for key, value in about])
    return 0


COMMAND = Command("data", "list, fetch or describe data sets", _declare, _run, _EPILOG)
