"""Models and checkpoints on disk: one .npz without pickle, written to a temporary file and renamed."""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FORMAT", "read_npz", "write_npz"]

FORMAT = 1


def write_npz(
    path: str | os.PathLike[str], meta: dict[str, Any], arrays: dict[str, NDArray[Any]], *, compressed: bool = False
) -> None:
    """Write arrays and a JSON header atomically: a crash leaves the old file or the new one, never a part."""
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".tmp")
    except OSError as error:
        raise OSError(f"path must be writable, got {target}: {error.strerror or error}") from None
    try:
        with os.fdopen(handle, "wb") as file:
            save = np.savez_compressed if compressed else np.savez
            save(file, meta=np.array(json.dumps({"format": FORMAT, **meta}, default=lambda x: x.item())), **arrays)  # type: ignore[arg-type]
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_npz(path: str | os.PathLike[str]) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read what :func:`write_npz` wrote; a damaged or foreign file is a ValueError that says so."""
    try:
        with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name != "meta"}
            meta = json.loads(str(file["meta"]))
    except FileNotFoundError:
        raise FileNotFoundError(f"path must be a model or checkpoint file, got {path}: no such file") from None
    except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(f"path must be a whole model or checkpoint file, got {path}: {error}") from None
    if meta.get("format") != FORMAT:
        raise ValueError(f"{path} has format {meta.get('format')!r}, this version reads {FORMAT}")
    return meta, arrays
