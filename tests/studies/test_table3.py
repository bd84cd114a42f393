"""Table 3: cells of LightGCN, and what its grids promise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sim.bpr import BPRMF, LightGCN
from sim.runs.cells import Cell
from sim.sampling import DNS
from sim.studies.tables import table3


def test_cells_with_layers_are_of_lightgcn():
    mf, gcn = Cell("ml-100k", DNS(2, 6), 7, {"epochs": 3}), Cell("ml-100k", DNS(2, 6), 7, {"epochs": 3, "layers": 0})
    assert type(mf.build()) is BPRMF and type(gcn.build(1)) is LightGCN
    assert mf.key != gcn.key != replace(gcn, model=gcn.model | {"layers": 1}).key
    assert replace(gcn, model=gcn.model | {"refresh": 1}).key == gcn.key
    assert "layers" not in mf.config()["model"]


@pytest.mark.parametrize("profile", table3.GRIDS)
def test_every_cell_is_of_lightgcn_and_every_row_has_its_number(profile):
    for grid in table3.GRIDS[profile]:
        assert list(grid.methods) == list(table3.PAPER["gowalla"])
        for method in grid.methods.values():
            assert type(grid.cell(method.candidates[0], 0.1, 0).build()) is LightGCN
            assert len(method.candidates) * len(method.decays) == len(grid.methods["BPR"].candidates) * len(
                grid.methods["BPR"].decays
            )
