"""What a row says about each thing it is asked: one text a mark, or one whole answer in prose."""

from __future__ import annotations

from collections.abc import Sequence

from rsvp_eval.answers import parse
from rsvp_eval.inputs.rows import Row

PROSE = frozenset({"relationship_analysis", "grounded_caption"})


def texts_of(row: Row) -> list[str | None]:
    """The row's own texts, one a mark in their order, None where its answer has none.

    Of prose, one in all.
    """
    if row.answer is None:
        return [None] * (1 if row.task in PROSE else len(row.marks))
    if row.task in PROSE:
        return [row.answer]
    texts = parse(row.answer, row.indices).texts
    return [texts.get(index) for index in row.indices]


def answer_of(row: Row, texts: Sequence[str]) -> str:
    """Put texts together to an answer to the row, in the form that the data set has."""
    if row.task in PROSE:
        return texts[0]
    word = "Mark" if row.granularity == "point" else "Region"
    return "\n".join(f"<{word} {i}>: {t}" for i, t in zip(row.indices, texts, strict=True))


def most_common(texts: Sequence[str]) -> str:
    """The most frequent text; of several, the first by the alphabet.

    Raises:
        ValueError: if there is none.
    """
    counts: dict[str, int] = {}
    for text in texts:
        counts[text] = counts.get(text, 0) + 1
    return min(counts, key=lambda text: (-counts[text], text))
