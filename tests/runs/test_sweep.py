"""Sweeps: what a TOML file stands for, what is wrong with it, and that kills and company change nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from sim.cli.main import main
from sim.runs.cells import Cell, compute_cells, read_cell
from sim.runs.sweep import SAMPLERS, expand, read_sweep
from sim.sampling import AHNS, DNS, Uniform, popularity, pris
from sim.sampling.spec import SPECS
from sim.studies import Options

GRID = """
data = "{data}"
seed = [0, 1, 2, 3, 4, 5, 6, 7]
every = 2
[model]
factors = 8
batch_size = 64
lr = [0.01, 0.02]
epochs = 4
[[sampler]]
name = "DNS"
M = [1, 3]
N = 10
[[sampler]]
name = "Uniform"
"""


@pytest.fixture
def grid(data_file: Path, tmp_path: Path) -> Path:
    path = tmp_path / "grid.toml"
    path.write_text(GRID.format(data=data_file))
    return path


def test_grid_is_the_product_of_its_lists(grid, data_file):
    cells = read_sweep(grid)
    assert len(cells) == 8 * 2 * 3
    assert {str(cell.sampler) for cell in cells} == {"DNS(M=1, N=10)", "DNS(M=3, N=10)", "Uniform(N=1)"}
    model = {"factors": 8, "batch_size": 64, "lr": 0.02, "epochs": 4}
    assert Cell(str(data_file), DNS(3, 10), 5, model, "test", 2) in cells


def test_all_samplers_by_name():
    classes = [name for name, spec in SAMPLERS.items() if name not in SPECS or not spec.from_data]
    cells = expand({"data": "ml-100k", "sampler": [{"name": name} for name in classes]})
    assert len(cells) == len({str(cell.sampler) for cell in cells}) == 16  # one sampler may have several names
    assert pris() in [cell.sampler for cell in cells]
    cells = expand({"data": "ml-100k", "sampler": {"name": "popularity", "alpha": [0.5, 1], "N": 3}})
    assert [cell.sampler for cell in cells] == [popularity(0.5, 3), popularity(1.0, 3)]


def test_a_sampler_may_be_spelt():
    table = {"data": "ml-100k", "sampler": [{"name": "DNS", "M": 5, "N": 40}, {"name": "SoftmaxV", "rho": 1, "N": 9}]}
    texts = {"data": "ml-100k", "sampler": ["DNS(5, 40)", "softmax-v(1, 9)"]}
    assert [cell.key for cell in expand(table)] == [cell.key for cell in expand(texts)]
    with pytest.raises(ValueError, match=r"did you mean dns"):
        expand({"data": "ml-100k", "sampler": "dnss(5, 40)"})


def test_whole_numbers_are_the_same_as_floats():
    """So that rho = 1 and rho = 1.0, lr = 1 and lr = 1.0 are one cell."""
    one = {"data": "ml-100k", "hidden": 0, "model": {"weight_decay": 1}, "sampler": {"name": "SoftmaxV", "rho": 1}}
    two = {
        "data": "ml-100k",
        "hidden": 0.0,
        "model": {"weight_decay": 1.0},
        "sampler": {"name": "SoftmaxV", "rho": 1.0},
    }
    assert [cell.key for cell in expand(one)] == [cell.key for cell in expand(two)]


def test_a_sampler_may_have_settings_of_its_own():
    ahns = {"name": "AHNS", "model": {"layers": 2, "epochs": [3, 6]}}
    cells = expand({"data": "ml-100k", "model": {"epochs": 9}, "sampler": [{"name": "Uniform"}, ahns]})
    assert [(c.sampler, c.model) for c in cells] == [
        (Uniform(), {"epochs": 9}), (AHNS(), {"epochs": 3, "layers": 2}), (AHNS(), {"epochs": 6, "layers": 2})
    ]  # fmt: skip


def test_equal_cells_are_one():
    assert len(expand({"data": "ml-100k", "seed": [1, 1], "sampler": [{"name": "pris"}, {"name": "Softmax"}]})) == 1


DNS_TABLE = {"name": "DNS"}


@pytest.mark.parametrize(
    ("grid", "says"),
    [
        ({}, "data must be given"),
        ({"data": "ml-100k"}, "sampler must be given"),
        ({"data": "ml-100k", "sampler": []}, "sampler must have at least one entry, got an empty list"),
        ({"data": "ml-100k", "seed": [], "sampler": DNS_TABLE}, "seed must have at least one entry"),
        ({"data": [], "sampler": DNS_TABLE}, "data must have at least one entry"),
        ({"data": "ml-100k", "sampler": {"name": "DNS", "M": []}}, "DNS: M must have at least one entry"),
        ({"data": "ml-100k", "sampler": 3}, "sampler must be a table, got 3"),
        ({"data": "ml-100k", "sampler": {"M": 3}}, "sampler must have a name"),
        ({"data": "ml-100k", "sampler": {"name": "softmax-w"}}, "got 'softmax-w': did you mean .*softmax-v"),
        ({"data": "ml-100k", "sampler": {"name": "dnss"}}, "did you mean dns"),
        ({"data": "ml-100k", "sampler": {"name": "qqqqqq"}}, "known are uniform"),
        ({"data": "ml-100k", "sampler": {"name": "DNS", "n": 3}}, "DNS: setting must be a known one, got 'n': did you"),
        ({"data": "ml-100k", "sampler": {"name": "NonSampling", "N": 3}}, "NonSampling: setting .* known are none"),
        ({"data": "ml-100k", "sampler": {"name": "DNS", "M": [1, 300]}}, "DNS: M must be <= N, got M=300, N=200"),
        ({"data": "ml-100k", "sampler": {"name": "DNS", "M": "x"}}, "DNS: M must be an integer, got 'x'"),
        ({"data": "ml-100k", "sampler": {"name": "TopKOptimal", "metric": "x"}}, "TopKOptimal: "),
        ({"data": "ml-100K", "sampler": DNS_TABLE}, "data must be .* got 'ml-100K': did you mean ml-100k"),
        ({"data": "nowhere.csv", "sampler": DNS_TABLE}, "data must be a known data set or an existing file"),
        ({"data": [["ml-100k"]], "sampler": DNS_TABLE}, "data must be"),
        ({"data": "ml-100k", "seeds": [1], "sampler": DNS_TABLE}, "setting must be .* got 'seeds': did you mean seed"),
        ({"data": "ml-100k", "seed": 1.5, "sampler": DNS_TABLE}, "seed must be an integer"),
        ({"data": "ml-100k", "held_out": "tests", "sampler": DNS_TABLE}, "held_out must be one of"),
        ({"data": "ml-100k", "model": 3, "sampler": DNS_TABLE}, "model must be a table, got 3"),
        (
            {"data": "ml-100k", "model": {"learning_rate": 1}, "sampler": DNS_TABLE},
            "model: setting must be a known one",
        ),
        ({"data": "ml-100k", "model": {"epoch": 1}, "sampler": DNS_TABLE}, "got 'epoch': did you mean epochs"),
        ({"data": "ml-100k", "model": {"lr": 0}, "sampler": DNS_TABLE}, "model: lr must be in"),
        ({"data": "ml-100k", "model": {"lr": 10**400}, "sampler": DNS_TABLE}, "model: lr must be finite"),
        ({"data": "ml-100k", "model": {"lr": [[0.1]]}, "sampler": DNS_TABLE}, "model: lr must be a number"),
        ({"data": "ml-100k", "model": {"layers": -1}, "sampler": DNS_TABLE}, "model: layers must be >= 0"),
        ({"data": "ml-100k", "model": {"refresh": 2}, "sampler": DNS_TABLE}, "refresh .* layers must be given too"),
        ({"data": "ml-100k", "model": {"loss": "brp"}, "sampler": DNS_TABLE}, "model: loss must be one of"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_a_grid(grid, says):
    with pytest.raises((ValueError, TypeError), match=says) as error:
        expand(grid)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"data = [\n3 4]", "line 2"),
        (b"\xff\xfe", "decode"),
        (b"x = 1\nx = 2\n", "overwrite"),
        (b"", "data must be given"),
    ],
)
def test_what_is_wrong_with_a_file(text, says, tmp_path):
    path = tmp_path / "bad.toml"
    path.write_bytes(text)
    with pytest.raises(ValueError, match=f"bad.toml: .*{says}"):
        read_sweep(path)


@pytest.mark.parametrize(("kind", "says"), [("fifo", "a FIFO"), ("zero", "a device"), ("large", "at most")])
def test_what_is_no_grid_is_not_waited_for(kind, says, tmp_path):
    path = tmp_path / "bad.toml"
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "zero":
        path = Path("/dev/zero")
    else:
        path.write_bytes(b"#" * (1 << 23))
    with pytest.raises(ValueError, match=f"{path}: .*{says}"):
        read_sweep(path)


def test_no_such_file(tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        read_sweep(tmp_path / "none.toml")


SERVER = """
import os, random, signal, sys, time
from pathlib import Path
import joblib, pandas, tqdm  # once, for all children
from sim.data import load
from sim.runs.options import Options
from sim.runs.cells import compute_cells
from sim.runs.sweep import read_sweep

grid, results, kills, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
random.seed(seed)
cells = read_sweep(grid)
load(cells[0].data)

def done():
    return len(list(results.glob("*/[!.]*.npz")))


for _ in range(kills):
    before, child = done(), os.fork()
    if child == 0:
        compute_cells(cells, Options(results=results, jobs=1))
        os._exit(0)
    while done() == before and os.waitpid(child, os.WNOHANG) == (0, 0):
        time.sleep(0.002)
    time.sleep(random.uniform(0.0, 0.1))
    os.kill(child, signal.SIGKILL)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL, "it had finished"
    print(done(), flush=True)
"""


def exported(grid: Path, results: Path) -> str:
    """The store's table as CSV."""
    csv = results.with_suffix(".csv")
    assert (
        main(["results", str(grid), "--results", str(results), "--csv", str(csv), "--metrics", "ndcg@5", "ap@3"]) == 0
    )
    return csv.read_text()


def test_ten_kills_change_nothing(grid, tmp_path):
    """Whole processes, forked from one that has imported everything, killed at random moments of their work."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    run = [sys.executable, "-c", SERVER, str(grid), str(killed), "10", str(random.randrange(10**6))]
    found = subprocess.run(
        run, env=os.environ | {"NUMBA_NUM_THREADS": "1"}, capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, f"{run[-1]}: {found.stderr}"
    counts = [int(line) for line in found.stdout.split()]
    cells = read_sweep(grid)
    assert len(counts) == 10
    assert 10 <= counts[-1] < len(cells)
    for results in (killed, whole):
        assert compute_cells(cells, Options(results=results, jobs=1)) == {}
    assert exported(grid, killed) == exported(grid, whole)
    for cell in cells:
        assert np.array_equal(read_cell(cell, killed).ranks, read_cell(cell, whole).ranks)


@pytest.mark.slow
def test_ten_kills_of_the_command_and_its_processes_change_nothing(grid, tmp_path):
    """The same from the command line with two worker processes: the whole group is killed."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = [sys.executable, "-m", "sim.cli.main", "sweep", str(grid), "--quiet", "--jobs", "2", "--results"]
    for _ in range(10):
        before = len(list(killed.glob("*/[!.]*.npz")))
        process = subprocess.Popen([*command, str(killed)], start_new_session=True)
        while process.poll() is None and len(list(killed.glob("*/[!.]*.npz"))) == before:
            time.sleep(0.002)
        time.sleep(random.uniform(0.0, 0.1))
        os.killpg(process.pid, signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    for results in (killed, whole):
        assert main([*command[3:], str(results)]) == 0
    assert exported(grid, killed) == exported(grid, whole)


def test_two_processes_share_a_folder(grid, tmp_path):
    """Each cell is computed by one of them, and both end when all are done."""
    shared = tmp_path / "shared"
    script = (
        "import sys; from sim.runs import cells as c; from pathlib import Path; real = c._train\n"
        "def train(cell, *rest): print('computed', cell.key, flush=True); return real(cell, *rest)\n"
        "c._train = train\n"
        "from sim.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "sweep", str(grid), "--quiet", "--jobs", "1", "--results", str(shared)]
    pair = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=300)[0] for process in pair]
    assert [process.returncode for process in pair] == [0, 0]
    computed = [line.split()[1] for out in outputs for line in out.splitlines() if line.startswith("computed")]
    cells = read_sweep(grid)
    assert sorted(computed) == sorted(cell.key for cell in cells)
    assert all(f"{len(cells)} done in {shared}" in out for out in outputs)
    assert len(list(shared.glob("*/*"))) == len(cells), "no locks or temporary files are left"
