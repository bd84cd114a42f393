"""What must stay as it was: the bits of trained models, the names of cells, and files of earlier versions.

bits.json, keys.json and files/ were written by the version of 28 November 2026, before the tree was laid out anew.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from sim import sampling as s
from sim.bpr import BPRMF, LightGCN
from sim.runs.cells import Cell, read_result
from sim.runs.store import CellStore
from sim.studies.guideline import grids

HERE = Path(__file__).parent
BITS: dict[str, str] = json.loads((HERE / "bits.json").read_text())
FILES: dict[str, str] = json.loads((HERE / "files/files.json").read_text())

SAMPLERS = [
    s.Uniform(1), s.Uniform(7), s.popularity(0.75, 5), s.DNS(1, 9), s.DNS(3, 12), s.DNS(12, 12), s.Softmax(0.5, 9),
    s.pris(9), s.pris(9, popular=True), s.SoftmaxV(1.0, 12), s.SoftmaxExact(0.5, 12),
    s.TopKOptimal("ndcg", 5, 12, 10, 40),
    s.WARP(40, 1.0, 12), s.AHNS(0.1, 1.0, -2.0, 9), s.AdaSIR(), s.AOBPR(), s.IRGAN(), s.Kernel(), s.NonSampling(),
]  # fmt: skip
STEPS: dict[str, dict[str, Any]] = {
    "adam": {}, "adam-sparse": {"sparse": True}, "sgd": {"optimizer": "sgd"},
    "sgd-sparse": {"optimizer": "sgd", "sparse": True},
}  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {
    "bias": {"item_bias": True}, "norepl": {"replace": False}, "summed": {"sum_negatives": True},
    "inpool": {"exclude_positives": False}, "f64": {"dtype": "float64"}, "d5": {"factors": 5},
}  # fmt: skip
BASE = {"factors": 8, "lr": 0.01, "weight_decay": 0.01, "epochs": 2, "batch_size": 64, "rng": 7}


@pytest.fixture(scope="module")
def pairs() -> sparse.csr_matrix:
    rng = np.random.default_rng(20230430)
    dense = rng.random((70, 50)) < np.linspace(0.05, 0.5, 50)
    dense[:, 0] = True
    return sparse.csr_matrix(dense.astype(np.float64))


def digest(model: BPRMF) -> str:
    found = hashlib.sha256()
    for table in (model.user_factors, model.item_factors):
        found.update(np.ascontiguousarray(table).tobytes())
    return found.hexdigest()[:16]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=str)
def test_bits_of_every_sampler(sampler: s.Sampler, pairs: sparse.csr_matrix) -> None:
    for loss in ("bpr", "hinge", "bce", "llpauc", "infonce", "sampled-softmax", "psl"):
        for name, step in STEPS.items():
            if (key := f"{sampler} {loss} {name}") in BITS:
                found = BPRMF(sampler=sampler, loss=loss, **BASE, **step).fit(pairs)
                assert digest(found) == BITS[key], key
    if (key := f"{sampler} lightgcn") in BITS:
        assert digest(LightGCN(sampler=sampler, layers=2, **BASE).fit(pairs)) == BITS[key]


@pytest.mark.parametrize("name", OTHERS)
def test_bits_of_other_settings(name: str, pairs: sparse.csr_matrix) -> None:
    model = BPRMF(**{"sampler": s.DNS(3, 12), **BASE, **OTHERS[name]}).fit(pairs)
    assert digest(model) == BITS[f"DNS(3,12) {name}"]


def test_every_digest_is_looked_at() -> None:
    names = {str(sampler) for sampler in SAMPLERS}
    for key in BITS:
        told = key.removesuffix(" lightgcn") if key.endswith(" lightgcn") else key.rsplit(" ", 2)[0]
        assert told in names or key.startswith("DNS(3,12)"), key


@pytest.mark.parametrize(
    ("name", "kind"), [("dns", BPRMF), ("adasir", BPRMF), ("lightgcn", LightGCN), ("pris_sgd", BPRMF)]
)
def test_models_of_an_earlier_version_are_read_and_go_on(name: str, kind: Any, pairs: sparse.csr_matrix) -> None:
    model = kind.load(HERE / f"files/model_{name}.npz")
    assert digest(model) == FILES[f"model_{name}"]
    assert digest(model.partial_fit(pairs, epochs=2)) == FILES[f"model_{name}+2"]


def test_checkpoints_of_an_earlier_version_go_on(pairs: sparse.csr_matrix, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    valid = sparse.csr_matrix(((rng.random(pairs.shape) < 0.05) & (pairs.toarray() == 0)).astype(float))
    for name in ("dns", "lightgcn"):
        shutil.copy(HERE / f"files/checkpoint_{name}.npz", tmp_path / name)
    settings = BASE | {"epochs": 4}
    model = BPRMF(sampler=s.DNS(3, 12), **settings)
    model.fit(pairs, valid=valid, metric="ndcg@5", evaluate_every=1, checkpoint=tmp_path / "dns")
    assert digest(model) == FILES["checkpoint_dns"]
    graph = LightGCN(sampler=s.DNS(3, 12), layers=2, **settings).fit(pairs, checkpoint=tmp_path / "lightgcn")
    assert digest(graph) == FILES["checkpoint_lightgcn"]


def test_cells_of_an_earlier_version_are_read(tmp_path: Path) -> None:
    files = [path for path in (HERE / "files").glob("*.npz") if len(path.stem) == 20]
    assert len(files) == 2
    for path in files:
        found = read_result(path)
        cell = Cell.from_config(found.meta["config"])
        assert cell.key == path.stem and found.meta.get("bits") is None
        (tmp_path / "groups.csv").mkdir(exist_ok=True)
        shutil.copy(path, tmp_path / "groups.csv")
    store = CellStore(tmp_path)
    assert len(store.table()) == 4 and not store.damaged


def test_cells_keep_their_names() -> None:
    """A cell's name is that of its file: a plan whose cells are renamed would train all of them again."""
    keys = json.loads((HERE / "keys.json").read_text())

    def name_of(cells: list[Cell]) -> list[Any]:
        found = sorted({cell.key for cell in cells})
        return [len(cells), hashlib.sha256("".join(found).encode()).hexdigest()[:16]]

    for profile, plans in grids.GRIDS.items():
        for grid in plans:
            epochs = grid.model["epochs"]
            for axis, points in grid.points.items():
                samplers = sorted(points, key=grids.nominal)
                decays = grid.fewer.get(axis, grid.decays)
                tuned = len(decays) > 1 or grid.every < epochs
                seeds = range(1, grid.seeds + 1)
                cells = [grids._cell(grid, x, d, epochs, 0, "valid") for x in samplers for d in decays if tuned]
                cells += [grids._cell(grid, x, decays[0], epochs, seed, "test") for x in samplers for seed in seeds]
                assert name_of(cells) == keys[f"guideline {profile} {grid.data} {axis}"]
