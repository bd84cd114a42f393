"""SIGTERM as Ctrl-C; workers that end with whoever started them, however that ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from sim.bpr import BPRMF
from sim.cli.main import COMMANDS, main
from sim.core.signals import Terminated, heard, sigterm_as_ctrl_c
from sim.sampling import DNS

posix = pytest.mark.skipif(os.name == "nt", reason="there are no such signals")


@posix
def test_sigterm_is_heard_inside_and_only_there():
    assert heard() == [signal.SIGINT]
    with pytest.raises(Terminated), sigterm_as_ctrl_c():
        assert heard() == [signal.SIGINT, signal.SIGTERM]
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)  # a program with a use of its own for it keeps it
    with sigterm_as_ctrl_c():
        assert heard() == [signal.SIGINT]
    assert signal.signal(signal.SIGTERM, before) is signal.SIG_IGN


@posix
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_command_says_what_is_kept(number, status, monkeypatch, capsys):
    own = COMMANDS["sweep"]._replace(run=lambda options: signal.raise_signal(number))
    monkeypatch.setitem(COMMANDS, "sweep", own)
    assert main(["sweep", "grid.toml"]) == status
    assert capsys.readouterr().err == "hns: stopped; finished runs are kept and will not be repeated\n"
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@posix
def test_sigterm_stops_a_training_between_batches_and_it_goes_on(tmp_path):
    X = sparse.random(20, 30, 0.2, format="csr", random_state=0)
    options = {"epochs": 4, "batch_size": 30, "rng": 0, "n_threads": 1}

    def stop(model: BPRMF, record: dict) -> None:
        if record["epoch"] == 2:
            signal.raise_signal(signal.SIGTERM)

    path = tmp_path / "run.npz"
    with pytest.raises(Terminated, match=r"stopped in epoch 3 after \d batches"), sigterm_as_ctrl_c():
        BPRMF(4, DNS(1, 5), **options).fit(X, checkpoint=path, callbacks=[stop])
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL and heard() == [signal.SIGINT]
    resumed, whole = BPRMF(4, DNS(1, 5), **options), BPRMF(4, DNS(1, 5), **options).fit(X)
    assert np.array_equal(resumed.fit(X, checkpoint=path).user_factors, whole.user_factors)


SCRIPT = """
import os, pathlib, sys, time
from sim.core.signals import quiet_trackers, sigterm_as_ctrl_c
from sim.runs.options import Options
from sim.runs.parallel import in_parallel

def task(folder, number):
    pathlib.Path(folder, str(os.getpid())).touch()
    time.sleep(600)

quiet_trackers()
with sigterm_as_ctrl_c():
    try:
        list(in_parallel(task, [(sys.argv[1], i) for i in range(4)], Options(jobs=2)))
    except KeyboardInterrupt as error:
        print("heard", type(error).__name__, flush=True)
"""


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


@posix
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGABRT])
def test_workers_end_with_their_parent_and_let_go_of_its_output(number, tmp_path):
    started = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    end = time.monotonic() + 200
    while len(pids := [int(path.name) for path in tmp_path.iterdir()]) < 2:
        assert time.monotonic() < end and started.poll() is None
        time.sleep(0.05)
    sent = time.monotonic()
    started.send_signal(number)
    said, _ = started.communicate(timeout=60)  # until the last process that holds the output has ended
    while any(map(alive, pids)) and time.monotonic() < sent + 60:
        time.sleep(0.05)
    assert not any(map(alive, pids)) and time.monotonic() - sent < 60  # seconds on an idle machine
    assert said == ("heard Terminated\n" if number == signal.SIGTERM else "")
