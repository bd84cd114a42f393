"""Table 3: cells of LightGCN, the choice on validation, the rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sim.bpr import BPRMF, LightGCN
from sim.data import FetchError
from sim.experiments import Options, table3
from sim.experiments.cells import Cell, curve, run_cells
from sim.sampling import DNS


@pytest.fixture(scope="module")
def options(tmp_path_factory):
    return Options(profile="smoke", jobs=1, results=tmp_path_factory.mktemp("results"))


def test_cells_with_layers_are_of_lightgcn():
    mf, gcn = Cell("ml-100k", DNS(2, 6), 7, {"epochs": 3}), Cell("ml-100k", DNS(2, 6), 7, {"epochs": 3, "layers": 0})
    assert type(mf.build()) is BPRMF and type(gcn.build(1)) is LightGCN
    assert mf.key != gcn.key != replace(gcn, model=gcn.model | {"layers": 1}).key
    assert replace(gcn, model=gcn.model | {"refresh": 1}).key == gcn.key
    assert "layers" not in mf.config()["model"]


def test_rows_are_of_the_best_candidates_on_validation(options):
    plan = replace(table3.PLANS["smoke"][0], methods={"DNS(M,N)": (DNS(1, 40), DNS(20, 40))}, decays=(0.01, 1.0))
    rows = table3.run_plan(plan, options)
    assert [r["metric"] for r in rows] == list(table3.METRICS)
    chosen, best = rows[0], -1.0
    for M, decay in ((1, 0.01), (1, 1.0), (20, 0.01), (20, 1.0)):
        model = plan.model | {"weight_decay": decay}
        results = run_cells([Cell(plan.data, DNS(M, 40), 0, model, "valid", plan.every)], options)
        values = next(curve(results, table3.TUNED_BY))
        if values.max() > best:
            best, wanted = values.max(), (f"DNS(M={M}, N=40)", decay, int(values.argmax()) + 1)
    assert (chosen["sampler"], chosen["weight_decay"], chosen["epochs"]) == wanted
    cells = [
        Cell(plan.data, DNS(int(wanted[0][6:].split(",")[0]), 40), seed, plan.model | {
            "weight_decay": wanted[1], "epochs": wanted[2],
        }, "test", wanted[2])
        for seed in (1, 2)
    ]  # fmt: skip
    means = [float(next(curve([r], "ndcg@50"))[-1]) for r in run_cells(cells, options)]
    assert chosen["mean"] == pytest.approx(np.mean(means), rel=1e-12)
    assert chosen["low"] < min(means) and max(means) < chosen["high"]  # t with one degree of freedom is wide


def test_a_missing_set_is_left_out_and_all_missing_is_the_error(options, monkeypatch):
    plan = table3.PLANS["smoke"][0]
    inner = table3.run_plan

    def some(one, given):
        if one.data == "gowalla":
            raise FetchError("gowalla could not be downloaded (no network)")
        return inner(one, given)

    monkeypatch.setattr(table3, "run_plan", some)
    monkeypatch.setitem(table3.PLANS, "smoke", (replace(plan, data="gowalla"), plan))
    assert set(table3.run(options).data) == {"ml-100k"}
    monkeypatch.setitem(table3.PLANS, "smoke", (replace(plan, data="gowalla"),))
    with pytest.raises(FetchError, match="gowalla"):
        table3.run(options)
