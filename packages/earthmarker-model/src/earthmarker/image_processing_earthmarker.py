"""From pictures to the square canvas that the experts look at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from transformers.feature_extraction_utils import BatchFeature
from transformers.image_processing_backends import PilBackend
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD, PILImageResampling

from earthmarker.pictures import picture_of
from earthmarker.prompts import Letterbox


class EarthMarkerImageProcessor(PilBackend):
    """Pads to a centred square in CLIP's mean colour, scales bicubic, and normalises with CLIP's statistics.

    One canvas serves all streams: the model scales it to each and renormalises it for DINOv2. Prompts are
    drawn on a canvas of this size and only get normalised.
    """

    resample = PILImageResampling.BICUBIC
    image_mean = OPENAI_CLIP_MEAN
    image_std = OPENAI_CLIP_STD
    size = {"height": 512, "width": 512}  # noqa: RUF012 - transformers reads class attributes
    do_resize = True
    do_rescale = True
    do_normalize = True
    do_convert_rgb = True

    def process_image(self, image: Any, **kwargs: Any) -> NDArray[np.uint8]:
        """Any picture as (3, height, width) uint8 RGB.

        Raises:
            PictureError: if it is none.
        """
        return np.asarray(picture_of(image)).transpose(2, 0, 1)

    def _preprocess(
        self,
        images: list[NDArray[np.uint8]],
        size: Any,
        image_mean: list[float],
        image_std: list[float],
        rescale_factor: float,
        return_tensors: str | None,
        **kwargs: Any,
    ) -> BatchFeature:
        """Make canvases of (3, height, width) uint8 images."""
        canvases = []
        for image in images:
            canvas = letterboxed(image, size.height)
            scaled = self.rescale(canvas, rescale_factor)
            canvases.append(self.normalize(scaled, image_mean, image_std))
        return BatchFeature(data={"pixel_values": canvases}, tensor_type=return_tensors)


def letterboxed(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Pad a (3, height, width) uint8 image to a centred square and scale it to (3, size, size), bicubic."""
    _, height, width = image.shape
    if height == width == size:
        return image
    picture = Image.fromarray(np.ascontiguousarray(image.transpose(1, 2, 0)))
    return np.asarray(Letterbox(width, height, size).fit(picture)).transpose(2, 0, 1)
