"""How marks are drawn; part of the key of a request."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

VERSION = 3
"""Of the drawing itself: goes up when the same settings give another picture."""


class DrawingSettings(BaseModel):
    """What is drawn and how large.

    Attributes:
        boxes: draw the outlines of boxes and quads.
        points: draw the rings of points.
        numbers: draw each mark's number.
        fill: opacity of the inside of boxes, 0 for none.
        max_side: longest side of a picture that is sent, in pixels; larger ones are shrunk.
        min_side: smaller pictures are enlarged until their longest side has this many.
        max_marks: most marks that are drawn, larger ones first; the others are left out, and told.
        legible: pixels that the longer side of a mark, and the distance to the next one, must have in the
            sent picture to be told apart.
        max_parts: most enlarged parts that follow the whole picture where marks are smaller or closer than
            that; 0 for none.
        format: encoding.
        quality: of JPEG.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    boxes: bool = True
    points: bool = True
    numbers: bool = True
    fill: float = Field(0.0, ge=0, le=1)
    max_side: int = Field(1536, ge=64, le=8192)
    min_side: int = Field(512, ge=16)
    max_marks: int = Field(40, ge=1)
    legible: float = Field(16.0, ge=0)
    max_parts: int = Field(4, ge=0, le=16)
    format: Literal["jpeg", "png"] = "jpeg"
    quality: int = Field(90, ge=1, le=100)

    def fingerprint(self) -> dict[str, Any]:
        """Everything that decides the picture, as JSON values."""
        return {"version": VERSION, **self.model_dump(mode="json")}
