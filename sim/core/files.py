"""The one way in which this package writes a file, and opens one in a folder that others may write to.

A file is written beside its target, under a hidden name, and takes its place at the end: a crash leaves the old file
or the new one, never a part. What is not a plain file is never replaced: a symbolic link stays, and what it points to
is replaced; a FIFO, a character device and an open descriptor (``/dev/stdout``) are written to; block devices, sockets
and folders are refused.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import io
import os
import platform
import re
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["check_writable", "is_stdout", "new_file", "not_plain", "open_plain", "write_text"]

_OLD = 24 * 3600  # seconds after which a temporary file of another host is taken for a dead writer's
_BINARY = getattr(os, "O_BINARY", 0)
_NO_WAIT = getattr(os, "O_NONBLOCK", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EPIPE)
_KINDS = {
    stat.S_IFDIR: "a folder", stat.S_IFLNK: "a symbolic link", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device", stat.S_IFBLK: "a block device",
}  # fmt: skip


def _host() -> str:
    """A word for the machine since its start, and the container, within which a pid means one process."""
    about = platform.node()
    with contextlib.suppress(OSError):
        about += Path("/proc/sys/kernel/random/boot_id").read_text() + os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(about.encode()).hexdigest()[:8]


_HOST = _host()


@contextlib.contextmanager
def new_file(path: str | os.PathLike[str], *, plain: bool = False) -> Iterator[BinaryIO]:
    """A stream whose content becomes the file ``path`` at the end of the block, or vanishes if the block fails.

    Leftovers of writers of the same file that were killed are removed; a living writer's are not.

    Parameters
    ----------
    path : path
        Folders on the way to it are made. A file that is replaced hands on its permissions.
    plain : bool
        Refuse whatever is not a plain file, links included: for folders that are shared with others.

    Raises
    ------
    OSError
        If the file cannot be written; one line that names it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with new_file(f"{folder}/new/file") as stream:
    ...         _ = stream.write(b"whole")
    ...     Path(folder, "new", "file").read_bytes()
    b'whole'
    """
    target = None
    stream = None if plain else _open_special(path)
    if stream is None:
        target = _target(path, plain)
        stream = _temporary(path, target)
    try:
        with stream:
            yield stream
            stream.flush()
            if target is not None:
                os.fsync(stream.fileno())
        if target is not None:
            os.replace(stream.name, target)
    except OSError as error:
        if error.errno in _FULL and not is_stdout(path):  # a pipe that is closed ends a command without a word
            raise _refused(path, error.strerror) from None
        raise
    finally:
        if target is not None:
            with contextlib.suppress(OSError):
                os.unlink(stream.name)


def write_text(path: str | os.PathLike[str], text: str, *, plain: bool = False) -> None:
    """Write a text file as UTF-8 by :func:`new_file`, compressed if its name ends in .gz."""
    data = text.encode()
    with new_file(path, plain=plain) as stream:
        stream.write(gzip.compress(data, mtime=0) if os.fspath(path).endswith(".gz") else data)


def check_writable(path: str | os.PathLike[str], *, plain: bool = False) -> None:
    """Fail now rather than after hours if :func:`new_file` could not write there; makes the folder."""
    if _descriptor(path) is not None and not plain:
        return
    kind = _kind(path, follow=not plain)
    if not plain and kind in (stat.S_IFIFO, stat.S_IFCHR):
        if not os.access(path, os.W_OK):
            raise _refused(path, "permission denied")
        return
    with _temporary(path, _target(path, plain)) as stream:
        os.unlink(stream.name)


def open_plain(path: str | os.PathLike[str], flags: int = os.O_RDONLY, *, follow: bool = False) -> BinaryIO:
    """Open a plain file, at its beginning, without waiting for anybody; an OSError if it is something else.

    Parameters
    ----------
    path : path
    flags : int
        Of :func:`os.open`.
    follow : bool
        Allow a symbolic link to a plain file.
    """
    flags |= _BINARY | _NO_WAIT | (0 if follow else _NO_LINK)
    if (what := not_plain(path)) and not (follow and what == _KINDS[stat.S_IFLNK]):
        raise OSError(errno.EINVAL, f"it is {what}, no plain file", str(path))
    handle = os.open(path, flags, 0o666)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "it is no plain file", str(path))
    return os.fdopen(handle, "wb" if flags & os.O_WRONLY else "rb")


def not_plain(path: str | os.PathLike[str], allowed: int = stat.S_IFREG) -> str:
    """What stands there in a plain file's place, such as "a FIFO"; empty if that is a plain file, or nothing.

    ``allowed`` may name another kind in its place: ``stat.S_IFDIR``.
    """
    kind = _kind(path, follow=False)
    if kind is None or kind == allowed:
        return ""
    return _KINDS.get(kind, "a file" if kind == stat.S_IFREG else "something else")


def is_stdout(path: str | os.PathLike[str] | None) -> bool:
    """Whether the path is the standard output of this process, such as ``/dev/stdout``."""
    return path is not None and _descriptor(path) == 1


def _kind(path: str | os.PathLike[str], *, follow: bool) -> int | None:
    """File type of what is there, or None."""
    try:
        return stat.S_IFMT((os.stat if follow else os.lstat)(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _refused(path, error.strerror) from None


def _descriptor(path: str | os.PathLike[str]) -> int | None:
    """The number of the open descriptor of this process that a path means, perhaps by way of links, or None."""
    place = os.path.abspath(path)
    for _ in range(40):
        folder, name = os.path.split(place)
        folder = os.path.realpath(folder)
        if name.isdecimal() and re.fullmatch(rf"/dev/fd|/proc/{os.getpid()}(/task/\d+)?/fd", folder):
            return int(name)
        place = os.path.join(folder, name)
        if not os.path.islink(place):
            return None
        place = os.path.join(folder, os.readlink(place))
    return None


class _OneWay(io.FileIO):
    """A file without a place in it: what a device says about that is not true."""

    def seekable(self) -> bool:
        return False

    def tell(self) -> int:
        raise io.UnsupportedOperation("tell")

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation("seek")


def _open_special(path: str | os.PathLike[str]) -> BinaryIO | None:
    """A stream into a descriptor, a device or a FIFO; None for what is written beside and renamed."""
    number = _descriptor(path)
    if number is None and _kind(path, follow=True) not in (stat.S_IFIFO, stat.S_IFCHR):
        return None
    try:
        if number is not None:  # shares its place in the file, which opening the path anew would not
            if sys.stdout is not None:
                sys.stdout.flush()
            return io.BufferedWriter(_OneWay(os.dup(number), "wb"))
        handle = os.open(path, os.O_WRONLY | _NO_WAIT)  # a FIFO that nobody reads is an error then
        os.set_blocking(handle, True)
        return io.BufferedWriter(_OneWay(handle, "wb"))
    except OSError as error:
        fifo = error.errno == errno.ENXIO and _kind(path, follow=True) == stat.S_IFIFO
        reason = "nobody reads this FIFO" if fifo else error.strerror
        raise _refused(path, reason) from None


def _target(path: str | os.PathLike[str], plain: bool) -> Path:
    """The plain file that is to be replaced: what a link points to; OSError for anything else."""
    target = Path(path) if plain else Path(os.path.realpath(path))
    if what := not_plain(target):
        raise _refused(path, f"it is {what}")
    if plain and (what := not_plain(target.parent, stat.S_IFDIR)):
        raise _refused(path, f"its folder is {what}")
    return target


def _temporary(path: str | os.PathLike[str], target: Path) -> BinaryIO:
    """A new file beside ``target``, open for writing; leftovers of dead writers are removed."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target)
        name = target.with_name(f".{target.name}.{_HOST}-{os.getpid()}-{secrets.token_hex(6)}.tmp")
        stream = open(name, "xb")  # noqa: SIM115 (the caller's)
        with contextlib.suppress(OSError):
            os.chmod(name, stat.S_IMODE(target.stat().st_mode))
        return stream
    except OSError as error:
        raise _refused(path, error.strerror) from None


def _remove_leftovers(target: Path) -> None:
    """Remove the temporary files of writers of ``target`` that are dead: of this host by pid, of others by age."""
    pattern = re.compile(rf"\.{re.escape(target.name)}\.(?:([0-9a-f]{{8}})-(\d+)-)?\w+\.(?:tmp|part)")
    with os.scandir(target.parent) as entries:
        for entry in entries:
            found = pattern.fullmatch(entry.name)
            if found is None or not entry.is_file(follow_symlinks=False):
                continue
            with contextlib.suppress(OSError):  # another writer was faster
                alive = _alive(int(found[2])) if found[1] == _HOST else _age(entry) < _OLD
                if not alive:
                    os.unlink(entry.path)


def _age(entry: os.DirEntry[str]) -> float:
    return time.time() - entry.stat(follow_symlinks=False).st_mtime


def _alive(pid: int) -> bool:
    """Whether there is such a process here; where that cannot be asked without harm, yes."""
    if os.name == "nt":  # os.kill would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's
        return True
    return True


def _refused(path: str | os.PathLike[str], reason: str | None) -> OSError:
    error = OSError(f"path must be writable, got {path}: {reason}")
    error.strerror = str(reason)  # for those who say it in other words
    return error
