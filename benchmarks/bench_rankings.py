"""Fig 6 at full size: this package against chunked, vectorised NumPy, in one run.

100,000 uniformly random rankings of 200 + 800 items, Pearson correlation of Recall, Precision and NDCG at five K with
OPAUC(m/800) for all 800 m. Compilation is excluded (one small warm-up call). Run: python benchmarks/bench_rankings.py
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numba
import numpy as np

from sim.rankings import Binormal, exact_correlation, simulate_correlation

KS = (5, 10, 20, 50, 100)


def numpy_correlation(n_pos: int, n_neg: int, n_rankings: int, seed: int, chunk: int = 1000) -> np.ndarray:
    """The same matrix (recall and precision share a column) by vectorised NumPy over chunks of rankings."""
    rng = np.random.default_rng(seed)
    n_items = n_pos + n_neg
    gains = 1.0 / np.log2(np.arange(2, max(KS) + 2))
    cross = np.zeros((2 * len(KS), n_neg))
    value_sum, value_squares = np.zeros(2 * len(KS)), np.zeros(2 * len(KS))
    area_sum, area_squares = np.zeros(n_neg), np.zeros(n_neg)
    for _ in range(n_rankings // chunk):
        order = rng.random((chunk, n_items), dtype=np.float32).argpartition(n_pos, axis=1)[:, :n_pos]
        positive = np.zeros((chunk, n_items), dtype=bool)
        np.put_along_axis(positive, order, True, axis=1)
        above = np.cumsum(positive, axis=1, dtype=np.int32)
        area = np.cumsum(above[~positive].reshape(chunk, n_neg), axis=1, dtype=np.float64)
        top = positive[:, : max(KS)]
        hits = above[:, np.array(KS) - 1] / n_pos
        discounted = np.cumsum(top * gains, axis=1)[:, np.array(KS) - 1]
        values = np.concatenate((hits, discounted), axis=1)
        cross += values.T @ area
        value_sum += values.sum(axis=0)
        value_squares += (values**2).sum(axis=0)
        area_sum += area.sum(axis=0)
        area_squares += np.einsum("ij,ij->j", area, area)
    n = n_rankings
    covariance = cross / n - np.outer(value_sum, area_sum) / n**2
    spread = np.sqrt(np.outer(value_squares / n - (value_sum / n) ** 2, area_squares / n - (area_sum / n) ** 2))
    return covariance / spread


def seconds(call: Callable[[], object], repeats: int) -> list[float]:
    """Wall times of repeated calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times


def main() -> None:
    """Print the medians and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rankings", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--large", action="store_true", help="also 100,000 items, and 10 million rankings (minutes)")
    options = parser.parse_args()
    n = options.rankings
    simulate_correlation(20, 80, ks=KS, n_rankings=100, rng=0)
    simulate_correlation(20, 80, ks=KS, n_rankings=100, rng=0, score_model=Binormal(1.0))

    exact = np.stack([exact_correlation(200, 800, name, k) for name in ("recall", "ndcg") for k in KS])
    theirs = seconds(lambda: numpy_correlation(200, 800, n, seed=1), options.repeats)
    print(f"NumPy, chunked         {statistics.median(theirs):8.3f} s  ({min(theirs):.3f} .. {max(theirs):.3f})")
    print(f"  largest error against the exact curve {np.abs(numpy_correlation(200, 800, n, seed=1) - exact).max():.4f}")
    for threads in sorted({1, min(2, numba.config.NUMBA_NUM_THREADS)}):
        numba.set_num_threads(threads)
        ours = seconds(lambda: simulate_correlation(200, 800, ks=KS, n_rankings=n, rng=1), options.repeats)
        ratio = statistics.median(theirs) / statistics.median(ours)
        spread = f"({min(ours):.3f} .. {max(ours):.3f})"
        print(f"simulate, {threads} thread(s)  {statistics.median(ours):8.3f} s  {spread}  {ratio:.1f}x")
        model = seconds(
            lambda: simulate_correlation(200, 800, ks=KS, n_rankings=n, rng=1, score_model=Binormal(1.0)), 1
        )
        print(f"  binormal scores      {model[0]:8.3f} s")
    result = simulate_correlation(200, 800, ks=KS, n_rankings=n, rng=1)
    z = (result.correlation[[0, 2]].reshape(exact.shape) - exact) / result.standard_error[[0, 2]].reshape(exact.shape)
    print(f"  largest error against the exact curve {np.abs(z).max():.2f} standard errors")
    if options.large:
        large()


def large() -> None:
    """Cost in the number of items and of rankings."""
    for n_items in (1_000, 10_000, 100_000):
        n_pos = n_items // 100
        for model in (None, Binormal(1.0)):
            count = 2_000_000 // n_items
            ms = np.unique(np.geomspace(1, n_items - n_pos, 200).astype(int))
            run = seconds(
                lambda a=n_pos, b=n_items - n_pos, s=model, c=count, m=ms: simulate_correlation(
                    a, b, ks=(5, 20, 100), n_rankings=c, rng=1, score_model=s, ms=m
                ),
                3,
            )
            each = statistics.median(run) / (count + 256)
            name = "uniform" if model is None else "binormal"
            unit = each / (n_items * np.log2(n_items)) * 1e9
            print(f"{n_items:7d} items, {name:8s} {each * 1e6:10.2f} us a ranking, {unit:.3f} ns per n log2 n")
    start = time.perf_counter()
    result = simulate_correlation(200, 800, ks=KS, n_rankings=10_000_000, rng=2, progress=True)
    exact = exact_correlation(200, 800, "recall", 20)
    error = result.correlation[0, 2] - exact
    print(f"10 million rankings {time.perf_counter() - start:.1f} s, rms error {np.sqrt((error**2).mean()):.2e}")


if __name__ == "__main__":
    main()
