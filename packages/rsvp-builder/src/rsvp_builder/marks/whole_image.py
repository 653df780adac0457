"""What is said of a whole image becomes a mark that covers it: the box ``[0, 0, width, height]``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rsvp_builder.record import Frame, Marks, Objects


def place_whole(objects: Objects, frames: Sequence[Frame]) -> Marks:
    """One mark for each object, on the one frame of its image.

    Args:
        objects: captions and scene classes, grouped by item.
        frames: one frame an image, in the order of the items; images without one are left out.
    """
    frame_item = np.array([f.item for f in frames], np.int64)
    frame = np.searchsorted(frame_item, objects.item)
    sizes = np.array([(f.width, f.height) for f in frames], np.float64).reshape(-1, 2)
    n = len(objects)
    return Marks(
        frame=frame,
        source=np.arange(n),
        class_id=objects.class_id,
        box=np.concatenate([np.zeros((n, 2)), sizes[frame]], axis=1),
        quad=np.full((n, 8), np.nan),
        flags=objects.flags,
        text=objects.text,
    )
