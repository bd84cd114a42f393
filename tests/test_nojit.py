"""Kernels as plain Python: the tests marked ``nojit`` once more in a process with NUMBA_DISABLE_JIT=1.

There an index out of bounds raises instead of reading foreign memory, and coverage sees the kernels' lines.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sim.core import random as _random
from sim.core.jit import JIT_ENABLED


@pytest.mark.nojit
def test_words_are_those_of_splitmix64() -> None:
    # the reference generator's first outputs for seed 1234567 (public test vector)
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [int(_random.word(np.uint64(1234567), i)) for i in range(4)] == expected


@pytest.mark.skipif(not JIT_ENABLED, reason="this is the process without JIT")
def test_marked_tests_pass_without_jit(repository: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_"))}
    environment["NUMBA_DISABLE_JIT"] = "1"
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-m", "nojit", "-p", "no:xdist", "-p", "no:cacheprovider"),
        *("-W", "ignore:overflow encountered:RuntimeWarning"),  # uint64 arithmetic wraps on purpose
        *sorted(str(p) for p in (repository / "tests").rglob("test_*.py") if "pytest.mark.nojit" in p.read_text()),
    ]
    done = subprocess.run(command, cwd=repository, env=environment, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
