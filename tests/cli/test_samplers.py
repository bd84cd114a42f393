"""Samplers and losses from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from sim.bpr import BPRMF, LightGCN
from sim.cli.main import _parser, main
from sim.cli.samplers import make
from sim.sampling import (
    AHNS,
    AOBPR,
    DNS,
    IRGAN,
    WARP,
    AdaSIR,
    Kernel,
    NonSampling,
    Sampler,
    Softmax,
    SoftmaxExact,
    SoftmaxV,
    TopKOptimal,
    Uniform,
    popularity,
    pris,
)
from sim.sampling.spec import SPECS, to_options


@pytest.fixture
def clicks(tmp_path: Path) -> str:
    path = tmp_path / "clicks.csv"
    rows = [f"{u},{i}" for u in range(30) for i in range(60) if (u * 7 + i * 11) % 5 == 0]
    path.write_text("user,item\n" + "\n".join(rows) + "\n")
    return str(path)


def test_help_explains_every_sampler(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", "--help"])
    out = capsys.readouterr().out
    for name, spec in SPECS.items():
        assert name in out and spec.what in out


@pytest.mark.parametrize("name", SPECS)
def test_every_sampler_trains(name: str, clicks: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model.npz"
    options = ["--sampler", name, "--M", "2", "--N", "5", "--C", "6", "--target", "ndcg@3", "--epochs", "1", "--quiet"]
    assert main(["train", clicks, "--factors", "4", "--save", str(model), *options]) == 0
    assert "ndcg" in capsys.readouterr().out
    again = BPRMF.load(model)
    assert type(again.sampler)(**again.sampler.get_params()) == again.sampler


def test_losses(clicks: str, tmp_path: Path) -> None:
    model = tmp_path / "model.npz"
    options = ["--loss", "infonce", "--temperature", "0.2", "--margin", "0.3", "--N", "5", "--epochs", "1", "--quiet"]
    assert main(["train", clicks, "--factors", "4", "--save", str(model), *options]) == 0
    settings = BPRMF.load(model).settings
    assert (settings.loss, settings.temperature, settings.margin) == ("infonce", 0.2, 0.3)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--sampler", "softmax", "--tau", "0"], "tau must be in"),
        (["--sampler", "topk", "--target", "ndcg"], "target must look like 'ndcg@20', got 'ndcg'"),
        (["--sampler", "topk", "--N", "500"], "n_neg must be >= 500"),
        (["--sampler", "non-sampling", "--loss", "bce"], "loss must be 'bpr'"),
        (["--loss", "infonce", "--temperature", "0"], "temperature must be in"),
    ],
)
def test_errors_are_one_line(options: list[str], says: str, clicks: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", clicks, "--epochs", "1", "--quiet", *options]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


@pytest.mark.parametrize(
    "sampler",
    [
        DNS(3, 17), SoftmaxV(0.15, 20), SoftmaxExact(0.3, 20), Uniform(4), Softmax(0.5, 12), pris(12, popular=True),
        popularity(0.5, 3), AOBPR(70.0), AdaSIR(2, 30, 0.5), AdaSIR(1, 30, 2.0, proposal="log-count"), NonSampling(),
        Kernel(7, 30, 10.0), IRGAN(2, 30, 0.5), WARP(966, 0.5, 40), AHNS(0.2, 0.003, -1.0, 16),
        TopKOptimal("recall", 20, 50, 12, 300),
    ],
    ids=str,
)  # fmt: skip
def test_flags_make_the_same_sampler(sampler: Sampler) -> None:
    words = to_options(sampler)
    assert make(_parser().parse_args(["train", "ml-100k", *words])) == sampler


def test_what_no_option_makes_is_spelt() -> None:
    words = to_options(IRGAN(1, rate=0.5))
    assert words == ["--sampler", "IRGAN(N=1, C=50, tau=0.5, rate=0.5)"]
    assert make(_parser().parse_args(["train", "ml-100k", *words])) == IRGAN(1, rate=0.5)


def test_layers_train_lightgcn(clicks: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "model.npz"
    options = ["--layers", "2", "--N", "5", "--epochs", "1", "--quiet", "--save", str(model)]
    assert main(["train", clicks, "--factors", "4", *options]) == 0
    assert LightGCN.load(model).settings.layers == 2
    assert main(["train", clicks, "--layers", "-1", "--quiet"]) == 2
    assert "layers must be >= 0" in capsys.readouterr().err
