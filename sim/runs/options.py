"""What a run of an experiment may be told."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from ..core.validation import MOST_JOBS, MOST_SEED, check_choice, check_int

__all__ = ["BACKENDS", "PROFILES", "Options", "results_dir"]

PROFILES = ("smoke", "default", "paper")
"""smoke: seconds, to see that it runs; default: minutes, the committed figures; paper: hours, resumable."""

BACKENDS = ("loky", "threading", "dask")
"""Where independent cells run: processes of this machine, its threads, or the workers of a dask cluster."""


class HasData(Protocol):
    """A grid: what is done with one data set."""

    @property
    def data(self) -> str:
        """Its name."""


Grid = TypeVar("Grid", bound=HasData)


def results_dir() -> Path:
    """Where cells are kept: ``HNS_RESULTS_DIR``, else ``results`` in the working directory."""
    return Path(os.environ.get("HNS_RESULTS_DIR", "results"))


@dataclass(frozen=True)
class Options:
    """Profile and surroundings of a run.

    Parameters
    ----------
    profile : {"smoke", "default", "paper"}
        How much work to do.
    seed : int
        Base seed; every random number follows from it.
    jobs : int
        Processes (or threads, or workers of an own cluster) for independent cells.
    progress : bool
        Show progress bars.
    data_dir : path, optional
        Local copies of data sets, tried before the network.
    results : path
        Folder of the cell store.
    backend : {"loky", "threading", "dask"}
        What the jobs are.
    scheduler : str, optional
        Address of a running dask scheduler, such as tcp://10.0.0.1:8786; by default "dask" starts its own workers here.
    data : tuple of str
        Only these data sets of the profile, in experiments that have a choice of them (default: all).
    methods : tuple of str
        Only these rows of the tables of methods (default: all).
    reuse : tuple of path
        Tables of ``hns results --csv``: see :func:`sim.runs.means.means_of`.
    compute : bool
        Whether runs that are neither stored nor in those tables are done; otherwise they are a
        :class:`~sim.runs.cells.CellsMissing`.
    """

    profile: str = "default"
    seed: int = 0
    jobs: int = 2
    progress: bool = False
    data_dir: Path | None = None
    results: Path = field(default_factory=results_dir)
    backend: str = "loky"
    scheduler: str | None = None
    data: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    reuse: tuple[Path, ...] = ()
    compute: bool = True

    def __post_init__(self) -> None:
        check_choice("profile", self.profile, PROFILES)
        check_int("seed", self.seed, low=0, most=MOST_SEED)
        check_int("jobs", self.jobs, low=1, most=MOST_JOBS)
        check_choice("backend", self.backend, BACKENDS)
        if self.scheduler is not None and self.backend != "dask":
            raise ValueError(f"scheduler must be left out for the backend {self.backend!r}, got {self.scheduler!r}")

    def grids(self, by_profile: Mapping[str, Sequence[Grid]]) -> list[Grid]:
        """The profile's grids, of the data sets in ``data`` if any are named."""
        found = {grid.data: grid for grid in by_profile[self.profile]}
        for name in self.data:
            check_choice("data", name, tuple(found))
        return [grid for name, grid in found.items() if name in (self.data or found)]

    def pick(self, **by_profile: object) -> object:
        """The value given for this run's profile; a missing profile takes the next smaller one's."""
        for name in PROFILES[PROFILES.index(self.profile) :: -1]:
            if name in by_profile:
                return by_profile[name]
        return by_profile[PROFILES[1]]
