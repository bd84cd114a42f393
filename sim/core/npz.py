"""Models and checkpoints on disk: one .npz without pickle."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .archive import read_arrays
from .files import new_file

__all__ = ["FORMAT", "read_meta", "read_npz", "write_npz"]

FORMAT = 1


def write_npz(
    path: str | os.PathLike[str],
    meta: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
    *,
    compressed: bool = False,
    plain: bool = False,
) -> None:
    """Write arrays and a JSON header by :func:`sim.core.files.new_file`, which knows ``plain``."""
    header = json.dumps({"format": FORMAT, "names": sorted(arrays), **meta}, default=lambda x: x.item())
    save = np.savez_compressed if compressed else np.savez
    with new_file(path, plain=plain) as file:
        save(file, meta=np.array(header), **arrays)  # type: ignore[arg-type]


def read_npz(path: str | os.PathLike[str], *, follow: bool = True) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what :func:`write_npz` wrote; a damaged or foreign file is a ValueError that says so.

    Only plain files are opened, and links to them if ``follow``.
    """
    return _read(path, None, follow)


def read_meta(path: str | os.PathLike[str], *, follow: bool = True) -> dict[str, Any]:
    """The header alone: the arrays may be large."""
    return _read(path, ("meta",), follow)[0]


def _read(
    path: str | os.PathLike[str], only: tuple[str, ...] | None, follow: bool
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    try:
        arrays = read_arrays(path, only, follow=follow)
        meta = _header(arrays.pop("meta", None))
        names = meta.pop("names", sorted(arrays))
        if only is None and sorted(arrays) != names:  # a damaged directory may end early
            raise ValueError("arrays are missing")
    except OSError as error:
        raise type(error)(f"path must be a readable file, got {path}: {str(error.strerror).lower()}") from None
    except ValueError as error:
        raise ValueError(f"path must be a whole model or checkpoint file, got {path}: {error}") from None
    if meta.get("format") != FORMAT:
        raise ValueError(f"{path} has format {meta.get('format')!r}, this version reads {FORMAT}")
    return meta, arrays


def _header(array: NDArray[Any] | None) -> dict[str, Any]:
    if array is None or array.dtype.kind != "U" or array.ndim:
        raise ValueError("it has no header")
    try:
        meta = json.loads(str(array))
    except (ValueError, RecursionError, SystemError) as error:  # the last for what is no text
        raise ValueError(f"its header is broken ({type(error).__name__})") from None
    if not isinstance(meta, dict):
        raise ValueError("its header is no table")
    return meta
