"""What an epoch costs as pairs, pool and dimension grow, and one epoch of a set of a million users.

    python benchmarks/bench_scale.py                writes figures/B-cost.{csv,json,pdf,png}; some minutes
    python benchmarks/bench_scale.py --million      also 1M users, 200k items, 50M pairs (24 GB of memory is plenty)

Synthetic sets with popular items. One quantity moves at a time, the others stay at 30,000 users, 40,000 items, 800,000
pairs, N = 200, d = 32, batch 4096. All points are measured in turns, some rounds; the least of a point's epochs counts,
since the speed of shared hardware drifts.
"""

from __future__ import annotations

import argparse
import math
import resource
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pandas as pd
from scipy import sparse
from tqdm import tqdm

from sim.bpr import BPRMF
from sim.runs.output import write_figure
from sim.sampling import DNS, Sampler, SoftmaxV, Uniform
from sim.studies.style import PALETTE, style

USERS, ITEMS, PAIRS, POOL, D = 30_000, 40_000, 800_000, 200, 32


def synthetic(n_users: int = USERS, n_items: int = ITEMS, pairs: int = PAIRS) -> sparse.csr_matrix:
    """About so many distinct random pairs; item i is drawn in proportion to 1 / sqrt(i + 1), roughly."""
    rng = np.random.default_rng(0)
    each = pairs // n_users
    indices = np.empty(n_users * each, np.int32)
    for start in range(0, n_users, 100_000):  # sorted rows, some memory at a time
        stop = min(start + 100_000, n_users)
        block = np.minimum((n_items * rng.random((stop - start, each), np.float32) ** 2).astype(np.int32), n_items - 1)
        block.sort(axis=1)
        indices[start * each : stop * each] = block.ravel()
    indptr = np.arange(n_users + 1, dtype=np.int64) * each
    matrix = sparse.csr_matrix((np.ones(indices.size, np.float32), indices, indptr), (n_users, n_items))
    matrix.sum_duplicates()
    matrix.data[:] = 1
    return matrix


def seconds(train: sparse.csr_matrix, sampler: Sampler, d: int, epochs: int = 2, **settings: Any) -> float:
    """Least wall time of an epoch."""
    plain = {"lr": 0.001, "weight_decay": 0.01, "batch_size": 4096}
    model = BPRMF(d, sampler, epochs=epochs, rng=0, **(plain | settings)).fit(train)
    return min(record["seconds"] for record in model.history_)


def sweep(rounds: int) -> pd.DataFrame:
    """One row a measurement: sampler, what moves, its value, seconds: the least over the rounds."""
    families = {
        "uniform": lambda n: Uniform(1),
        "DNS(5, N)": lambda n: DNS(5, n),
        "Softmax-v(1, N)": lambda n: SoftmaxV(1.0, n),
    }
    values = {
        "pairs": (100_000, 200_000, 400_000, 800_000, 1_600_000),
        "N": (25, 50, 100, 200, 400),
        "d": (8, 16, 32, 64, 128),
    }
    sets = {pairs: synthetic(pairs=pairs) for pairs in values["pairs"]}
    points = [
        (name, moves, value)
        for moves, steps in values.items()
        for value, name in product(steps, families)
        if (moves, name) != ("N", "uniform")
    ]
    least = dict.fromkeys(points, math.inf)
    for _, (name, moves, value) in tqdm(list(product(range(rounds), points)), desc="fits", disable=None):
        train = sets[value if moves == "pairs" else PAIRS]
        sampler = families[name](value if moves == "N" else POOL)
        wall = seconds(train, sampler, value if moves == "d" else D)
        least[name, moves, value] = min(least[name, moves, value], wall)
    rows = []
    for (name, moves, value), wall in least.items():
        each = 1e9 * wall / sets[value if moves == "pairs" else PAIRS].nnz
        rows.append({"sampler": name, "moves": moves, "value": value, "seconds": wall, "ns_per_pair": each})
        print(f"{name:16s} {moves:5s} {value:9,d} {wall:8.3f} s  {each:8.0f} ns a pair")
    return pd.DataFrame(rows)


def plot(table: pd.DataFrame) -> Any:
    """Seconds an epoch against each quantity, log-log."""
    labels = {"pairs": "observed pairs", "N": "pool size N", "d": "factors d"}
    with style() as plt:
        figure, axes = plt.subplots(1, 3, figsize=(9.6, 3.2), sharey=True)
        for ax, (moves, label) in zip(axes, labels.items()):
            part = table[table.moves == moves]
            for colour, name in zip(("black", "blue", "red"), table.sampler.unique()):
                line = part[part.sampler == name]
                if len(line):
                    ax.plot(line.value, line.seconds, marker="o", markersize=3.5, color=PALETTE[colour], label=name)
            x = np.array([part.value.min(), part.value.max()], float)
            ax.plot(x, part.seconds.max() * x / x[1], ":", color=PALETTE["grey"], label="proportional")
            ax.set(xscale="log", yscale="log", xlabel=label)
            steps = sorted(part.value.unique())
            ax.set_xticks(steps, [f"{v // 1000}k" if v >= 1000 else f"{v}" for v in steps])
            ax.minorticks_off()
        axes[0].set_ylabel("seconds an epoch")
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside right center")
    return figure


def million() -> None:
    """One epoch of a large set, and the memory it took."""
    start = time.perf_counter()
    train = synthetic(1_000_000, 200_000, 50_000_000)
    size = f"{train.shape[0]:,} users, {train.shape[1]:,} items, {train.nnz:,} pairs"
    print(f"{size} in {time.perf_counter() - start:.0f} s")
    wall = seconds(train, DNS(5, 200), D, epochs=1, batch_size=65_536)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cost = f"{wall:.0f} s an epoch, {1e9 * wall / train.nnz:.0f} ns a pair, peak memory {peak:.1f} GiB"
    print(f"DNS(5, 200), d = {D}, batch 65,536, dense Adam: {cost}")


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--million", action="store_true", help="also the large set")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only-million", action="store_true", help="nothing but the large set")
    parser.add_argument("--out", type=Path, default=Path("figures"))
    options = parser.parse_args()
    if options.million or options.only_million:
        BPRMF(D, DNS(5, POOL), epochs=1, rng=0).fit(synthetic(100, 200, 1000))  # compile
        million()
    if options.only_million:
        return 0
    table = sweep(options.rounds)
    info = {
        "title": "Cost of an epoch",
        "caption": (
            f"Seconds an epoch on {numba.get_num_threads()} threads against the number of observed pairs, the pool "
            f"size and the dimension. Otherwise {USERS:,} users, {ITEMS:,} items, {PAIRS:,} pairs, N={POOL}, d={D}, "
            "dense Adam, batch 4096. Dotted: proportional growth."
        ),
        "command": "python benchmarks/bench_scale.py",
    }
    write_figure(options.out, "B-cost", table, plot(table), info)
    return 0


if __name__ == "__main__":
    sys.exit(main())
