"""Table 3: LightGCN with each sampler, tuned on validation, beside the paper's numbers."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from ...runs.options import Options
from ...sampling import DNS, AdaSIR, SoftmaxV, Uniform, pris
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
        "BPR": (0.1469, 0.2470),
        "PRIS(U)": (0.1604, 0.2677),
        "PRIS(P)": (0.1665, 0.2753),
        "AdaSIR(U)": (0.1804, 0.2979),
        "AdaSIR(P)": (0.1806, 0.2974),
        "DNS(M,N)": (0.1954, 0.3176),
        "Softmax-v": (0.1991, 0.3209),
    }
}
"""NDCG@50 and Recall@50 as printed."""


def _methods(
    N: int, Ms: tuple[int, ...], rhos: tuple[float, ...], decays: tuple[float, ...], seeds: int, epochs: int,
    lrs: tuple[float, ...] = (0.002, 0.005, 0.01), adasir: dict[str, float] | None = None,
) -> dict[str, Method]:  # fmt: skip
    """Easy negatives leave small gradients: their methods are still rising when the others are past their peak.

    ``adasir`` are its settings of the model, by default three times the epochs.
    """
    taus = (0.5, 1.0, 2.0)
    adasir = adasir or {"epochs": 3 * epochs}
    return {
        name: Method(found, decays, seeds)
        for name, found in {
            "BPR": tuple(Candidate(Uniform(1), {"lr": lr, "epochs": 3 * epochs}) for lr in lrs),
            "PRIS(U)": candidates(*(pris(N, tau=tau) for tau in taus), epochs=2 * epochs),
            "PRIS(P)": candidates(*(pris(N, popular=True, tau=tau) for tau in taus), epochs=2 * epochs),
            "AdaSIR(U)": candidates(*(AdaSIR(1, N, tau) for tau in taus), **adasir),
            "AdaSIR(P)": candidates(*(AdaSIR(1, N, tau, proposal="log-count") for tau in taus), **adasir),
            "DNS(M,N)": candidates(*(DNS(M, N) for M in Ms)),
            "Softmax-v": candidates(*(SoftmaxV(rho, N) for rho in rhos)),
        }.items()
    }


ML100K = MethodGrid(
    "ml-100k", _methods(200, (20, 50, 100), (0.01, 0.1, 1.0), (0.001, 0.01, 0.1), 5, 40),
    {"layers": 3, "lr": 0.005, "batch_size": 1024, "epochs": 40}, 4,
)  # fmt: skip
HEALTH = replace(
    ML100K, data="irb-amazon2014-health",
    methods=_methods(40, (5, 10, 20), (0.01, 0.1, 1.0), (0.001, 0.01, 0.1), 5, 40),
)  # fmt: skip
GOWALLA = MethodGrid(
    "gowalla",
    _methods(
        200, (2, 5, 10), (0.4, 1.0, 3.0), (0.001, 0.003), 3, 20, (0.005, 0.01, 0.02), {"lr": 0.02, "epochs": 40},
    ),
    {"layers": 3, "lr": 0.01, "batch_size": 16384, "epochs": 20}, 2,
)  # fmt: skip

GRIDS = {
    "smoke": (reduced(ML100K, tried=1, decays=(0.01,), seeds=2, shorter=20),),
    "default": (reduced(ML100K, tried=2, decays=(0.01,), seeds=3, shorter=4),),
    "paper": (GOWALLA, ML100K, HEALTH),
}


def run(options: Options = Options()) -> pd.DataFrame:  # noqa: B008 (frozen)
    """Every method of the table on the profile's data sets; see :func:`sim.studies.tables.methods.run_grids`."""
    return run_grids(options.grids(GRIDS), PAPER, options)


STUDY = method_study(
    "Table3", "LightGCN with each sampler beside the paper's Table 3", 250, run, "Table 3",
    "LightGCN, 3 layers, 32 factors.",
)  # fmt: skip
