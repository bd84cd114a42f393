"""Tab2: the methods of Tables 2 and 3 under one trainer, read from ``figures/Table2.csv`` and ``Table3.csv``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..figures import seeded_table
from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..tally import NothingToTest, Tally

OURS = ("DNS(M,N)", "Softmax-v")
BEYOND = ("Softmax-exact", "TopKOptimal", "AHNS", "NonSampling")
"""Rows of ours that the paper's tables do not have."""
BEHIND = ("BPR", "DNS(1,N)")
SOFTMAX = ("PRIS(U)", "PRIS(P)")


def _best_and_others(ours: tuple[str, ...], others: tuple[str, ...] | None = None) -> Iterator[tuple[str, Any, Any]]:
    """Of every table and data set the better of ``ours`` by NDCG@50, with each of the others (by default all)."""
    found = False
    for name in ("Table2", "Table3"):
        for data, part in seeded_table(name).query("metric == 'ndcg@50'").groupby("data", sort=False):
            rows = part.set_index("method")
            best = rows.loc[[m for m in ours if m in rows.index]]
            if best.empty:
                continue
            best = best.loc[best["mean"].idxmax()]
            for method, row in rows.drop(index=list(OURS + BEYOND), errors="ignore").iterrows():
                if others is None or method in others:
                    found = True
                    yield f"{name}, {data}: {best.name} {_text(best)}, {method} {_text(row)}", best, row
    if not found:
        raise NothingToTest("figures/Table2.csv and Table3.csv have no such rows")


def _text(row: Any) -> str:
    return f"{row['mean']:.4f} [{row.low:.4f}, {row.high:.4f}]"


def _ahead(a: Any, b: Any) -> bool:
    """The intervals are apart."""
    return bool(a.low > b.high)


@check("the better of DNS(M, N) and Softmax-v is ahead of every other method: the intervals are apart", Kind.REGRESSION)
def _ahead_of_all(p: Any, t: Tally) -> None:
    for words, best, other in _best_and_others(p.ours):
        t.holds(p.ahead(best, other), words)


@check(
    f"it is ahead of {' and '.join(BEHIND)} on every data set: the intervals are apart",
    Kind.REGRESSION,
    role=Role.SHARP,
)
def _ahead_of_some(p: Any, t: Tally) -> None:
    for words, best, other in _best_and_others(p.ours, BEHIND):
        t.reach({"data": words.split(":")[0].split(", ")[1]})
        t.holds(p.ahead(best, other), words)


@check(
    "no row of PRIS, a softmax over the same pool at a tuned temperature, is ahead of it",
    Kind.REGRESSION,
    role=Role.SHARP,
)
def _level_with_softmax(p: Any, t: Tally) -> None:
    for words, best, other in _best_and_others(p.ours, SOFTMAX):
        t.holds(not p.ahead(other, best), words)


@check(
    "Gowalla, matrix factorisation: it is ahead of every other method of the paper's table: the intervals are apart",
    Kind.REGRESSION,
    role=Role.SHARP,
)
def _ahead_on_gowalla(p: Any, t: Tally) -> None:
    for words, best, other in _best_and_others(p.ours):
        if words.startswith("Table2, gowalla:"):
            t.holds(p.ahead(best, other), words)


@check(
    "Gowalla, matrix factorisation: BPR and DNS(1, N) reach at least 1.1 times the printed numbers; DNS(M, N) is "
    "ahead of DNS(1, N) by less than a third of the printed 28%",
    Kind.REGRESSION,
    role=Role.SHARP,
)
def _printed_gap(p: Any, t: Tally) -> None:
    table = seeded_table("Table2").query("data == 'gowalla' and metric == 'ndcg@50'").set_index("method")
    if not {*BEHIND, "DNS(M,N)"} <= {*table.index}:
        raise NothingToTest(
            "figures/Table2.csv has no such rows of Gowalla; hns reproduce --only Table2 --profile paper"
        )
    for method in BEHIND:
        row = table.loc[method]
        t.holds(row.low >= p.factor * row.paper, f"{method}: {_text(row)}, printed {row.paper:.4f}")
    ours, printed = (table[c]["DNS(M,N)"] / table[c]["DNS(1,N)"] - 1 for c in ("mean", "paper"))
    t.note(f"DNS(M, N) is {ours:.1%} ahead of DNS(1, N); printed {printed:.1%}")
    t.holds(0 < ours < printed / 3, f"{ours:.1%} and {printed:.1%}")


def _example() -> str:
    words = [words for words, best, other in _best_and_others(OURS) if not _ahead(best, other)]
    return "; ".join(words[:2]) + "."


TAB2 = Claim(
    id="Tab2",
    title="Tables 2 and 3: DNS(M, N) and Softmax-v beside the other methods",
    where="Tables 2 and 3",
    statement="With their hardness under control, DNS(M, N) and Softmax-v are ahead of every other method.",
    latex=r"metric(\text{DNS}(M,N)),\ metric(\text{Softmax-v})\ >\ metric(\text{any other})",
    domain="Training runs with one trainer, one split a data set and the same number of trainings on validation for "
    "every method; NDCG@50 on test; 95% intervals over 3 or 5 seeds. The paper quotes its other rows from another "
    "program.",
    verdict=Verdict(
        Status.REFUTED,
        "The printed rows of the other methods come from another program. With one trainer and one tuning budget the "
        "better of the two has NDCG@50 .4051 on ml-100k, .1780 on amazon2014-health and .1814 on Gowalla. PRIS(U), a "
        "softmax at a tuned temperature over the same pool, is level on the small sets (.4051, .1784), on ml-100k so "
        "are AOBPR (.4043) and training without sampling (.4032). On Gowalla DNS(M, N) is ahead of all the paper's "
        "methods, DNS(1, N) (.1764) and PRIS (.1719) next, and level with Softmax-exact (.1806), far from training "
        "without sampling (.1508); but by less than printed: BPR reaches .1417 where .1216 is printed, WARP .1617 "
        "(.1248), PRIS(U) .1719 (.1334), DNS(1, N) with its N tuned .1764 (.1412), so that DNS(M, N) is 3% ahead of "
        "DNS(1, N), not 28%. AdaSIR, the method of the paper that the printed rows are quoted from, has .1446 and "
        ".1464, 3 to 4% below what is printed. Softmax-v has .1764 (.1837; .1835 at a smaller learning rate, for "
        "four times the epochs: benchmarks/slower.toml). With LightGCN DNS(M, N) has .4142 and .1844 on the small "
        "sets, PRIS(U) .4155 and .1803, Softmax-v .4053 and .1770; on Gowalla Softmax-v .1947 (.1991), DNS(M, N) "
        ".1927 (.1954), PRIS(U) .1922 (.1604), AdaSIR(P) .1631 (.1806), BPR .1478 (.1469).",
    ),
    sharp="The better of DNS(M, N) and Softmax-v is ahead of uniform BPR (by 4, 7 and 28% on ml-100k, "
    "amazon2014-health and Gowalla) and of DNS(1, N) with its N tuned (by 3, 4 and 3%), on Gowalla of all the paper's "
    "methods. A softmax over the same pool at a tuned temperature, PRIS, is level with it on the small sets, 5% "
    "behind on Gowalla, 1% with LightGCN: what counts most is that the hardness can be set.",
    scope=(Axis("data", ("ml-100k", "irb-amazon2014-health", "gowalla"), runs=True),),
    checks=(_ahead_of_all, _ahead_of_some, _level_with_softmax, _ahead_on_gowalla, _printed_gap),
    parts={"ours": OURS, "ahead": _ahead, "factor": 1.1},
    example=_example,
    mutants=(
        Mutant("uniform sampling and AdaSIR are ahead", {"ours": ("BPR", "AdaSIR(U)")}),
        Mutant("the smaller mean is ahead", {"ahead": lambda a, b: bool(a.high < b.low)}),
        Mutant("the other rows are half as good as printed", {"factor": 2.0}),
    ),
)

CLAIMS = (TAB2,)
