"""The claims: one module per claim or tight family, each with a tuple ``CLAIMS``."""

from __future__ import annotations

ORDER = (
    *("L1", "T1", "T1-pool", "T1-shared", "T1-estimator"),
    *("T2a", "T2b", "T2c", "T2d", "T2e", "T2f", "T2g", "T2h", "T2i", "T2-estimator"),
    *("T3", "T3-sharp", "T3-ndcg", "N1", "C1"),
    *(
        "F3",
        "F6-1",
        "F6-2",
        "F6-3",
        "F6-4",
        "F6-law",
        "F6-law-users",
        "F6-law-models",
        "F6-opt",
        "F6-llpauc",
        "F6-trained",
        "F7",
    ),
    *(
        "AF",
        "S1",
        "S1-pool",
        "S1-soft",
        "S1-nested",
        "S1-floor",
        "S1-regret",
        "D1",
        "L2",
        "Q1",
        "M1",
        "I1",
        "R2",
        "E1",
        "E2",
        "G1",
        "G2",
        "G2-optimal",
        "FN",
        "Fig1",
        "Tab2",
    ),
    *("R1", "R1-trained", "R3", "V1"),
)
"""The order of the ledger, that of the paper."""
