"""The settings of a build that decide its bytes; saved beside the data set."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rsvp_builder.converse import Wording
from rsvp_builder.images import TileFormat
from rsvp_builder.marks import Difficult
from rsvp_builder.tiling import Tiling

Images = Literal["embed", "reference"]


class Settings(BaseModel):
    """What a build makes of a release. Same release, settings and version: same bytes.

    Attributes:
        tasks: tasks to build; empty for those of the manifest.
        images: ``embed`` puts the picture's bytes into the shards; ``reference`` only its absolute
            path, for use on this machine.
        tile: side of tiles in pixels, 0 for none.
        overlap: pixels that neighbouring tiles share.
        min_area: share of an object that a tile must hold to mark it.
        tile_format: encoding of tiles; PNG is lossless.
        marks_per_row: most marks in a row.
        difficult: what becomes of objects that the source calls difficult.
        paraphrases: vary the wording of instructions.
        seed: decides every random choice, with the row's identity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: tuple[str, ...] = ()
    images: Images = "embed"
    tile: int = Field(1024, ge=0)
    overlap: int = Field(200, ge=0)
    min_area: float = Field(0.7, gt=0, le=1)
    tile_format: TileFormat = "png"
    marks_per_row: int = Field(20, ge=1)
    difficult: Difficult = "keep"
    paraphrases: bool = False
    seed: int = 0

    @field_validator("tasks")
    @classmethod
    def _each_task_once(cls, tasks: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tasks))

    @model_validator(mode="after")
    def _fit(self) -> Settings:
        if self.tile and self.overlap >= self.tile:
            raise ValueError(f"overlap {self.overlap} must be smaller than tile {self.tile}")
        if self.images == "reference" and self.tile:
            raise ValueError("images can only be referenced whole: add --tile 0, or use --images embed")
        return self

    @property
    def tiling(self) -> Tiling:
        """How scenes are cut."""
        return Tiling(self.tile, self.overlap, self.min_area)

    @property
    def wording(self) -> Wording:
        """How rows are worded."""
        return Wording(self.marks_per_row, self.paraphrases, self.seed)
