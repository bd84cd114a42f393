"""Writing files: whole or not at all, whatever stands at the target; leftovers; reading only what is plain."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from sim.core import files as _files
from sim.core.files import check_writable, is_stdout, new_file, not_plain, open_plain, write_text
from sim.core.npz import read_npz, write_npz

posix = pytest.mark.skipif(os.name == "nt", reason="no such files")


def test_a_block_that_fails_leaves_the_old_file(tmp_path):
    target = tmp_path / "x"
    target.write_text("old")
    with pytest.raises(KeyboardInterrupt), new_file(target) as stream:
        stream.write(b"half")
        raise KeyboardInterrupt
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]
    with new_file(target) as stream:
        stream.write(b"new")
        number = os.fstat(stream.fileno()).st_ino
        assert target.read_text() == "old"
    assert target.read_text() == "new" and list(tmp_path.iterdir()) == [target]
    assert target.stat().st_ino == number  # renamed, not copied: no reader ever sees half of it


@posix
def test_permissions_are_those_of_the_file_before_or_of_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "new", "")
        write_text(tmp_path / "kept", "")
        (tmp_path / "kept").chmod(0o600)
        write_text(tmp_path / "kept", "again")
    finally:
        os.umask(before)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new", "kept")] == [0o640, 0o600]


@posix
@pytest.mark.parametrize("there", [True, False], ids=["target", "dangling"])
@pytest.mark.parametrize("links", [1, 3])
def test_a_link_stays_and_its_target_is_replaced(tmp_path, there, links):
    target = tmp_path / "far" / "target"
    target.parent.mkdir()
    if there:
        target.write_text("old")
    target.parent.joinpath("link0").symlink_to("target")
    for i in range(1, links):
        target.parent.joinpath(f"link{i}").symlink_to(target.parent / f"link{i - 1}")
    link = target.parent / f"link{links - 1}"
    check_writable(link)
    write_text(link, "new")
    assert link.is_symlink() and not target.is_symlink() and target.read_text() == "new"
    assert len(list(target.parent.iterdir())) == links + 1


@posix
def test_what_cannot_be_replaced_is_refused_in_one_line(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "to-folder").symlink_to(tmp_path)
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "fifo")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    reasons = {"loop": ".*", "to-folder": "it is a folder", "file/under": "(Not a directory|File exists)"}
    reasons |= {"socket": "it is a socket", ".": "it is a folder", "fifo": "nobody reads this FIFO"}
    before = sorted(tmp_path.iterdir())
    for name, reason in reasons.items():
        with pytest.raises(OSError, match=rf"path must be writable, got .*{name}: {reason}") as error:
            write_text(tmp_path / name, "x")
        assert "\n" not in str(error.value)
        if name != "fifo":  # its reader may come later
            with pytest.raises(OSError, match="path must be writable"):
                check_writable(tmp_path / name)
    listening.close()
    check_writable(tmp_path / "fifo")
    assert sorted(tmp_path.iterdir()) == before


@posix
def test_a_fifo_is_written_to(tmp_path):
    fifo, got = tmp_path / "fifo", []
    os.mkfifo(fifo)
    reader = threading.Thread(target=lambda: got.append(fifo.read_bytes()))
    reader.start()
    for _ in range(1000):  # until the reader is there
        try:
            write_npz(fifo, {"kind": "x"}, {"a": np.arange(5)})
            break
        except OSError as error:
            assert "nobody reads" in str(error)
            time.sleep(0.01)
    reader.join()
    (tmp_path / "copy").write_bytes(got[0])
    assert read_npz(tmp_path / "copy")[1]["a"].tolist() == [0, 1, 2, 3, 4]
    assert stat.S_ISFIFO(fifo.stat().st_mode)


@posix
@pytest.mark.parametrize(("kind", "minor"), [(stat.S_IFCHR, 3), (stat.S_IFCHR, 7), (stat.S_IFBLK, 200)])
def test_devices_stay(tmp_path, kind, minor):
    """The null device takes all, the full one nothing; a block device is refused before it is opened."""
    device = tmp_path / "device"
    try:
        os.mknod(device, 0o666 | kind, os.makedev(1, minor))
        open(device, "rb").close() if kind == stat.S_IFCHR else None
    except PermissionError:
        pytest.skip("only root makes devices")
    if minor == 3:
        check_writable(device)
        write_npz(device, {}, {"a": np.arange(5)})
    else:
        with pytest.raises(OSError, match=r"got .*device: (No space left on device|it is a block device)"):
            write_text(device, "x" * 10)
    assert stat.S_IFMT(device.lstat().st_mode) == kind and list(tmp_path.iterdir()) == [device]


@posix
@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}", "link"])
def test_an_open_descriptor_is_written_to_where_it_stands(tmp_path, name):
    """As /dev/stdout is, also where that is a file: what was printed before and after stays."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("no descriptors by name")
    target = tmp_path / "out"
    with open(target, "wb", buffering=0) as out:
        out.write(b"before ")
        place = name.format(out.fileno())
        if name == "link":
            place = tmp_path / "link"
            place.symlink_to(f"/proc/self/fd/{out.fileno()}")
        check_writable(place)
        write_text(place, "midst")
        out.write(b" after")
    assert target.read_text() == "before midst after"
    assert not is_stdout(place) and not is_stdout(None) and is_stdout("/dev/stdout")


@posix
def test_in_a_shared_folder_only_plain_files_are_written(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "link").symlink_to("mine")
    (tmp_path / "linked").symlink_to("folder")
    os.mkfifo(tmp_path / "fifo")
    reasons = {"link": "a symbolic link", "fifo": "a FIFO", "folder": "a folder", "linked/x": "a symbolic link"}
    for name, what in reasons.items():
        with pytest.raises(OSError, match=f"got .*{name}: (it|its folder) is {what}"):
            write_text(tmp_path / name, "x", plain=True)
        with pytest.raises(OSError, match=what):
            check_writable(tmp_path / name, plain=True)
    write_text(tmp_path / "folder" / "x", "x", plain=True)
    assert (tmp_path / "mine").read_text() == "mine"


@posix
def test_only_plain_files_are_opened_and_nobody_is_waited_for(tmp_path):
    (tmp_path / "file").write_text("text")
    (tmp_path / "link").symlink_to("file")
    (tmp_path / "zero").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "fifo")
    for name in ("link", "zero", "fifo", "."):
        with pytest.raises(OSError, match="it is a .*, no plain file"):
            open_plain(tmp_path / name)
        with pytest.raises(OSError, match="no plain file"):
            open_plain(tmp_path / name, os.O_WRONLY | os.O_CREAT)
    for name in ("zero", "fifo", "."):
        with pytest.raises(OSError, match="no plain file"):
            open_plain(tmp_path / name, follow=True)
        with pytest.raises(OSError, match="path must be a readable file"):
            read_npz(tmp_path / name)
    with open_plain(tmp_path / "link", follow=True) as stream:
        assert stream.read() == b"text"
    assert not_plain(tmp_path / "file") == not_plain(tmp_path / "none") == ""


def test_leftovers_of_dead_writers_are_removed_and_no_others(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host, other = _files._HOST, "0" * 8
    gone = [f".x.npz.{host}-{dead.pid}-abc.tmp", f".x.npz.{other}-1-abc.tmp", ".x.npz.0123abc.tmp", ".x.npz.k_3d.part"]
    kept = [
        f".x.npz.{host}-{os.getpid()}-abc.tmp",  # a living writer's
        f".x.npz.{host}-{os.getppid()}-abc.tmp",
        f".x.npz.{other}-{dead.pid}-abc.tmp",  # perhaps a living writer's of another machine
        f".x.{host}-{dead.pid}-abc.tmp", f".x.npz.npz.{host}-{dead.pid}-abc.tmp",  # of other targets
        f"x.npz.{host}-{dead.pid}-abc.tmp", ".x.npz.lock", ".x.npz.tmp",
    ]  # fmt: skip
    for name in gone + kept:
        (tmp_path / name).write_text("")
    for name in gone[1:]:
        os.utime(tmp_path / name, (0, 0))
    with new_file(tmp_path / "x.npz") as stream:
        write_text(tmp_path / "x.npz", "another writer, faster")
        assert Path(stream.name).exists()
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "x.npz"}


@posix
def test_what_a_killed_writer_leaves_is_removed_at_the_next_writing(tmp_path):
    script = (
        "import sys; from sim.core.files import new_file\n"
        "with new_file(sys.argv[1]) as stream: print(stream.name, flush=True); sys.stdin.read()"
    )
    target = tmp_path / "cell.npz"
    command = [sys.executable, "-c", script, str(target)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        part = Path(writer.stdout.readline().strip())
        write_text(target, "while it lives")
        assert part.exists()
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    write_text(target, "now")
    assert list(tmp_path.iterdir()) == [target] and target.read_text() == "now"
