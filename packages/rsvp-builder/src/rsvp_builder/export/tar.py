"""Tar files whose bytes follow from their contents: no clock, no owner, no order but that of writing."""

from __future__ import annotations

import hashlib
import tarfile
from pathlib import Path
from types import TracebackType
from typing import Self

from rsvp_builder.dataset.layout import publish, temporary_for

_BLOCK = 512
_END = bytes(2 * _BLOCK)


def entry_size(size: int) -> int:
    """Bytes that a file of ``size`` bytes takes in a tar, header and padding included."""
    return _BLOCK + -(-size // _BLOCK) * _BLOCK


class TarWriter:
    """Writes a tar under a temporary name; :meth:`commit` gives it its own.

    Attributes:
        size: bytes so far, the end mark included.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = temporary_for(path)
        self._file = self._temporary.open("wb")
        self._hash = hashlib.sha256()
        self.size = len(_END)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the temporary file, unless the tar was committed."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def add(self, name: str, data: bytes | memoryview) -> None:
        """Add a file.

        Args:
            name: at most 100 ASCII characters, which every reader of tar understands.
            data: its bytes.
        """
        info = tarfile.TarInfo(name)
        info.size = len(data)
        info.mode = 0o644
        self._write(info.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict"))
        self._write(data)
        if padding := -len(data) % _BLOCK:
            self._write(bytes(padding))
        self.size += entry_size(len(data))

    def commit(self) -> str:
        """Finish the file, make it last and give it its name; returns its SHA-256 in hexadecimal."""
        self._write(_END)
        self._file.close()
        publish(self._temporary, self._path)
        return self._hash.hexdigest()

    def _write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._hash.update(data)
