"""Where the files of HRSC2016 lie.

The release holds everything in ``FullDataSet`` and most of it again in ``Train`` and ``Test``; mirrors
leave out one or the other. A picture or label file is read once, from ``FullDataSet`` where it is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from pydantic import BaseModel, ConfigDict

from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import nothing_found
from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.layouts import layout_of
from rsvp_builder.readers.pairing import item_of
from rsvp_builder.readers.scan import IMAGE_SUFFIXES, Found, walk
from rsvp_builder.readers.splits import SplitRule


class HrscLayout(BaseModel):
    """``[layout]`` of a manifest. All names are shell patterns for one folder name; case does not matter.

    Attributes:
        images: folders of pictures.
        labels: folders of label files.
        complete: folders, above those, that hold the whole release; others hold copies.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    images: list[str]
    labels: list[str]
    complete: list[str] = []


def index_release(root: Path, manifest: Manifest) -> Index:
    """List pictures and label files by stem, each once.

    An image that no list names needs no label file: the release has hundreds that nobody annotated.

    Raises:
        RsvpError: no label file lies under ``root``.
        ManifestError: the ``[layout]`` does not fit.
    """
    layout = layout_of(manifest, HrscLayout)
    found = list(walk(root))
    images = _by_stem(
        (f for f in found if f.suffix in IMAGE_SUFFIXES and _in(layout.images, f.folder)), layout
    )
    labels = _by_stem((f for f in found if f.suffix == ".xml" and _in(layout.labels, f.folder)), layout)
    if not labels:
        raise RsvpError(nothing_found(root, [manifest], found))
    rule = SplitRule(manifest, root, found)
    listed = all(drop.reason != Reason.SPLIT_MISSING for drop in rule.drops)
    items, unannotated = [], []
    for stem in sorted(images.keys() | labels.keys()):
        pictures, texts = images.get(stem, []), labels.get(stem, [])
        split = _split(rule, [*pictures, *texts])
        if not texts and listed and split == manifest.splits.default:
            expected, image = "an object to mark", pictures[0].path
            unannotated.append(Drop("image", Reason.NO_OBJECTS, f"{split}/{stem}", image, None, "", expected))
            continue
        items.append(item_of(split, stem, _first(pictures), _first(texts)))
    items.sort(key=lambda item: (item.split, item.image_id))
    copies = sum(len(files) - 1 for kind in (images, labels) for files in kind.values())
    notices = [f"files that are there more than once, and read once: {copies} copies"] if copies else []
    drops = (*rule.drops, *rule.not_met(), *unannotated)
    return Index(tuple(items), drops, (*rule.notices(), *notices))


def _in(patterns: Sequence[str], folder: PurePosixPath) -> bool:
    return any(fnmatch(part.lower(), pattern.lower()) for part in folder.parts for pattern in patterns)


def _by_stem(files: Iterable[Found], layout: HrscLayout) -> dict[str, list[Found]]:
    """The copies of each file, the one to read first."""
    copies: dict[str, list[Found]] = {}
    for file in files:
        copies.setdefault(file.stem, []).append(file)
    for of_stem in copies.values():
        of_stem.sort(key=lambda file: not _in(layout.complete, file.folder))
    return copies


def _first(files: Sequence[Found]) -> Found | None:
    return files[0] if files else None


def _split(rule: SplitRule, files: Sequence[Found]) -> str:
    """The split of an image: that of the lists, or of the first copy whose folder means one."""
    return rule.of(next((file for file in files if rule.by_folder(file.folder)), files[0]))
