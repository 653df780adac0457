"""How many rows each phase has in the paper's recipe."""

from __future__ import annotations

# Samples of RSVP-3M by task, sums over the sources of the paper's Table I; 3,648,884 together.
TABLE_I: dict[str, int] = {
    "image_caption": 197_205,
    "region_caption": 31_491,
    "scene_classification": 451_920,
    "referring_classification_box": 274_481,
    "referring_classification_point": 2_605_666,
    "relationship_analysis": 36_608,
    "grounded_caption": 51_513,
}

# The paper names COCO Caption and RefCOCO(+) and gives no counts. These are the captions of train2014 and
# the sentences of the two train splits; those of RefCOCO(+) from memory, unverified.
COCO_CAPTION = 414_113
REFCOCO = 120_624
REFCOCO_PLUS = 120_191

_IMAGE = ("image_caption", "scene_classification")

ROWS: dict[str, int] = {
    "align": COCO_CAPTION + sum(TABLE_I[task] for task in _IMAGE),
    "spatial": REFCOCO + REFCOCO_PLUS,
    "rsvp": sum(count for task, count in TABLE_I.items() if task not in _IMAGE),
}
"""Rows of an epoch by phase; a data set of one's own has its own count, see ``plan``'s ``rows``."""
