"""Missing values are found before any cast; ids, ratings and times are exact or refused."""

from __future__ import annotations

import datetime
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sim import data

_TIME = pd.Series(pd.to_datetime(["2020-01-01", None, "2020-01-03"]))
_MISSING: dict[str, Any] = {
    "None": [1, None, 3],
    "NaN": [1.0, np.nan, 3.0],
    "NaT": _TIME,
    "us": _TIME.astype("datetime64[us]"),
    "s": _TIME.astype("datetime64[s]"),
    "tz": _TIME.dt.tz_localize("Europe/Paris"),
    "timedelta": pd.Series(pd.to_timedelta([1, None, 3], unit="s")),
    "dates": [datetime.date(2020, 1, 1), None, datetime.date(2020, 1, 3)],
    "Int64": pd.array([1, None, 3], dtype="Int64"),
    "pd.NA": [1, pd.NA, 3],
    "masked": np.ma.array([1, 2, 3], mask=[0, 1, 0]),
    "texts": ["1", "", "3"],
    "blank": ["1", "  ", "3"],
    "category": pd.Categorical(["1", None, "3"]),
    "numpy NaT": np.array(["2020-01-01", "NaT", "2020-01-03"], dtype="datetime64[ns]"),
}


@pytest.mark.parametrize("kind", _MISSING)
@pytest.mark.parametrize("role", ["users", "items", "rating", "time"])
def test_a_missing_value_is_refused_in_every_column(kind: str, role: str) -> None:
    columns: dict[str, Any] = {"users": [1, 2, 3], "items": [1, 2, 3], role: _MISSING[kind]}
    name = {"users": "user id", "items": "item id"}.get(role, role)
    with pytest.raises(data.DataError, match=f"1 rows with no {name}, the first is data row 2"):
        data.from_pairs(columns.pop("users"), columns.pop("items"), **columns)


@pytest.mark.parametrize("kind", [k for k in _MISSING if k not in ("masked", "pd.NA")])
@pytest.mark.parametrize("role", ["user", "item", "rating", "time"])
def test_a_missing_value_is_refused_in_parquet(kind: str, role: str, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs the extra 'parquet'")
    frame = pd.DataFrame({"user": [1, 2, 3], "item": [1, 2, 3]}).assign(**{role: _MISSING[kind]})
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(data.DataError, match=f"1 rows with no {role}( id)?, the first is data row 2"):
        data.load(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("ids", "labels"),
    [
        ([2, 1], [1, 2]),
        ([2.0, 1.0], [1, 2]),
        (["2", "1"], [1, 2]),
        ([1, 1.0, np.int8(1), decimal.Decimal(1)], [1]),
        (["1", "1.0", "01"], ["01", "1", "1.0"]),
        ([2**53 + 1, 2**53], [2**53, 2**53 + 1]),
        ([str(2**63 - 1), "5"], [5, 2**63 - 1]),
        ([2**70, 1], ["1", str(2**70)]),
        (np.array([2**64 - 1, 1], dtype=np.uint64), ["1", str(2**64 - 1)]),
        (np.array([200, 1], dtype=np.uint8), [1, 200]),
        ([b"b", b"a"], ["a", "b"]),
        (pd.Categorical([3, 1]), [1, 3]),
        ([" a", "b"], ["a", "b"]),
        (["-0", "0"], ["-0", "0"]),
    ],
)
def test_ids_are_exact(ids: Any, labels: list[Any]) -> None:
    loaded = data.from_pairs(ids, range(len(ids)))
    assert loaded.users.tolist() == labels
    assert loaded.users.dtype.kind == ("U" if isinstance(labels[0], str) else "i")


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([1, "1"], "int and str as user ids: they must be integers or texts"),
        ([True, False], "bool as user ids"),
        (np.array([True, False]), "bool as user ids"),
        ([1.5, 2.0], "1 user ids that are not whole, or too large .* is '1.5' in data row 1"),
        ([2.0**54, 1.0], "1 user ids that are not whole, or too large to be exact"),
        (np.array([2.0**25, 1.0], dtype=np.float32), "1 user ids that are not whole, or too large to be exact"),
        ([np.inf, 1.0], "1 user ids that are not whole"),
        ([decimal.Decimal("1.5"), decimal.Decimal(1)], "1 user ids that are not whole"),
        (np.array([1j, 2j]), "complex128 as user ids"),
        ([[1], [2]], "list as user ids"),
        (["a\0", "a"], "1 user ids that hold a NUL"),
        ([" a", "a"], "1 user ids that differ from others only by blanks"),
        ([b"\xff", b"a"], "bytes as user ids"),
        (pd.to_datetime(["2020", "2021"]), "datetime64.* as user ids|time as user ids"),
    ],
)  # fmt: skip
def test_two_ids_never_become_one(ids: Any, message: str) -> None:
    with pytest.raises(data.DataError, match=message):
        data.from_pairs(ids, [1, 2])


@pytest.mark.parametrize(
    ("rating", "message"),
    [
        ([True, False], "bool as rating: it must be numbers"),
        ([1j, 2], "complex and int as rating"),
        ([2**53 + 1, 2], "1 ratings beyond 2\\^53"),
        (np.array([2**64 - 1, 2], dtype=np.uint64), "1 ratings beyond 2\\^53"),
        ([decimal.Decimal("0.12345678901234567890"), 1], "1 ratings beyond 2\\^53, or with more digits"),
        ([np.inf, 1], "1 ratings that are not finite"),
        (["good", "5"], "1 ratings that are no finite number, the first is 'good' in data row 1"),
        (pd.to_datetime(["2020", "2021"]), "as rating: it must be numbers"),
        ([[1], [2]], "list as rating"),
    ],
)  # fmt: skip
def test_ratings_are_exact_or_refused(rating: Any, message: str) -> None:
    with pytest.raises(data.DataError, match=message):
        data.from_pairs([1, 2], [1, 2], rating=rating)


def test_ratings_of_many_types() -> None:
    for rating in (
        [4, 5],
        ["4", "5.0"],
        [decimal.Decimal("4.5"), 5],
        np.array([4, 5], np.uint8),
        pd.array([4, 5], "Int64"),
    ):
        assert data.from_pairs([1, 2], [1, 2], rating=rating, min_rating=4).stats()["pairs"] == 2


_LATE = 1_577_836_800_000_000_000


@pytest.mark.parametrize(
    "time",
    [
        [_LATE + 1, _LATE, _LATE + 2],  # nanoseconds: floats would tie them
        np.array([_LATE + 1, _LATE, _LATE + 2], dtype="datetime64[ns]"),
        pd.Series(np.array([1, 0, 2], dtype="timedelta64[ns]")),
        pd.to_datetime(["2020-01-02", "2020-01-01", "2020-01-03"]).tz_localize("Asia/Tokyo"),
        [datetime.datetime(2020, 1, 1, second=s) for s in (1, 0, 2)],
        [datetime.timedelta(s) for s in (1, 0, 2)],
        ["2020-01-01T00:00:00.000000002", "2020-01-01", "2020-01-01T00:00:00.000000003"],
        ["2020-01-01T01:00+02:00", "2019-12-31T22:00Z", "2020-01-01"],
        [str(_LATE + 1), str(_LATE), str(_LATE + 2)],
        [0.25, -1.5, 3.0],
    ],
)
def test_times_keep_their_order(time: Any) -> None:
    loaded = data.from_pairs([1, 1, 1], [1, 2, 3], time=time, split="temporal", test_fraction=0.4, valid_fraction=0.4)
    assert [loaded.items[part.indices].tolist() for part in (loaded.train, loaded.valid, loaded.test)] == [
        [2],
        [1],
        [3],
    ]


@pytest.mark.parametrize(
    ("time", "message"),
    [
        ([True, False], "bool as time: it must be numbers, dates or durations"),
        ([2**64, 1], "1 times beyond 2\\^53"),
        (np.array([2**64 - 1, 1], dtype=np.uint64), "1 times beyond the largest integer"),
        ([1e300, 1.0], "1 times beyond 2\\^53"),
        (["noon", "2020-01-01"], "1 times that are neither all numbers nor all ISO dates, the first is 'noon'"),
        ([datetime.date(2020, 1, 1), 5], "date and int as time"),
        (pd.period_range("2020", periods=2, freq="D"), "period.* as time"),
    ],
)  # fmt: skip
def test_times_are_exact_or_refused(time: Any, message: str) -> None:
    with pytest.raises(data.DataError, match=message):
        data.from_pairs([1, 2], [1, 2], time=time)


def test_shapes_of_pairs() -> None:
    with pytest.raises(ValueError, match=r"users must be one-dimensional, got shape \(2, 1\)"):
        data.from_pairs(np.ones((2, 1)), [1, 2])
    with pytest.raises(TypeError, match="users must be a sequence, got int"):
        data.from_pairs(5, [1])
    with pytest.raises(TypeError, match="items must be a sequence, got str"):
        data.from_pairs([1], "a")
    with pytest.raises(TypeError, match="for data in memory use from_pairs or from_csr"):
        data.load(pd.DataFrame())


def test_the_line_says_what_was_merged_left_out_and_missing() -> None:
    loaded = data.from_pairs([1, 1, 1, 2, 3], [1, 1, 2, 1, 9], rating=[5, 5, 5, 5, 1], min_rating=2, test_fraction=0)
    line = loaded.describe()
    for part in ("1 duplicate rows merged", "1 rows below the least rating left out", "1 users without a pair dropped",
                 "1 items without a pair dropped", "1 users with one pair", "the test part is empty"):  # fmt: skip
        assert part in line and "\n" not in line
    full = data.from_pairs(np.repeat([1, 2], 5), [*range(5)] * 2).describe()
    assert full.endswith("sparsity 0.0000%")


@pytest.mark.parametrize("word", ["NULL", "nan", "N/A", r"\N"])
def test_a_word_for_missing_among_whole_numbers_is_missing(word: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"user,item\n1,a\n{word},b\n3,{word}\n")
    with pytest.raises(data.DataError, match="1 rows with no user id, the first is data row 2$"):
        data.load(path)
    assert word in data.from_pairs(["x", word, "y"], [1, 2, 3]).users  # among texts it may be a name


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64])
def test_ids_that_their_floats_may_have_merged_are_refused(kind: type[np.floating]) -> None:
    first = 2 ** (np.finfo(kind).nmant + 1)
    users = np.array([first - 1, first, first + 1]).astype(kind)
    assert len(set(users.tolist())) == 2
    with pytest.raises(data.DataError, match="2 user ids that are not whole, or too large to be exact"):
        data.from_pairs(users, [1, 2, 3])
    assert data.from_pairs(users[:1], [1]).users.tolist() == [first - 1]


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="this machine's long double is no wider")
def test_long_doubles_keep_their_ids() -> None:
    users = np.longdouble(2**60) + np.arange(1, 4)
    assert data.from_pairs(users, [1, 2, 3]).users.tolist() == [2**60 + n for n in (1, 2, 3)]


def test_a_time_that_was_nat_before_a_cast_is_refused() -> None:
    with pytest.raises(data.DataError, match="1 times of -2\\^63, which is numpy's NaT"):
        data.from_pairs([1, 1, 1], [1, 2, 3], time=_TIME.to_numpy().astype("int64"))


@pytest.mark.parametrize("users", [{1, 2, 3}, {1: 0, 2: 0, 3: 0}, np.zeros(3, dtype=[("a", int)])])
def test_what_has_no_order_or_no_values_is_refused(users: Any) -> None:
    with pytest.raises(TypeError, match="^users must be (a sequence|numbers, texts or times), got"):
        data.from_pairs(users, [1, 2, 3])


@pytest.mark.parametrize("columns", [{"user": "a", "item": "a"}, {"user": 1, "item": 1}])
def test_a_column_has_one_role(columns: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\nx,y\n")
    with pytest.raises(ValueError, match="each to another column"):
        data.load(tmp_path / "a.csv", columns=columns)
