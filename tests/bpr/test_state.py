"""Checkpoints, saved models, early stopping, divergence and misuse of the trainer."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy import sparse

from sim.bpr import BPRMF, Diverged
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


def test_the_best_epoch_is_kept_and_patience_stops():
    rng = np.random.default_rng(0)
    full = sparse.csr_matrix(rng.random((80, 60)) < 0.25, dtype=np.float32)
    held = full.copy()
    held.data[:] = rng.random(full.nnz) < 0.2
    held.eliminate_zeros()
    train = (full - held).tocsr()
    train.eliminate_zeros()
    model = BPRMF(8, DNS(2, 20), lr=0.05, weight_decay=0.0, batch_size=64, epochs=200, rng=0)
    model.fit(train, valid=held, metric="ndcg@5", evaluate_every=1, patience=3)
    values = [h["valid"]["ndcg@5"] for h in model.history_]
    assert len(values) == int(np.argmax(values)) + 1 + 3 < 200
    assert model.evaluate(held, exclude=train, ks=[5])["ndcg@5"] == max(values)


def test_divergence_names_the_epoch(X):
    with pytest.raises(Diverged, match=r"epoch \d+: use a smaller lr"), np.errstate(all="ignore"):
        BPRMF(4, DNS(1, 5), lr=1e30, epochs=50, optimizer="sgd", rng=0).fit(X)


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        (sparse.csr_matrix((3, 4)), "at least one"),
        (sparse.csr_matrix(np.array([[1.0, np.nan]])), "finite"),
        (sparse.csr_matrix(np.array([[1.0, -1.0]])), ">= 0"),
        (np.ones((2, 2)), "sparse"),
    ],
)
def test_bad_data_is_one_line(matrix, says):
    with pytest.raises((ValueError, TypeError), match=says):
        BPRMF(4, DNS(1, 2), rng=0).fit(matrix)


def test_misuse_is_said(X):
    model = BPRMF(4, DNS(1, 5), epochs=1, rng=0)
    with pytest.raises(RuntimeError, match="fit"):
        _ = model.user_factors
    model.fit(X)
    for call, says in (
        (lambda: model.recommend(23, X[0]), "userid"),
        (lambda: model.recommend(0), "user_items"),
        (lambda: model.recommend(0, X[0], N=32), "N must be"),
        (lambda: model.fit(X, valid=X, metric="ndcg"), "metric"),
        (lambda: model.fit(X, patience=2), "valid"),
        (lambda: model.partial_fit(sparse.eye(4, format="csr")), "fitted shape"),
    ):
        with pytest.raises(ValueError, match=says):
            call()
