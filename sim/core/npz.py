"""Models and checkpoints on disk: one .npz without pickle."""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .files import new_file, open_plain

__all__ = ["FORMAT", "read_npz", "write_npz"]

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
    try:
        stream = open_plain(path, follow=follow)
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
