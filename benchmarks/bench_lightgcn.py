"""Seconds per epoch of LightGCN beside the same algorithm by scipy.sparse, and its hops beside the machine's limits.

    python benchmarks/bench_lightgcn.py                     Gowalla (HNS_DATA_DIR or the network), else a synthetic set
    python benchmarks/bench_lightgcn.py --batches 4096 16384 --no-scipy --json bench.json

A hop is one product with the normalised adjacency matrix, of users and items together. It gathers a row an edge and
direction, from tables that mostly stay in the last-level cache; from memory it must fetch tables and graph once.
Its two limits are measured in the same run: the rate at which random rows of such a table can be summed, and triad.
The scipy version differs in the propagation alone: CSR products of the whole matrix (one thread) and NumPy sums.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import numba
import numpy as np
from bench_trainer import best, limits, train_pairs
from scipy import sparse

from sim.bpr import BPRMF, LightGCN, lightgcn
from sim.bpr.kernels.graph import hop
from sim.bpr.lightgcn import Graph
from sim.core.files import write_text
from sim.core.jit import kernel
from sim.core.simd import aligned_zeros, rows_sum
from sim.sampling import DNS


@kernel(parallel=True, cache=False)
def _random_rows(V, ones, ids, out):
    for p in numba.prange(ids.shape[0]):
        rows_sum(ones, V, ids[p], ones.size, out, p)


class SciPyGraph:
    """Stands in for :class:`sim.bpr.lightgcn.Graph`."""

    def __init__(self, pairs: sparse.csr_matrix, layers: int, width: int, dtype: str) -> None:
        adjacency = sparse.bmat([[None, pairs.astype(dtype)], [pairs.T.astype(dtype), None]]).tocsr()
        root = sparse.diags(1 / np.sqrt(np.maximum(np.diff(adjacency.indptr), 1)))
        self.matrix, self.layers, self.cut = (root @ adjacency @ root).astype(dtype).tocsr(), layers, [pairs.shape[0]]
        self.plain = Graph(pairs, 0, width, dtype)

    def spread(self, base: Any, out: Any) -> None:
        """``out = P base``."""
        start = np.vstack(base)
        table = start
        for _ in range(self.layers):
            table = start + self.matrix @ table
        for into, part in zip(out, np.split(table / (self.layers + 1), self.cut)):
            into[:] = part

    def step(self, gradients: Any, *rest: Any) -> None:
        """Propagate the gradients; the step is the package's own."""
        self.spread(gradients, gradients)
        self.plain.step(gradients, *rest)


def hops(train: sparse.csr_matrix, d: int, triad: float) -> dict[str, float]:
    """Milliseconds of a hop, by this package and by scipy, and of its two limits."""
    graph = Graph(train, 3, d, "float32")
    base, source, out = (tuple(aligned_zeros((n, d), np.float32) for n in train.shape) for _ in range(3))
    for table in (*base, *source):
        table[:] = np.random.default_rng(0).normal(size=table.shape)
    ours = best(lambda: hop(*graph.inner, graph.ones, base, source, out), 20)
    other, stacked = SciPyGraph(train, 1, d, "float32"), np.vstack(source)
    theirs = best(lambda: other.matrix @ stacked, 5)
    ids = np.random.default_rng(1).integers(0, train.shape[1], (16384, 64), dtype=np.int32)
    ones, sums = np.ones(ids.shape[1], np.float32), np.empty((len(ids), d), np.float32)
    rate = ids.size / best(lambda: _random_rows(source[1], ones, ids, sums), 20)
    rows = 2 * train.nnz
    moved = 3 * stacked.nbytes + 4 * rows + 16 * len(stacked)
    return {
        "hop": 1e3 * ours, "hop, scipy": 1e3 * theirs, "random rows": 1e3 * rows / rate, "memory": 1e3 * moved / triad,
        "gathered_gb": rows * d * 4e-9, "moved_gb": moved * 1e-9,
    }  # fmt: skip


def main() -> int:
    """Print the table; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="gowalla")
    parser.add_argument("--epochs", type=int, default=1, help="epochs to time after a first one; the fastest counts")
    parser.add_argument("--factors", type=int, default=32)
    parser.add_argument("--layers", type=int, default=3)
    parser.add_argument("--batches", type=int, nargs="+", default=[4096, 16384, 65536], help="batch sizes")
    parser.add_argument("--no-scipy", dest="scipy", action="store_false")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    train, name = train_pairs(options.data)
    (n_users, n_items), d, sampler = train.shape, options.factors, DNS(5, 200)
    _, triad = limits(n_items, d)
    print(f"{name}: {n_users:,} x {n_items:,}, {train.nnz:,} pairs, d = {d}, {numba.get_num_threads()} threads")
    ms = hops(train, d, triad)
    print(
        f"hop {ms['hop']:.2f} ms: {ms['gathered_gb'] / ms['hop'] * 1e3:.1f} GB/s gathered; "
        f"{ms['hop'] / ms['random rows']:.2f} x random rows, {ms['hop'] / ms['memory']:.1f} x memory "
        f"({ms['moved_gb'] * 1e3:.0f} MB at a triad of {triad / 1e9:.1f} GB/s); scipy {ms['hop, scipy']:.2f} ms"
    )
    rows: list[dict[str, Any]] = []

    def timed(label: str, model: BPRMF) -> None:
        model.fit(train)
        seconds = min(h["seconds"] for h in model.history_[1:])
        rows.append({"name": label, "batch": model.settings.batch_size, "seconds": seconds})
        print(f"{label:32s} batch {model.settings.batch_size:6d} {seconds:8.3f} s/epoch", flush=True)

    for size in options.batches:
        common: dict[str, Any] = {
            "factors": d, "sampler": sampler, "epochs": options.epochs + 1, "batch_size": size, "rng": 0,
            "lr": 0.001, "weight_decay": 0.01,
        }  # fmt: skip
        timed("BPRMF", BPRMF(**common))
        timed("LightGCN", LightGCN(layers=options.layers, **common))
        timed("LightGCN, refresh=8", LightGCN(layers=options.layers, refresh=8, **common))
        if options.scipy:
            with mock.patch.object(lightgcn, "Graph", SciPyGraph):
                timed("LightGCN by scipy.sparse", LightGCN(layers=options.layers, **common))
    if options.json:
        write_text(options.json, json.dumps({"data": name, "triad": triad, "ms": ms, "rows": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
