"""Scene classification: a folder a class, and the name of the folder is the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict

from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import nothing_found
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.classes import ClassTable
from rsvp_builder.readers.layouts import layout_of
from rsvp_builder.readers.objects import ObjectList
from rsvp_builder.readers.pairing import duplicate, folder_and_stem, stem
from rsvp_builder.readers.scan import IMAGE_SUFFIXES, Found, walk
from rsvp_builder.readers.splits import SplitRule, drawn
from rsvp_builder.record import Annotations, Item

_MOST_NAMED = 12


class SceneLayout(BaseModel):
    """``[layout]`` of a scene manifest.

    Attributes:
        name: what an image is called: its ``stem``, or ``folder/stem`` where classes repeat stems.
        impostors: folders that the release never has -> what a release with such a folder is.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Literal["stem", "folder"] = "stem"
    impostors: dict[str, str] = {}


class SceneReader:
    """Reads ``<class>/<picture>`` at any depth; letter case and separators of class names do not matter.

    The one object of an image is its class, without a place; the picture is its own label file.
    """

    def index(self, root: Path, manifest: Manifest) -> Index:
        """See :class:`rsvp_builder.readers.Reader`."""
        layout = layout_of(manifest, SceneLayout)
        found = list(walk(root))
        pictures = [file for file in found if file.suffix in IMAGE_SUFFIXES]
        sorted_out = _sort_out(manifest, pictures)
        _check(root, manifest, layout, sorted_out, found)
        index = _Indexing(manifest, layout, SplitRule(manifest, root, found, by_stem=layout.name == "stem"))
        for picture in pictures:
            index.take(picture, known=picture.folder.name in sorted_out.known)
        items = sorted(index.items(), key=lambda item: (item.split, item.image_id))
        drops = [*index.rule.drops, *index.drops, *index.rule.not_met()]
        notices = [*index.rule.notices(), *_others(found, sorted_out.known)]
        return Index(tuple(items), tuple(drops), tuple(notices))

    def read(self, root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
        """See :class:`rsvp_builder.readers.Reader`; no file is opened."""
        classes = ClassTable(manifest, loose=True)
        objects = ObjectList(items)
        for position, item in enumerate(items):
            class_id = classes.id(PurePosixPath(item.label or "").parent.name)
            if class_id is not None:
                objects.add(position, line=1, class_id=class_id)
        return objects.annotations()


@dataclass(slots=True)
class _Folders:
    """Names of folders that hold pictures: those of classes, and others."""

    known: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)


def _sort_out(manifest: Manifest, pictures: Sequence[Found]) -> _Folders:
    classes = ClassTable(manifest, loose=True)
    folders = _Folders()
    for name in {picture.folder.name for picture in pictures}:
        (folders.unknown if classes.id(name) is None else folders.known).add(name)
    return folders


def _check(
    root: Path, manifest: Manifest, layout: SceneLayout, folders: _Folders, found: Sequence[Found]
) -> None:
    """Refuse what is no release of these classes, before half of it is built.

    Raises:
        RsvpError: there are no pictures in folders of classes, or mostly in others.
    """
    lower = {name.lower() for name in folders.unknown}
    for folder, what in layout.impostors.items():
        if folder.lower() in lower:
            raise RsvpError(f"{root}: the folder '{folder}' is none of {manifest.name}: {what}")
    if folders.known and len(folders.known) >= len(folders.unknown):
        return
    if not folders.known and folders.unknown <= {""}:
        raise RsvpError(nothing_found(root, [manifest], found))
    names = sorted(folders.unknown)
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    raise RsvpError(
        f"{root}: no {manifest.name}: {len(names)} folders with pictures are called after none of its "
        f"{len(manifest.classes)} classes, and {len(folders.known)} are: {', '.join(names[:_MOST_NAMED])}"
        f"{more}. `rsvp-build show {manifest.name}` lists the classes."
    )


@dataclass(slots=True)
class _Indexing:
    """Makes items of the pictures."""

    manifest: Manifest
    layout: SceneLayout
    rule: SplitRule
    drops: list[Drop] = field(default_factory=list)
    _taken: dict[tuple[str, str], Found] = field(default_factory=dict)
    _undecided: dict[str, list[tuple[str, Found]]] = field(default_factory=dict)

    def take(self, picture: Found, *, known: bool) -> None:
        """Place a picture; ``known`` says whether its folder is that of a class."""
        name = stem(picture) if self.layout.name == "stem" else folder_and_stem(picture)
        split = self.rule.of(picture)
        if not known:
            folder = picture.folder.name
            expected = f"a folder called after one of the {len(self.manifest.classes)} classes"
            image_id = f"{split}/{name}"
            reason = Reason.UNKNOWN_CLASS
            self.drops.append(Drop("image", reason, image_id, picture.path, None, folder, expected))
        elif self._drawing(picture, split):
            self._undecided.setdefault(picture.folder.name, []).append((name, picture))
        else:
            self._place(split, name, picture)

    def items(self) -> list[Item]:
        """The items of all pictures that were taken."""
        for folder in sorted(self._undecided):
            self._draw(self._undecided[folder])
        return [
            Item(
                image_id=f"{split}/{name}",
                split=split,
                image=picture.path,
                label=picture.path,
                image_bytes=picture.size,
                image_stamp=picture.stamp,
            )
            for (split, name), picture in self._taken.items()
        ]

    def _drawing(self, picture: Found, split: str) -> bool:
        """Whether a draw decides the split, because neither list nor folder does."""
        splits = self.manifest.splits
        return bool(splits.seeded) and split == splits.default and self.rule.by_folder(picture.folder) is None

    def _draw(self, pictures: Sequence[tuple[str, Found]]) -> None:
        """Draw the splits of one class."""
        rest = {name for name, _ in pictures}
        total = len(rest)
        split_of: dict[str, str] = {}
        for split, share in self.manifest.splits.seeded.items():
            # The share is one of all images, also where an earlier split has taken its own.
            chosen = drawn(rest, min(1.0, share * total / len(rest)) if rest else 0.0)
            split_of |= dict.fromkeys(chosen, split)
            rest -= chosen
        for name, picture in pictures:
            self._place(split_of.get(name, self.manifest.splits.default), name, picture)

    def _place(self, split: str, name: str, picture: Found) -> None:
        first = self._taken.setdefault((split, name), picture)
        if first is not picture:
            self.drops.append(duplicate(f"{split}/{name}", picture, first, "image"))


def _others(found: Sequence[Found], classes: set[str]) -> list[str]:
    """A remark on files in class folders that are no pictures, such as thumbnail caches."""
    others = [f for f in found if f.suffix not in IMAGE_SUFFIXES and f.folder.name in classes]
    if not others:
        return []
    return [f"files in class folders that are no pictures: {len(others)}, such as {others[0].path}"]


READER = SceneReader()
