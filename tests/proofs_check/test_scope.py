"""What claims state against what their checks reach: the registry, the comparison, and the run that measures."""

from __future__ import annotations

import math

import pytest

from proofs_check import Axis, Claim, Kind, Status, Verdict, all_claims, check, get_claim, run_claim
from proofs_check._formal import formal_theorems
from proofs_check.scope import summarise, uncovered


def _claim(scope: tuple[Axis, ...], sizes: range = range(1, 5), metrics: tuple[str, ...] = ("recall",)) -> Claim:
    @check("a test", Kind.EXACT)
    def test(p, t):  # type: ignore[no-untyped-def]
        for n in sizes:
            t.reach({"n": n, "metric": metrics})
            t.holds(True, "n")

    return Claim(
        id="X1", title="t", where="w", statement="s", latex="x", domain="d", verdict=Verdict(Status.HOLDS, "so"),
        checks=(test,), parts={}, mutants=(), scope=scope,
    )  # fmt: skip


def test_every_claim_says_what_it_states_and_what_is_checked() -> None:
    for claim in all_claims().values():
        assert claim.scope, claim.id
        assert len({axis.name for axis in claim.scope}) == len(claim.scope), claim.id


def test_what_goes_further_than_the_checks_is_carried_by_a_theorem_or_a_proof() -> None:
    for claim in all_claims().values():
        theorems = {name for name, _ in formal_theorems(claim.id)}
        for axis in claim.scope:
            if axis.carried:
                kind, _, where = axis.carried.partition(": ")
                assert kind in ("formal", "proof") and where, f"{claim.id}: {axis}"
                assert kind == "proof" or where in theorems, f"{claim.id}: no theorem {where}"


@pytest.mark.parametrize("claim_id", ["T2e", "T3", "C1", "F3", "F6-3", "F6-law-users", "M1", "Q1", "L2"])
def test_a_run_reaches_what_the_registry_says(claim_id: str) -> None:
    result = run_claim(get_claim(claim_id))
    assert result.uncovered == ()
    assert result.agrees, [e.counterexample or e.error for e in result.evidence]
    assert result.killed == len(result.mutants)


def test_a_claim_whose_checks_reach_less_is_not_verified() -> None:
    assert run_claim(_claim((Axis("n", (1, 4), every=True), Axis("metric", ("recall",))))).status is Status.HOLDS
    for scope, words in (
        ((Axis("n", (1, 5)),), "n: the checks must reach 1 to 5, got 1 to 4"),
        ((Axis("m", (1, 5)),), "m: the checks must reach 1 to 5, got nothing"),
        ((Axis("metric", ("recall", "ndcg")),), "metric: no check reached ndcg"),
    ):
        result = run_claim(_claim(scope))
        assert (result.status, result.agrees, result.uncovered) == (Status.NOT_VERIFIED, False, (words,))


def test_runs_that_are_not_there_leave_a_claim_open() -> None:
    result = run_claim(_claim((Axis("metric", ("recall", "ndcg"), runs=True),)))
    assert (result.status, result.agrees) == (Status.OPEN, True)


def test_every_integer_means_by_one_check() -> None:
    scope = (Axis("n", (1, 9), every=True),)
    found = run_claim(_claim(scope, sizes=range(1, 10, 2))).uncovered
    assert found == ("n: one check must visit every integer from 1 to 9",)


def test_axes_compare_what_is_stated_with_what_is_checked() -> None:
    with pytest.raises(ValueError, match=r"axis n states more than is checked, got carried=''"):
        Axis("n", (1, math.inf), (1, 6))
    with pytest.raises(ValueError, match=r"axis n states no more than is checked, got carried='proof: x'"):
        Axis("n", (1, 6), (1, 6), carried="proof: x")
    with pytest.raises(ValueError, match=r"axis n must have intervals or names on both sides"):
        Axis("n", (1, 6), ("a", "b"), carried="proof: x")
    for bad in ((1, 2, 3), (3, 1), "ab", ("a", 1)):
        with pytest.raises(ValueError, match=r"an axis must be \(low, high\) or names"):
            Axis("n", bad)  # type: ignore[arg-type]


def test_reached_values_are_summarised() -> None:
    assert summarise({"n": {1, 2, 9}, "none": set()}) == {"n": (1.0, 9.0, 3)}
    assert uncovered((Axis("n", (2, 8)),), [summarise({"n": {1, 5}}), summarise({"n": {7, 9}})]) == []
