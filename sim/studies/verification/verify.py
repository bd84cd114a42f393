"""The verification: all studies, a sample of runs, the ledger; its table, its page, its sentence."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from ...core.files import write_text
from ...data import FetchError, load
from ...runs.commands import train_command
from ...runs.evidence import Run, committed_runs, retrain, stratified
from ...runs.options import Options
from ...runs.parallel import in_parallel
from ..study import get_study, studies, study_ids
from .remake import Remade, remake, tables_of_means
from .report import Report, Trained, heading, line, page, summary, to_json

__all__ = ["verify"]

LONGEST = 4e4
"""Largest cost of a run that a sample takes: some seconds on ml-100k. All of them only with ``sample=None``."""

LARGEST = 200_000
"""Train pairs of the largest data set that a sample is drawn from."""


def verify(
    figures: Path,
    out: Path,
    options: Options,
    *,
    only: Sequence[str] | None = None,
    sample: int | None = 24,
    keys: Sequence[str] = (),
    ledger: bool = True,
    say: Callable[[str], None] = print,
) -> Report:
    """Make what is published in ``figures`` anew into ``out`` and compare; ``figures`` is only read.

    Parameters
    ----------
    figures, out : Path
    options : Options
        Jobs, folders, and the seed of the sample.
    only : sequence of str, optional
        These studies; then no runs and no ledger, unless ``keys`` name runs.
    sample : int or None
        So many of the runs whose means are committed are trained anew; None: all whose data can be had.
    keys : sequence of str
        These runs instead of a sample.
    ledger : bool
        Run the ledger, quickly.
    say : callable
        Takes each line as it is found.
    """
    start = time.perf_counter()
    if figures.resolve() == out.resolve():
        raise ValueError(f"out must be another folder than that of what is published, got {out}")
    report = Report()
    names = study_ids(only) if only is not None else [] if keys else list(studies())
    if names:
        say(heading())
        report.studies = _studies(names, figures, out, options, say)
    whole = only is None
    if keys or (whole and sample != 0):
        _runs(report, figures, options, sample, keys, say)
    if whole and ledger and not keys:
        _ledger(report, out, say)
    report.seconds = time.perf_counter() - start
    write_text(out / "report.json", to_json(report))
    write_text(out / "index.html", page(report, figures, out))
    for text in summary(report):
        say(text)
    return report


def _studies(
    names: Sequence[str], figures: Path, out: Path, options: Options, say: Callable[[str], None]
) -> list[Remade]:
    """All of them, the longest first; in the order of the studies."""
    longest = sorted(names, key=lambda name: -_seconds(figures / f"{name}.json"))
    found = []
    for done in in_parallel(remake, [(name, figures, out, options) for name in longest], options):
        say(line(done))
        found.append(done)
    return sorted(found, key=lambda done: names.index(done.id))


def _seconds(record: Path) -> float:
    """How long a study took when it was published, if it will be computed."""
    if not record.exists() or get_study(record.stem).made == "trained":
        return 0.0
    info = json.loads(record.read_text(encoding="utf-8"))
    return float(info.get("run", info).get("seconds", 0.0))


def _runs(
    report: Report, figures: Path, options: Options, sample: int | None, keys: Sequence[str], say: Callable[[str], None]
) -> None:
    known: dict[str, Run] = {}
    at_hand: dict[str, Run] = {}
    for path in tables_of_means(figures).values():
        runs = committed_runs(path)
        known |= runs
        data = next(iter(runs.values())).cell.data
        try:
            size = load(data, data_dir=options.data_dir, progress=options.progress).train.nnz
        except FetchError as error:
            report.unavailable[data] = str(error).partition(": get it by hand")[0]
            continue
        if sample is None or keys or size <= LARGEST:
            at_hand |= runs
    report.known = len(known)
    for key in keys:
        if key not in at_hand:
            raise ValueError(f"run must be one of those in {figures}/cells whose data can be had, got {key!r}")
    chosen = list(keys) or list(at_hand)
    if not keys and sample is not None:
        chosen = stratified(at_hand, sample, options.seed, LONGEST)
    if not chosen:
        say("no run is trained anew: no data set of the committed means can be had")
        return
    wanted = [at_hand[key] for key in chosen]
    with TemporaryDirectory() as folder:  # runs that are stored somewhere are no runs trained anew
        found = retrain(wanted, replace(options, results=Path(folder)), "runs trained anew")
    for key, rows in zip(chosen, found):
        cell, worst = at_hand[key].cell, float(rows.deviation.max())
        model = "LightGCN" if "layers" in cell.model else "BPRMF"
        what = f"{cell.data}, {model}, {cell.sampler}, seed {cell.seed}, {cell.held_out}"
        report.runs.append(Trained(key, what, worst == 0, worst, f"hns reproduce --run {key}"))
        if cell.held_out == "test" and not cell.hidden and worst:
            say(f"run {key}: {train_command(cell)}")
    equal = sum(run.equal for run in report.runs)
    say(f"{len(report.runs)} runs trained anew: {equal} equal to the last digit")


def _ledger(report: Report, out: Path, say: Callable[[str], None]) -> None:
    """By the command of whichever package brings it; without one there is no ledger."""
    path = out / "ledger.json"
    path.unlink(missing_ok=True)
    command = [sys.executable, "-m", "sim.cli", "check", "--json", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if path.exists():
        report.ledger = str(json.loads(path.read_text(encoding="utf-8"))["summary"])
        report.ledger_agrees = done.returncode == 0
        say(f"ledger: {report.ledger}")
    else:
        reason = (done.stderr.strip().splitlines() or ["no command 'check' is installed"])[-1]
        say(f"ledger: not run: {reason}")
