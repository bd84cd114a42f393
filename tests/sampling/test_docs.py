"""The page on samplers: its example runs and prints what it says, and it names every sampler and loss there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sim.bpr.settings import LOSSES
from sim.sampling.spec import SPECS


@pytest.fixture
def page(repository: Path) -> str:
    return (repository / "docs" / "samplers.md").read_text()


def test_the_example_prints_what_the_page_shows(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = re.findall(r"```(?:python)?\n(.*?)```", page, re.DOTALL)
    assert code.count("\n") <= 40
    exec(compile(code, "docs/samplers.md", "exec", dont_inherit=True), {"__name__": "example"})
    assert capsys.readouterr().out == shown


def test_every_sampler_and_loss_is_named(page: str) -> None:
    for name in (*SPECS, *LOSSES):
        assert f"`{name}`" in page, name
