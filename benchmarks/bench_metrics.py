"""Timings of sim.metrics beside scikit-learn and a vectorised NumPy version; medians and ratios of one run.

    python benchmarks/bench_metrics.py [--users 29858] [--items 200]

Run on an idle machine; compare ratios, absolute times drift. Compilation and first touches are not timed.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from sklearn.metrics import ndcg_score, roc_auc_score

from sim import metrics as m


def median_seconds(function: Callable[[], object], repeat: int, number: int = 1) -> float:
    """Median over ``repeat`` measurements of the mean over ``number`` calls, after one call that is not timed."""
    function()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        for _ in range(number):
            function()
        times.append((time.perf_counter() - start) / number)
    return statistics.median(times)


def report(title: str, rows: list[tuple[str, float]]) -> None:
    """Print a table with ratios to the first row."""
    print(f"\n{title}")
    for name, seconds in rows:
        print(f"  {name:<58} {1e6 * seconds:>14,.1f} us   {seconds / rows[0][1]:>8.1f} x")


def numpy_topk(y: np.ndarray, s: np.ndarray, ks: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """Recall and NDCG of every row by argpartition, a sort of the top, and cumulative sums."""
    k_max = max(ks)
    top = np.argpartition(-s, k_max - 1, axis=1)[:, :k_max]
    order = np.argsort(-np.take_along_axis(s, top, axis=1), axis=1, kind="stable")
    hits = np.take_along_axis(y, np.take_along_axis(top, order, axis=1), axis=1).astype(np.float64)
    n_pos = y.sum(axis=1)
    discount = 1 / np.log2(np.arange(2, k_max + 2))
    dcg, ideal = (hits * discount).cumsum(axis=1), discount.cumsum()
    cut = np.array(ks) - 1
    recall = hits.cumsum(axis=1)[:, cut] / n_pos[:, None]
    return recall, dcg[:, cut] / ideal[np.minimum(n_pos[:, None], cut + 1) - 1]


def main() -> None:
    """Time everything and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=29_858)
    parser.add_argument("--items", type=int, default=200)
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    rng = np.random.default_rng(0)

    y = np.zeros(1000, bool)
    y[rng.choice(1000, 200, replace=False)] = True
    s = rng.normal(size=1000)
    assert abs(m.opauc(y, s, 0.1, normalize="mcclish") - roc_auc_score(y, s, max_fpr=0.1)) < 1e-12
    report(
        "One list of 1000 items, 200 positive",
        [
            ("opauc(beta=0.1)", median_seconds(lambda: m.opauc(y, s, 0.1), options.repeat, 300)),
            ("llpauc(alpha=0.3, beta=0.1)", median_seconds(lambda: m.llpauc(y, s, 0.3, 0.1), options.repeat, 300)),
            ("auc", median_seconds(lambda: m.auc(y, s), options.repeat, 300)),
            ("ndcg_at_k(k=20)", median_seconds(lambda: m.ndcg_at_k(y, s, 20), options.repeat, 300)),
            (
                "scikit-learn roc_auc_score(max_fpr=0.1)",
                median_seconds(lambda: roc_auc_score(y, s, max_fpr=0.1), 5, 20),
            ),
            ("scikit-learn ndcg_score(k=20)", median_seconds(lambda: ndcg_score(y[None], s[None], k=20), 5, 20)),
        ],
    )

    users, items, ks = options.users, options.items, [5, 20, 50]
    truth = rng.random((users, items)) < 0.05
    truth[:, 0] = True
    scores = rng.normal(size=(users, items)).astype(np.float32)
    ours = m.topk_metrics(truth, scores, ks)
    recall, ndcg = numpy_topk(truth, scores, ks)
    assert np.allclose(ours["recall"], recall) and np.allclose(ours["ndcg"], ndcg)
    few = slice(0, min(users, 500))

    def sklearn_ndcg() -> list[float]:
        return [ndcg_score(truth[few], scores[few], k=k) for k in ks]

    scale = users / (few.stop - few.start)
    report(
        f"{users:,} lists of {items} items, K = 5, 20, 50",
        [
            ("topk_metrics: six metrics", median_seconds(lambda: m.topk_metrics(truth, scores, ks), options.repeat)),
            (
                "topk_metrics, expectation over ties",
                median_seconds(lambda: m.topk_metrics(truth, scores, ks, ties="expected"), options.repeat),
            ),
            ("NumPy: recall and NDCG", median_seconds(lambda: numpy_topk(truth, scores, ks), options.repeat)),
            (f"scikit-learn: NDCG ({few.stop} lists, scaled up)", scale * median_seconds(sklearn_ndcg, 3)),
        ],
    )

    def sklearn_areas() -> list[float]:
        return [roc_auc_score(truth[r], scores[r], max_fpr=0.1) for r in range(few.stop)]

    report(
        f"{users:,} lists of {items} items, areas",
        [
            ("opauc(beta=0.1)", median_seconds(lambda: m.opauc(truth, scores, 0.1), options.repeat)),
            ("auc", median_seconds(lambda: m.auc(truth, scores), options.repeat)),
            (f"scikit-learn max_fpr=0.1 ({few.stop} lists, scaled up)", scale * median_seconds(sklearn_areas, 3)),
        ],
    )


if __name__ == "__main__":
    main()
