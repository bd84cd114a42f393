"""What a user touches: parameters, callbacks, bad input, processes and threads, own samplers, quality on real data."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import pytest
from scipy import sparse

from sim import data
from sim.bpr import BPRMF, LightGCN, paper_settings, rank_positives
from sim.core.jit import MAX_THREADS
from sim.sampling import DNS, NonSampling, Sampler, SoftmaxV, Uniform, popularity


@pytest.fixture
def X() -> sparse.csr_matrix:
    return sparse.random(23, 31, 0.15, random_state=3, format="csr")


def same_bits(a: BPRMF, b: BPRMF) -> None:
    assert a.user_factors.tobytes() == b.user_factors.tobytes()
    assert a.item_factors.tobytes() == b.item_factors.tobytes()


# -- parameters and callbacks -----------------------------------------------------------------------------------------


def test_parameters_go_round() -> None:
    model = BPRMF(7, SoftmaxV(0.3, 9), lr=0.5, optimizer="sgd", rng=4, n_threads=1)
    twin = BPRMF(**model.get_params())
    assert twin.get_params() == model.get_params() and twin.seed_ == model.seed_ == 4
    assert model.set_params(factors=3, rng=5).get_params() == {**twin.get_params(), "factors": 3, "rng": 5}
    with pytest.raises(ValueError, match="parameters must be among .*, got dimension, f"):
        model.set_params(f=1, dimension=2)
    shown = "factors=3, sampler=SoftmaxV(rho=0.3, N=9), lr=0.5, optimizer='sgd', rng=5, n_threads=1"
    assert repr(model) == f"BPRMF({shown})"  # what is not at its default
    assert repr(BPRMF()) == "BPRMF()"


def test_bad_values_leave_the_model_as_it_was(X: sparse.csr_matrix) -> None:
    model = BPRMF(4, DNS(1, 5), epochs=1, rng=0).fit(X)
    before = model.get_params()
    for bad in ({"n_threads": 0}, {"rng": -1}, {"batch_size": 0}):
        with pytest.raises(ValueError, match="must be"):
            model.set_params(factors=8, **bad)
    assert model.get_params() == before and model.item_factors.shape == (31, 4)


@pytest.mark.parametrize(
    ("sampler", "options", "says"),
    [
        (NonSampling(), {"loss": "hinge"}, "loss must be 'bpr' for training without sampling"),
        (popularity(400.0, 3), {}, "must give weights of a positive, finite sum"),
        (Uniform(1 << 28), {}, "batch_size must be <= 7 for"),
    ],
    ids=str,
)
def test_what_cannot_be_trained_is_refused_before_the_factors_are_made(
    sampler: Sampler, options: dict[str, Any], says: str, X: sparse.csr_matrix
) -> None:
    model = BPRMF(4, sampler, rng=0, **options)
    heavy = sparse.vstack([X] * 40, format="csr")
    with pytest.raises(ValueError, match=says):
        model.fit(heavy)
    with pytest.raises(RuntimeError, match="not fitted"):
        _ = model.user_factors


@pytest.mark.parametrize("kind", [BPRMF, LightGCN])
def test_clones_of_scikit_learn_train_to_the_same_bits(kind: type[BPRMF], X: sparse.csr_matrix) -> None:
    clone = pytest.importorskip("sklearn.base").clone
    model = kind(4, SoftmaxV(0.5, 9), epochs=2, rng=3).fit(X)
    twin = clone(model)
    assert not twin.history_ and twin.get_params() == model.get_params()
    same_bits(twin.fit(X), model)


def test_the_published_settings() -> None:
    for name, pool in (("gowalla", 200), ("yelp", 200), ("amazon-book", 500)):
        params = BPRMF(**paper_settings(name)).get_params()
        known = {"rng": None, "n_threads": None, "sampler": DNS(2, pool), "factors": 32, "lr": 0.001, "epochs": 200}
        known |= {"weight_decay": 0.01, "batch_size": 4096, "exclude_positives": False, "replace": True}
        known |= {"sum_negatives": True, "lr_decay": 0.95, "lr_decay_every": 5, "init_scale": 0.1}
        known |= {"dtype": "float32", "optimizer": "adam", "sparse": False, "item_bias": False, "loss": "bpr"}
        assert {k: v for k, v in params.items() if k in known} == known
    with pytest.raises(ValueError, match="dataset must be one of 'gowalla', 'yelp', 'amazon-book', got 'ml-100k'"):
        paper_settings("ml-100k")


def test_progress_shows_loss_and_speed(X: sparse.csr_matrix, capsys: pytest.CaptureFixture[str]) -> None:
    model = BPRMF(4, DNS(1, 5), epochs=2, rng=0).fit(X, progress=True)
    shown = capsys.readouterr().err
    assert f"epoch=2, loss={model.history_[-1]['loss']:.4f}" in shown and "pair/s" in shown and "100%" in shown
    model.partial_fit(X)
    assert capsys.readouterr().err == ""


def test_callbacks_see_every_epoch_and_may_stop(X: sparse.csr_matrix) -> None:
    seen: list[dict[str, Any]] = []

    def keep(model: BPRMF, record: dict[str, Any]) -> None:
        assert model.user_factors.shape == (23, 4) and model.history_[-1] is record
        seen.append(record)

    def stop(model: BPRMF, record: dict[str, Any]) -> bool:
        return record["epoch"] == 3

    held = sparse.csr_matrix((X.toarray() == 0) & (np.arange(31) < 2), dtype=np.float32)
    model = BPRMF(4, DNS(1, 5), epochs=9, rng=0)
    model.fit(X, valid=held, evaluate_every=2, callbacks=(c for c in (stop, keep)))  # stop must not hide the epoch
    assert [r["epoch"] for r in seen] == [1, 2, 3] == [r["epoch"] for r in model.history_]
    assert [("valid" in r) for r in seen] == [False, True, False]
    assert all(r["loss"] > 0 and r["seconds"] >= 0 for r in seen)


def test_warm_start_goes_on_where_fit_ended(X: sparse.csr_matrix) -> None:
    whole = BPRMF(4, DNS(1, 5), epochs=4, batch_size=20, rng=0).fit(X)
    parts = BPRMF(4, DNS(1, 5), epochs=1, batch_size=20, rng=0).fit(X).partial_fit(X, epochs=0)
    same_bits(parts.partial_fit(X, epochs=2).partial_fit(X), whole)
    same_bits(BPRMF(4, DNS(1, 5), epochs=4, batch_size=20, rng=0).partial_fit(X, epochs=4), whole)
    assert [h["epoch"] for h in parts.history_] == [1, 2, 3, 4]
    held = sparse.csr_matrix((X.toarray() == 0) & (np.arange(31) < 9))
    whole.fit(X, ignore=held)
    same_bits(parts.set_params(epochs=1).fit(X, ignore=held).partial_fit(X, ignore=held, epochs=3), whole)


# -- bad input --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("matrix", "says"),
    [
        (sparse.csr_matrix((3, 4)), "at least one observed pair, got none in shape"),
        (sparse.csr_matrix((0, 4)), "at least one"),
        (sparse.csr_matrix((3, 0)), "at least one"),
        (sparse.csr_matrix(([0.0], ([0], [0])), shape=(2, 2)), "at least one"),
        (sparse.csr_matrix(np.array([[1.0, np.nan]])), "finite"),
        (sparse.csr_matrix(np.array([[1.0, np.inf]])), "finite"),
        (sparse.csr_matrix(np.array([[1.0, -1.0]])), ">= 0"),
        (sparse.csr_matrix(np.array([[1.0, 1j]])), "real"),
        (np.ones((2, 2)), "sparse"),
        (None, "sparse"),
    ],
)
def test_bad_data_is_one_line(matrix: Any, says: str) -> None:
    model = BPRMF(4, DNS(1, 2), rng=0)
    for call in (model.fit, model.partial_fit):
        with pytest.raises((ValueError, TypeError), match=says) as error:
            call(matrix)
        assert "user_items" in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"factors": 0}, "factors must be >= 1, got 0"),
        ({"factors": 2.5}, "factors must be an integer"),
        ({"batch_size": 0}, "batch_size must be >= 1, got 0"),
        ({"epochs": -1}, "epochs must be >= 0, got -1"),
        ({"lr": 0.0}, r"lr must be in \(0, inf\)"),
        ({"lr": np.nan}, "lr must be finite"),
        ({"weight_decay": -0.1}, "weight_decay must be in"),
        ({"lr_decay": 1.5}, "lr_decay must be in"),
        ({"lr_decay_every": 0}, "lr_decay_every must be >= 1"),
        ({"init_scale": -1.0}, "init_scale must be in"),
        ({"dtype": "float16"}, "dtype must be one of 'float32', 'float64', got 'float16'"),
        ({"optimizer": "lbfgs"}, "optimizer must be one of 'adam'"),
        ({"replace": "no"}, "replace must be one of True, False"),
        ({"n_threads": 0}, "n_threads must be >= 1, got 0"),
        ({"n_threads": -1}, "n_threads must be >= 1, got -1"),
        ({"rng": -1}, "rng"),
        ({"rng": 0.5}, "rng"),
        ({"sampler": "DNS"}, "sampler must be a Sampler such as"),
    ],
)
def test_bad_parameters_are_one_line(options: dict[str, Any], says: str) -> None:
    with pytest.raises((ValueError, TypeError), match=says) as error:
        BPRMF(**options)
    assert "\n" not in str(error.value)


def test_misuse_is_said(X: sparse.csr_matrix) -> None:
    model = BPRMF(4, DNS(1, 5), epochs=1, rng=0)
    for call in (lambda: model.user_factors, lambda: model.recommend(0, X[0]), lambda: model.similar_items(0)):
        with pytest.raises(RuntimeError, match="not fitted: call fit first"):
            call()
    model.fit(X)
    for call, says in (
        (lambda: model.recommend(23, X[0]), r"userid must be in 0..22, got 23..23"),
        (lambda: model.recommend(-1, X[0]), "userid"),
        (lambda: model.recommend(0), "user_items must be given"),
        (lambda: model.recommend(0, X[0], N=32), "N must be in 1..31, got 32"),
        (lambda: model.recommend(0, X[0], N=0), "N must be"),
        (lambda: model.similar_items(31), "itemid must be in 0..30, got 31"),
        (lambda: model.similar_items(0, N=32), "N must be"),
        (lambda: model.partial_fit(sparse.eye(4, format="csr")), r"fitted shape \(23, 31\), got \(4, 4\)"),
        (lambda: model.partial_fit(X, epochs=-1), "epochs must be >= 0"),
        (lambda: model.evaluate(X, exclude=X), "test must not contain excluded"),
    ):
        with pytest.raises(ValueError, match=says):
            call()
    for users in (0.5, [[1, 2]], "a", [True, False]):
        with pytest.raises(TypeError, match="userid must be an integer or a 1-D array"):
            model.recommend(users, X[0])


def test_users_without_pairs_and_with_all_of_them() -> None:
    """The first keep their start values but for the decay; the second have no negatives, hence no gradient."""
    dense = sparse.random(8, 12, 0.3, random_state=1).toarray()
    dense[2], dense[5] = 0, 1
    options = {"epochs": 3, "weight_decay": 0.0, "rng": 1, "batch_size": 5}
    for sampler in (DNS(2, 6), SoftmaxV(1.0, 6), Uniform(1)):
        start = BPRMF(4, sampler, **(options | {"epochs": 0})).fit(sparse.csr_matrix(dense))
        model = BPRMF(4, sampler, **options).fit(sparse.csr_matrix(dense))
        moved = (model.user_factors != start.user_factors).any(axis=1)
        assert np.flatnonzero(~moved).tolist() == [2, 5] and np.isfinite(model.item_factors).all()
    ids, scores = model.recommend(5, sparse.csr_matrix(dense[5]), N=3)
    assert ids.size == scores.size == 0  # for one user no filling
    ids, scores = model.recommend([5], sparse.csr_matrix(dense[5]), N=3)
    assert ids.tolist() == [[-1] * 3] and (scores == -np.inf).all()
    everybody = BPRMF(4, DNS(2, 6), **options).fit(sparse.csr_matrix(np.ones((3, 4))))
    assert [h["loss"] for h in everybody.history_] == [0, 0, 0]


def test_pools_larger_than_the_catalogue(X: sparse.csr_matrix) -> None:
    with pytest.raises(ValueError, match="N must be <= 31 items to draw pools without replacement, got 32"):
        BPRMF(4, DNS(1, 32), epochs=1, replace=False).fit(X)
    assert BPRMF(4, DNS(1, 32), epochs=1, replace=True, rng=0).fit(X).history_


def test_smallest_of_all() -> None:
    one = BPRMF(1, Uniform(1), epochs=2, batch_size=1, rng=0).fit(sparse.csr_matrix([[1]]))
    assert one.recommend(0, N=1, filter_already_liked_items=False)[0].tolist() == [0]


# -- threads and processes --------------------------------------------------------------------------------------------


def test_more_threads_than_there_are_is_a_limit(X: sparse.csr_matrix) -> None:
    """An upper limit, so that a model made where there are many threads also works where there are few."""
    seen = []
    before = numba.get_num_threads()
    model = BPRMF(4, DNS(1, 5), epochs=1, rng=0, n_threads=10_000)
    model.fit(X, callbacks=[lambda m, r: seen.append(numba.get_num_threads())])
    BPRMF(4, DNS(1, 5), epochs=1, rng=0, n_threads=1).fit(
        X, callbacks=[lambda m, r: seen.append(numba.get_num_threads())]
    )
    assert seen == [MAX_THREADS, 1] and numba.get_num_threads() == before


def test_joblib_workers_give_the_same_bits_on_their_share_of_the_cores() -> None:
    from joblib import Parallel, delayed, parallel_config

    def train(seed: int, matrix: sparse.csr_matrix) -> tuple[BPRMF, list[int]]:
        import numba

        threads: list[int] = []

        def count(model: BPRMF, record: dict[str, Any]) -> None:
            threads.append(numba.get_num_threads())

        model = BPRMF(8, DNS(2, 20), epochs=3, batch_size=64, rng=seed, n_threads=2)
        model.fit(matrix, callbacks=[count])
        return model, [*threads, numba.config.NUMBA_NUM_THREADS]

    matrix = sparse.random(120, 90, 0.1, random_state=0, format="csr")
    # the suite sets NUMBA_NUM_THREADS, which joblib would hand on
    with parallel_config(backend="loky", n_jobs=2, inner_max_num_threads=1):
        results = Parallel()(delayed(train)(seed, matrix) for seed in (1, 2, 3))
    for seed, (model, threads) in zip((1, 2, 3), results):
        assert threads == [1, 1, 1, 1]
        same_bits(model, BPRMF(8, DNS(2, 20), epochs=3, batch_size=64, rng=seed).fit(matrix))
        assert model.recommend(0, matrix[0])[0].shape == (10,)


def test_joblib_gives_workers_their_share_by_itself() -> None:
    code = (
        "import os; os.environ.pop('NUMBA_NUM_THREADS', None)\n"
        "from joblib import Parallel, delayed, cpu_count\n"
        "def share():\n    import numba\n    return numba.config.NUMBA_NUM_THREADS\n"
        "print(Parallel(n_jobs=2)(delayed(share)() for _ in range(2)), max(1, cpu_count() // 2))\n"
    )
    environment = {k: v for k, v in os.environ.items() if not k.endswith("NUM_THREADS")}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    shares, expected = done.stdout.rsplit(maxsplit=1)
    assert shares == f"[{expected}, {expected}]"


# -- own samplers -----------------------------------------------------------------------------------------------------


@numba.njit
def hardest(losses: Any, params: Any, idx: Any, w: Any) -> int:
    """DNS as a user would write it: m times the hardest of those not yet taken, the earlier one among equals."""
    m = min(int(params[0]), losses.size)
    taken = np.zeros(losses.size, np.bool_)
    for k in range(m):
        best = -1
        for j in range(losses.size):
            if not taken[j] and (best < 0 or losses[j] > losses[best]):
                best = j
        taken[best] = True
        idx[k], w[k] = best, 1.0 / m
    return m


@dataclass(frozen=True)
class Hardest(Sampler):
    """DNS(M, N) on losses."""

    M: int
    N: int
    kernel = staticmethod(hardest)

    @property
    def params(self) -> tuple[float, ...]:
        return (self.M,)


class HardestByRank(Hardest):
    """The same on scores."""

    rank_based = True
    width = property(lambda self: self.M)


@pytest.mark.parametrize("own", [Hardest, HardestByRank])
@pytest.mark.parametrize("replace", [True, False])
def test_an_own_sampler_trains_to_the_bits_of_the_built_in_one_of_the_same_law(own: Any, replace: bool) -> None:
    matrix = sparse.random(60, 90, 0.1, random_state=0, format="csr")
    options: dict[str, Any] = {"epochs": 3, "lr": 0.02, "batch_size": 64, "rng": 6, "replace": replace}
    assert own(3, 30).weights(np.arange(30)).tolist() == DNS(3, 30).weights(np.arange(30)).tolist()
    same_bits(BPRMF(8, own(1, 30), **options).fit(matrix), BPRMF(8, DNS(1, 30), **options).fit(matrix))
    # with several negatives, or the whole pool, the order in which they are added up is the kernel's own
    for M in (3, 30):
        mine, built_in = (BPRMF(8, s, optimizer="sgd", **options).fit(matrix) for s in (own(M, 30), DNS(M, 30)))
        np.testing.assert_allclose(mine.item_factors, built_in.item_factors, atol=1e-5)


def test_an_own_sampler_is_asked_for_when_a_model_is_loaded(tmp_path: Any, X: sparse.csr_matrix) -> None:
    BPRMF(4, Hardest(1, 5), epochs=1, rng=0).fit(X).save(tmp_path / "own.npz")
    with pytest.raises(ValueError, match="sampler must be given: .* was saved with Hardest, not of this package"):
        BPRMF.load(tmp_path / "own.npz")
    again = BPRMF.load(tmp_path / "own.npz", sampler=Hardest(1, 5)).partial_fit(X)
    same_bits(again, BPRMF(4, DNS(1, 5), epochs=2, rng=0).fit(X))


# -- quality ----------------------------------------------------------------------------------------------------------


def test_hard_negatives_reach_their_quality_on_ml_100k() -> None:
    """NDCG@20 of DNS(25, 50), of 50 unweighted negatives and of popularity, with the same decay.

    Six seeds gave 0.3393 (standard deviation 0.0014), 0.3219 (0.0012), and 0.1715. A run is deterministic, but on other
    hardware may be rounded as if it had another seed; bands are six standard deviations, left by chance with 2e-9.
    """
    try:
        loaded = data.load("ml-100k", seed=0)
    except data.FetchError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"needs the package index: {error}")
    options: dict[str, Any] = {"lr": 0.01, "weight_decay": 0.1, "epochs": 12, "batch_size": 1024, "rng": 0}
    hard, uniform = (
        BPRMF(32, DNS(m, 50), **options).fit(loaded.fit).evaluate(loaded.test, exclude=loaded.fit, ks=[20])["ndcg@20"]
        for m in (25, 50)
    )
    assert hard == pytest.approx(0.3393, abs=6 * 0.0014) and uniform == pytest.approx(0.3219, abs=6 * 0.0012)
    assert hard - uniform > 0.0174 - 6 * np.hypot(0.0014, 0.0012)
    counts = np.asarray(loaded.fit.sum(axis=0), dtype=np.float64).T
    popular = rank_positives(np.ones((loaded.n_users, 1)), counts, loaded.test, exclude=loaded.fit)
    assert popular.top_k([20])["ndcg@20"].mean() == pytest.approx(0.1715, abs=1e-4)
