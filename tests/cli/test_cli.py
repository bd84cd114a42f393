"""The command line as a user meets it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from sim.cli.main import main


@pytest.mark.parametrize(
    "command", [[], ["reproduce"], ["data"], ["train"], ["corr"], ["check"]], ids=lambda c: " ".join(["hns", *c])
)
def test_help_teaches(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([*command, "--help"])
    assert stop.value.code == 0
    assert len(capsys.readouterr().out) > 300


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out.startswith("hns-opauc ")


def test_reproduce_lists_and_writes(tmp_path, capsys):
    assert main(["reproduce", "--list"]) == 0
    assert "F6" in capsys.readouterr().out
    assert main(["reproduce", "--only", "F2", "--profile", "smoke", "--quiet", "--out", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "F2.json").read_text())["command"].startswith("hns reproduce --only F2")
    assert "1 of 1 written" in capsys.readouterr().out


def test_train_on_an_own_file_saves_a_model(tmp_path, capsys):
    rows = [f"u{u},i{i}" for u in range(20) for i in range(30) if (u + i) % 3]
    path = tmp_path / "clicks.csv"
    path.write_text("user,item\n" + "\n".join(rows) + "\n")
    model = tmp_path / "m.npz"
    arguments = ["train", str(path), "--M", "2", "--N", "8", "--epochs", "2", "--factors", "8", "--quiet"]
    assert main([*arguments, "--save", str(model)]) == 0
    assert "ndcg" in capsys.readouterr().out
    from sim.bpr import BPRMF

    assert str(BPRMF.load(model).sampler) == "DNS(M=2, N=8)"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["train", "no-such-set"], "no-such-set"),
        (["data", "info", "gowala"], "gowalla"),
        (["reproduce", "--only", "F99"], "F6"),
        (["train", "ml-100k", "--M", "9", "--N", "3"], "M must be <= N"),
        (["train", "no-such-set", "--save", "."], "path must be writable, got .: it is a folder"),
        (["train", "no-such-set", "--ks", "5", "0"], "ks must be >= 1, got 0"),
    ],
)
def test_errors_are_one_line(arguments, says, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "says"), [([], "nothing is kept without --checkpoint"), (["--checkpoint", "a.npz"], "start it again")]
)
def test_a_stopped_training_says_what_is_kept(options, says, tmp_path, capsys, monkeypatch):
    from sim.bpr import BPRMF

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(BPRMF, "fit", stop)
    (tmp_path / "clicks.csv").write_text("user,item\n" + "\n".join(f"u{u},i{i}" for u in range(5) for i in range(5)))
    assert main(["train", str(tmp_path / "clicks.csv"), *options]) == 130
    assert f"stopped; {says}" in capsys.readouterr().err


def test_import_is_light():
    heavy = {"numba", "scipy", "matplotlib", "pandas"}
    code = f"import sys, sim, sim.cli.main; sys.exit(bool({heavy} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_torch_at_run_time():
    code = (
        "import sys, sim.metrics, sim.objectives, sim.sampling, sim.rankings, sim.bpr, sim.data, sim.studies;"
        "sys.exit(bool({'torch', 'tensorflow', 'sklearn', 'proofs_check'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
