"""Models and checkpoints on disk: one .npz without pickle, written to a temporary file and renamed."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FORMAT", "check_writable", "read_npz", "write_npz"]

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
    try:
        stream = open(path, "rb")  # noqa: SIM115 (closed below)
    except OSError as error:
        raise type(error)(f"path must be a readable file, got {path}: {str(error.strerror).lower()}") from None
    try:
        with stream, np.load(stream, allow_pickle=False) as file:
            # numpy stops reading where an array's header says, and so may never see a wrong check sum
            if (bad := file.zip.testzip()) is not None:
                raise ValueError(f"{bad} is damaged")
            arrays = {name: file[name] for name in file.files if name != "meta"}
            meta = json.loads(str(file["meta"]))
            if sorted(arrays) != meta.pop("names", sorted(arrays)):  # a damaged directory may end early
                raise ValueError("arrays are missing")
    except Exception as error:  # damage shows in many ways: in the archive, the arrays' headers, the text
        raise ValueError(f"path must be a whole model or checkpoint file, got {path}: {error}") from None
    if meta.get("format") != FORMAT:
        raise ValueError(f"{path} has format {meta.get('format')!r}, this version reads {FORMAT}")
    return meta, arrays
