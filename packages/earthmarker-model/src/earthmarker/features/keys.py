"""What features are found by: a hash of everything on the canvas."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from earthmarker.data.rows import Row
from earthmarker.prompts import Mask

PREPROCESSING = 2  # raised when letterboxing, scaling or drawing changes what lies on a canvas


def picture_key(row: Row) -> bytes:
    """32 bytes: the hash of the picture's encoded bytes."""
    return bytes.fromhex(row.picture_sha256)


def prompt_key(row: Row, processor: Any) -> bytes:
    """32 bytes: the hash of all that decides how the row's marks are drawn.

    The overlay style draws on the picture, so the picture is part of it there.
    """
    marks = [
        [
            type(m).__name__,
            hashlib.sha256(m.pixels.tobytes()).hexdigest() if isinstance(m, Mask) else m.outline.tolist(),
        ]
        for m in row.marks
    ]
    style = dict(processor.prompt_style)
    picture = row.picture_sha256 if style.get("shape") == "overlay" else None
    drawn = [marks, row.width, row.height, processor.canvas, style, picture]
    return hashlib.sha256(b"prompt " + json.dumps(drawn, sort_keys=True).encode()).digest()
