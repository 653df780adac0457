"""Annotations in the XML of PASCAL VOC and its relatives: RSOD, HRRSD, MAR20, DOSR, DIOR-RSVG.

``layout`` finds the files, ``labels`` parses them, ``corners`` takes quads from where a release keeps
them, ``object_lists`` is for splits that list objects instead of images.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rsvp_builder.ledger import Drops
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.voc_xml.labels import read_labels
from rsvp_builder.readers.voc_xml.layout import index_release
from rsvp_builder.record import Annotations, Item


class VocXmlReader:
    """Reads VOC-like XML; see :class:`rsvp_builder.readers.Reader`."""

    def index(self, root: Path, manifest: Manifest) -> Index:
        """List images and label files."""
        return index_release(root, manifest)

    def read(self, root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
        """Parse the label files of some items."""
        return read_labels(root, manifest, items, drops)


READER = VocXmlReader()
