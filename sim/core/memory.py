"""What a run will take: refused where it cannot fit into memory, said where it is long."""

from __future__ import annotations

import contextlib
import math
import os

__all__ = ["TooLarge", "available_bytes", "check_memory", "check_seconds", "size_words", "time_words"]

LONG_SECONDS = 60.0
"""From here on a command says beforehand how long it will take."""

MOST_SECONDS = 60 * 86400.0
"""What would take longer, sixty days, is refused."""


class TooLarge(MemoryError, ValueError):
    """A value asks for more than the memory can hold, or more time than anybody has."""


def available_bytes() -> int:
    """The memory of this machine, less where a limit of the process (``ulimit -v``) or of its group is lower."""
    found = []
    with contextlib.suppress(AttributeError, ValueError, OSError):
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with contextlib.suppress(OSError, ValueError), open("/sys/fs/cgroup/memory.max", encoding="ascii") as file:
        found.append(int(file.read()))
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        soft, _ = resource.getrlimit(resource.RLIMIT_AS)
        if soft != resource.RLIM_INFINITY:
            found.append(soft)
    return min((size for size in found if size > 0), default=2**63 - 1)


def check_memory(needed: float, allowed: int | None, advice: str) -> None:
    """Refuse a run that would not fit, before it starts.

    Parameters
    ----------
    needed : float
        Bytes that the run will hold at a time.
    allowed : int or None
        The caller's own limit, ``max_bytes``, if there is one besides the memory of the machine.
    advice : str
        What would make it smaller.

    Raises
    ------
    TooLarge
        A MemoryError, if ``needed`` is more than that.
    """
    if allowed is not None and needed > allowed:
        raise TooLarge(
            f"max_bytes must cover the run: it needs {math.ceil(needed / 2**20)} MiB, "
            f"got {allowed / 2**20:.4g} MiB; {advice}"
        )
    there = available_bytes()
    if needed > there:
        raise TooLarge(f"the run needs {size_words(needed)} of memory, {size_words(there)} are there: {advice}")


def check_seconds(seconds: float, advice: str) -> str:
    """How long a run will take, in words, empty if it is short; what nobody could wait for is a ValueError."""
    if seconds > MOST_SECONDS:
        raise TooLarge(f"the run would take about {time_words(seconds)}, more than sixty days: {advice}")
    return f"this will take about {time_words(seconds)}" if seconds >= LONG_SECONDS else ""


def size_words(size: float) -> str:
    """Bytes in words.

    Examples
    --------
    >>> size_words(3 * 2**30), size_words(2**20 / 2)
    ('3 GiB', '0.5 MiB')
    """
    for unit, name in ((2**40, "TiB"), (2**30, "GiB")):
        if size >= unit:
            return f"{size / unit:,.3g} {name}" if size < 1000 * unit else f"{size / unit:,.0f} {name}"
    return f"{size / 2**20:.3g} MiB"


def time_words(seconds: float) -> str:
    """Seconds in words, to two digits or so.

    Examples
    --------
    >>> time_words(5400), time_words(30), time_words(10**9)
    ('1.5 hours', '30 seconds', '32 years')
    """
    for unit, name in ((365.25 * 86400, "years"), (86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 1.5 * unit or (name == "hours" and seconds >= unit):
            value = seconds / unit
            return f"{value:,.0f} {name}" if value >= 10 else f"{value:.2g} {name}"
    return f"{seconds:.0f} seconds"
