"""G1 and G2: the guidelines, as far as training runs show them; the runs are read from the figures' tables.

Tables are the CSV files of ``figures/`` with the columns data, hardness (M/N), metric, k, mean, low, high (95%
interval) and seeds. Rows with fewer than three seeds are left out, and so is the popularity ranking (hardness 0).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sim.rankings import exact_correlation

from .._model import Claim, Kind, Mutant, Status, Verdict, check
from .._tally import NothingToTest, Tally

FIGURES = Path(__file__).resolve().parents[2] / "figures"
COLUMNS = ("data", "hardness", "metric", "k", "mean", "low", "high", "seeds")
MIN_SEEDS = 3

Curves = dict[tuple[str, str, int], Any]
"""(data, metric, K) -> array of rows (hardness, mean, low, high), hardest first."""


def _tables() -> Curves:
    import pandas as pd

    curves: Curves = {}
    for path in sorted(FIGURES.glob("*.csv")):
        table = pd.read_csv(path)
        if not set(COLUMNS) <= set(table.columns):
            continue
        table = table[(table["hardness"] > 0) & (table["seeds"] >= MIN_SEEDS)]
        for (data, metric, k), rows in table.groupby(["data", "metric", "k"]):
            values = rows.sort_values("hardness")[["hardness", "mean", "low", "high"]].to_numpy(dtype=float)
            if len(values) >= 3:
                curves[str(data), str(metric), int(k)] = values
    if not curves:
        raise NothingToTest("see experiments: no table with three or more seeds in figures/ yet")
    return curves


def _planted(ks: tuple[int, ...] = (5, 20, 50), flat: bool = False) -> Curves:
    """Curves whose truth is known: exact correlations under random rankings (the peak moves with K), or flat ones."""
    at = np.array([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 800])
    curves: Curves = {}
    for metric in ("recall", "ndcg"):
        for k in ks:
            mean = np.full(at.size, 0.5) + 1e-4 * np.sin(at) if flat else exact_correlation(200, 800, metric, k)[at - 1]
            curves["planted", metric, k] = np.stack([at / 800, mean, mean - 0.005, mean + 0.005], axis=1)
    return curves


def _peak(rows: Any) -> int:
    return int(np.argmax(rows[:, 1]))


def _beats(rows: Any, one: int, two: int) -> bool:
    """The interval of the first level lies above that of the second."""
    return bool(rows[one, 2] > rows[two, 3])


def _controllable(curves: Curves, peak: Any, beats: Any) -> tuple[int, int]:
    """Number of curves whose best level beats the hardest and uniform sampling, and number of curves."""
    good = 0
    for rows in curves.values():
        best = peak(rows)
        good += all(beats(rows, best, end) for end in (0, len(rows) - 1) if end != best)
    return good, len(curves)


def _moves(curves: Curves, peak: Any) -> dict[tuple[str, str], list[float]]:
    """Hardness at the peak by rising K, for every (data, metric) with three or more K."""
    found: dict[tuple[str, str], list[float]] = {}
    for data, metric, k in sorted(curves, key=lambda key: key[2]):
        rows = curves[data, metric, k]
        found.setdefault((data, metric), []).append(float(rows[peak(rows), 0]))
    return {key: values for key, values in found.items() if len(values) >= 3}


def _rises(values: list[float]) -> bool:
    return values[-1] > values[0] and bool(np.all(np.diff(values) >= 0))


@check("the analysis on curves of known truth: finds the effect in exact curves, none in flat ones", Kind.NUMERICAL)
def _calibrated_g1(p: Any, t: Tally) -> None:
    good, total = _controllable(_planted(), p.peak, p.beats)
    t.holds(good == total, f"exact curves: {good} of {total}")
    good, total = _controllable(_planted(flat=True), p.peak, p.beats)
    t.holds(good == 0, f"flat curves: {good} of {total}")


@check(
    "training runs: the best M/N beats uniform and the hardest sampling in most curves, intervals apart",
    Kind.EXPERIMENT,
)
def _experiment_g1(p: Any, t: Tally) -> None:
    curves = _tables()
    good, total = _controllable(curves, p.peak, p.beats)
    t.note(f"{good} of {total} curves (data, metric, K)")
    t.holds(2 * good > total, f"{good} of {total} curves", total)


@check("the analysis on curves of known truth: peaks that move with K, and peaks that do not", Kind.NUMERICAL)
def _calibrated_g2(p: Any, t: Tally) -> None:
    for (_, metric), values in _moves(_planted(), p.peak).items():
        t.holds(p.rises(values), f"exact curves, {metric}: {values}")
    for (_, metric), values in _moves(_planted((20, 21, 22)), p.peak).items():
        t.holds(not p.rises(values), f"the same peak, {metric}: {values}")


@check("training runs: the hardness at the peak rises with K for every data set and metric", Kind.EXPERIMENT)
def _experiment_g2(p: Any, t: Tally) -> None:
    moves = _moves(_tables(), p.peak)
    for (data, metric), values in moves.items():
        t.note(f"{data}, {metric}: M/N at the peak by rising K: {', '.join(f'{v:g}' for v in values)}")
        t.holds(p.rises(values), f"{data}, {metric}: {values}")


G1 = Claim(
    id="G1",
    title="Guideline 1: hardness must be controllable",
    where="Section on guidelines; Figs. 8 to 10",
    statement="The best hardness of sampling lies between uniform and the hardest and depends on data and metric.",
    latex=r"\max_M\,metric(M)\ >\ metric(N),\ metric(1)",
    domain="Training runs; see experiments.",
    verdict=Verdict(
        Status.OPEN,
        "See experiments. Theory says why both ends lose: AUC is the wrong target (F6-1), and below a "
        "level set by label noise the surrogate teaches nothing (S1).",
    ),
    checks=(_calibrated_g1, _experiment_g1),
    parts={"peak": _peak, "beats": _beats},
    mutants=(
        Mutant("uniform sampling is best", {"peak": lambda rows: len(rows) - 1}),
        Mutant("any difference counts, however small", {"beats": lambda rows, one, two: rows[one, 1] >= rows[two, 1]}),
    ),
)

G2 = Claim(
    id="G2",
    title="Guideline 2: the smaller K, the harder the negatives",
    where="Section on guidelines; Figs. 8 to 11",
    statement="The smaller the K of the Top-K metric, the harder the negatives at which training does best.",
    latex=r"K\le K'\Rightarrow M^*(K)\le M^*(K')",
    domain="Training runs; see experiments. The theoretical half is C1 and F6-3.",
    verdict=Verdict(
        Status.OPEN, "See experiments. For random rankings it holds exactly at every size tested (C1, F6-3)."
    ),
    checks=(_calibrated_g2, _experiment_g2),
    parts={"peak": _peak, "rises": _rises},
    mutants=(
        Mutant("the peak does not depend on K", {"peak": lambda rows: len(rows) // 2}),
        Mutant("the larger K, the harder", {"rises": lambda values: _rises(values[::-1])}),
        Mutant("peak taken at the minimum", {"peak": lambda rows: int(np.argmin(rows[:, 1]))}),
        Mutant("equal peaks count as rising", {"rises": lambda values: bool(np.all(np.diff(values) >= 0))}),
    ),
)

CLAIMS = (G1, G2)
