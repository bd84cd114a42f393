"""The claims, found by looking into every module of :mod:`proofs_check.claims`."""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Iterable

from sim.core.names import hint

from .model import Claim

__all__ = ["all_claims", "claim_ids", "get_claim", "select_claims"]


@functools.cache
def all_claims() -> dict[str, Claim]:
    """All claims by id, in the order of the paper.

    Examples
    --------
    >>> list(all_claims())[:3]
    ['L1', 'T1', 'T1-pool']
    """
    from . import claims as package

    found: dict[str, Claim] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        for claim in getattr(module, "CLAIMS", ()):
            if claim.id in found:
                raise ValueError(f"claim ids must be unique, got {claim.id} twice")
            found[claim.id] = claim
    order = {claim_id: i for i, claim_id in enumerate(package.ORDER)}
    return dict(sorted(found.items(), key=lambda pair: order.get(pair[0], len(order))))


def claim_ids() -> list[str]:
    """Ids of all claims."""
    return list(all_claims())


def get_claim(claim_id: str) -> Claim:
    """The claim with this id.

    Raises
    ------
    ValueError
        For an unknown id; the message lists the known ones, and those that are near.
    """
    try:
        return all_claims()[claim_id]
    except KeyError:
        near = hint(claim_id, all_claims(), everything=False)
        known = ", ".join(all_claims())
        raise ValueError(f"claim must be one of {known}, got {claim_id!r}{near and ': '}{near}") from None


def select_claims(only: Iterable[str] | None = None) -> list[Claim]:
    """The claims named in ``only``, in the ledger's order; all if it is None. A family name (T2, F6) means its members.

    Examples
    --------
    >>> [c.id for c in select_claims(["T3"])]
    ['T3', 'T3-sharp', 'T3-ndcg']
    """
    if only is None:
        return list(all_claims().values())
    wanted: set[str] = set()
    for name in only:
        short, size = name.casefold(), len(name)
        members = {
            c for c in all_claims()
            if c.casefold() == short or (c.casefold().startswith(short) and c[size:][:1] in {*"abcdefghi-"})
        }  # fmt: skip
        if not members:
            get_claim(name)
        wanted |= members
    return [c for c in all_claims().values() if c.id in wanted]
