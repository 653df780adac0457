"""HRSC2016: ``layout`` finds the files among their copies, ``labels`` parses them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rsvp_builder.ledger import Drops
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.hrsc_xml.labels import read_labels
from rsvp_builder.readers.hrsc_xml.layout import index_release
from rsvp_builder.record import Annotations, Item


class HrscReader:
    """Reads HRSC2016; see :class:`rsvp_builder.readers.Reader`."""

    def index(self, root: Path, manifest: Manifest) -> Index:
        """List pictures and label files, each once."""
        return index_release(root, manifest)

    def read(self, root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
        """Parse the label files of some items."""
        return read_labels(root, manifest, items, drops)


READER = HrscReader()
