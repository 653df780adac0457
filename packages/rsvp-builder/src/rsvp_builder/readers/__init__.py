"""Reader kinds: one package or module for each on-disk grammar; a source's manifest names its kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib import import_module
from pathlib import Path
from typing import Protocol

from rsvp_builder.errors import UnknownNameError
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers.oddities import oddities
from rsvp_builder.record import Annotations, Item

KINDS = {
    kind: f"rsvp_builder.readers.{kind}"
    for kind in (
        "dota",
        "voc_xml",
        "fair1m_xml",
        "hrsc_xml",
        "box_txt",
        "coco_json",
        "id_map",
        "samrs",
        "label_map",
        "caption_json",
        "refcoco",
        "scene_folder",
        "geochat",
    )
}
"""Kind -> module that has an object ``READER``. Modules are imported when first asked for."""


@dataclass(frozen=True, slots=True)
class Index:
    """What a release holds, from file names and sizes alone.

    Attributes:
        items: what a build reads, sorted by split and image id.
        drops: files that no build can use, with the reason.
        notices: remarks for the person at the keyboard on how the folder was understood.
    """

    items: tuple[Item, ...]
    drops: tuple[Drop, ...]
    notices: tuple[str, ...]


class Reader(Protocol):
    """Reads one on-disk grammar.

    A reader may also have ``recognise(root, candidates)``, where the versions of a family cannot be told
    by file names alone; :func:`rsvp_builder.finding.recognise` is used otherwise.
    """

    def index(self, root: Path, manifest: Manifest) -> Index:
        """List the release without reading any pixel, nor any annotation file of one image.

        Raises:
            RsvpError: nothing that fits the manifest lies under ``root``.
        """
        ...

    def read(self, root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
        """Read the annotations of some items; whatever cannot be used goes to ``drops``."""
        ...


def reader_for(manifest: Manifest) -> Reader:
    """The reader that a manifest names.

    Raises:
        UnknownNameError: there is no such kind.
    """
    if manifest.reader not in KINDS:
        raise UnknownNameError(f"reader in the manifest of {manifest.name}", manifest.reader, KINDS)
    reader: Reader = import_module(KINDS[manifest.reader]).READER
    return reader


def index_release(root: Path, manifest: Manifest) -> Index:
    """What a build reads of a release: the reader's index without what the manifest excludes.

    Archives, broken links and names that are no text in the folder are among its drops.

    Raises:
        RsvpError: nothing that fits the manifest lies under ``root``.
    """
    index = reader_for(manifest).index(root, manifest)
    odd = oddities(root)
    packed = sum(drop.reason == Reason.NOT_UNPACKED for drop in odd)
    notices = index.notices
    if packed:
        notices = (*notices, f"archives in the folder, whose files are not read: {packed}")
    bad = sum(drop.reason == Reason.BAD_PATH for drop in odd)
    if bad:
        notices = (*notices, f"files and folders that are not read for their names or kind: {bad}")
    index = Index(index.items, (*index.drops, *odd), notices)
    index = _each_once(index)
    if not manifest.exclude:
        return index
    excluded = {item.image_id: _excluded(manifest, item) for item in index.items}
    drops = [
        Drop("image", Reason.EXCLUDED, item.image_id, item.image or item.label or "", None, "", why)
        for item in index.items
        if (why := excluded[item.image_id])
    ]
    kept = tuple(item for item in index.items if not excluded[item.image_id])
    return Index(kept, (*index.drops, *drops), index.notices)


def _each_once(index: Index) -> Index:
    """The index with one item of each image id, since files that many images share may name one twice."""
    if len({item.image_id for item in index.items}) == len(index.items):
        return index
    kept: dict[str, Item] = {}
    drops = []
    for item in index.items:
        if kept.setdefault(item.image_id, item) is not item:
            file, expected = item.label or item.image or "", "one image of this name in the split"
            drops.append(Drop("image", Reason.DUPLICATE_ID, item.image_id, file, None, "", expected))
    return Index(tuple(kept.values()), (*index.drops, *drops), index.notices)


def _excluded(manifest: Manifest, item: Item) -> str | None:
    name = item.image_id.partition("/")[2]
    return next((why for pattern, why in manifest.exclude.items() if fnmatch(name, pattern)), None)
