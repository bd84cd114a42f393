"""Numba's cache of compiled code on disk, not trusted: what is damaged is compiled anew and replaced.

Numba unpickles and runs what it finds. Here each file begins with a check sum, so that one that was cut short or
changed is noticed before it is looked into; and no error in reading or writing stops a call.
"""

from __future__ import annotations

import contextlib
import hashlib
import pickle
import sys
from collections.abc import Iterator
from typing import Any

from numba.core.caching import FunctionCache, IndexDataCacheFile

from .files import open_plain

__all__ = ["CodeCache"]

_SUM = hashlib.sha256().digest_size
_said: set[str] = set()


class _Files(IndexDataCacheFile):
    """An index and data files that begin with the check sum of what follows."""

    def _load_index(self) -> dict[Any, str]:
        try:
            stamp, version, overloads = self._read(self._index_path)
        except FileNotFoundError:
            return {}
        return overloads if (stamp, version) == (self._source_stamp, self._version) else {}

    def _save_index(self, overloads: dict[Any, str]) -> None:
        self._write(self._index_path, (self._source_stamp, self._version, overloads))

    def _load_data(self, name: str) -> Any:
        return self._read(self._data_path(name))

    def _save_data(self, name: str, data: Any) -> None:
        self._write(self._data_path(name), data)

    def load(self, key: Any) -> Any:
        name = self._load_index().get(key)
        with contextlib.suppress(FileNotFoundError):  # removed since the index was read
            return None if name is None else self._load_data(name)

    def _read(self, path: str) -> Any:
        with open_plain(path, follow=True) as file:
            digest, data = file.read(_SUM), file.read()
        if hashlib.sha256(data).digest() != digest:
            raise ValueError("wrong check sum")
        return pickle.loads(data)

    def _write(self, path: str, content: Any) -> None:
        data = self._dump(content)
        with self._open_for_write(path) as file:
            file.write(hashlib.sha256(data).digest() + data)


class CodeCache(FunctionCache):
    """Numba's cache of one function; its files are dropped, and this is said once a folder, where they are damaged."""

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        name, stamp = f"{self._impl.filename_base}.sum", self._impl.locator.get_source_stamp()
        self._cache_file = _Files(self._cache_path, name, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The code kept for a signature, or None."""
        with self._spared("read"):
            return super().load_overload(sig, target_context)
        with self._spared("written"):
            self.flush()  # an empty index: what is compiled now is kept for the next time
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code of a signature."""
        with self._spared("written"):
            super().save_overload(sig, data)

    @contextlib.contextmanager
    def _spared(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # damage shows in many ways
            if what == "written":
                self.disable()
            if self._cache_path not in _said:
                _said.add(self._cache_path)
                reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
                line = f"the cache of compiled code in {self._cache_path} could not be {what} ({reason})"
                print(f"hns: {line}: kernels are compiled anew", file=sys.stderr)
