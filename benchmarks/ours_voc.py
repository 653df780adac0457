"""Our side of the VOC benchmark: the index of a release, and every label file read into columns.

ours_voc.py ROOT      reads everything, and is timed; prints what it got as a JSON line
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from voc_input import CLASSES

MANIFEST = {
    "manifest_version": 1,
    "name": "VOC",
    "family": "VOC",
    "version": "1",
    "title": "the input of the benchmark",
    "reader": "voc_xml",
    "domain": "natural",
    "tasks": ["referring_classification_box"],
    "homepage": "https://example.org/",
    "licence": {"id": "other", "name": "none", "text": "made for a benchmark", "url": "https://example.org/"},
    "citation": "",
    "splits": {"labelled": {"train": []}, "lists": {"train": ["ImageSets/Main/train.txt"]}},
    "layout": {
        "labels": ["Annotations/*.xml"],
        "images": ["JPEGImages/*"],
        "boxes": "one_based",
        "flags": ["difficult", "truncated"],
    },
    "classes": {name: name for name in CLASSES},
}


def main() -> None:
    """Reads the release, in the units of work that a build would read it in."""
    from rsvp_builder.engine.plan import make_plan
    from rsvp_builder.ledger import Drops
    from rsvp_builder.manifest import Manifest
    from rsvp_builder.readers import index_release, reader_for
    from rsvp_builder.settings import Settings

    root, manifest = Path(sys.argv[1]), Manifest.model_validate(MANIFEST)
    index = index_release(root, manifest)
    plan = make_plan(manifest, Settings().resolved(manifest), index)
    reader, drops = reader_for(manifest), Drops()
    images = boxes = 0
    total = 0.0
    for unit in plan.units:
        annotations = reader.read(root, manifest, unit.items, drops)
        images += len(unit.items)
        boxes += len(annotations.objects)
        total += float(annotations.objects.box.sum())
    assert not drops.entries, drops.entries[0]
    assert not index.drops, index.drops[0]
    print(json.dumps({"images": images, "boxes": boxes, "sum": total}))


if __name__ == "__main__":
    main()
