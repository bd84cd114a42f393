"""Learning curves on Gowalla over the paper's 200 epochs, beside points of the published program and of Table 2.

    python benchmarks/bench_curve.py            writes figures/B-curve.{csv,json,pdf,png}; ten minutes on two cores
    python benchmarks/bench_curve.py --epochs 20

DNS(5, 200) as the published program trains it (paper_settings: summed loss, positives in the pools, Adam with L2 0.01,
lr 0.001), and Softmax-v(1, 200) under the same settings but for the decay, 0.002: softmax's weights sum to one where
the program sums over DNS's five. One seed. A finished run is kept in the results folder.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sim.bpr import BPRMF, paper_settings, rank_positives
from sim.core.files import write_text
from sim.data import load
from sim.runs.options import results_dir
from sim.runs.output import write_figure
from sim.sampling import DNS, Sampler, SoftmaxV
from sim.studies.style import PALETTE, style

MARKS = (1, 2, 4, 6, 8, 10, 12, 14, 16, 20, 25, 30, 40, 50, 70, 100, 130, 160, 200)
RUNS: dict[str, tuple[Sampler, dict[str, Any]]] = {
    "DNS(5, 200)": (DNS(5, 200), {}),
    "Softmax-v(1, 200)": (SoftmaxV(1.0, 200), {"weight_decay": 0.002}),
}
PUBLISHED = {"DNS(5, 200)": (0.1811, 0.2989), "Softmax-v(1, 200)": (0.1837, 0.2993)}
"""Table 2's NDCG@50 and Recall@50 of DNS(M, N) and Softmax-v, tuned there."""

AUTHORS = {
    1: (0.0015, 0.0028), 2: (0.0043, 0.0069), 4: (0.0400, 0.0610), 6: (0.0879, 0.1440), 8: (0.1071, 0.1764),
    10: (0.1181, 0.1946), 12: (0.1258, 0.2082), 14: (0.1331, 0.2209), 16: (0.1388, 0.2308),
}  # fmt: skip
"""NDCG@50 and Recall@50 of the published program, DNS(5, 200), on the same matrix, split by the same law."""


def curve(name: str, epochs: int) -> list[dict[str, Any]]:
    """Test metrics of one run at some epochs."""
    sampler, changes = RUNS[name]
    data = load("gowalla")
    settings = {**paper_settings("gowalla"), **changes, "sampler": sampler, "epochs": epochs}
    rows: list[dict[str, Any]] = []

    def look(model: BPRMF, record: dict[str, Any]) -> None:
        if record["epoch"] in MARKS or record["epoch"] == epochs:
            ranks = rank_positives(model.user_factors, model.item_factors, data.test, exclude=data.fit)
            means = {metric: float(np.mean(value[ranks.users])) for metric, value in ranks.top_k((5, 20, 50)).items()}
            seconds = sum(past["seconds"] for past in model.history_)
            rows.append({"run": name, "epoch": record["epoch"], "seconds": seconds, "loss": record["loss"], **means})
            text = f"NDCG@50 {means['ndcg@50']:.4f}  Recall@50 {means['recall@50']:.4f}"
            print(f"{name:18s} {record['epoch']:4d}  {seconds:6.0f} s  loss {record['loss']:.4f}  {text}", flush=True)

    BPRMF(**settings, rng=10).fit(data.fit, callbacks=[look])
    return rows


def plot(table: pd.DataFrame) -> Any:
    """NDCG@50 and Recall@50 against epochs."""
    with style() as plt:
        figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.4))
        for ax, metric, at in zip(axes, ("ndcg@50", "recall@50"), (0, 1)):
            for colour, (name, part) in zip(("blue", "red"), table.groupby("run", sort=False)):
                ax.plot(part.epoch, part[metric], color=PALETTE[colour], marker="o", markersize=2.8, label=name)
                ax.axhline(PUBLISHED[name][at], color=PALETTE[colour], linestyle=":", label=f"{name}, Table 2")
            points = [value[at] for value in AUTHORS.values()]
            ax.plot(list(AUTHORS), points, "x", color=PALETTE["black"], label="published program, DNS(5, 200)")
            title = {"ndcg@50": "NDCG@50", "recall@50": "Recall@50"}[metric]
            ax.set(xscale="log", xlabel="epoch", ylabel=title, ylim=(0, None))
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside right center")
    return figure


def main() -> int:
    """Run both; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=200)
    parser.add_argument("--only", nargs="+", choices=list(RUNS), default=list(RUNS), metavar="RUN")
    parser.add_argument("--out", type=Path, default=Path("figures"))
    options = parser.parse_args()
    tables = []
    for name in options.only:
        kept = results_dir() / f"curve-{name.split('(')[0].lower()}-{options.epochs}.csv"
        if kept.exists():
            tables.append(pd.read_csv(kept))
            continue
        tables.append(pd.DataFrame(curve(name, options.epochs)))
        write_text(kept, tables[-1].to_csv(index=False))
    table = pd.concat(tables)
    last = table.groupby("run", sort=False).last()
    reached = "; ".join(f"{name}: {row['ndcg@50']:.4f}, {row['recall@50']:.4f}" for name, row in last.iterrows())
    info = {
        "title": "Learning curves on Gowalla",
        "caption": (
            f"Test NDCG@50 and Recall@50 on Gowalla over {options.epochs} epochs at the published settings, one seed; "
            f"at the end {reached}. Dotted: Table 2. Crosses: points of the published program under the settings of "
            "DNS(5, 200), on its own split."
        ),
        "command": "python benchmarks/bench_curve.py",
    }
    write_figure(options.out, "B-curve", table, plot(table), info)
    return 0


if __name__ == "__main__":
    sys.exit(main())
