"""What is sent for one row, and the key under which it is remembered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True, slots=True)
class Subject:
    """A row to be answered and its picture.

    Attributes:
        row: the published row without ``image``; ``messages`` ends with the user's turn.
        picture: bytes of the row's own image, as stored; its marks are in pixels of it.
    """

    row: dict[str, Any]
    picture: bytes


@dataclass(frozen=True, slots=True)
class Sent:
    """A picture as it is sent.

    Attributes:
        content: encoded bytes.
        mime: ``image/jpeg`` or ``image/png``.
        width: in pixels.
        height: in pixels.
    """

    content: bytes
    mime: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """The pictures of a row with its marks drawn, and what was decided in drawing them.

    Attributes:
        pictures: the whole picture first, then enlarged parts where the scene is dense.
        shown: indices of the marks that carry a number in some picture.
        choice: how it was drawn, for the store: JSON values only, such as
            ``{"mode": "tiled", "parts": [...], "left_out": []}``.
    """

    pictures: tuple[Sent, ...]
    shown: tuple[int, ...]
    choice: dict[str, Any]


class ModelSettings(BaseModel):
    """The model and the parameters that decide its answer; part of every key.

    Attributes:
        model: as the endpoint calls it.
        temperature: of sampling; None where the model takes none.
        max_tokens: most tokens of an answer.
        detail: ``low``, ``high`` or ``auto``, for pictures.
        seed: of sampling, or None.
        extra: further fields of the request's body, such as ``reasoning_effort``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: str
    temperature: float | None = 0.2
    max_tokens: int = Field(1024, ge=16)
    detail: str = Field("high", pattern="^(low|high|auto)$")
    seed: int | None = 0
    extra: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """One row's request.

    Attributes:
        key: see :func:`key_of`; also the ``custom_id`` in batches.
        row_id: ``id`` of the row.
        body: of ``POST /chat/completions``.
    """

    key: str
    row_id: str
    body: dict[str, Any]


def key_of(
    subject: Subject, drawing: dict[str, Any], prompt: str, prompt_version: str, settings: ModelSettings
) -> str:
    """Hash of everything that decides what is sent: 64 hexadecimal digits.

    Args:
        subject: the row and its picture.
        drawing: settings of the drawing, as JSON values, with the drawing's own version.
        prompt: the text of the prompt with what is known of this row filled in.
        prompt_version: version of its template and schema.
        settings: the model and its parameters.
    """
    parts = [
        sha256(subject.picture).hexdigest(),
        [[m["index"], m["kind"], m["xyxy"], m["xy"], m["quad"], m["label"]] for m in subject.row["marks"]],
        drawing,
        prompt,
        prompt_version,
        settings.model_dump(mode="json"),
    ]
    return sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
