"""Data sets: known ones, fetched and verified, or your own file; seeded and hashed splits.

>>> from sim import data
>>> data.info("ml-100k")["pairs"] == 54_413
True

``data.load("ml-100k")`` gives a :class:`Dataset` with sparse ``train``, ``valid`` and ``test`` matrices.
"""

from __future__ import annotations

from ._dataset import Dataset
from ._fetch import DataError, FetchError, cache_dir, fetch
from ._load import available, catalogue, from_csr, from_pairs, info, load

__all__ = [
    "DataError",
    "Dataset",
    "FetchError",
    "available",
    "cache_dir",
    "catalogue",
    "fetch",
    "from_csr",
    "from_pairs",
    "info",
    "load",
]
