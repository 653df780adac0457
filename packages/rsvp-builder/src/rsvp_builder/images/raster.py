"""Image files opened through GDAL, with the settings that everything here reads with."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.enums import Interleaving
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader

from rsvp_builder.images.probe import UnreadableImageError

_CACHE_MB = 64
_DRIVERS = ["PNG", "JPEG", "GTiff", "BMP"]
_LARGEST_BLOCK = 1 << 29
"""Bytes of a block above which a file is refused: GDAL decodes blocks whole, and headers claim any size."""


class Raster:
    """An open file.

    Args:
        path: the file.
        expected: what it should have been, for the message.

    Attributes:
        file: the data set, as rasterio gives it.

    Raises:
        UnreadableImageError: it cannot be opened.
    """

    def __init__(self, path: Path, expected: str) -> None:
        # GDAL's shortcut for whole PNGs holds all of one in memory and reads a cut-off file as black.
        # Files beside an image (.aux.xml, .ovr, .msk, .tfw) must not change it, nor make us wait for a pipe.
        self._env = rasterio.Env(
            GDAL_CACHEMAX=_CACHE_MB,
            GDAL_PNG_WHOLE_IMAGE_OPTIM="NO",
            GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR",
            GDAL_PAM_ENABLED="NO",
        )
        self._env.__enter__()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                self.file: Any = DatasetReader(str(path), driver=_DRIVERS)
        except RasterioError as error:
            self._env.__exit__(None, None, None)
            raise UnreadableImageError(str(error), expected) from error
        block = self._block_bytes()
        if block > _LARGEST_BLOCK:
            self.close()
            told = f"blocks of {block >> 20} MB"
            raise UnreadableImageError(told, f"strips or tiles of at most {_LARGEST_BLOCK >> 20} MB")

    def _block_bytes(self) -> int:
        height, width = self.file.block_shapes[0]
        samples = self.file.count if self.file.interleaving == Interleaving.pixel else 1
        return int(height * width * samples * np.dtype(self.file.dtypes[0]).itemsize)

    def close(self) -> None:
        """Close the file."""
        self.file.close()
        self._env.__exit__(None, None, None)
