"""What a command is, and which there are: this package's, and those that other packages add.

A package adds a command by an entry point of the group ``hns.commands`` whose name is the command's and whose value is
a :class:`Command`; so does the ledger of claims with ``hns check``, of which this package knows nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import metadata
from typing import NamedTuple

__all__ = ["GROUP", "Command", "added", "added_names"]

GROUP = "hns.commands"
"""The group of entry points."""


class Command(NamedTuple):
    """A word after ``hns``.

    ``declare(parser)`` adds its options; ``run(options)`` does the work and returns the exit status; ``kept(options)``
    says what is kept after Ctrl-C.
    """

    name: str
    help: str
    declare: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]
    epilog: str = ""
    kept: Callable[[argparse.Namespace], str] = lambda options: "finished runs are kept and will not be repeated"


def added_names() -> list[str]:
    """Names of the commands that other packages add."""
    return sorted(metadata.entry_points(group=GROUP).names)


def added(name: str) -> Command:
    """The command of that name that another package adds."""
    (point,) = tuple(metadata.entry_points(group=GROUP, name=name))[:1]
    command: Command = point.load()
    return command
