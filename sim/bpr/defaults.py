r"""What the arguments that were left out become once the data are known.

One setting does not suit all data: at the published one for Gowalla (M/N = .025, learning rate .001) a model of
MovieLens-100K hardly leaves its start, and its loss ends at ln 2. So the sampler, the learning rate, the decay, the
epochs and the batch are chosen by the number of pairs and by the density, pairs / (users x items), unless given.

The constants come from five data sets (learning rate .005, 32 factors). The form of M/N was first drawn
through the best levels of ``figures/G1-sets.csv``, which are of TEST parts, and then held against NDCG@20 on
the VALIDATION parts, which it fits within the spacing of the levels tried. The decays and epochs are of
validation alone. On Gowalla, movie and ml-10m these are the grids of ``figures/cells``; on the two small sets
only M/N from .375 to .75 was tried at 32 factors.
Best on validation, and chosen:

====================== ======= ============== =========== ============ ========
data                   density best M/N       best decay  chosen M/N   decay
====================== ======= ============== =========== ============ ========
ml-100k                .046    .375 to .5     .1          .5           .13
irb-amazon2014-health  .016    .5             .1          .5           .08
ml-10m                 .0032   .125           .01         .115         .010
irb-amazon2014-movie   .0012   .025 to .1     .003 to .01 .035         .006
gowalla                .00067  .01 to .02     .003        .015         .003
====================== ======= ============== =========== ============ ========

- M/N falls with density: the hardest negatives of dense data are positives not yet seen (claim G1-data).
- The decay is added to a gradient that sums a batch's losses, for every row at every step; what it does depends on
  decay x sqrt(users x items) / batch, about 0.17 sqrt(M/N) at the best decays.
- At this rate validation is level after about 1,500 steps on the small sets, and after 20 to 25 epochs on the large.

LightGCN, whose parameters are averaged before they score, wants a tenth of the decay.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ..sampling import DNS, Sampler
from .settings import Settings

__all__ = ["Given", "dns_for", "hardness", "learned_nothing"]

POOL = 200
"""Size of a pool."""

SOFTEST = 0.5
"""Largest M/N."""

RATE = 0.005
"""Adam's learning rate."""

AT_START = 0.005
"""A loss so near to ln 2 is that of the start."""

GRAPH = 0.1
"""LightGCN's decay, as a share of what matrix factorisation has."""

NAMES = ("lr", "weight_decay", "epochs", "batch_size")


def hardness(density: float) -> float:
    """M/N for data of this density.

    Examples
    --------
    >>> [round(hardness(d), 3) for d in (0.046, 0.0032, 0.00067)]
    [0.5, 0.114, 0.016]
    """
    return min(SOFTEST, 150 * density**1.25)


def dns_for(train: sparse.csr_matrix, n: int) -> DNS:
    """DNS(M, N) for these pairs and N = ``n``."""
    return DNS(max(1, round(hardness(_sizes(train)[3]) * n)), n)


def learned_nothing(model: Any) -> str:
    """Words of warning if the pairwise logistic loss of the last epoch is within 0.005 of ln 2; else nothing.

    ln 2 is the loss of a model that cannot tell a positive from its negatives, as every model is at its start.
    """
    last = model.history_[-1]["loss"] if model.history_ else math.nan
    if model.settings.loss != "bpr" or not abs(last - math.log(2)) <= AT_START:
        return ""
    return (
        f"the loss of the last epoch, {last:.4f}, is within {AT_START} of ln 2 = 0.6931, where training starts: the "
        "model has learned little or nothing; give a larger --lr, a smaller --weight-decay, more --epochs or softer "
        "negatives (a larger --M)"
    )


@dataclass(frozen=True)
class Given:
    """The arguments of a model that may be left to the data; None where they are."""

    sampler: Sampler | None = None
    lr: float | None = None
    weight_decay: float | None = None
    epochs: int | None = None
    batch_size: int | None = None

    def as_dict(self) -> dict[str, Any]:
        """The arguments by name."""
        return {name: getattr(self, name) for name in ("sampler", *NAMES)}

    def settings(self) -> dict[str, Any]:
        """Those of :class:`Settings` that were given."""
        return {name: getattr(self, name) for name in NAMES if getattr(self, name) is not None}

    def settle(self, train: sparse.csr_matrix, settings: Settings) -> tuple[Sampler, Settings]:
        """The sampler and the settings for these pairs: what was given, and the rest chosen."""
        users, items, pairs, density = _sizes(train)
        share = hardness(density)
        sampler = dns_for(train, min(POOL, train.shape[1])) if self.sampler is None else self.sampler
        batch = self.batch_size
        if batch is None:
            batch = 1 << round(math.log2(min(max(pairs / 40, 64), 4096)))
        epochs = min(100, max(20, -(-1500 // -(-pairs // batch))))
        adam = settings.optimizer == "adam"
        chosen: dict[str, Any] = {"batch_size": batch, "epochs": epochs, "lr": RATE if adam else Settings.lr}
        chosen["weight_decay"] = Settings.weight_decay
        if settings.optimizer == "adam" and not settings.sparse:
            decay = 0.17 * math.sqrt(share) * batch / math.sqrt(users * items)
            decay *= getattr(sampler, "M", 1) if settings.sum_negatives else 1
            chosen["weight_decay"] = float(f"{decay * (GRAPH if getattr(settings, 'layers', 0) else 1):.2g}")
        return sampler, dataclasses.replace(settings, **(chosen | self.settings()))

    def words(self, train: sparse.csr_matrix, settings: Settings) -> str:
        """What was chosen for these pairs, and why, in two lines; nothing if all was given."""
        left = [name for name, value in self.as_dict().items() if value is None]
        if not left:
            return ""
        users, items, pairs, density = _sizes(train)
        sampler, settled = self.settle(train, settings)
        values = {"sampler": str(sampler), **{name: f"{getattr(settled, name):g}" for name in NAMES}}
        soft = hardness(density) == SOFTEST
        why = {
            "sampler": f"{'dense data want soft' if soft else 'sparse data want hard'} negatives",
            "weight_decay": f"decay goes with batch / sqrt({users:,} users x {items:,} items)",
            "epochs": "training is level after 1,500 steps and 20 epochs",
        }
        reasons = [text for name, text in why.items() if name in left]
        because = f"chosen for {pairs:,} pairs of density {density:.2%}"
        return f"{because}: {', '.join(f'{name} {values[name]}' for name in left)}" + (
            f"\nbecause {'; '.join(reasons)}" if reasons else ""
        )


def _sizes(train: sparse.csr_matrix) -> tuple[int, int, int, float]:
    """Users and items with a pair, pairs, and density."""
    pairs = int(np.count_nonzero(train.data))
    users, items = int(np.count_nonzero(np.diff(train.indptr))), np.unique(train.indices).size
    return users, items, pairs, pairs / (users * items)
