"""A finished figure on disk: PDF, PNG, the tidy CSV behind it, and a JSON that says how it was made."""

from __future__ import annotations

import importlib.metadata
import io
import json
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..core.files import new_file, write_text

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["as_stored", "versions", "write_figure"]


def versions() -> dict[str, str]:
    """Versions of what a result depends on."""
    packages = ("numpy", "numba", "scipy", "pandas", "matplotlib")
    return {
        "hns-opauc": __version__,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
    }


def as_stored(table: pd.DataFrame, zero_below: Mapping[str, float] | None = None) -> pd.DataFrame:
    """The table as its file holds it, with six digits: what is drawn and said follows from the file.

    Parameters
    ----------
    table : DataFrame
    zero_below : mapping of str to float, optional
        Columns to the error of their computation: numbers below it say nothing, and become zero.

    Examples
    --------
    >>> import pandas as pd
    >>> as_stored(pd.DataFrame({"x": [1 / 3, 2e-17]}), {"x": 1e-12}).x.tolist()
    [0.333333, 0.0]
    """
    import pandas as pd

    clean = table.assign(
        **{name: table[name].mask(table[name].abs() < at, 0.0) for name, at in (zero_below or {}).items()}
    )
    return pd.read_csv(io.StringIO(_csv(clean)))


def _csv(table: pd.DataFrame) -> str:
    """Six significant digits, all of whole numbers."""
    whole = {
        name: column.astype("Int64")
        for name, column in table.items()
        if column.dtype.kind == "f" and (column.abs() < 2**53).sum() == column.notna().sum() > 0
        and (column.dropna() % 1 == 0).all()
    }  # fmt: skip
    return table.assign(**whole).to_csv(index=False, float_format="%.6g", lineterminator="\n")


def write_figure(
    folder: Path, name: str, table: pd.DataFrame, figure: Figure | None, info: dict[str, Any]
) -> list[Path]:
    """Write ``name``.csv, .json and, if there is a figure, .pdf and .png under ``folder``; returns the paths.

    The CSV is written with six significant digits; the JSON holds ``info`` (title, caption,
    settings), and under ``run`` what changes from run to run: seconds, versions.
    """
    paths = [folder / f"{name}.csv", folder / f"{name}.json"]
    write_text(paths[0], _csv(table))
    made = {"versions": versions()} | info.get("run", {})
    text = json.dumps({"id": name, **info, "rows": len(table), "run": made}, indent=2, ensure_ascii=False)
    write_text(paths[1], text + "\n")
    if figure is not None:
        for suffix, options in ((".pdf", {"metadata": {"CreationDate": None}}), (".png", {})):
            path = folder / f"{name}{suffix}"
            with new_file(path) as stream:
                figure.savefig(stream, format=suffix[1:], **options)  # type: ignore[arg-type]
            paths.append(path)
    return paths
