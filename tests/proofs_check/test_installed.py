"""The ledger where the checkout's tables are not: installed from a wheel, or with a table missing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from proofs_check import Kind, Status, get_claim, run_claim
from proofs_check._explain import found_row
from proofs_check._registry import all_claims
from proofs_check._report import describe, problems, summary, to_html, to_json
from proofs_check._run import run_check

# Claims whose checks read nothing but tables, or read them beside other evidence; the first table that each looks for.
READERS = {
    "Fig1": "figures/F1.csv", "Tab2": "figures/Table2.csv", "F6-trained": "figures/F6-data.csv",
    "G1": "figures/G-map.csv", "G2": "figures/G2-trend.csv",
}  # fmt: skip


def wheel_tables(repository: Path) -> set[str]:
    """The tables that pyproject.toml puts into the wheel."""
    target = tomllib.loads((repository / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    pairs = target["force-include"]
    assert all(to == f"proofs_check/tables/{Path(of).name}" for of, to in pairs.items())
    return {Path(of).stem for of in pairs}


def test_the_wheel_takes_the_tables_that_claims_read(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: set[str] = set()
    whole = pd.read_csv
    monkeypatch.setattr(pd, "read_csv", lambda path, *a, **k: read.add(Path(path).stem) or whole(path, *a, **k))
    for claim in all_claims().values():
        experiments = [one for one in claim.checks if one.kind is Kind.REGRESSION]
        for one in experiments:
            run_check(claim, one)
        if experiments and claim.example:
            claim.example()
    assert read == wheel_tables(repository)


@pytest.mark.parametrize("claim_id", READERS)
def test_a_missing_table_is_said_and_counts_neither_way(
    claim_id: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("proofs_check.figures.FIGURES", tmp_path)
    result = run_claim(get_claim(claim_id))
    assert result.status is Status.OPEN and result.agrees
    assert READERS[claim_id] in result.needs
    assert result.killed == result.tried < len(result.mutants) or result.tried == len(result.mutants)
    assert not problems([result])
    line = summary([result])
    assert f"not checked: {claim_id} (needs {READERS[claim_id]}" in line and "every verdict as recorded" in line
    assert f"{result.killed}/{result.tried} mutants" in line
    idle = next(e for e in result.evidence if e.needs)
    assert describe(idle).endswith(f"not checked: needs {idle.needs}")
    assert "not checked: needs" in found_row(result, 80)
    entry = json.loads(to_json([result], "quick", True))["claims"][0]
    assert entry["agrees"] and READERS[claim_id] in {e["needs"] for e in entry["evidence"]}
    page = to_html([result], "quick", True)
    assert "SURVIVES" not in page and f"needs {READERS[claim_id]}" in page


def test_a_mutant_that_survives_with_all_tables_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    claim = get_claim("Fig1")
    same = type(claim.mutants[0])("no change", {})
    result = run_claim(type(claim)(**{**vars(claim), "mutants": (same,)}))
    assert result.status is Status.NOT_VERIFIED and result.tried == 1 and result.killed == 0
    assert any("mutant survives: no change" in line for line in problems([result]))


@pytest.mark.slow
def test_wheel_and_sdist_check_and_train_in_an_empty_folder(repository: Path, tmp_path: Path) -> None:
    def run(*words: str, at: Path = repository, path: Path | None = None) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(path or ""), "COLUMNS": "200"}
        return subprocess.run([sys.executable, *words], cwd=at, env=environment, capture_output=True, text=True)

    built = run("-m", "hatchling", "build", "-d", str(tmp_path / "dist"))
    assert built.returncode == 0, built.stderr
    with tarfile.open(next((tmp_path / "dist").glob("*.tar.gz"))) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    source = next((tmp_path / "source").iterdir())
    again = run("-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "again"), at=source)
    assert again.returncode == 0, again.stderr
    wheels = [next((tmp_path / folder).glob("*.whl")) for folder in ("dist", "again")]
    names = [sorted(zipfile.ZipFile(wheel).namelist()) for wheel in wheels]
    assert names[0] == names[1]  # the sdist makes the same wheel
    assert {f"proofs_check/tables/{name}.csv" for name in wheel_tables(repository)} <= set(names[0])

    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    zipfile.ZipFile(wheels[1]).extractall(site)
    where = run("-c", "import sim, proofs_check; print(sim.__file__, proofs_check.__file__)", at=empty, path=site)
    assert where.stdout.count(str(site)) == 2, where

    def hns(*words: str) -> str:
        done = run("-m", "sim.cli.main", *words, at=empty, path=site)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "hns check" in hns("--help")
    (empty / "clicks.csv").write_text(
        "user,item\n" + "\n".join(f"{u},{u % 5 + i}" for u in range(40) for i in range(9))
    )
    assert "popularity" in hns("train", "clicks.csv", "--quiet", "--epochs", "2")
    hns("reproduce", "--only", "F6", "--profile", "smoke", "--quiet")
    assert (empty / "build" / "reproduce" / "smoke" / "F6.csv").is_file()
    out = hns("check", "--effort", "quick")
    assert "every verdict as recorded" in out and "not checked" not in out and "survives" not in out

    (site / "proofs_check" / "tables" / "F1.csv").unlink()
    out = hns("check", "--only", "Fig1", "Tab2")
    assert "not checked: Fig1 (needs figures/F1.csv)" in out and "every verdict as recorded" in out
