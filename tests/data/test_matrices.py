"""Files of matrices: what scipy reads of whole ones, one line for damaged ones."""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.io import loadmat, savemat

from sim.data import DataError
from sim.data._interactions import Raw
from sim.data._matrices import from_matrix, read_mat, read_npz

DENSE = np.array([[0, 5, 0, 1], [2, 0, 0, 0], [0, 3, 0, 4]])


@pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "u1", "i8", "bool"])
@pytest.mark.parametrize("compress", [False, True])
def test_mat_files_as_scipy_reads_them(dtype: str, compress: bool, tmp_path: Path) -> None:
    matrix = sp.csc_matrix(DENSE.astype(dtype))
    others = {"number": 1.5, "text": "words", "record": {"a": 1}, "cell": np.array([1, "b"], object), "z": 1 + 2j}
    savemat(path := tmp_path / "m.mat", {**others, "data": matrix}, do_compression=compress)
    found, expected = read_mat(path, "m"), loadmat(path)["data"]
    for part in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(found, part), getattr(expected, part))
    assert found.shape == expected.shape


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("family", ["matrix", "array"])
def test_npz_files_as_scipy_reads_them(kind: str, family: str, tmp_path: Path) -> None:
    for compress in (False, True):
        sp.save_npz(path := tmp_path / "m.npz", getattr(sp, f"{kind}_{family}")(DENSE), compressed=compress)
        assert np.array_equal(read_npz(path, "m").toarray(), DENSE)


def mat(*elements: tuple[int, bytes], order: str = "<", packed: bool = False) -> bytes:
    """A .mat file of one variable with these elements."""

    def one(kind: int, content: bytes) -> bytes:
        return struct.pack(order + "II", kind, len(content)) + content + b"\0" * (-len(content) % 8)

    variable = one(14, b"".join(one(*e) for e in elements))
    if packed:
        squeezed = zlib.compress(variable)
        variable = struct.pack(order + "II", 15, len(squeezed)) + squeezed
    mark = b"IM" if order == "<" else b"MI"
    return b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(order + "H", 0x0100) + mark + variable


def parts(order: str = "<", **changed: tuple[int, bytes]) -> list[tuple[int, bytes]]:
    """The elements of a sparse 3 x 2 matrix with entries (0, 0) = 7, (2, 1) = 8."""
    whole = {
        "flags": (6, struct.pack(order + "II", 5, 2)), "shape": (5, struct.pack(order + "ii", 3, 2)),
        "name": (1, b"data"), "rows": (5, struct.pack(order + "ii", 0, 2)),
        "pointers": (5, struct.pack(order + "iii", 0, 1, 2)), "values": (9, struct.pack(order + "dd", 7, 8)),
    }  # fmt: skip
    return [*(whole | changed).values()]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packed", [False, True])
def test_both_orders_of_bytes(order: str, packed: bool, tmp_path: Path) -> None:
    (path := tmp_path / "m.mat").write_bytes(mat(*parts(order), order=order, packed=packed))
    assert read_mat(path, "m").toarray().tolist() == [[7, 0], [0, 0], [0, 8]]


def numbers(*values: int) -> tuple[int, bytes]:
    return 5, struct.pack(f"<{len(values)}i", *values)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"rows": numbers(0, 3)}, "indices in 0..3, not 0..2"),
        ({"rows": numbers(-1, 2)}, "indices in -1..2"),
        ({"pointers": numbers(0, 1, 2**31 - 1)}, "entries by its pointers"),
        ({"pointers": numbers(0, 1, -7)}, "entries by its pointers"),
        ({"pointers": numbers(0, 3, 2)}, "do not ascend|broken|index"),
        ({"pointers": numbers(0, 2)}, "pointer"),
        ({"shape": numbers(3, 2, 2)}, "no two sizes"),
        ({"shape": numbers(-3, 2)}, "no two sizes"),
        ({"rows": (9, struct.pack("<dd", 0, 2))}, "no integers"),
        ({"values": (9, b"\0" * 12)}, "lacks a part"),
        ({"values": (77, b"\0" * 16)}, "lacks a part"),
        ({"flags": (6, struct.pack("<II", 5 | 0x800, 2))}, "complex"),
        ({"flags": (6, struct.pack("<I", 5))}, "no flags"),
    ],
)
def test_a_mat_file_that_lies_is_one_line(
    changed: dict[str, tuple[int, bytes]], says: str, packed: bool, tmp_path: Path
) -> None:
    (path := tmp_path / "m.mat").write_bytes(mat(*parts(**changed), packed=packed))
    with pytest.raises(DataError, match=f"m.mat is not a readable .mat file: .*({says})") as error:
        read_mat(path, "m")
    assert "\n" not in str(error.value)


def test_rows_without_end_are_refused_before_labels_are_made(tmp_path: Path) -> None:
    (path := tmp_path / "m.mat").write_bytes(mat(*parts(shape=numbers(2**31 - 1, 2))))
    with pytest.raises(DataError, match=r"must have at most 8,388,608 rows and columns or 64 for each entry"):
        from_matrix(read_mat(path, "m"), "m")
    few = from_matrix(sp.csr_matrix(([1.0], ([10**6], [0])), shape=(2 * 10**6, 1)), "few")
    assert isinstance(few, Raw) and few.users.size == 2 * 10**6


def test_what_would_unfold_beyond_measure_is_refused(tmp_path: Path) -> None:
    head = struct.pack("<II", 14, 2**32 - 8)
    packed = zlib.compress(head + bytes(2**16))
    start = mat()[:128]
    (path := tmp_path / "m.mat").write_bytes(start + struct.pack("<II", 15, len(packed)) + packed)
    with pytest.raises(DataError, match="would unfold to more than 100 times its size"):
        read_mat(path, "m")
    for content, says in (
        (start + struct.pack("<II", 15, 2**31), "ends after the file"),
        (start[:60], "shorter than a header"),
        (bytes(4) + start[4:], "MATLAB 4"),
        (start[:126] + b"XX", "no header"),
        (start + struct.pack("<HH", 1, 9) + b"abcd", "more than 4 bytes"),
    ):
        path.write_bytes(content)
        with pytest.raises(DataError, match=says):
            read_mat(path, "m")


def npy(descr: str, shape: str, content: bytes, start: bytes = b"\x93NUMPY\1\0") -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return start + struct.pack("<H", len(header)) + header + content


@pytest.mark.parametrize(
    ("member", "says"),
    [
        (npy("'<f8'", "(2,)", bytes(8)), "not as long as its header says"),
        (npy("'<f8'", "(4503599627370496,)", bytes(16)), "not as long as its header says"),
        (npy("'|O'", "(2,)", bytes(16)), "not a plain array"),
        (npy("[('a', '<f8')]", "(2,)", bytes(16)), "not a plain array"),
        (npy("'<f8'", "(-2,)", bytes(16)), "not a plain array"),
        (npy("'<f3'", "(2,)", bytes(6)), "data type"),
        (npy("'<f8'", "(2,)", bytes(16), b"\x93NUMPY\7\0"), "no array of numpy"),
        (b"", "no array of numpy"),
    ],
)
def test_an_npz_file_that_lies_is_one_line(member: bytes, says: str, tmp_path: Path) -> None:
    sp.save_npz(path := tmp_path / "m.npz", sp.csr_matrix(DENSE))
    with zipfile.ZipFile(path) as archive:
        whole = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (whole | {"data.npy": member}).items():
            archive.writestr(name, content)
    with pytest.raises(DataError, match=f"m.npz is not a scipy.sparse .npz file: .*{says}") as error:
        read_npz(path, "m")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"indices": np.array([1, 3, 0, 1, 9])}, "indices in 0..9, not 0..3"),
        ({"indptr": np.array([0, 2, 1, 5])}, "do not ascend|index pointer"),
        ({"indptr": np.array([0, 2, 3, 99])}, "index|entries"),
        ({"shape": np.array([3, 2])}, "indices in"),
        ({"shape": np.array([3, -4])}, "shape|dimension|negative"),
        ({"shape": np.array([3.0, 4.0])}, "two integers"),
        ({"format": np.array("lil")}, "format 'lil'"),
        ({"format": np.array("csr\n" * 200)}, "format 'csr"),
        ({"indices": np.zeros(5)}, "indices integers"),
        ({"extra": np.array({"a": 1}, dtype=object)}, "not a plain array"),
    ],
)
def test_parts_that_do_not_fit_are_one_line(changed: dict[str, np.ndarray], says: str, tmp_path: Path) -> None:
    matrix = sp.csr_matrix(DENSE)
    whole = {"format": np.array("csr"), "shape": np.array(matrix.shape)}
    whole |= {name: getattr(matrix, name) for name in ("data", "indices", "indptr")}
    np.savez(path := tmp_path / "m.npz", **(whole | changed))
    with pytest.raises(DataError, match=f"m.npz is not a scipy.sparse .npz file: .*({says})") as error:
        read_npz(path, "m")
    assert "\n" not in str(error.value)
