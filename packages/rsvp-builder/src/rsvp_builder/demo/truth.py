"""What a writer of a miniature release tells about it, so that a build can be held to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rsvp_builder.ledger import Reason


@dataclass(frozen=True, slots=True)
class Thing:
    """An annotated thing, as a build has to see it.

    Attributes:
        token: raw class token as the manifest's ``classes`` has it; None for what has no class.
        box: ``x1 y1 x2 y2``, half-open, in pixels of the picture, unclipped; None for what is said of
            the whole image.
        quad: ``x1 y1 .. x4 y4`` in the order of the release, None where it has none.
        text: what people wrote about it, words with single spaces; None where nothing.
        flags: lower-case names of :class:`rsvp_builder.record.ObjectFlag` that the source states.
        mask: (height, width) bool of the picture, where the release has masks.
    """

    token: str | None
    box: tuple[float, float, float, float] | None = None
    quad: tuple[float, ...] | None = None
    text: str | None = None
    flags: tuple[str, ...] = ()
    mask: npt.NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class TokenMap:
    """The truth of a semantic map.

    Attributes:
        tokens: raw class tokens.
        numbers: (height, width) int, position in ``tokens``, -1 where nothing is labelled.
    """

    tokens: tuple[str, ...]
    numbers: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Planted:
    """A defect that a build has to report, and that costs nothing but itself.

    Attributes:
        file: the file that shows it, relative to the root, with forward slashes.
        line: 1-based line, None where the whole file is meant.
        reason: the ledger's reason.
        value: a part of what the ledger must show as read; may be empty.
    """

    file: str
    line: int | None
    reason: Reason
    value: str = ""


@dataclass(slots=True)
class Release:
    """A release that was written.

    Attributes:
        root: its top folder.
        images: by image id, everything annotated in every image that can be read.
        maps: by image id, the truth of each semantic map.
        prose: by image id, the converted text of releases that bring grounded captions along.
        background: image ids of pictures without annotations that the release has on purpose.
        unlabelled: image ids of pictures whose labels were never released.
        defects: what was planted.
    """

    root: Path
    images: dict[str, list[Thing]] = field(default_factory=dict)
    maps: dict[str, TokenMap] = field(default_factory=dict)
    prose: dict[str, str] = field(default_factory=dict)
    background: list[str] = field(default_factory=list)
    unlabelled: list[str] = field(default_factory=list)
    defects: list[Planted] = field(default_factory=list)
