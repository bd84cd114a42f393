"""``hns train`` without options: what it chooses, says, warns of and refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sim.bpr import BPRMF
from sim.cli.main import main

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def two_groups(tmp_path: Path) -> str:
    """A file of users who like the items of their own group: easy to learn."""
    draw = np.random.default_rng(3)
    rows = [f"{u},{i}" for u in range(80) for i in range(40) if u % 2 == i % 2 and draw.random() < 0.7]
    (tmp_path / "groups.csv").write_text("user,item\n" + "\n".join(rows) + "\n")
    return str(tmp_path / "groups.csv")


def test_the_screen_says_what_was_chosen_and_what_popularity_reaches(two_groups: str, capsys: Capture) -> None:
    assert main(["train", two_groups, "--quiet", "--ks", "5"]) == 0
    out, err = capsys.readouterr()
    assert "chosen for " in out and "sampler DNS(M=20, N=40), lr 0.005" in out and "because dense data" in out
    head, *rows = out[out.index("metric") :].splitlines()
    assert head.split() == ["metric", "@5", "popularity", "@5"] and err == ""
    _, ours, popular = rows[1].split()
    assert float(ours) > 1.3 * float(popular)


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        (["--M", "3", "--epochs", "2"], ["lr", "weight_decay", "batch_size"]),
        (["--N", "10", "--epochs", "2"], ["lr", "weight_decay", "batch_size"]),
        (["--lr", "0.01", "--epochs", "2"], ["sampler", "weight_decay", "batch_size"]),
        (["--sampler", "softmax-v", "--epochs", "2", "--batch-size", "32"], ["lr", "weight_decay"]),
        (["--layers", "1", "--epochs", "2", "--weight-decay", "0"], ["sampler", "lr", "batch_size"]),
        (["--M", "3", "--lr", "0.01", "--weight-decay", "0.1", "--epochs", "2", "--batch-size", "64"], []),
    ],
)
def test_options_override_what_is_chosen(options: list[str], chosen: list[str], two_groups: str, capsys: Capture):
    assert main(["train", two_groups, "--quiet", *options]) == 0
    line = next((text for text in capsys.readouterr().out.splitlines() if text.startswith("chosen for")), "")
    told = [word for word in ("sampler", "lr", "weight_decay", "epochs", "batch_size") if f" {word} " in line]
    assert told == chosen


def test_n_alone_chooses_m_by_the_data(two_groups: str, tmp_path: Path) -> None:
    assert main(["train", two_groups, "--quiet", "--N", "10", "--epochs", "1", "--save", str(tmp_path / "m.npz")]) == 0
    assert str(BPRMF.load(tmp_path / "m.npz").sampler) == "DNS(M=5, N=10)"


@pytest.mark.parametrize("epochs", ["0", "-1"])
def test_training_for_no_epoch_is_refused(epochs: str, two_groups: str, capsys: Capture) -> None:
    assert main(["train", two_groups, "--epochs", epochs, "--quiet"]) == 2
    error = capsys.readouterr().err
    assert f"epochs must be >= 1, got {epochs}" in error and error.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        (["--lr", "1e-7", "--epochs", "1", "--M", "40", "--N", "40"], True),
        (["--weight-decay", "1000", "--epochs", "30"], True),
        (["--lr", "1e-7", "--epochs", "1", "--loss", "hinge"], False),
        ([], False),
        (["--epochs", "40", "--M", "4"], False),
    ],
)
def test_a_loss_at_ln_2_is_a_warning(options: list[str], warned: bool, two_groups: str, capsys: Capture) -> None:
    assert main(["train", two_groups, "--quiet", "--sampler", "dns", *options]) == 0
    error = capsys.readouterr().err
    assert ("warning: the loss of the last epoch" in error) == warned
    assert error.count("\n") == warned
