"""Pictures and prompts as canvases, each picture decoded once while it is held."""

from __future__ import annotations

import io
from collections import OrderedDict
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from earthmarker.data.rows import Row
from earthmarker.errors import EarthMarkerError
from earthmarker.pictures import as_rgb


class Canvases:
    """Makes the two canvases of a row.

    Args:
        processor: an ``EarthMarkerProcessor``.
        held: canvases of pictures held at a time.
    """

    def __init__(self, processor: Any, held: int = 512) -> None:
        self.processor = processor
        self.held = held
        self.decoded = 0
        self._pictures: OrderedDict[str, Tensor] = OrderedDict()

    def of(self, row: Row) -> Tensor:
        """(2, 3, side, side) float32: the picture and the prompt.

        Raises:
            EarthMarkerError: if the picture cannot be decoded, or a mark cannot be drawn.
        """
        return torch.stack([self.picture(row), self.prompt(row)])

    def picture(self, row: Row) -> Tensor:
        """(3, side, side) float32 canvas of the row's picture."""
        key = row.picture_sha256
        if key not in self._pictures:
            self._pictures[key] = self._canvas(open_picture(row))
            self.decoded += 1
            if len(self._pictures) > self.held:
                self._pictures.popitem(last=False)
        self._pictures.move_to_end(key)
        return self._pictures[key]

    def prompt(self, row: Row) -> Tensor:
        """(3, side, side) float32 canvas of the row's marks."""
        overlay = self.processor.prompt_style.get("shape") == "overlay"
        try:
            drawn = self.processor.draw(
                row.marks, open_picture(row) if overlay else Image.new("1", (row.width, row.height))
            )
        except ValueError as error:
            raise EarthMarkerError(f"row {row.id}: {error}") from error
        return self._canvas(drawn)

    def _canvas(self, image: Image.Image) -> Tensor:
        pixels = self.processor.image_processor(image, return_tensors="pt")["pixel_values"]
        return pixels[0]


def open_picture(row: Row) -> Image.Image:
    """Decode the picture of a row as RGB.

    Raises:
        EarthMarkerError: if it is damaged.
    """
    try:
        return as_rgb(Image.open(io.BytesIO(row.picture)))
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise EarthMarkerError(
            f"row {row.id}: its picture cannot be decoded ({error}); build its source anew"
        ) from error
