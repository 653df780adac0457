"""The settings of a build that decide its bytes; saved beside the data set."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rsvp_builder.converse import Wording
from rsvp_builder.images import TileFormat
from rsvp_builder.manifest import Manifest
from rsvp_builder.marks import Difficult
from rsvp_builder.tiling import Tiling

Images = Literal["embed", "reference"]

OVERLAP = 200
"""Pixels that tiles share where neither the settings nor the manifest say; the DOTA devkit's."""


class Settings(BaseModel):
    """What a build makes of a release. Same release, settings and version: same bytes.

    Attributes:
        tasks: tasks to build; empty for those of the manifest.
        images: ``embed`` puts the picture's bytes into the shards; ``reference`` only its absolute
            path, for use on this machine.
        tile: side of tiles in pixels, 0 for none.
        overlap: pixels that neighbouring tiles share; None for the manifest's, or else 200.
        min_area: share of an object that a tile must hold to mark it.
        tile_format: encoding of tiles; PNG is lossless.
        marks_per_row: most marks in a row.
        difficult: what becomes of objects that the source calls difficult.
        paraphrases: vary the wording of instructions.
        captions: keep each caption of an image once, or as often as it is there.
        samples_per_image: rows a scene class gives.
        patch, patch_mode: see :class:`rsvp_builder.manifest.Points`.
        points_per_image: most points an image gives, 0 for no limit.
        balance_points: share that limit out evenly among the classes of the image.
        background: also point at classes that are labelled but are no object, such as what is not
            a building in a map of buildings.
        seed: decides every random choice, with the row's identity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tasks: tuple[str, ...] = ()
    images: Images = "embed"
    tile: int = Field(1024, ge=0)
    overlap: int | None = Field(None, ge=0)
    min_area: float = Field(0.7, gt=0, le=1)
    tile_format: TileFormat = "png"
    marks_per_row: int = Field(20, ge=1)
    difficult: Difficult = "keep"
    paraphrases: bool = False
    captions: Literal["all", "unique"] | None = None
    samples_per_image: int | None = Field(None, ge=1)
    patch: int | None = Field(None, ge=1)
    patch_mode: Literal["pixels", "grid"] | None = None
    points_per_image: int | None = Field(None, ge=0)
    balance_points: bool | None = None
    background: bool = True
    seed: int = 0

    @field_validator("tasks")
    @classmethod
    def _each_task_once(cls, tasks: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(tasks))

    @model_validator(mode="after")
    def _fit(self) -> Settings:
        overlap = OVERLAP if self.overlap is None else self.overlap
        if self.tile and overlap >= self.tile:
            raise ValueError(f"overlap {overlap} must be smaller than tile {self.tile}")
        if self.images == "reference" and self.tile:
            raise ValueError("images can only be referenced whole: add --tile 0, or use --images embed")
        return self

    def resolved(self, manifest: Manifest) -> Settings:
        """These settings with everything that was left open as the manifest has it."""
        points = manifest.points
        defaults = {
            "tasks": tuple(manifest.tasks),
            "overlap": OVERLAP if manifest.tiles.overlap is None else manifest.tiles.overlap,
            "captions": manifest.captions,
            "samples_per_image": manifest.samples_per_image,
            "patch": points.patch,
            "patch_mode": points.mode,
            "points_per_image": points.per_image or 0,
            "balance_points": points.balance,
        }
        left_open = {name: value for name, value in defaults.items() if getattr(self, name) in (None, ())}
        return self.model_copy(update=left_open)

    @property
    def tiling(self) -> Tiling:
        """How scenes are cut."""
        return Tiling(self.tile, OVERLAP if self.overlap is None else self.overlap, self.min_area)

    @property
    def wording(self) -> Wording:
        """How rows are worded."""
        return Wording(self.marks_per_row, self.paraphrases, self.seed, self.samples_per_image or 1)
