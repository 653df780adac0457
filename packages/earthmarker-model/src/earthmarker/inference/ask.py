"""One picture, its marks, and a conversation about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from earthmarker.inference.batch import Answerer
from earthmarker.pictures import as_rgb
from earthmarker.prompts import Box, Mark, check_citations


class Conversation:
    """Turns about one picture and its marks, which are encoded once.

    Args:
        answerer: model, processor and length of answers.
        picture: what is asked about.
        marks: marks on it; none means the whole picture, as in the paper.

    Raises:
        MarkError: for marks that cannot be drawn.
    """

    def __init__(self, answerer: Answerer, picture: Image.Image, marks: Sequence[Mark] = ()) -> None:
        self.answerer = answerer
        self.picture = as_rgb(picture)
        self.marks = tuple(marks) or (Box(0, 0, picture.width, picture.height),)
        self.messages: list[dict[str, str]] = []
        processor = answerer.processor
        self.prompt: Image.Image = processor.draw(self.marks, self.picture)
        pixels = processor.image_processor([self.picture, self.prompt], return_tensors="pt")["pixel_values"]
        model: Any = answerer.model
        with torch.no_grad():
            self._features = model.model.encode(pixels.to(model.device))

    def ask(self, question: str) -> str:
        """Ask the next question; answers so far are part of the conversation.

        Raises:
            MarkError: if the question cites a mark that is not there.
        """
        check_citations(question, self.marks)
        turns = [*self.messages, {"role": "user", "content": question}]
        [answer] = self.answerer.generate([turns], {"mov_features": self._features})
        self.messages = [*turns, {"role": "assistant", "content": answer}]
        return answer
