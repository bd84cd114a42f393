"""Machine-checked theorems as evidence; the proofs are in proofs_check/coq."""

from __future__ import annotations

from .model import Evidence, Kind, Role

__all__ = ["formal_evidence", "formal_theorems"]


def formal_theorems(claim_id: str) -> list[tuple[str, str]]:
    """Name and statement in words, with what it assumes, of the machine-checked theorems about a claim."""
    try:
        from .formal import theorems
    except ImportError:
        return []
    rests_on = {"closed": "no axioms", "reals": "axioms of Coq's real numbers"}
    return [(t.name, f"{t.words} [{rests_on[t.assumptions]}]") for t in theorems() if claim_id in t.claims]


def formal_evidence(claim_id: str) -> list[Evidence]:
    """The theorems about a claim as one piece of evidence, or none."""
    found = formal_theorems(claim_id)
    if not found:
        return []
    words = f"{len(found)} theorems proved in Coq, checked by make formal ({', '.join(name for name, _ in found)})"
    return [Evidence(words, Kind.FORMAL, Role.STATEMENT, True, len(found), 0.0, 0.0, 0, 0.0)]
