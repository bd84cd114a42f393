"""The paper result by result: each theorem, guideline, figure and table with its answer in a sentence.

The verdict in front of an answer is that of the claims that carry the result; the sentence says what a reader should
take away, and a result that holds with a condition says which.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sim.core.names import plain
from sim.studies import get_study

from ._registry import all_claims, get_claim, select_claims
from .figures import figure_table
from .model import Claim, Status
from .tally import NothingToTest

__all__ = ["RESULTS", "PaperResult", "find", "results_of"]

_WORST = (Status.REFUTED, Status.CONDITION, Status.APPROXIMATELY, Status.SHARPENED, Status.HOLDS)

_VERDICTS = {
    Status.REFUTED: "not confirmed", Status.CONDITION: "right under a condition",
    Status.APPROXIMATELY: "right approximately", Status.SHARPENED: "right, and more is true", Status.HOLDS: "right",
}  # fmt: skip


@dataclass(frozen=True)
class PaperResult:
    """A numbered result of the paper.

    Attributes
    ----------
    name : str
        As the paper has it.
    printed : str
        What it says, in a few words.
    answer : str or callable
        What to take away, in a sentence or two; or what gives it.
    carried : tuple of str
        Ids of the claims that say the printed result; the weakest of their verdicts is the result's. None where the
        paper claims nothing.
    beside : tuple of str
        Ids, or families, of claims that go further.
    condition : str
        In one sentence, where it holds; given exactly where the verdict has a condition.
    """

    name: str
    printed: str
    answer: str | Callable[[], str]
    carried: tuple[str, ...]
    beside: tuple[str, ...] = ()
    condition: str = ""

    @property
    def status(self) -> Status | None:
        """The weakest verdict among the claims that carry the result."""
        return (
            None
            if not self.carried
            else min((get_claim(name).verdict.status for name in self.carried), key=_WORST.index)
        )

    @property
    def verdict(self) -> str:
        """The same as a reader says it."""
        return _VERDICTS[self.status] if self.status else "no claim"

    @property
    def claims(self) -> tuple[Claim, ...]:
        """All of its claims: those that carry it first."""
        return (*map(get_claim, self.carried), *(get_claim(name) for name in self.beside))

    @property
    def line(self) -> str:
        """The result in one paragraph."""
        return f"{self.name} ({self.printed}): {self.verdict}. {self.told}"

    @property
    def told(self) -> str:
        """The answer, with its condition."""
        answer = self.answer if isinstance(self.answer, str) else self.answer()
        return answer + (f" Condition: {self.condition}" if self.condition else "")


def _data_sets() -> str:
    study = get_study("T1")
    try:
        return study.findings(figure_table("T1"))["printed"]
    except NothingToTest as missing:
        return f"Not told here: needs {missing}."


RESULTS = (
    PaperResult(
        "Lemma 1", "the worst case over a CVaR ball is the mean of the hardest losses",
        "A theorem, ties included; proved in Coq.", ("L1",),
    ),
    PaperResult(
        "Theorem 1", "DNS over all negatives optimises OPAUC(M / n_-)",
        "Exact in value, and in gradient off ties. Drawn from pools of N it optimises a mixture of OPAUCs instead, and "
        "the step from the surrogate to OPAUC itself fails where labels are noisy.",
        ("T1",), ("T1-pool", "T1-shared", "T1-estimator", "E1", "S1", "S1-pool", "S1-regret"),
    ),
    PaperResult(
        "Theorem 2", "softmax sampling is a soft estimator of OPAUC(exp(-rho))",
        "It stands as a statement about the KL ball; the published temperature realises another radius (T2f), and the "
        "pool, not rho, sets how hard it can get (T2i).",
        ("T2a", "T2b", "T2c", "T2d", "T2e", "T2f", "T2g", "T2h", "T2i"), ("T2-estimator", "E2", "S1-soft"),
        condition="rho is below log(n / number of maximal losses), the temperature solves KL = rho instead of the "
        "second-order formula, all negatives are in the pool, and the tilt is by loss, not by score.",
    ),
    PaperResult(
        "Theorem 3", "OPAUC(K / N_-) bounds Recall@K and Precision@K",
        "True with fewer hypotheses than printed; the best possible bounds are up to one hit tighter on each side, and "
        "NDCG@K has tight bounds too; proved in Coq.",
        ("T3",), ("T3-sharp", "T3-ndcg"),
    ),
    PaperResult(
        "Corollary 1", "the smaller K, the smaller the best beta",
        "The best m never falls as K rises, by all three readings of best; it is near 1.5 K, not K.",
        ("C1",), ("F6-law",),
    ),
    PaperResult(
        "Guideline 1", "sampling hardness must be controllable",
        "Between the hardest and uniform sampling lies a level that is ahead of both, and where it lies differs from "
        "data set to data set, so it has to be searched for.",
        ("G1",), ("R2", "S1-nested", "S1-floor", "FN"),
        condition="test is drawn at random from the same pairs as train; where test lies later in time, no level is "
        "seen ahead of uniform sampling.",
    ),
    PaperResult(
        "Guideline 2", "the smaller K, the harder the negatives",
        "The direction is never seen reversed, but the best hardness moves far more slowly than K, and less for NDCG "
        "than for Recall.",
        ("G2",), ("G2-optimal", "R1", "R1-trained", "R3"),
        condition="DNS(M, N), and test drawn at random; there it is shown for Recall on most data "
        "sets tried, not on all.",
    ),
    PaperResult(
        "Equation 11", "normalised OPAUC, after McClish",
        "The correlations of Figure 6 are the same under either minimum.", ("N1",),
        condition="its minimum is the chance area beta^2 / 2; with the true minimum, 0, it is not AUC at beta = 1.",
    ),
    PaperResult(
        "Appendix F", "the analysis carries over to other losses",
        "The practical reading stands: the constants that the bounds need do not change a gradient.", ("AF",),
        ("L2", "Q1"),
        condition="a constant is added to the softmax bound, and a margin equals M only if every pair has its own.",
    ),
    PaperResult(
        "Figure 1", "hard negatives beat no sampling, and that beats uniform sampling",
        "The gain is in the target of training, not in the noise of its gradient.", ("Fig1",), ("V1",),
        condition="data are sparse; on ml-100k hard sampling is level with training without sampling.",
    ),
    PaperResult(
        "Figures 2 and 3", "equal AUC, different OPAUC and different Top-K",
        "Such pairs exist at every size enumerated, but OPAUC is no guarantee either: there are pairs that it orders "
        "the wrong way.",
        ("F3",), ("I1",),
    ),
    PaperResult(
        "Figure 6", "OPAUC(beta) follows Top-K metrics, AUC does not",
        "Under random rankings the peak lies at 1.5 K / N; for rankers that work it counts the negatives in the top K; "
        "for trained models the beta of random rankings predicts Recall@K nearly as well as any.",
        ("F6-1", "F6-2", "F6-3", "F6-4"),
        ("F6-law", "F6-law-users", "F6-law-models", "F6-opt", "F6-llpauc", "F6-trained", "M1"),
        condition="AUC stays low only for K small against the list, and NDCG has one rising peak only up to K of about "
        "two thirds of the list.",
    ),
    PaperResult(
        "Figure 7", "harder with smaller M, larger N, larger rho",
        "Theorems for any model: the ranks of harder samplers are stochastically smaller.", ("F7",), ("D1",),
    ),
    PaperResult(
        "Figures 8, 9 and 10", "metrics against M, N and rho have a peak inside",
        "On every data set split at random the hardest end loses, and uniform sampling in some curves; M and N are one "
        "axis, rho is another.", ("G1",),
        condition="as for guideline 1.",
    ),
    PaperResult(
        "Figure 11", "the peak moves with K", "It moves where guideline 2 is shown, slowly.", ("G2",),
        condition="as for guideline 2.",
    ),
    PaperResult("Table 1", "the sizes of the data sets", _data_sets, ()),
    PaperResult(
        "Tables 2 and 3", "DNS(M, N) and Softmax-v are ahead of every other method",
        "With one trainer and equal budgets they are ahead of uniform sampling everywhere, but PRIS, a softmax at a "
        "tuned temperature, is level with them on small data, and most printed rows of other methods were weak: what "
        "counts most is that the hardness can be set.",
        ("Tab2",),
    ),
)  # fmt: skip
"""Theorems, guidelines, figures, tables, each in the order of the paper."""


def results_of(claim_id: str) -> list[PaperResult]:
    """The results that a claim carries or stands beside."""
    return [result for result in RESULTS if claim_id in {claim.id for claim in result.claims}]


_SHORT = {"t": "theorem", "l": "lemma", "c": "corollary", "g": "guideline", "fig": "figure", "f": "figure",
          "tab": "table", "thm": "theorem", "eq": "equation", "tables": "table", "figures": "figure"}  # fmt: skip


def _names(result: PaperResult) -> set[str]:
    """Its spellings, without spaces and in small letters: Figures 8, 9 and 10 has three."""
    kind = result.name.split()[0]
    numbers = re.findall(r"\d+", result.name)
    kind = plain(kind).removesuffix("s")
    return {f"{kind}{number}" for number in numbers} if numbers else {plain(result.name)}


def find(words: str) -> tuple[list[PaperResult], list[Claim]]:
    """What somebody means by "Theorem 2", "T2", "fig. 6" or "F6-law": results of the paper, and claims.

    Raises
    ------
    ValueError
        If there is no such thing.

    Examples
    --------
    >>> results, claims = find("Theorem 3")
    >>> results[0].verdict, [claim.id for claim in claims]
    ('right, and more is true', ['T3', 'T3-sharp', 'T3-ndcg'])
    >>> [r.name for r in find("T2f")[0]], [c.id for c in find("T2f")[1]]
    (['Theorem 2'], ['T2f'])
    """
    exact = [claim for claim in all_claims().values() if plain(claim.id) == plain(words)]
    split = re.fullmatch(r"\s*([a-z]+)\.?\s*(\w+)\s*", words.casefold())
    wanted = plain(words)
    if split:
        wanted = _SHORT.get(split[1], split[1]) + split[2]
    named = [result for result in RESULTS if wanted in _names(result)]
    spelled_out = bool(named) and plain(words) in _names(named[0])
    if exact and not spelled_out:
        whole = [result for result in named if exact[0].id in result.carried]
        return (whole or results_of(exact[0].id)), exact
    if named:
        return named, list({claim.id: claim for result in named for claim in result.claims}.values())
    try:
        claims = select_claims([words])
    except ValueError:
        known = ", ".join(result.name for result in RESULTS)
        ids = ", ".join(all_claims())
        raise ValueError(f"explain must be one of {known}, or a claim ({ids}), got {words!r}") from None
    return [], claims
