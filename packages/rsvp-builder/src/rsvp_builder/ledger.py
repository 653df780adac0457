"""The ledger: whatever was seen is written or dropped, and every drop has a reason, file and line.

``seen = written + dropped`` must hold for images and for objects, in every unit and in the whole
build; :func:`Counts.check` is where it is held.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

from rsvp_builder.errors import StrictError, UnbalancedLedgerError
from rsvp_builder.visible import visible

Kind = Literal["image", "object", "metadata"]
"""``metadata`` is a header value or a second label file: noted, but neither an image nor an object lost."""


class Reason(StrEnum):
    """Why something that was seen is not in the data set."""

    MALFORMED_LINE = "malformed_line"
    NOT_FINITE = "not_finite"
    UNKNOWN_CLASS = "unknown_class"
    DEGENERATE = "degenerate"
    OUTSIDE_IMAGE = "outside_image"
    LABEL_UNREADABLE = "label_unreadable"
    LABEL_MISSING = "label_missing"
    IMAGE_MISSING = "image_missing"
    IMAGE_UNREADABLE = "image_unreadable"
    DUPLICATE_STEM = "duplicate_stem"
    DIFFICULT = "difficult"
    SPLIT_BY_TILES = "split_by_tiles"
    NO_OBJECTS = "no_objects"
    UNLABELLED_SPLIT = "unlabelled_split"
    NOT_UNPACKED = "not_unpacked"
    """An archive in the folder of the release; what is in it is not read."""
    BAD_LINK = "bad_link"
    """A symbolic link to nothing, or to a folder that it lies in."""
    BAD_PATH = "bad_path"
    """Not read: a name with control characters or of no text, a pipe or device, folders nested too deep."""
    SPLIT_MISSING = "split_missing"
    """A file that lists a split is not there; its images fall into the default split."""
    SIZE_MISMATCH = "size_mismatch"
    """A label file speaks of a picture of another size."""
    IMAGE_TOO_LARGE = "image_too_large"
    EMPTY_MASK = "empty_mask"
    """A mask without a pixel in the image."""
    EMPTY_TEXT = "empty_text"
    """A caption or expression without a word."""
    DUPLICATE_TEXT = "duplicate_text"
    """A caption that its image has already; ``captions = "all"`` keeps it."""
    DUPLICATE_ID = "duplicate_id"
    IGNORED_REGION = "ignored_region"
    """Marked by the source as a region, or class, to ignore."""
    NO_LABEL = "no_label"
    """A patch of a semantic map without a labelled pixel."""
    OVER_CAP = "over_cap"
    """A point above the cap that the settings put on an image."""
    NOT_ASKED = "not_asked"
    """No task of the build uses it."""
    MARKS_PER_ROW = "marks_per_row"
    """A text that cites more marks than a row may hold, or a row with fewer than the task needs."""
    EXCLUDED = "excluded"
    """The manifest leaves the image out, and says why."""
    LEAKS_INTO_EVALUATION = "leaks_into_evaluation"
    """The audit found it in an evaluation split."""


QUARANTINE = frozenset({Reason.LABEL_UNREADABLE, Reason.IMAGE_UNREADABLE})
"""Files that could not be read: the build goes on without them and its exit code says so."""

BY_DESIGN = frozenset(
    {
        Reason.DIFFICULT,
        Reason.SPLIT_BY_TILES,
        Reason.NO_OBJECTS,
        Reason.UNLABELLED_SPLIT,
        Reason.DUPLICATE_TEXT,
        Reason.IGNORED_REGION,
        Reason.NO_LABEL,
        Reason.OVER_CAP,
        Reason.NOT_ASKED,
        Reason.MARKS_PER_ROW,
        Reason.EXCLUDED,
        Reason.LEAKS_INTO_EVALUATION,
        Reason.NOT_UNPACKED,
    }
)
"""Drops that follow from the settings or the release and point at no defect; ``--strict`` passes them."""


@dataclass(frozen=True, slots=True)
class Drop:
    """One image, object or piece of metadata that is not in the data set.

    Attributes:
        kind: what was dropped.
        reason: why.
        image_id: the image, or the image that the object belongs to.
        file: path relative to the release's root.
        line: 1-based line in it, or None where the whole file is meant.
        value: what was read.
        expected: what was expected.
        count: how many alike this entry stands for, such as the points of one image over a cap.
    """

    kind: Kind
    reason: Reason
    image_id: str
    file: str
    line: int | None
    value: str
    expected: str
    count: int = 1

    def __str__(self) -> str:
        # Names that the release gives may hold control characters, which would act on the terminal.
        file = self.file if self.file.isprintable() else repr(self.file)
        expected = visible(self.expected)
        place = file if self.line is None else f"{file}:{self.line}"
        read = f" read {self.value!r}," if self.value else ""
        many = f" ({self.count} times)" if self.count > 1 else ""
        return f"{place}: {self.reason}:{read} expected {expected}{many}"


MOST_ALIKE = 10_000
"""Objects of one image and reason that have an entry each; further ones are counted in the last."""


@dataclass(slots=True)
class Drops:
    """Collects drops; under ``strict`` the first that is not by design stops the build."""

    strict: bool = False
    entries: list[Drop] = field(default_factory=list)
    _alike: dict[tuple[str, str, str, str], tuple[int, int]] = field(default_factory=dict)
    """How many of one kind, reason, image and file there are, and the place of the last that has an entry."""

    def add(self, drop: Drop) -> None:
        """Record one drop.

        Raises:
            StrictError: under ``strict``, unless the drop is by design.
        """
        if self.strict and drop.reason not in BY_DESIGN:
            raise StrictError(f"--strict: {drop}")
        key = (drop.kind, drop.reason, drop.image_id, drop.file)
        number, last = self._alike.get(key, (0, 0))
        if number < MOST_ALIKE or drop.kind == "image":
            self._alike[key] = number + 1, len(self.entries)
            self.entries.append(drop)
        else:
            told = self.entries[last]
            self.entries[last] = replace(told, count=told.count + drop.count)


@dataclass(slots=True)
class Counts:
    """What happened to images and objects; addable over units.

    An object that shows in several tiles is written once and gives several marks; ``marks`` and
    ``rows`` count what is in the data set and may be larger than the number of objects. ``planned`` counts
    rows that wait for a captioner's answer and are kept apart.
    """

    images_seen: int = 0
    images_written: int = 0
    objects_seen: int = 0
    objects_written: int = 0
    rows: int = 0
    marks: int = 0
    planned: int = 0
    images_dropped: Counter[str] = field(default_factory=Counter)
    objects_dropped: Counter[str] = field(default_factory=Counter)

    def drop(self, drops: Iterable[Drop]) -> None:
        """Count drops by kind and reason."""
        buckets = {"image": self.images_dropped, "object": self.objects_dropped}
        for entry in drops:
            if entry.kind in buckets:
                buckets[entry.kind][entry.reason.value] += entry.count

    def add(self, other: Counts) -> None:
        """Add another unit's counts to these."""
        self.images_seen += other.images_seen
        self.images_written += other.images_written
        self.objects_seen += other.objects_seen
        self.objects_written += other.objects_written
        self.rows += other.rows
        self.marks += other.marks
        self.planned += other.planned
        self.images_dropped.update(other.images_dropped)
        self.objects_dropped.update(other.objects_dropped)

    def check(self, what: str) -> None:
        """Hold the ledger's law.

        Raises:
            UnbalancedLedgerError: seen is not written plus dropped.
        """
        for kind, seen, written, dropped in (
            ("images", self.images_seen, self.images_written, self.images_dropped.total()),
            ("objects", self.objects_seen, self.objects_written, self.objects_dropped.total()),
        ):
            if seen != written + dropped:
                raise UnbalancedLedgerError(
                    f"{what}: the ledger does not balance: {seen} {kind} seen, {written} written, "
                    f"{dropped} dropped. This is a defect of rsvp-builder; please report it."
                )

    @property
    def quarantined(self) -> int:
        """Images left out because a file could not be read."""
        return sum(self.images_dropped[reason.value] for reason in QUARANTINE)

    def summary(self) -> dict[str, Any]:
        """The counts as they stand in ``ledger/<source>/summary.json``."""
        return {
            "images": _account(self.images_seen, self.images_written, self.images_dropped),
            "objects": _account(self.objects_seen, self.objects_written, self.objects_dropped),
            "rows": {"written": self.rows},
            "marks": {"written": self.marks},
            "quarantined": self.quarantined,
        }

    def to_json(self) -> dict[str, Any]:
        """Every field, for the marker of a unit."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        return {
            **fields,
            "images_dropped": dict(self.images_dropped),
            "objects_dropped": dict(self.objects_dropped),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Counts:
        """The counts that :meth:`to_json` gave."""
        return cls(
            **{
                **data,
                "images_dropped": Counter(data["images_dropped"]),
                "objects_dropped": Counter(data["objects_dropped"]),
            }
        )


def _account(seen: int, written: int, dropped: Counter[str]) -> dict[str, Any]:
    return {"seen": seen, "written": written, "dropped": dict(sorted(dropped.items()))}
