"""Every notebook runs from top to bottom at the smallest profile, and its .ipynb is the pair of its .py."""

from __future__ import annotations

from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "notebooks").glob("*.py"))


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
