"""Locks: one at a time, dropped with the process that held them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

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


@pytest.mark.skipif(os.name == "nt", reason="no such files")
@pytest.mark.parametrize("kind", ["link", "dangling", "fifo", "folder", "device"])
def test_a_lock_that_is_no_plain_file_is_neither_followed_nor_waited_for(tmp_path, kind):
    file, other = tmp_path / ".cell.lock", tmp_path / "other"
    if kind in ("link", "dangling"):
        file.symlink_to(other)
        if kind == "link":
            other.write_text("keep")
    elif kind == "fifo":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to("/dev/null")
    line = r"results must be writable, got .*cell.lock: it is a .*: move it away"
    with pytest.raises(OSError, match=line), lock(tmp_path / "cell.npz", wait=True):
        pass
    assert other.exists() == (kind == "link") and (kind != "link" or other.read_text() == "keep")
    assert os.path.lexists(file)


def test_the_content_of_a_lock_is_not_touched(tmp_path):
    file = tmp_path / ".cell.lock"
    file.write_text("a note")
    with lock(tmp_path / "cell.npz") as mine:
        assert mine and file.read_text() == "a note"
