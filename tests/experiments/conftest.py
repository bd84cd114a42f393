"""A small data set for cells that train in a blink."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def data_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two groups of users, each with its own items."""
    rng = np.random.default_rng(0)
    lines = ["user,item"]
    for u in range(60):
        items = rng.permutation(30)[:12] + 30 * (u % 2)
        lines += [f"{u},{i}" for i in items]
    path = tmp_path_factory.mktemp("data") / "groups.csv"
    path.write_text("\n".join(lines) + "\n")
    return path
