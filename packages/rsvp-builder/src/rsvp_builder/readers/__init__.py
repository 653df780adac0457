"""Reader kinds: one package or module for each on-disk grammar; a source's manifest names its kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol

from rsvp_builder.errors import UnknownNameError
from rsvp_builder.ledger import Drop, Drops
from rsvp_builder.manifest import Manifest
from rsvp_builder.record import Annotations, Item

KINDS = {"dota": "rsvp_builder.readers.dota"}
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
    """Reads one on-disk grammar."""

    def recognise(self, root: Path, candidates: Sequence[Manifest]) -> Manifest:
        """Which of several versions of a data set lies under ``root``.

        Args:
            root: folder of the raw release.
            candidates: manifests of one family, best first; at least one.

        Raises:
            RsvpError: none of them is there; the message says what was looked for and found.
        """
        ...

    def index(self, root: Path, manifest: Manifest) -> Index:
        """List the release without reading any annotation or pixel.

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
