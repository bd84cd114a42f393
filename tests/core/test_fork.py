"""A fork after numba's threads have run: refused in the child in one line, whatever is called; nothing hangs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from sim.core.jit import JIT_ENABLED

SCRIPT = """
import multiprocessing, os, sys, time
import joblib, numpy as np
from scipy import sparse
from sim.bpr import BPRMF, evaluate
from sim.metrics import auc

X = sparse.random(40, 50, 0.2, format="csr", random_state=0)
model = BPRMF(4, epochs=1, rng=0)

def in_child(call):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            call()
            print("done")
        except BaseException as error:
            print(type(error).__name__, error)
        sys.stdout.flush()
        os._exit(0)
    end = time.monotonic() + 250
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return
        time.sleep(0.01)
    os.kill(pid, 9)
    print("hung")

in_child(lambda: model.fit(X).recommend(0, X[0]))
model.fit(X).recommend(0, X[0])
evaluate(model, X)
in_child(lambda: BPRMF(4, epochs=1, rng=0).fit(X))
in_child(lambda: model.recommend(0, X[0]))
in_child(lambda: evaluate(model, X))
in_child(lambda: in_child(lambda: evaluate(model, X)))
in_child(lambda: auc([1, 0], [2.0, 1.0]))
with multiprocessing.get_context("fork").Pool(2) as pool:
    try:
        pool.map(model.partial_fit, [X, X])
    except Exception as error:
        print(type(error).__name__, error)
try:
    joblib.Parallel(2, backend="multiprocessing")(joblib.delayed(evaluate)(model, X) for _ in range(2))
except Exception as error:
    print(type(error).__name__, error)
evaluate(model, X)
print("parent goes on")
"""


@pytest.mark.skipif(not hasattr(os, "fork") or not JIT_ENABLED, reason="no fork, or no threads")
def test_a_child_of_a_process_whose_threads_ran():
    environment = os.environ | {"NUMBA_NUM_THREADS": "2", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=300, env=environment, check=True
    )
    refused = "RuntimeError this process was forked from one in which numba's threads had run, and cannot use them: "
    lines = ["refused" if line.startswith(refused) else line for line in done.stdout.splitlines()]
    assert lines == [
        "done",
        "refused",
        "refused",
        "refused",
        "refused",
        "done",
        "done",
        *["refused"] * 2,
        "parent goes on",
    ]
