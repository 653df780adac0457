"""Boxes in text files, one object a line: ``layout`` says where, ``form`` how a line is written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rsvp_builder.ledger import Drops
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.box_txt.labels import read_labels
from rsvp_builder.readers.box_txt.layout import index_release
from rsvp_builder.record import Annotations, Item


class BoxTxtReader:
    """Reads text files of boxes; see :class:`rsvp_builder.readers.Reader`."""

    def index(self, root: Path, manifest: Manifest) -> Index:
        """List pictures and label files."""
        return index_release(root, manifest)

    def read(self, root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
        """Parse the label files of some items."""
        return read_labels(root, manifest, items, drops)


READER = BoxTxtReader()
