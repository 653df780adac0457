"""What one person has opened, marked, asked and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PIL import Image

from earthmarker.errors import EarthMarkerError
from earthmarker.prompts import Box, Mark, check_citations
from earthmarker.ui.reader import Reader, Talk


@dataclass(frozen=True)
class Turn:
    """A question, and its answer once there is one.

    Attributes:
        question: as it was asked.
        answer: as the model gave it; None while it is awaited.
        begins: whether a conversation begins here, as it does when picture or marks have changed.
        marks: marks of the conversation.
    """

    question: str
    answer: str | None
    begins: bool
    marks: int


@dataclass
class Session:
    """One person's picture and conversations.

    Attributes:
        picture: what is open, RGB.
        turns: everything asked since the picture was opened.
    """

    picture: Image.Image | None = None
    turns: list[Turn] = field(default_factory=list)
    _talk: Talk | None = None
    _marks: tuple[Mark, ...] = ()

    def open(self, picture: Image.Image) -> None:
        """Open a picture; what was said about another is put away."""
        self.picture, self.turns, self._talk = picture, [], None

    def renew(self) -> None:
        """Begin anew with the same picture and marks."""
        self.turns, self._talk = [], None

    def check(self, marks: Sequence[Mark], question: str) -> str:
        """The question without space around it.

        Raises:
            EarthMarkerError: if there is no picture or no question.
            MarkError: if it cites a mark that is not there.
        """
        if self.picture is None:
            raise EarthMarkerError("No image is open: open one, or drop it onto the page.")
        question = question.strip()
        if not question:
            raise EarthMarkerError("There is no question: write one, or take one of the buttons.")
        # No marks is the whole image, which is region 1.
        check_citations(question, marks or (Box(0, 0, *self.picture.size),))
        return question

    def ask(self, reader: Reader, marks: Sequence[Mark], question: str) -> None:
        """Ask, in the conversation so far or, where marks have changed, in a new one.

        Raises:
            EarthMarkerError: see :meth:`check`.
            MarkError: see there, and for marks that cannot be drawn.
        """
        question = self.check(marks, question)
        assert self.picture is not None, "checked above"
        talk, begins = self._talk, False
        if talk is None or tuple(marks) != self._marks:
            talk, begins = reader.begin(self.picture, marks), True
        answer = talk.ask(question)
        self.turns.append(Turn(question, answer, begins, len(marks)))
        self._talk, self._marks = talk, tuple(marks)

    def awaiting(self, marks: Sequence[Mark], question: str) -> list[Turn]:
        """The turns with a question that is about to be asked."""
        begins = self._talk is None or tuple(marks) != self._marks
        return [*self.turns, Turn(question, None, begins, len(marks))]
