"""The size of a picture, for annotations that are drawn on it."""

from __future__ import annotations

from pathlib import Path

from rsvp_builder.images.probe import UnreadableImageError, probe
from rsvp_builder.record import Item


def picture_size(root: Path, item: Item) -> tuple[int, int] | None:
    """Width and height in pixels from the picture's header, or None where there is no sound picture.

    The build drops such an image, and says why.
    """
    if item.image is None:
        return None
    try:
        info = probe(root / item.image)
    except UnreadableImageError:
        return None
    return info.width, info.height
