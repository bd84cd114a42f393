"""Checkpoints, interruptions, early stopping and divergence: the state is whole, or refused."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from sim.bpr import BPRMF, Diverged
from sim.bpr import epoch as training
from sim.core.npz import read_npz, write_npz
from sim.sampling import DNS


@pytest.fixture
def X():
    return sparse.random(23, 31, 0.15, random_state=3, format="csr")


def test_a_run_killed_again_and_again_ends_with_the_same_bits(tmp_path):
    """After the first checkpoint, and at random moments after that."""
    script = (
        "import sys\nfrom scipy import sparse\nfrom sim.bpr import BPRMF\nfrom sim.sampling import DNS\n"
        "X = sparse.random(200, 150, 0.05, random_state=1, format='csr')\n"
        "m = BPRMF(factors=8, sampler=DNS(2, 20), epochs=300, batch_size=128, rng=5)\n"
        "m.fit(X, checkpoint=sys.argv[1], checkpoint_minutes=0)\nm.save(sys.argv[2])\n"
    )
    checkpoint, resumed = (tmp_path / n for n in ("run.npz", "resumed.npz"))
    written, delays = None, np.random.default_rng(0).uniform(0, 0.05, 3)
    for delay in [0.0, *delays]:
        process = subprocess.Popen([sys.executable, "-c", script, checkpoint, resumed])
        limit = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < limit:
            if checkpoint.exists() and checkpoint.stat().st_mtime_ns != written:
                break
            time.sleep(0.001)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL, "the run was over before it could be killed"
        assert not resumed.exists()
        written = checkpoint.stat().st_mtime_ns
    subprocess.run([sys.executable, "-c", script, checkpoint, resumed], check=True)
    X = sparse.random(200, 150, 0.05, random_state=1, format="csr")
    a, b = BPRMF.load(resumed), BPRMF(factors=8, sampler=DNS(2, 20), epochs=300, batch_size=128, rng=5).fit(X)
    assert np.array_equal(a.user_factors, b.user_factors) and np.array_equal(a.item_factors, b.item_factors)
    assert len(a.history_) == len(b.history_) == 300


def test_a_checkpoint_of_another_run_is_refused(X, tmp_path):
    path = tmp_path / "run.npz"
    BPRMF(4, DNS(1, 5), epochs=1, rng=0).fit(X, checkpoint=path)
    with pytest.raises(ValueError, match=r"lr is 0.005 there, 0.5 here"):
        BPRMF(4, DNS(1, 5), epochs=1, lr=0.5, rng=0).fit(X, checkpoint=path)
    whole = path.read_bytes()
    path.write_bytes(whole[:200])
    with pytest.raises(ValueError, match="whole"):
        BPRMF(4, DNS(1, 5), epochs=1, rng=0).fit(X, checkpoint=path)
    path.write_bytes(whole)
    meta, arrays = read_npz(path)
    write_npz(path, {**meta, "identity": {**meta["identity"], "bits": 0}}, arrays)
    with pytest.raises(ValueError, match=r"is of another run: bits is 0 there, \d+ here"):
        BPRMF(4, DNS(1, 5), epochs=1, rng=0).fit(X, checkpoint=path)
    older = {k: v for k, v in meta["identity"].items() if k != "loss"}
    for identity, says in ((older, "loss is unknown there"), ({**meta["identity"], "spin": 1}, "spin is unknown here")):
        write_npz(path, {"kind": "checkpoint", **meta, "identity": identity}, arrays)
        with pytest.raises(ValueError, match=f"of another version or model, {says}: give another path"):
            BPRMF(4, DNS(1, 5), epochs=1, rng=0).fit(X, checkpoint=path)


def test_a_checkpoint_is_written_after_so_many_epochs_or_minutes(X, tmp_path):
    path = tmp_path / "run.npz"
    for pace, expected in (
        ({"checkpoint_epochs": 3}, [0, 0, 0, 3, 3, 3, 6]),
        ({"checkpoint_minutes": 0}, [0, 1, 2, 3, 4, 5, 6]),
        ({}, [0] * 7),
    ):
        seen: list[int] = []

        def look(model: BPRMF, record: dict[str, Any], seen: list[int] = seen) -> None:
            seen.append(read_npz(path)[0]["epoch"] if path.exists() else 0)

        BPRMF(4, DNS(1, 5), epochs=7, rng=0).fit(X, checkpoint=path, callbacks=[look], **pace)
        assert seen == expected and read_npz(path)[0]["epoch"] == 7
        path.unlink()


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


@pytest.mark.parametrize("options", [{}, {"sparse": True}, {"optimizer": "sgd"}, {"pairs_per_pool": 7}], ids=str)
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
        (
            ValueError,
            "checkpoint_epochs must be >= 1, got 0",
            {"checkpoint": tmp_path / "a.npz", "checkpoint_epochs": 0},
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


@pytest.mark.parametrize("options", [{"optimizer": "sgd", "lr": 1e30}, {"lr": 1e30}, {"init_scale": 1e30}], ids=str)
def test_divergence_names_the_epoch(X, options):
    with pytest.raises(Diverged, match=r"epoch \d+: use a smaller lr"), np.errstate(all="ignore"):
        BPRMF(4, DNS(1, 5), epochs=50, rng=0, **options).fit(X)


def test_divergence_leaves_the_last_good_checkpoint(X, tmp_path):
    path = tmp_path / "run.npz"
    model = BPRMF(4, DNS(1, 5), epochs=50, optimizer="sgd", lr=0.1, rng=0)

    def spoil(model: BPRMF, record: dict[str, Any]) -> None:
        if record["epoch"] == 3:
            model._tables["V"][0, 0] = np.nan

    with pytest.raises(Diverged, match="after epoch 4"), np.errstate(all="ignore"):
        model.fit(X, checkpoint=path, checkpoint_epochs=2, callbacks=[spoil])
    meta, arrays = read_npz(path)
    assert meta["epoch"] == 2 and np.isfinite(arrays["V"]).all()


def test_training_on_from_the_best_epoch_forgets_the_later_ones(X):
    model = BPRMF(4, DNS(1, 5), epochs=12, lr=0.3, rng=3)
    valid = sparse.csr_matrix((np.ones(23), (np.arange(23), np.asarray(X.argmin(axis=1)).ravel())), shape=X.shape)
    model.fit(X, valid=valid, evaluate_every=1, metric="ndcg@5")
    best = model._epoch
    assert best < 12 == len(model.history_)  # all are kept to look at
    model.partial_fit(X, epochs=2)
    assert [h["epoch"] for h in model.history_] == [*range(1, best + 3)]
