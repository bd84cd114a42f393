"""Backends: the same bits from processes, threads and a cluster, also when workers are killed; what is not there."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from sim.runs.cells import Cell, compute_cells, read_cell
from sim.runs.parallel import in_parallel
from sim.runs.sweep import expand
from sim.studies import Options

quiet = pytest.mark.filterwarnings(  # of a cluster whose workers are killed, and of sockets that it leaves
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning", "ignore::UserWarning"
)


def grid(data_file: Path, seeds: int, epochs: int) -> list[Cell]:
    sampler = [{"name": "DNS", "M": [1, 3], "N": 10}, {"name": "AdaSIR", "C": 10}]
    model = {"factors": 8, "epochs": epochs, "batch_size": 16}
    return expand({"data": str(data_file), "seed": list(range(seeds)), "model": model, "sampler": sampler})


def same(cells: list[Cell], one: Path, two: Path) -> bool:
    return all(np.array_equal(read_cell(cell, one).ranks, read_cell(cell, two).ranks) for cell in cells)


def test_threads_give_the_same_bits(data_file, tmp_path):
    cells = grid(data_file, 4, 20)
    assert compute_cells(cells, Options(results=tmp_path / "one", jobs=1)) == {}
    assert compute_cells(cells, Options(results=tmp_path / "two", jobs=3, backend="threading")) == {}
    assert same(cells, tmp_path / "one", tmp_path / "two")


def _kill_oneself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_is_one_line(data_file, tmp_path):
    """And the next run starts new ones."""
    options, cells = Options(results=tmp_path, jobs=2), grid(data_file, 2, 2)
    with pytest.raises(ChildProcessError, match="a worker process was killed"):
        list(in_parallel(_kill_oneself, [(), ()], options))
    assert compute_cells(cells, options) == {}


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        yield cluster


@quiet
def test_dask_gives_the_same_bits_though_a_worker_is_killed(cluster, data_file, tmp_path):
    """With SIGKILL, in the midst of the run, while it works on a cell."""
    cells, alone, spread = grid(data_file, 12, 60), tmp_path / "alone", tmp_path / "spread"
    with cluster.get_client() as client:
        before = client.run(os.getpid)
    victim = min(before.values())
    counts = []

    def kill_one() -> None:
        while len(done := list(spread.glob("*/[!.]*.npz"))) < 6:
            time.sleep(0.01)
        os.kill(victim, signal.SIGKILL)
        counts.append(len(done))

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    options = Options(results=spread, backend="dask", scheduler=cluster.scheduler_address)
    assert compute_cells(cells, options) == {}
    killer.join(timeout=30)
    assert 6 <= counts[0] < len(cells) - 6, "killed too late to matter"
    with cluster.get_client() as client:
        assert victim not in client.run(os.getpid).values()
    assert compute_cells(cells, Options(results=alone, jobs=1)) == {}
    assert same(cells, alone, spread)
    assert len(list(spread.glob("*/[!.]*"))) == len(cells)


@quiet
def test_a_task_that_kills_its_workers_is_one_line(cluster):
    options = Options(backend="dask", scheduler=cluster.scheduler_address)
    with pytest.raises(ChildProcessError, match="worker was killed again and again"):
        list(in_parallel(_kill_oneself, [()], options))


@quiet
def test_a_scheduler_that_goes_away(data_file, tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster:
        options = Options(backend="dask", scheduler=cluster.scheduler_address)
        work = in_parallel(time.sleep, [(0.1,), (0.1,), (30.0,)], options)
        next(work)
        cluster.close()
        with pytest.raises(ConnectionError, match="scheduler tcp.* was lost"):
            list(work)


@quiet
def test_dask_starts_its_own_workers(data_file, tmp_path):
    pytest.importorskip("distributed", reason="needs the extra dask")
    cells = grid(data_file, 1, 2)
    assert compute_cells(cells, Options(results=tmp_path, jobs=1, backend="dask")) == {}
    assert all(cell.path(tmp_path).exists() for cell in cells)


@pytest.mark.parametrize(
    "address", ["nowhere", "tcp://127.0.0.1:x", "tcp://127.0.0.1:{closed}", "tcp://127.0.0.1:{mute}"]
)
def test_a_scheduler_that_is_not_there(address, data_file, tmp_path, monkeypatch):
    """One line, within the time limit: a malformed address, a closed port, a server of another kind."""
    pytest.importorskip("distributed", reason="needs the extra dask")
    monkeypatch.setattr("sim.runs.parallel.PATIENCE", 1)
    with socket.create_server(("127.0.0.1", 0)) as mute, socket.create_server(("127.0.0.1", 0)) as closed:
        address = address.format(mute=mute.getsockname()[1], closed=closed.getsockname()[1])
        closed.close()
        start = time.monotonic()
        with pytest.raises(ConnectionError, match=f"scheduler must be a running one, got {address}: ") as error:
            compute_cells(grid(data_file, 1, 2), Options(results=tmp_path, backend="dask", scheduler=address))
    assert time.monotonic() - start < 20
    assert "\n" not in str(error.value)


@quiet
def test_a_scheduler_without_workers(data_file, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed", reason="needs the extra dask")
    monkeypatch.setattr("sim.runs.parallel.PATIENCE", 1)
    with distributed.LocalCluster(n_workers=0, dashboard_address=None) as empty:
        options = Options(results=tmp_path, backend="dask", scheduler=empty.scheduler_address)
        with pytest.raises(ConnectionError, match="scheduler must have a worker, got tcp.*: none in 1 s"):
            compute_cells(grid(data_file, 1, 2), options)


def test_without_dask(data_file, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ValueError, match="backend 'dask' needs more packages: pip install"):
        compute_cells(grid(data_file, 1, 2), Options(results=tmp_path, backend="dask"))


def test_a_scheduler_needs_dask():
    with pytest.raises(ValueError, match="scheduler must be left out for the backend 'loky', got 'tcp://x:1'"):
        Options(scheduler="tcp://x:1")
