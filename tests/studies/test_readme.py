"""The README's tables are those of the figures."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from sim.studies.readme import with_tables

ROOT = Path(__file__).resolve().parents[2]


def test_blocks_are_filled_from_the_table_of_their_name(tmp_path: Path) -> None:
    row = {"data": "d", "method": "BPR", "metric": "ndcg@50", "mean": 0.25, "low": 0.2, "high": 0.3, "paper": 0.1}
    pd.DataFrame([row]).to_csv(tmp_path / "T.csv", index=False)
    text = with_tables("before\n<!-- T -->\nold\n<!-- end -->\nafter", tmp_path)
    assert text == (
        "before\n<!-- T -->\n| | d, NDCG@50 |\n|---|---|\n| BPR | 0.2500 ± 0.0500 (0.1000) |\n<!-- end -->\nafter"
    )
    assert with_tables(text, tmp_path) == text


def test_the_readme_has_the_committed_tables() -> None:
    for name in ("Table2", "Table3"):
        if json.loads((ROOT / "figures" / f"{name}.json").read_text(encoding="utf-8"))["profile"] != "paper":
            pytest.skip(f"figures/{name}.csv is of another profile than the README's table")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "<!-- Table2 -->\n| | " in text and "<!-- Table3 -->\n| | " in text
    assert with_tables(text, ROOT / "figures") == text
