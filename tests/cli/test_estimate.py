"""``hns estimate`` as a user meets it."""

from __future__ import annotations

import pytest

from sim.cli.main import main


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["estimate", "--help"])
    assert stop.value.code == 0
    out = capsys.readouterr().out
    assert "hns estimate --sampler dns --M 5 --N 200 --model binormal --auc 0.9" in out
    assert "student-t" in out


def test_dns_is_exact_against_the_closed_truth(capsys):
    assert main(["estimate", "--sampler", "dns", "--M", "5", "--N", "200", "--model", "binormal", "--auc", "0.9"]) == 0
    out = capsys.readouterr().out
    assert "exact" in out
    value = next(line for line in out.splitlines() if " value " in line)
    assert value.split()[-6:-4] == ["1.108", "1.087"] and value.split()[-3] == "-0.02136"
    assert "nominal 0.025, by divergence 0.025, by value 0.02748" in out


def test_a_whole_pool_has_no_error_on_the_sample(capsys):
    arguments = ["--sampler", "dns", "--M", "10", "--N", "100", "--n-pos", "5", "--n-neg", "100"]
    assert main(["estimate", *arguments]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines() if line.startswith("sample of 5 + 100")]
    assert [row[5] for row in rows] == ["value", "gradient"]
    assert all(float(row[-1]) < 1e-12 for row in rows)


def test_softmax_is_simulated_beside_the_kl_ball(capsys):
    arguments = ["estimate", "--sampler", "softmax-v", "--N", "20", "--n-pairs", "200", "--rho", "1"]
    assert main(arguments) == 0
    binormal = capsys.readouterr().out
    assert "simulated, 200 pairs" in binormal and "KL ball 1" in binormal and "no truth" not in binormal
    assert main([*arguments, "--model", "student-t"]) == 0
    assert "no truth for the KL ball" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--model", "power", "--shape", "2"], "shape must be left out for the model power"),
        (["--auc", "1.5"], "auc must be in"),
        (["--M", "9", "--N", "3"], "M must be <= N"),
        (["--N", "0"], "N must be >= 1"),
        (["--beta", "0"], "beta must be in (0, 1], got 0"),
        (["--n-pos", "0"], "n_pos must be >= 1"),
        (["--n-neg", "10"], "n_neg must be >= N=200"),
        (["--sampler", "softmax-v", "--n-pairs", "3"], "n_pairs must be >= 128"),
        (["--sampler", "softmax-exact", "--rho", "-1"], "rho must be in"),
        (["--seed", "-1"], "seed must be >= 0, got -1"),
    ],
)
def test_errors_are_one_line(arguments, says, capsys):
    assert main(["estimate", *arguments]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1
