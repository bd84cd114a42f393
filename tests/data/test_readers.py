"""A user's own files: tables and matrices of every accepted kind, and what is refused."""

from __future__ import annotations

import gzip
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from scipy.io import savemat

from sim import data

ROWS = [("u2", "b"), ("u1", "a"), ("u1", "b"), ("u2", "a"), ("u2", "c")]


def _write(path: Path, rows: list[tuple[object, ...]], separator: str, header: str = "") -> Path:
    text = (header + "\n" if header else "") + "\n".join(separator.join(map(str, row)) for row in rows) + "\n"
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, encoding="utf-8")
    return path


def _everything(loaded: data.Dataset) -> set[tuple[str, str]]:
    both = (loaded.fit + loaded.test).tocoo()
    return {(str(loaded.users[u]), str(loaded.items[i])) for u, i in zip(both.row, both.col)}


@pytest.mark.parametrize(
    ("file", "separator", "header"),
    [
        ("a.csv", ",", "user,item"),
        ("a.csv", ",", ""),
        ("a.csv", ";", '"userId";"movieId"'),
        ("a.csv", ",", "\ufeffUser,Item"),
        ("a.tsv", "\t", "user_id:token\titem_id:token"),
        ("a.inter", "\t", "user_id:token\titem_id:token"),
        ("a.dat", "::", ""),
        ("a.txt", " ", ""),
        ("a.csv.gz", ",", "user,item"),
    ],
)
def test_text_tables(file: str, separator: str, header: str, tmp_path: Path) -> None:
    loaded = data.load(_write(tmp_path / file, ROWS, separator, header), seed=3)
    assert _everything(loaded) == set(ROWS)
    assert loaded.users.tolist() == ["u1", "u2"] and loaded.items.tolist() == ["a", "b", "c"]
    assert loaded.name == file
    # the cached second reading is the same
    assert data.load(tmp_path / file, seed=3).sha256 == loaded.sha256


def test_order_of_rows_does_not_matter(tmp_path: Path) -> None:
    one = data.load(_write(tmp_path / "one.csv", ROWS, ",", "user,item"))
    two = data.load(_write(tmp_path / "two.csv", ROWS[::-1], ",", "user,item"))
    assert one.sha256 == two.sha256


def test_parquet_and_pairs_give_the_same(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'parquet'")
    frame = pd.DataFrame({"item": [r[1] for r in ROWS], "user": [r[0] for r in ROWS], "rating": [5, 4, 3, 4, 5]})
    frame.to_parquet(tmp_path / "a.parquet")
    loaded = data.load(tmp_path / "a.parquet", min_rating=4)
    assert loaded.stats()["below_min_rating"] == 1 and ("u1", "b") not in _everything(loaded)
    same = data.from_pairs(frame["user"], frame["item"], rating=frame["rating"], min_rating=4)
    assert same.sha256 == loaded.sha256


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1")

    def missing(*args: object, **kwargs: object) -> None:
        raise ImportError("Unable to find a usable engine\nA suitable version of pyarrow ...")

    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(data.DataError, match=r"needs pyarrow: pip install 'hns-opauc\[parquet\]'"):
        data.load(tmp_path / "a.parquet")


def test_integer_ids_are_sorted_as_numbers(tmp_path: Path) -> None:
    rows = [(10, 7), (9, 7), (9, 100), (10, 100)]
    loaded = data.load(_write(tmp_path / "a.csv", rows, ","))
    assert loaded.users.tolist() == [9, 10] and loaded.items.tolist() == [7, 100]
    assert loaded.users.dtype == np.int64


def test_ids_with_leading_zeros_stay_apart(tmp_path: Path) -> None:
    loaded = data.load(_write(tmp_path / "a.csv", [("1", "x"), ("01", "x"), ("NA", "x"), ("ü", "x")], ","))
    assert loaded.users.tolist() == ["01", "1", "NA", "ü"]
    digits = data.load(_write(tmp_path / "b.csv", [("1", "5"), ("01", "5"), ("1", "05")], ","))
    assert digits.users.tolist() == ["01", "1"] and digits.items.tolist() == ["05", "5"]


def test_duplicates_are_merged_at_their_earliest_time() -> None:
    loaded = data.from_pairs(
        ["a", "a", "a", "b", "b"], [1, 1, 2, 1, 1], time=[9, 1, 5, 3, 2], split="temporal", test_fraction=0.3,
        valid_fraction=0,
    )  # fmt: skip
    assert loaded.stats()["duplicates"] == 2 and loaded.stats()["pairs"] == 3
    # pairs (a,1) at 1, (b,1) at 2, (a,2) at 5: the last is test
    assert loaded.test.nnz == 1 and loaded.test[0, 1] == 1


def test_columns_by_name_and_by_position(tmp_path: Path) -> None:
    named = _write(tmp_path / "n.csv", [("x", *r) for r in ROWS], ",", "shop,customer,sku")
    assert _everything(data.load(named, columns={"user": "customer", "item": "sku"})) == set(ROWS)
    bare = _write(tmp_path / "b.csv", [(r[1], 17, r[0]) for r in ROWS], ",")
    assert _everything(data.load(bare, columns={"user": 2, "item": 0, "time": 1})) == set(ROWS)


def test_dates_are_times(tmp_path: Path) -> None:
    rows = [("u", f"i{d}", 5, f"2020-01-{d:02d}T00:00:00Z") for d in range(1, 11)]
    loaded = data.load(_write(tmp_path / "a.csv", rows, ",", "user,item,rating,date"), split="temporal")
    assert sorted(loaded.items[loaded.test.indices]) == ["i10", "i9"]
    assert sorted(loaded.items[loaded.valid.indices]) == ["i8"]


@pytest.mark.parametrize(
    ("header", "rows", "message"),
    [
        (
            "customer,sku",
            [("a", 3)],
            "looks like a header, but names no user and no item; .* give columns=",
        ),
        ("customer,sku,stars", [("a", "b", 3)], "has no user column; it has .*: rename it, or say which with columns="),
        ("user,sku", [("a", "b")], "has no item column; it has"),
        ("item,stars", [("a", 3)], "has no user column; it has"),
        ("user,uid,item", [("a", "b", "c")], "must have one user column"),
        ("", [("only",)], "must have columns user, item"),
        ("user,item", [], "is empty: it has no rows"),
        ("user,item", [("a", "b"), ("", "b")], "1 rows with no user id, the first is data row 2"),
        ("user,item", [("a", ""), ("a", "b")], "1 rows with no item id, the first is data row 1"),
        (
            "user,item,rating",
            [("a", "b", 3), ("a", "c", "good")],
            "1 ratings that are no finite .* is 'good' in data row 2",
        ),
        ("user,item,rating", [("a", "b", 3), ("a", "c", "")], "1 rows with no rating, the first is data row 2"),
        (
            "user,item,rating",
            [("a", "b", "inf"), ("a", "c", 2)],
            "1 ratings that are not finite, .* 'inf' in data row 1",
        ),
        (
            "user,item,time",
            [("a", "b", "noon"), ("a", "c", "2020-01-01")],
            "neither all numbers nor all ISO .* is 'noon'",
        ),
        (
            "",
            [("a", "b"), ("a", "b", "c", "d")],
            "1 rows do not have .* 2 fields, the first has 4 in line 2",
        ),
        ("user,item", [("a", "b", "c")] * 3, "3 rows do not have the first row's 2 fields, the first has 3 in line 2"),
    ],
)
def test_bad_tables(header: str, rows: list[tuple[object, ...]], message: str, tmp_path: Path) -> None:
    with pytest.raises(data.DataError, match=message) as caught:
        data.load(_write(tmp_path / "bad.csv", rows, ",", header))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet", ".npz", ".mat", ".zip"])
def test_empty_and_garbage_files(suffix: str, tmp_path: Path) -> None:
    empty, garbage = tmp_path / f"empty{suffix}", tmp_path / f"garbage{suffix}"
    empty.write_bytes(b"")
    garbage.write_bytes(b"\xff\xfe\x00garbage, \x8c\xfa\x00\x01" * 20)
    with pytest.raises(data.DataError, match="is empty: it has 0 bytes"):
        data.load(empty)
    with pytest.raises(data.DataError, match="garbage") as caught:
        data.load(garbage)
    assert "\n" not in str(caught.value)


def test_truncated_matrix_files(tmp_path: Path) -> None:
    matrix = sp.random(50, 40, density=0.5, format="csr", random_state=np.random.default_rng(1))
    sp.save_npz(tmp_path / "whole.npz", matrix)
    savemat(tmp_path / "whole.mat", {"data": matrix.tocsc()}, do_compression=True)
    for suffix in (".npz", ".mat"):
        whole = (tmp_path / f"whole{suffix}").read_bytes()
        (tmp_path / f"half{suffix}").write_bytes(whole[: len(whole) // 2])
        with pytest.raises(data.DataError, match="is not a"):
            data.load(tmp_path / f"half{suffix}")
        assert data.load(tmp_path / f"whole{suffix}").shape == (50, 40)


def test_npz_with_pickled_content_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "evil.npz", format=np.array({"a": 1}, dtype=object))
    with pytest.raises(data.DataError, match=r"is not a scipy\.sparse"):
        data.load(tmp_path / "evil.npz")


def test_matrices_and_their_empty_rows(tmp_path: Path) -> None:
    dense = np.zeros((5, 6))
    dense[0, :4] = 1
    dense[3, 1:6] = 2
    dense[4, 0] = 5
    matrix = sp.csr_matrix(dense)
    sp.save_npz(tmp_path / "m.npz", matrix)
    savemat(tmp_path / "m.mat", {"whatever": matrix.tocsc(), "note": "text"})
    for loaded in (data.load(tmp_path / "m.npz"), data.load(tmp_path / "m.mat"), data.from_csr(dense)):
        assert loaded.users.tolist() == [0, 3, 4] and loaded.stats()["dropped_users"] == 2
        assert loaded.items.tolist() == [0, 1, 2, 3, 4, 5]
    rated = data.from_csr(matrix, min_rating=2)
    assert rated.users.tolist() == [3, 4] and rated.stats()["below_min_rating"] == 4


def test_stored_zeros_are_not_pairs() -> None:
    matrix = sp.csr_matrix(np.ones((2, 3)))
    matrix.data[0] = 0.0
    assert data.from_csr(matrix).stats()["pairs"] == 5


@pytest.mark.parametrize(
    ("value", "message"),
    [(np.nan, "must be finite, got 1 NaN"), (np.inf, "must be finite"), (-1.0, "entries >= 0, got 1 negative")],
)
def test_bad_values_in_a_matrix(value: float, message: str, tmp_path: Path) -> None:
    dense = np.ones((3, 4))
    dense[1, 2] = value
    sp.save_npz(tmp_path / "bad.npz", sp.csr_matrix(dense))
    with pytest.raises(data.DataError, match=message):
        data.load(tmp_path / "bad.npz")


def test_other_bad_matrices(tmp_path: Path) -> None:
    with pytest.raises(data.DataError, match="is empty: a 2 x 3 matrix"):
        data.from_csr(np.zeros((2, 3)))
    with pytest.raises(data.DataError, match="must hold real numbers, got complex128"):
        data.from_csr(np.ones((2, 3)) * 1j)
    savemat(tmp_path / "two.mat", {"a": sp.csc_matrix(np.eye(2)), "b": sp.csc_matrix(np.eye(2))})
    with pytest.raises(data.DataError, match=r"one sparse matrix, or one named 'data'; it has \['a', 'b'\]"):
        data.load(tmp_path / "two.mat")
    (tmp_path / "new.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF\r\n\x1a\n" * 30)
    with pytest.raises(data.DataError, match="HDF5"):
        data.load(tmp_path / "new.mat")


def _zip(path: Path, **members: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(f"{name}.tsv", text)
    return path


def test_zip_with_its_own_split(tmp_path: Path) -> None:
    head = "user_procid\titem_procid\n"
    path = _zip(
        tmp_path / "proc.zip",
        train=head + "0\t0\n0\t1\n1\t1\n1\t2\n",
        test=head + "0\t2\n1\t0\n1\t1\n2\t0\n",  # (1,1) is in train too; user 2 has no train pair
        user_list="user_orgid\tuser_procid\n007\t0\nbob\t1\neve\t2\n",
        item_list="item_orgid\titem_procid\nx\t2\ny\t1\nz\t0\n",
    )
    loaded = data.load(path)
    assert loaded.users.tolist() == ["007", "bob"] and loaded.items.tolist() == ["z", "y", "x"]
    assert loaded.fit.toarray().tolist() == [[1, 1, 0], [0, 1, 1]]
    assert loaded.test.toarray().tolist() == [[0, 0, 1], [1, 0, 0]]
    stats = loaded.stats()
    assert (stats["duplicates"], stats["untrained_users"], stats["untrained_pairs"]) == (1, 1, 1)
    assert "own" in loaded.split and "random" in data.load(path, split="random").split


def test_bad_zips(tmp_path: Path) -> None:
    with pytest.raises(data.DataError, match=r"test\.tsv is missing"):
        data.load(_zip(tmp_path / "a.zip", train="u\ti\n0\t0\n"))
    with pytest.raises(data.DataError, match="train.tsv of b.zip: it has one column"):
        data.load(_zip(tmp_path / "b.zip", train="u\n0\n", test="u\n0\n"))
    with pytest.raises(data.DataError, match="train.tsv of c.zip is empty"):
        data.load(_zip(tmp_path / "c.zip", train="", test=""))
    with pytest.raises(data.DataError, match="lacks some of the ids"):
        data.load(_zip(tmp_path / "d.zip", train="u\ti\n0\t0\n", test="u\ti\n0\t1\n", item_list="o\tp\nx\t0\n"))


def test_names_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such file"):
        data.load(tmp_path / "missing.csv")
    with pytest.raises(ValueError, match="it is a folder"):
        data.load(tmp_path)
    with pytest.raises(TypeError, match="name must be a str or a path, got int"):
        data.load(100)  # type: ignore[arg-type]
    (tmp_path / "a.xlsx").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"must end in one of \.csv, .* got 'a\.xlsx'"):
        data.load(tmp_path / "a.xlsx")


def test_bad_columns(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", ROWS, ",", "user,item")
    for columns in ({"user": "user"}, {"user": "user", "item": 1}, {"user": "user", "item": "item", "colour": "x"}):
        with pytest.raises(ValueError, match="columns must map 'user', 'item'"):
            data.load(path, columns=columns)
    with pytest.raises(data.DataError, match="has no column 'sku'; it has"):
        data.load(path, columns={"user": "user", "item": "sku"})
    with pytest.raises(ValueError, match="columns must be None for the registered"):
        data.load("ml-100k", columns={"user": "user", "item": "item"})
    sp.save_npz(tmp_path / "m.npz", sp.csr_matrix(np.eye(2)))
    with pytest.raises(ValueError, match="only tables have columns"):
        data.load(tmp_path / "m.npz", columns={"user": "user", "item": "item"})


def test_pairs_are_checked() -> None:
    with pytest.raises(ValueError, match="items must be as long as users, 2, got 1"):
        data.from_pairs([1, 2], [1])
    with pytest.raises(data.DataError, match="is empty: no pairs"):
        data.from_pairs([], [])
    with pytest.raises(data.DataError, match="1 rows with no rating, the first is data row 2"):
        data.from_pairs([1, 2], [1, 2], rating=[1.0, np.nan])
    with pytest.raises(data.DataError, match="1 rows with no user id"):
        data.from_pairs(["a", None], [1, 2])


def test_reading_does_not_import_pandas_when_cached(tmp_path: Path) -> None:
    import subprocess

    path = _write(tmp_path / "a.csv", ROWS, ",", "user,item")
    data.load(path)
    code = f"import sys; from sim import data; data.load({str(path)!r}); sys.exit('pandas' in sys.modules)"
    root = Path(data.__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
