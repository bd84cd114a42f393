"""The yardstick: its budgets, the published rows, and what the caption says of them."""

from __future__ import annotations

import pandas as pd
import pytest

from sim.studies.tables import yardstick


@pytest.mark.parametrize("profile", yardstick.GRIDS)
def test_the_budget_is_equal(profile):
    for grid in yardstick.GRIDS[profile]:
        assert len({len(m.candidates) * len(m.decays) for m in grid.methods.values()}) == 1
        for method in grid.methods.values():
            names = [str(c) for c in method.candidates]
            assert len(set(names)) == len(names)
        assert grid.metrics == yardstick.METRICS and grid.model["factors"] == 64


def test_published_losses_stand_beside_ours(monkeypatch):
    def trained(grids, paper, options):
        about = {"data": "irb-gowalla", "method": "DNS(M,N)", "setting": "DNS(M=5, N=200)", "trainings": 18}
        values = {"ndcg@20": 0.165, "recall@20": 0.3}
        return pd.DataFrame(
            [about | {"metric": m, "mean": v, "low": v, "high": v, "paper": float("nan"), "far": False}
             for m, v in values.items()]
        )  # fmt: skip

    monkeypatch.setattr(yardstick, "run_grids", trained)
    table = yardstick.run()
    published = table[table["mean"].isna()]
    assert len(published) == 2 * 7 and set(published.method) == set(yardstick.PUBLISHED["irb-gowalla"])
    assert published[(published.method == "SL@20") & (published.metric == "ndcg@20")].paper.tolist() == [0.1709]
    text = yardstick.caption(table)
    assert "NDCG@20: DNS(M,N) 0.1650" in text and "ahead of 6 of 7 published losses (-3.5% to SL@20)" in text
    assert "Recall@20: DNS(M,N) 0.3000" in text and "ahead of 7 of 7 published losses (+41.4% to SL@20)" in text
    panel = yardstick.plot(table).axes[0]
    assert len(panel.get_yticks()) == 8


def test_only_published_data_sets_get_published_rows(monkeypatch):
    row = {"data": "ml-100k", "method": "DNS(M,N)", "setting": "", "trainings": 1, "mean": 0.1, "low": 0.1, "high": 0.1}
    trained = pd.DataFrame([row | {"metric": m, "paper": float("nan"), "far": False} for m in yardstick.METRICS])
    monkeypatch.setattr(yardstick, "run_grids", lambda *args: trained)
    table = yardstick.run()
    assert len(table) == 2
    assert "published losses" not in yardstick.caption(table)
