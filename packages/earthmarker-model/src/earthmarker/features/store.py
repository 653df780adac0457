"""Features on disk: records of one size, mapped into memory, and their keys beside them.

::

    CACHE/cache.json           what made them: encoders, preprocessing, shape
    CACHE/features-00000.bin   bfloat16 records of (tokens, channels), ``RECORDS`` a file
    CACHE/keys.bin             32 bytes a record, in the order of the records; written after them

A record whose key is not there yet does not exist, so a run that was killed goes on behind the last key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from earthmarker.data.rows import Row
from earthmarker.errors import EarthMarkerError
from earthmarker.features.keys import PREPROCESSING, picture_key, prompt_key

RECORDS = 4096
_META = "cache.json"
_KEYS = "keys.bin"


class StaleCacheError(EarthMarkerError):
    """A cache that other encoders or another preprocessing made."""


class FeatureStore:
    """Features by key.

    Args:
        folder: the cache.
        processor: the processor that draws the prompts, for their keys.

    Raises:
        EarthMarkerError: if there is no cache or it is damaged.
    """

    def __init__(self, folder: Path, processor: Any) -> None:
        self.folder = folder
        self.processor = processor
        try:
            self.meta: dict[str, Any] = json.loads((folder / _META).read_bytes())
            self.shape = (int(self.meta["tokens"]), int(self.meta["channels"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise EarthMarkerError(
                f"{folder}: no feature cache there ({error}); make one: earthmarker cache"
            ) from error
        self._maps: dict[int, NDArray[np.uint16]] = {}
        self._read_keys()

    @classmethod
    def create(cls, folder: Path, processor: Any, fingerprint: str, shape: tuple[int, int]) -> FeatureStore:
        """Open a cache to add to it, a new one if there is none.

        Args:
            folder: the cache.
            processor: of the model.
            fingerprint: of the encoders, :func:`earthmarker.mov.feature_fingerprint`.
            shape: (tokens, channels) of a record.

        Raises:
            StaleCacheError: if something else made what is there.
        """
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / _META).is_file():
            meta = {
                "fingerprint": fingerprint,
                "preprocessing": PREPROCESSING,
                "canvas": processor.canvas,
                "tokens": shape[0],
                "channels": shape[1],
                "dtype": "bfloat16",
            }
            (folder / _KEYS).write_bytes(b"")
            temporary = folder / f"{_META}.part"
            temporary.write_text(json.dumps(meta, indent=1) + "\n")
            temporary.replace(folder / _META)
        store = cls(folder, processor)
        store.check(fingerprint)
        return store

    def check(self, fingerprint: str | None) -> None:
        """See that these encoders and this preprocessing made the cache.

        Raises:
            StaleCacheError: if not; the message says what differs.
        """
        wanted = {"fingerprint": fingerprint, "preprocessing": PREPROCESSING, "canvas": self.processor.canvas}
        wrong = [f"{k} {self.meta.get(k)!r}, now {v!r}" for k, v in wanted.items() if self.meta.get(k) != v]
        if wrong:
            raise StaleCacheError(
                f"{self.folder}: features of other encoders or another preprocessing ({'; '.join(wrong)}); "
                "make them anew in another folder"
            )

    def __len__(self) -> int:
        return len(self._place)

    def __contains__(self, key: bytes) -> bool:
        return key in self._place

    def get(self, key: bytes) -> Tensor:
        """(tokens, channels) bfloat16.

        Raises:
            KeyError: if there is none.
        """
        place = self._place[key]
        shard = self._map(place // RECORDS)
        return torch.from_numpy(shard[place % RECORDS].view(np.int16).copy()).view(torch.bfloat16)

    def of(self, row: Row) -> Tensor:
        """(2, tokens, channels) bfloat16 of the row's picture and prompt.

        Raises:
            EarthMarkerError: if they are not in the cache.
        """
        try:
            return torch.stack([self.get(picture_key(row)), self.get(prompt_key(row, self.processor))])
        except KeyError:
            raise EarthMarkerError(
                f"{self.folder}: no features of row {row.id} in it; earthmarker cache adds those of more rows"
            ) from None

    def add(self, keys: Sequence[bytes], features: Tensor) -> None:
        """Add records; keys that are there already must not come again.

        Args:
            keys: 32 bytes each.
            features: (n, tokens, channels).

        Raises:
            EarthMarkerError: for features of another shape.
        """
        if tuple(features.shape[1:]) != self.shape:
            raise EarthMarkerError(
                f"features of {tuple(features.shape[1:])}, but the cache holds {self.shape}"
            )
        bits = features.to(torch.bfloat16).contiguous().cpu().view(torch.int16).numpy().view(np.uint16)
        done = 0
        while done < len(keys):
            place = len(self._place)
            count = min(len(keys) - done, RECORDS - place % RECORDS)
            path = self._path(place // RECORDS)
            with path.open("r+b" if path.exists() else "w+b") as file:
                file.seek(place % RECORDS * self._size)
                file.write(bits[done : done + count].tobytes())
            with (self.folder / _KEYS).open("r+b") as file:
                file.seek(place * 32)
                file.write(b"".join(keys[done : done + count]))
            for key in keys[done : done + count]:
                self._place[key] = len(self._place)
            self._maps.pop(place // RECORDS, None)
            done += count

    @property
    def _size(self) -> int:
        return self.shape[0] * self.shape[1] * 2

    def _path(self, shard: int) -> Path:
        return self.folder / f"features-{shard:05d}.bin"

    def _map(self, shard: int) -> NDArray[np.uint16]:
        if shard not in self._maps:
            path = self._path(shard)
            held = path.stat().st_size // self._size
            self._maps[shard] = np.memmap(path, dtype=np.uint16, mode="r", shape=(held, *self.shape))
        return self._maps[shard]

    def _read_keys(self) -> None:
        path = self.folder / _KEYS
        if not path.is_file():
            raise EarthMarkerError(
                f"{path}: it is gone, and with it what the records are; make the cache anew"
            )
        data = path.read_bytes()
        keys = [data[i : i + 32] for i in range(0, len(data) - len(data) % 32, 32)]
        for shard in range(-(-len(keys) // RECORDS)):
            wanted = min(RECORDS, len(keys) - shard * RECORDS)
            path = self._path(shard)
            if not path.is_file() or path.stat().st_size < wanted * self._size:
                raise EarthMarkerError(f"{path}: shorter than its {wanted} records; make it anew")
        self._place = {key: place for place, key in enumerate(keys)}

    def __getstate__(self) -> dict[str, Any]:
        """Workers map the files themselves."""
        return {**self.__dict__, "_maps": {}}
