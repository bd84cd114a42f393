"""Models on disk: whole, or refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from sim.bpr import BPRMF
from sim.core.npz import read_npz, write_npz
from sim.sampling import DNS, SoftmaxV


@pytest.fixture
def X():
    return sparse.random(23, 31, 0.15, random_state=3, format="csr")


def test_save_and_load(X, tmp_path):
    model = BPRMF(4, SoftmaxV(0.5, 9), epochs=2, rng=1).fit(X)
    model.save(tmp_path / "m.npz")
    again = BPRMF.load(tmp_path / "m.npz")
    assert again.sampler == SoftmaxV(0.5, 9)
    assert np.array_equal(again.partial_fit(X).user_factors, model.partial_fit(X).user_factors)
    (tmp_path / "bad.npz").write_bytes(b"not an archive")
    with pytest.raises(ValueError, match="whole"):
        BPRMF.load(tmp_path / "bad.npz")
    with pytest.raises(FileNotFoundError, match="no such file"):
        BPRMF.load(tmp_path / "none.npz")
    with pytest.raises(OSError, match="writable"):
        model.save(tmp_path / "bad.npz" / "m.npz")
    (tmp_path / "plain").touch()
    assert (tmp_path / "m.npz").stat().st_mode == (tmp_path / "plain").stat().st_mode  # no more private than others


@pytest.mark.parametrize("part", ["settings", "sampler_params"])
def test_a_model_of_a_later_version_is_refused(X, tmp_path, part):
    BPRMF(4, DNS(1, 5), epochs=0, rng=1).fit(X).save(tmp_path / "m.npz")
    meta, arrays = read_npz(tmp_path / "m.npz")
    write_npz(tmp_path / "m.npz", meta | {part: meta[part] | {"spin": 1}}, arrays)
    with pytest.raises(ValueError, match=r"path must be a model of this version or an older one, got .*'spin'"):
        BPRMF.load(tmp_path / "m.npz")


def test_a_folder_without_permission_is_said_before_training(X, tmp_path, monkeypatch):
    def refuse(*_: Any) -> None:  # the permissions themselves would not stop root
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("sim.core.files.open", refuse, raising=False)
    model = BPRMF(4, DNS(1, 5), epochs=1, rng=0)
    with pytest.raises(OSError, match=r"path must be writable, got .*run.npz: Permission denied"):
        model.fit(X, checkpoint=tmp_path / "run.npz")
    assert not model.history_


def outcome(path: Path) -> Any:
    """What reading gives: the content, or None if the file is refused as it should be."""
    try:
        meta, arrays = read_npz(path)
    except (ValueError, OSError) as error:
        assert "\n" not in str(error) and str(path) in str(error)
        return None
    return meta, {name: (a.dtype, a.shape, a.tobytes()) for name, a in arrays.items()}


def test_a_damaged_file_is_refused_or_whole(tmp_path):
    """Cut off anywhere, or with any one byte changed: never another model. Some bytes of an archive mean nothing."""
    path = tmp_path / "model.npz"
    arrays = {"U": np.arange(40, dtype=np.float32).reshape(5, 8), "V": np.ones((3, 8), np.float32)}
    write_npz(path, {"kind": "BPRMF", "epoch": 3}, arrays)
    whole, content = path.read_bytes(), outcome(path)
    assert content is not None
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        assert outcome(path) is None, size
    rng, refused = np.random.default_rng(1), 0
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        found = outcome(path)
        assert found is None or found == content, at
        refused += found is None
    data = 4 * (40 + 24)
    assert refused > data  # every byte of the arrays and of their headers, at the least


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"U": np.zeros((23, 16), np.float32)}, r"must hold U as float32 of shape \(23, 8\), got .*\(23, 16\)"),
        ({"mV": np.zeros((1, 8), np.float32)}, r"mV .*got float32 of shape \(1, 8\)"),
        ({"vU": np.zeros((23, 8))}, "vU .*got float64"),
        ({"V": None}, "V|kind"),
    ],
)
def test_a_file_with_other_tables_is_refused(X, tmp_path, change, says):
    model = BPRMF(4, DNS(1, 5), epochs=1, rng=0).fit(X, checkpoint=tmp_path / "run.npz")
    model.save(tmp_path / "model.npz")
    for name in ("run.npz", "model.npz"):
        meta, arrays = read_npz(tmp_path / name)
        arrays = {k: v for k, v in (arrays | change).items() if v is not None}
        write_npz(tmp_path / name, {k: v for k, v in meta.items() if k != "format"}, arrays)
    with pytest.raises(ValueError, match=says):
        BPRMF(4, DNS(1, 5), epochs=1, rng=0).fit(X, checkpoint=tmp_path / "run.npz")
    with pytest.raises(ValueError, match=says):
        BPRMF.load(tmp_path / "model.npz")
