"""The ledger's machinery: verdicts, mutants, errors, interrupts, reports, CLAIMS.md."""

from __future__ import annotations

import dataclasses
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import proofs_check
from proofs_check import (
    Check,
    Claim,
    Evidence,
    Kind,
    Mutant,
    MutantResult,
    Role,
    Status,
    Tally,
    Verdict,
    all_claims,
    check,
    claim_ids,
    get_claim,
    run,
    run_claim,
    select_claims,
)
from proofs_check import _run as runner
from proofs_check._claims_md import claims_markdown
from proofs_check.cli import main
from proofs_check.model import derive_status
from proofs_check.tally import NothingToTest, Refuted, z_limit


def _claim(*checks: Check, verdict: Status = Status.HOLDS, mutants: tuple[Mutant, ...] = ()) -> Claim:
    return Claim(
        id="X1", title="title", where="here", statement="words", latex="x", domain="all",
        verdict=Verdict(verdict, "so"), checks=checks, parts={"add": lambda a, b: a + b, "other": 0}, mutants=mutants,
    )  # fmt: skip


def _make(test, role: Role = Role.STATEMENT, tolerance: float = 0.0) -> Check:  # type: ignore[no-untyped-def]
    return check("a test", Kind.EXACT, role, tolerance=tolerance)(test)


def test_every_claim_of_the_issue_is_there() -> None:
    expected = {"L1", "T1", "T1-pool", *(f"T2{c}" for c in "abcdefghi"), "T3", "T3-sharp", "T3-ndcg", "N1", "C1", "F3"}
    expected |= {*(f"F6-{i}" for i in (1, 2, 3, 4)), "F6-law", "F6-opt", "F7", "AF", "S1", "E1", "E2", "G1", "G2"}
    expected |= {"R1", "R1-trained", "R3", "V1", "S1-nested", "S1-floor", "S1-regret"}
    expected |= {"D1", "F6-law-users", "I1", "L2", "M1", "Q1", "R2"}
    expected |= {"F6-law-models", "F6-llpauc", "F6-trained", "G2-optimal", "FN", "T1-estimator", "T2-estimator"}
    assert expected <= set(claim_ids())


def test_every_claim_has_two_mutants_and_there_are_forty() -> None:
    claims = all_claims().values()
    assert all(len(c.mutants) >= 2 for c in claims)
    assert sum(len(c.mutants) for c in claims) >= 40
    for claim in claims:
        for mutant in claim.mutants:
            claim.namespace(mutant)  # changes known parts


def test_every_departure_from_the_paper_has_an_example_and_a_sharp_statement() -> None:
    departs = {Status.CONDITION, Status.APPROXIMATELY, Status.REFUTED}
    for claim in all_claims().values():
        if claim.verdict.status in departs | {Status.SHARPENED}:
            assert claim.sharp, claim.id
        if claim.verdict.status in departs:
            assert claim.example and claim.example(), claim.id


def test_false_alarm_of_the_whole_ledger() -> None:
    assert sum(c.false_alarm for claim in all_claims().values() for c in claim.checks) <= 1e-4


def test_a_true_claim_holds_and_its_mutant_is_killed() -> None:
    def test(p, t):  # type: ignore[no-untyped-def]
        t.same(p.add(1, 2), 3, "1 + 2")

    mutants = (Mutant("off by one", {"add": lambda a, b: a + b + 1}), Mutant("unseen", {"other": 1}))
    result = run_claim(_claim(_make(test), mutants=mutants[:1]))
    assert (result.status, result.killed, result.agrees) == (Status.HOLDS, 1, True)
    assert result.mutants[0].by == "1 + 2: 4 != 3"
    result = run_claim(_claim(_make(test), mutants=mutants))
    assert (result.status, result.killed, result.agrees) == (Status.NOT_VERIFIED, 1, False)


def test_an_error_is_no_counterexample() -> None:
    def test(p, t):  # type: ignore[no-untyped-def]
        t.same(p.add(1, 1), 2)
        if p.add(0, 0):
            raise ZeroDivisionError("boom")

    result = run_claim(
        _claim(_make(test), mutants=(Mutant("crash", {"add": lambda a, b: max(a + b, 1) * 1 + (a == 1)}),))
    )
    assert result.killed == 1  # refuted by a case before the crash
    result = run_claim(_claim(_make(test), mutants=(Mutant("crash", {"add": lambda a, b: max(a + b, 1)}),)))
    assert result.status is Status.NOT_VERIFIED
    assert "ZeroDivisionError: boom" in result.mutants[0].by


def test_a_check_without_cases_is_an_error() -> None:
    result = run_claim(_claim(_make(lambda p, t: None)))
    assert result.status is Status.NOT_VERIFIED
    assert result.evidence[0].error == "the check tested no case"


@pytest.mark.parametrize(
    ("roles", "status"),
    [
        ({Role.STATEMENT: True}, Status.HOLDS),
        ({Role.STATEMENT: True, Role.SHARP: True}, Status.SHARPENED),
        ({Role.STATEMENT: True, Role.APPROXIMATE: True}, Status.APPROXIMATELY),
        ({Role.STATEMENT: False, Role.CONDITION: True}, Status.CONDITION),
        ({Role.STATEMENT: False, Role.APPROXIMATE: True}, Status.APPROXIMATELY),
        ({Role.STATEMENT: False, Role.SHARP: True}, Status.REFUTED),
        ({Role.STATEMENT: False}, Status.REFUTED),
        ({Role.STATEMENT: False, Role.CONDITION: False}, Status.NOT_VERIFIED),
        ({Role.STATEMENT: True, Role.SHARP: False}, Status.NOT_VERIFIED),
        ({Role.STATEMENT: None}, Status.OPEN),
        ({}, Status.NOT_VERIFIED),
    ],
)
def test_verdict_follows_from_the_evidence(roles: dict[Role, bool | None], status: Status) -> None:
    evidence = tuple(Evidence("w", Kind.EXACT, role, passed, 1, 0.0, 0.0, 0, 0.0) for role, passed in roles.items())
    assert derive_status(evidence, ()) is status
    if evidence:
        assert derive_status(evidence, (MutantResult("m", False),)) is Status.NOT_VERIFIED


def test_no_data_means_open() -> None:
    def test(p, t):  # type: ignore[no-untyped-def]
        raise NothingToTest("later")

    result = run_claim(_claim(_make(test), verdict=Status.OPEN))
    assert (result.status, result.agrees) == (Status.OPEN, True)


def test_mutants_must_change_known_parts() -> None:
    with pytest.raises(ValueError, match=r"mutant of X1 must change known parts \(add, other\), got \['typo'\]"):
        _claim().namespace(Mutant("m", {"typo": 1}))
    with pytest.raises(AttributeError, match="parts must be one of add, other, got 'typo'"):
        _ = _claim().namespace().typo


def test_statistical_checks_state_their_false_alarm() -> None:
    with pytest.raises(ValueError, match="false_alarm must be > 0 for statistical checks"):
        check("w", Kind.STATISTICAL)
    with pytest.raises(ValueError, match="false_alarm must be > 0"):
        check("w", Kind.EXACT, false_alarm=1e-6)


def test_tally_fails_at_the_first_case_beyond_tolerance() -> None:
    t = Tally("x", tolerance=0.1)
    t.small(-0.05)
    t.same(1.0, 1.05)
    t.all_small([0.01, -0.09], "array")
    t.same(Fraction(1, 3), Fraction(2, 6))
    assert t.cases == 5
    assert t.deviation == pytest.approx(0.09)
    for bad in (
        lambda: t.small(-0.2, "neg"),
        lambda: t.small(float("nan")),
        lambda: t.same(Fraction(1, 3), Fraction(1, 2)),
        lambda: t.same(1.0, float("nan")),
        lambda: t.all_small([0.0, np.nan], "nan"),
        lambda: t.all_true([True, False], "flags"),
        lambda: t.holds(False, "no"),
    ):
        with pytest.raises(Refuted):
            bad()
    with pytest.raises(Refuted, match=r"row \[1, 2\]: deviation 5"):
        t.all_small([0.0, 5.0], "row", np.array([[0, 0], [1, 2]]))


def test_z_scores_use_the_number_of_comparisons() -> None:
    t = Tally("x", false_alarm=1e-6)
    t.z_scores([4.0, -5.0], 10, "z")
    with pytest.raises(Refuted, match=r"z, entry 1: \|z\| = 6.00 > 5.33"):
        t.z_scores([0.0, -6.0], 10, "z")
    assert z_limit(1e-6, 10) < z_limit(1e-6, 1000)


def test_seeds_depend_on_the_check_only() -> None:
    a, b, c = Tally("T1: w"), Tally("T1: w", "full"), Tally("T1: v")
    assert a.seed == b.seed != c.seed


def test_selection_by_id_and_family() -> None:
    assert [c.id for c in select_claims(["T2"])] == [*(f"T2{c}" for c in "abcdefghi"), "T2-estimator"]
    assert [c.id for c in select_claims(["S1", "L1"])] == [
        "L1", "S1", "S1-pool", "S1-soft", "S1-nested", "S1-floor", "S1-regret"
    ]  # fmt: skip
    assert [c.id for c in select_claims(["T3-ndcg"])] == ["T3-ndcg"]


def test_unknown_ids_list_the_known_ones() -> None:
    for call in (lambda: get_claim("T9"), lambda: select_claims(["T9"]), lambda: run(["T9"])):
        with pytest.raises(ValueError, match=r"claim must be one of L1, T1, T1-pool, .*Tab2, .*got 'T9'"):
            call()
    with pytest.raises(ValueError, match="effort must be one of 'quick', 'full', got 'huge'"):
        run(["L1"], effort="huge")
    with pytest.raises(ValueError, match="jobs must be >= 1, got 0"):
        run(["L1"], jobs=0)


@pytest.mark.parametrize(
    "claim_id", ["T2e", "T3", "T3-sharp", "C1", "F3", "F6-opt", "G2-optimal", "FN", "Tab2", "R1-trained", "S1-floor"]
)
def test_claims_have_the_verdict_on_record(claim_id: str) -> None:
    result = run_claim(get_claim(claim_id))
    assert result.agrees, [e.counterexample or e.error for e in result.evidence]
    assert result.killed == len(result.mutants)


def test_results_do_not_depend_on_processes() -> None:
    def facts(results):  # type: ignore[no-untyped-def]
        return [(r.id, r.status, r.cases, r.deviation, [m.by for m in r.mutants]) for r in results]

    one, complete = run(["T2g", "T2h"], jobs=1)
    two, _ = run(["T2g", "T2h"], jobs=2)
    assert complete
    assert facts(one) == facts(two)


def test_interrupt_keeps_finished_claims(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    original = runner.run_claim

    def stop_at_third(claim, effort):  # type: ignore[no-untyped-def]
        if claim.id == "T2c":
            raise KeyboardInterrupt
        return original(claim, effort)

    monkeypatch.setattr(runner, "run_claim", stop_at_third)
    target = tmp_path / "ledger.json"
    assert main(["--only", "T2h", "T2c", "T2b", "--jobs", "1", "--json", str(target)]) == 130
    out = capsys.readouterr().out
    assert "T2b" in out
    assert "interrupted; 1 claims" in out
    found = json.loads(target.read_text())
    assert [c["id"] for c in found["claims"]] == ["T2b"]
    assert found["complete"] is False


def test_command_line_writes_json_and_html(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    as_json, as_html = tmp_path / "a.json", tmp_path / "a.html"
    assert main(["--only", "T2h,F3", "--json", str(as_json), "--html", str(as_html)]) == 0
    out = capsys.readouterr().out
    assert "7/7 mutants killed" in out
    assert "every verdict as recorded" in " ".join(out.split())
    found = json.loads(as_json.read_text())
    assert [c["id"] for c in found["claims"]] == ["T2h", "F3"]
    assert found["claims"][0]["evidence"][0]["kind"] == "property"
    page = as_html.read_text()
    assert 'id="F3"' in page
    assert "Limits of the temperature" in page
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []


def test_command_line_fails_on_another_verdict(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = dataclasses.replace(get_claim("T2h"), verdict=Verdict(Status.REFUTED, "no"))
    monkeypatch.setitem(all_claims(), "T2h", changed)
    assert main(["--only", "T2h"]) == 1
    assert "holds (recorded: refuted)" in " ".join(capsys.readouterr().out.split())


def test_command_line_errors(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--only", "T9"]) == 2
    assert "hns: claim must be one of L1, T1" in capsys.readouterr().err
    assert main(["--only", "L1", "--json", "/no/such/folder/x.json"]) == 2
    assert "hns: --json: output folder must exist" in capsys.readouterr().err


def test_claims_md_is_up_to_date(repository: Path) -> None:
    assert (repository / "CLAIMS.md").read_text() == claims_markdown(), "run python -m proofs_check --write-claims"


def test_package_exports() -> None:
    assert all(hasattr(proofs_check, name) for name in proofs_check.__all__)


def test_guideline_evidence_is_read_from_the_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import pandas as pd

    monkeypatch.setattr("proofs_check.figures.FIGURES", tmp_path)

    def verdicts(
        p_softest: float,
        elasticity: float,
        p_holm: float,
        seeds: int = 5,
        p_hardest: float = 0.001,
        later: tuple[float, float, float] = (0.001, 0.9, 0.97),
    ) -> list[Status]:
        """``later``: p of the hardest at K = 10, p of uniform sampling and its relative value, split in time."""
        rows = {"data": "d", "axis": "M", "metric": ["ndcg", "recall"], "k": 5, "seeds": seeds}
        ends = pd.DataFrame(rows | {"p_hardest": p_hardest, "p_softest": p_softest, "softest": 0.9})
        deep, p_later, softest = later
        in_time = ends.assign(data="d-temporal", k=[10, 5], p_hardest=[deep, 0.9], p_softest=p_later, softest=softest)
        pd.concat([ends, in_time]).to_csv(tmp_path / "G-map.csv")
        trend = {"elasticity": elasticity, "low": elasticity - 0.1, "high": elasticity + 0.1, "p_holm": p_holm}
        pd.DataFrame(rows | trend).to_csv(tmp_path / "G2-trend.csv")
        for figure, harder, softer, ends in (("F8", 2, 5, (1, 200)), ("F10", 3, 0.05, (20, 0.01))):
            best = {(harder, 5), (softer, 100)}  # (level, K)
            levels = [
                {"metric": metric, "k": k, "parameter": at, "p_best": 0.9 if (at, k) in best else 0.0005}
                for metric in ("ndcg", "recall") for k in (5, 100) for at in (harder, softer, *ends)
            ]  # fmt: skip
            pd.DataFrame(levels).assign(data="gowalla", seeds=seeds).to_csv(tmp_path / f"{figure}.csv")
        # without the scope, which names the data sets of figures/
        return [run_claim(dataclasses.replace(get_claim(claim_id), scope=())).status for claim_id in ("G1", "G2")]

    assert run_claim(get_claim("G2")).status is Status.OPEN  # no table
    assert verdicts(0.001, 0.3, 0.001, seeds=2) == [Status.OPEN, Status.OPEN]
    assert verdicts(0.5, -0.3, 0.001) == [Status.NOT_VERIFIED, Status.NOT_VERIFIED]
    assert verdicts(0.001, 0.3, 0.2)[1] is Status.OPEN
    assert verdicts(0.001, 0.3, 0.001, p_hardest=0.5)[0] is Status.NOT_VERIFIED
    for later in ((0.5, 0.9, 0.97), (0.001, 0.001, 0.97), (0.001, 0.9, 0.7)):
        assert verdicts(0.001, 0.3, 0.001, later=later)[0] is Status.NOT_VERIFIED
    assert verdicts(0.001, 0.95, 0.001)[1] is Status.NOT_VERIFIED
    assert verdicts(0.001, 0.3, 0.001) == [Status.CONDITION, Status.CONDITION]
    result = run_claim(get_claim("G1"))  # other data sets than those that the claim speaks of
    assert (result.status, result.agrees) == (Status.OPEN, True)
    assert "no check reached gowalla" in result.uncovered[0]
