"""The command of a row trains the model of the row."""

from __future__ import annotations

import shlex

import pytest

from sim.cli.main import _parser
from sim.cli.train import model_of
from sim.runs.cells import Cell
from sim.runs.commands import train_command
from sim.sampling import DNS
from sim.studies.tables import table2, table3, yardstick

ROWS = [
    (f"{plan.data}-{name}", plan.cell(candidate, 0.003, 1, 7))
    for module in (table2, table3, yardstick)
    for plan in module.GRIDS["paper"]
    for name, method in plan.methods.items()
    for candidate in method.candidates
]


@pytest.mark.parametrize("cell", [cell for _, cell in ROWS], ids=[f"{i}-{name}" for i, (name, _) in enumerate(ROWS)])
def test_the_command_names_the_samemodel_of(cell: Cell) -> None:
    program, *words = shlex.split(train_command(cell))
    assert program == "hns"
    options = _parser().parse_args(words)
    assert options.data == cell.data
    told, wanted = model_of(options), cell.build()
    assert type(told) is type(wanted)
    assert told.get_params() == wanted.get_params()


def test_only_final_models_have_a_command() -> None:
    with pytest.raises(ValueError, match="cell must be of the test part with nothing hidden"):
        train_command(Cell("ml-100k", DNS(2, 6), 1, held_out="valid"))
