"""Captions of whole images in JSON files that many images share."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import nothing_found
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.caption_json.layout import CaptionLayout, SceneClasses
from rsvp_builder.readers.caption_json.records import Broken, Captioned, captioned
from rsvp_builder.readers.caption_json.wording import caption, has_word
from rsvp_builder.readers.classes import ClassTable
from rsvp_builder.readers.json_records import JsonError
from rsvp_builder.readers.layouts import layout_of
from rsvp_builder.readers.objects import ObjectList
from rsvp_builder.readers.pictures import Pictures
from rsvp_builder.readers.scan import Found, walk
from rsvp_builder.readers.splits import SplitRule, matches
from rsvp_builder.readers.texts import called, shown
from rsvp_builder.readers.values import brief
from rsvp_builder.record import Annotations, Item


class CaptionReader:
    """Reads RSICD and its kin, NWPU-Captions and COCO; see :mod:`.records` for their shapes.

    Each caption is an object without a place; where the release knows the scene class of the image, that
    is one more. The shared files are read once, by the index, and each item carries its own captions.
    """

    def index(self, root: Path, manifest: Manifest) -> Index:
        """See :class:`rsvp_builder.readers.Reader`."""
        layout = layout_of(manifest, CaptionLayout)
        found = list(walk(root))
        files, notices = _chosen(layout, found)
        if len({file.folder for file in files}) > 1:
            found = _own(manifest, found)
            files, notices = _chosen(layout, found)
        if not files:
            raise RsvpError(nothing_found(root, [manifest], found))
        index = _Indexing(root, manifest, layout, found)
        for file in files:
            index.read(file)
        if not index.items and not any(d.kind == "image" for d in index.drops):
            raise RsvpError(f"{root / files[0].path}: no image with captions in it. {_first(index.drops)}")
        index.left_over()
        items = sorted(index.items, key=lambda item: (item.split, item.image_id))
        return Index(tuple(items), tuple(index.drops), (*notices, *index.notices()))

    def read(self, root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
        """See :class:`rsvp_builder.readers.Reader`; ``line`` is that of the caption's record."""
        classes = ClassTable(manifest, loose=True)
        objects = ObjectList(items, texts=True)
        for position, item in enumerate(items):
            data = json.loads(item.data)
            name = item.image_id.partition("/")[2]
            objects.declared[position] = data["size"] and tuple(data["size"])
            for number, (line, raw) in enumerate(data["captions"], start=1):
                text, reason, expected = _worded(raw)
                if reason is None:
                    objects.add(position, line=line, text=text)
                    continue
                objects.lose(position)
                told = shown(raw) if isinstance(raw, str) else brief(raw)
                value = shown(f"caption {number} of {name}: {told}")
                drops.add(Drop("object", reason, item.image_id, item.label or "", line, value, expected))
            if data["class"] is not None:
                self._add_class(objects, position, item, data, classes, drops)
        return objects.annotations()

    def _add_class(
        self,
        objects: ObjectList,
        position: int,
        item: Item,
        data: dict[str, object],
        classes: ClassTable,
        drops: Drops,
    ) -> None:
        token, line = str(data["class"]), int(str(data["line"]))
        class_id = classes.id(token)
        if class_id is not None:
            objects.add(position, line=line, class_id=class_id)
            return
        objects.lose(position)
        reason = Reason.UNKNOWN_CLASS if classes.ignored(token) is None else Reason.IGNORED_REGION
        drops.add(
            Drop("object", reason, item.image_id, item.label or "", line, shown(token), classes.expected)
        )


def _worded(raw: object) -> tuple[str, Reason | None, str]:
    """A caption, or why it cannot be used."""
    if not isinstance(raw, str):
        return "", Reason.MALFORMED_LINE, "a caption, which is a string"
    try:
        text = caption(raw)
    except ValueError:
        return "", Reason.MALFORMED_LINE, "text in UTF-8"
    if not has_word(text):
        return "", Reason.EMPTY_TEXT, "a caption with a word"
    return text, None, ""


def _chosen(layout: CaptionLayout, found: Sequence[Found]) -> tuple[list[Found], list[str]]:
    """The files to read, and a remark on those that are passed over."""
    files, spare = (
        [f for f in found if any(matches(f.path, pattern) for pattern in patterns)]
        for patterns in (layout.annotations, layout.instead)
    )
    if files and spare:
        return files, [f"{spare[0].path} is not read, because {files[0].path} has the captions"]
    return files or spare, []


def _own(manifest: Manifest, found: list[Found]) -> list[Found]:
    """The files below folders named after the release, for releases whose files are all called alike."""
    patterns = [pattern.lower() for pattern in (manifest.find.folder if manifest.find else [])]
    own = [f for f in found if any(fnmatch(part.lower(), p) for p in patterns for part in f.folder.parts)]
    return own if _chosen(layout_of(manifest, CaptionLayout), own)[0] else found


def _first(drops: Sequence[Drop]) -> str:
    return str(drops[0]) if drops else ""


@dataclass(slots=True)
class _Indexing:
    """Makes items of what the annotation files tell."""

    root: Path
    manifest: Manifest
    layout: CaptionLayout
    found: Sequence[Found]
    items: list[Item] = field(default_factory=list)
    drops: list[Drop] = field(default_factory=list)
    without_split: int = 0
    _rule: SplitRule = field(init=False)
    _pictures: Pictures = field(init=False)
    _classes: SceneClasses = field(init=False)
    _met: dict[str, str] = field(default_factory=dict)
    _damage: str = ""

    def __post_init__(self) -> None:
        self._rule = SplitRule(self.manifest, self.root, self.found)
        names = {name.lower() for name in self.layout.image_folders}
        within = [f for f in self.found if names & {part.lower() for part in f.folder.parts}]
        self._pictures = Pictures(within or self.found)
        self._classes = SceneClasses(self.layout, self.root, self.found)

    def read(self, file: Found) -> None:
        """Take up what one file tells."""
        images = captioned(self.root / file.path)
        while True:
            try:
                told = next(images, None)
            except OSError as error:
                self._lost(file, None, error.strerror or str(error), "a readable file")
                return
            except JsonError as error:
                self._lost(file, error.line, shown(error.value), error.expected)
                return
            if told is None:
                return
            if isinstance(told, Broken):
                image_id = f"{self.manifest.splits.default}/{file.stem}:{told.line}"
                self._drop(Reason.MALFORMED_LINE, image_id, file, told.line, told.value, told.expected)
            else:
                self._take(file, told)

    def left_over(self) -> None:
        """Account for pictures that no file tells of."""
        stems = {f"{PurePosixPath(item.image).stem}".lower() for item in self.items if item.image}
        for picture in self._pictures.unused():
            split = self._rule.by_folder(picture.folder) or self.manifest.splits.default
            reason, value = Reason.LABEL_MISSING, ""
            expected = "a picture that the annotation files tell of"
            if self._rule.unlabelled(split):
                reason = Reason.UNLABELLED_SPLIT
                expected = f"captions, which were never released for split '{split}'"
            elif picture.stem.lower() in stems:
                reason, value, expected = Reason.DUPLICATE_STEM, picture.name, "one picture of this name"
            elif self._damage:
                reason, value, expected = Reason.LABEL_UNREADABLE, self._damage, "a record of the picture"
            image_id = f"{split}/{picture.stem}"
            self.drops.append(Drop("image", reason, image_id, picture.path, None, value, expected))
        if self.manifest.splits.lists:
            self.drops += [*self._rule.drops, *self._rule.not_met()]

    def notices(self) -> list[str]:
        """Remarks for the person at the keyboard."""
        if not self.without_split:
            return []
        default = self.manifest.splits.default
        return [f"images whose records name no split, and that go to split '{default}': {self.without_split}"]

    def _lost(self, file: Found, line: int | None, value: str, expected: str) -> None:
        place = file.path if line is None else f"{file.path}:{line}"
        self._damage = self._damage or f"{place}: {value}"
        self.drops.append(
            Drop("metadata", Reason.LABEL_UNREADABLE, file.stem, file.path, line, value, expected)
        )

    def _drop(self, reason: Reason, image_id: str, file: Found, line: int, value: str, expected: str) -> None:
        self.drops.append(Drop("image", reason, image_id, file.path, line, value, expected))

    def _take(self, file: Found, told: Captioned) -> None:
        picture = self._picture(told)
        name = picture.stem if picture else PurePosixPath(told.name.replace("\\", "/")).stem or told.number
        split = self._split(file, told, picture)
        name = called(name)
        image_id = f"{split or self.manifest.splits.default}/{name}"
        if split is None:
            expected = f"a split: one of {', '.join(self.manifest.splits.labelled)}"
            self._drop(Reason.MALFORMED_LINE, image_id, file, told.line, shown(told.split or ""), expected)
            return
        # An image in two splits would leak, so the first record of it counts, whatever its split.
        if name in self._met:
            expected = f"one record of an image; {self._met[name]} is another"
            self._drop(Reason.DUPLICATE_ID, image_id, file, told.line, shown(told.name), expected)
            return
        self._met[name] = f"{file.path}:{told.line}"
        token = self._classes.of(told.name, told.folder) if self.manifest.classes else None
        if not told.captions and token is None:
            self._drop(
                Reason.NO_OBJECTS, image_id, file, told.line, shown(told.name), "captions of the image"
            )
            return
        data = json.dumps(
            {"captions": told.captions, "class": token, "line": told.line, "size": told.size},
            separators=(",", ":"),
        )
        self.items.append(
            Item(
                image_id=image_id,
                split=split,
                image=picture.path if picture else None,
                label=file.path,
                image_bytes=picture.size if picture else 0,
                label_bytes=len(data),
                data=data,
                image_stamp=picture.stamp if picture else None,
            )
        )

    def _picture(self, told: Captioned) -> Found | None:
        if not told.name:
            return None
        return self._pictures.find(f"{told.folder}/{told.name}" if told.folder else told.name)

    def _split(self, file: Found, told: Captioned, picture: Found | None) -> str | None:
        """The split, None where the record has one that the manifest does not know."""
        if self.manifest.splits.lists and picture is not None:
            return self._rule.of(picture)
        if told.split is not None:
            name = told.split.strip().lower()
            name = self.layout.split_names.get(name, name)
            return next((s for s in self.manifest.splits.labelled if s.lower() == name), None)
        split = self._rule.by_folder(PurePosixPath(file.stem))
        if split is None and picture is not None:
            split = self._rule.by_folder(picture.folder)
        if split is None:
            self.without_split += 1
        return split or self.manifest.splits.default


READER = CaptionReader()
