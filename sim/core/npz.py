"""Models and checkpoints on disk: one .npz without pickle, written to a temporary file and renamed."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .archive import read_arrays

__all__ = ["FORMAT", "check_writable", "read_meta", "read_npz", "write_npz"]

FORMAT = 1


def write_npz(
    path: str | os.PathLike[str], meta: dict[str, Any], arrays: dict[str, NDArray[Any]], *, compressed: bool = False
) -> None:
    """Write arrays and a JSON header atomically: a crash leaves the old file or the new one, never a part."""
    handle, name = _temporary(Path(path))
    try:
        with os.fdopen(handle, "wb") as file:
            save = np.savez_compressed if compressed else np.savez
            header = json.dumps({"format": FORMAT, "names": sorted(arrays), **meta}, default=lambda x: x.item())
            save(file, meta=np.array(header), **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def check_writable(path: str | os.PathLike[str]) -> None:
    """Fail now rather than after hours if :func:`write_npz` could not write there; makes the folder."""
    handle, name = _temporary(Path(path))
    os.close(handle)
    Path(name).unlink()


def _temporary(target: Path) -> tuple[int, str]:
    """An open new file beside ``target`` and its name."""
    try:
        if target.is_dir():
            raise IsADirectoryError("it is a folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        name = str(target.with_name(f".{target.name}.{secrets.token_hex(8)}.tmp"))
        return os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0), 0o666), name
    except OSError as error:
        raise OSError(f"path must be writable, got {target}: {error.strerror or error}") from None


def read_npz(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what :func:`write_npz` wrote; a damaged or foreign file is a ValueError that says so."""
    return _read(path, None)


def read_meta(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The header alone: the arrays may be large."""
    return _read(path, ("meta",))[0]


def _read(path: str | os.PathLike[str], only: tuple[str, ...] | None) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    try:
        arrays = read_arrays(path, only)
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
