"""The public way in: names or files to data sets, and what the command line shows of the registry."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.files import not_plain
from ..core.validation import MOST_SIZE, check_choice, check_int, check_real
from ._columns import as_series
from ._dataset import Dataset, assemble
from ._fetch import DataError, cache_dir, cache_folder, fetch, file_digest, find_local
from ._interactions import Interactions, clean, load_parsed, parsed_key, save_parsed
from ._matrices import from_matrix
from ._readers import read
from ._registry import REGISTRY, Source, find_source
from ._splits import own_split, random_split, temporal_split
from ._tables import from_columns
from ._text import Options

__all__ = ["available", "catalogue", "from_csr", "from_pairs", "info", "load"]

_SPLITS = ("default", "random", "own", "temporal")


def load(
    name: str | os.PathLike[str],
    *,
    split: str = "default",
    seed: int = 0,
    valid_fraction: float = 0.1,
    test_fraction: float = 0.2,
    min_rating: float | None = None,
    k_core: int | None = None,
    format: str | None = None,
    separator: str | None = None,
    columns: Mapping[str, str | int] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> Dataset:
    """Load a data set and split it.

    Parameters
    ----------
    name : str or path
        A registered name (:func:`available`), fetched at first use; or your own file: ``.csv``, ``.tsv``, ``.txt``,
        ``.inter``, ``.dat`` (also ``.gz``) or ``.parquet`` with columns user, item[, rating[, time]]; ``.npz`` or
        ``.mat`` with a sparse users x items matrix; ``.zip`` with train.tsv and test.tsv.
    split : {"default", "random", "own", "temporal"}
        ``"random"``: per user, train and validation get the fraction ``1 - test_fraction`` of the pairs, rounded to
        the nearest integer and at least 1. ``"own"``: the set's fixed test part. ``"temporal"``: the latest
        ``test_fraction`` of all pairs; users without an earlier train pair are left out. ``"default"``: own where
        there is one, else random.
    seed : int >= 0
        Of the random split, and of the validation part of an own split.
    valid_fraction : float in [0, 1)
        Validation part of what is not test: per user and rounded to the nearest integer, leaving at least one train
        pair; under ``"temporal"``, the latest.
    test_fraction : float in [0, 1)
        Not used by an own split.
    min_rating : float, optional
        Pairs rated below are left out. None: the registry's choice (4 for ml-100k), for your own file all rows.
    k_core : int >= 0, optional
        Users and items with fewer pairs are left out, repeatedly, before the split. None: the registry's choice (5
        for ml-100k); 0 or 1: no such filter.
    format : {"table", "adjacency"}, optional
        Of your own text file: a pair in each row, or a user and the user's items (``user item item ...``, as in
        LightGCN's train.txt; a user may have several rows). None: found from the file.
    separator : str, optional
        Of your own text file: ``","``, ``"tab"`` ...; ``" "`` or ``"space"``: any run of spaces and tabs. None: found
        from its first lines together. Whatever is found must hold for every line.
    columns : mapping, optional
        For a table of your own: which column is which, e.g. ``{"user": "customer", "item": "sku"}``, or positions
        from 0 if it has no header. None: a header that names user and item, else user, item, rating, time.
    data_dir : path, optional
        Folder with local copies; default: the environment variable ``HNS_DATA_DIR``.
    progress : bool, optional
        Show a bar while downloading; default: if standard error is a terminal.

    Returns
    -------
    Dataset

    Raises
    ------
    ValueError
        For unknown names (near ones are suggested) and arguments out of range.
    DataError
        For files that are altered, truncated, empty, or hold what is not allowed.
    FetchError
        If a file is not here and cannot be downloaded.

    Notes
    -----
    What was read is cached under ``HNS_CACHE_DIR`` with a hash of its content; a cache file that was truncated or
    altered is noticed and made anew. Pairs that occur more than once count once, at their earliest time.

    An id is a whole number or a text; the outer blanks of a text do not count. If all ids of a column are plain
    integers, written as such or not, its labels are int64, else str: 1, 1.0 (a number) and "1" are one id, "01" and
    "1.0" (texts) are others. A column that mixes numbers and texts is refused, as are missing values, and numbers
    that would not be exact.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = pathlib.Path(folder.name) / "mine.csv"
    >>> _ = path.write_text("user,item\\n" + "\\n".join(f"u{u},i{i}" for u in range(4) for i in range(u, u + 5)))
    >>> data = load(path, seed=1)
    >>> data.shape, data.train.nnz, data.valid.nnz, data.test.nnz
    ((4, 8), 16, 0, 4)
    >>> folder.cleanup()
    """
    options = _check(split, seed, valid_fraction, test_fraction, min_rating, k_core)
    data, label = _interactions(name, options, Options.check(format, separator, columns), data_dir, progress)
    return _split(data, label, options)


def from_pairs(
    users: Any,
    items: Any,
    *,
    rating: Any = None,
    time: Any = None,
    name: str = "pairs",
    split: str = "random",
    seed: int = 0,
    valid_fraction: float = 0.1,
    test_fraction: float = 0.2,
    min_rating: float | None = None,
    k_core: int | None = None,
) -> Dataset:
    """As :func:`load`, from equally long sequences of user ids, item ids, and perhaps ratings and times.

    Examples
    --------
    >>> from_pairs(["a", "a", "a", "b"], [1, 2, 3, 1]).stats()["test"]
    1
    """
    options = _check(split, seed, valid_fraction, test_fraction, min_rating, k_core)
    given = {"user": users, "item": items, "rating": rating, "time": time}
    series = {
        role: as_series(values, {"user": "users", "item": "items"}.get(role, role))
        for role, values in given.items()
        if values is not None or role in ("user", "item")
    }
    for role, values in series.items():
        if len(values) != len(series["user"]):
            plural = "items" if role == "item" else role
            raise ValueError(f"{plural} must be as long as users, {len(series['user'])}, got {len(values)}")
    if not len(series["user"]):
        raise DataError(f"{name} is empty: no pairs")
    return _split(clean(from_columns(series, name), name, options["min_rating"], options["k_core"]), name, options)


def from_csr(
    matrix: Any,
    *,
    name: str = "matrix",
    seed: int = 0,
    valid_fraction: float = 0.1,
    test_fraction: float = 0.2,
    min_rating: float | None = None,
    k_core: int | None = None,
) -> Dataset:
    """As :func:`load` with a random split, from a sparse or dense users x items matrix; entries > 0 are the pairs.

    Examples
    --------
    >>> import numpy as np
    >>> from_csr(np.ones((3, 10))).stats()["fit"]
    24
    """
    options = _check("random", seed, valid_fraction, test_fraction, min_rating, k_core)
    return _split(clean(from_matrix(matrix, name), name, options["min_rating"], options["k_core"]), name, options)


def available() -> list[str]:
    """Names of the registered data sets.

    Examples
    --------
    >>> available()[:2]
    ['ml-100k', 'gowalla']
    """
    return list(REGISTRY)


def info(name: str, *, data_dir: str | os.PathLike[str] | None = None) -> dict[str, Any]:
    """What is known of a registered data set, without fetching it.

    Returns
    -------
    dict
        ``name, title, users, items, pairs, split`` (default), ``state`` ("local copy", "cached", "not here", or what
        is wrong with the local copy), ``path`` (of the file, or None), ``origin`` (URL), ``digest``, ``n_bytes``
        (0: unknown), ``local_name`` (where to put a copy inside ``HNS_DATA_DIR``), ``terms``, ``cite``.

    Examples
    --------
    >>> info("gowalla")["local_name"]
    'gowalladata.mat'
    """
    source = find_source(name)
    state, path = _state(source, data_dir)
    return {
        "name": source.name,
        "title": source.title,
        "users": source.users,
        "items": source.items,
        "pairs": source.pairs,
        "split": "own" if source.own_split else "random",
        "state": state,
        "path": path,
        "origin": source.origin,
        "digest": source.digest,
        "n_bytes": source.n_bytes,
        "local_name": source.local_names[0],
        "terms": source.terms,
        "cite": "; ".join(source.cite),
    }


def catalogue(*, data_dir: str | os.PathLike[str] | None = None) -> list[dict[str, Any]]:
    """:func:`info` of every registered data set, for a listing."""
    return [info(name, data_dir=data_dir) for name in REGISTRY]


def _state(source: Source, data_dir: str | os.PathLike[str] | None) -> tuple[str, Path | None]:
    try:
        local = find_local(source, data_dir)
    except DataError as error:
        return str(error), None
    if local is not None:
        return "local copy", local
    cached = cache_dir() / "raw" / source.name / Path(source.local_names[0]).name
    return ("cached", cached) if cached.is_file() else ("not here", None)


def _check(
    split: str, seed: int, valid_fraction: float, test_fraction: float, min_rating: float | None, k_core: int | None
) -> dict[str, Any]:
    return {
        "split": check_choice("split", split, _SPLITS),
        "seed": check_int("seed", seed, low=0, high=2**63 - 1),
        "valid_fraction": _check_part("valid_fraction", valid_fraction),
        "test_fraction": _check_part("test_fraction", test_fraction),
        "min_rating": None if min_rating is None else check_real("min_rating", min_rating),
        "k_core": None if k_core is None else check_int("k_core", k_core, low=0, most=MOST_SIZE),
    }


def _check_part(name: str, value: float) -> float:
    number = check_real(name, value)
    if not 0.0 <= number < 1.0:
        raise ValueError(f"{name} must be in [0, 1), got {number:g}")
    return number


def _interactions(
    name: str | os.PathLike[str],
    options: dict[str, Any],
    how: Options,
    data_dir: str | os.PathLike[str] | None,
    progress: bool | None,
) -> tuple[Interactions, str]:
    """Clean interactions of a registered set or a file, from the cache if they are there."""
    if not isinstance(name, (str, os.PathLike)):
        raise TypeError(
            f"name must be a str or a path, got {type(name).__name__}: for data in memory use from_pairs or from_csr"
        )
    source: Source | None = None
    path: Path | None = None
    if isinstance(name, str) and name in REGISTRY:
        for key, value in vars(how).items():
            if value is not None:
                raise ValueError(f"{key} must be None for the registered data set {name!r}")
        source = REGISTRY[name]
        label, digest = source.name, source.digest
        min_rating = source.min_rating if options["min_rating"] is None else options["min_rating"]
        k_core = source.k_core if options["k_core"] is None else options["k_core"]
    else:
        path = Path(name).expanduser()
        if not path.is_file():
            if isinstance(name, str) and not path.suffix and os.sep not in name:
                find_source(name)
            there = not_plain(path.resolve()) if path.exists() else ""
            what = f"it is {there}" if there else "no such file"
            raise ValueError(f"name must be a known data set or an existing file, got {str(name)!r}: {what}")
        label, digest = path.name, f"sha256:{file_digest(path)}"
        min_rating, k_core = options["min_rating"], options["k_core"]
    chosen = None if how.columns is None else sorted(how.columns.items())
    read_by = {"columns": chosen, "format": how.format, "separator": how.separator}
    suffix = "" if path is None else "".join(path.suffixes[-2:])
    key = parsed_key(digest, min_rating=min_rating, k_core=k_core, suffix=suffix, **read_by)
    cached = cache_dir() / "parsed" / f"{key}.npz"
    if cached.is_file():
        try:
            return load_parsed(cached), label
        except DataError as error:
            warnings.warn(f"{error}: it is made anew", stacklevel=3)
    if source is not None:
        path = fetch(source.name, data_dir=data_dir, progress=progress)
    assert path is not None
    data = clean(read(path, source.kind if source else None, label, how), label, min_rating, k_core)
    folder = cache_folder("parsed")
    if folder is not None:
        try:
            save_parsed(folder / f"{key}.npz", data)
        except OSError as error:  # e.g. a full disk: the data are here all the same
            warnings.warn(f"{folder} could not be written ({error}): the parsed data are not kept", stacklevel=3)
    return data, label


def _split(data: Interactions, name: str, options: dict[str, Any]) -> Dataset:
    seed, test, valid = options["seed"], options["test_fraction"], options["valid_fraction"]
    split = options["split"]
    if split == "default":
        split = "own" if data.part is not None else "random"
    if split == "own":
        part = own_split(data, valid, seed, name)
        words = f"the set's own, valid {valid:g} of train, seed {seed}"
    elif split == "random":
        part = random_split(data, test, valid, seed)
        words = f"random per user, test {test:g}, valid {valid:g} of the rest, seed {seed}"
    else:
        part = temporal_split(data, test, valid, name)
        words = f"by time, test {test:g}, valid {valid:g} of the rest"
    return assemble(data, part, name, words)
