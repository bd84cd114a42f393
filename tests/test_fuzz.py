"""Thousands of damaged files: each is read, or refused in one line that names it. No signal, hang or gigabyte.

A process that has imported everything forks one child for each format, with a limit of memory and a clock for each
file; what a child did last is on a pipe when it dies. Half of the damage is done inside of archives and compressed
streams, whose check sums are then made good: it gets past the first door.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import re
import resource
import signal
import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

FORMATS = ("csv", "tsv", "csv.gz", "zip", "parquet", "npz", "mat", "model", "checkpoint", "cell", "toml")
WITHOUT_THREADS = ("csv", "npz", "toml")
SECONDS, MEMORY = 30, 1 << 30
HOSTILE: list[Any] = [
    None, True, -1, 0, 1, 10**30, 2**31, 1e308, float("nan"), float("inf"), "", "x", "../../x", "__class__", "a\nb",
    [], [[]], {}, {"name": "DNS"}, [None], "simulate_rank_distribution", "Sampler", -(2**63),
]  # fmt: skip
VALUES = (
    '"x"', "-1", "0", "1", "7", "0.5", "true", "[]", "[[1]]", "{}", "nan", "-inf", "1e300", "9223372036854775807", '""',
    "[1, 2.5]", '["float64", 3]', '{ name = "DNS" }', "1979-05-27", "[{}]", '["ml-100k"]', '"float64"', "3",
)  # fmt: skip
"""Of a sweep's settings, some of which are allowed."""

SWEEP = """data = "ml-100k"
seed = [1, 2]
every = 5
hidden = 0.1
[model]
epochs = [10, 20]
lr = 0.005
dtype = "float32"
[[sampler]]
name = "DNS"
M = [5, 50]
N = 200
[[sampler]]
name = "WARP"
model = { loss = "hinge" }
"""


# -- whole files ------------------------------------------------------------------------------------------------------


def make_all(folder: Path) -> None:
    """Small whole files of every format."""
    import pandas as pd
    import scipy.sparse as sp
    from scipy.io import savemat

    from sim.bpr import BPRMF
    from sim.core.npz import write_npz
    from sim.runs.cells import Cell
    from sim.sampling import DNS, AdaSIR

    rng = np.random.default_rng(5)
    matrix = sp.random(12, 9, 0.4, "csr", rng=rng, data_rvs=lambda n: rng.integers(1, 6, n).astype(float))
    u, i = (part + 100 for part in matrix.nonzero())
    frame = pd.DataFrame({"user": u, "item": [f"i{x}" for x in i], "rating": matrix.data, "time": u * 3 + 1e9})
    frame.to_csv(folder / "a.csv", index=False)
    frame.to_csv(folder / "a.tsv", index=False, sep="\t")
    frame.to_csv(folder / "a.csv.gz", index=False)
    frame.to_parquet(folder / "a.parquet")
    with zipfile.ZipFile(folder / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in (("train.tsv", frame[::2]), ("test.tsv", frame[1::2])):
            archive.writestr(name, part[["user", "item"]].to_csv(sep="\t", index=False))
    for n, kind in enumerate(("csr", "coo", "bsr", "dia")):
        sp.save_npz(folder / f"{n}.npz", matrix.asformat(kind), compressed=n % 2 == 0)
    for n in range(2):
        savemat(folder / f"{n}.mat", {"data": matrix.tocsc(), "note": "text"}, do_compression=bool(n))
    X = training_data()
    for n, sampler in enumerate((DNS(1, 3), AdaSIR(1, 4))):
        BPRMF(2, sampler, epochs=2, rng=0).fit(X, checkpoint=folder / f"{n}.checkpoint").save(folder / f"{n}.model")
    cell = Cell("toy", DNS(1, 3), 0, {"epochs": 2})
    meta = {"config": cell.config(), "epochs": [1, 2], "loss": [0.7, 0.6], "wall_seconds": 1.5, "split": "x"}
    arrays = {
        "indptr": np.array([0, 2, 2, 3]), "n_candidates": np.array([5, 6, 4]),
        "ranks": np.array([[1, 4, 2], [2, 3, 1]], np.int32),
    }  # fmt: skip
    write_npz(folder / f"{cell.key}.cell", meta | {"versions": {}}, arrays, compressed=True)
    (folder / "a.toml").write_text(SWEEP)


def training_data() -> Any:
    from scipy import sparse

    return sparse.csr_matrix(np.random.default_rng(6).random((7, 11)) < 0.5, dtype=np.float32)


# -- damage -----------------------------------------------------------------------------------------------------------


def damage(content: bytes, rng: np.random.Generator) -> bytes:
    """A few changes of bytes, lengths and numbers."""
    data = bytearray(content)
    for _ in range(rng.integers(1, 4)):
        if not data:
            break
        at, width = int(rng.integers(len(data))), int(rng.integers(1, 9))
        match rng.integers(7):
            case 0:
                data[at] ^= 1 << int(rng.integers(8))
            case 1:
                data[at] = int(rng.integers(256))
            case 2:
                del data[at:]
            case 3:
                del data[at : at + width]
            case 4:
                data[at:at] = data[at : at + 4 * width]
            case 5:
                data[at : at + 4] = rng.choice([0, 1, 2**31 - 1, 2**31, 2**32 - 1, 2**30]).tobytes()[:4]
            case _:
                text = rng.choice(["-1", "1e999", "nan", "\0", '"', ",", "\n", "999999999999999999999", "é", "[", "\t"])
                data[at : at + width] = str(text).encode()
    return bytes(data)


def damage_inside(path: Path, rng: np.random.Generator) -> bytes:
    """Damage below the check sums of archives and of compressed streams, where there are any."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.compress(damage(gzip.decompress(content), rng))
    if path.suffix == ".toml":
        values = re.split(r"(?<== )(.*)\n", content.decode())
        values[2 * int(rng.integers(len(values) // 2)) + 1] = str(rng.choice(VALUES)) + "\n"
        return "".join(v if n % 2 == 0 else v.rstrip("\n") + "\n" for n, v in enumerate(values)).encode()
    if not zipfile.is_zipfile(path):
        return damage(content, rng)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = str(rng.choice(sorted(members)))
    if name == "meta.npy":
        meta = json.loads(str(np.load(io.BytesIO(members[name]))))
        place, key = meta, str(rng.choice(sorted(meta)))
        while isinstance(place[key], (dict, list)) and place[key] and rng.random() < 0.6:
            place = place[key]
            key = rng.choice(sorted(place)).item() if isinstance(place, dict) else int(rng.integers(len(place)))
        if isinstance(place, dict) and rng.random() < 0.2:
            del place[key]
        else:
            place[key] = HOSTILE[rng.integers(len(HOSTILE))]
        file = io.BytesIO()
        np.save(file, np.array(json.dumps(meta)))
        members[name] = file.getvalue()
    elif name.endswith(".npy") and rng.random() < 0.7:  # behind the header
        start = 10 + int.from_bytes(members[name][8:10], "little")
        tail = bytearray(members[name][start:])
        for _ in range(rng.integers(1, 5)):
            if tail:
                tail[int(rng.integers(len(tail)))] = int(rng.choice([0, 1, 127, 128, 255]))
        members[name] = members[name][:start] + bytes(tail)
    else:
        members[name] = damage(members[name], rng)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return packed.getvalue()


# -- reading, in a child ----------------------------------------------------------------------------------------------


def read_one(kind: str, path: Path) -> str:
    """Use the file as the package does; "read", or why it was refused."""
    from sim.bpr import BPRMF
    from sim.data._interactions import clean
    from sim.data._readers import read
    from sim.runs.cells import key_of
    from sim.runs.store import CellStore
    from sim.runs.sweep import read_sweep
    from sim.sampling import DNS, AdaSIR

    if kind == "model":
        model = BPRMF.load(path)
        model.recommend(0, N=2, filter_already_liked_items=False)
    elif kind == "checkpoint":
        sampler = AdaSIR(1, 4) if b"AdaSIR" in path.read_bytes().replace(b"\0", b"") else DNS(1, 3)
        BPRMF(2, sampler, epochs=2, rng=0).fit(training_data(), checkpoint=path)
    elif kind == "cell":
        from sim.core.npz import read_npz

        folder = path.parent / "results" / "toy"
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*"):
            old.unlink()
        name = path.stem
        with contextlib.suppress(Exception):  # a file whose name is that of its content is read on
            name = key_of(read_npz(path)[0]["config"])
        place = path.rename(folder / f"{name}.npz")
        store = CellStore(folder.parent)
        store.table(["ndcg@2", "opauc@0.5"])
        if store.damaged:
            raise ValueError(f"{place}: {store.damaged[place]}".replace(place.name, path.name))
    elif kind == "toml":
        read_sweep(path)
    else:
        clean(read(path, None, path.name), path.name, None, None)
    return "read"


def outcome(kind: str, path: Path) -> str:
    """ "read", "refused", or what should not have happened."""
    try:
        return read_one(kind, path)
    except (ValueError, OSError) as error:
        lines = str(error).splitlines()
        if len(lines) == 1 and (kind in ("model", "checkpoint", "cell") or path.name in lines[0]):
            return "refused"
        return f"{type(error).__name__} in {len(lines)} lines: {str(error)[:200]!r}"
    except BaseException as error:
        return f"{type(error).__name__}: {str(error)[:200]!r}"


def child(kind: str, sources: list[Path], folder: Path, count: int, pipe: int) -> None:
    """Read ``count`` damaged files; a line before and after each goes to the pipe."""
    rng = np.random.default_rng([len(sources), count, FORMATS.index(kind)])
    for path in sources:  # whole files are read, and kernels compiled, before the limits
        (copy := folder / path.name).write_bytes(path.read_bytes())
        assert (found := outcome(kind, copy)) == "read", (kind, path.name, found)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends compiled code too
    for number in range(count):
        source = sources[number % len(sources)]
        content = damage_inside(source, rng) if rng.random() < 0.5 else damage(source.read_bytes(), rng)
        path = folder / source.name
        path.write_bytes(content)
        os.write(pipe, f"{number} \n".encode())
        signal.alarm(SECONDS)
        found = outcome(kind, path)
        signal.alarm(0)
        if found not in ("read", "refused") and (kept := os.environ.get("HNS_FUZZ_KEEP")):
            (Path(kept) / f"{number}-{source.name}").write_bytes(content)
        os.write(pipe, f"{number} {found}\n".encode())


def fork_all(folder: Path, kinds: list[str], count: int) -> dict[str, list[str]]:
    """Outcomes of every file by format; the last is the signal if the child died of one."""
    if (pid := os.fork()) == 0:  # what trains must not fork: its threads
        make_all(folder)
        os._exit(0)
    os.waitpid(pid, 0)
    sources = {kind: sorted(folder.glob(f"*.{kind}")) for kind in FORMATS}
    for kind in WITHOUT_THREADS:  # imports and compiled code that all children share
        (copy := folder / f"first.{kind}").write_bytes(sources[kind][0].read_bytes())
        outcome(kind, copy)
        copy.unlink(missing_ok=True)
    found = {}
    for kind in kinds:
        (work := folder / f"work-{kind}").mkdir()
        out, into = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(out)
            try:
                child(kind, sources[kind], work, count, into)
            except BaseException as error:
                os.write(into, f"x {type(error).__name__}: {error}\n".encode())
            os._exit(0)
        os.close(into)
        with open(out, encoding="utf-8", errors="replace") as lines:
            found[kind] = [what for line in lines if (what := line.partition(" ")[2].strip())]
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            found[kind].append(f"signal {os.WTERMSIG(status)} in file {len(found[kind])}")
    return found


def fuzz(kinds: tuple[str, ...], count: int, folder: Path) -> dict[str, Counter[str]]:
    """How often each outcome was seen."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p), "NUMBA_NUM_THREADS": "1"}
    command = [sys.executable, __file__, str(folder), str(count), *kinds]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return {kind: Counter(found) for kind, found in json.loads(done.stdout.splitlines()[-1]).items()}


needs_proc = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the limit of memory needs Linux")


def check(kind: str, found: Counter[str], count: int) -> None:
    bad = {what: n for what, n in found.items() if what not in ("read", "refused")}
    assert not bad, f"{kind}: {bad}"
    assert found.total() == count and found["refused"] > count // 20


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[str]]:
    return fuzz(FORMATS, 60, tmp_path_factory.mktemp("fuzz"))


@needs_proc
@pytest.mark.parametrize("kind", FORMATS)
def test_sixty_damaged_files(short: dict[str, Counter[str]], kind: str) -> None:
    check(kind, short[kind], 60)


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("kind", FORMATS)
def test_two_thousand_damaged_files(kind: str, tmp_path: Path) -> None:
    check(kind, fuzz((kind,), 2_000, tmp_path)[kind], 2_000)


if __name__ == "__main__":
    where, how_many, *which = sys.argv[1:]
    print(json.dumps(fork_all(Path(where), which, int(how_many))))
