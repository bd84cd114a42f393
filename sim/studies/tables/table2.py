"""Table 2: matrix factorisation with every method, tuned on validation, beside the paper's numbers.

The budget of a method is three values of its own parameter, or of the learning rate where it has none, times the
grid's weight decays: 6 trainings on Gowalla, 12 on the small sets. Methods of small gradients may train for twice as
many epochs. Costs, from those of docs/samplers.md and 2.3 s for a Gowalla epoch of DNS(5, 200) on one thread: Gowalla
9 hours of one core; the small sets about half an hour each. Without sampling an epoch on Gowalla takes as long as 9 of
DNS's: trainings have 20 epochs, and larger learning rates, as a user's row takes one step an epoch. IRGAN's and the
kernel's go through all items for every user at each epoch's start, and have 30 epochs. Gowalla's cells of DNS(M, N) and
Softmax-v are shared with those of the guidelines, where of four decays .0003 and .01 are best for no M
(figures/cells/gowalla.csv.gz).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from ...runs.options import Options
from ...sampling import (
    AHNS,
    AOBPR,
    DNS,
    IRGAN,
    WARP,
    AdaSIR,
    Kernel,
    NonSampling,
    Sampler,
    SoftmaxExact,
    SoftmaxV,
    TopKOptimal,
    Uniform,
    pris,
)
from .methods import (
    Candidate,
    Method,
    MethodGrid,
    candidates,
    method_study,
    reduced,
    run_grids,
)

PAPER = {
    "gowalla": {
        "BPR": (0.1216, 0.2048),
        "AOBPR": (0.1385, 0.2417),
        "WARP": (0.1248, 0.2240),
        "IRGAN": (0.1443, 0.2242),
        "Kernel": (0.1399, 0.2264),
        "DNS(1,N)": (0.1412, 0.1839),
        "PRIS(U)": (0.1334, 0.2217),
        "PRIS(P)": (0.1385, 0.2282),
        "AdaSIR(U)": (0.1489, 0.2500),
        "AdaSIR(P)": (0.1519, 0.2516),
        "DNS(M,N)": (0.1811, 0.2989),
        "Softmax-v": (0.1837, 0.2993),
    },
    "yelp": {
        "BPR": (0.0524, 0.1083),
        "AOBPR": (0.0677, 0.1346),
        "WARP": (0.0636, 0.1332),
        "IRGAN": (0.0695, 0.1367),
        "Kernel": (0.0658, 0.1315),
        "DNS(1,N)": (0.0693, 0.1425),
        "PRIS(U)": (0.0639, 0.1273),
        "PRIS(P)": (0.0673, 0.1342),
        "AdaSIR(U)": (0.0732, 0.1523),
        "AdaSIR(P)": (0.0731, 0.1525),
        "DNS(M,N)": (0.0899, 0.1774),
        "Softmax-v": (0.0840, 0.1690),
    },
    "amazon-book": {
        "BPR": (0.0499, 0.1171),
        "AOBPR": (0.0563, 0.1303),
        "WARP": (0.0542, 0.1267),
        "IRGAN": (0.0627, 0.1395),
        "Kernel": (0.0700, 0.1495),
        "DNS(1,N)": (0.0615, 0.1378),
        "PRIS(U)": (0.0607, 0.1377),
        "PRIS(P)": (0.0697, 0.1463),
        "AdaSIR(U)": (0.0731, 0.1505),
        "AdaSIR(P)": (0.0740, 0.1534),
        "DNS(M,N)": (0.1014, 0.1833),
        "Softmax-v": (0.1046, 0.1937),
    },
}
"""NDCG@50 and Recall@50 as printed; the first ten rows are quoted there from Chen et al. (2022)."""


class _Tried(NamedTuple):
    """The values that are tried; the defaults are those of the small data sets.

    ``first`` are the pools of DNS(1, N), ``full`` the learning rates of training without sampling. Methods of small
    gradients may train for ``epochs``; those that go through all items of every user once an epoch, and training
    without sampling, for ``scans`` (default: the same).
    """

    N: int
    Ms: Sequence[int]
    target: TopKOptimal
    decays: tuple[float, ...]
    epochs: int
    seeds: int = 5
    first: Sequence[int] = (2, 5, 10)
    rhos: Sequence[float] = (0.03, 0.1, 0.3)
    exact: Sequence[float] = (0.03, 0.1, 0.3)
    lams: Sequence[float] = (100.0, 300.0, 1000.0)
    taus: Sequence[float] = (1.0, 2.0, 4.0)
    betas: Sequence[float] = (0.001, 0.003, 0.01)
    scans: tuple[int, int] | None = None
    full: tuple[float, float, float] = (0.002, 0.005, 0.01)


def _methods(t: _Tried) -> dict[str, Method]:
    """The rows."""
    once, whole = t.scans or (t.epochs, t.epochs)

    def rates(sampler: Sampler, *lrs: float) -> tuple[Candidate, ...]:
        return tuple(Candidate(sampler, {"lr": lr, "epochs": t.epochs}) for lr in lrs)

    found = {
        "BPR": rates(Uniform(1), 0.002, 0.005, 0.01),
        "AOBPR": candidates(*(AOBPR(lam) for lam in t.lams), epochs=t.epochs),
        "WARP": tuple(
            Candidate(WARP(t.target.n_neg, margin, t.N), {"loss": "hinge", "margin": margin, "epochs": t.epochs})
            for margin in (0.5, 1.0, 2.0)
        ),
        "IRGAN": candidates(*(IRGAN(tau=tau) for tau in (0.5, 1.0, 2.0)), epochs=once),
        "Kernel": candidates(*(Kernel(alpha=a) for a in (1.0, 10.0, 100.0)), loss="sampled-softmax", epochs=once),
        "DNS(1,N)": candidates(*(DNS(1, n) for n in t.first)),
        "PRIS(U)": candidates(*(pris(t.N, tau=tau) for tau in t.taus), epochs=t.epochs),
        "PRIS(P)": candidates(*(pris(t.N, popular=True, tau=tau) for tau in t.taus), epochs=t.epochs),
        "AdaSIR(U)": candidates(*(AdaSIR(1, t.N, tau) for tau in t.taus), epochs=t.epochs),
        "AdaSIR(P)": candidates(*(AdaSIR(1, t.N, tau, proposal="log-count") for tau in t.taus), epochs=t.epochs),
        "DNS(M,N)": candidates(*(DNS(M, t.N) for M in t.Ms)),
        "Softmax-v": candidates(*(SoftmaxV(rho, t.N) for rho in t.rhos)),
        "Softmax-exact": candidates(*(SoftmaxExact(rho, t.N) for rho in t.exact)),
        "TopKOptimal": rates(t.target, 0.002, 0.005, 0.01),
        "AHNS": candidates(*(AHNS(beta=beta) for beta in t.betas), epochs=t.epochs),
        "NonSampling": tuple(Candidate(NonSampling(), {"lr": lr, "epochs": whole}) for lr in t.full),
    }
    return {name: Method(tried, t.decays, t.seeds) for name, tried in found.items()}


ML100K = MethodGrid(
    "ml-100k",
    _methods(_Tried(200, (50, 100, 150), TopKOptimal("ndcg", 50, 200, 42, 966), (0.03, 0.1, 0.3, 1.0), 48)),
    {"lr": 0.005, "batch_size": 1024, "epochs": 24}, 2,
)  # fmt: skip
HEALTH = MethodGrid(
    "irb-amazon2014-health",
    _methods(_Tried(40, (10, 20, 30), TopKOptimal("ndcg", 50, 40, 17, 1183), (0.01, 0.03, 0.1, 0.3), 80)),
    {"lr": 0.005, "batch_size": 1024, "epochs": 40}, 4,
)  # fmt: skip
GOWALLA = MethodGrid(
    "gowalla",
    _methods(
        _Tried(
            200, (2, 5, 10), TopKOptimal("ndcg", 50, 200, 25, 40_963), (0.001, 0.003), 60, seeds=3,
            first=(10, 50, 200), rhos=(0.4, 1.0, 3.0), exact=(1.0, 2.0, 3.0), lams=(500.0, 2000.0, 8000.0),
            taus=(0.5, 1.0, 2.0), betas=(3.0, 10.0, 30.0), scans=(30, 20), full=(0.01, 0.02, 0.05),
        )
    ),
    {"lr": 0.005, "epochs": 30}, 5,
)  # fmt: skip

GRIDS = {
    "smoke": (reduced(ML100K, tried=1, decays=(0.1,), seeds=2, shorter=24),),
    "default": (reduced(ML100K, tried=2, decays=(0.1,), seeds=3, shorter=2),),
    "paper": (GOWALLA, ML100K, HEALTH),
}


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Every method of the table on the profile's data sets; see :func:`sim.studies.tables.methods.run_grids`."""
    return run_grids(options.grids(GRIDS), PAPER, options)


STUDY = method_study(
    "Table2", "Matrix factorisation with every method beside the paper's Table 2", 240, run, "Table 2",
    "Matrix factorisation, 32 factors.",
)  # fmt: skip
