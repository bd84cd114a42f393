"""The command ``hns reproduce``: what is published made anew and compared; with ``--train``, made."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import sim

from ..core.terminal import say
from .command import Command
from .surroundings import add_surroundings, surroundings
from .table import show_table
from .work import last_time

__all__ = ["COMMAND"]

PUBLISHED = Path("figures")
BUILD = Path("build/reproduce")

_EPILOG = """\
Without --train nothing published is touched. Exact and simulated figures are computed anew; figures of trained models
are drawn anew from their tables, and computed anew where the committed means of the runs suffice; a sample of the
committed runs is trained anew and compared digit by digit; the ledger is run. build/reproduce/ then has the figures,
report.json, and index.html with the pictures side by side. The exit status is 1 where something deviates.

  hns reproduce                            at most ten minutes
  hns reproduce --only F6 F8               these only
  hns reproduce --sample 100 --seed 1      another and larger sample of runs
  hns reproduce --all                      every committed run whose data can be had: hours
  hns reproduce --run 1e4b2d61bd9f8236f9ec this run

With --train everything of a profile is trained: smoke (seconds), default (minutes), paper (hours). Finished runs
are kept in the results folder: what was stopped goes on where it was. Figures over several data sets keep the
rows of those that are not made anew, as the folder has them. --publish writes into figures/, and
refuses to replace rows by those of fewer seeds, of a smaller budget or of a lower profile.

  hns reproduce --train                                                        into build/reproduce/default
  hns reproduce --train --only F8 F9 F10 --profile paper --data gowalla --publish
  hns reproduce --train --only Table2 --profile paper --data gowalla --method BPR 'DNS(M,N)'
  hns reproduce --train --only Table2 --profile paper --reuse figures/cells/gowalla.csv.gz   only runs that it lacks
"""


def _declare(p: argparse.ArgumentParser) -> None:
    p.add_argument("--only", nargs="+", metavar="ID", help="these studies, e.g. F6 F8 (--list shows all)")
    p.add_argument("--list", action="store_true", help="list the studies and stop")
    p.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: build/reproduce)")
    p.add_argument("--seed", type=int, default=0, help="of the sample; with --train the base seed (default: 0)")
    check = p.add_argument_group("comparing with what is published")
    check.add_argument("--sample", type=int, default=24, metavar="N", help="runs that are trained anew (default: 24)")
    check.add_argument("--all", action="store_true", help="train every committed run anew whose data can be had")
    check.add_argument("--run", dest="keys", nargs="+", default=[], metavar="KEY", help="these runs only")
    check.add_argument(
        "--figures", type=Path, default=PUBLISHED, metavar="DIR", help="what is published (default: figures)"
    )
    check.add_argument("--no-ledger", action="store_true", help="leave out the ledger")
    train = p.add_argument_group("making it (each of these options implies --train)")
    train.add_argument("--train", action="store_true", help="train everything of the profile")
    train.add_argument("--profile", choices=("smoke", "default", "paper"), help="how much work (default: default)")
    train.add_argument(
        "--data", nargs="+", default=[], metavar="NAME",
        help="only the profile's data sets of these names; figures over several keep the others' rows",
    )  # fmt: skip
    train.add_argument(
        "--method", nargs="+", default=[], metavar="NAME",
        help="only these rows of Table2, Table3 and Yardstick, such as BPR or 'DNS(M,N)'; the others are kept",
    )  # fmt: skip
    train.add_argument(
        "--reuse", type=Path, nargs="+", default=[], metavar="CSV",
        help="means of earlier runs, by 'hns results --csv': where they suffice, those runs are not done again",
    )  # fmt: skip
    p.add_argument(
        "--words", action="store_true",
        help="write the captions and findings in figures/ anew from the tables there, and stop; nothing is computed",
    )  # fmt: skip
    train.add_argument("--publish", action="store_true", help="write into figures/")
    train.add_argument("--force", action="store_true", help="with --publish: replace rows by lesser ones all the same")
    add_surroundings(p)


def _run(options: argparse.Namespace) -> int:
    if options.list:
        from ..studies import studies

        show_table("", ("id", "what"), [(study.id, study.title) for study in studies().values()])
        return 0
    if options.words:
        from ..studies import reword, studies, study_ids

        for name in study_ids(options.only or []) or studies():
            if reword(name, options.figures):
                say(f"{name}: words written anew")
        return 0
    made = ("train", "profile", "data", "method", "reuse", "publish", "force")
    if any(getattr(options, name) for name in made):
        return _train(options)
    return _verify(options)


def _verify(options: argparse.Namespace) -> int:
    from ..core.validation import check_int
    from ..studies import study_ids
    from ..studies.verification import verify

    check_int("sample", options.sample, low=0)
    only = study_ids(options.only or []) or None
    report = verify(
        options.figures, options.out or BUILD, surroundings(options, seed=options.seed), only=only,
        sample=None if options.all else options.sample, keys=options.keys, ledger=not options.no_ledger,
        say=say,
    )  # fmt: skip
    return 0 if report.agrees else 1


def _train(options: argparse.Namespace) -> int:
    from ..runs.means import read_table
    from ..studies import get_study, make, studies, study_ids

    profile = options.profile or "default"
    folder = _folder(options, profile)
    split = "method" if options.method else "data" if options.data else None
    names = study_ids(options.only or []) or [s.id for s in studies().values() if split is None or split in s.split_by]
    titles = {name: get_study(name).title for name in names}
    for path in options.reuse:  # before the work
        read_table("reuse", path)
    settings = surroundings(
        options, profile=profile, seed=options.seed, data=tuple(options.data), methods=tuple(options.method),
        reuse=tuple(options.reuse),
    )  # fmt: skip
    start, missing = time.perf_counter(), 0
    for number, name in enumerate(names, 1):
        say(f"[{number}/{len(names)}] {name}: {titles[name]}{last_time(folder / name, profile)}")
        outcome = make(name, settings, folder, guard=options.publish and not options.force)
        if outcome.missing:
            missing += 1
            say(f"    left out: {outcome.missing}")
            continue
        say(f"    {outcome.seconds:.0f} s -> {folder / name}.*")
        together: dict[str, list[str]] = {}
        for rows, command in outcome.kept.items():
            together.setdefault(command, []).append(rows)
        for command, kept in together.items():
            say(f"    rows of {'; '.join(kept)} kept from: {command}")
    done = len(names) - missing
    say(f"{done} of {len(names)} written to {folder} in {time.perf_counter() - start:.0f} s")
    return 0 if done else 1


def _folder(options: argparse.Namespace, profile: str) -> Path:
    """Where to write; what is published is written only if that was asked for."""
    here = {folder.resolve() for folder in (PUBLISHED, Path(sim.__file__).parents[1] / "figures")}
    if options.publish:
        if profile == "smoke":
            raise ValueError("profile must be default or paper to be published, got 'smoke'")
        if options.out is not None:
            raise ValueError(f"out must be left out with --publish, which writes into {PUBLISHED}, got {options.out}")
        return PUBLISHED
    folder: Path = options.out or BUILD / profile
    if folder.resolve() in here:
        raise ValueError(f"out must not be {folder}, where what is published lies: use --publish")
    return folder


COMMAND = Command("reproduce", "make what is published anew and compare", _declare, _run, _EPILOG)
