"""Fig 6 at full size: this package against chunked, vectorised NumPy, in one run.

100,000 uniformly random rankings of 200 + 800 items, Pearson correlation of Recall, Precision and NDCG at five K with
OPAUC(m/800) for all 800 m. Compilation is excluded (one small warm-up call). With --large also: the cost of a ranking
up to 100,000 items against n log n, and memory and error through 10 million rankings.
Run: python benchmarks/bench_rankings.py
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Callable

import numba
import numpy as np
from scipy import stats

from sim.rankings import Binormal, SimulatedCorrelation, correlate, exact_correlation, simulate_correlation

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
    """Print the times and ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rankings", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--large", action="store_true", help="also 100,000 items, and 10 million rankings (minutes)")
    options = parser.parse_args()
    n, threads = options.rankings, sorted({1, min(2, numba.config.NUMBA_NUM_THREADS)})
    for model in (None, Binormal(1.0)):
        for ms in (None, [9]):
            simulate_correlation(20, 80, ks=KS, n_rankings=100, rng=0, score_model=model, ms=ms)

    def ours() -> SimulatedCorrelation:
        return simulate_correlation(200, 800, ks=KS, n_rankings=n, rng=1)

    exact = np.stack([exact_correlation(200, 800, name, k) for name in ("recall", "ndcg") for k in KS])
    times: dict[str, list[float]] = {}
    results = []
    for _ in range(options.repeats):  # in turns, so that a busy machine treats both alike
        times.setdefault("NumPy, chunked", []).extend(seconds(lambda: numpy_correlation(200, 800, n, seed=1), 1))
        for count in threads:
            numba.set_num_threads(count)
            times.setdefault(f"simulate, {count} thread(s)", []).extend(seconds(lambda: results.append(ours()), 1))
    theirs = times["NumPy, chunked"]
    for name, values in times.items():
        middle, least = statistics.median(values), min(values)
        ratio = f"{min(theirs) / least:.1f}x by the least, {statistics.median(theirs) / middle:.1f}x by the median"
        print(f"{name:22s} min {least:.3f} s  median {middle:.3f} s  {ratio}")
    same = all(np.array_equal(r.correlation, results[0].correlation) for r in results)
    print(f"same bits on {threads} threads: {same}")
    print(f"NumPy: largest error against the exact curve {np.abs(numpy_correlation(200, 800, n, 1) - exact).max():.4f}")
    z = (results[0].correlation[[0, 2]].reshape(exact.shape) - exact) / results[0].standard_error[[0, 2]].reshape(
        exact.shape
    )
    print(f"simulate: largest error against the exact curve {np.abs(z).max():.2f} standard errors")
    methods(n // 5)
    if options.large:
        items()
        rankings()


def methods(n: int) -> None:
    """Rank coefficients with ties, and their standard errors, against scipy, which gives no errors."""
    x = np.random.default_rng(0).standard_normal(n)
    y = np.floor(3 * x + np.random.default_rng(1).standard_normal(n))
    for method, peer in (("spearman", stats.spearmanr), ("kendall", stats.kendalltau)):
        found = correlate(x, y, method=method)
        assert abs(found.correlation - peer(x, y).statistic) < 1e-12
        mine = min(seconds(lambda m=method: correlate(x, y, method=m), 5))
        each = min(seconds(lambda p=peer: p(x, y), 5))
        print(f"{method}, {n} pairs: {mine * 1e3:.1f} ms with its error; scipy {each * 1e3:.1f} ms without")


def items() -> None:
    """Cost of a ranking against the number of items, 1% of them positive, for up to 200 areas."""
    for model in (None, Binormal(1.0)):
        first = 0.0
        for n_items in (1_000, 10_000, 100_000):
            n_pos, count = n_items // 100, 20_000_000 // n_items
            ms = np.unique(np.geomspace(1, n_items - n_pos, 200).astype(int))
            run = seconds(
                lambda a=n_pos, b=n_items - n_pos, s=model, c=count, m=ms: simulate_correlation(
                    a, b, ks=(5, 20, 100), n_rankings=c, rng=1, score_model=s, ms=m
                ),
                3,
            )
            each = min(run) / (count + 256)
            name = "uniform" if model is None else "binormal"
            unit = each / (n_items * np.log2(n_items))
            first = first or unit
            print(
                f"{n_items:7d} items, {name:8s} {each * 1e6:8.2f} us a ranking, {unit * 1e9:.3f} ns per n log2 n, "
                f"{unit / first:.2f} of that at 1,000 items"
            )


def rankings() -> None:
    """Memory and error through 10 million rankings of 40 + 160, Recall and NDCG at K = 5, 10, 20, all m."""
    exact = np.stack([exact_correlation(40, 160, name, k) for name in ("recall", "ndcg") for k in (5, 10, 20)])
    for n in (10_000, 100_000, 1_000_000, 10_000_000):
        squares, worst = [], 0.0
        start = time.perf_counter()
        seeds = range(8 if n < 10_000_000 else 1)
        for seed in seeds:
            result = simulate_correlation(
                40, 160, metrics=("recall", "ndcg"), ks=(5, 10, 20), n_rankings=n, rng=seed, progress=n >= 10_000_000
            )
            error = result.correlation.reshape(exact.shape) - exact
            squares.append((error**2).mean())
            worst = max(worst, float(np.abs(error / result.standard_error.reshape(exact.shape)).max()))
        rms = float(np.sqrt(np.mean(squares)))
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(
            f"{n:9d} rankings, {(time.perf_counter() - start) / len(seeds):6.2f} s: rms error {rms:.2e}, times sqrt(n) "
            f"{rms * np.sqrt(n):.2f}; largest {worst:.2f} standard errors; peak memory {memory:.0f} MiB"
        )


if __name__ == "__main__":
    main()
