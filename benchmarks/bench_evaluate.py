"""Seconds of a full-ranking evaluation, beside BLAS's product of the tables and plain NumPy in the same run.

    python benchmarks/bench_evaluate.py                     Gowalla (HNS_DATA_DIR or the network), else a synthetic set
    python benchmarks/bench_evaluate.py --factors 64 --repeats 5 --json bench.json

Every user's test items are ranked among all items, train items taken out; Recall, NDCG and the others at all cut-offs
come from one pass. Contenders take turns and the least time counts. The product alone (sgemm by blocks that fit the
cache, result thrown away) is less work than any evaluation by BLAS can do. Plain NumPy (product, -inf, argpartition,
sort) is timed on a sample of users and scaled up. Compile times are of a fresh process, without and with a cache.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import numpy as np
from scipy import sparse

from sim.bpr import evaluate
from sim.bpr.evaluate import recommend_rows
from sim.core.files import write_text
from sim.data import FetchError, load

KS = (5, 20, 50, 100, 200)
_COMPILE = """
import time
import numpy as np
from scipy import sparse
from sim.bpr import evaluate
class Model: user_factors = item_factors = np.ones((3, 8), np.float32)
start = time.perf_counter()
evaluate(Model, sparse.eye(3, format="csr"))
print(time.perf_counter() - start)
"""


class Tables:
    """Factors to evaluate."""

    def __init__(self, n_users: int, n_items: int, d: int) -> None:
        rng = np.random.default_rng(0)
        self.user_factors, self.item_factors = (
            rng.normal(size=(n, d)).astype(np.float32) / d**0.25 for n in (n_users, n_items)
        )


def product(model: Tables, rows: int = 256) -> None:
    """All scores by BLAS, a block of users at a time."""
    U, V = model.user_factors, np.ascontiguousarray(model.item_factors.T)
    buffer = np.empty((rows, V.shape[1]), np.float32)
    for start in range(0, len(U), rows):
        block = U[start : start + rows]
        np.matmul(block, V, out=buffer[: len(block)])


def plain_numpy(model: Tables, test: Any, train: Any, users: int, rows: int = 256) -> dict[str, float]:
    """Recall and NDCG at every cut-off of the first users by argpartition."""
    U, V, top = model.user_factors, model.item_factors.T, max(KS)
    discount = 1 / np.log2(np.arange(2, top + 2))
    values: list[np.ndarray] = []
    for start in range(0, users, rows):
        block = slice(start, min(start + rows, users))
        scores = U[block] @ V
        gone = train[block].tocoo()
        scores[gone.row, gone.col] = -np.inf
        best = np.argpartition(-scores, top, axis=1)[:, :top]
        order = np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1, kind="stable")
        ranked = np.take_along_axis(best, order, axis=1)
        truth = test[block]
        hits = np.take_along_axis(truth.toarray() > 0, ranked, axis=1)
        n = np.diff(truth.indptr)
        ideal = np.cumsum(discount)[np.minimum(n[:, None], KS) - 1]
        recall = np.stack([hits[:, :k].sum(axis=1) / np.maximum(n, 1) for k in KS], axis=1)
        gain = np.stack([(hits[:, :k] * discount[:k]).sum(axis=1) for k in KS], axis=1) / ideal
        values.append(np.hstack([recall, gain])[n > 0])
    names = [f"{metric}@{k}" for metric in ("recall", "ndcg") for k in KS]
    return dict(zip(names, np.vstack(values).mean(axis=0).tolist()))


def take_turns(runs: dict[str, Callable[[], Any]], repeats: int) -> dict[str, float]:
    """Least wall time of every run, after one that is not counted."""
    times = {name: float("inf") for name in runs}
    for repeat in range(repeats + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if repeat:
                times[name] = min(times[name], time.perf_counter() - start)
    return times


def compile_seconds() -> tuple[float, float]:
    """First evaluation of a fresh process: with an empty cache, then with the cache it left."""
    with tempfile.TemporaryDirectory() as cache:
        command, env = [sys.executable, "-c", _COMPILE], os.environ | {"NUMBA_CACHE_DIR": cache}
        cold, warm = (
            float(subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout) for _ in "ab"
        )
    return cold, warm


def main() -> int:
    """Print the table; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="gowalla")
    parser.add_argument("--factors", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--sample", type=int, default=1024, help="users for plain NumPy")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    try:
        data = load(options.data)
        train, test, name = data.fit, data.test, data.name
    except FetchError as error:
        print(f"{error}\nusing a synthetic set of about the same size", file=sys.stderr)
        both = sparse.random(30_000, 40_000, 8.5e-4, format="csr", random_state=0, dtype=np.float32)
        held = sparse.csr_matrix(
            (np.random.default_rng(0).random(both.nnz) < 0.2, both.indices, both.indptr), both.shape
        )
        train, test, name = both - both.multiply(held), both.multiply(held).tocsr(), "synthetic"
        train.eliminate_zeros()
    model, (n_users, n_items), d = Tables(*train.shape, options.factors), train.shape, options.factors
    sample = min(options.sample, n_users)
    some = Tables(*train.shape, d)
    some.user_factors = some.user_factors[:sample]
    ours = evaluate(some, test[:sample], exclude=train[:sample], ks=KS)
    theirs = plain_numpy(some, test, train, sample)
    for key, value in theirs.items():
        if abs(ours[key] - value) > 1e-3 * value + 1e-9:  # float32 sums in another order may exchange neighbours
            raise AssertionError(f"{key} is {ours[key]} here, {value} by NumPy")
    runs: dict[str, Callable[[], Any]] = {
        "product of the tables (BLAS)": lambda: product(model),
        "evaluate, K = 5..200": lambda: evaluate(model, test, exclude=train, ks=KS),
        "recommend, N = 10": lambda: recommend_rows(model.user_factors, model.item_factors, 10, train),
        "recommend, N = 200": lambda: recommend_rows(model.user_factors, model.item_factors, 200, train),
        "plain NumPy, K = 5..200": lambda: plain_numpy(some, test, train, sample),
    }
    seconds = take_turns(runs, options.repeats)
    seconds["plain NumPy, K = 5..200"] *= n_users / sample
    print(f"{name}: {n_users:,} x {n_items:,}, {test.nnz:,} test pairs, d = {d}, {numba.get_num_threads()} threads")
    floor = seconds["product of the tables (BLAS)"]
    for label, value in seconds.items():
        print(f"{label:32s} {value:7.3f} s  {value / floor:6.2f} x product")
    ratio = seconds["plain NumPy, K = 5..200"] / seconds["evaluate, K = 5..200"]
    print(f"evaluate is {ratio:.1f} x as fast as plain NumPy")
    cold, warm = compile_seconds()
    print(f"first evaluation of a process: {cold:.1f} s with an empty cache, {warm:.2f} s after that")
    if options.json:
        rows = {"data": name, "factors": d, "seconds": seconds, "ratio": ratio, "cold": cold, "warm": warm}
        write_text(options.json, json.dumps(rows, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
