"""Locks: one at a time, dropped with the process that held them."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

from sim.runs.lock import lock


def test_one_at_a_time(tmp_path):
    path = tmp_path / "folder" / "cell.npz"
    with lock(path) as mine:
        assert mine
        with lock(path) as again:
            assert not again
        with lock(path.with_name("other.npz")) as other:
            assert other
    with lock(path) as mine:
        assert mine
    assert list(path.parent.iterdir()) == []


def test_waiting(tmp_path):
    path = tmp_path / "cell.npz"
    order = []

    def waiting():
        with lock(path, wait=True) as mine:
            order.append(("waited", mine))

    with lock(path):
        thread = threading.Thread(target=waiting)
        thread.start()
        time.sleep(0.1)
        order.append("released")
    thread.join(timeout=30)
    assert order == ["released", ("waited", True)]


def test_a_killed_process_holds_nothing(tmp_path):
    path = tmp_path / "cell.npz"
    script = (
        "import sys, time; from pathlib import Path; from sim.runs.lock import lock\n"
        "with lock(Path(sys.argv[1])): print('held', flush=True); time.sleep(100)"
    )
    holder = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    with lock(path) as mine:
        assert not mine
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    holder.stdout.close()
    with lock(path) as mine:
        assert mine
