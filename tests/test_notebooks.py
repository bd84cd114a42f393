"""Every notebook runs from top to bottom at the smallest settings, its .ipynb is the pair of its .py and says what the
published tables say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))

EXACT = {"1.5", "0.4", "0.1", "95%"}
"""Decimals that a notebook's text may hold: they come from the paper or a formula, not from a run."""

LARGEST = 5_000_000
"""Bytes of all notebooks together with their pictures."""


def cells(path: Path, kind: str) -> list:
    jupytext = pytest.importorskip("jupytext", reason="needs the extra 'docs'")
    return [cell for cell in jupytext.read(path).cells if cell.cell_type == kind]


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_runs(path, tmp_path, monkeypatch):
    jupytext = pytest.importorskip("jupytext", reason="needs the extra 'docs'")
    nbclient = pytest.importorskip("nbclient", reason="needs the extra 'docs'")
    monkeypatch.setenv("HNS_PROFILE", "smoke")
    monkeypatch.setenv("HNS_RESULTS_DIR", str(tmp_path / "results"))
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")
    monkeypatch.delenv("MPLBACKEND", raising=False)  # the kernel's own backend puts pictures into the notebook
    notebook = jupytext.read(path)
    nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
    pictures = [
        output
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "image/png" in output.get("data", {})
    ]
    assert pictures, "a notebook shows at least one picture"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_committed_with_outputs(path):
    jupytext = pytest.importorskip("jupytext", reason="needs the extra 'docs'")
    paired = path.with_suffix(".ipynb")
    assert paired.exists(), f"run make docs: {paired.name} is missing"
    source = [cell.source for cell in jupytext.read(path).cells]
    notebook = jupytext.read(paired)
    assert [cell.source for cell in notebook.cells] == source, f"run make docs: {paired.name} is out of date"
    assert any(cell.get("outputs") for cell in notebook.cells)
    said = [out.text for cell in notebook.cells for out in cell.get("outputs", []) if out.get("name") == "stderr"]
    assert not said, f"warnings are not for the reader: {said}"


def test_what_the_committed_notebooks_say_is_found_in_the_published_tables():
    records = [json.loads(path.read_text(encoding="utf-8")) for path in (ROOT / "figures").glob("*.json")]
    known = {sentence for record in records for sentence in record.get("findings", {}).values()}
    outputs = [
        "".join(output.get("data", {}).get("text/markdown", ""))
        for path in NOTEBOOKS
        for cell in json.loads(path.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
        for output in cell.get("outputs", [])
    ]
    said = [line[2:] for text in outputs if text.startswith("**Found:**") for line in text.splitlines()[2:]]
    assert len(said) > 50
    assert not set(said) - known, "run make docs: they say what the tables do not"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_no_number_of_a_run_is_typed(path):
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    assert not set(re.findall(r"(?<![\d.])\d*\.\d+%?|\d+%", text)) - EXACT


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_each_figure_is_announced(path):
    """Between two pictures stands a sentence that says what to look at."""
    jupytext = pytest.importorskip("jupytext", reason="needs the extra 'docs'")
    announced = False
    for cell in jupytext.read(path).cells:
        announced |= cell.cell_type == "markdown" and "**What to look at:**" in cell.source
        if cell.cell_type == "code" and re.search(r"^ *(show|picture)\(", cell.source, re.MULTILINE):
            assert announced, cell.source
            announced = False


def test_notebooks_are_small():
    assert sum(path.with_suffix(".ipynb").stat().st_size for path in NOTEBOOKS) < LARGEST
