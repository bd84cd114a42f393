"""Seconds per training epoch, against the machine's own limits measured in the same run.

    python benchmarks/bench_trainer.py                      Gowalla (HNS_DATA_DIR or the network), else a synthetic set
    python benchmarks/bench_trainer.py --epochs 5 --json bench.json
    python benchmarks/bench_trainer.py --peers              also implicit's BPR, where it is installed

The floor of an epoch is the sum of two times that no implementation of the same mathematics on the same hardware can
avoid: gathering and multiplying one item row per draw (measured: random rows of a table of the catalogue's size), and
moving Adam's tables once a batch (measured: triad bandwidth). Postponed user steps move less than that, so ratios below
one are possible in principle.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numba
import numpy as np
from scipy import sparse

from sim._jit import kernel
from sim._random import bounded, stream2
from sim._simd import LANES, row_dots
from sim.bpr import BPRMF, rank_positives
from sim.data import FetchError, load
from sim.sampling import DNS, Sampler, SoftmaxExact, SoftmaxV, Uniform


@kernel(parallel=True, cache=False)
def _gather(U, V, n_pairs, pool, out):
    for p in numba.prange(n_pairs):
        ids = np.empty(pool, np.int32)
        scores = np.empty(pool, U.dtype)
        key = stream2(1, 2, p)
        for j in range(pool):
            ids[j] = bounded(key, j, V.shape[0])
        for j in range(0, pool, LANES):
            row_dots(U, p % U.shape[0], V, ids, j, scores)
        out[p] = scores[0]


@kernel(parallel=True, cache=False)
def _triad(a, b, c):
    for i in numba.prange(a.size):
        a[i] = b[i] + 3.0 * c[i]


def best(run: Any, repeats: int) -> float:
    """Least wall time of ``run()`` over some repeats, after one that is not counted."""
    run()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times)


def limits(n_items: int, d: int) -> tuple[float, float]:
    """Gathered dots per second and triad bytes per second, all threads."""
    U, V = (np.random.default_rng(0).normal(size=(n, d)).astype(np.float32) for n in (4096, n_items))
    n_pairs, pool = 50_000, 200
    out = np.empty(n_pairs, np.float32)
    dots = n_pairs * pool / best(lambda: _gather(U, V, n_pairs, pool, out), 5)
    a, b, c = (np.ones(30_000_000) for _ in range(3))
    return dots, 3 * a.nbytes / best(lambda: _triad(a, b, c), 5)


def synthetic(n_users: int = 30_000, n_items: int = 40_000, pairs: int = 820_000) -> sparse.csr_matrix:
    """Random pairs with popular items, where no real set can be had."""
    rng = np.random.default_rng(0)
    items = np.minimum((n_items * rng.random(pairs) ** 2).astype(int), n_items - 1)
    matrix = sparse.csr_matrix(
        (np.ones(pairs, np.float32), (rng.integers(0, n_users, pairs), items)), (n_users, n_items)
    )
    matrix.data[:] = 1
    return matrix


def main() -> int:
    """Print the table; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="gowalla")
    parser.add_argument("--epochs", type=int, default=5, help="epochs to time; the median counts")
    parser.add_argument("--factors", type=int, default=32)
    parser.add_argument("--peers", action="store_true", help="time implicit's BPR too")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    test = None
    try:
        data = load(options.data)
        train, test, name = data.fit, data.test, data.name
    except FetchError as error:
        print(f"{error}\nusing a synthetic set of about the same size", file=sys.stderr)
        train, name = synthetic(), "synthetic"
    (n_users, n_items), pairs, d = train.shape, train.nnz, options.factors
    dots, triad = limits(n_items, d)
    batches = -(-pairs // 4096)
    moved = 6 * 4 * (n_users + n_items) * d * batches
    print(f"{name}: {n_users:,} x {n_items:,}, {pairs:,} pairs, d = {d}, {numba.get_num_threads()} threads")
    print(f"limits: {dots / 1e6:.0f} M gathered dots/s, {triad / 1e9:.1f} GB/s triad")
    rows: list[dict[str, Any]] = []
    samplers: list[Sampler] = [
        DNS(5, 200),
        DNS(2, 200),
        DNS(100, 200),
        SoftmaxV(1.0, 200),
        SoftmaxExact(1.0, 200),
        Uniform(1),
    ]
    for exclude in (False, True):
        for sampler in samplers if not exclude else samplers[:1]:
            model = BPRMF(d, sampler, epochs=options.epochs + 1, exclude_positives=exclude, rng=0)
            model.fit(train)
            seconds = [h["seconds"] for h in model.history_[1:]]
            floor = pairs * sampler.N / dots + moved / triad
            rows.append(
                {
                    "sampler": str(sampler) + (", positives excluded" if exclude else ""),
                    "seconds": statistics.median(seconds),
                    "fastest": min(seconds),
                    "floor": floor,
                }
            )
            r = rows[-1]
            print(
                f"{r['sampler']:42s} {r['seconds']:7.3f} s/epoch (fastest {r['fastest']:.3f})  "
                f"{r['seconds'] / floor:5.2f} x floor  {pairs / r['seconds'] / 1e6:6.2f} M pairs/s",
                flush=True,
            )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of the whole run {peak:.0f} MiB")
    if test is not None:
        seconds_evaluate = best(lambda: rank_positives(model.user_factors, model.item_factors, test, exclude=train), 3)
        print(f"full-ranking evaluation of all users: {seconds_evaluate:.2f} s")
        rows.append({"sampler": "evaluation", "seconds": seconds_evaluate})
    if options.peers:
        rows += peers(train, d)
    if options.json:
        options.json.write_text(json.dumps({"data": name, "dots": dots, "triad": triad, "rows": rows}, indent=2) + "\n")
    return 0


def peers(train: sparse.csr_matrix, d: int) -> list[dict[str, Any]]:
    """implicit's BPR (one negative, asynchronous SGD)."""
    try:
        from implicit.bpr import BayesianPersonalizedRanking
    except ImportError:
        print("implicit is not installed: pip install implicit")
        return []
    model = BayesianPersonalizedRanking(
        factors=d, iterations=10, num_threads=numba.get_num_threads(), verify_negative_samples=True
    )
    seconds = best(lambda: model.fit(train, show_progress=False), 1) / 10
    print(f"{'implicit BPR, 1 negative':42s} {seconds:7.3f} s/epoch")
    return [{"sampler": "implicit BPR", "seconds": seconds}]


if __name__ == "__main__":
    sys.exit(main())
