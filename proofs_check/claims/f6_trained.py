"""F6-trained: Figure 6 on trained models, read from ``figures/F6-data.csv``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sim.studies.correlation.f6_data import OVER

from ..figures import figure_table
from ..model import Axis, Claim, Kind, Mutant, Role, Status, Verdict, check
from ..tally import NothingToTest, Tally

RECALL, NDCG = 0.01, 0.12
"""How far below the best correlation over beta that at random rankings' beta may lie."""
LEAST = {"models": 0.97, "users": 0.93, "within": 0.86}
"""What the correlation with Recall@K reaches at that beta: over models, over a model's users, over models per user."""
_DATA = (
    *("ml-100k", "gowalla", "irb-amazon2014-movie", "irb-amazon2014-movie-temporal", "ml-10m"),
    "irb-amazon2014-health",
)


def _curves(metric: str) -> Iterator[tuple[str, Any, str]]:
    """Way to correlate, table over beta, words: for every data set and K."""
    table = figure_table("F6-data")
    table = table[table["metric"] == metric]
    if table.empty:
        raise NothingToTest(f"figures/F6-data.csv has no rows of {metric}")
    for (data, over, k), part in table.groupby(["data", "over", "k"], sort=False):
        yield str(over), part, f"{data}, over {OVER[over]}, {metric}@{k}"


def _theory(part: Any) -> Any:
    """The row of the beta that is best under uniformly random rankings."""
    return part.loc[part["random"].idxmax()]


def _auc(part: Any) -> Any:
    return part.loc[part["beta"].idxmax()]


def _hardest(part: Any) -> Any:
    return part.loc[part["beta"].idxmin()]


def _near_the_best(p: Any, t: Tally, metric: str, margin: float) -> None:
    for _, part, words in _curves(metric):
        t.reach({"data": str(part.data.iloc[0]), "K": int(part.k.iloc[0])})
        at, best = p.at(part).correlation, part.correlation.max()
        t.holds(at >= best - margin, f"{words}: {at:.3f}, best {best:.3f}")


@check(
    f"Recall@K, every data set, K = 5 to 100: at random rankings' beta the correlation is within {RECALL} of the best "
    "over beta, over models, over users, and over models for each user",
    Kind.REGRESSION,
)
def _best_beta(p: Any, t: Tally) -> None:
    _near_the_best(p, t, "recall", RECALL)


@check(
    "Recall@K: there it is at least " + ", ".join(f"{least} over {OVER[over]}" for over, least in LEAST.items()),
    Kind.REGRESSION,
)
def _high(p: Any, t: Tally) -> None:
    for over, part, words in _curves("recall"):
        at = p.at(part).correlation
        t.holds(at >= LEAST[over], f"{words}: {at:.3f}")


@check(f"NDCG@K: within {NDCG} of the best over beta", Kind.REGRESSION, role=Role.APPROXIMATE)
def _ndcg(p: Any, t: Tally) -> None:
    _near_the_best(p, t, "ndcg", NDCG)


def _example() -> str:
    words = []
    for over, part, name in _curves("recall"):
        if name.startswith("gowalla") and name.endswith("@20"):
            row, auc = _theory(part), _auc(part)
            words.append(
                f"over {OVER[over]} {row.correlation:.3f} at beta = {row.beta:.2g}, {auc.correlation:.2f} for AUC"
            )
    return f"Recall@20 on Gowalla: {'; '.join(words)}."


F6_TRAINED = Claim(
    id="F6-trained",
    title="Figure 6 on trained models: random rankings name the beta that predicts the metric",
    where="Figure 6, taken from random rankings to trained models",
    statement="The OPAUC(beta) that goes best with a Top-K metric under random rankings does so for trained models.",
    latex=r"\arg\max_\beta\ corr_{models}(OPAUC(\beta), metric@K)\ =\ \arg\max_\beta\ corr_{random}(\cdot)",
    domain="The models of Figures 8 to 11, hard to uniform, 21 to 180 a data set, on six data sets; random rankings of "
    "the median user's numbers of positives and negatives. Pearson correlations on test, over models (means over "
    "users), over the users of a model, and over models of each user's deviations from the own mean.",
    verdict=Verdict(
        Status.APPROXIMATELY,
        "Recall@K, K = 5 to 100: true on all six data sets, also where test lies later in time than train. At that "
        "beta the correlation is .98 to 1.00 over models, .94 to .97 over users, .87 to .93 over models per user; AUC "
        "has -.63 to .98, .10 to .82, .03 to .78. NDCG@K: within .02 of the best in 66 of 72 cases; over users at K = "
        "50 or 100 on ml-100k, ml-10m and Gowalla a smaller beta is better, by up to .11, over models at K = 5 on "
        "amazon2014-movie a larger one, by .115.",
    ),
    sharp="For Recall@K, K = 5 to 100, the best of 30 values of beta improves by at most .006 on the correlation at "
    "random rankings' beta, over models, over users, and over models for each user.",
    scope=(
        Axis("data", _DATA, runs=True),
        Axis("K", (5, 100), runs=True),
    ),
    checks=(_best_beta, _high, _ndcg),
    parts={"at": _theory},
    example=_example,
    mutants=(
        Mutant("AUC predicts it", {"at": _auc}),
        Mutant("the hardest negative alone predicts it", {"at": _hardest}),
    ),
)

CLAIMS = (F6_TRAINED,)
