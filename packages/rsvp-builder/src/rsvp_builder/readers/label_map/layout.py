"""``[layout]`` of a manifest of semantic maps: pictures, maps, and what maps mean."""

from __future__ import annotations

import re
from string import Formatter
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rsvp_builder.images.label_map import LabelCoding
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers.label_map.coding import Colour, Value, coding_of
from rsvp_builder.readers.layouts import layout_of


class MapRule(BaseModel):
    """Maps of one kind.

    Attributes:
        path: regular expression of their paths.
        band: the band that holds the numbers, counted from 0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    band: int = Field(0, ge=0)


class LabelMapLayout(BaseModel):
    """``[layout]`` of a manifest of semantic maps.

    Regular expressions are searched in the path of a file below the root; letter case does not matter. A
    picture and a map belong together if ``name``, filled with the named groups of their expressions, is the
    same. Where there are several of one name, the earliest expression counts: the others are other
    versions of the same thing and not read. A file that is a picture is no map; a map may serve
    several pictures.

    Attributes:
        images: expressions of the pictures, the best first.
        maps: expressions of the maps, the best first.
        name: what an image is called within its split, such as ``{tile}``.
        copies: patterns (see :func:`rsvp_builder.readers.splits.matches`) of files that are there twice;
            they are used where there is no other of their kind.
        colours: raw class token -> red, green and blue.
        values: raw class token -> the numbers that mean it. One of the two tables is needed; a token may
            also be one that the manifest ignores, which is as good as unlabelled.
        threshold: how colours that compression bent are read, see
            :class:`rsvp_builder.images.label_map.LabelCoding`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: list[str] = Field(min_length=1)
    maps: list[MapRule] = Field(min_length=1)
    name: str
    copies: list[str] = []
    colours: dict[str, Colour] | None = None
    values: dict[str, list[Value]] | None = None
    threshold: int | None = None

    @model_validator(mode="after")
    def _fit(self) -> Self:
        if (self.colours is None) == (self.values is None):
            raise ValueError("either colours or values are needed")
        if self.values is not None and self.threshold is not None:
            raise ValueError("values have no threshold")
        fields = {key for _, key, *_ in Formatter().parse(self.name) if key is not None}
        if not fields:
            raise ValueError(f"name {self.name!r} holds no group, such as {{tile}}")
        for path in (*self.images, *(rule.path for rule in self.maps)):
            try:
                groups = re.compile(path).groupindex.keys()
            except re.error as error:
                raise ValueError(f"{path!r} is no regular expression: {error}") from error
            if missing := sorted(fields - groups):
                raise ValueError(f"{path!r} has no group named {missing[0]!r}, which name asks for")
        return self


def label_map_layout(manifest: Manifest) -> LabelMapLayout:
    """The layout of a manifest.

    Raises:
        ManifestError: the table does not fit.
    """
    return layout_of(manifest, LabelMapLayout)


def codings_of(manifest: Manifest) -> list[LabelCoding]:
    """What the samples of each kind of map mean, in the order of ``maps``.

    Raises:
        ManifestError: the tables do not fit the classes.
    """
    layout = label_map_layout(manifest)
    return [
        coding_of(
            manifest,
            colours=layout.colours,
            values=layout.values,
            threshold=layout.threshold,
            band=rule.band,
        )
        for rule in layout.maps
    ]
