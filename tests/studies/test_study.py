"""What every study must be, and the rules of its words; from the committed tables, so nothing is trained here."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import matplotlib.colors
import numpy as np
import pandas as pd
import pytest

from sim.studies import Study, get_study, studies
from sim.studies.style import AXES, DATA_SETS, K_COLOURS, PALETTE, SAMPLERS, sampler_look
from sim.studies.tables.methods import behind_the_best
from sim.studies.words import span, standing

FIGURES = Path(__file__).resolve().parents[2] / "figures"


@pytest.fixture(scope="module", params=list(studies()))
def published(request) -> tuple[Study, pd.DataFrame]:
    """A study and its committed table."""
    return get_study(request.param), pd.read_csv(FIGURES / f"{request.param}.csv")


def test_every_study_has_its_own_id_place_and_title():
    known = studies().values()
    assert len({s.order for s in known}) == len({s.title for s in known}) == len(known) >= 30
    assert [s.order for s in known] == sorted(s.order for s in known)


def test_discovery_refuses_an_id_twice(monkeypatch):
    from sim.studies import f2
    from sim.studies.tables import t1

    monkeypatch.setattr(f2, "STUDY", t1.STUDY)
    studies.cache_clear()
    with pytest.raises(ValueError, match="ids of studies must be unique, got T1 twice"):
        studies()
    monkeypatch.undo()
    studies.cache_clear()
    assert "F2" in studies()


def test_split_and_made_are_checked():
    with pytest.raises(ValueError, match=r"split_by must be one of .*got \('method',\)"):
        Study("X", "t", 1, len, len, str, dict, split_by=("method",))
    with pytest.raises(ValueError, match="made must be one of 'exact', 'simulated', 'trained', got 'guessed'"):
        Study("X", "t", 1, len, len, str, dict, made="guessed")


def test_words_of_the_committed_tables(published):
    """Sentences are whole, name what they are about once, and say nothing about numbers that are missing.

    They are those of the records in figures/; if not: hns reproduce --words.
    """
    study, table = published
    record = json.loads((FIGURES / f"{study.id}.json").read_text(encoding="utf-8"))
    assert (record["title"], record["caption"]) == (study.title, study.caption(table))
    said = study.findings(table)
    assert said
    for sentence in said.values():
        assert sentence.endswith(".") and "nan" not in sentence and "\n" not in sentence
    assert len(set(said.values())) == len(said)
    assert study.findings(table) == said == record["findings"]  # of the table alone


def test_words_follow_the_table(published):
    """A study split by data set says of one set the same whether the others' rows are there or not."""
    study, table = published
    if not study.split_by:
        pytest.skip("its rows belong together")
    first = table.data.iloc[0]
    whole, part = study.findings(table), study.findings(table[table.data == first])
    own = {name for name in part if name.startswith((f"{first}/", f"best/{first}", f"ends/{first}"))}
    assert own and all(part[name] == whole[name] for name in own)


def test_standing_is_the_interval_s_side():
    for low, high in itertools.product(np.linspace(-1, 1, 9), repeat=2):
        if low <= high:
            word = standing(low, high)
            assert (word == "ahead of") == (low > 0) and (word == "behind") == (high < 0)
    assert span(1.0, float("nan"), float("nan"), ".1f") == "1.0"


def test_behind_the_best_is_welch_s_test_after_holm():
    from scipy.stats import ttest_ind_from_stats

    rng = np.random.default_rng(3)
    runs = [rng.normal(m, 0.1, size=n) for m, n in ((1.0, 5), (0.9, 3), (0.5, 5), (0.98, 4))]
    from sim.studies.intervals import half_width

    rows = [{"mean": r.mean(), "high": r.mean() + half_width(r), "seeds": r.size} for r in runs]
    part = pd.DataFrame(rows, index=list("abcd"))
    p = behind_the_best(part)
    best = part["mean"].idxmax()
    stats = [(r.mean(), r.std(ddof=1), r.size) for r in runs]
    top = stats[list("abcd").index(best)]
    raw = {
        name: ttest_ind_from_stats(*top, *one, equal_var=False).pvalue
        for name, one in zip("abcd", stats) if name != best
    }  # fmt: skip
    ordered = sorted(raw.values())
    expected = np.maximum.accumulate([min(1, q * (len(raw) - i)) for i, q in enumerate(ordered)])
    assert np.isnan(p[best])
    assert sorted(p.dropna()) == pytest.approx(list(expected))


def test_no_two_samplers_look_alike_and_every_axis_has_its_sampler_s_look():
    assert len(set(SAMPLERS.values())) == len(SAMPLERS)
    assert AXES["rho-exact"][1] == SAMPLERS["Softmax-exact"] == sampler_look("Softmax-exact(ρ, 200)")
    assert AXES["M"][1] == SAMPLERS["DNS"] and AXES["rho"][1] == SAMPLERS["Softmax-v"]
    assert len({look.colour for _, look in AXES.values()}) == len(AXES)
    with pytest.raises(ValueError, match="name must begin with one of Uniform"):
        sampler_look("softmax")


def test_every_published_data_set_and_cut_off_has_its_colour(published):
    _, table = published
    if "data" in table:
        known = set(DATA_SETS) | {"yelp", "amazon-book"}
        assert set(table.data) <= known
    assert len(set(DATA_SETS.values())) == len(DATA_SETS) and set(DATA_SETS.values()) <= set(PALETTE)
    assert len(set(K_COLOURS.values())) == len(K_COLOURS)
    assert all(matplotlib.colors.is_color_like(c) for c in (*PALETTE.values(), *K_COLOURS.values()))
