"""Quality against seconds: this trainer beside other CPU programs on one data set and one split.

    python benchmarks/bench_peers.py                        Gowalla; writes figures/B-quality.{csv,json,pdf,png}
    python benchmarks/bench_peers.py --only numpy           adds to that figure; other programs' points are kept
    python benchmarks/bench_peers.py --data ml-100k --only dns implicit --out DIR
    pip install implicit lightfm-next cornac torch          the peers; those that are missing are named and left out

Seconds are training alone: neither evaluation nor compilation counts. All programs are judged by the same code: full
ranking of all items, train items taken out, test positives of all users. Settings of this trainer were chosen on the
validation split for DNS (lr in .005, .01, .02 and decay in .002, .004); the peers' are near the ones that their
documentation recommends, given below.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from sim.bpr import BPRMF, rank_positives
from sim.data import load
from sim.runs.output import write_figure
from sim.sampling import DNS, Sampler, SoftmaxV, Uniform
from sim.studies.style import PALETTE, style

Curve = Iterator[tuple[int, float, NDArray[Any], NDArray[Any]]]
"""Epochs done, seconds spent, user factors, item factors; both tables with biases as columns where there are any."""

D = 32


def ours(sampler: Sampler, marks: list[int], **settings: Any) -> Callable[[sparse.csr_matrix], Curve]:
    """This trainer."""

    def run(train: sparse.csr_matrix) -> Curve:
        BPRMF(D, sampler, epochs=1, rng=0, **settings).fit(train[:100])  # compile
        model = BPRMF(D, sampler, epochs=marks[-1], rng=0, **settings)
        seconds, done = 0.0, 0
        for mark in marks:
            start = time.perf_counter()
            model.partial_fit(train, epochs=mark - done)
            seconds += time.perf_counter() - start
            done = mark
            yield mark, seconds, model.user_factors, model.item_factors

    return run


def implicit_bpr(marks: list[int]) -> Callable[[sparse.csr_matrix], Curve]:
    """implicit's BPR: asynchronous SGD, one negative in proportion to popularity."""

    def run(train: sparse.csr_matrix) -> Curve:
        from implicit.bpr import BayesianPersonalizedRanking

        model = BayesianPersonalizedRanking(
            factors=D, learning_rate=0.05, regularization=0.01, num_threads=numba.get_num_threads(), random_state=0
        )
        seconds, done = 0.0, 0
        for mark in marks:
            model.iterations = mark - done
            start = time.perf_counter()
            model.fit(train, show_progress=False)  # goes on from its factors
            seconds += time.perf_counter() - start
            done = mark
            yield mark, seconds, np.asarray(model.user_factors), np.asarray(model.item_factors)

    return run


def lightfm_warp(marks: list[int]) -> Callable[[sparse.csr_matrix], Curve]:
    """lightfm's WARP: hard negatives by rejection, AdaGrad."""

    def run(train: sparse.csr_matrix) -> Curve:
        from lightfm import LightFM

        model = LightFM(no_components=D, loss="warp", learning_rate=0.05, random_state=0)
        pairs = train.tocoo()
        seconds, done = 0.0, 0
        for mark in marks:
            start = time.perf_counter()
            model.fit_partial(pairs, epochs=mark - done, num_threads=numba.get_num_threads())
            seconds += time.perf_counter() - start
            done = mark
            one = np.ones((train.shape[0], 1), np.float32)
            yield (
                mark, seconds, np.hstack([model.user_embeddings, one]),
                np.hstack([model.item_embeddings, model.item_biases[:, None]]),
            )  # fmt: skip

    return run


def cornac_bpr(marks: list[int]) -> Callable[[sparse.csr_matrix], Curve]:
    """cornac's BPR; its fit starts anew, so every point is a run of its own."""

    def run(train: sparse.csr_matrix) -> Curve:
        from cornac.data import Dataset
        from cornac.models import BPR

        pairs = train.tocoo()
        users, items = ({str(i): i for i in range(n)} for n in train.shape)
        data = Dataset.build(
            [(str(u), str(i), 1.0) for u, i in zip(pairs.row, pairs.col)], global_uid_map=users, global_iid_map=items
        )
        for mark in marks:
            model = BPR(
                k=D, max_iter=mark, learning_rate=0.05, lambda_reg=0.001, num_threads=numba.get_num_threads(), seed=0
            )
            start = time.perf_counter()
            model.fit(data)
            seconds = time.perf_counter() - start
            one = np.ones((train.shape[0], 1), np.float32)
            U, V, b = np.zeros((train.shape[0], D)), np.zeros((train.shape[1], D)), np.zeros((train.shape[1], 1))
            U[: len(model.u_factors)], V[: len(model.i_factors)] = model.u_factors, model.i_factors
            b[: len(model.i_biases), 0] = model.i_biases
            yield mark, seconds, np.hstack([U, one]), np.hstack([V, b])

    return run


def numpy_dns(marks: list[int], *, M: int = 5, N: int = 200, lr: float = 0.005, decay: float = 0.004) -> Any:
    """The published program's algorithm, batch by batch in vectorised NumPy: mean over the M hardest, dense Adam."""

    def run(train: sparse.csr_matrix) -> Curve:
        rng = np.random.default_rng(0)
        users, items = (a.astype(np.int64) for a in train.nonzero())
        tables = [rng.normal(0, 0.1, (n, D)).astype(np.float32) for n in train.shape]
        moments = [(np.zeros_like(t), np.zeros_like(t)) for t in tables]
        seconds, done, step = 0.0, 0, 0
        for mark in marks:
            start = time.perf_counter()
            for _ in range(mark - done):
                order = rng.permutation(users.size)
                for first in range(0, order.size, 4096):
                    batch = order[first : first + 4096]
                    step += 1
                    for table, gradient, (m, v) in zip(
                        tables, gradients(rng, tables, users[batch], items[batch]), moments
                    ):
                        gradient = gradient + decay * table
                        m += 0.1 * (gradient - m)
                        v += 0.001 * (gradient * gradient - v)
                        table -= lr * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
            seconds += time.perf_counter() - start
            done = mark
            yield mark, seconds, *tables

    def gradients(rng: Any, tables: list[NDArray[Any]], u: NDArray[Any], i: NDArray[Any]) -> Iterator[NDArray[Any]]:
        U, V = tables
        towards = U[u]  # as they are before their step
        pool = rng.integers(0, len(V), (u.size, N))
        scores = np.einsum("bnd,bd->bn", V[pool], towards, optimize=True)
        hard = np.argpartition(scores, N - M, axis=1)[:, N - M :]
        negatives, scores = np.take_along_axis(pool, hard, 1), np.take_along_axis(scores, hard, 1)
        slope = 1 / (1 + np.exp((towards * V[i]).sum(axis=1, keepdims=True) - scores)) / M
        difference = V[negatives] - V[i][:, None]
        yield scatter(len(U), u, np.einsum("bm,bmd->bd", slope, difference))
        rows = np.concatenate([i, negatives.ravel()])
        weights = np.concatenate([-slope.sum(axis=1, keepdims=True) * towards, *(slope[..., None] * towards[:, None])])
        yield scatter(len(V), rows, weights)

    def scatter(n: int, rows: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
        ones = np.ones(rows.size, np.float32)
        return sparse.csr_matrix((ones, (rows, np.arange(rows.size))), (n, rows.size)) @ values

    return run


def torch_dns(marks: list[int], *, M: int = 5, N: int = 200, lr: float = 0.005, decay: float = 0.004) -> Any:
    """The same algorithm as a PyTorch program: embeddings, autograd, ``torch.optim.Adam`` on all rows.

    Its speed hangs on the allocator: with MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=100000000000 in the environment it
    keeps the 105 MB of a batch's rows instead of asking the system for them again.
    """

    def run(train: sparse.csr_matrix) -> Curve:
        import torch
        from torch.nn.functional import softplus

        torch.manual_seed(0)
        torch.set_num_threads(numba.get_num_threads())
        users, items = (torch.from_numpy(a.astype(np.int64)) for a in train.nonzero())
        U, V = (torch.nn.Embedding(n, D) for n in train.shape)
        for table in (U, V):
            torch.nn.init.normal_(table.weight, std=0.1)
        optimizer = torch.optim.Adam([U.weight, V.weight], lr=lr, weight_decay=decay)
        seconds, done = 0.0, 0
        for mark in marks:
            start = time.perf_counter()
            for _ in range(mark - done):
                for batch in torch.randperm(len(users)).split(4096):
                    towards, i = U(users[batch]), items[batch]
                    pool = torch.randint(train.shape[1], (len(batch), N))
                    scores = torch.einsum("bnd,bd->bn", V(pool), towards)
                    hardest = scores.topk(M, dim=1).values
                    loss = softplus(hardest - (towards * V(i)).sum(1, keepdim=True)).mean(1).sum()
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
            seconds += time.perf_counter() - start
            done = mark
            yield mark, seconds, U.weight.detach().numpy(), V.weight.detach().numpy()

    return run


TUNED: dict[str, Any] = {"lr": 0.005, "weight_decay": 0.004, "exclude_positives": False}
LONG, SHORT = [2, 4, 8, 16, 32, 64, 128], [4, 8, 16, 32, 64]
PROGRAMS: dict[str, tuple[str, Callable[[sparse.csr_matrix], Curve]]] = {
    "dns": ("DNS(5, 200)", ours(DNS(5, 200), [2, 4, 6, 8, 12, 16, 24, 32, 64, 100], **TUNED)),
    "softmax-v": ("Softmax-v(1, 200)", ours(SoftmaxV(1.0, 200), [2, 4, 6, 8, 12, 16, 24, 32, 64], **TUNED)),
    "uniform": ("uniform, 1 negative", ours(Uniform(1), [4, 8, 16, 32, 64, 100], **TUNED)),
    "implicit": ("implicit BPR", implicit_bpr(LONG)),
    "lightfm": ("lightfm WARP", lightfm_warp(SHORT)),
    "cornac": ("cornac BPR", cornac_bpr([8, 32, 100])),
    "numpy": ("DNS(5, 200) in NumPy", numpy_dns([1, 2, 4])),
    "torch": ("DNS(5, 200) in PyTorch", torch_dns([1, 2])),
}


def measure(name: str, data: Any) -> list[dict[str, Any]]:
    """One program's curve, or the one line why there is none."""
    title, run = PROGRAMS[name]
    rows = []
    try:
        for epochs, seconds, U, V in run(data.fit):
            ranks = rank_positives(U, V, data.test, exclude=data.fit)
            values = ranks.top_k((20, 50))
            means = {name: float(np.mean(value[ranks.users])) for name, value in values.items()}
            row = {"program": title, "epochs": epochs, "seconds": seconds, **means}
            rows.append(row)
            print(
                f"{title:22s} {epochs:4d} epochs {seconds:8.1f} s   NDCG@50 {row['ndcg@50']:.4f}  "
                f"Recall@50 {row['recall@50']:.4f}   {seconds / epochs:.3f} s an epoch",
                flush=True,
            )
    except ImportError as error:
        print(f"{title:22s} left out: {error}")
    return rows


def plot(table: pd.DataFrame) -> Any:
    """NDCG@50 against seconds of training, one line a program."""
    with style() as plt:
        figure, ax = plt.subplots(figsize=(6.4, 3.8))
        for colour, (program, part) in zip(PALETTE.values(), table.groupby("program", sort=False)):
            line = "-" if program in {PROGRAMS[n][0] for n in ("dns", "softmax-v", "uniform")} else "--"
            ax.plot(part.seconds, part["ndcg@50"], line, marker="o", markersize=3.5, color=colour, label=program)
        ax.set(xscale="log", xlabel="seconds of training", ylabel="NDCG@50", ylim=(0, None))
        figure.legend(loc="outside right center")
    return figure


def main() -> int:
    """Run the programs one after the other; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="gowalla")
    parser.add_argument("--only", nargs="+", choices=list(PROGRAMS), default=list(PROGRAMS), metavar="NAME")
    parser.add_argument("--out", type=Path, default=Path("figures"))
    options = parser.parse_args()
    data = load(options.data)
    rows: list[dict[str, Any]] = []
    for name in options.only:
        rows += measure(name, data)
    if not rows:
        return 1
    table, old = pd.DataFrame(rows), options.out / "B-quality.csv"
    if old.exists():  # the order is that of PROGRAMS
        kept = pd.read_csv(old)
        table = pd.concat([kept[~kept.program.isin(table.program)], table])
        order = [title for title, _ in PROGRAMS.values()]
        table = table.sort_values(["program", "epochs"], key=lambda c: c.map(order.index) if c.name == "program" else c)
    threads = numba.get_num_threads()
    info = {
        "title": "Quality against seconds of training",
        "caption": (
            f"NDCG@50 on {data.name}'s test positives (full ranking) against seconds of training on {threads} threads "
            f"of one machine, d = {D}; evaluation and compilation not counted. Solid: this trainer; dashed: other "
            "programs with the settings of benchmarks/bench_peers.py."
        ),
        "command": "python benchmarks/bench_peers.py",
    }
    write_figure(options.out, "B-quality", table, plot(table), info)
    return 0


if __name__ == "__main__":
    sys.exit(main())
