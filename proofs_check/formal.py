"""The machine-checked theorems of ``proofs_check/coq``: the list, and a check that Coq accepts them.

The list is ``coq/theorems.toml``. Reading it needs no Coq; :func:`check_theorems` compiles the proofs and compares what
each theorem assumes (``Print Assumptions``) with what the list allows. Standard library only, so that
``python3 formal.py`` also works outside the package (``make -C proofs_check/coq``).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

__all__ = [
    "COQ_DIR",
    "CoqError",
    "Theorem",
    "TheoremResult",
    "check_theorems",
    "coqc",
    "readme_table",
    "theorems",
]

COQ_DIR = Path(__file__).resolve().parent / "coq"
"""The folder of the proofs."""

_LIBRARY = "HNS"
_FORBIDDEN = re.compile(
    r"\b(Admitted|admit|give_up|Axioms?|Parameters?|Conjectures?|bypass_check)\b|Unset\s+(Guard|Universe|Positivity)"
)


class CoqError(RuntimeError):
    """Coq is missing, or does not accept a proof; the message is one line."""


@dataclass(frozen=True)
class Theorem:
    """One machine-checked theorem.

    Attributes
    ----------
    name, file : str
        Name in Coq and file in ``proofs_check/coq``.
    claims : tuple of str
        Claims of the ledger it speaks for.
    paper : str
        Number in the paper, or what it stands behind.
    words : str
        The statement in words.
    assumptions : str
        "closed" (no axiom) or "reals" (the axioms of Coq's real numbers).
    allowed : tuple of str
        The axioms that stands for.
    """

    name: str
    file: str
    claims: tuple[str, ...]
    paper: str
    words: str
    assumptions: str
    allowed: tuple[str, ...]

    @property
    def qualified(self) -> str:
        """Full name in Coq."""
        return f"{_LIBRARY}.{Path(self.file).stem}.{self.name}"


@dataclass(frozen=True)
class TheoremResult:
    """What Coq says about a theorem: the axioms it rests on, and whether all of them are allowed."""

    theorem: Theorem
    axioms: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """No axiom beyond those allowed."""
        return set(self.axioms) <= set(self.theorem.allowed)


@cache
def theorems() -> tuple[Theorem, ...]:
    """The theorems listed in ``coq/theorems.toml``, in the order of the list.

    Raises
    ------
    ValueError
        For an entry that is incomplete, names an unknown kind of assumptions, or repeats a name.

    Examples
    --------
    >>> [t.name for t in theorems() if "T3" in t.claims][1:3]
    ['opauc_count_upper', 'hits_squared_lower']
    """
    return _parse((COQ_DIR / "theorems.toml").read_text(encoding="utf-8"))


def _parse(text: str) -> tuple[Theorem, ...]:
    table = tomllib.loads(text)
    allowed = table["assumptions"]
    found: list[Theorem] = []
    for entry in table["theorem"]:
        name = entry.get("name", "?")
        fields = {"name", "file", "claims", "paper", "words", "assumptions"}
        if set(entry) != fields:
            raise ValueError(f"theorem {name} must have the fields {sorted(fields)}, got {sorted(entry)}")
        if entry["assumptions"] not in allowed:
            raise ValueError(f"assumptions of {name} must be one of {', '.join(allowed)}, got {entry['assumptions']!r}")
        if name in {t.name for t in found}:
            raise ValueError(f"theorem names must be unique, got {name} twice")
        entry = {**entry, "claims": tuple(entry["claims"]), "allowed": tuple(allowed[entry["assumptions"]])}
        found.append(Theorem(**entry))
    return tuple(found)


def coqc(file: Path, folder: Path) -> str:
    """Compile ``file`` against the compiled proofs in ``folder`` and return what Coq prints.

    Raises
    ------
    CoqError
        If coqc is missing or rejects the file.
    """
    program = shutil.which("coqc")
    if program is None:
        raise CoqError("coqc is missing: install coq 8.16 and libcoq-mathcomp-algebra (make formal does)")
    command = [program, "-q", "-R", str(folder), _LIBRARY, str(file)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise CoqError(f"coqc rejects {file.name}: {_first_error(run.stderr)}")
    return run.stdout


def _first_error(stderr: str) -> str:
    place = re.findall(r'File "[^"]*", line (\d+)', stderr)
    words = " ".join(stderr.partition("Error:")[2].split()) or " ".join(stderr.split())
    return (f"line {place[-1]}: " if place else "") + words[:300]


def sources(folder: Path = COQ_DIR) -> list[Path]:
    """The files of the proofs in the order in which they compile.

    Raises
    ------
    CoqError
        If a file uses a word that leaves something unproved.
    """
    names = [line for line in (folder / "_CoqProject").read_text(encoding="utf-8").split() if line.endswith(".v")]
    for name in names:
        code = re.sub(r"\(\*.*?\*\)", "", (folder / name).read_text(encoding="utf-8"), flags=re.DOTALL)
        if bad := _FORBIDDEN.search(code):
            raise CoqError(f"{name} must prove everything it states, got {bad.group()}")
    return [folder / name for name in names]


def check_theorems(build_dir: Path | str | None = None, *, built: bool = False) -> tuple[TheoremResult, ...]:
    """Compile all proofs and ask Coq what each listed theorem assumes.

    Parameters
    ----------
    build_dir : path, optional
        Where to compile (the source folder is left as it is); a temporary folder if not given.
    built : bool
        ``build_dir`` already holds the compiled proofs: only ask.

    Returns
    -------
    tuple of TheoremResult
        In the order of :func:`theorems`; each says whether it ``passed``.

    Raises
    ------
    CoqError
        If coqc is missing, a proof is rejected or incomplete, or a listed theorem does not exist.
    """
    if build_dir is None:
        with tempfile.TemporaryDirectory(prefix="hns-coq-") as scratch:
            return check_theorems(scratch, built=False)
    folder = Path(build_dir)
    if not built:
        for source in sources():
            coqc(Path(shutil.copy(source, folder / source.name)), folder)
    return _results(_ask(folder))


def _ask(folder: Path) -> str:
    modules = " ".join(dict.fromkeys(f"{_LIBRARY}.{Path(t.file).stem}" for t in theorems()))
    lines = [f"Require {modules}."]
    for t in theorems():
        lines.append(f'Goal True. idtac "@@ {t.qualified}". Abort.\nPrint Assumptions {t.qualified}.')
    with tempfile.TemporaryDirectory(prefix="hns-coq-") as scratch:
        file = Path(scratch) / "Assumptions.v"
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return coqc(file, folder)


def _results(printed: str) -> tuple[TheoremResult, ...]:
    """Parse what ``_ask`` makes Coq print. Whatever is not understood counts as an axiom, which no list allows."""
    parts = {head.strip(): body for head, _, body in (p.partition("\n") for p in printed.split("@@ ")[1:])}
    found = []
    for t in theorems():
        if t.qualified not in parts:
            raise CoqError(f"coqc must report the assumptions of {t.qualified}, got nothing")
        lines = [line for line in parts[t.qualified].splitlines() if line and not line[0].isspace()]
        if lines == ["Closed under the global context"]:
            axioms = []
        elif lines and lines[0] == "Axioms:":
            axioms = [line.partition(" ")[0] for line in lines[1:]]
        else:
            axioms = lines or ["nothing was printed"]
        found.append(TheoremResult(t, tuple(axioms)))
    return tuple(found)


def readme_table() -> str:
    """The table of ``coq/README.md``: the paper's number, statement, theorem, file, assumptions."""
    rows = ["| paper | claim | statement | theorem | file | assumptions |", "|---|---|---|---|---|---|"]
    for t in theorems():
        claims = ", ".join(t.claims)
        rows.append(f"| {t.paper} | {claims} | {t.words} | `{t.name}` | [{t.file}]({t.file}) | {t.assumptions} |")
    return "\n".join(rows) + "\n"


def main(arguments: list[str]) -> int:
    """Check all theorems, print one line each; ``--built DIR``: compiled already; ``--table``: print the table only."""
    if arguments == ["--table"]:
        print(readme_table(), end="")
        return 0
    if arguments and (len(arguments) != 2 or arguments[0] != "--built"):
        print(f"formal.py takes --table, --built DIR or nothing, got {' '.join(arguments)}", file=sys.stderr)
        return 2
    try:
        sources()
        results = check_theorems(arguments[1], built=True) if arguments else check_theorems()
    except CoqError as error:
        print(error, file=sys.stderr)
        return 1
    for result in results:
        t = result.theorem
        verdict = t.assumptions if result.passed else f"NOT ALLOWED: {', '.join(result.axioms)}"
        print(f"{t.file:<13} {t.name:<44} {verdict}")
    failed = sum(not result.passed for result in results)
    print(f"{len(results) - failed} of {len(results)} theorems rest on nothing but the assumptions allowed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
