"""Where a VOC-like release keeps its pictures and label files.

A picture belongs to the label file of the same stem. ``<filename>`` is never asked: MAR20 writes
``1.xml`` there for the picture ``1.jpg``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import translate
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import nothing_found
from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index, layouts
from rsvp_builder.readers.pairing import pair
from rsvp_builder.readers.scan import IMAGE_SUFFIXES, Found, walk
from rsvp_builder.readers.splits import SplitRule, matches


class VocLayout(BaseModel):
    """``[layout]`` of a VOC-like release. Patterns are those of :func:`rsvp_builder.readers.splits.matches`.

    Attributes:
        labels: patterns of the label files.
        images: patterns of the pictures, whatever their suffix.
        stems: regular expression of the stems that label files of the release have; others are junk.
        groups: folders that become a part of the image's name, where the release has one for each class.
        boxes: ``one_based`` where ``xmin`` .. ``ymax`` count pixels from 1 and include the last, as VOC
            does; ``zero_based`` where they are coordinates.
        names: ``loose`` where spelling of classes differs in case and separators between copies.
        flags: elements of an object that say something of it.
        quads: ``bndbox`` where ``x1`` .. ``y4`` stand beside the box, ``second_file`` where another file
            of the same stem has the corners of the same objects.
        quad_labels: patterns of those other files.
        texts: whether objects have a ``description``.
        lists: whether ``splits.lists`` name images, or count the objects of all label files from 0.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: list[str] = Field(min_length=1)
    images: list[str] = Field(min_length=1)
    stems: str = ".+"
    groups: list[str] = []
    boxes: Literal["one_based", "zero_based"]
    names: Literal["exact", "loose"] = "exact"
    flags: list[Literal["difficult", "truncated"]] = []
    quads: Literal["none", "bndbox", "second_file"] = "none"
    quad_labels: list[str] = []
    texts: bool = False
    lists: Literal["images", "objects"] = "images"

    @field_validator("stems")
    @classmethod
    def _compiles(cls, stems: str) -> str:
        try:
            re.compile(stems)
        except re.error as error:
            raise ValueError(f"no regular expression: {error}") from error
        return stems

    @model_validator(mode="after")
    def _consistent(self) -> VocLayout:
        if (self.quads == "second_file") != bool(self.quad_labels):
            raise ValueError("quad_labels are for quads = 'second_file', which needs them")
        if self.quads != "none" and self.boxes == "one_based":
            raise ValueError("quads are coordinates, and go with boxes = 'zero_based'")
        return self


def layout_of(manifest: Manifest) -> VocLayout:
    """The ``[layout]`` table of a manifest.

    Raises:
        ManifestError: the table does not fit.
    """
    return layouts.layout_of(manifest, VocLayout)


@dataclass(slots=True)
class Files:
    """The files of a release by what they are.

    Attributes:
        found: all of them.
        images: pictures.
        labels: label files.
        quads: the files with the corners of the same objects.
        junk: files that only lie where label files do.
    """

    found: list[Found]
    images: list[Found] = field(default_factory=list)
    labels: list[Found] = field(default_factory=list)
    quads: list[Found] = field(default_factory=list)
    junk: list[Found] = field(default_factory=list)


class _Patterns:
    """Whether a file fits one of some patterns; folders, of which there are few, are matched once."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [pattern.lower().rpartition("/") for pattern in patterns]
        self._known: dict[PurePosixPath, list[re.Pattern[str]]] = {}

    def fit(self, file: Found) -> bool:
        if file.folder not in self._known:
            self._known[file.folder] = [
                re.compile(translate(name))
                for folder, _, name in self._patterns
                if not folder or matches(str(file.folder), folder)
            ]
        return any(name.match(file.name.lower()) for name in self._known[file.folder])


def sort_files(root: Path, layout: VocLayout) -> Files:
    """Walk the release.

    Raises:
        RsvpError: ``root`` is not a folder, or a folder in it cannot be listed.
    """
    files = Files(list(walk(root)))
    images, labels, quads = (_Patterns(p) for p in (layout.images, layout.labels, layout.quad_labels))
    genuine = re.compile(layout.stems)
    for file in files.found:
        if file.suffix in IMAGE_SUFFIXES:
            if images.fit(file):
                files.images.append(file)
        elif quads.fit(file):
            files.quads.append(file)
        elif labels.fit(file):
            (files.labels if genuine.fullmatch(file.stem) else files.junk).append(file)
    return files


def index_release(root: Path, manifest: Manifest) -> Index:
    """List the pictures and label files of a release.

    Raises:
        ManifestError: the manifest's ``[layout]`` does not fit.
        RsvpError: no label file of the release lies under ``root``.
    """
    from rsvp_builder.readers.voc_xml.object_lists import index_objects

    layout = layout_of(manifest)
    files = sort_files(root, layout)
    if not files.labels:
        raise RsvpError(nothing_found(root, [manifest], files.found))
    index = (
        index_objects(root, manifest, files)
        if layout.lists == "objects"
        else _index_images(root, manifest, layout, files)
    )
    notices = [*index.notices, *_about_junk(layout, files)]
    return Index(index.items, index.drops, tuple(notices))


def _index_images(root: Path, manifest: Manifest, layout: VocLayout, files: Files) -> Index:
    groups = {group.lower() for group in layout.groups}

    def name(file: Found) -> str:
        group = next((part for part in reversed(file.folder.parts) if part.lower() in groups), None)
        return f"{group.lower()}/{file.stem}" if group else file.stem

    rule = SplitRule(manifest, root, files.found)
    quads: dict[str, Found] = {}
    drops = []
    for file in files.quads:
        first = quads.setdefault(name(file), file)
        if first is not file:
            expected = f"one file of this name with corners; {first.path} is used"
            drops.append(
                Drop("metadata", Reason.DUPLICATE_STEM, file.stem, file.path, None, file.name, expected)
            )
    index = pair(rule, files.images, files.labels, image_name=name, label_name=name, meta=quads)
    if not files.quads:
        told = ["no file with corners was found, so all objects have their boxes alone"]
        return Index(index.items, index.drops, (*index.notices, *(told if layout.quad_labels else [])))
    for item in index.items:
        if item.label and not item.meta:
            expected = "a second file of the same name, with the corners of the objects"
            drops.append(
                Drop("metadata", Reason.LABEL_MISSING, item.image_id, item.label, None, "", expected)
            )
    return Index(index.items, (*index.drops, *drops), index.notices)


def _about_junk(layout: VocLayout, files: Files) -> list[str]:
    if not files.junk:
        return []
    return [
        f"files among the labels whose stems are not of the form {layout.stems}, left out: "
        f"{len(files.junk)}, the first is {files.junk[0].path}"
    ]
