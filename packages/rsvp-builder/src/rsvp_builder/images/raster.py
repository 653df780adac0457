"""Image files opened through GDAL, with the settings that everything here reads with."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from rsvp_builder.images.probe import UnreadableImageError

_CACHE_MB = 64


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
        self._env = rasterio.Env(GDAL_CACHEMAX=_CACHE_MB, GDAL_PNG_WHOLE_IMAGE_OPTIM="NO")
        self._env.__enter__()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                self.file: Any = rasterio.open(path)
        except RasterioError as error:
            self._env.__exit__(None, None, None)
            raise UnreadableImageError(str(error), expected) from error

    def close(self) -> None:
        """Close the file."""
        self.file.close()
        self._env.__exit__(None, None, None)
