"""What shared pools save and cost: epochs of the same training with a pool a pair and with one for many, in turns.

    python benchmarks/bench_shared.py                       Gowalla (HNS_DATA_DIR or the network)
    python benchmarks/bench_shared.py --quality 5 --epochs 30      also NDCG@50 at equal epochs, paired by seed

A machine's speed drifts, so each round trains one epoch of every contender, and the ratios are medians over the rounds,
of wall time and of the process's CPU time. Rounds alternate in order.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from typing import Any

import numpy as np
from tqdm import tqdm

from sim.bpr import BPRMF, evaluate
from sim.data import load
from sim.sampling import DNS, Sampler, SoftmaxV

SAMPLERS = (DNS(5, 200), SoftmaxV(1.0, 200))
SETTINGS = {"factors": 32, "lr": 0.005, "weight_decay": 0.004, "batch_size": 4096}


def timed(model: BPRMF, train: Any) -> tuple[float, float]:
    """Wall and CPU seconds of one more epoch."""
    wall, cpu = time.perf_counter(), time.process_time()
    model.partial_fit(train, epochs=1)
    return time.perf_counter() - wall, time.process_time() - cpu


def speed(train: Any, sampler: Sampler, share: int, rounds: int, threads: int | None) -> dict[str, Any]:
    """Seconds of an epoch alone and shared, and the median of their ratios."""
    options = {"sampler": sampler, "rng": 0, "epochs": 0, "n_threads": threads, **SETTINGS}
    models = [BPRMF(pairs_per_pool=k, **options) for k in (1, share)]
    for model in models:
        timed(model, train)
    times = np.empty((rounds, 2, 2))
    for r in tqdm(range(rounds), desc=str(sampler), disable=None):
        for k in (0, 1) if r % 2 == 0 else (1, 0):
            times[r, k] = timed(models[k], train)
    wall, cpu = np.median(times[:, 1] / times[:, 0], axis=0)
    alone, shared = np.median(times[..., 0], axis=0)
    return {
        "sampler": str(sampler), "pairs_per_pool": share, "rounds": rounds, "alone": alone, "shared": shared,
        "ratio": wall, "cpu_ratio": cpu, "ratios": (times[:, 1, 0] / times[:, 0, 0]).round(3).tolist(),
    }  # fmt: skip


def quality(train: Any, test: Any, share: int, seeds: int, epochs: int) -> list[dict[str, Any]]:
    """NDCG@50 after the same epochs, alone and shared, by seed."""
    rows = []
    for seed in range(seeds):
        value = {}
        for k in (1, share):
            model = BPRMF(sampler=DNS(5, 200), pairs_per_pool=k, rng=seed, epochs=epochs, **SETTINGS).fit(train)
            value[k] = evaluate(model, test, exclude=train, ks=(50,))["ndcg@50"]
        rows.append({"seed": seed, "alone": value[1], "shared": value[share], "ratio": value[share] / value[1]})
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="gowalla")
    parser.add_argument("--share", type=int, default=64, help="pairs a pool (64)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, help="1: CPU time is then of work alone, on a busy machine too")
    parser.add_argument("--quality", type=int, default=0, metavar="SEEDS")
    parser.add_argument("--epochs", type=int, default=12, help="of the comparison of quality (12)")
    parser.add_argument("--json", help="write the results there")
    args = parser.parse_args()
    data = load(args.data)
    result: dict[str, Any] = {"speed": []}
    for sampler in SAMPLERS if args.rounds else ():
        row = speed(data.train, sampler, args.share, args.rounds, args.threads)
        print({k: round(v, 3) if isinstance(v, float) else v for k, v in row.items()}, flush=True)
        result["speed"].append(row)
    result["mebibytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory {result['mebibytes']:.0f} MiB", flush=True)
    if args.quality:
        result["quality"] = quality(data.train, data.test, args.share, args.quality, args.epochs)
        ratios = [row["ratio"] for row in result["quality"]]
        print(f"NDCG@50 shared / alone: mean {np.mean(ratios):.4f}, least {min(ratios):.4f}")
    if args.json:
        with open(args.json, "w") as file:
            json.dump(result, file, indent=1)


if __name__ == "__main__":
    main()
