"""The ledger on the terminal, as JSON and as one HTML page."""

from __future__ import annotations

import dataclasses
import html
import json
import math
from collections.abc import Sequence
from typing import Any

from ._registry import get_claim
from .model import Claim, ClaimResult, Evidence, MutantResult
from .tally import NothingToTest

__all__ = ["false_alarm", "problems", "summary", "to_html", "to_json"]


def false_alarm(results: Sequence[ClaimResult]) -> float:
    """Bound on the chance that any statistical check of the run fails although every claim is true."""
    return sum(e.false_alarm for r in results for e in r.evidence)


def summary(results: Sequence[ClaimResult], complete: bool = True) -> str:
    """One line about the run."""
    if not results:
        return "interrupted; no claim had finished" if not complete else "no claims"
    mutants = sum(r.tried for r in results)
    killed = sum(r.killed for r in results)
    differ = [r.id for r in results if not r.agrees]
    line = (
        f"{len(results)} claims, {sum(r.cases for r in results):,} cases, {killed}/{mutants} mutants killed, "
        f"false alarm <= {false_alarm(results):.1g}"
    )
    line += f"; verdict differs from the record: {', '.join(differ)}" if differ else "; every verdict as recorded"
    if absent := [r for r in results if r.needs]:
        line += "; not checked: " + ", ".join(f"{r.id} (needs {', '.join(r.needs)})" for r in absent)
    return line if complete else f"interrupted; {line}"


def problems(results: Sequence[ClaimResult]) -> list[str]:
    """What failed, one line each: errors, failed checks behind a differing verdict, surviving mutants."""
    lines = []
    for r in results:
        if r.agrees:
            continue
        for e in r.evidence:
            if e.error:
                lines.append(f"{r.id}: error in '{e.words}': {e.error}")
            elif e.passed is False:
                lines.append(f"{r.id}: '{e.words}' failed (seed {e.seed}): {e.counterexample}")
        lines += [
            f"{r.id}: mutant survives: {m.words} {m.by}".rstrip() for m in r.mutants if m.checked and not m.killed
        ]
        lines += [f"{r.id}: {words}" for words in r.uncovered]
    return lines


def to_json(results: Sequence[ClaimResult], effort: str, complete: bool) -> str:
    """Everything the run found, as JSON; statements and examples included."""
    import numpy as np

    from sim import __version__

    entries = []
    for r in results:
        claim = get_claim(r.id)
        entry = dataclasses.asdict(r)
        entry.update(
            where=claim.where, statement=claim.statement, latex=claim.latex, domain=claim.domain, sharp=claim.sharp
        )
        entry.update(scope=[str(axis) for axis in claim.scope])
        entry.update(verdict=claim.verdict.words, example=_example(claim), agrees=r.agrees)
        entries.append(_plain(entry))
    document = {
        "effort": effort,
        "complete": complete,
        "summary": summary(results, complete),
        "false_alarm": false_alarm(results),
        "versions": {"hns-opauc": __version__, "numpy": np.__version__},
        "claims": entries,
    }
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; } td, th { text-align: left; padding: .3rem .6rem;
border-bottom: 1px solid #ddd; vertical-align: top; } .num { text-align: right; } .differs { background: #fdd; }
code, pre { font-size: .85rem; background: #f5f5f5; padding: .1rem .3rem; white-space: pre-wrap; }
details { margin: .5rem 0; } h2 { margin-top: 2rem; }
"""


def to_html(results: Sequence[ClaimResult], effort: str, complete: bool) -> str:
    """The ledger as one page without outside resources."""
    rows, sections = [], []
    for r in results:
        claim = get_claim(r.id)
        cells = "".join(f"<td>{_esc(c)}</td>" for c in (r.title, r.status, r.strongest))
        cells += "".join(
            f'<td class="num">{c}</td>'
            for c in (f"{r.cases:,}", _number(r.deviation), f"{r.killed}/{r.tried}", f"{r.seconds:.1f}")
        )
        mark = "" if r.agrees else ' class="differs"'
        rows.append(f'<tr{mark}><td><a href="#{_esc(r.id)}">{_esc(r.id)}</a></td>{cells}</tr>')
        parts = [
            f'<h2 id="{_esc(r.id)}">{_esc(r.id)}: {_esc(r.title)}</h2>',
            f"<p><b>{_esc(r.status)}.</b> {_esc(claim.verdict.words)}</p>",
            f"<p>{_esc(claim.statement)} <i>({_esc(claim.where)})</i></p><p><code>{_esc(claim.latex)}</code></p>",
            f"<p><b>Domain.</b> {_esc(claim.domain)}</p>",
        ]
        if claim.sharp:
            parts.append(f"<p><b>Sharp statement.</b> {_esc(claim.sharp)}</p>")
        if example := _example(claim):
            parts.append(f"<p><b>By hand.</b></p><pre>{_esc(example)}</pre>")
        parts.append("<details><summary>Evidence</summary><ul>")
        parts += [f"<li>{_esc(describe(e))}</li>" for e in r.evidence]
        parts.append("</ul></details><details><summary>Mutants</summary><ul>")
        parts += [f"<li>{_fate(m)}: {_esc(m.words)} - {_esc(m.by)}</li>" for m in r.mutants]
        parts.append("</ul></details>")
        sections.append("".join(parts))
    names = ("id", "title", "verdict", "strongest evidence", "cases", "largest deviation", "mutants", "seconds")
    head = "".join(f"<th>{n}</th>" for n in names)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>The ledger</title><style>{_STYLE}</style>'
        f"<h1>The ledger ({_esc(effort)})</h1><p>{_esc(summary(results, complete))}</p>"
        f"<table><tr>{head}</tr>{''.join(rows)}</table>{''.join(sections)}</html>\n"
    )


def describe(e: Evidence) -> str:
    """One line about a piece of evidence."""
    if e.needs:
        return f"{e.kind}, {e.role}: {e.words}: not checked: needs {e.needs}"
    outcome = "error" if e.error else {True: "passed", False: "failed", None: "nothing to test yet"}[e.passed]
    line = f"{e.kind}, {e.role}: {e.words}: {outcome}, {e.cases:,} cases"
    if e.deviation:
        unit = " standard errors" if e.false_alarm else ""
        line += f", largest deviation {_number(e.deviation)}{unit}"
    if e.tolerance:
        line += f" (allowed {e.tolerance:g})"
    if e.seed:
        line += f", seed {e.seed}"
    return ". ".join([line, *filter(None, [e.counterexample, e.error]), *e.notes])


def _fate(m: MutantResult) -> str:
    return "killed" if m.killed else "SURVIVES" if m.checked else "not checked"


def _example(claim: Claim) -> str:
    """The claim's example; none where the table that it is taken from is not here."""
    try:
        return claim.example() if claim.example else ""
    except NothingToTest:
        return ""


def _number(x: float) -> str:
    return "0" if x == 0 else f"{x:.1e}"


def _esc(text: Any) -> str:
    return html.escape(str(text))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
