"""The best of some trainings on validation."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from .cells import Cell
from .means import means_of
from .options import Options

__all__ = ["Trial", "best_trials"]

Group = TypeVar("Group", bound=Hashable)


class Trial(NamedTuple):
    """A training's position in its list, its best number of epochs, what it then reached, whether that was its last."""

    position: int
    epochs: int
    score: float
    last: bool


def best_trials(
    groups: Sequence[Group], cells: Sequence[Cell], metric: str, options: Options, *, label: str
) -> dict[Group, Trial]:
    """Train ``cells``, and find for each of ``groups``, one a cell, the best trial by ``metric``; ties: the earlier."""
    best: dict[Group, Trial] = {}
    for position, (group, means) in enumerate(zip(groups, means_of(cells, [metric], options, label=label))):
        values = means.values[metric]
        at = int(np.argmax(values))
        if group not in best or values[at] > best[group].score:
            best[group] = Trial(position, int(means.epochs[at]), float(values[at]), at == values.size - 1)
    return best
