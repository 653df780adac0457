"""Collecting objects one by one, for grammars that are not parsed in columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rsvp_builder.record import Annotations, Item, ObjectArray, Objects

if TYPE_CHECKING:
    from rsvp_builder.masks import Mask

_NO_BOX = (np.nan,) * 4
_NO_QUAD = (np.nan,) * 8


class ObjectList:
    """Objects of a batch of items; :meth:`annotations` gives them in columns.

    ``seen`` is counted here for every object that is added or lost, so a reader calls one of
    :meth:`add` and :meth:`lose` for each object that it meets.

    Args:
        items: the images of the batch.
        texts: whether the source's objects have texts (some may be None).
        masks: whether they have masks (some may be None).
    """

    def __init__(self, items: Sequence[Item], *, texts: bool = False, masks: bool = False) -> None:
        n = len(items)
        self.gsd: list[float | None] = [None] * n
        self.image_source: list[str | None] = [None] * n
        self.readable = [True] * n
        self.declared: list[tuple[int, int] | None] = [None] * n
        self.seen = [0] * n
        self._item: list[int] = []
        self._line: list[int] = []
        self._class_id: list[int] = []
        self._box: list[Sequence[float]] = []
        self._quad: list[Sequence[float]] = []
        self._flags: list[int] = []
        self._text: list[str | None] | None = [] if texts else None
        self._mask: list[Mask | None] | None = [] if masks else None

    def add(
        self,
        item: int,
        *,
        line: int,
        class_id: int = -1,
        box: Sequence[float] | None = None,
        quad: Sequence[float] | None = None,
        flags: int = 0,
        text: str | None = None,
        mask: Mask | None = None,
    ) -> None:
        """Add an object.

        Args:
            item: position of its image in the batch, not below that of the object before.
            line: 1-based line in the label file.
            class_id: position in the manifest's class table, or -1.
            box: ``x1 y1 x2 y2``, half-open; None for what is said of the whole image.
            quad: ``x1 y1 .. x4 y4`` in the source's order, if it has one.
            flags: of :class:`rsvp_builder.record.ObjectFlag`.
            text: what people wrote about it, words with single spaces.
            mask: its mask.
        """
        self.seen[item] += 1
        self._item.append(item)
        self._line.append(line)
        self._class_id.append(class_id)
        self._box.append(_NO_BOX if box is None else box)
        self._quad.append(_NO_QUAD if quad is None else quad)
        self._flags.append(flags)
        if self._text is not None:
            self._text.append(text)
        if self._mask is not None:
            self._mask.append(mask)

    def lose(self, item: int, count: int = 1) -> None:
        """Count an object that cannot be used; the reader says why in the ledger."""
        self.seen[item] += count

    def annotations(self) -> Annotations:
        """Everything collected, as a reader gives it."""
        n = len(self._item)
        objects = Objects(
            item=np.array(self._item, np.int64),
            line=np.array(self._line, np.int64),
            class_id=np.array(self._class_id, np.int64),
            quad=np.array(self._quad, np.float64).reshape(n, 8),
            box=np.array(self._box, np.float64).reshape(n, 4),
            flags=np.array(self._flags, np.uint8),
            text=None if self._text is None else _boxed(self._text),
            mask=None if self._mask is None else _boxed(self._mask),
        )
        return Annotations(
            objects, self.seen, self.gsd, self.image_source, self.readable, declared=self.declared
        )


def _boxed(values: Sequence[object]) -> ObjectArray:
    column: ObjectArray = np.empty(len(values), np.object_)
    column[:] = values
    return column
