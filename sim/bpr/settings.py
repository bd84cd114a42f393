"""The frozen description of a training run, and what follows from it: learning rates and Adam's bias corrections."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.validation import MOST_EPOCHS, MOST_FACTORS, MOST_SIZE, check_choice, check_int, check_real
from .kernels.loss import BCE, BPR, HINGE, INFONCE, LLPAUC, PSL, SAMPLED_SOFTMAX
from .kernels.optimizer import ADAM, SGD

__all__ = ["BETA1", "BETA2", "EPS", "LOSSES", "RULES", "Settings", "paper_settings"]

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8

RULES = {"adam": ADAM, "sgd": SGD}
"""Optimisers by name."""

LOSSES = {
    "bpr": BPR, "hinge": HINGE, "bce": BCE, "llpauc": LLPAUC, "infonce": INFONCE, "sampled-softmax": SAMPLED_SOFTMAX,
    "psl": PSL,
}  # fmt: skip
"""Losses by name."""


@dataclass(frozen=True)
class Settings:
    """Everything but the sampler and the seed that decides a run; see :class:`sim.bpr.BPRMF` for the meaning."""

    factors: int = 32
    lr: float = 0.001
    weight_decay: float = 0.01
    epochs: int = 100
    batch_size: int = 4096
    exclude_positives: bool = True
    replace: bool = True
    sum_negatives: bool = False
    lr_decay: float = 0.95
    lr_decay_every: int = 5
    init_scale: float = 0.1
    dtype: str = "float32"
    optimizer: str = "adam"
    sparse: bool = False
    item_bias: bool = False
    loss: str = "bpr"
    margin: float = 1.0
    temperature: float = 1.0
    share: float = 1.0
    pairs_per_pool: int = 1

    def __post_init__(self) -> None:
        check_int("factors", self.factors, low=1, most=MOST_FACTORS)
        check_real("lr", self.lr, low=0.0, open_low=True)
        check_real("weight_decay", self.weight_decay, low=0.0)
        check_int("epochs", self.epochs, low=0, most=MOST_EPOCHS)
        check_int("batch_size", self.batch_size, low=1, most=MOST_SIZE)
        check_real("lr_decay", self.lr_decay, low=0.0, high=1.0, open_low=True)
        check_int("lr_decay_every", self.lr_decay_every, low=1, most=MOST_SIZE)
        check_real("init_scale", self.init_scale, low=0.0)
        check_int("pairs_per_pool", self.pairs_per_pool, low=1, most=MOST_SIZE)
        if self.pairs_per_pool > self.batch_size:
            raise ValueError(f"pairs_per_pool must be <= batch_size = {self.batch_size}, got {self.pairs_per_pool}")
        check_choice("dtype", self.dtype, ("float32", "float64"))
        check_choice("optimizer", self.optimizer, tuple(RULES))
        check_choice("loss", self.loss, tuple(LOSSES))
        check_real("margin", self.margin, low=0.0)
        check_real("temperature", self.temperature, low=0.0, open_low=True)
        check_real("share", self.share, low=0.0, high=1.0, open_low=True)
        for name in ("sparse", "item_bias", "exclude_positives", "replace", "sum_negatives"):
            check_choice(name, getattr(self, name), (True, False))

    @property
    def columns(self) -> int:
        """Columns of the factor tables: the factors, and one for the items' biases where there are any."""
        return self.factors + self.item_bias

    def as_dict(self) -> dict[str, Any]:
        """Fields by name."""
        return dataclasses.asdict(self)

    def lr_at(self, epoch: int) -> float:
        """Learning rate of an epoch (from 0)."""
        return self.lr * self.lr_decay ** (epoch // self.lr_decay_every)

    def steps(self, epoch: int, n_batches: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Adam's ``lr / (1 - beta1^t)`` and ``1 / sqrt(1 - beta2^t)`` for the steps of an epoch (from 0)."""
        t = float(epoch * n_batches) + np.arange(1, n_batches + 1, dtype=np.float64)
        return (self.lr_at(epoch) / (1 - BETA1**t)).astype(self.dtype), (1 / np.sqrt(1 - BETA2**t)).astype(self.dtype)


def paper_settings(dataset: str) -> dict[str, Any]:
    """Keyword arguments for :class:`sim.bpr.BPRMF` as in the published program on ``dataset``.

    The program sums the loss over the batch and over DNS's M negatives, draws pools with replacement from all items,
    the user's positives included, and adds L2 to the gradient of every row at every step. The published README gives a
    weight decay and M only for Gowalla (0.01 and 2, or Softmax-v with rho = 1); they stand here for the other two as
    well, where the paper searched grids.

    Parameters
    ----------
    dataset : {"gowalla", "yelp", "amazon-book"}

    Examples
    --------
    >>> from sim.bpr import BPRMF
    >>> from sim.sampling import SoftmaxV
    >>> BPRMF(**paper_settings("gowalla"))  # what is not left to the data
    BPRMF(sampler=DNS(M=2, N=200), lr=0.001, weight_decay=0.01, epochs=200, batch_size=4096, exclude_positives=False,
      sum_negatives=True)
    >>> softmax = BPRMF(**paper_settings("gowalla") | {"sampler": SoftmaxV(1.0, 200)})
    """
    from ..sampling import DNS

    pool = {"gowalla": 200, "yelp": 200, "amazon-book": 500}
    check_choice("dataset", dataset, tuple(pool))
    return {
        "sampler": DNS(M=2, N=pool[dataset]),
        "factors": 32,
        "lr": 0.001,
        "weight_decay": 0.01,
        "epochs": 200,
        "batch_size": 4096,
        "exclude_positives": False,
        "replace": True,
        "sum_negatives": True,
        "lr_decay": 0.95,
        "lr_decay_every": 5,
        "init_scale": 0.1,
    }
