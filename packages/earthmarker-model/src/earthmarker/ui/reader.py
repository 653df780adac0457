"""Who answers the page: a model, or anything else that draws marks and talks about a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from PIL import Image

from earthmarker.inference.ask import Conversation
from earthmarker.inference.batch import Answerer
from earthmarker.inference.load import ready
from earthmarker.prompts import Box, Mark


class Talk(Protocol):
    """A conversation about one picture and its marks."""

    def ask(self, question: str) -> str:
        """The answer to the next question."""
        ...


@runtime_checkable
class Reader(Protocol):
    """Reads pictures and marks.

    Attributes:
        name: what the page calls it.
        most: as many marks as it tells apart.
    """

    name: str
    most: int

    def draw(self, picture: Image.Image, marks: Sequence[Mark]) -> Image.Image:
        """Marks as the prompt image that is read beside the picture; no marks is the whole picture."""
        ...

    def begin(self, picture: Image.Image, marks: Sequence[Mark]) -> Talk:
        """Begin a conversation."""
        ...


class AnswererReader:
    """An EarthMarker, with its processor, as a reader.

    Args:
        answerer: model, processor and length of answers.
        name: what the page calls it.
    """

    def __init__(self, answerer: Answerer, name: str = "EarthMarker") -> None:
        self.answerer = answerer
        self.name = name
        self.most = int(answerer.processor.max_marks)

    def draw(self, picture: Image.Image, marks: Sequence[Mark]) -> Image.Image:
        """See :class:`Reader`.

        Raises:
            MarkError: for marks that cannot be drawn.
        """
        drawn: Image.Image = self.answerer.processor.draw(
            tuple(marks) or (Box(0, 0, picture.width, picture.height),), picture
        )
        return drawn

    def begin(self, picture: Image.Image, marks: Sequence[Mark]) -> Talk:
        """See :class:`Reader`.

        Raises:
            MarkError: for marks that cannot be drawn.
        """
        return Conversation(self.answerer, picture, marks)


def reader_of(model: str | Path | Answerer | Reader, longest: int = 256) -> Reader:
    """A reader of whatever was given.

    Args:
        model: a model source (see :func:`earthmarker.training.store.load`), an answerer, or a reader.
        longest: most tokens of an answer, where a source is loaded.

    Raises:
        EarthMarkerError: see :func:`earthmarker.inference.ready`.
    """
    if isinstance(model, (str, Path)):
        loaded, processor = ready(model)
        return AnswererReader(Answerer(loaded, processor, longest=longest), str(model))
    return AnswererReader(model) if isinstance(model, Answerer) else model
