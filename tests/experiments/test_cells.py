"""The cell store: skip what is done, keep the bits, survive a kill, never mix configurations."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from sim.experiments import Options
from sim.experiments.cells import Cell, curve, read_cell, run_cells
from sim.sampling import DNS, SoftmaxV


@pytest.fixture(scope="module")
def data_file(tmp_path_factory):
    """A small set with two groups of users, each with its own items."""
    rng = np.random.default_rng(0)
    lines = ["user,item"]
    for u in range(60):
        items = rng.permutation(30)[:12] + 30 * (u % 2)
        lines += [f"{u},{i}" for i in items]
    path = tmp_path_factory.mktemp("data") / "groups.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def cell(data_file):
    return Cell(str(data_file), DNS(3, 10), 7, {"factors": 8, "lr": 0.02, "epochs": 4, "batch_size": 64}, "test", 2)


def test_result_holds_ranks_at_every_kept_epoch(cell, tmp_path):
    (result,) = run_cells([cell], Options(results=tmp_path, jobs=1))
    assert result.meta["epochs"] == [2, 4]
    assert result.ranks.shape[0] == 2
    assert len(result.meta["loss"]) == 4
    assert result.meta["config"] == cell.config()
    values = result.at().top_k([5])["recall@5"]
    assert values.shape == (60,)
    assert np.allclose(next(curve([result], "recall@5"))[-1], values.mean())


def test_done_cells_are_not_computed_again(cell, tmp_path):
    options = Options(results=tmp_path, jobs=1)
    run_cells([cell], options)
    before = cell.path(tmp_path).stat().st_mtime_ns
    run_cells([cell, cell], options)
    assert cell.path(tmp_path).stat().st_mtime_ns == before


def test_processes_and_threads_give_the_same_bits(cell, tmp_path):
    cells = [replace(cell, seed=s) for s in (1, 2, 3)]
    one = run_cells(cells, Options(results=tmp_path / "one", jobs=1))
    two = run_cells(cells, Options(results=tmp_path / "two", jobs=2))
    for a, b in zip(one, two):
        assert np.array_equal(a.ranks, b.ranks)
        assert a.meta["loss"] == b.meta["loss"]
    assert not np.array_equal(one[0].ranks, one[1].ranks)


@pytest.mark.parametrize(
    "change",
    [{"seed": 8}, {"sampler": DNS(2, 10)}, {"sampler": SoftmaxV(1.0, 10)}, {"held_out": "valid"}, {"every": 4},
     {"model": {"epochs": 5}}],
)  # fmt: skip
def test_every_setting_is_in_the_name(cell, change):
    assert replace(cell, **change).key != cell.key


def test_name_does_not_depend_on_spelled_out_defaults(cell):
    assert replace(cell, model={**cell.model, "weight_decay": 0.01}).key == cell.key


def test_config_is_json(cell):
    assert json.loads(json.dumps(cell.config())) == cell.config()


def test_damaged_cell_is_one_clear_error(cell, tmp_path):
    run_cells([cell], Options(results=tmp_path, jobs=1))
    path = cell.path(tmp_path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ValueError, match="whole"):
        read_cell(cell, tmp_path)


def test_killed_sweep_resumes_to_the_same_results(cell, tmp_path):
    cells = [replace(cell, seed=s) for s in range(6)]
    script = (
        "from sim.experiments import Options\nfrom sim.experiments.cells import *\nfrom sim.sampling import DNS\n"
        "from pathlib import Path\n"
        f"cells = [Cell({cell.data!r}, DNS(3, 10), s, {cell.model!r}, 'test', 2) for s in range(6)]\n"
        f"run_cells(cells, Options(results=Path({str(tmp_path / 'killed')!r}), jobs=1))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], start_new_session=True)
    done = tmp_path / "killed" / "groups.csv"
    limit = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < limit and len(list(done.glob("*.npz"))) < 2:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert len([c for c in cells if c.path(tmp_path / "killed").exists()]) >= 2
    resumed = run_cells(cells, Options(results=tmp_path / "killed", jobs=1))
    whole = run_cells(cells, Options(results=tmp_path / "whole", jobs=1))
    for a, b in zip(resumed, whole):
        assert np.array_equal(a.ranks, b.ranks)
