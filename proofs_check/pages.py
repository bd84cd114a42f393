"""Every published word made anew from its evidence: README.md, docs/results, CLAIMS.md, the records of the figures.

python -m proofs_check.pages          write what differs (make words)
python -m proofs_check.pages --check  name what differs, and fail
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from sim.core.files import write_text
from sim.studies import studies
from sim.studies.answers import answers
from sim.studies.overviews import about, index, overview
from sim.studies.pages import Evidence, Fill, differences, render, with_words
from sim.studies.study import Findings

from ._claims_md import claims_markdown
from ._registry import all_claims
from .paper import RESULTS

__all__ = ["all_differences", "fills", "pages", "write"]

RESULT_PAGES = "docs/results"


def pages(root: Path) -> dict[str, Path]:
    """Pages that have blocks, by their path from the root."""
    found = [root / "README.md", *sorted((root / RESULT_PAGES).glob("*.md"))]
    return {path.relative_to(root).as_posix(): path for path in found}


def fills(root: Path, evidence: Evidence | None = None) -> Mapping[str, Fill]:
    """What fills the blocks of a page, by kind."""
    evidence = evidence or Evidence(root / "figures")
    said: dict[str, Findings] = {}

    def source(name: str) -> Findings:
        if name not in said:
            own = {"answers": lambda: answers(evidence), "ledger": ledger}
            made = own[name]() if name in own else _named(name, evidence.findings(name))
            said[name] = made
        return said[name]

    def say(what: str) -> Findings:
        known = source(what.partition("/")[0])
        wanted = known if what.endswith("/") else {what}
        return {name: known[name] for name in known if name in wanted and name.startswith(what)}

    def contents(what: str) -> str:
        told = {path.name: path.read_text(encoding="utf-8") for path in (root / RESULT_PAGES).glob("*.md")}
        told.pop("README.md", None)
        return index(dict(sorted(told.items())), root / "figures")

    return {"say": say, "table": lambda what: overview(what, evidence), "about": about, "index": contents}


def _named(study: str, found: Findings) -> Findings:
    return {f"{study}/{name}": sentence for name, sentence in found.items()}


def ledger() -> Findings:
    """What the ledger comes to."""
    counts = Counter(result.verdict for result in RESULTS if result.carried)
    words = ", ".join(f"{n} {verdict}" for verdict, n in counts.most_common())
    claims = all_claims().values()
    return {
        "ledger/summary": f"Of the {sum(counts.values())} results of the paper that claim something: {words}. "
        f"{len(claims)} claims stand behind that, each with checks that must also refute false variants of it, "
        f"{sum(len(claim.mutants) for claim in claims)} in all."
    }


def _all(root: Path) -> Iterator[tuple[str, Path, str, list[str]]]:
    """Every file: its name, path, what it should be, what differs."""
    evidence = Evidence(root / "figures")
    known = fills(root, evidence)
    for name, path in pages(root).items():
        text = path.read_text(encoding="utf-8")
        yield name, path, render(text, known), differences(text, known)
    for study in studies():
        path = root / "figures" / f"{study}.json"
        text = path.read_text(encoding="utf-8")
        made = with_words(text, evidence)
        yield path.name, path, made, ["caption or findings are not those of the table"] * (made != text)
    path, made = root / "CLAIMS.md", claims_markdown()
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    yield path.name, path, made, ["it is not that of the claims"] * (made != text)


def all_differences(root: Path) -> list[str]:
    """Every sentence, table and file under ``root`` that is not what its evidence says, one line each."""
    return [f"{name}: {line}" for name, _, _, lines in _all(root) for line in lines]


def write(root: Path) -> list[str]:
    """Write anew what differs; the names of the files."""
    changed = []
    for name, path, made, _ in _all(root):
        if not path.is_file() or path.read_text(encoding="utf-8") != made:
            write_text(path, made)
            changed.append(name)
    return changed


if __name__ == "__main__":
    here = Path(__file__).resolve().parent.parent
    if "--check" in sys.argv[1:]:
        wrong = all_differences(here)
        print("\n".join(wrong) or "every word is what its evidence says")
        sys.exit(bool(wrong))
    print("\n".join(f"wrote {name}" for name in write(here)) or "nothing to write")
