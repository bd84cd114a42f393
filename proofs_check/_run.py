"""Running the ledger: every claim's checks, then its mutants through the same checks."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import replace

from sim.core.signals import end_with_parent
from sim.core.validation import MOST_JOBS, check_choice, check_int

from ._formal import formal_evidence
from ._registry import get_claim, select_claims
from .model import Check, Claim, ClaimResult, Evidence, Mutant, MutantResult, derive_status
from .tally import EFFORTS, MissingTable, NothingToTest, Refuted, Tally

__all__ = ["run", "run_check", "run_claim"]

# Rough seconds at quick effort, longest first, so that two processes end at about the same time.
_HEAVY = ("E2", "E1", "S1-pool", "S1", "S1-soft", "T3-ndcg", "T1-pool", "N1", "AF", "L1", "T1", "F6-2")


def run_check(claim: Claim, one: Check, effort: str = "quick", mutant: Mutant | None = None) -> Evidence:
    """Run one check of a claim, or of a mutant of it."""
    tally = Tally(f"{claim.id}: {one.words}", effort, one.tolerance, one.false_alarm)
    passed: bool | None = True
    counterexample = error = needs = ""
    parts = claim.namespace(mutant)
    start = time.perf_counter()
    try:
        one.test(parts, tally)
        if tally.cases == 0:
            error = "the check tested no case"
    except Refuted as failure:
        passed, counterexample = False, str(failure)
    except MissingTable as missing:
        passed, needs = None, str(missing)
    except NothingToTest as nothing:
        passed, counterexample = None, str(nothing)
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"
    if error:
        passed = False
    return Evidence(
        words=one.words,
        kind=one.kind,
        role=one.role,
        passed=passed,
        cases=tally.cases,
        deviation=tally.deviation,
        tolerance=one.tolerance,
        seed=tally.seed,
        seconds=time.perf_counter() - start,
        false_alarm=one.false_alarm,
        counterexample=counterexample,
        error=error,
        notes=tuple(tally.notes),
        parts=tuple(sorted(parts._used)),
        needs=needs,
    )


def run_claim(claim: Claim, effort: str = "quick") -> ClaimResult:
    """Run a claim's checks at the given effort and its mutants at quick effort.

    A mutant counts as killed if a check that the claim itself passes fails on it by a counterexample; an error in a
    check is no kill. One that survives where a check had nothing to test is not checked, and counts neither way.

    Examples
    --------
    >>> from proofs_check import get_claim, run_claim
    >>> result = run_claim(get_claim("N1"))
    >>> str(result.status), result.killed == len(result.mutants)
    ('holds with a condition', True)
    """
    check_choice("effort", effort, EFFORTS)
    start = time.perf_counter()
    evidence = [run_check(claim, one, effort) for one in claim.checks]
    usable = [(one, e.parts) for one, e in zip(claim.checks, evidence) if e.passed]
    idle = [e for e in evidence if e.passed is None]
    mutants = tuple(_run_mutant(claim, mutant, usable) for mutant in claim.mutants)
    if idle:
        why = f"needs {needs}" if (needs := _tables(idle)) else "nothing to test"
        mutants = tuple(m if m.killed or m.by else replace(m, checked=False, by=why) for m in mutants)
    evidence += formal_evidence(claim.id)
    found = tuple(evidence)
    return ClaimResult(
        id=claim.id,
        title=claim.title,
        recorded=claim.verdict.status,
        status=derive_status(found, mutants),
        evidence=found,
        mutants=mutants,
        seconds=time.perf_counter() - start,
    )


def _tables(evidence: Iterable[Evidence]) -> str:
    return ", ".join(dict.fromkeys(e.needs for e in evidence if e.needs))


def _run_mutant(claim: Claim, mutant: Mutant, usable: list[tuple[Check, tuple[str, ...]]]) -> MutantResult:
    for one, parts in usable:
        if not set(parts) & set(mutant.changes):
            continue  # checks are deterministic: this one cannot see the change
        outcome = run_check(claim, one, "quick", mutant)
        if outcome.error:
            return MutantResult(mutant.words, False, f"error in the check: {outcome.error}")
        if outcome.passed is False:
            return MutantResult(mutant.words, True, outcome.counterexample)
    return MutantResult(mutant.words, False)


def run(
    only: Iterable[str] | None = None,
    *,
    effort: str = "quick",
    jobs: int | None = None,
    progress: Callable[[ClaimResult], None] | None = None,
) -> tuple[list[ClaimResult], bool]:
    """Run claims, in the ledger's order.

    Parameters
    ----------
    only : iterable of str, optional
        Ids, or family names such as T2; all by default.
    effort : {"quick", "full"}
        How much to test.
    jobs : int, optional
        Processes; by default the cores at hand, at most 2 and at most 1 for fewer than 4 claims. The results do not
        depend on it.
    progress : callable, optional
        Called with each finished claim.

    Returns
    -------
    results : list of ClaimResult
        The finished claims.
    complete : bool
        False if the run was interrupted by Ctrl-C; the finished claims are returned all the same.

    Raises
    ------
    ValueError
        For an unknown id (the message lists the known ones), an unknown effort or jobs < 1.
    """
    selected = select_claims(only)
    check_choice("effort", effort, EFFORTS)
    if jobs is None:
        jobs = 1 if len(selected) < 4 else min(2, os.cpu_count() or 1)
    jobs = check_int("jobs", jobs, low=1, most=MOST_JOBS)
    done: dict[str, ClaimResult] = {}

    def finish(result: ClaimResult) -> None:
        done[result.id] = result
        if progress:
            progress(result)

    try:
        if jobs == 1:
            for claim in selected:
                finish(run_claim(claim, effort))
        else:
            _run_in_processes([c.id for c in selected], effort, jobs, finish)
        complete = True
    except KeyboardInterrupt:
        complete = False
    return [done[c.id] for c in selected if c.id in done], complete


def _run_by_id(claim_id: str, effort: str) -> ClaimResult:
    return run_claim(get_claim(claim_id), effort)


def _start_worker(parent: int) -> None:
    end_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C and keeps what is finished
    import numba

    numba.set_num_threads(1)


def _run_in_processes(ids: list[str], effort: str, jobs: int, finish: Callable[[ClaimResult], None]) -> None:
    # spawn: a forked process would inherit numba's and OpenBLAS's threads in an undefined state
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, initializer=_start_worker, initargs=(os.getpid(),))
    try:
        queue = sorted(ids, key=lambda i: _HEAVY.index(i) if i in _HEAVY else len(_HEAVY))
        pending: set[Future[ClaimResult]] = {pool.submit(_run_by_id, i, effort) for i in queue}
        while pending:
            ready, pending = wait(pending, return_when=FIRST_COMPLETED)
            for future in ready:
                finish(future.result())
    except BaseException:
        for process in list((pool._processes or {}).values()):
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
