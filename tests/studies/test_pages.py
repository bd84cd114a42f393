"""Pages: blocks are written from what they name, what differs is named, numbers outside of them are found."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from sim.studies.overviews import about, markdown, overview
from sim.studies.pages import Evidence, differences, render, typed_numbers

SAID = {"a/one": "The first " + "long " * 30 + "sentence.", "a/two": "The second one, 0.5."}


def say(what: str) -> dict[str, str]:
    return {name: text for name, text in SAID.items() if name == what or (what == "a/" and name.startswith(what))}


FILLS = {"say": say, "table": lambda what: f"| {what} |\n|---|"}
PAGE = """before 1.5
<!-- say a/one -->
old
<!-- end -->
1. item
   <!-- say a/ -->
   <!-- end -->
<!-- table T -->
<!-- end -->
"""


def test_blocks_are_written_and_writing_again_changes_nothing() -> None:
    made = render(PAGE, FILLS)
    assert render(made, FILLS) == made and not differences(made, FILLS)
    assert "old" not in made and "<!-- table T -->\n| T |\n|---|\n<!-- end -->" in made
    assert "   - The second one, 0.5.\n   <!-- end -->" in made
    assert max(map(len, made.splitlines())) <= 100
    assert made.startswith("before 1.5\n<!-- say a/one -->\nThe first long")


def test_every_altered_sentence_is_named() -> None:
    made = render(PAGE, FILLS)
    wrong = differences(made.replace("second", "third").replace("| T |", "| U |"), FILLS)
    assert [line.split(" says")[0] for line in wrong] == ["a/two", "table T is not that of its evidence"]
    first, rest = made.split("1. item")
    assert [line.split(" says")[0] for line in differences(first + rest.replace("first", "last"), FILLS)] == ["a/one"]
    assert differences(made.replace("   - The second one, 0.5.\n", ""), FILLS)[0].startswith("a/two says 'nothing'")
    extra = made.replace("   - The second one, 0.5.\n", "   - The second one, 0.5.\n   - A third.\n")
    assert differences(extra, FILLS) == ["a/ says 'A third.', its evidence nothing"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- tell a/one -->\n<!-- end -->", "mark must be one of say, table, got 'tell'"),
        ("<!-- say b -->\n<!-- end -->", "a mark must name something, got say b"),
        ("x <!-- say a/one -->y<!-- end -->", "lines of its own, got 1 ends and 0 blocks"),
    ],
)
def test_marks_that_mean_nothing_are_errors(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        render(text, FILLS)


def test_typed_numbers_are_those_outside_of_blocks_code_and_links() -> None:
    typed = "gain .3, -2.5 and 12%; `lr=.1`, [5.5](a/1.2.png)\n```\n0.7\n```\nK = 5, 3.11, WWW 2023."
    text = render(PAGE, FILLS) + typed
    assert typed_numbers(text) == ["1.5", ".3", "-2.5", "12%", "5.5", "3.11"]
    assert typed_numbers(text, r"3\.11|\[5\.5") == ["1.5", ".3", "-2.5", "12%"]


def test_a_table_of_means_has_the_printed_numbers(tmp_path: Path) -> None:
    row = {"data": "d", "method": "BPR", "metric": "ndcg@50", "mean": 0.25, "low": 0.2, "high": 0.3, "paper": 0.1}
    pd.DataFrame([row]).to_csv(tmp_path / "T.csv", index=False)
    assert overview("T", Evidence(tmp_path)) == "| | d, NDCG@50 |\n|---|---|\n| BPR | 0.2500 ± 0.0500 (0.1000) |\n"
    assert markdown(["a"], [[1], [2]]) == "| a |\n|---|\n| 1 |\n| 2 |"
    assert "hns reproduce --only F6`" in about("F6")
