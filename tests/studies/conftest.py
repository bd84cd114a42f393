"""What the tests of the studies share: at the smallest profile a run is trained once, and a table is made once."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from sim.core.files import new_file
from sim.studies import Options, get_study


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this session that its processes have in common."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture(scope="session")
def options(shared_folder: Path) -> Options:
    """The smallest profile; finished runs are taken over by the next test."""
    return Options(profile="smoke", jobs=1, results=shared_folder / "smoke-results")


@pytest.fixture(scope="session")
def smoke_table(options: Options, shared_folder: Path) -> Callable[[str], pd.DataFrame]:
    """The table of a study at the smallest profile, by the study's id."""

    def table(name: str) -> pd.DataFrame:
        path = shared_folder / f"smoke-{name}.pkl"
        if not path.exists():
            made = get_study(name).run(options)
            with new_file(path) as out:
                made.to_pickle(out)
        return pd.read_pickle(path)

    return table
