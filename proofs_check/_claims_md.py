"""CLAIMS.md: the ledger for readers, made from the claim modules; ``python -m proofs_check --write-claims``."""

from __future__ import annotations

from pathlib import Path

from ._formal import formal_theorems
from ._registry import all_claims
from .model import Claim
from .paper import RESULTS

__all__ = ["claims_markdown", "claims_path"]

_HEAD = """# The claims of the paper, tested

*Made from the modules in `proofs_check/claims` by `python -m proofs_check --write-claims`; do not edit by hand.*
*`hns check` (or `python -m proofs_check`) tests every line of it again and fails if a verdict changes.*

The paper is Shi, Chen, Feng, Zhang, Wu, Gao and He, *On the Theories Behind Hard Negative Sampling for
Recommendation*, WWW 2023. Each entry gives a claim, where it is meant to apply, a verdict and the evidence. Where the
verdict departs from the paper's wording it also gives the statement that is true, and an example small enough to check
by hand.

{results}

## The claims

**Words.** `N_+` positives and `N_-` (or `n_-`, `n`) negatives of a user; negatives are ranked by score, rank 1 is the
hardest; `M` hardest negatives are kept of a pool of `N`; `beta` is the limit of the false positive rate in OPAUC(beta),
the area under the ROC curve up to `beta`; `X_m = N_+ N_- OPAUC(m / N_-)` counts pairs in the right order; `L` is the
loss of a (positive, negative) pair, `l` the logistic loss.

**Verdicts.** *holds*: as printed. *holds, sharpened*: as printed, and a stronger statement is true. *holds with a
condition*: false as printed, true under the condition named. *holds approximately*: with the accuracy named.
*refuted*: a counterexample is given. *open*: not tested yet.

**Evidence**, strongest first. *formal*: proved in Coq (`proofs_check/coq`). *enumeration*: every case up to a size.
*exact arithmetic*: fractions or integers, no rounding. *duality gap*: an upper and a lower bound that meet. *property*:
random cases, no tolerance beyond rounding. *numerical*: against an independent computation. *statistical*: against
simulation, with a stated chance of a false alarm. *experiment*: training runs, judged by
thresholds set before them. *regression*: the committed table of a study in `figures/`, so that a verdict cannot part
from it; the experiment is the run that made the table.

**Checked.** How far the checks of `hns check` reach along the axes of the domain, measured while they run; where the
statement goes further, what carries the rest. A claim whose checks reach less than its line says is not verified.

**Mutants.** A check that cannot fail shows nothing. So each claim comes with false variants of itself, and the same
checks must refute every one of them.
"""


def claims_markdown() -> str:
    """The text of CLAIMS.md."""
    claims = list(all_claims().values())
    mutants = sum(len(c.mutants) for c in claims)
    lines = [
        _HEAD.replace("{results}", _results()),
        f"{len(claims)} claims, {mutants} mutants.\n",
        "| id | claim | verdict |",
        "|---|---|---|",
    ]
    lines += [f"| [{c.id}](#{_anchor(c)}) | {c.title} | {c.verdict.status} |" for c in claims]
    for claim in claims:
        lines += ["", *_entry(claim)]
    return "\n".join(lines) + "\n"


def _results() -> str:
    """A line a result of the paper."""
    lines = ["## The paper, result by result", ""]
    for result in RESULTS:
        claims = ", ".join(f"[{claim.id}](#{_anchor(claim)})" for claim in result.claims)
        see = f" See {claims}." if claims else ""
        lines.append(f"- **{result.name}** ({result.printed}): *{result.verdict}*. {result.told}{see}")
    return "\n".join(lines)


def claims_path() -> Path:
    """Where CLAIMS.md stands in a working tree."""
    return Path(__file__).resolve().parent.parent / "CLAIMS.md"


def _entry(claim: Claim) -> list[str]:
    lines = [
        f'<a id="{_anchor(claim)}"></a>',
        f"## {claim.id}: {claim.title}",
        "",
        f"**Verdict: {claim.verdict.status}.** {claim.verdict.words}",
        "",
        f"**Claim** ({claim.where}). {claim.statement}",
        "",
        f"$${claim.latex}$$",
        "",
        f"**Domain.** {claim.domain}",
        "",
        f"**Checked.** {'; '.join(map(str, claim.scope))}.",
    ]
    if claim.sharp:
        lines += ["", f"**Sharp statement.** {claim.sharp}"]
    if claim.example:
        lines += ["", "**By hand.**", "", *(_quote(line) for line in claim.example().splitlines())]
    lines += ["", "**Evidence.**"]
    for theorem, words in formal_theorems(claim.id):
        lines.append(f"- formal, {theorem}: {words}")
    for one in claim.checks:
        limit = f" (allowed deviation {one.tolerance:g})" if one.tolerance else ""
        limit += f" (false alarm <= {one.false_alarm:g})" if one.false_alarm else ""
        lines.append(f"- {one.kind}, {one.role}: {one.words}{limit}")
    lines += ["", "**Mutants**, all refuted: " + "; ".join(m.words for m in claim.mutants) + "."]
    return lines


def _quote(line: str) -> str:
    escape = "\\" if line.startswith(("+ ", "- ")) else ""  # a ranking, not a list
    return f"> {escape}{line}  "


def _anchor(claim: Claim) -> str:
    return f"claim-{claim.id.lower()}"
