"""SIGTERM heard as Ctrl-C is, and processes that do not outlive those who started them."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

__all__ = ["Terminated", "end_with_parent", "heard", "quiet_trackers", "sigterm_as_ctrl_c"]

_SECONDS = 0.5  # between two looks at the parent


class Terminated(KeyboardInterrupt):
    """SIGTERM came."""


def _terminate(number: int, frame: Any) -> None:
    raise Terminated


@contextlib.contextmanager
def sigterm_as_ctrl_c() -> Iterator[None]:
    """SIGTERM raises :class:`Terminated` inside, in the main thread of a program that has no use of its own for it."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def heard() -> list[int]:
    """The signals that would now raise KeyboardInterrupt: those whose handler is Python's own, or ours."""
    if threading.current_thread() is not threading.main_thread():
        return []
    handlers = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: _terminate}
    return [number for number, handler in handlers.items() if signal.getsignal(number) is handler]


def end_with_parent(parent: int) -> None:
    """End this process soon after the process ``parent`` that started it, however that ended."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS)
    os._exit(1)


def quiet_trackers() -> None:
    """Let the trackers that Python starts later remove what an ended program left without lines of warning."""
    option = "ignore:resource_tracker:UserWarning"
    if option not in sys.warnoptions:
        sys.warnoptions.append(option)
