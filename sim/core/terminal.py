"""How every command speaks and fails: what the stream can show, one line, one prefix, one status a kind of failure."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .signals import Terminated

__all__ = ["INTERRUPTED", "STATUS", "check_environment", "check_target", "guarded", "one_line", "printable", "say"]

FAILED, REFUSED, INTERRUPTED, UNHEARD, TERMINATED = 1, 2, 130, 141, 143

STATUS = """\
exit status
  0    done
  1    it was tried and failed: training diverged, cells failed, a verdict differs, no network, a full disk
  2    refused: a wrong command line, a value, file or folder that cannot be, more than the memory can hold
  130  stopped by Ctrl-C
  141  the reader of the output went away
  143  stopped by SIGTERM
Errors are one line on standard error that begins with "hns: ". HNS_TRACEBACK=1 shows where they arose.
"""

_NO_TEXT = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Control characters, line breaks aside, and those that turn the direction of writing."""

_PATHS = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError)
_MAX_THREADS = 1024
_LAYERS = ("default", "safe", "forksafe", "threadsafe", "tbb", "omp", "workqueue")


def printable(value: Any) -> str:
    r"""Text with its control characters as escapes: a terminal obeys none that came from a file or a name.

    Examples
    --------
    >>> print(printable("a\x1b[31mb"))
    a\x1b[31mb
    """
    return _NO_TEXT.sub(lambda found: found[0].encode("unicode_escape").decode(), str(value))


def one_line(value: Any) -> str:
    r"""``value`` as one printable line.

    Examples
    --------
    >>> one_line("first\n  second\n")
    'first second'
    """
    return printable(" ".join(line.strip() for line in str(value).splitlines() if line.strip()))


def say(text: Any, *, error: bool = False) -> None:
    """Print text at once: on standard output, or as one line of standard error."""
    print(one_line(text) if error else printable(text), file=sys.stderr if error else sys.stdout, flush=True)


def guarded(run: Callable[[], int], kept: Callable[[], str] = str) -> int:
    """``run()`` with the terminal made safe and every failure told in one line; the exit status, see :data:`STATUS`.

    Parameters
    ----------
    run : callable
        Does the work and returns the status.
    kept : callable
        After Ctrl-C, says what is kept.
    """
    with _streams():
        return _guarded(run, kept)


def _guarded(run: Callable[[], int], kept: Callable[[], str]) -> int:
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            check_environment()
            status = run()
    except KeyboardInterrupt as error:
        said = kept()
        say(f"hns: stopped{'; ' if said else ''}{said}", error=True)
        status = TERMINATED if isinstance(error, Terminated) else INTERRUPTED
    except SystemExit as end:  # help, version, a wrong command line; rich, where a pipe is broken
        status = _flush()
        if status or end.code == FAILED:
            return status or UNHEARD
        raise end from None
    except Exception as error:
        status = UNHEARD if isinstance(error, BrokenPipeError) else _tell(error)
        return status if _flush(quiet=True) != UNHEARD else UNHEARD
    return _flush() or status


def _tell(error: Exception) -> int:
    """Say what went wrong; the status."""
    if os.environ.get("HNS_TRACEBACK", "0") not in ("", "0"):
        traceback.print_exc()
    value = isinstance(error, (ValueError, TypeError, MemoryError, *_PATHS))
    value |= type(error) is OSError and error.errno in (None, errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR)
    words = str(error)
    if isinstance(error, OSError) and error.strerror and error.errno is not None:
        words = f"{error.filename}: {error.strerror.lower()}" if error.filename else error.strerror.lower()
    elif isinstance(error, MemoryError) and not isinstance(error, ValueError):  # not one that was refused before
        words = f"not enough memory: {words}"
    elif not isinstance(error, (ValueError, TypeError, OSError, ArithmeticError)):
        words = f"unforeseen {type(error).__name__}: {words}; HNS_TRACEBACK=1 shows where it arose"
    words = one_line(words).removesuffix(":") or type(error).__name__
    with contextlib.suppress(OSError):
        say(f"hns: {words}", error=True)
    return REFUSED if value else FAILED


def check_environment() -> None:
    """Refuse values of ``NUMBA_*`` that would fail, hang or be passed over, before numba reads them."""
    count = os.environ.get("NUMBA_NUM_THREADS", "").strip()
    if count and not (count.isascii() and count.isdecimal() and 1 <= int(count[:9]) <= _MAX_THREADS):
        raise ValueError(f"NUMBA_NUM_THREADS must be an integer in 1..{_MAX_THREADS}, got {count!r}")
    layer = os.environ.get("NUMBA_THREADING_LAYER", "").strip()
    if layer and layer not in _LAYERS:
        raise ValueError(f"NUMBA_THREADING_LAYER must be one of {', '.join(_LAYERS)}, got {layer!r}")
    order = os.environ.get("NUMBA_THREADING_LAYER_PRIORITY", "").split()
    if order and sorted(order) != sorted(_LAYERS[4:]):
        raise ValueError(f"NUMBA_THREADING_LAYER_PRIORITY must order {', '.join(_LAYERS[4:])}, got {' '.join(order)!r}")
    if os.environ.get("NUMBA_CPU_NAME", "host").strip() not in ("", "host", "generic"):
        raise ValueError(f"NUMBA_CPU_NAME must be host or generic, got {os.environ['NUMBA_CPU_NAME']!r}")


def check_target(option: str, path: str | os.PathLike[str] | None, *, parents: bool = False) -> None:
    """Refuse, before the work, a file to write that is a folder or whose folder is not there.

    With ``parents`` the folder is made.
    """
    if path is None:
        return
    target = Path(path)
    if not target.name or target.is_dir():
        raise ValueError(f"{option}: path must be writable, got {path}: it is a folder")
    folder = target.parent
    if parents:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = str(error.strerror).lower()
            raise ValueError(f"{option}: path must be writable, got {path}: {why}") from None
    if not folder.is_dir():
        advice = "a file is in its place" if folder.exists() else "--parents makes it"
        raise ValueError(f"{option}: output folder must exist, got {path}: {advice}")


def _show_warning(message: Any, category: Any, filename: Any, lineno: Any, file: Any = None, line: Any = None) -> None:
    """A warning as one line; of one that quotes a traceback, what stands before it."""
    words = str(message).split("The parse failed with exception:")[0]
    say(f"hns: warning: {words}", error=True)


@contextlib.contextmanager
def _streams() -> Iterator[None]:
    """Streams that escape what they cannot show; where one is closed, one that hears nothing."""
    with contextlib.ExitStack() as stack:
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None:
                redirect = getattr(contextlib, f"redirect_{name}")
                stack.enter_context(redirect(stack.enter_context(open(os.devnull, "w", encoding="utf-8"))))
            elif isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        yield


def _flush(*, quiet: bool = False) -> int:
    """Write out what is buffered; 0, or the status where it could not be. Then nothing is left to fail at the exit."""
    status = 0
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            status = UNHEARD if isinstance(error, BrokenPipeError) else FAILED
            with _nowhere(stream):
                if not quiet and stream is sys.stdout and getattr(error, "errno", None) != errno.EPIPE:
                    say(f"hns: the output could not be written: {getattr(error, 'strerror', error)}", error=True)
    return status


@contextlib.contextmanager
def _nowhere(stream: Any) -> Iterator[None]:
    """Let a stream that cannot be written end in the null device."""
    with contextlib.suppress(OSError, ValueError):
        handle = os.open(os.devnull, os.O_WRONLY)
        os.dup2(handle, stream.fileno())
        os.close(handle)
    with contextlib.suppress(OSError, ValueError):
        yield
