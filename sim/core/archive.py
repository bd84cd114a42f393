"""Reading .npz files that may be damaged or hostile: every size is checked before memory is asked for.

numpy and scipy believe the headers inside the file: a changed byte there asks for petabytes, or
gives arrays that end a kernel in a signal. Here an archive is first checked as a whole, then each
array's header against its member.
"""

from __future__ import annotations

import math
import os
import re
import stat
import zipfile
from collections.abc import Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .files import open_plain

__all__ = ["UNFOLDED", "check_plain", "read_arrays"]

UNFOLDED = (1 << 30, 100)
"""Compressed content may have so many bytes, or be so many times as large as its file."""

_HEADER = re.compile(
    r"\{\s*'descr':\s*'([<>|=][biufcSU]\d{1,9})',\s*'fortran_order':\s*(True|False),\s*"
    r"'shape':\s*\(([\d, ]*)\),?\s*\}\s*"
)
_CHUNK = 1 << 20


def check_plain(path: str | os.PathLike[str]) -> int:
    """Size in bytes of a plain file; ValueError for anything else that can be opened, such as a device or a folder."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is a folder" if stat.S_ISDIR(status.st_mode) else "it is not a plain file")
    return status.st_size


def read_arrays(
    path: str | os.PathLike[str], only: Collection[str] | None = None, *, follow: bool = True
) -> dict[str, NDArray[Any]]:
    """The arrays of an .npz file by name, in the machine's byte order; those named in ``only``, or all.

    Only a plain file is opened, or a link to one if ``follow``. Arrays are of booleans, numbers or strings; nothing in
    the file is executed.

    Raises
    ------
    OSError
        If the file cannot be opened.
    ValueError
        With the reason in one line, if anything about it is not as it should be.
    """
    with open_plain(path, follow=follow) as stream:
        size = os.fstat(stream.fileno()).st_size
        try:
            with zipfile.ZipFile(stream) as archive:
                members = {info.filename.removesuffix(".npy"): info for info in _members(archive, size)}
                return {name: _array(archive, info) for name, info in members.items() if only is None or name in only}
        except ValueError:
            raise
        except Exception as error:  # damage shows in many ways: struct.error, zlib.error, EOFError, RuntimeError ...
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(reason[:1].lower() + reason[1:]) from None


def _members(archive: zipfile.ZipFile, size: int) -> list[zipfile.ZipInfo]:
    """The directory, if what it says can be true of a file of ``size`` bytes."""
    members = archive.infolist()
    if len({info.filename for info in members}) < len(members):
        raise ValueError("two members have one name")
    for info in members:
        if not info.filename.endswith(".npy"):
            raise ValueError(f"{info.filename!r} in it is no array")
        if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"{info.filename!r} is encrypted, or compressed by an unknown method")
        if info.compress_type == zipfile.ZIP_STORED and info.compress_size != info.file_size:
            raise ValueError(f"{info.filename!r} has two sizes")
    if sum(info.compress_size for info in members) > size:
        raise ValueError("its members are larger than the file")
    if sum(info.file_size for info in members) > max(UNFOLDED[0], UNFOLDED[1] * size):
        raise ValueError(f"it would unfold to more than {UNFOLDED[1]} times its size")
    return members


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> NDArray[Any]:
    """One member, whose header must account for all of its bytes; the check sum is looked at in the end."""
    with archive.open(info) as member:
        start = member.read(8)
        if start[:6] != b"\x93NUMPY" or start[6:] not in (b"\1\0", b"\2\0", b"\3\0"):
            raise ValueError(f"{info.filename!r} is no array of numpy's")
        width = 2 if start[6] == 1 else 4
        length = int.from_bytes(member.read(width), "little")
        found = _HEADER.fullmatch(member.read(min(length, 10_000)).decode("latin-1"))
        if found is None:
            raise ValueError(f"{info.filename!r} is not a plain array of numbers or strings")
        dtype, shape = np.dtype(found[1]), tuple(int(n) for n in found[3].replace(" ", "").split(",") if n)
        n_bytes = math.prod(shape) * dtype.itemsize
        if dtype.itemsize == 0 or 8 + width + length + n_bytes != info.file_size:
            raise ValueError(f"{info.filename!r} is not as long as its header says")
        content = np.empty(n_bytes, np.uint8)
        done = 0
        while piece := member.read(_CHUNK):  # to the end, where zipfile compares the check sum
            content[done : done + len(piece)] = np.frombuffer(piece, np.uint8)
            done += len(piece)
        if done != n_bytes:
            raise ValueError(f"{info.filename!r} ends early")
    array = content.view(dtype).reshape(shape, order="F" if found[2] == "True" else "C")
    return array.astype(dtype.newbyteorder("="), copy=False)
