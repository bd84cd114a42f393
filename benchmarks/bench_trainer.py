"""Seconds per training epoch, against the machine's own limits measured in the same run.

    python benchmarks/bench_trainer.py                      Gowalla (HNS_DATA_DIR or the network), else a synthetic set
    python benchmarks/bench_trainer.py --epochs 5 --json bench.json
    python benchmarks/bench_trainer.py --peers              also implicit's BPR, where it is installed

The floor of an epoch is the sum of two times that no implementation of the same mathematics on the same hardware can
avoid: gathering and multiplying one item row per draw (measured: random rows of a table of the catalogue's size, at the
best of some prefetch distances), and moving Adam's tables once a batch (measured: triad bandwidth). Postponed user
steps move less than that, so ratios below one are possible in principle.

A machine's speed drifts (by a factor of two on shared hardware), so everything is timed in turns: each round measures
the limits and one epoch of every contender, and the ratios printed are medians over the rounds.
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
from bench_scale import synthetic
from scipy import sparse
from tqdm import tqdm

from sim.bpr import BPRMF
from sim.cli.samplers import add_arguments, make
from sim.core.files import write_text
from sim.core.jit import kernel
from sim.core.random import bounded, stream2
from sim.core.simd import LANES, aligned_zeros, prefetch_row, row_dots
from sim.data import FetchError, load
from sim.sampling import DNS, Sampler, SoftmaxExact, SoftmaxV, Uniform
from sim.sampling.spec import SPECS


@kernel(parallel=True, cache=False)
def _gather(U, V, n_pairs, pool, ahead, out):
    for p in numba.prange(n_pairs):
        ids = np.zeros(pool + ahead + LANES, np.int32)
        scores = np.empty(pool, U.dtype)
        key = stream2(1, 2, p)
        for j in range(pool):
            ids[j] = bounded(key, j, V.shape[0])
        for j in range(0, pool, LANES):
            for k in range(j + ahead, j + ahead + LANES if ahead else j):
                prefetch_row(V, ids[k])
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


class Limits:
    """The machine's own limits, to be measured again and again: its speed drifts."""

    def __init__(self, n_items: int, d: int) -> None:
        self.U, self.V = (aligned_zeros((n, d), np.float32) for n in (4096, n_items))
        self.U[:], self.V[:] = (np.random.default_rng(0).normal(size=t.shape) for t in (self.U, self.V))
        self.out = np.empty(50_000, np.float32)
        self.moved = tuple(np.ones(10_000_000) for _ in range(3))

    def __call__(self) -> tuple[float, float]:
        """Gathered dots a second (at the best of some prefetch distances) and triad bytes a second, all threads."""
        pool = 200
        gathers = min(
            best(lambda ahead=ahead: _gather(self.U, self.V, self.out.size, pool, ahead, self.out), 3)
            for ahead in (0, 8, 16, 32)
        )
        return self.out.size * pool / gathers, 3 * self.moved[0].nbytes / best(lambda: _triad(*self.moved), 3)


def train_pairs(name: str) -> tuple[sparse.csr_matrix, str]:
    """A data set's train pairs and its name; a synthetic set of about Gowalla's size where it cannot be had."""
    try:
        data = load(name)
    except FetchError as error:
        print(f"{error}\nusing a synthetic set of about the same size", file=sys.stderr)
        return synthetic(), "synthetic"
    return data.fit, data.name


def main() -> int:
    """Print the table; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="gowalla")
    parser.add_argument("--epochs", type=int, default=5, help="rounds; the median counts")
    parser.add_argument("--factors", type=int, default=32)
    parser.add_argument("--peers", action="store_true", help="time implicit's BPR in the same rounds")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--samplers", action="store_true", help="every sampler of `hns train` at its defaults instead")
    options = parser.parse_args()
    train, name = train_pairs(options.data)
    (n_users, n_items), pairs, d = train.shape, train.nnz, options.factors
    moved = 6 * 4 * (n_users + n_items) * d * -(-pairs // 4096)
    print(f"{name}: {n_users:,} x {n_items:,}, {pairs:,} pairs, d = {d}, {numba.get_num_threads()} threads")
    plain: dict[str, Any] = {"lr": 0.001, "weight_decay": 0.01, "batch_size": 4096}
    included = plain | {"exclude_positives": False}
    contenders: list[tuple[Sampler, dict[str, Any]]] = [
        (DNS(5, 200), included),
        (DNS(5, 200), plain),
        (DNS(2, 200), included),
        (DNS(100, 200), included),
        (SoftmaxV(1.0, 200), included),
        (SoftmaxExact(1.0, 200), included),
        (Uniform(1), included),
        (Uniform(1), included | {"optimizer": "sgd", "sparse": True, "lr": 0.05}),
    ]
    if options.samplers:
        contenders = [(sampler, included) for sampler in dict.fromkeys([DNS(5, 200), *defaults(train)])]
    models = [BPRMF(d, sampler, epochs=1, rng=0, **settings).fit(train) for sampler, settings in contenders]
    limits, implicit = Limits(n_items, d), implicit_epoch(train, d) if options.peers else None
    limits()  # compile
    measured: list[tuple[float, ...]] = []
    for _ in tqdm(range(options.epochs), desc="rounds of one epoch each", disable=None):
        for model in models:
            model.partial_fit(train, epochs=1)
        measured.append(
            (*limits(), *(model.history_[-1]["seconds"] for model in models), implicit() if implicit else 0)
        )
    rounds = np.array(measured)
    dots, triad = rounds[:, 0], rounds[:, 1]
    print(f"limits: {np.median(dots) / 1e6:.0f} M gathered dots/s, {np.median(triad) / 1e9:.1f} GB/s triad")
    rows: list[dict[str, Any]] = []
    for (sampler, settings), seconds in zip(contenders, rounds[:, 2:].T):
        floor = pairs * sampler.N / dots + (0 if "sparse" in settings else moved / triad)
        note = "" if settings.get("exclude_positives", True) is False else ", positives excluded"
        note += ", sparse SGD" if "sparse" in settings else ""
        row = {
            "sampler": str(sampler) + note, "seconds": float(np.median(seconds)), "fastest": float(seconds.min()),
            "of_floor": float(np.median(seconds / floor)), "of_dns": float(np.median(seconds / rounds[:, 2])),
            "of_implicit": float(np.median(seconds / rounds[:, -1])) if implicit else None,
        }  # fmt: skip
        rows.append(row)
        ratios = f"{row['of_floor']:5.2f} x floor  {row['of_dns']:5.2f} x DNS(5,200)"
        ratios += f"  {row['of_implicit']:5.2f} x implicit" if implicit else ""
        speed = f"{row['seconds']:7.3f} s/epoch (fastest {row['fastest']:.3f})"
        speed += f"  {pairs / row['seconds'] / 1e6:6.2f} M pairs/s"
        print(f"{row['sampler']:42s} {speed}  {ratios}")
    if implicit:
        seconds = rounds[:, -1]
        rows.append({"sampler": "implicit BPR", "seconds": float(np.median(seconds)), "fastest": float(seconds.min())})
        print(f"{'implicit BPR, 1 negative':42s} {np.median(seconds):7.3f} s/epoch (fastest {seconds.min():.3f})")
    rows += fresh(options.data)
    if options.json:
        machine = {"dots": float(np.median(dots)), "triad": float(np.median(triad))}
        write_text(options.json, json.dumps({"data": name, **machine, "rows": rows}, indent=2) + "\n")
    return 0


def defaults(train: sparse.csr_matrix) -> list[Sampler]:
    """Every sampler that ``hns train --sampler`` names, as it makes it."""
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return [make(parser.parse_args(["--sampler", name]), train) for name in SPECS]


_FRESH = """
import sys, time
from pathlib import Path
import numpy as np
from scipy import sparse
from sim.bpr import BPRMF
from sim.data import load
from sim.sampling import DNS
start = time.perf_counter()
BPRMF(32, DNS(5, 200), 0.001, 0.01, epochs=1, batch_size=4096, rng=0).fit(sparse.eye(100, 300, format="csr"))
print(time.perf_counter() - start)
if len(sys.argv) > 1:
    BPRMF(32, DNS(5, 200), 0.001, 0.01, epochs=2, batch_size=4096, rng=0).fit(load(sys.argv[1]).fit)
# not getrusage: a child's maximum starts at its parent's
status = Path("/proc/self/status")
lines = dict(line.split(":", 1) for line in status.read_text().splitlines()) if status.exists() else {}
print(int(lines["VmHWM"].split()[0]) / 1024 if lines else "nan")
"""


def fresh(data: str) -> list[dict[str, Any]]:
    """Seconds to compile without and with a cache, and peak memory of loading and training, in fresh processes."""
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for name, extra in (("compile, no cache", []), ("compile, cached", []), ("", [data]), ("memory", [data])):
            done = subprocess.run(
                [sys.executable, "-c", _FRESH, *extra], env=os.environ | {"NUMBA_CACHE_DIR": cache}, check=True,
                capture_output=True, text=True,
            )  # fmt: skip
            if name:  # the unnamed run compiles what only the data needs
                seconds, peak = (float(line) for line in done.stdout.split()[-2:])
                what = (
                    f"peak memory of a process {peak:.0f} MiB" if extra else f"{seconds:.2f} s to the end of a tiny fit"
                )
                print(f"{name:42s} {what}")
                rows.append({"sampler": name, "seconds": seconds, "peak_mib": peak})
    return rows


def implicit_epoch(train: sparse.csr_matrix, d: int) -> Callable[[], float]:
    """Seconds of an epoch of implicit's BPR (one negative, asynchronous SGD), the mean of five."""
    try:
        from implicit.bpr import BayesianPersonalizedRanking
    except ImportError:
        raise SystemExit("--peers needs implicit: pip install implicit") from None
    model = BayesianPersonalizedRanking(factors=d, iterations=5, num_threads=numba.get_num_threads())
    model.fit(train, show_progress=False)

    def epoch() -> float:
        start = time.perf_counter()
        model.fit(train, show_progress=False)
        return (time.perf_counter() - start) / 5

    return epoch


if __name__ == "__main__":
    sys.exit(main())
