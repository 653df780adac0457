"""Where pictures and text files of boxes lie: folders by name, at any depth, beside each other or apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import nothing_found
from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.box_txt.form import Form, parse_form
from rsvp_builder.readers.layouts import layout_of
from rsvp_builder.readers.pairing import pair
from rsvp_builder.readers.scan import IMAGE_SUFFIXES, Found, walk
from rsvp_builder.readers.splits import SplitRule

Flag = Literal["", "difficult", "truncated", "occluded"]


class BoxTxtLayout(BaseModel):
    """``[layout]`` of a manifest. Folders are shell patterns of one name; letter case does not matter.

    A folder is what the nearest part of its path says, so that archives may nest in any way.

    Attributes:
        line: template of a line; see :mod:`rsvp_builder.readers.box_txt.form`.
        images: folders of pictures that have label files.
        labels: folders of label files, which may be those of the pictures.
        background: folders of pictures that have no label file on purpose.
        names: ``folder/stem`` where folders repeat stems: the image id then holds the folder.
        within: width and height of every picture, where a box that reaches over them shows that the file
            is written in another way.
        flags: name of a field -> token -> flag of the object, empty for none.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    line: str
    images: Annotated[list[str], Field(min_length=1)]
    labels: Annotated[list[str], Field(min_length=1)]
    background: list[str] = []
    names: Literal["stem", "folder/stem"] = "stem"
    within: tuple[int, int] | None = None
    flags: dict[str, dict[str, Flag]] = {}

    @field_validator("line")
    @classmethod
    def _is_template(cls, line: str) -> str:
        parse_form(line)
        return line

    @model_validator(mode="after")
    def _flags_are_fields(self) -> BoxTxtLayout:
        form = self.form
        numbers = {*form.quad, *form.box, "class"}
        told = {f.name for f in form.fields} - numbers
        for name in self.flags:
            if name not in told:
                raise ValueError(f"flags: {name!r} is no field of {self.line!r} that is free for flags")
        return self

    @cached_property
    def form(self) -> Form:
        """The parsed template."""
        return parse_form(self.line)

    def token(self, folder: PurePosixPath, patterns: Sequence[str]) -> str | None:
        """The nearest part of a folder's path that a pattern names, spelled as the pattern is.

        A pattern with wildcards has no spelling of its own; the part's stands then.
        """
        for part in reversed(folder.parts):
            for pattern in patterns:
                if fnmatch(part.lower(), pattern.lower()):
                    return part if any(c in pattern for c in "*?[") else pattern
        return None


@dataclass(slots=True)
class _Files:
    images: list[Found] = field(default_factory=list)
    labels: list[Found] = field(default_factory=list)
    background: list[Found] = field(default_factory=list)


def index_release(root: Path, manifest: Manifest) -> Index:
    """List pictures and label files.

    Raises:
        RsvpError: no label file lies under ``root``.
        ManifestError: the ``[layout]`` does not fit.
    """
    layout = layout_of(manifest, BoxTxtLayout)
    found = list(walk(root))
    files = _sorted(found, layout)
    if not files.labels:
        raise RsvpError(nothing_found(root, [manifest], found))

    def name(file: Found) -> str:
        if layout.names == "stem":
            return file.stem
        # A label file that lies apart from the pictures is about one of the first folder.
        folder = layout.token(file.folder, [*layout.images, *layout.background]) or layout.images[0]
        return f"{folder}/{file.stem}"

    rule = SplitRule(manifest, root, found)
    background = [
        Drop("image", Reason.NO_OBJECTS, f"{rule.of(f)}/{name(f)}", f.path, None, "", "an object to mark")
        for f in files.background
    ]
    index = pair(rule, files.images, files.labels, image_name=name, label_name=name)
    return Index(index.items, (*index.drops, *background), index.notices)


def _sorted(found: Sequence[Found], layout: BoxTxtLayout) -> _Files:
    files = _Files()
    kinds: dict[PurePosixPath, tuple[bool, bool, bool]] = {}
    for file in found:
        folder, suffix = file.folder, file.suffix
        if folder not in kinds:
            kinds[folder] = _kinds(folder, layout)
        pictures, labels, background = kinds[folder]
        if suffix in IMAGE_SUFFIXES and background:
            files.background.append(file)
        elif suffix in IMAGE_SUFFIXES and pictures:
            files.images.append(file)
        elif suffix == ".txt" and labels:
            files.labels.append(file)
    return files


def _kinds(folder: PurePosixPath, layout: BoxTxtLayout) -> tuple[bool, bool, bool]:
    """Whether a folder holds pictures, label files, or background."""
    groups = (layout.images, layout.labels, layout.background)
    for part in reversed(folder.parts):
        here = PurePosixPath(part)
        pictures, labels, background = (layout.token(here, group) is not None for group in groups)
        if pictures or labels or background:
            return pictures, labels, background
    return False, False, False
