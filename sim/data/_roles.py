"""Which column is the user, the item, the rating, the time: by their names, or as the reader says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ._fetch import DataError
from ._text import ROLES

__all__ = ["assign", "by_name", "is_known"]

_KNOWN = {
    "user": {"user", "user_id", "userid", "uid", "user_procid", "reviewerid", "customer_id"},
    "item": {"item", "item_id", "itemid", "iid", "item_procid", "movieid", "movie_id", "asin"}
    | {"product_id", "book_id"},
    "rating": {"rating", "ratings", "stars", "overall", "score", "value"},
    "time": {"time", "timestamp", "date", "datetime", "unixreviewtime"},
}


def by_name(names: Sequence[str]) -> dict[str, list[int]]:
    """Positions of the names that are known for each role; lower case, without RecBole's ``:type``."""
    plain = [str(name).strip().strip("\"'\ufeff").split(":")[0].lower() for name in names]
    return {role: [i for i, name in enumerate(plain) if name in _KNOWN[role]] for role in ROLES}


def is_known(names: Sequence[str]) -> bool:
    """Whether there is a user and an item among the names."""
    found = by_name(names)
    return bool(found["user"] and found["item"])


def assign(names: Sequence[str], name: str, columns: Mapping[str, str | int] | None) -> dict[str, int]:
    """Role -> position among the names of a header.

    Raises
    ------
    DataError
        If a column is not there, or more than one could be meant.
    """
    wanted = by_name(names)
    if columns is not None:
        wanted = {role: [i for i, n in enumerate(names) if n == c] for role, c in columns.items()}
    roles = {}
    for role, found in wanted.items():
        if len(found) > 1:
            several = [names[i] for i in found]
            raise DataError(
                f"{name} must have one {role} column, it has {several}: say which with columns= (--columns)"
            )
        if found:
            roles[role] = found[0]
        elif columns is not None:
            raise DataError(f"{name} has no column {columns[role]!r}; it has {list(names[:12])}")
        elif role in ("user", "item"):
            raise DataError(
                f"{name} has no {role} column; it has {list(names[:12])}: rename it, or say which "
                "with columns= (--columns)"
            )
    return roles
