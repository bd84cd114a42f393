"""A cell as a command that anyone can type."""

from __future__ import annotations

from ..bpr.settings import Settings
from ..sampling.spec import to_options
from .cells import Cell

__all__ = ["train_command"]


def train_command(cell: Cell) -> str:
    """The ``hns train`` that trains this cell's model, on train and validation, and ranks the test part.

    Examples
    --------
    >>> from sim.sampling import DNS
    >>> train_command(Cell("ml-100k", DNS(5, 9), 1, {"lr": 0.005, "epochs": 20, "weight_decay": 0.1}))
    'hns train ml-100k --sampler dns --M 5 --N 9 --lr 0.005 --epochs 20 --weight-decay 0.1 --batch-size 4096 --seed 1'
    """
    if cell.held_out != "test" or cell.hidden:
        raise ValueError(f"cell must be of the test part with nothing hidden, got {cell}")
    words = to_options(cell.sampler)
    rest = {name: getattr(Settings, name) for name in ("lr", "weight_decay", "epochs", "batch_size")}
    for name, value in (cell.model | {k: v for k, v in rest.items() if k not in cell.model}).items():
        option = f"--{name.replace('_', '-')}"
        if option not in words:  # a margin is both the sampler's and the loss's
            words += [option, f"{value:.12g}" if isinstance(value, float) else str(value)]
    return " ".join(["hns train", cell.data, *words, "--seed", str(cell.seed)])
