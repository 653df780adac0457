"""Windows of large scenes, read from top to bottom, and their encoding.

Memory holds one band of rows, as high as a window, however large the scene is.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt
from PIL import Image
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rasterio.windows import Window

from rsvp_builder.images import TileFormat
from rsvp_builder.images.probe import UnreadableImageError
from rsvp_builder.images.raster import Raster

_JPEG_QUALITY = 95
# zlib level 1: tiles of aerial images hardly shrink further and level 6 takes four times as long.
_PNG_LEVEL = 1

Pixels = npt.NDArray[np.uint8]


class Scene:
    """An open image, read by windows whose upper edges never go up.

    Compressed PNG rows can only be reached by decoding all rows above, so the rows that the next
    window shares with this one are kept instead of being read again.
    """

    def __init__(self, path: Path, bands: Sequence[int] = ()) -> None:
        """Open a scene.

        Args:
            path: the image.
            bands: bands to read, counted from 1; none for all.

        Raises:
            UnreadableImageError: it cannot be opened, or is not of 1 to 4 bands of 8 bits.
        """
        self._raster = Raster(path, "an image that can be decoded")
        self._file = self._raster.file
        self._bands = list(bands) or list(self._file.indexes)
        if max(self._bands) > self._file.count:
            self.close()
            raise UnreadableImageError(f"{self._file.count} bands", f"bands {self._bands}")
        types = {self._file.dtypes[band - 1] for band in self._bands}
        count = len(self._bands)
        bits = int(self._file.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", 8))
        if count > 4 or types != {"uint8"} or (bits < 8 and count > 1):
            self.close()
            depth = ", ".join(sorted(types)) if bits >= 8 else f"{bits} bits"
            raise UnreadableImageError(f"{count} bands of {depth}", "1 to 4 bands of 8 bits")
        self._palette: Pixels | None = None
        if self._file.colorinterp[0] == ColorInterp.palette:
            table = self._file.colormap(1)
            self._palette = np.zeros((256, 3), np.uint8)
            for index, colour in table.items():
                self._palette[index] = colour[:3]
        elif bits < 8:
            # Samples of 1, 2 or 4 bits come as they are: 1 is white in a picture of one bit.
            self._palette = np.linspace(0, 255, 2**bits).astype(np.uint8)
        self._top = self._bottom = 0
        self._rows = np.zeros((count, 0, self._file.width), np.uint8)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._raster.close()

    def window(self, x1: int, y1: int, x2: int, y2: int) -> Pixels:
        """Pixels of a window: (height, width) for one band, else (height, width, bands), uint8.

        Args:
            x1: left edge, y1: upper edge, x2, y2: right and lower edge, exclusive; inside the scene,
                with y1 not above an earlier window's.
            y1: see x1.
            x2: see x1.
            y2: see x1.

        Raises:
            UnreadableImageError: the file is damaged there.
        """
        if y1 < self._top:
            raise ValueError(f"windows go down a scene: {y1} is above {self._top}")
        if y2 > self._bottom:
            kept = self._rows[:, max(0, y1 - self._top) :]
            start = max(self._bottom, y1)
            try:
                fresh = self._file.read(self._bands, window=Window(0, start, self._file.width, y2 - start))
            except RasterioError as error:
                raise UnreadableImageError(str(error), "an image that can be decoded") from error
            self._rows = np.concatenate([kept, fresh], axis=1) if kept.size else fresh
            self._top, self._bottom = y1, y2
        rows = self._rows[:, y1 - self._top : y2 - self._top, x1:x2]
        if self._palette is not None:
            palette_pixels: Pixels = self._palette[rows[0]]
            return palette_pixels
        pixels: Pixels = rows[0] if len(rows) == 1 else rows.transpose(1, 2, 0)
        return np.ascontiguousarray(pixels)


def encode(pixels: Pixels, format_: TileFormat) -> bytes:
    """Encode (height, width[, bands]) uint8 pixels; JPEG drops transparency."""
    image = Image.fromarray(pixels)
    buffer = io.BytesIO()
    if format_ == "png":
        image.save(buffer, "PNG", compress_level=_PNG_LEVEL)
    else:
        flat = image if image.mode in ("L", "RGB") else image.convert("RGB")
        flat.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()
