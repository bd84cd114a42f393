"""Bad input to every command: one line that begins with "hns: ", the stated exit status, no traceback, no hang."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from sim.cli.main import _parser, main
from sim.core import memory as _memory
from sim.core import terminal as _terminal
from sim.runs.sweep import expand
from sim.studies import study_ids

CLICKS = "user,item\n" + "".join(f"{u},{(u * 7 + k * 3) % 30}\n" for u in range(40) for k in range(8))
GRID = 'data = "clicks.csv"\n[model]\nepochs = 1\n[[sampler]]\nname = "DNS"\nM = 1\nN = 3\n'
HUGE = ("1" + "0" * 23, "1e23", "-1", "0", "nan", "", "1.5", "9" * 5000, "०", "0x10", "--", "\x1b[31m")


def run(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Exit status and standard error of the command line."""
    try:
        status = main(arguments)
    except SystemExit as end:
        status = int(end.code or 0)
    return status, capsys.readouterr().err


def check(arguments: list[str], capsys: pytest.CaptureFixture[str], status: int = 2) -> str:
    found, error = run(arguments, capsys)
    assert found == status, (arguments, error)
    assert error.startswith("hns: ") and error.count("\n") == 1 and error.endswith("\n"), (arguments, error)
    assert "Traceback" not in error and "unforeseen" not in error and "Errno" not in error
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", error)
    assert not re.search(r"must be (<|<=) (0|-\d+)\b", error)
    return error


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clicks.csv").write_text(CLICKS)
    (tmp_path / "grid.toml").write_text(GRID)
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HNS_CACHE_DIR", str(tmp_path / "cache"))


INTEGERS = [
    *(["train", "clicks.csv", "--quiet", f"--{name}"] for name in
      ("M", "N", "factors", "layers", "epochs", "batch-size", "seed", "ks", "patience")),
    *(["estimate", f"--{name}"] for name in ("M", "N", "n-pos", "n-neg", "n-pairs", "seed")),
    *(["corr", "5", "5", "--k", "2", f"--{name}"] for name in ("simulate", "seed", "k")),
    ["sweep", "grid.toml", "--jobs"], ["reproduce", "--only", "F2", "--jobs"], ["reproduce", "--only", "F2", "--seed"],
    ["check", "--only", "T3-sharp", "--jobs"],
]  # fmt: skip
ALLOWED = {("layers", "0"), ("seed", "0"), ("epochs", "0")}


@pytest.mark.parametrize("command", INTEGERS, ids=lambda c: f"{c[0]} {c[-1]}")
def test_every_size_has_a_largest_value(command, capsys):
    for value in HUGE:
        if (command[-1].removeprefix("--"), value) not in ALLOWED:
            check([*command, value], capsys)


REALS = [
    *(["train", "clicks.csv", "--quiet", f"--{name}"] for name in ("lr", "weight-decay", "temperature", "share")),
    ["train", "clicks.csv", "--quiet", "--sampler", "softmax", "--tau"],
    ["train", "clicks.csv", "--quiet", "--sampler", "softmax-v", "--rho"],
    ["estimate", "--beta"], ["estimate", "--auc"], ["estimate", "--shape"], ["corr", "5", "5", "--k", "2", "--alpha"],
]  # fmt: skip


@pytest.mark.parametrize("command", REALS, ids=lambda c: f"{c[0]} {c[-1]}")
def test_numbers_that_cannot_be(command, capsys):
    for value in ("nan", "inf", "-inf", "-1", "1e999", "x", "", "1,5"):
        check([*command, value], capsys)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "COMMAND"),
        (["trian"], "did you mean train"),
        (["train"], "required: data"),
        (["train", "clicks.csv", "--epoch-s", "3"], "did you mean --epochs"),
        (["train", "clicks.csv", "--sampler", "dnss"], "did you mean dns"),
        (["train", "clicks.csv", "--loss", "bprr"], "did you mean bpr"),
        (["train", "clicks.csv", "more.csv"], "more.csv"),
        (["train", ""], ""),
        (["train", "folder"], "folder"),
        (["train", "no\x1b[31m.csv"], r"\x1b[31m"),
        (["train", "a" * 5000], ""),
        (["train", "zero\0.csv"], ""),
        (["train", "gowala"], "gowalla"),
        (["train", "clicks.csv", "--save", "new/model.npz"], "--parents"),
        (["train", "clicks.csv", "--checkpoint", "new/run.npz"], "--parents"),
        (["train", "clicks.csv", "--save", "clicks.csv/model.npz"], "a file is in its place"),
        (["train", "clicks.csv", "--save", "clicks.csv/a/b.npz", "--parents"], "--save"),
        (["train", "clicks.csv", "--save", "folder"], "it is a folder"),
        (["train", "clicks.csv", "--save", ""], "it is a folder"),
        (["train", "clicks.csv", "--save", "./clicks.csv"], "another file than the data"),
        (["train", "clicks.csv", "--checkpoint", "clicks.csv"], "another file than the data"),
        (["corr", "5", "5", "--k", "2", "--csv", "new/c.csv"], "--parents"),
        (["corr", "5", "5", "--k", "2", "--csv", "folder"], "it is a folder"),
        (["corr", "5"], "required: n_neg"),
        (["corr", "5", "five"], "must be an integer, got 'five'"),
        (["corr", "2000000000", "100000000"], "memory"),
        (["corr", "5", "1000000000000"], "n_neg must be in 1..2147483647, got 1000000000000"),
        (["corr", "1000000000", "2000000000"], "memory"),
        (["corr", "1000", "100000", "--k", "5", "--simulate", "9000000000"], "sixty days"),
        (["corr", "5", "5", "--k", "2", "--simulate", "1000000000000"], "n_rankings must be in 10..10000000000"),
        (["corr", "5", "5", "--metric", "ncdg"], "did you mean ndcg"),
        (["estimate", "--sampler", "softmax-v", "--N", "100000000", "--n-pairs", "2000000000"], "years"),
        (["estimate", "--n-neg", "2000000000", "--n-pos", "2000000000"], "memory"),
        (["estimate", "--model", "binormall"], "did you mean binormal"),
        (["results", "--csv", "folder"], "it is a folder"),
        (["results", "--csv", "new/all.csv"], "--parents"),
        (["results", "nothing.toml"], "nothing.toml"),
        (["results", "--data", ""], "data must be the name of a data set, got ''"),
        (["results", "--data", "/"], "data must be the name of a data set, got '/'"),
        (["results", "--data", ".."], "data must be the name of a data set, got '..'"),
        (["reproduce", "--only", "Table2", "--reuse", "none.csv"], "got none.csv: no such file"),
        (["reproduce", "--only", "Table2", "--reuse", "folder"], "got folder: is a directory"),
        (["reproduce", "--only", "Table2", "--reuse", "clicks.csv"], "got clicks.csv: "),
        (["sweep"], "required: FILE.toml"),
        (["sweep", "nothing.toml"], "nothing.toml"),
        (["sweep", "folder"], "folder"),
        (["sweep", "clicks.csv"], "clicks.csv"),
        (["sweep", "grid.toml", "--backend", "ray"], "known are loky, threading, dask"),
        (["reproduce", "--only", "F66"], "did you mean F6"),
        (["reproduce", "--only", "Table9"], "did you mean Table"),
        (["reproduce", "--profile", "papr"], "did you mean paper"),
        (["reproduce", "--only", "F6", "--data", "gowalla"], "data must be left out"),
        (["data"], "list|fetch|info"),
        (["data", "infoo"], "did you mean info"),
        (["data", "info", "gowala"], "gowalla"),
        (["data", "fetch", "\x1b]0;x\x07"], r"\x1b]0;x\x07"),
        (["check", "--only", "T3-shrp"], "did you mean T3-sharp"),
        (["check", "--effort", "quik"], "did you mean quick"),
        (["check", "--json", "folder"], "it is a folder"),
        (["check", "--html", "new/a.html"], "--parents"),
        (["check", "extra"], "no such argument: extra"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, list) else "",
)
def test_one_line_that_says_what_to_do(arguments, says, capsys):
    assert says in check(arguments, capsys)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (GRID.replace("N = 3", "N = 1e30"), "N must be an integer, got 1e+30"),
        (GRID.replace("N = 3", "N = 3.0"), "N must be an integer, got 3.0"),
        (GRID.replace("N = 3", "N = 99999999999999999999"), "N must be <= 268435456"),
        (GRID.replace("epochs = 1", "epochs = 1e30"), "epochs must be an integer"),
        (GRID.replace("epochs = 1", "batch_size = inf"), "batch_size must be an integer"),
        (GRID.replace("epochs = 1", "layers = 10000000000"), "layers must be <= 1000"),
        ("seed = 1e3\n" + GRID, "seed must be an integer"),
        ("every = 0\n" + GRID, "every must be >= 1"),
        ("x = " + "[" * 20_000 + "]" * 20_000, "nested too deeply"),
        ('x = "\x1b[31m"', ""),
        ("[[sampler]]\nname = 3\n", "data must be given"),
        (GRID.replace('"DNS"', "3"), "sampler must be a known one, got 3"),
        (GRID.replace('"clicks.csv"', '"\\u0000"'), "data must be"),
        (GRID.replace('"clicks.csv"', '"~nobody_at_all/x"'), "data must be"),
        (GRID.replace('"clicks.csv"', "[1, 2]"), "data must be"),
        (GRID.replace("M = 1", "m = 1"), "did you mean M?"),
        ("", "data must be given"),
    ],
    ids=lambda text: text[:24],
)
def test_grids_that_cannot_be(text, says, capsys):
    Path("grid.toml").write_text(text)
    error = check(["sweep", "grid.toml", "--dry-run"], capsys)
    assert says in error and error.startswith("hns: grid.toml: ")


def test_a_grid_is_counted_before_it_is_enumerated():
    grid = {"data": "ml-100k", "seed": list(range(1000)), "model": {"lr": [0.1] * 1000}}
    with pytest.raises(ValueError, match=r"at most 100,000 cells, got 2,000,000,000"):
        expand({**grid, "sampler": {"name": "DNS", "M": [1] * 1000, "N": [1, 2]}})


@pytest.mark.parametrize(
    ("words", "ids"),
    [
        (["Fig 8"], ["F8"]), (["fig6"], ["F6"]), (["figure", "10"], ["F10"]), (["f8", "F8"], ["F8"]),
        (["Table 2"], ["Table2"]), (["tab3", "T1"], ["Table3", "T1"]), (["g_map", "fig. 7"], ["G-map", "F7"]),
    ],
)  # fmt: skip
def test_spellings_of_an_experiment(words, ids):
    assert study_ids(words) == ids


@pytest.mark.parametrize("name", ["DNS", "dns", "Softmax-V", "softmax_v", "SoftmaxExact", "AOBPR", "nonsampling"])
def test_spellings_of_a_sampler(name):
    chosen = _parser().parse_args(["train", "x", "--sampler", name]).sampler
    assert chosen.replace("-", "") == name.lower().replace("-", "").replace("_", "")


def test_spellings_in_a_grid():
    cells = expand({"data": "ml-100k", "sampler": {"name": "dns", "N": 3, "M": 1}})
    assert [(c.data, str(c.sampler)) for c in cells] == [("ml-100k", "DNS(M=1, N=3)")]


@pytest.mark.parametrize("command", ["train", "corr", "estimate", "sweep", "results", "reproduce"])
def test_help_says_every_default(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    text = capsys.readouterr().out.split("\noptions:\n")[1].split("\n\n")[0]
    options = re.split(r"\n(?=  -)", text)
    assert len(options) > 5
    assert [o.split()[0] for o in options if "--help" not in o and "default" not in o] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("NUMBA_NUM_THREADS", "0"), ("NUMBA_NUM_THREADS", "abc"), ("NUMBA_NUM_THREADS", "99999"),
        ("NUMBA_NUM_THREADS", "-1"), ("NUMBA_NUM_THREADS", "9" * 5000), ("NUMBA_THREADING_LAYER", "bogus"),
        ("NUMBA_THREADING_LAYER_PRIORITY", "x y"), ("NUMBA_CPU_NAME", "foo\x1b[2J"),
    ],
)  # fmt: skip
def test_odd_environment(name, value, capsys, monkeypatch):
    monkeypatch.setenv(name, value)
    for command in (["data", "list"], ["check", "--list"]):
        assert name in check(command, capsys)


def test_odd_values_that_numba_passes_over_are_one_line(capsys):
    import warnings

    def run_it() -> int:
        warnings.warn(
            "Environment variable 'NUMBA_OPT' could not be parsed.\nThe parse failed with exception:\nTrace",
            stacklevel=1,
        )
        return 0

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert _terminal.guarded(run_it) == 0
    assert capsys.readouterr().err == "hns: warning: Environment variable 'NUMBA_OPT' could not be parsed.\n"


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (ValueError("x must be 1,\ngot 2"), 2, "hns: x must be 1, got 2\n"),
        (FileNotFoundError(2, "No such file or directory", "a\x1b.csv"), 2, "hns: a\\x1b.csv: no such file"),
        (MemoryError(), 2, "hns: not enough memory\n"),
        (_memory.TooLarge("the run needs 3 TiB of memory"), 2, "hns: the run needs 3 TiB of memory\n"),
        (_memory.TooLarge("the run would take 44 years"), 2, "hns: the run would take 44 years\n"),
        (OSError(28, "No space left on device"), 1, "hns: no space left on device\n"),
        (ConnectionError("scheduler is lost"), 1, "hns: scheduler is lost\n"),
        (ArithmeticError("diverged"), 1, "hns: diverged\n"),
        (BrokenPipeError(32, "Broken pipe"), 141, ""),
        (KeyError("x"), 1, "hns: unforeseen KeyError: 'x'; HNS_TRACEBACK=1 shows where it arose\n"),
        (KeyboardInterrupt(), 130, "hns: stopped\n"),
    ],
    ids=repr,
)  # fmt: skip
def test_each_kind_of_failure_has_its_status(error, status, says, capsys):
    def fail() -> int:
        raise error

    assert _terminal.guarded(fail) == status
    error = capsys.readouterr().err
    assert error.startswith(says) and error.count("\n") == bool(says)


@pytest.mark.parametrize(
    "name", ["klicks ρ.csv", "[red]x[/red].csv", "[/].csv", "a\x1b[31m.csv", "b\u202e.csv", "ü\r.csv"]
)
def test_names_reach_no_terminal_raw(name, tmp_path, capsys):
    from sim.cli.table import show_table

    _terminal.guarded(lambda: show_table(name, (name, "n"), [(name, 1), (name, 2.5)]) or 0)
    out = capsys.readouterr().out
    assert out.count(_terminal.printable(name)) == 4
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out)


@pytest.mark.parametrize("encoding", ["cp1252", "ascii", "latin-1", "cp437", "utf-8", "utf-16"])
def test_a_stream_escapes_what_it_cannot_show(encoding, tmp_path, monkeypatch):
    path = tmp_path / "out.txt"
    with path.open("w", encoding=encoding) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert _terminal.guarded(lambda: _terminal.say("klicks ρ \udcff 😀") or 0) == 0
    text = path.read_text(encoding=encoding)
    assert "klicks" in text and ("ρ" in text or "\\u03c1" in text) and "\\udcff" in text


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_closed_streams(stream, monkeypatch):
    monkeypatch.setattr(sys, stream, None)
    assert main(["data", "list"]) == 0
    assert main(["data", "info", "gowala"]) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_broken_pipe_is_no_traceback(monkeypatch, capsys):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["data", "list"]) == 141
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
def test_a_full_disk_behind_the_output_is_one_line(monkeypatch, capsys):
    with open("/dev/full", "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert main(["data", "list"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "change",
    [{"factors": 65536}, {"factors": 65536, "dtype": "float64"}, {"factors": 60000, "item_bias": True}],
    ids=str,
)
def test_a_training_that_cannot_fit_is_refused(change, monkeypatch):
    import numpy as np
    from scipy import sparse

    from sim.bpr import BPRMF

    monkeypatch.setattr(_memory, "available_bytes", lambda: 2**20)
    with pytest.raises(_memory.TooLarge, match=r"needs .* of memory, 1 MiB are there: use fewer factors"):
        BPRMF(**change).fit(sparse.csr_matrix(np.eye(50)))


@pytest.mark.parametrize("seconds", [0, 59, 61, 1e4, 1e6, 1e7, 1e30, float("inf")])
def test_long_runs_are_announced_and_endless_ones_refused(seconds):
    if seconds > 60 * 86400:
        with pytest.raises(_memory.TooLarge, match="sixty days"):
            _memory.check_seconds(seconds, "less")
    else:
        assert ("about" in _memory.check_seconds(seconds, "less")) == (seconds >= 60)


def test_the_page_states_the_largest_values_that_are_checked():
    from sim.core import validation as v

    page = Path(__file__).parents[2].joinpath("docs", "command_line.md").read_text(encoding="utf-8")
    for most in (v.MOST_POOL, v.MOST_FACTORS, v.MOST_LAYERS, v.MOST_EPOCHS, v.MOST_SIZE, v.MOST_JOBS, v.MOST_CELLS):
        assert f"{most:,}" in page
    assert f"{v.MOST_RANKINGS:,}" in page and v.MOST_SEED == 2**63 - 1
    for line in _terminal.STATUS.splitlines()[1:6]:
        assert f"| {line.split()[0]} |" in page


@pytest.mark.parametrize(
    ("record", "says"),
    [
        ('{"seconds": 7200, "profile": "paper"}', " (took 2 hours the last time)"),
        ('{"seconds": 7200, "profile": "smoke"}', ""),
        ('{"seconds": 5, "profile": "paper"}', ""),
        ('{"seconds": "x", "profile": "paper"}', ""),
        ("[]", ""),
        ("no json", ""),
    ],
)
def test_a_long_experiment_says_what_it_took(record, says, tmp_path):
    from sim.cli.work import last_time

    (tmp_path / "F6.json").write_text(record)
    assert last_time(tmp_path / "F6", "paper") == says


def test_divergence_is_one_line(capsys):
    from sim.bpr import BPRMF, Diverged

    def diverge(*_: object, **__: object) -> None:
        raise Diverged("factors are not finite or too large after epoch 1: use a smaller lr")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(BPRMF, "fit", diverge)
        check(["train", "clicks.csv", "--quiet"], capsys, status=1)
