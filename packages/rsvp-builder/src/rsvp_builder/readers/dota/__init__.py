"""DOTA v1.0, v1.5 and v2.0: ``layout`` finds the files, ``labels`` parses ``labelTxt``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rsvp_builder.ledger import Drops
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.dota.labels import read_labels
from rsvp_builder.readers.dota.layout import index_release, recognise_version
from rsvp_builder.record import Annotations, Item


class DotaReader:
    """Reads the DOTA grammar; see :class:`rsvp_builder.readers.Reader`."""

    def recognise(self, root: Path, candidates: Sequence[Manifest]) -> Manifest:
        """Which version of DOTA lies under ``root``."""
        return recognise_version(root, candidates)

    def index(self, root: Path, manifest: Manifest) -> Index:
        """List images and labels of one version."""
        return index_release(root, manifest)

    def read(self, root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
        """Parse the label files of some items."""
        return read_labels(root, manifest, items, drops)


READER = DotaReader()
