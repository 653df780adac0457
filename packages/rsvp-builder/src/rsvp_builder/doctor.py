"""Looking over raw releases before a build: which they are, what is missing, how they are nested."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import Place, Survey, survey
from rsvp_builder.ledger import BY_DESIGN
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index, index_release


@dataclass(slots=True)
class Diagnosis:
    """What was found out about one release.

    Attributes:
        place: which it is, and where.
        images: pictures that have annotations beside them.
        by_split: the same by split.
        remarks: what is odd but does no harm.
        problems: what a build will miss or cannot do.
    """

    place: Place
    images: int = 0
    by_split: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """For scripts."""
        return {
            "source": self.place.manifest.name,
            "root": str(self.place.root),
            "images": self.images,
            "splits": self.by_split,
            "remarks": self.remarks,
            "problems": self.problems,
        }


def examine(data: Path, manifests: Sequence[Manifest]) -> tuple[Survey, list[Diagnosis]]:
    """Find the releases in a folder and look each over, by file names and sizes.

    Raises:
        RsvpError: ``data`` is not a folder, or cannot be listed.
    """
    found = survey(data, manifests)
    return found, [diagnose(place) for place in found.places]


def diagnose(place: Place) -> Diagnosis:
    """Look one release over."""
    told = Diagnosis(place)
    if place.depth == 0:
        told.remarks.append("its parts lie loose in the folder that was searched")
    elif place.depth > 1:
        levels = "one level" if place.depth == 2 else f"{place.depth - 1} levels"
        told.remarks.append(f"lies {levels} deeper than usual; found all the same")
    try:
        index = index_release(place.root, place.manifest)
    except RsvpError as error:
        told.problems.append(str(error))
        return told
    _count(told, index)
    told.remarks += index.notices
    _compare(told, place.manifest)
    return told


def _count(told: Diagnosis, index: Index) -> None:
    complete = [item for item in index.items if item.image and item.label]
    told.images = len(complete)
    told.by_split = dict(sorted(Counter(item.split for item in complete).items()))
    without_image = [item for item in index.items if not item.image]
    without_label = [item for item in index.items if not item.label]
    for items, what in (
        (without_image, "annotations without their picture"),
        (without_label, "unlabelled pictures"),
    ):
        if items:
            first = items[0].label or items[0].image
            told.problems.append(f"{len(items):,} {what}, such as {first}")
    reasons = Counter[str]()
    examples: dict[str, str] = {}
    for drop in index.drops:
        if drop.reason not in BY_DESIGN:
            reasons[drop.reason.value] += drop.count
            examples.setdefault(drop.reason.value, str(drop))
    for reason, count in reasons.items():
        told.problems.append(f"{count:,} x {reason}, such as {examples[reason]}")


def _compare(told: Diagnosis, manifest: Manifest) -> None:
    """Set what is there beside the published sizes."""
    unlabelled = manifest.splits.unlabelled
    for split, expected in manifest.expected.items():
        if expected.images is None or split in unlabelled:
            continue
        there = told.by_split.get(split, 0)
        if there != expected.images:
            told.problems.append(f"split {split}: {there:,} of {expected.images:,} published images")
