"""A finished figure on disk: PDF, PNG, the tidy CSV behind it, and a JSON that says how it was made."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..core.files import new_file, write_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["versions", "write_figure"]


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    packages = ("numpy", "numba", "scipy", "pandas", "matplotlib")
    return {
        "hns-opauc": __version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
    }


def write_figure(
    folder: Path, name: str, table: pd.DataFrame, figure: Figure | None, info: dict[str, Any]
) -> list[Path]:
    """Write ``name``.csv, .json and, if there is a figure, .pdf and .png under ``folder``; returns the paths.

    The CSV is written with six significant digits; the JSON holds ``info`` (title, caption, settings) and versions.
    """
    paths = [folder / f"{name}.csv", folder / f"{name}.json"]
    write_text(paths[0], table.to_csv(index=False, float_format="%.6g", lineterminator="\n"))
    text = json.dumps({"id": name, **info, "rows": len(table), "versions": versions()}, indent=2, ensure_ascii=False)
    write_text(paths[1], text + "\n")
    if figure is not None:
        for suffix, options in ((".pdf", {"metadata": {"CreationDate": None}}), (".png", {})):
            path = folder / f"{name}{suffix}"
            with new_file(path) as stream:
                figure.savefig(stream, format=suffix[1:], **options)  # type: ignore[arg-type]
            paths.append(path)
    return paths
