"""Markdown tables that lay the results of a study, or of all, side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from .answers import plain_name
from .guideline.curves import best
from .guideline.g1_sets import IN_TIME, best_sets
from .pages import Evidence
from .study import get_study, studies
from .style import AXES, METRIC_NAMES
from .tables.methods import markdown_means
from .words import ALPHA, span

__all__ = ["about", "index", "overview"]

SHOWN_KS = (1, 5, 20, 50, 100)


def overview(name: str, evidence: Evidence) -> str:
    """The table of this name."""
    made: dict[str, Callable[[Evidence], str]] = {
        "ends": ends, "peaks": peaks, "trend": trend, "figure1": figure1, "levels-in-time": levels_in_time,
        "prediction": prediction, "epochs": epochs, "data-sets": data_sets,
    }  # fmt: skip
    return made[name](evidence) if name in made else markdown_means(evidence.table(name))


def markdown(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A Markdown table.

    Examples
    --------
    >>> print(markdown(["a", "b"], [[1, 2]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [columns, *rows]
    text = [f"| {' | '.join(map(str, line))} |" for line in lines]
    return "\n".join([text[0], "|---" * len(columns) + "|", *text[1:]])


def spanned(level: pd.Series) -> str:
    """What a level keeps of the best, with its interval."""
    return span(level["relative"], level["relative_low"], level["relative_high"], ".2f")


def ends(evidence: Evidence) -> str:
    """A row a data set: the best M/N, and what the two ends keep."""
    table = evidence.table("F8")
    part = table[(table.axis == "M") & (table.metric == "ndcg") & (table.k == 20) & (table.hardness > 0)]
    rows = []
    for top in best_sets(evidence.table("G1-sets")).itertuples():
        levels = part[part.data == top.data].sort_values("hardness")
        kept = [spanned(levels.iloc[at]) for at in (0, -1)]
        seeds, users = levels.iloc[0].seeds, levels.iloc[0].users
        spread = span(top.best, top.low, top.high, ".3g")
        rows.append([plain_name(top.data), f"{top.density:.2g}", spread, *kept, f"{seeds:.0f}", f"{users:,}"])
    return markdown(
        ["data set", "density", "best M/N", "the hardest keeps", "uniform sampling keeps", "seeds", "users"], rows
    )


def peaks(evidence: Evidence) -> str:
    """A row a data set, axis and metric: the best level for every K."""
    rows = []
    for figure in ("F8", "F9", "F10"):
        tops = best(evidence.table(figure)).query("metric in ('ndcg', 'recall')")
        lines = dict(list(tops.groupby(["data", "axis", "metric"], sort=False)))
        sets = list(dict.fromkeys((data, axis) for data, axis, _ in lines))
        for (data, axis, metric), part in sorted(lines.items(), key=lambda line: sets.index(line[0][:2])):
            at = part.set_index("k").parameter
            name = AXES[axis][0]
            rows.append([plain_name(data), name, METRIC_NAMES[metric], *(f"{at[k]:g}" for k in SHOWN_KS)])
    return markdown(["data set", "sampler", "metric", *(f"K = {k}" for k in SHOWN_KS)], rows)


def trend(evidence: Evidence) -> str:
    """A row a data set and axis: elasticity of the best hardness in K."""
    rows = []
    for (data, axis), part in evidence.table("G2-trend").groupby(["data", "axis"], sort=False):
        at = part.set_index("metric")
        entries = []
        for metric in ("recall", "ndcg", "precision"):
            row = at.loc[metric]
            entries.append(span(row.elasticity, row.low, row.high, ".2f") + " *" * bool(row.p_holm < ALPHA))
        rows.append([plain_name(data), AXES[axis][0], *entries])
    return markdown(["data set", "sampler", "Recall", "NDCG", "Precision"], rows)


def figure1(evidence: Evidence) -> str:
    """A row a data set and method: against uniform sampling, against no sampling."""
    rows = []
    table = evidence.table("F1")
    for row in table[(table.metric == "ndcg@50") & (table.method != "BPR")].itertuples():
        over = [
            span(value - 1, low - 1, high - 1, "+.1%")
            for value, low, high in ((row.gain, row.gain_low, row.gain_high), (row.lead, row.lead_low, row.lead_high))
        ]
        if row.method == "NonSampling":
            over[1] = ""
        rows.append([plain_name(row.data), row.method, f"{row.mean:.4f}", *over, f"{row.seeds:.0f}"])
    return markdown(["data set", "method", "NDCG@50", "over uniform BPR", "over no sampling", "seeds"], rows)


def levels_in_time(evidence: Evidence) -> str:
    """A row a level of M: what it keeps of the best, split at random and in time."""
    table = evidence.table("F8")
    part = table[(table.axis == "M") & (table.metric == "ndcg") & (table.k == 20) & (table.hardness > 0)]
    later = [data for data in dict.fromkeys(part.data) if data.endswith(IN_TIME)]
    sets = [name for data in later for name in (data.removesuffix(IN_TIME), data)]
    at = part.set_index(["data", "parameter"])
    rows = []
    for level in sorted(set(part[part.data.isin(later)].parameter)):
        rows.append([f"{level:g}", *(spanned(at.loc[(data, level)]) for data in sets)])
    return markdown(["M of 200", *map(plain_name, sets)], rows)


def prediction(evidence: Evidence) -> str:
    """A row a data set: the correlation of Recall@20 over models with OPAUC at random rankings' beta, with AUC."""
    table = evidence.table("F6-data")
    rows = []
    for data, part in table[(table.metric == "recall") & (table.k == 20)].groupby("data", sort=False):
        by = dict(list(part.groupby("over", sort=False)))
        shown = []
        for over in ("models", "users", "within"):
            one = by[over]
            named, auc = one.loc[one.random.idxmax()], one.loc[one.beta.idxmax()]
            shown.append(f"{named.correlation:.3f} (AUC {auc.correlation:.2f})")
            beta = named.beta
        rows.append([plain_name(str(data)), f"{beta:.2g}", *shown, f"{part.models.iloc[0]}"])
    return markdown(["data set", "β", "over models", "over users", "over models, per user", "models"], rows)


def epochs(evidence: Evidence) -> str:
    """Seconds of an epoch, as they were measured."""
    table = evidence.table("B-epoch")
    rows = [[r.what, f"{r.seconds:.2f}", f"{r.ratio:.3g} x {r.reference}"] for r in table.itertuples()]
    return markdown(["one epoch of Gowalla (822,358 pairs, d = 32, 2 threads)", "seconds", "against"], rows)


def data_sets(evidence: Evidence) -> str:
    """Table 1 with what could be had."""
    rows = []
    for row in evidence.table("T1").itertuples():
        numbers = [row.users, row.items, row.train, row.test]
        printed = [row.paper_users, row.paper_items, row.paper_train, row.paper_test]
        cells = [_count(n) + (f" ({_count(p)})" if pd.notna(p) else "") for n, p in zip(numbers, printed)]
        rows.append([row.data, *cells])
    return markdown(["data set", "users", "items", "train pairs", "test pairs"], rows)


def _count(number: float) -> str:
    return "" if pd.isna(number) else f"{number:,.0f}"


def about(name: str) -> str:
    """Where the files of a figure are, and how it is made."""
    study = get_study(name)
    files = f"[table](../../figures/{name}.csv), [how it was made](../../figures/{name}.json)"
    source = f"[source](../../{study.module.replace('.', '/')}.py)"
    return f"*{study.title}: {files}, {source}; made anew by `hns reproduce --only {name}`.*"


def index(pages: dict[str, str], figures: Any) -> str:
    """A row a study: its figure, the page that speaks of it.

    Parameters
    ----------
    pages : dict
        File name of a page to its text.
    figures : Path
        Folder of the published figures.
    """
    rows = []
    for study in studies().values():
        told = [name for name, text in pages.items() if f"figures/{study.id}." in text or f"say {study.id}/" in text]
        suffix = "png" if (figures / f"{study.id}.png").is_file() else "csv"
        where = ", ".join(f"[{name.removesuffix('.md')}]({name})" for name in told)
        rows.append([f"[{study.id}](../../figures/{study.id}.{suffix})", study.title, study.made, where])
    return markdown(["id", "what it shows", "rests on", "told in"], rows)
