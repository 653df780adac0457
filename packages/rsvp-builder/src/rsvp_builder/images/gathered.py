"""Encoded pictures gathered end to end in one piece of memory, which Arrow reads without a copy."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pyarrow as pa

MOST_BYTES = 1 << 30
"""Bytes of a file above which it is not copied: it is held in memory, and Arrow counts in 31 bits."""


class Gathered:
    """Bytes of several pictures; :meth:`clear` keeps the memory for the next ones.

    Attributes:
        size: bytes held.
    """

    def __init__(self) -> None:
        self.size = 0
        self._memory = np.empty(0, np.uint8)
        self._ends = [0]

    def add(self, picture: bytes | Path) -> None:
        """Append a picture, or the content of a file.

        Raises:
            OSError: the file cannot be read.
        """
        if isinstance(picture, bytes):
            self._reserve(len(picture))
            self._memory[self.size : self.size + len(picture)] = np.frombuffer(picture, np.uint8)
            self.size += len(picture)
        else:
            with picture.open("rb", buffering=0) as file:
                size = os.fstat(file.fileno()).st_size
                if size > MOST_BYTES:
                    raise OSError(
                        errno.EFBIG, f"{size} bytes, more than the {MOST_BYTES} of a picture that is copied"
                    )
                self._reserve(size + 1)
                # One byte more than the file has, so that its end is seen; more if it has grown.
                while read := file.readinto(self._memory.data[self.size :]):
                    self.size += read
                    self._reserve(1)
        self._ends.append(self.size)

    def _reserve(self, extra: int) -> None:
        if self.size + extra > len(self._memory):
            larger = np.empty(max(self.size + extra, 2 * len(self._memory)), np.uint8)
            larger[: self.size] = self._memory[: self.size]
            self._memory = larger

    def clear(self) -> None:
        """Forget all pictures. Arrays given before must not be used any more."""
        self.size = 0
        self._ends = [0]

    def __len__(self) -> int:
        return len(self._ends) - 1

    def array(self) -> pa.Array:
        """The pictures as an Arrow binary array that shares this memory."""
        ends = pa.py_buffer(np.array(self._ends, np.int32))
        return pa.Array.from_buffers(pa.binary(), len(self), [None, ends, pa.py_buffer(self._memory)])
