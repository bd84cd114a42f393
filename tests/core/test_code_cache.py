"""The cache of compiled code: whatever is wrong with it, the call is answered, and the next one finds a whole cache."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import pickle
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba
import pytest

from sim.core import code_cache as _code_cache
from sim.core.jit import JIT_ENABLED

pytestmark = pytest.mark.skipif(not JIT_ENABLED, reason="nothing is compiled")


@pytest.fixture
def call(tmp_path, monkeypatch, capfd):
    """As a new process would call a kernel: its value, whether its code was in the cache, and what was said."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    module = tmp_path / "module.py"
    module.write_text("from sim.core.jit import kernel\n@kernel()\ndef thrice(x):\n    return 3 * x\n")

    def call() -> tuple[int, bool, str]:
        monkeypatch.setattr(_code_cache, "_said", set())
        thrice = runpy.run_path(str(module))["thrice"]
        value = thrice(7)
        return value, bool(thrice.stats.cache_hits), capfd.readouterr().err

    return call


def files(tmp_path: Path, ending: str) -> list[Path]:
    return list((tmp_path / "cache").rglob(f"*{ending}"))


def summed(content: Any) -> bytes:
    data = pickle.dumps(content)
    return hashlib.sha256(data).digest() + data


DAMAGE = {
    "empty": lambda old: b"",
    "cut": lambda old: old[: len(old) // 2],
    "cut by one": lambda old: old[:-1],
    "changed": lambda old: old[:200] + bytes([old[200] ^ 1]) + old[201:],
    "longer": lambda old: old + b"\0",
    "text": lambda old: b"<html>404</html>" * 10,
    "numba's own": lambda old: old[32:],
    "another pickle": lambda old: summed(42),
    "of another class": lambda old: summed((None, numba.__version__)),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_damage_is_said_once_and_mended(call, tmp_path, ending, damage):
    assert call() == (21, False, "") and call() == (21, True, "")
    (path,) = files(tmp_path, ending)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    value, hit, said = call()
    assert value == 21 and not hit
    assert said.count("\n") == 1 and said.startswith("hns: the cache of compiled code in ")
    assert "could not be read (" in said and said.endswith("): kernels are compiled anew\n")
    assert call() == (21, True, "")


def test_a_file_that_is_gone_is_no_damage(call, tmp_path):
    for ending in (".nbi", ".nbc"):
        call()
        files(tmp_path, ending)[0].unlink()
        assert call() == (21, False, "") and call() == (21, True, "")


def test_a_folder_in_the_place_of_a_file(call, tmp_path):
    """Cannot be mended: said in each process, and the answers are right."""
    call()
    (path,) = files(tmp_path, ".nbi")
    path.unlink()
    path.mkdir()
    for _ in range(2):
        value, hit, said = call()
        assert value == 21 and not hit and said.count("\n") == 1 and "it is a folder" in said


def test_a_file_that_may_not_be_read_is_replaced(call, tmp_path, monkeypatch):
    call()

    def refuse(*_: Any, **__: Any) -> None:  # permissions would not stop root
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(_code_cache, "open_plain", refuse)
        value, hit, said = call()
    assert value == 21 and not hit and "could not be read (Permission denied)" in said and said.count("\n") == 1
    assert call()[0] == 21 and call() == (21, True, "")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EACCES])
def test_a_folder_that_cannot_be_written(call, monkeypatch, number):
    @contextlib.contextmanager
    def refuse(*_: Any) -> Iterator[None]:
        raise OSError(number, "it cannot")
        yield

    monkeypatch.setattr(_code_cache._Files, "_open_for_write", refuse)
    value, hit, said = call()
    assert value == 21 and not hit and "could not be written (it cannot)" in said and said.count("\n") == 1


def test_no_folder_at_all(call, tmp_path, monkeypatch):
    (tmp_path / "cache").write_text("a file")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    assert call()[:2] == (21, False)
