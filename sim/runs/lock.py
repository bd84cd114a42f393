"""Locks: which process is at work on which file, where several share a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..core.files import not_plain, open_plain

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["lock"]


@contextmanager
def lock(path: Path, *, wait: bool = False) -> Iterator[bool]:
    """Inside, True if the work on ``path`` is this thread's, False if another one, here or elsewhere, is at it.

    It is an advisory lock on a hidden file beside ``path``. The system drops it when its process ends, however it
    ends, so no lock outlives a kill. It only saves work: files are written whole and with the same bits by whoever
    writes them, so where locks do not reach (some network file systems, Windows) work is done twice and nothing else.

    Parameters
    ----------
    path : Path
        The file to be made; its folder is made if it is missing.
    wait : bool
        If another one is at work on it, wait until it has finished, or was killed.

    Raises
    ------
    OSError
        If the lock is not a plain file, or cannot be made; a link in its place is not followed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if fcntl is None:
        yield True
        return
    file_of = path.with_name(f".{path.stem}.lock")
    try:
        file = open_plain(file_of, os.O_WRONLY | os.O_CREAT)
    except OSError as error:
        hint = ": move it away" if not_plain(file_of) else ""
        raise OSError(f"results must be writable, got {file_of}: {error.strerror}{hint}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        except OSError:  # this file system has no locks
            pass
        try:
            yield True
        finally:
            file_of.unlink(missing_ok=True)
