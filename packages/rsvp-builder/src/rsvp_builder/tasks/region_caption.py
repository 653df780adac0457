"""Brief region captions: what people wrote, or else from geometry ``A big plane on the left``.

The wording of the latter follows the paper's example of the task; the paper does not say how its
captions were made, so the rule is ours:

* **Size** is the mark's area as a share of its frame: ``small`` below 0.1 %, ``big`` from 1 %, no word
  between. On a tile of 1024 px these are COCO's limits of about 32 and 102 px squared. The area is
  the quad's, but at most the box's. A label that has a size in it (``large vehicle``) gets no second.
* **Position** is the third of the frame, across and down, that holds the box's centre.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
import pyarrow as pa

from rsvp_builder.geometry import box_area, covered_area
from rsvp_builder.record import FloatArray, IntArray, Marks
from rsvp_builder.tasks import About, Answers, Asked, Granularity, Needs, written_texts
from rsvp_builder.tasks.instructions import CAPTION_REGIONS

SMALL_BELOW = 0.001
BIG_FROM = 0.01

SIZES = ("small", "", "big")
POSITIONS = (
    "at the top left",
    "at the top",
    "at the top right",
    "on the left",
    "in the center",
    "on the right",
    "at the bottom left",
    "at the bottom",
    "at the bottom right",
)

_SIZE_WORDS = frozenset({"small", "large", "big", "tiny", "huge"})
_SPOKEN_CONSONANT = ("uni", "use", "usa", "uti", "eu", "one")


def size_of(marks: Marks, sizes: FloatArray) -> IntArray:
    """Position in ``SIZES`` of each mark: (n,)."""
    area = box_area(marks.box)
    has_quad = ~np.isnan(marks.quad[:, 0])
    area[has_quad] = np.minimum(area[has_quad], covered_area(marks.quad[has_quad]))
    share = area / (sizes[:, 0] * sizes[:, 1])
    return np.digitize(share, (SMALL_BELOW, BIG_FROM)).astype(np.int64)


def position_of(marks: Marks, sizes: FloatArray) -> IntArray:
    """Position in ``POSITIONS`` of each mark: (n,)."""
    centre = (marks.box[:, :2] + marks.box[:, 2:]) / 2
    column, row = np.clip((3 * centre / sizes).astype(np.int64), 0, 2).T
    found: IntArray = 3 * row + column
    return found


def phrase(label: str, size: str, position: str) -> str:
    """``A big plane on the left`` from its parts; ``size`` may be empty."""
    if label.split()[0].lower() in _SIZE_WORDS:
        size = ""
    noun = f"{size} {label}".strip()
    vowel = noun[0].lower() in "aeiou" and not noun.lower().startswith(_SPOKEN_CONSONANT)
    return f"{'An' if vowel else 'A'} {noun} {position}"


@lru_cache(maxsize=8)
def _phrases(labels: tuple[str, ...]) -> pa.Array:
    """Every phrase there is, by class, size and position."""
    return pa.array([phrase(c, s, p) for c in labels for s in SIZES for p in POSITIONS], pa.string())


class RegionCaption:
    """``<Region 1>: A big plane on the left``; see :class:`rsvp_builder.tasks.Task`."""

    name = "region_caption"
    granularity: Granularity = "region"
    needs: Needs = "box"
    marker: Literal["Region", "Mark"] = "Region"
    instructions = CAPTION_REGIONS
    about: About = "either"
    min_marks = 1
    written = True

    def answer(self, asked: Asked) -> Answers:
        """What people wrote of each mark; else a caption made from its class, size and position."""
        marks, sizes = asked.marks, asked.sizes
        if marks.text is not None:
            texts = written_texts(marks)
            return Answers(texts, "human", captions=texts)
        code = (marks.class_id * len(SIZES) + size_of(marks, sizes)) * len(POSITIONS)
        code += position_of(marks, sizes)
        texts = _phrases(tuple(asked.labels)).take(pa.array(code))
        return Answers(texts, "derived", captions=texts)


TASK = RegionCaption()
