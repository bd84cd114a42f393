"""Text files: one dialect for header and rows, held by all lines; what cannot be told is an error."""

from __future__ import annotations

import csv
import gzip
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim import data
from sim.data._dialect import find_layout
from sim.data._tables import parse
from sim.data._text import Dialect, Options, fields


def _pairs(path: Path, text: str, **options: object) -> set[tuple[object, object]]:
    path.write_bytes(text.encode())
    loaded = data.load(path, test_fraction=0.0, valid_fraction=0.0, **options)  # type: ignore[arg-type]
    user, item = loaded.train.nonzero()
    return set(zip(loaded.users[user].tolist(), loaded.items[item].tolist()))


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ('"title, year",user,item,note\n"Jaws, 1975",1,2,x\n"Alien, 1979",1,3,y\n', {(1, 2), (1, 3)}),
        ('"Smith, J",42\n"Smith, J",43\n', {("Smith, J", 42), ("Smith, J", 43)}),
        ('user;item\n"a;b";"say ""x"""\n"c";d\n', {("a;b", 'say "x"'), ("c", "d")}),
        ("u,i,5,2020-01-01 10:00:00\nu,j,4,2020-01-02 11:00:00\n", {("u", "i"), ("u", "j")}),
        ("1;10;2,5\n2;11;3,0\n", None),  # decimal commas are no numbers, but not a separator either
        ("John Smith,42\nJane Roe,43\n", {("John Smith", 42), ("Jane Roe", 43)}),
        ('1\t"Weird Al" Yankovic\n2\t"Queen\n', {(1, '"Weird Al" Yankovic'), (2, '"Queen')}),
        ('1\t"two\n2\trows"\n', {(1, '"two'), (2, 'rows"')}),
        ('user,item,text\n1,2,"a\nb"\n1,3,"c"\n', {(1, 2), (1, 3)}),
        ("1::Toy Story (1995)::Animation|Comedy\n".replace("Animation|Comedy", "3"), {(1, "Toy Story (1995)")}),
        ("1  10\n 2\t11 \n\n3 12", {(1, 10), (2, 11), (3, 12)}),
        ("\n\nuser,item\r\n1,2\r\n3,4", {(1, 2), (3, 4)}),
        ("user,item\r1,2\r3,4\r", {(1, 2), (3, 4)}),
        (",user,item\n0,7,8\n1,7,9\n", {(7, 8), (7, 9)}),
        ("user_id:token\titem_id:token\na\tx y\n", {("a", "x y")}),
    ],
)  # fmt: skip
def test_one_dialect_for_header_and_rows(text: str, pairs: object, tmp_path: Path) -> None:
    if pairs is None:
        with pytest.raises(data.DataError, match="2 ratings that are no finite number, the first is '2,5'"):
            _pairs(tmp_path / "a.txt", text)
    else:
        assert _pairs(tmp_path / "a.txt", text) == pairs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("member,product\nann,tea\nbob,milk\n", "first row may be a header or data; .*'member', 'product'.*columns="),
        ("member,product\n1,2\n3,4\n", "looks like a header, but names no user and no item; .*--columns"),
        ("member product\nann tea\n", r"read as \['member', 'product'\] and \['ann', 'tea'\]: give columns="),
        ("1,a|b\n2,c|d\n", r"its separator may be ',' or '\|'; .*separator= \(--separator\)"),
        ("u 1,5\nv 2,5\n", "its separator may be ',' or ' '"),
        ("(0,25)\t1064\t174\t2791\t33\n(1,7)\t12\t90\t41\t8\n", "5 columns and no header .*format='adjacency'"),
        ("(0,25)\t1064\t174\t2791\n(1,7)\t12\t90\t41\n", "may be user, item, rating, time or user and items"),
        ("0 11 12\n1 21 22\n", "may be user, item, rating, time or user and items; .*--format"),
        ("alone\nlonely\n", "show no separator: give separator="),
        ("user,item\n1,2\n3\n4,5\n6,7,8\n", "2 rows do not have the first row's 2 fields, the first has 1 in line 3"),
        ('user,item\n"1",2\n"3"x,4\n', "1 fields go on behind their closing quote, the first in line 3"),
        ('user,item\n"1",2\n"3,4\n', "a quoted field has no end"),
        ('user,item\n1,"2\n3",4\n', "1 rows do not have the first row's 2 fields, the first has 3 in line 2"),
        ('user;item\n5;7\n"1;2\n3;4";6\n', "user ids with a line end in them"),
        ("user,item\n1,2\nuser,item\n2,3\nuser,item\n3,4\n", "2 rows that repeat its header, .* data row 2"),
        ('user,item,n\n1,"a\nb",x\n2,c,y\n', "1 item ids with a line end in them"),
        ("user,item\na\x00,2\na,3\n", "holds a NUL at byte 11"),
        ("user,item\n", "is empty: it has no rows below its header"),
        (" \n\n", "is empty: it has no rows"),
        ("user,item,rating,time\n,2,x,noon\n1,,3,5\n", "no user id.*; 1 rows with no item id|1 ratings that"),
        ("user,item\na,1\n" + "b" * 1001 + ",2\n", "1 user ids of more than 1,000 characters"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_one_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(data.DataError, match=message) as caught:
        _pairs(tmp_path / "a.csv", text)
    assert "\n" not in str(caught.value) and str(caught.value).count("a.csv") == 1


def test_all_problems_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    text = "user,item,rating,time\n,2,5,1\n1,,x,2\n1,3,,\n1,4,y,2020-01-01\n"
    with pytest.raises(data.DataError) as caught:
        _pairs(tmp_path / "a.csv", text)
    for problem in ("1 rows with no user id", "1 rows with no item id", "2 ratings that are no finite number",
                    "1 rows with no rating", "1 rows with no time", "1 times that are no"):  # fmt: skip
        assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("text", "options", "pairs"),
    [
        ("member,product\nann,tea\n", {"columns": {"user": "member", "item": "product"}}, {("ann", "tea")}),
        ("ann,tea\nbob,milk\n", {"columns": {"user": 0, "item": 1}}, {("ann", "tea"), ("bob", "milk")}),
        ("1,a|b\n2,c|d\n", {"separator": ","}, {(1, "a|b"), (2, "c|d")}),
        ("0 11 12\n1 21 22\n", {"format": "adjacency"}, {(0, 11), (0, 12), (1, 21), (1, 22)}),
        ("0 11 12\n1 21 22\n", {"format": "table"}, {(0, 11), (1, 21)}),
        ("a->b\na->c\n", {"separator": "->"}, {("a", "b"), ("a", "c")}),
        ("a,x;y\nb,z\n", {"format": "adjacency", "separator": ","}, {("a", "x;y"), ("b", "z")}),
        ("1\t2\n1\t3\n", {"separator": "tab"}, {(1, 2), (1, 3)}),
    ],
)  # fmt: skip
def test_an_option_settles_it(text: str, options: dict[str, object], pairs: object, tmp_path: Path) -> None:
    assert _pairs(tmp_path / "a.txt", text, **options) == pairs


def test_lists_of_items(tmp_path: Path) -> None:
    path = tmp_path / "train.txt"
    lists = {(0, 11), (0, 12), (0, 13), (1, 21), (2, 11), (2, 31), (0, 14)}
    assert _pairs(path, "0 11 12 13 \n1 21\n2 11 31\n3\n0 14 11\n") == lists  # a user twice, one without items
    assert data.load(path).stats()["duplicates"] == 1 and data.load(path).stats()["dropped_users"] == 1
    assert _pairs(path, "a\tx\ty\nb\tz\n", format="adjacency") == {("a", "x"), ("a", "y"), ("b", "z")}
    with pytest.raises(data.DataError, match="its first line is no user and items; .*: take it out"):
        _pairs(path, "org_id remap_id\n0 1 2\n1 2\n", format="adjacency")
    with pytest.raises(data.DataError, match="rows do not have"):  # a table with a broken row is no list
        _pairs(path, "".join(f"{u} {i} 3\n" for u in range(5) for i in range(5)) + "5 6\n")
    with pytest.raises(ValueError, match="columns must be None for format='adjacency'"):
        data.load(path, format="adjacency", columns={"user": 0, "item": 1})


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"format": "csv"}, "format must be one of 'table', 'adjacency', got 'csv'"),
        ({"separator": "x"}, "separator must be 'tab', 'space' or a text without letters"),
        ({"separator": ""}, "separator must be"),
        ({"separator": '"'}, "separator must be"),
        ({"columns": {"user": -1, "item": 0}}, "columns must map"),
        ({"columns": "user"}, "columns must map"),
    ],
)
def test_options_are_checked(option: dict[str, object], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        _pairs(tmp_path / "a.csv", "1,2\n", **option)
    np.savez(tmp_path / "m.npz", a=1)
    with pytest.raises(ValueError, match="must be None for 'm.npz'|must|columns"):
        data.load(tmp_path / "m.npz", **option)  # type: ignore[arg-type]
    with pytest.raises(ValueError):
        data.load("ml-100k", **option)  # type: ignore[arg-type]


_cells = st.text(st.sampled_from('ab1 ,;"\n\r'), max_size=6)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(_cells, _cells, _cells), min_size=1, max_size=6), st.sampled_from(",;|\t"))
def test_records_and_fields_are_those_of_the_csv_module(rows: list[tuple[str, ...]], separator: str) -> None:
    """What the csv module writes, our scanner and the table parser read alike."""
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=separator, quoting=csv.QUOTE_ALL).writerows(rows)
    content = out.getvalue().encode()
    dialect = Dialect(separator, True)
    number, texts, found = fields(content, dialect)
    assert (found.records, found.misfits, found.strays, found.unclosed) == (len(rows), 0, 0, False)
    assert [dialect.plain(text) for text in texts] == [cell.strip() for row in rows for cell in row]
    assert number.tolist() == np.repeat(np.arange(len(rows)), 3).tolist()


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from('ab1 ,;"\t\n\r'), max_size=40))
def test_a_table_is_read_as_it_was_surveyed_or_refused(text: str) -> None:
    content = ("user,item\n" + text).encode()
    try:
        layout = find_layout(content, "x", Options(separator=",", columns={"user": "user", "item": "item"}))
        frame = parse(layout, {"user": 0, "item": 1}, "x")
    except data.DataError as error:
        assert "\n" not in str(error)
        return
    _, texts, _ = fields(layout.content, layout.dialect)
    expected = [layout.dialect.plain(field) for field in texts[2:]]
    read = frame[["user", "item"]].fillna("").to_numpy().ravel().tolist()
    assert [cell.strip() for cell in read] == expected


def test_damaged_containers(tmp_path: Path) -> None:
    packed = gzip.compress(b"user,item\n" + b"".join(b"%d,%d\n" % (u, u % 7) for u in range(200)))
    rng = np.random.default_rng(23)
    for _ in range(60):
        broken = bytearray(packed)
        broken[rng.integers(len(broken))] ^= 1 << rng.integers(8)
        (tmp_path / "a.csv.gz").write_bytes(broken)
        try:
            data.load(tmp_path / "a.csv.gz")
        except data.DataError as error:
            assert "\n" not in str(error)
    with pytest.raises(data.DataError, match="UTF-16"):
        (tmp_path / "b.csv").write_bytes("user,item\n1,2\n".encode("utf-16"))
        data.load(tmp_path / "b.csv")
    assert _pairs(tmp_path / "C.CSV", "user,item\n1,2\n") == {(1, 2)}
    (tmp_path / "D.CSV.GZ").write_bytes(gzip.compress(b"user,item\n1,2\n"))
    assert data.load(tmp_path / "D.CSV.GZ").users.tolist() == [1]


@pytest.mark.parametrize(("offset", "value"), [(8, 99), (6, 1)])  # the method; the flag of encryption
def test_zip_of_an_unknown_method_or_encrypted(offset: int, value: int, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for member in ("train.tsv", "test.tsv"):
            archive.writestr(member, "user\titem\n1\t2\n")
    content = bytearray(out.getvalue())
    place = content.index(b"PK\x03\x04")
    while place >= 0:
        struct.pack_into("<H", content, place + offset, value)
        place = content.find(b"PK\x03\x04", place + 4)
    place = content.index(b"PK\x01\x02")
    while place >= 0:
        struct.pack_into("<H", content, place + offset + 2, value)
        place = content.find(b"PK\x01\x02", place + 4)
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(data.DataError, match="not a readable zip of tables .*(method|encrypted)"):
        data.load(tmp_path / "a.zip")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"user_list": "o\n7\n"}, "user_list.tsv of a.zip: it has one column"),
        ({"user_list": "o\tu\nx\t0\ny\t0\n"}, "user_list.tsv of a.zip has 1 running ids twice"),
        ({"user_list": "o\tu\nx\t0\nx\t1\n"}, "user_list.tsv of a.zip has 1 original ids twice"),
        ({"user_list": "o\tu\nx\t5\n"}, "lacks some of the ids"),
        ({"test": "u\ti\n0\t1\t2\n"}, "test.tsv of a.zip: 1 rows do not have the first row's 2 fields"),
        ({"train": "alice\ttea\nbob\tmilk\n"}, "may be a header or data"),
    ],
)
def test_bad_members_of_a_zip(members: dict[str, str], message: str, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for member, text in {"train": "u\ti\n0\t0\n1\t1\n", "test": "u\ti\n0\t1\n", **members}.items():
            archive.writestr(f"{member}.tsv", text)
    with pytest.raises(data.DataError, match=message):
        data.load(tmp_path / "a.zip")


def test_zip_without_a_header_loses_no_pair(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("train.tsv", "0\t0\n1\t1\n")
        archive.writestr("test.tsv", "0\t1\n")
    assert data.load(tmp_path / "a.zip").stats()["pairs"] == 3
