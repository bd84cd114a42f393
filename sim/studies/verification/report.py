"""What a verification found: on the terminal, as JSON, and as one page with the pictures side by side."""

from __future__ import annotations

import html
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...runs.output import versions
from .compare import TOLERANCE
from .remake import Remade

__all__ = ["Report", "Trained", "deviations", "heading", "line", "page", "sentence", "summary", "to_json"]


@dataclass(frozen=True)
class Trained:
    """A run that was trained anew: which, whether every digit is the same, and the largest deviation."""

    key: str
    what: str
    equal: bool
    deviation: float
    command: str


@dataclass
class Report:
    """All that was found.

    Attributes
    ----------
    studies : list of Remade
    runs : list of Trained
    known : int
        Runs whose means are committed.
    unavailable : dict
        Data set that could not be had to the reason, one line.
    ledger : str
        Summary of the ledger; empty if it was not run.
    ledger_agrees : bool
    seconds : float
    """

    studies: list[Remade] = field(default_factory=list)
    runs: list[Trained] = field(default_factory=list)
    known: int = 0
    unavailable: dict[str, str] = field(default_factory=dict)
    ledger: str = ""
    ledger_agrees: bool = True
    seconds: float = 0.0

    @property
    def agrees(self) -> bool:
        """Nothing deviates."""
        return all(s.agrees for s in self.studies) and all(r.equal for r in self.runs) and self.ledger_agrees


def line(study: Remade) -> str:
    """One row of the table on the terminal."""
    t = study.table
    mark = "equal" if t.made == t.equal == t.rows else f"{t.equal} of {t.made}" if t.made else "drawn"
    worst = "" if not t.worst else "differs" if math.isinf(t.worst) else f"{t.worst:.1e}"
    state = "ok" if study.agrees else "DEVIATES"
    return f"{study.id:13}{t.rows:>7,}  {mark:>15}  {worst:>8}  {state:8}  {study.how}"


def deviations(report: Report) -> list[str]:
    """What deviates, one line each, with the command that shows it."""
    lines = []
    for s in report.studies:
        if s.agrees:
            continue
        reasons = [s.error] if s.error else [] if s.table.agrees else [s.table.where]
        reasons += [f"its words do not follow from its table: {', '.join(s.words[:5])}"] if s.words else []
        lines.append(f"{s.id}: {'; '.join(reasons)}. Show it: {s.command}")
    for r in report.runs:
        if not r.equal:
            lines.append(f"run {r.key} ({r.what}): deviates by {r.deviation:.1e}. Show it: {r.command}")
    if not report.ledger_agrees:
        lines.append(f"the ledger: {report.ledger}. Show it: hns check")
    return lines


def sentence(report: Report) -> str:
    """The outcome in one sentence."""
    good, equal = sum(s.agrees for s in report.studies), sum(r.equal for r in report.runs)
    parts = []
    if report.studies:
        anew = sum(s.table.made > 0 for s in report.studies)
        drawn = len(report.studies) - anew
        how = f" ({anew} computed anew, {drawn} drawn anew from their tables)" if drawn else ""
        all_one = good == len(report.studies) == 1
        what = "1 table agrees" if all_one else f"{_of(good, len(report.studies))} figures and tables agree"
        parts.append(f"{what} with what is published{how}")
    if report.runs:
        outcome = "all equal" if equal == len(report.runs) else f"{equal} equal"
        parts.append(f"{len(report.runs)} of {report.known:,} runs trained anew, {outcome}")
    if report.ledger:
        parts.append(f"the ledger: {'every verdict as recorded' if report.ledger_agrees else 'a verdict differs'}")
    return "; ".join(parts or ["nothing was compared"]) + "."


def _of(n: int, of: int) -> str:
    return str(of) if n == of else f"{n} of {of}"


def to_json(report: Report) -> str:
    """Everything, seconds and versions apart from what was found."""
    found = {
        "sentence": sentence(report), "agrees": report.agrees, "tolerance": TOLERANCE,
        "studies": [_plain(asdict(s) | {"agrees": s.agrees, "command": s.command}) for s in report.studies],
        "runs": [_plain(asdict(r)) for r in report.runs], "known_runs": report.known,
        "unavailable": report.unavailable, "ledger": report.ledger, "deviations": deviations(report),
        "run": {"seconds": round(report.seconds, 1), "versions": versions()},
    }  # fmt: skip
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


def _plain(value: Any) -> Any:
    """JSON has no infinity."""
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


_STYLE = """
:root { color-scheme: light dark; --line: #8884; --bad: #c33; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
td, th { text-align: left; padding: .3rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td:first-child { white-space: nowrap; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
.bad { color: var(--bad); font-weight: 600; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem; }
.pair img { width: 100%; background: white; } figure { margin: 0; }
"""


def page(report: Report, figures: Path, out: Path) -> str:
    """One HTML page, which needs the pictures of the two folders and nothing else."""
    rows, parts = [], []
    for s in report.studies:
        t, worst = s.table, "" if not s.table.worst else f"{s.table.worst:.1e}"
        cells = "".join(f'<td class="number">{n}</td>' for n in (f"{t.rows:,}", f"{t.made:,}", f"{t.equal:,}", worst))
        state = "agrees" if s.agrees else "deviates"
        mark = "" if s.agrees else ' class="bad"'
        rows.append(
            f'<tr><td><a href="#{_esc(s.id)}">{_esc(s.id)}</a></td><td>{_esc(s.title)}</td>{cells}'
            f"<td{mark}>{state}</td><td>{_esc(s.how)}</td></tr>"
        )
        parts.append(_pictures(s, figures, out))
    head = "".join(
        f"<th>{name}</th>" for name in ("", "", "rows", "made anew", "equal", "largest deviation", "", "how")
    )
    notes = "".join(f'<li class="bad">{_esc(text)}</li>' for text in deviations(report))
    notes += "".join(f"<li>{_esc(why)}</li>" for why in report.unavailable.values())
    runs = "".join(
        f"<tr><td><code>{_esc(r.key)}</code></td><td>{_esc(r.what)}</td>"
        + ("<td>equal</td></tr>" if r.equal else f'<td class="bad">{r.deviation:.1e}</td></tr>')
        for r in report.runs
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Reproduced and compared</title><style>{_STYLE}</style><h1>Reproduced and compared</h1>"
        f"<p>{_esc(sentence(report))} Numbers agree up to {TOLERANCE:g}, relative.</p><ul>{notes}</ul>"
        f"<table><tr>{head}</tr>{''.join(rows)}</table>"
        f"{runs and f'<h2>Runs trained anew</h2><table>{runs}</table>'}{''.join(parts)}</html>\n"
    )


def _pictures(study: Remade, figures: Path, out: Path) -> str:
    pairs = [(name, folder / f"{study.id}.png") for name, folder in (("published", figures), ("made anew", out))]
    shown = "".join(
        f'<figure><img src="{_esc(os.path.relpath(path, out))}" alt="{_esc(study.id)}, {name}" loading="lazy">'
        f"<figcaption>{name}</figcaption></figure>"
        for name, path in pairs if path.exists()
    )  # fmt: skip
    return f'<h2 id="{_esc(study.id)}">{_esc(study.id)}: {_esc(study.title)}</h2><div class="pair">{shown}</div>'


def _esc(text: Any) -> str:
    return html.escape(str(text))


def heading() -> str:
    """The head of the table on the terminal."""
    return f"{'':13}{'rows':>7}  {'equal':>15}  {'largest':>8}  {'':8}  how it was made"


def summary(report: Report) -> Sequence[str]:
    """The last lines on the terminal."""
    lines = [f"not to be had: {why} (hns data info {name})" for name, why in report.unavailable.items()]
    return [*lines, *deviations(report), sentence(report)]
