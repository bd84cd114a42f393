"""The study R1: its models are Figure 8's, its ROC head is counted right, its words follow its table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from proofs_check import get_claim, run_claim
from sim.bpr import Ranks
from sim.data import FetchError
from sim.studies import Options, make
from sim.studies.guideline import r1 as resolution_law
from sim.studies.guideline.grids import KS


def test_heads_are_trained_as_figure_8_chose(repository: Path) -> None:
    table = pd.read_csv(repository / "figures/F8.csv")
    for head in resolution_law.HEADS["paper"]:
        row = table[(table.data == head.data) & (table.sampler == f"DNS(M={head.M}, N={head.pool})")].iloc[0]
        assert (row.weight_decay, row.epochs) == (head.weight_decay, head.epochs), head.data


def test_roc_head_by_hand() -> None:
    # user 0: ranks 1, 3 and 7 of 9, user 1 none, user 2: rank 6 of 8
    ranks = Ranks(np.array([0, 3, 3, 4]), np.array([1, 3, 7, 6], dtype=np.int32), np.array([9, 9, 8]))
    users, n_neg = resolution_law.roc_head(ranks)
    assert n_neg == pytest.approx((6 + 7) / 2)
    # fewer than K negatives above: 0, 1 and 4 for user 0; 5 for user 2
    assert users[:, KS.index(1)].tolist() == pytest.approx([1 / 3, 0.0])
    assert users[:, KS.index(5)].tolist() == pytest.approx([1.0, 0.0])
    assert users[:, KS.index(10)].tolist() == [1.0, 1.0]


def test_a_power_head_is_recognised() -> None:
    n = 50_000
    found = resolution_law.predict((np.array(KS) / n) ** 0.6, n, 200)
    assert float(found["theta"]) == pytest.approx(0.6)
    fpr = np.array(KS) / n
    np.testing.assert_allclose(found["cut"], (fpr**0.4 - 0.4 * fpr) / 0.6, rtol=1e-9)


def test_kendall_is_scipys() -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        x, y = rng.normal(size=(2, 6))
        tau, p = resolution_law.kendall(x, y)
        other = stats.kendalltau(x, y, method="exact", alternative="greater")
        assert (tau, p) == (pytest.approx(other.statistic), pytest.approx(other.pvalue))


def _table(observed: float, law: float, best: float) -> pd.DataFrame:
    rows = []
    for i in range(6):
        elasticity = {"observed": observed + 0.01 * i, "low": observed - 0.05, "high": observed + 0.05, "law": law}
        ends = {"law_low": law - 0.02, "law_high": law + 0.02, "pool": law, "pool_low": law, "pool_high": law}
        about = {"data": f"d{i}", "metric": "recall", "random": 1.0, "theta": 0.5, "n_neg": 1000, "users": 50}
        rows.append({"quantity": "elasticity", "k": 0, "floor": np.nan, **elasticity, **ends, **about})
        beta = {"observed": best, "low": best, "high": best, "law": 0.1}
        rows.append({"quantity": "beta", "k": 5, "floor": 0.01, **beta, **ends, **about})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("table", "words", "status"),
    [
        (_table(0.5, 0.5, 0.2), "The law predicts", "holds, sharpened"),
        (_table(0.1, 0.5, 0.2), "The law does not predict", "refuted"),
        (_table(0.1, 0.5, 0.05), "0 of 6 best β", "not verified"),
    ],
)
def test_words_and_verdict_follow_the_table(
    table: pd.DataFrame, words: str, status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert words in resolution_law.caption(table)
    table.to_csv(tmp_path / "R1.csv", index=False)
    monkeypatch.setattr("proofs_check.figures.FIGURES", tmp_path)
    result = run_claim(get_claim("R1-trained"))
    if status != "holds, sharpened":  # its mutants need other data to be seen
        assert result.status == status or not all(m.killed for m in result.mutants)
    statement = next(e for e in result.evidence if e.role == "the paper's statement")
    assert statement.passed is (status == "holds, sharpened")


def test_nothing_observed_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resolution_law, "FIGURES", tmp_path)
    with pytest.raises(FetchError, match=r"^figures/G2-trend.csv must be there to compare with"):
        resolution_law.run(Options(profile="smoke", results=tmp_path))
    assert "G2-trend" in make("R1", Options(profile="smoke", results=tmp_path), tmp_path).missing
