"""Checkpoints, saved models, interruptions, early stopping and divergence: the state is whole, or refused."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from sim.bpr import BPRMF, Diverged
from sim.bpr import _training as training
from sim.bpr._store import read_npz, write_npz
from sim.sampling import DNS, SoftmaxV


@pytest.fixture
def X():
    return sparse.random(23, 31, 0.15, random_state=3, format="csr")


def test_a_killed_run_resumes_to_the_same_bits(tmp_path):
    script = (
        "import sys\nfrom scipy import sparse\nfrom sim.bpr import BPRMF\nfrom sim.sampling import DNS\n"
        "X = sparse.random(200, 150, 0.05, random_state=1, format='csr')\n"
        "m = BPRMF(factors=8, sampler=DNS(2, 20), epochs=600, batch_size=128, rng=5)\n"
        "m.fit(X, checkpoint=sys.argv[1], checkpoint_minutes=0)\nm.save(sys.argv[2])\n"
    )
    checkpoint, whole, resumed = (tmp_path / n for n in ("run.npz", "whole.npz", "resumed.npz"))
    process = subprocess.Popen([sys.executable, "-c", script, checkpoint, resumed])
    limit = time.monotonic() + 120
    while not checkpoint.exists() and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
    assert not resumed.exists()
    for arguments in ([checkpoint, resumed], [tmp_path / "other.npz", whole]):
        subprocess.run([sys.executable, "-c", script, *arguments], check=True)
    a, b = BPRMF.load(resumed), BPRMF.load(whole)
    assert np.array_equal(a.user_factors, b.user_factors) and np.array_equal(a.item_factors, b.item_factors)
    assert len(a.history_) == len(b.history_) == 600


def test_a_checkpoint_of_another_run_is_refused(X, tmp_path):
    path = tmp_path / "run.npz"
    BPRMF(4, DNS(1, 5), epochs=1, rng=0).fit(X, checkpoint=path)
    with pytest.raises(ValueError, match=r"lr is 0.001 there, 0.5 here"):
        BPRMF(4, DNS(1, 5), epochs=1, lr=0.5, rng=0).fit(X, checkpoint=path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="whole"):
        BPRMF(4, DNS(1, 5), epochs=1, rng=0).fit(X, checkpoint=path)


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


def split_pairs() -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
    rng = np.random.default_rng(0)
    cells = rng.random((80, 60))
    return sparse.csr_matrix(cells < 0.2, dtype=np.float32), sparse.csr_matrix(cells > 0.95, dtype=np.float32)


def same_state(a: BPRMF, b: BPRMF) -> None:
    assert a._epoch == b._epoch and a._batch == b._batch
    for name in training.TABLES:
        assert a._tables[name].tobytes() == b._tables[name].tobytes(), name


EARLY: dict[str, Any] = {"lr": 0.05, "weight_decay": 0.0, "batch_size": 64, "rng": 0}


def test_the_best_state_is_kept_and_patience_stops():
    train, held = split_pairs()
    model = BPRMF(8, DNS(2, 20), epochs=200, **EARLY)
    model.fit(train, valid=held, metric="ndcg@5", evaluate_every=1, patience=3)
    values = [h["valid"]["ndcg@5"] for h in model.history_]
    best = int(np.argmax(values)) + 1
    assert len(values) == best + 3 < 200
    assert model.evaluate(held, exclude=train, ks=[5])["ndcg@5"] == max(values)
    # the optimiser is that of the best epoch too: going on is as if the run had ended there
    same_state(model.partial_fit(train, epochs=2), BPRMF(8, DNS(2, 20), epochs=best + 2, **EARLY).fit(train))


def test_a_run_with_validation_resumes_to_the_same_bits(tmp_path):
    train, held = split_pairs()
    watch = {"valid": held, "metric": "recall@5", "evaluate_every": 2, "patience": 30}

    def stop_at(epoch: int) -> Any:
        return lambda model, record: record["epoch"] == epoch

    for cut in (1, 9):
        path = tmp_path / f"{cut}.npz"
        whole = BPRMF(8, DNS(2, 20), epochs=20, **EARLY).fit(train, **watch)
        BPRMF(8, DNS(2, 20), epochs=20, **EARLY).fit(train, checkpoint=path, callbacks=[stop_at(cut)], **watch)
        resumed = BPRMF(8, DNS(2, 20), epochs=20, **EARLY).fit(train, checkpoint=path, **watch)
        same_state(resumed, whole)
        assert [h.get("valid") for h in resumed.history_] == [h.get("valid") for h in whole.history_]


def raise_in_batch(monkeypatch: pytest.MonkeyPatch, number: int, times: int = 1) -> None:
    """Send this process SIGINT as Ctrl-C does, just after the ``number``-th batch of the next epochs."""
    count = iter(range(1, 10**9))

    class Epoch(training.Epoch):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args)
            inner = self.loop

            def loop(first: int, last: int, *rest: Any) -> float:
                total = inner(first, last, *rest)
                if next(count) == number:
                    for _ in range(times):
                        signal.raise_signal(signal.SIGINT)
                return total

            self.loop = loop

    monkeypatch.setattr(training, "_SLICE_SECONDS", 0.0)  # slices of one batch
    monkeypatch.setattr("sim.bpr.model.Epoch", Epoch)


@pytest.mark.parametrize("options", [{}, {"sparse": True}, {"optimizer": "sgd"}], ids=str)
@pytest.mark.parametrize("number", [1, 7, 8, 9])  # 4 batches an epoch: in the midst of epochs and at the end of one
def test_after_ctrl_c_training_goes_on_to_the_same_bits(X, tmp_path, monkeypatch, number, options):
    options = {"epochs": 5, "batch_size": 30, "rng": 3, "weight_decay": 0.1} | options
    whole = BPRMF(4, DNS(1, 5), **options).fit(X)
    assert -(-X.nnz // 30) == 4
    stopped, path = BPRMF(4, DNS(1, 5), **options), tmp_path / "run.npz"
    with monkeypatch.context() as patch:
        raise_in_batch(patch, number)
        with pytest.raises(KeyboardInterrupt, match=rf"epoch {number // 4 + 1} after {number % 4} batches"):
            stopped.fit(X, checkpoint=path)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert len(stopped.history_) == stopped._epoch == number // 4
    stopped.save(tmp_path / "model.npz")
    loaded = BPRMF.load(tmp_path / "model.npz")
    resumed = BPRMF(4, DNS(1, 5), **options).fit(X, checkpoint=path)
    for model in (
        stopped.partial_fit(X, epochs=5 - number // 4),
        loaded.partial_fit(X, epochs=5 - number // 4),
        resumed,
    ):
        same_state(model, whole)
        np.testing.assert_allclose([h["loss"] for h in model.history_], [h["loss"] for h in whole.history_])


def test_an_interrupted_epoch_is_not_finished_on_other_pairs(X, monkeypatch):
    model = BPRMF(4, DNS(1, 5), epochs=3, batch_size=30, rng=3)
    with monkeypatch.context() as patch:
        raise_in_batch(patch, 2)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X)
    other = X[::-1]
    with pytest.raises(ValueError, match="interrupted epoch"):
        model.partial_fit(other)
    model.fit(other)  # a new start is a new start
    assert model._epoch == 3


def test_a_second_ctrl_c_drops_half_a_step(X, monkeypatch):
    model = BPRMF(4, DNS(1, 5), epochs=3, batch_size=30, rng=3)
    raise_in_batch(monkeypatch, 2, times=2)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X)
    with pytest.raises(RuntimeError, match="not fitted"):
        model.recommend(0, X[0])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_in_the_last_epoch_or_a_callback_is_not_swallowed(X):
    done = BPRMF(4, DNS(1, 5), epochs=2, rng=3)

    def press(model: BPRMF, record: dict[str, Any]) -> None:
        if record["epoch"] == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        done.fit(X, callbacks=[press])
    same_state(done, BPRMF(4, DNS(1, 5), epochs=2, rng=3).fit(X))


def test_an_error_in_a_callback_leaves_whole_epochs(X):
    model = BPRMF(4, DNS(1, 5), epochs=5, rng=3)

    def fail(model: BPRMF, record: dict[str, Any]) -> None:
        if record["epoch"] == 2:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        model.fit(X, callbacks=[fail])
    same_state(model.partial_fit(X, epochs=3), BPRMF(4, DNS(1, 5), epochs=5, rng=3).fit(X))


def test_a_checkpoint_of_another_validation_is_refused(X, tmp_path):
    train, held = split_pairs()
    path = tmp_path / "run.npz"
    watch: dict[str, Any] = {"valid": held, "metric": "ndcg@5", "evaluate_every": 2, "patience": 9}

    def model(epochs: int) -> BPRMF:
        return BPRMF(8, DNS(2, 20), epochs=epochs, **EARLY)

    model(3).fit(train, checkpoint=path, **watch)
    before = path.read_bytes()
    for change, says in (
        ({"metric": "ndcg@6"}, "metric is 'ndcg@5' there, 'ndcg@6' here"),
        ({"evaluate_every": 1}, "evaluate_every"),
        ({"patience": 8}, "patience"),
        ({"valid": None, "patience": None}, "valid is"),
        ({"valid": held[::-1]}, "valid|pairs of user_items"),
    ):
        with pytest.raises(ValueError, match=says):
            model(3).fit(train, checkpoint=path, **(watch | change))
    with pytest.raises(ValueError, match=r"epochs must be >= 3, done in checkpoint .*, got 2"):
        model(2).fit(train, checkpoint=path, **watch)
    with pytest.raises(ValueError, match="epochs must be 3 .* not at a multiple of evaluate_every = 2, got 6"):
        model(6).fit(train, checkpoint=path, **watch)
    assert path.read_bytes() == before


@pytest.mark.parametrize("watched", [True, False])
def test_a_finished_run_goes_on_when_epochs_grow(tmp_path, watched):
    train, held = split_pairs()
    watch: dict[str, Any] = {"valid": held, "evaluate_every": 2} if watched else {}
    path = tmp_path / "run.npz"
    BPRMF(8, DNS(2, 20), epochs=4, **EARLY).fit(train, checkpoint=path, **watch)
    grown = BPRMF(8, DNS(2, 20), epochs=7, **EARLY).fit(train, checkpoint=path, **watch)
    same_state(grown, BPRMF(8, DNS(2, 20), epochs=7, **EARLY).fit(train, **watch))
    assert len(grown.history_) == 7


def test_what_cannot_work_is_said_before_training(X, tmp_path):
    """And leaves the fitted model, and what lies on disk, as they were."""
    model = BPRMF(4, DNS(1, 5), epochs=2, rng=0).fit(X)
    before, seen = {name: table.copy() for name, table in model._tables.items()}, []
    (tmp_path / "file").write_text("")
    (tmp_path / "torn.npz").write_bytes(b"PK")
    model.save(tmp_path / "model.npz")
    other = X.T.tocsr()
    for error, says, options in (
        (
            OSError,
            "path must be writable, got .*: Not a directory|File exists",
            {"checkpoint": tmp_path / "file" / "a.npz"},
        ),
        (OSError, "path must be writable, got .*: it is a folder", {"checkpoint": tmp_path}),
        (ValueError, "whole model or checkpoint", {"checkpoint": tmp_path / "torn.npz"}),
        (
            ValueError,
            "checkpoint must be a file of a run, got .*: kind 'BPRMF'",
            {"checkpoint": tmp_path / "model.npz"},
        ),
        (
            ValueError,
            r"checkpoint_minutes must be in \[0, inf\)",
            {"checkpoint": tmp_path / "a.npz", "checkpoint_minutes": -1},
        ),
        (ValueError, r"valid must have shape \(23, 31\), got \(31, 23\)", {"valid": other}),
        (ValueError, "valid must not contain pairs of user_items", {"valid": X}),
        (ValueError, "valid must have at least one", {"valid": sparse.csr_matrix(X.shape)}),
        (TypeError, "valid must be a scipy sparse matrix", {"valid": X.toarray()}),
        (ValueError, "metric must look like", {"metric": "ndcg"}),
        (ValueError, "metric must look like", {"metric": "auc@5"}),
        (ValueError, "metric's K must be >= 1", {"metric": "ndcg@0"}),
        (ValueError, "evaluate_every must be >= 1", {"evaluate_every": 0}),
        (ValueError, "valid must be given", {"patience": 2}),
        (TypeError, "callbacks must be callable, got 3", {"callbacks": [3]}),
    ):
        options = {"callbacks": [lambda m, r: seen.append(r)]} | options
        with pytest.raises(error, match=says):
            model.fit(X, **options)
    assert not seen and all(np.array_equal(model._tables[name], before[name]) for name in before)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "model.npz", "torn.npz"]
    BPRMF(4, DNS(1, 5), epochs=1, rng=0).fit(X, checkpoint=tmp_path / "new" / "run.npz")
    with pytest.raises(ValueError, match="path must be a saved BPRMF, got .*: kind 'checkpoint'"):
        BPRMF.load(tmp_path / "new" / "run.npz")


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


def test_a_damaged_checkpoint_or_model_never_trains_on(X, tmp_path):
    path, model = tmp_path / "run.npz", BPRMF(4, DNS(1, 5), epochs=1, rng=0)
    model.fit(X, checkpoint=path)
    whole, rng = path.read_bytes(), np.random.default_rng(2)
    for at in rng.integers(0, len(whole), 60):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ (1 << int(rng.integers(8)))]) + whole[at + 1 :]):
            path.write_bytes(damaged)
            try:
                again = BPRMF(4, DNS(1, 5), epochs=1, rng=0).fit(X, checkpoint=path)
            except (ValueError, OSError) as error:
                assert "\n" not in str(error)
            else:
                same_state(again, model)


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


def test_divergence_names_the_epoch(X):
    with pytest.raises(Diverged, match=r"epoch \d+: use a smaller lr"), np.errstate(all="ignore"):
        BPRMF(4, DNS(1, 5), lr=1e30, epochs=50, optimizer="sgd", rng=0).fit(X)
