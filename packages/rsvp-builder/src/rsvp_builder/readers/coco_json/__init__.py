"""COCO's JSON of instances: ``index`` joins its records, ``objects`` reads them.

::

    {"images": [{"id": 0, "file_name": "001.jpg", "width": 958, "height": 808}, ...],
     "annotations": [{"id": 0, "image_id": 0, "category_id": 1, "iscrowd": 0,
                      "segmentation": [[x, y, x, y, ...], ...], "bbox": [x, y, w, h]}, ...],
     "categories": [{"id": 1, "name": "airplane"}, ...]}

A segmentation is a list of polygons or a run-length code, ``{"size": [h, w], "counts": ...}``; it may be
missing, as may width and height. Ids are arbitrary: classes are told by the name of their category.
Source: https://cocodataset.org/#format-data.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rsvp_builder.ledger import Drops
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.coco_json.index import index_release
from rsvp_builder.readers.coco_json.objects import read_objects
from rsvp_builder.record import Annotations, Item


class CocoReader:
    """Reads the COCO grammar; see :class:`rsvp_builder.readers.Reader`."""

    def index(self, root: Path, manifest: Manifest) -> Index:
        """Read the JSON files, and give every image its annotations."""
        return index_release(root, manifest)

    def read(self, root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
        """Parse the annotations of some images."""
        return read_objects(root, manifest, items, drops)


READER = CocoReader()
