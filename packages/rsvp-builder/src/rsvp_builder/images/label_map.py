"""Semantic maps: rasters whose samples mean classes, read from top to bottom, and what samples mean.

Memory holds one row of the file's blocks beside the rows asked for, however large the map is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from rsvp_builder.images.probe import UnreadableImageError, probe

IGNORE = -1
"""Class number of samples that carry no label."""

UNKNOWN = -2
"""Class number of samples that the table does not list."""

Colour = tuple[int, int, int]
Samples = npt.NDArray[Any]
Codes = npt.NDArray[np.int32]
Classes = npt.NDArray[np.int16]
Palette = npt.NDArray[np.uint8]

_NO_COLOUR = -1  # code of an index beyond the end of a colour table
_BLACK = 0b000  # a corner of the colour cube, one bit each for red, green and blue
_MOST_BANDS = 4
_LARGEST_BLOCKS = 1 << 29
"""Bytes in a row of blocks above which blocks are not read whole; a damaged header can claim any size."""


@dataclass(frozen=True, slots=True)
class LabelCoding:
    """How samples of a map mean classes: by their colour, or by their number. Give one of the two.

    A table may list 0, 1 and 255 at once, so that one table reads maps of one bit, of 0/1 and of 0/255:
    ``values={0: 0, 1: 1, 255: 1}``.

    Attributes:
        colours: red, green and blue, 0 to 255 each -> class number; -1 for what carries no label. An
            indexed file is looked up through its colour table. Bands after the third are not read.
        values: number of a sample, 0 to 65535 -> class number; -1 for what carries no label. In an
            indexed file the number is the index, not the colour.
        threshold: with colours, each channel counts as full above it and as none up to it, so that
            colours bent by lossy compression are read right. Black carries no label then, unless it is
            listed. Without it, colours must match exactly.
        band: with values, the band that holds them, counted from 0.

    Raises:
        ValueError: both tables or neither, a key or class outside its range, or two colours of different
            classes that the threshold cannot tell apart.
    """

    colours: Mapping[Colour, int] | None = None
    values: Mapping[int, int] | None = None
    threshold: int | None = None
    band: int = 0
    _keys: Codes = field(init=False, repr=False, compare=False)
    _classes: Classes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if (self.colours is None) == (self.values is None):
            raise ValueError("a coding needs either colours or values")
        if self.colours is not None:
            table = {_packed(colour): number for colour, number in self.colours.items()}
        else:
            table = dict(self.values or {})
            if self.threshold is not None or self.band < 0:
                raise ValueError("values have no threshold, and bands count from 0")
        if not table or not all(0 <= key < 1 << 24 for key in table):
            raise ValueError("a table of classes needs entries, and keys that are not negative")
        if not all(IGNORE <= number < 1 << 15 for number in table.values()):
            raise ValueError("class numbers go from -1 to 32767")
        if self.threshold is not None:
            table = _corners(table, self.threshold)
        keys = sorted(table)
        object.__setattr__(self, "_keys", np.array(keys, np.int32))
        object.__setattr__(self, "_classes", np.array([table[key] for key in keys], np.int16))

    def decode(self, samples: Samples, palette: Palette | None = None) -> Classes:
        """Class numbers of samples: (n,) or (n, bands) unsigned integers or bool -> (n,) int16.

        Args:
            samples: as :meth:`LabelMap.rows` gives them.
            palette: colour table of the file they come from, if it has one.

        Returns:
            -1 for what carries no label, -2 for what the table does not list.

        Raises:
            UnreadableImageError: a file with such samples cannot be meant by this coding.
        """
        return self.classes(self.codes(samples, palette))

    def codes(self, samples: Samples, palette: Palette | None = None) -> Codes:
        """What :meth:`decode` looks samples up by: their number, or ``red << 16 | green << 8 | blue``."""
        bands = 1 if samples.ndim == 1 else samples.shape[1]
        if self.colours is None:
            if self.band >= bands:
                raise UnreadableImageError(f"{bands} band(s)", f"class numbers in band {self.band}, from 0")
            return (samples if samples.ndim == 1 else samples[:, self.band]).astype(np.int32)
        if bands == 1 and palette is not None:
            table = np.append(_codes(palette), np.int32(_NO_COLOUR))
            index = samples if samples.ndim == 1 else samples[:, 0]
            found: Codes = table[np.minimum(index, np.uint16(len(palette)))]
            return found
        if bands < 3 or samples.dtype.itemsize > 1:
            raise UnreadableImageError(
                f"{bands} band(s) of {8 * samples.dtype.itemsize} bits without a colour table",
                "colours: three bands of 8 bits, or a colour table",
            )
        return _codes(samples)

    def classes(self, codes: Codes) -> Classes:
        """Class numbers of codes: (n,) -> (n,) int16."""
        found: Classes
        if self.threshold is not None:
            found = self._classes[_corner(codes, self.threshold)]
            found[codes == _NO_COLOUR] = UNKNOWN
            return found
        place = np.searchsorted(self._keys, codes)
        place[place == len(self._keys)] = 0
        found = np.where(self._keys[place] == codes, self._classes[place], np.int16(UNKNOWN))
        return found

    def name(self, code: int) -> str:
        """A code as people write it: ``9,222,221`` or ``77``."""
        if code == _NO_COLOUR:
            return "an index beyond the colour table"
        return str(code) if self.colours is None else f"{code >> 16},{code >> 8 & 255},{code & 255}"


def _packed(colour: Colour) -> int:
    if len(colour) != 3 or not all(0 <= channel <= 255 for channel in colour):
        raise ValueError(f"a colour is three numbers from 0 to 255, not {colour!r}")
    red, green, blue = colour
    return red << 16 | green << 8 | blue


def _codes(colours: Samples) -> Codes:
    red, green, blue = (colours[:, band].astype(np.int32) for band in range(3))
    return red << 16 | green << 8 | blue


def _corner(codes: Codes, threshold: int) -> Codes:
    red, green, blue = (codes >> 16) > threshold, (codes >> 8 & 255) > threshold, (codes & 255) > threshold
    return red.astype(np.int32) << 2 | green.astype(np.int32) << 1 | blue.astype(np.int32)


def _corners(table: Mapping[int, int], threshold: int) -> dict[int, int]:
    """Class of each of the eight colours that the threshold leaves."""
    if not 0 <= threshold < 255:
        raise ValueError(f"a threshold lies between 0 and 254, not at {threshold}")
    cut: dict[int, int] = {}
    corners = _corner(np.array(list(table), np.int32), threshold).tolist()
    for corner, number in zip(corners, table.values(), strict=True):
        if cut.setdefault(corner, number) != number:
            raise ValueError(
                f"a threshold of {threshold} leaves classes {cut[corner]} and {number} one colour"
            )
    return {corner: IGNORE if corner == _BLACK else UNKNOWN for corner in range(8)} | cut


class LabelMap:
    """An open map, read by rows whose upper edge never goes up. Use it as a context manager.

    Samples come as the file has them, with one exception: a TIFF whose photometric interpretation is
    WhiteIsZero (TIFF 6.0, section 8) is turned, so that white is the highest number in every map.

    Attributes:
        width: of the map, in pixels.
        height: of the map, in pixels.
        bands: of the map.
        palette: (k, 3) uint8 colour table of an indexed file, else None.
    """

    def __init__(self, path: Path) -> None:
        """Open a map.

        Raises:
            UnreadableImageError: it is missing, cut off, cannot be opened, or is not of 1 to 4 bands
                of 16 bits at most.
        """
        probe(path)
        from rsvp_builder.images.raster import Raster

        self._path = path
        try:
            self._raster = Raster(path, "a map that can be decoded")
        except UnreadableImageError as error:
            raise UnreadableImageError(self._told(error.__cause__ or error), error.expected) from error
        self._file = self._raster.file
        self.width, self.height, self.bands = self._file.width, self._file.height, self._file.count
        types = sorted(set(self._file.dtypes))
        if types not in (["uint8"], ["uint16"]) or self.bands > _MOST_BANDS:
            self.close()
            expected = f"1 to {_MOST_BANDS} bands of uint8 or uint16"
            raise UnreadableImageError(f"{self.bands} band(s) of {', '.join(types)}", expected)
        self._type = np.dtype(types[0])
        self._describe()
        self._top = self._bottom = 0
        self._buffer = np.zeros((self.bands, 0, self.width), self._type)

    def _describe(self) -> None:
        """Colour table, photometric interpretation, and how high a row of blocks is."""
        from rasterio.enums import ColorInterp

        bits = int(self._file.tags(1, ns="IMAGE_STRUCTURE").get("NBITS", 8 * self._type.itemsize))
        turned = self._file.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES"
        self._white = 2**bits - 1 if turned else 0
        self.palette: Palette | None = None
        if self._file.colorinterp[0] == ColorInterp.palette:
            table = self._file.colormap(1)
            self.palette = np.array([table[index][:3] for index in sorted(table)], np.uint8)
            if turned:
                self.palette = self.palette[self._white :: -1].copy()
        height = min(self._file.block_shapes[0][0], self.height)
        row = self.bands * self.width * self._type.itemsize
        self._block = height if height * row <= _LARGEST_BLOCKS else 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._raster.close()

    def rows(self, y1: int, y2: int) -> Samples:
        """Samples of rows: (y2 - y1, width), or (y2 - y1, width, bands) of several bands.

        They are a view that the next call overwrites.

        Args:
            y1: first row, not above an earlier call's.
            y2: last row, exclusive.

        Raises:
            UnreadableImageError: the file is damaged there.
        """
        if not self._top <= y1 <= y2 <= self.height:
            raise ValueError(f"rows {y1} to {y2} of {self.height}, from {self._top} on: rows go down a map")
        kept = max(0, self._bottom - y1)
        if kept and y1 > self._top:
            self._buffer[:, :kept] = self._buffer[:, y1 - self._top : self._bottom - self._top]
        self._top, self._bottom = y1, max(y1, self._bottom)
        if y2 > self._bottom:
            # Every block is decoded once: what of its rows is not asked for yet is kept.
            last = min(-(-y2 // self._block) * self._block, self.height)
            self._make_room(kept, last - y1)
            self._read(self._buffer[:, kept : last - y1], self._bottom, last)
            self._bottom = last
        rows = self._buffer[:, : y2 - y1]
        return rows[0] if self.bands == 1 else rows.transpose(1, 2, 0)

    def _make_room(self, kept: int, rows: int) -> None:
        if rows > self._buffer.shape[1]:
            larger = np.empty((self.bands, rows, self.width), self._type)
            larger[:, :kept] = self._buffer[:, :kept]
            self._buffer = larger

    def _read(self, out: Samples, y1: int, y2: int) -> None:
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        try:
            self._file.read(out=out, window=Window(0, y1, self.width, y2 - y1))
        except RasterioError as error:
            read = f"rows {y1} to {y2} of {self.height}: {self._told(error)}"
            raise UnreadableImageError(read, "a map that can be decoded") from error
        if self._white:
            np.subtract(self._type.type(self._white), out, out=out)

    def _told(self, error: BaseException) -> str:
        """What GDAL said; without the folder, in which machines differ."""
        return str(error.__cause__ or error).replace(str(self._path), self._path.name)
