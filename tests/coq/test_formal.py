"""The machine-checked proofs: they compile, assume only what is listed, and agree with the Python code."""

from __future__ import annotations

import os
import random
from math import isqrt
from pathlib import Path

import numpy as np
import pytest

from proofs_check import formal
from sim.metrics import hits_at_k_from_labels, opauc_count, topk_bounds_from_opauc

needs_coq = pytest.mark.skipif(
    os.environ.get("HNS_REQUIRE_COQ") != "1",
    reason="make formal installs coqc and runs these tests: they compile for long",
)
REALS = ("LambdaStar.v", "Nesting.v", "Resolution.v")
FIELDS = ("hits", "X", "lo", "hi", "lo_paper", "hi_paper")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[formal.TheoremResult, ...]]:
    """The proofs compiled into a folder of their own, and what Coq says about them."""
    folder = tmp_path_factory.mktemp("coq")
    return folder, formal.check_theorems(folder)


# ---- the list, no Coq needed ----


def test_every_file_is_listed_and_builds_in_order() -> None:
    names = [source.name for source in formal.sources()]
    assert sorted(names) == sorted(p.name for p in formal.COQ_DIR.glob("*.v"))
    assert {t.file for t in formal.theorems()} == set(names)


def test_listed_theorems_are_stated_in_their_files() -> None:
    for t in formal.theorems():
        code = (formal.COQ_DIR / t.file).read_text()
        assert any(f"\n{kind} {t.name} " in code for kind in ("Theorem", "Lemma", "Example")), t.name


def test_only_the_files_over_the_reals_may_use_axioms() -> None:
    for t in formal.theorems():
        if t.assumptions != "closed":
            assert t.file in {"T3real.v", "T2.v", "Scaling.v", *REALS}, t.name


def test_readme_holds_the_table() -> None:
    assert formal.readme_table() in (formal.COQ_DIR / "README.md").read_text(), "make -C proofs_check/coq table"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"assumptions": '"none"'}, "assumptions of x must be one of closed, got 'none'"),
        ({"words": None}, "theorem x must have the fields"),
    ],
)
def test_broken_lists_are_refused(change: dict[str, str | None], message: str) -> None:
    entry = {"name": '"x"', "file": '"x.v"', "claims": "[]", "paper": '""', "words": '""', "assumptions": '"closed"'}
    lines = [f"{key} = {value}" for key, value in {**entry, **change}.items() if value is not None]
    with pytest.raises(ValueError, match=message):
        formal._parse("[assumptions]\nclosed = []\n[[theorem]]\n" + "\n".join(lines))


def test_names_must_be_unique() -> None:
    entry = '[[theorem]]\nname="x"\nfile="x.v"\nclaims=[]\npaper=""\nwords=""\nassumptions="closed"\n'
    with pytest.raises(ValueError, match="unique, got x twice"):
        formal._parse("[assumptions]\nclosed = []\n" + entry + entry)


def test_missing_coqc_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formal.shutil, "which", lambda name: None)
    with pytest.raises(formal.CoqError, match=r"^coqc is missing: install coq .*$"):
        formal.check_theorems()


@pytest.mark.parametrize("word", ["Admitted.", "Axiom a : False.", "Parameter p : nat.", "Unset Guard Checking."])
def test_unproved_sources_are_refused(tmp_path: Path, word: str) -> None:
    (tmp_path / "_CoqProject").write_text("-R . HNS\na.v\n")
    (tmp_path / "a.v").write_text(f"(* no Axiom here *)\nLemma a : True. Proof. exact I. Qed.\n{word}\n")
    with pytest.raises(formal.CoqError, match="a.v must prove everything it states"):
        formal.sources(tmp_path)


def test_an_unlisted_axiom_is_not_passed_over() -> None:
    blocks = [f"@@ {t.qualified}\nClosed under the global context\n" for t in formal.theorems()]
    assert all(r.passed for r in formal._results("".join(blocks)))
    first = formal.theorems()[0]
    for body in ("Axioms:\ncheat : False\n", "Axioms:\ncheat\n  : False\n", "f is assumed to be guarded.\n", ""):
        found = formal._results("".join([f"@@ {first.qualified}\n{body}", *blocks[1:]]))
        assert not found[0].passed and all(r.passed for r in found[1:])
    with pytest.raises(formal.CoqError, match="got nothing"):
        formal._results("".join(blocks[1:]))


# ---- Coq ----


@needs_coq
def test_every_theorem_rests_on_what_is_listed(built: tuple[Path, tuple[formal.TheoremResult, ...]]) -> None:
    results = built[1]
    assert [r.theorem for r in results] == list(formal.theorems())
    assert {r.theorem.name: r.axioms for r in results if not r.passed} == {}
    # the reals are used where they are announced, so the parser of axioms sees axioms
    assert all(r.axioms for r in results if r.theorem.file == "T3real.v")


@needs_coq
def test_a_false_proof_is_rejected_in_one_line(
    built: tuple[Path, tuple[formal.TheoremResult, ...]], tmp_path: Path
) -> None:
    file = tmp_path / "false.v"
    file.write_text("Lemma wrong : 1 = 2.\nProof. reflexivity. Qed.\n")
    with pytest.raises(formal.CoqError, match=r"^coqc rejects false.v: line 2: .*$"):
        formal.coqc(file, built[0])


def random_rankings(count: int) -> list[tuple[list[int], int]]:
    """Labels and K <= N_-, from one positive among few to some of both; perfect squares and K = N_- included."""
    rng = random.Random(2302)
    found = []
    while len(found) < count:
        positives, negatives = rng.randint(1, 14), rng.randint(1, 14)
        labels = [1] * positives + [0] * negatives
        rng.shuffle(labels)
        if rng.random() < 0.3:
            labels.sort(reverse=rng.random() < 0.5)
        found.append((labels, rng.randint(1, negatives)))
    return found


def by_hand(labels: list[int], k: int) -> tuple[int, ...]:
    """The six numbers, straight from their definitions."""
    hits = sum(labels[:k])
    negatives = [j for j, label in enumerate(labels) if not label][:k]
    x = sum(sum(labels[:j]) for j in negatives)
    positives = sum(labels)
    s = positives + k
    possible = [i for i in range(min(k, positives) + 1) if i * i <= x <= i * (s - i)]
    square = s * s - 4 * x
    up = isqrt(square) + (isqrt(square) ** 2 < square)
    return hits, x, possible[0], possible[-1], (s - up) // 2, isqrt(x) + (isqrt(x) ** 2 < x)


def by_library(labels: list[int], k: int) -> tuple[int, ...]:
    x = opauc_count(np.array(labels), k)
    sizes = sum(labels), len(labels) - sum(labels), k, x
    sharp, paper = topk_bounds_from_opauc(*sizes), topk_bounds_from_opauc(*sizes, form="paper")
    return hits_at_k_from_labels(np.array(labels), k), x, *sharp, *paper


def goal(rows: list[tuple[list[int], int, tuple[int, ...]]]) -> str:
    """A Coq goal: the functions of T3.v, computed, give these numbers."""
    cases = []
    for labels, k, values in rows:
        ranking = "; ".join("true" if label else "false" for label in labels)
        cases.append(f"([{ranking}], {k}, [{'; '.join(map(str, values))}])")
    return (
        "From Coq Require Import List. Import ListNotations. From HNS Require Import T3.\n"
        "Definition six (l : ranking) (K : nat) : list nat :=\n"
        "  let X := opauc_count K l in let p := positives l in\n"
        "  [hits K l; X; lo p K X; hi p K X; lo_paper p K X; hi_paper X].\n"
        "Definition cases := [" + ";\n".join(cases) + "].\n"
        "Goal map (fun c => six (fst (fst c)) (snd (fst c))) cases = map snd cases.\n"
        "Proof. vm_compute. reflexivity. Qed.\n"
    )


def test_library_agrees_with_the_definitions() -> None:
    for labels, k in random_rankings(400):
        assert by_library(labels, k) == by_hand(labels, k), (labels, k)


@needs_coq
@pytest.mark.parametrize("source", [by_hand, by_library], ids=["definitions", "sim.metrics"])
def test_python_computes_what_coq_computes(
    built: tuple[Path, tuple[formal.TheoremResult, ...]], tmp_path: Path, source: object
) -> None:
    assert callable(source)
    rows = [(labels, k, source(labels, k)) for labels, k in random_rankings(400)]
    file = tmp_path / "conformance.v"
    file.write_text(goal(rows))
    formal.coqc(file, built[0])


@needs_coq
@pytest.mark.parametrize("altered", range(len(FIELDS)), ids=FIELDS)
def test_one_altered_value_is_refused(
    built: tuple[Path, tuple[formal.TheoremResult, ...]], tmp_path: Path, altered: int
) -> None:
    rows = [(labels, k, by_library(labels, k)) for labels, k in random_rankings(30)]
    labels, k, values = rows[17]
    rows[17] = (labels, k, tuple(v + (i == altered) for i, v in enumerate(values)))
    file = tmp_path / "altered.v"
    file.write_text(goal(rows))
    with pytest.raises(formal.CoqError, match=r"coqc rejects altered.v: line \d+: .*[Uu]nable to unify"):
        formal.coqc(file, built[0])
