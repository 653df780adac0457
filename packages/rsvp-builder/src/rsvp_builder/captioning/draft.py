"""One row's request, from the data set to the body that is sent: the part that worker processes do.

The same steps are taken twice, to plan and to send, and give the same: a body whose key is not the one
that was planned is never sent.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from rsvp_builder.captioning.drawing import DrawingSettings, draw
from rsvp_builder.captioning.request import Drawn, ModelSettings, key_of
from rsvp_builder.captioning.shelf import Place, Shelf
from rsvp_builder.captioning.spec import PromptSpec, prompt_for
from rsvp_builder.captioning.tokens import text_tokens
from rsvp_builder.errors import RsvpError


class Asking(BaseModel):
    """How rows are asked about; everything of it is in a request's key.

    Attributes:
        model: the model and its parameters.
        drawing: how marks are drawn.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: ModelSettings
    drawing: DrawingSettings = DrawingSettings()


@dataclass(frozen=True, slots=True)
class Draft:
    """What planning keeps of a row's request.

    Attributes:
        key: see :func:`rsvp_builder.captioning.request.key_of`.
        prompt_version: of the template.
        drawing: how it was drawn: ``settings``, what was decided (``choice``) and the indices of the marks
            that carry a number (``shown``).
        images: ``[width, height]`` of each picture in pixels.
        text_tokens: estimate for everything but the pictures.
    """

    key: str
    prompt_version: str
    drawing: dict[str, Any]
    images: list[list[int]]
    text_tokens: int


def draft(out: Path, place: Place, asking: Asking) -> Draft:
    """Plan one row's request.

    Raises:
        RsvpError: the row or its picture cannot be used.
    """
    spec, drawn, text, key = _drawn(out, place, asking)
    captions = text_tokens(spec.whole) + (len(drawn.pictures) - 1) * text_tokens(spec.part)
    return Draft(
        key=key,
        prompt_version=spec.version,
        drawing={
            "settings": asking.drawing.model_dump(mode="json"),
            "choice": drawn.choice,
            "shown": list(drawn.shown),
        },
        images=[[sent.width, sent.height] for sent in drawn.pictures],
        text_tokens=text_tokens(text) + captions + _fixed_tokens(place.task),
    )


def body(out: Path, place: Place, asking: Asking, key: str) -> dict[str, Any]:
    """The body of a planned row's request, for its first attempt.

    Raises:
        RsvpError: the row or its picture cannot be used, or is another than was planned.
    """
    spec, drawn, text, now = _drawn(out, place, asking)
    if now != key:
        raise RsvpError(
            f"{place.shard}: row {place.row_id} or how it is asked about is not what was planned; run "
            "`rsvp-build caption` again, which plans it anew"
        )
    return body_of(spec, drawn, text, asking.model)


def body_of(spec: PromptSpec, drawn: Drawn, text: str, model: ModelSettings) -> dict[str, Any]:
    """The body of ``POST /chat/completions``."""
    made: dict[str, Any] = {
        "model": model.model,
        "messages": spec.messages(text, drawn, model.detail),
        "response_format": spec.response_format(),
        "max_completion_tokens": model.max_tokens,
    }
    if model.temperature is not None:
        made["temperature"] = model.temperature
    if model.seed is not None:
        made["seed"] = model.seed
    return made | model.extra


def _drawn(out: Path, place: Place, asking: Asking) -> tuple[PromptSpec, Drawn, str, str]:
    subject = _shelf(out).subject(place)
    spec = prompt_for(place.task)
    drawn = draw(subject, asking.drawing)
    text = spec.ask(subject.row, drawn.shown)
    key = key_of(subject, asking.drawing.fingerprint(), text, spec.version, asking.model)
    return spec, drawn, text, key


@lru_cache(maxsize=1)
def _shelf(out: Path) -> Shelf:
    """A shelf for each process; rows come in order, so that a row group is read once."""
    return Shelf(out)


@lru_cache(maxsize=16)
def _fixed_tokens(task: str) -> int:
    """Tokens of what every row of a task shares: the system's text and the schema.

    The schema is counted as it is sent; in which form the model sees it is not published.
    """
    spec = prompt_for(task)
    return text_tokens(spec.system) + text_tokens(json.dumps(spec.response_format()))
