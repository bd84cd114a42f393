"""Every experiment runs at the smallest profile, writes its four files, and says something true in its caption."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sim.data import FetchError
from sim.metrics import hits_at_k_from_labels, opauc_count
from sim.runs.output import write_figure
from sim.studies import Options, Study, get_study, make, studies
from sim.studies import f2 as fig2
from sim.studies.correlation import f6 as fig6


@pytest.mark.parametrize("name", studies())
def test_writes_its_files(name, options, smoke_table, tmp_path, monkeypatch):
    made = smoke_table(name)
    stand_in(monkeypatch, replace(get_study(name), run=lambda options: made))
    outcome = make(name, options, tmp_path)
    assert outcome.missing == ""
    suffixes = {p.suffix for p in outcome.paths}
    pictures, page = (set() if name == "T1" else {".pdf", ".png"}), ({".md"} if get_study(name).page else set())
    assert suffixes == {".csv", ".json"} | pictures | page
    info = json.loads((tmp_path / f"{name}.json").read_text())
    table = pd.read_csv(tmp_path / f"{name}.csv")
    assert len(table) == info["rows"] > 0
    assert len(info["caption"]) > 80
    said = get_study(name).findings(table)
    assert said and all(sentence.endswith(".") and "nan" not in sentence for sentence in said.values()), said
    assert info["profile"] == "smoke"
    assert info["run"]["versions"]["numpy"] == np.__version__
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_missing_data_is_said_in_one_line(options, tmp_path, monkeypatch):
    def offline(*args, **kwargs):
        raise FetchError("ml-100k could not be downloaded (no network)")

    monkeypatch.setattr("sim.runs.cells.load", offline)
    outcome = make("F8", replace(options, results=tmp_path / "results"), tmp_path / "figures")
    assert "ml-100k" in outcome.missing
    assert "\n" not in outcome.missing
    assert outcome.paths == ()
    assert not (tmp_path / "figures").exists()


def test_two_rankings_agree_in_auc_and_differ_at_the_head():
    a, b = fig2.two_rankings()
    assert opauc_count(a, fig2.N_NEG) == opauc_count(b, fig2.N_NEG)
    assert opauc_count(a, 2) > opauc_count(b, 2)
    assert hits_at_k_from_labels(a, fig2.K) > hits_at_k_from_labels(b, fig2.K)


def test_fig6_peaks_are_the_reference_points(smoke_table):
    table = smoke_table("F6")
    peaks = table[table.peak].set_index(["metric", "k"])
    for (metric, k), (m, r) in {
        ("recall", 5): (6, 0.9226), ("recall", 20): (24, 0.9362), ("recall", 50): (60, 0.9376),
        ("ndcg", 5): (5, 0.9566), ("ndcg", 20): (18, 0.9450), ("ndcg", 50): (48, 0.9282),
        ("recall", 200): (240, 0.9276),
    }.items():  # fmt: skip
        assert peaks.loc[(metric, k), "m"] == m
        assert peaks.loc[(metric, k), "exact"] == pytest.approx(r, abs=5e-5)
    auc = table[(table.m == fig6.N_NEG) & (table.metric == "recall")].set_index("k").exact
    assert auc[50] < 0.4 < auc[100]  # "AUC stays under 0.4" holds for small K only: claim F6-1


def test_fig7_orders_hardness(smoke_table):
    table = smoke_table("F7")
    for panel, sign in (("M", -1), ("N", 1)):
        curves = table[table.panel == panel].pivot(index="rank", columns="parameter", values="cumulative")
        assert (sign * np.diff(curves.to_numpy(), axis=1) >= -1e-12).all()
    ends = table[table["rank"] == table.n_neg]
    assert np.allclose(ends.cumulative, 1.0)


def test_unknown_study_lists_the_known(options, tmp_path):
    with pytest.raises(ValueError, match=r"F6.*got 'F99'"):
        make("F99", options, tmp_path)


@pytest.mark.parametrize(("field", "value"), [("profile", "huge"), ("seed", -1), ("jobs", 0)])
def test_options_refuse_bad_values(field, value):
    with pytest.raises(ValueError, match=field):
        Options(**{field: value})


def test_pick_takes_the_next_smaller_profile():
    assert Options(profile="paper").pick(smoke=1, default=2) == 2
    assert Options(profile="default").pick(smoke=1, default=2, paper=3) == 2


def test_a_failed_write_leaves_the_old_file(tmp_path):
    table = pd.DataFrame({"x": [1.0]})
    write_figure(tmp_path, "F", table, None, {"title": "old"})

    class Broken(dict):
        def __iter__(self):
            raise OSError("disk full")

        keys = __iter__

    with pytest.raises(OSError, match="disk full"):
        write_figure(tmp_path, "F", table, None, Broken())
    assert json.loads((tmp_path / "F.json").read_text())["title"] == "old"


def nothing(table):
    """No picture."""


def unsaid(table):
    """No sentence."""
    return {}


def stand_in(monkeypatch, made: Study):
    """``made`` in the place of the study of its id."""
    monkeypatch.setitem(studies(), made.id, made)


@pytest.fixture
def study(monkeypatch):
    """F8 without training: a row a data set, whose value is the seed."""

    def run(options):
        grids = {"paper": [SimpleNamespace(data="gowalla"), SimpleNamespace(data="ml-100k")], "default": []}
        grids["default"] = grids["paper"][1:]
        return pd.DataFrame([{"data": p.data, "value": float(options.seed)} for p in options.grids(grids)])

    stand_in(
        monkeypatch,
        replace(get_study("F8"), run=run, plot=nothing, caption=lambda table: " ".join(table.data), findings=unsaid),
    )


def test_data_sets_can_be_done_one_by_one(study, tmp_path):
    make("F8", Options(seed=1), tmp_path)
    first = make("F8", Options(profile="paper", seed=2, data=("gowalla",)), tmp_path)
    assert first.kept == {"ml-100k": "hns reproduce --only F8 --profile default --seed 1"}
    second = make("F8", Options(seed=3), tmp_path)
    assert second.kept == {"gowalla": "hns reproduce --only F8 --profile paper --seed 2 --data gowalla"}
    table = pd.read_csv(tmp_path / "F8.csv")
    assert table.set_index("data").value.to_dict() == {"gowalla": 2.0, "ml-100k": 3.0}
    info = json.loads((tmp_path / "F8.json").read_text())
    assert (info["rows"], info["seed"], info["caption"]) == (2, 3, "ml-100k gowalla")
    assert info["others"]["gowalla"]["seed"] == 2 and info["others"]["gowalla"]["run"]["versions"]["numpy"]
    assert make("F8", Options(profile="paper"), tmp_path).kept == {}
    assert "others" not in json.loads((tmp_path / "F8.json").read_text())


def test_rows_of_another_format_are_not_kept(study, tmp_path):
    make("F8", Options(profile="paper"), tmp_path)
    pd.read_csv(tmp_path / "F8.csv").rename(columns={"value": "old"}).to_csv(tmp_path / "F8.csv", index=False)
    assert make("F8", Options(), tmp_path).kept == {}
    assert pd.read_csv(tmp_path / "F8.csv").data.tolist() == ["ml-100k"]


def test_only_known_data_sets_where_there_is_a_choice(study, tmp_path):
    with pytest.raises(ValueError, match="data must be one of 'ml-100k', got 'gowalla'"):
        make("F8", Options(data=("gowalla",)), tmp_path)
    with pytest.raises(ValueError, match="data must be left out for F2: only F1, T1, .* have a choice of data sets"):
        make("F2", Options(data=("ml-100k",)), tmp_path)


@pytest.fixture
def methods(monkeypatch):
    """Table2 without training: a row a data set and method, whose value is the seed."""

    def run(options):
        grids = {"paper": [SimpleNamespace(data=d) for d in ("gowalla", "ml-100k")], "default": []}
        rows = [
            {"data": p.data, "method": m, "value": float(options.seed)}
            for p in options.grids(grids)
            for m in options.methods or ("BPR", "DNS(M,N)")
        ]
        return pd.DataFrame(rows)

    page = pd.DataFrame.to_csv
    stand_in(
        monkeypatch,
        replace(get_study("Table2"), run=run, plot=nothing, caption=lambda table: "", page=page, findings=unsaid),
    )


def test_methods_can_be_done_one_by_one(methods, tmp_path):
    def paper(seed, data="", method=""):
        named = {"data": (data,) if data else (), "methods": (method,) if method else ()}
        return make("Table2", Options(profile="paper", seed=seed, **named), tmp_path).kept

    def values():
        return pd.read_csv(tmp_path / "Table2.csv").set_index(["data", "method"]).value.to_dict()

    command = "hns reproduce --only Table2 --profile paper --seed"
    assert paper(1) == {}
    assert paper(2, "gowalla", "DNS(M,N)") == {"gowalla, BPR": f"{command} 1", "ml-100k": f"{command} 1"}
    assert values() == {
        ("gowalla", "BPR"): 1, ("gowalla", "DNS(M,N)"): 2, ("ml-100k", "BPR"): 1, ("ml-100k", "DNS(M,N)"): 1,
    }  # fmt: skip
    assert paper(3, "ml-100k") == {
        "gowalla, BPR": f"{command} 1", "gowalla, DNS(M,N)": f"{command} 2 --data gowalla --method 'DNS(M,N)'",
    }  # fmt: skip
    assert list(values().values()) == [1, 2, 3, 3]
    assert paper(4, "gowalla") == {"ml-100k": f"{command} 3 --data ml-100k"}
    assert list(values().values()) == [4, 4, 3, 3]
    assert paper(5, method="BPR")["gowalla, DNS(M,N)"] == f"{command} 4 --data gowalla"
    assert list(values().values()) == [5, 4, 5, 3]
    assert (tmp_path / "Table2.md").read_text().count("gowalla") == 2


def test_only_known_methods_where_there_is_a_choice(methods, tmp_path):
    with pytest.raises(ValueError, match="method must be left out for F8: only Table2, .* have a choice of methods"):
        make("F8", Options(methods=("BPR",)), tmp_path)
