"""Where DOTA's images and labels lie, and which version they are.

The release comes as archives that everybody unpacks a little differently, so folders are recognised
by name at any depth: ``labelTxt-v1.5`` holds labels of v1.5, ``labelTxt`` labels of a version that
only the files themselves tell. Labels of v2.0 cover the images of v1.0 too and are never mixed with
the older ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict

from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index, layouts
from rsvp_builder.readers.dota.labels import peek
from rsvp_builder.readers.scan import ARCHIVE_SUFFIXES, IMAGE_SUFFIXES, Found, walk
from rsvp_builder.record import Item


class DotaLayout(BaseModel):
    """``[layout]`` of a DOTA manifest. All names are shell patterns for one folder name.

    Attributes:
        labels: folders of this version's labels.
        plain_labels: folders of labels whose version is not in their name.
        not_labels: folders below those that hold something else (horizontal variant, metadata).
        meta: folders of v2.0's metadata files.
        header: whether this version's labels start with ``imagesource``/``gsd`` lines.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    labels: list[str]
    plain_labels: list[str] = []
    not_labels: list[str] = []
    meta: list[str] = []
    header: Literal["expected", "absent"]


def layout_of(manifest: Manifest) -> DotaLayout:
    """The ``[layout]`` table of a manifest.

    Raises:
        ManifestError: the table does not fit.
    """
    return layouts.layout_of(manifest, DotaLayout)


@dataclass(slots=True)
class _Files:
    """The files of a release, sorted by what they are."""

    images: list[Found] = field(default_factory=list)
    labels: list[Found] = field(default_factory=list)
    plain: list[Found] = field(default_factory=list)
    other_versions: set[str] = field(default_factory=set)
    meta: dict[str, Found] = field(default_factory=dict)


def _any(patterns: Iterable[str], folder: PurePosixPath) -> bool:
    return any(fnmatch(part.lower(), p.lower()) for p in patterns for part in folder.parts)


def _kind_of_text(folder: PurePosixPath, layout: DotaLayout) -> str:
    kinds = (
        ("meta", layout.meta),
        ("other", layout.not_labels),
        ("label", layout.labels),
        ("plain", layout.plain_labels),
    )
    return next((kind for kind, patterns in kinds if _any(patterns, folder)), "unknown")


def _sort_files(found: Iterable[Found], layout: DotaLayout) -> _Files:
    files = _Files()
    kinds: dict[PurePosixPath, str] = {}
    pictured: dict[PurePosixPath, bool] = {}
    not_images = [*layout.labels, *layout.plain_labels, *layout.meta]
    for file in found:
        folder, suffix = file.folder, file.suffix
        if suffix == ".txt":
            if folder not in kinds:
                kinds[folder] = _kind_of_text(folder, layout)
            match kinds[folder]:
                case "meta":
                    files.meta.setdefault(file.stem, file)
                case "label":
                    files.labels.append(file)
                case "plain":
                    files.plain.append(file)
                case "unknown":
                    files.other_versions.update(p for p in folder.parts if fnmatch(p, "labelTxt-*"))
        elif suffix in IMAGE_SUFFIXES:
            if folder not in pictured:
                pictured[folder] = not _any(not_images, folder)
            if pictured[folder]:
                files.images.append(file)
    return files


def recognise_version(root: Path, candidates: Sequence[Manifest]) -> Manifest:
    """Choose among versions of DOTA, newest first.

    A folder with the version in its name decides. Labels in a plain ``labelTxt`` are read: without
    header lines they are v2.0's; with them, they belong to the oldest other version that has all the
    classes that occur, or to the newest if none has.

    Raises:
        RsvpError: no label of any candidate lies under ``root``.
    """
    found = list(walk(root))
    for manifest in candidates:
        if _sort_files(found, layout_of(manifest)).labels:
            return manifest
    by_age = list(reversed(candidates))
    plain = _sort_files(found, layout_of(by_age[0])).plain
    if not plain:
        names = sorted({p for m in candidates for p in (layout_of(m).labels + layout_of(m).plain_labels)})
        raise RsvpError(_nothing_found(root, " or ".join(m.name for m in candidates), names, found))
    header, tokens = peek(root / file.path for file in plain)
    classes = tokens & {name for manifest in candidates for name in manifest.classes}
    fitting = [m for m in by_age if (layout_of(m).header == "expected") == header] or by_age
    return next((m for m in fitting if classes <= set(m.classes)), fitting[-1])


def _nothing_found(root: Path, names: str, folders: Sequence[str], found: Sequence[Found]) -> str:
    archives = [f.path for f in found if f.suffix in ARCHIVE_SUFFIXES]
    images = sum(f.suffix in IMAGE_SUFFIXES for f in found)
    hint = f" Unpack {archives[0]} first." if archives else ""
    return (
        f"{root}: no labels of {names} found: looked for .txt files below folders named "
        f"{', '.join(folders)}; the folder holds {len(found)} files, {images} of them images.{hint} "
        f"`rsvp-build show {names.split()[0]}` says how the release is laid out."
    )


def index_release(root: Path, manifest: Manifest) -> Index:
    """List the images and labels of one version.

    Raises:
        RsvpError: no label of this version lies under ``root``, or the labels there are visibly
            another version's.
    """
    layout = layout_of(manifest)
    found = list(walk(root))
    files = _sort_files(found, layout)
    notices = []
    labels = files.labels
    if not labels and files.plain:
        labels = files.plain
        if layout.header == "absent" and peek(root / file.path for file in labels)[0]:
            raise RsvpError(
                f"{root}: the labels in {labels[0].folder} start with imagesource/gsd lines, which "
                f"{manifest.name} never has: they are v1.0's or v1.5's. Put the labels of {manifest.name} in "
                f"{layout.labels[0]}, or build the version that these are of."
            )
    if not labels:
        message = _nothing_found(root, manifest.name, [*layout.labels, *layout.plain_labels], found)
        if files.other_versions:
            message += f" There are labels of other versions: {', '.join(sorted(files.other_versions))}."
        raise RsvpError(message)
    pairing = _Pairing(manifest, files.meta)
    pairing.pair(files.images, labels)
    if pairing.without_split:
        folders = ", ".join(sorted(manifest.splits.folders))
        notices.append(
            f"images that lie under no split folder ({folders}) and go to split "
            f"'{manifest.splits.default}': {pairing.without_split}"
        )
    return Index(tuple(sorted(pairing.items, key=_order)), tuple(pairing.drops), tuple(notices))


def _order(item: Item) -> tuple[str, str]:
    return item.split, item.image_id


def _splits_by_stem(keys: Iterable[tuple[str | None, str]]) -> dict[str, list[str | None]]:
    splits: dict[str, list[str | None]] = {}
    for split, stem in keys:
        splits.setdefault(stem, []).append(split)
    return splits


class _Pairing:
    """Pairs images and labels of equal stem and split; what is left over is kept, alone."""

    def __init__(self, manifest: Manifest, meta: dict[str, Found]) -> None:
        self.items: list[Item] = []
        self.drops: list[Drop] = []
        self.without_split = 0
        self._ids: set[str] = set()
        self._manifest = manifest
        self._meta = meta
        # Longest first: 'test-dev' is not 'test'.
        self._folders = sorted(manifest.splits.folders.items(), key=lambda pair: -len(pair[0]))
        self._known: dict[PurePosixPath, str | None] = {}

    def _split(self, folder: PurePosixPath) -> str | None:
        if folder not in self._known:
            self._known[folder] = self._split_of(folder)
        return self._known[folder]

    def _split_of(self, folder: PurePosixPath) -> str | None:
        for part in reversed(folder.parts):
            lower = part.lower()
            for name, split in self._folders:
                if lower == name or lower.endswith("_" + name) or lower.startswith(name + "_"):
                    return split
        return None

    def _by_key(self, files: Sequence[Found], what: str) -> dict[tuple[str | None, str], Found]:
        keyed: dict[tuple[str | None, str], Found] = {}
        for file in files:
            key = (self._split(file.folder), file.stem)
            if key in keyed:
                split = key[0] or self._manifest.splits.default
                self._duplicate(f"{split}/{key[1]}", file, what, f"; {keyed[key].path} is used")
            else:
                keyed[key] = file
        return keyed

    def pair(self, images: Sequence[Found], labels: Sequence[Found]) -> None:
        by_image = self._by_key(images, "image")
        by_label = self._by_key(labels, "label")
        for key in sorted(by_image.keys() & by_label.keys(), key=str):
            self._item(key, by_image.pop(key), by_label.pop(key))
        # An image or a label outside every split folder takes the split of its one counterpart.
        labels_of, images_of = _splits_by_stem(by_label), _splits_by_stem(by_image)
        for stem in sorted(labels_of.keys() & images_of.keys()):
            ours, theirs = labels_of[stem], images_of[stem]
            if len(ours) == len(theirs) == 1 and None in (ours[0], theirs[0]):
                image, label = by_image.pop((theirs[0], stem)), by_label.pop((ours[0], stem))
                self._item((ours[0] or theirs[0], stem), image, label)
        for key, label in by_label.items():
            self._item(key, None, label)
        for key, image in by_image.items():
            if key[0] in self._manifest.splits.unlabelled:
                self._unlabelled(key, image)
            else:
                self._item(key, image, None)

    def _item(self, key: tuple[str | None, str], image: Found | None, label: Found | None) -> None:
        split, stem = key
        if split is None:
            split = self._manifest.splits.default
            self.without_split += image is not None
        image_id = f"{split}/{stem}"
        if image_id in self._ids:  # once below a split folder and once outside of all
            for file, what in ((image, "image"), (label, "label")):
                if file:
                    self._duplicate(image_id, file, what, "")
            return
        self._ids.add(image_id)
        meta = self._meta.get(stem)
        self.items.append(
            Item(
                image_id=image_id,
                split=split,
                image=image.path if image else None,
                label=label.path if label else None,
                meta=meta.path if meta else None,
                image_bytes=image.size if image else 0,
                label_bytes=label.size if label else 0,
                image_stamp=image.stamp if image else None,
                label_stamp=label.stamp if label else None,
                meta_stamp=meta.stamp if meta else None,
            )
        )

    def _duplicate(self, image_id: str, file: Found, what: str, which: str) -> None:
        self.drops.append(
            Drop(
                kind="image" if what == "image" else "metadata",
                reason=Reason.DUPLICATE_STEM,
                image_id=image_id,
                file=file.path,
                line=None,
                value=file.name,
                expected=f"one {what} named {file.stem} in the split{which}",
            )
        )

    def _unlabelled(self, key: tuple[str | None, str], image: Found) -> None:
        self.drops.append(
            Drop(
                kind="image",
                reason=Reason.UNLABELLED_SPLIT,
                image_id=f"{key[0]}/{key[1]}",
                file=image.path,
                line=None,
                value="",
                expected=f"labels, which were never released for split '{key[0]}'",
            )
        )
