"""What is scored: one answer about one mark, or one whole answer, beside its references."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """One prediction and its references.

    Attributes:
        id: the row's id, with ``#<index>`` behind it where the sample is one mark of a row.
        row: the row's id, to find its picture by.
        prediction: what was answered; None where nothing was (it is scored as wrong, and counted apart).
        references: what may be answered, one or more.
        image: image that the sample lies on, the cluster of bootstrap intervals; None where it is not known.
        label: class that per-class scores group by; None where there is none.
        mark: index of the mark in its row, from 1; None where the whole answer is meant.
        marks: indices of all marks of the row, for answers in prose that cite them.
    """

    id: str
    row: str
    prediction: str | None
    references: tuple[str, ...]
    image: str | None = None
    label: str | None = None
    mark: int | None = None
    marks: tuple[int, ...] = ()
