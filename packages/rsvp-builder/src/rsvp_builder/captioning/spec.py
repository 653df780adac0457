"""What is asked in each task: a text, the form of the answer and its limits, read from ``prompts/*.toml``.

A version names everything in its file that reaches the model or decides the form of the answer. What is
known of a row comes from :mod:`rsvp_builder.captioning.known`; it is part of the prompt's text and so of a
request's key, but not of the version.
"""

from __future__ import annotations

import base64
import json
import tomllib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated, Any, Literal

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rsvp_builder.captioning.known import facts, known_regions
from rsvp_builder.captioning.request import Drawn
from rsvp_builder.errors import RsvpError, UnknownNameError

Words = Annotated[tuple[int, int], Field(description="least and most")]


class PromptError(RsvpError):
    """A prompt file that cannot be used."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextRule(_Strict):
    """What is expected of one text of the answer.

    Attributes:
        of: ``answer`` where there is one text, ``region`` where each region has one.
        cites: whether it cites marks as ``<Region i>``.
        phrased: whether each citation must stand behind words.
        sentence: whether it is whole sentences.
        asked: words, least and most, that the model is asked for.
        allowed: words, least and most, that are taken; wider, because models count badly.
        each: words more, at most, for every mark of the row.
        total: words asked of all regions' texts together; 0 for no limit.
    """

    of: Literal["answer", "region"]
    cites: bool = False
    phrased: bool = False
    sentence: bool = True
    asked: Words
    allowed: Words
    each: int = Field(0, ge=0)
    total: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _nested(self) -> TextRule:
        (least, most), (fewest, many) = self.asked, self.allowed
        if not 1 <= fewest <= least <= most <= many:
            raise ValueError(f"asked words {self.asked} must lie within the allowed ones {self.allowed}")
        return self

    def words(self, marks: int) -> tuple[int, int]:
        """Words that the model is asked for in a row of so many marks."""
        least, most = self.asked[0], self.asked[1] + self.each * marks
        if self.total:
            most = min(most, max(2 * self.allowed[0], self.total // marks))
        most -= most % 5 if most > 20 else 0
        return min(least, most // 2), most

    def taken(self, marks: int) -> tuple[int, int]:
        """Words that are taken in a row of so many marks."""
        return self.allowed[0], self.allowed[1] + 2 * self.each * marks


class PromptSpec(_Strict):
    """What is asked in one task.

    Attributes:
        task: name of the task.
        version: ``task/number``; whoever changes the rest raises the number.
        form: how the answer is rendered: ``headed`` (all marks, a colon, the text), ``prose`` or
            ``lines`` (a line a mark).
        asks: times that a row is asked at most, the first time included.
        least: marks that must be drawn for the question to make sense.
        coverage: share of the drawn marks that the answer must speak of.
        system: text of the system's message.
        user: Jinja template of the user's text.
        whole, part: what is said before the whole picture and before each enlarged part of it.
        texts: rule of each text of the answer, by its name in the schema.
        answer_schema: JSON schema of the answer, such as OpenAI's strict mode takes.
    """

    task: str
    version: str
    form: Literal["headed", "prose", "lines"]
    asks: int = Field(ge=1, le=10)
    least: int = Field(1, ge=1)
    coverage: float = Field(gt=0, le=1)
    system: str
    user: str
    whole: str
    part: str
    texts: dict[str, TextRule]
    answer_schema: dict[str, Any] = Field(alias="schema")

    @model_validator(mode="after")
    def _consistent(self) -> PromptSpec:
        name, _, number = self.version.rpartition("/")
        if name != self.task or not number.isdecimal():
            raise ValueError(f"version is {self.version!r}, expected {self.task}/ and a number")
        _check_strict(self.answer_schema, "schema")
        properties = self.answer_schema["properties"]
        regions = properties.get("regions", {}).get("items", {}).get("properties", {})
        if not {"region", "class"} <= set(regions):
            raise ValueError("schema: regions must be a list of objects that have region and class")
        found = {name for name in properties if name != "regions"}, set(regions) - {"region", "class"}
        for place, names in zip(("answer", "region"), found, strict=True):
            ruled = {name for name, rule in self.texts.items() if rule.of == place}
            if ruled != names:
                raise ValueError(f"texts of {place} are {sorted(ruled)}, but the schema has {sorted(names)}")
        if not self.texts or len(self.main_of(self.form)) != 1:
            raise ValueError(f"form {self.form!r} needs exactly one text to be rendered from")
        return self

    def main_of(self, form: str) -> list[str]:
        """Names of the texts that a form can be rendered from."""
        if form == "lines":
            return [name for name, rule in self.texts.items() if rule.of == "region"]
        return [name for name, rule in self.texts.items() if rule.of == "answer" and rule.cites]

    @property
    def main(self) -> str:
        """Name of the text that the answer is rendered from."""
        return self.main_of(self.form)[0]

    @cached_property
    def digest(self) -> str:
        """Hash of all that the version stands for, except how often is asked: 64 hexadecimal digits."""
        content = self.model_dump(mode="json", by_alias=True, exclude={"asks", "least"})
        # Order is kept: models write an answer's properties in the order of its schema.
        return sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()

    def ask(self, row: dict[str, Any], shown: Sequence[int]) -> str:
        """The user's text with what is known of a row filled in.

        Args:
            row: a published row, without its picture.
            shown: indices of the marks that carry a number in the drawing.

        Raises:
            PromptError: the row has no such marks, or the template wants what is not known.
        """
        indices = {mark["index"] for mark in row["marks"]}
        numbers = sorted(set(shown))
        if len(numbers) < self.least or not set(numbers) <= indices:
            raise PromptError(
                f"row {row['id']}: marks {numbers} of {sorted(indices)} are drawn, but {self.task} asks "
                f"about at least {self.least} of them; draw more of its marks, or leave it out"
            )
        try:
            text = _template(self.user).render(
                facts=facts(row, numbers),
                regions=known_regions(row, numbers),
                shown=numbers,
                words={name: rule.words(len(numbers)) for name, rule in self.texts.items()},
            )
        except TemplateError as error:
            raise PromptError(f"prompt {self.version}: its user text cannot be filled in: {error}") from None
        return str(text).strip()

    def messages(self, text: str, drawn: Drawn, detail: str) -> list[dict[str, Any]]:
        """The messages of a request.

        Args:
            text: what :meth:`ask` gave.
            drawn: the pictures, the whole one first.
            detail: ``low``, ``high`` or ``auto``.
        """
        parts: list[dict[str, Any]] = [{"type": "text", "text": text}]
        for number, sent in enumerate(drawn.pictures):
            if len(drawn.pictures) > 1:
                parts.append({"type": "text", "text": self.part if number else self.whole})
            url = f"data:{sent.mime};base64,{base64.b64encode(sent.content).decode()}"
            parts.append({"type": "image_url", "image_url": {"url": url, "detail": detail}})
        return [{"role": "system", "content": self.system.strip()}, {"role": "user", "content": parts}]

    def response_format(self) -> dict[str, Any]:
        """The ``response_format`` of a request: the schema in strict mode. A copy of the caller's own."""
        schema: dict[str, Any] = json.loads(json.dumps(self.answer_schema))
        return {"type": "json_schema", "json_schema": {"name": self.task, "strict": True, "schema": schema}}


def tasks() -> list[str]:
    """Tasks that there is a prompt for."""
    return sorted(
        file.name.removesuffix(".toml") for file in _folder().iterdir() if file.name.endswith(".toml")
    )


@lru_cache(maxsize=16)
def prompt_for(task: str) -> PromptSpec:
    """What is asked in a task.

    Raises:
        UnknownNameError: nothing is asked in that task.
    """
    if task not in tasks():
        raise UnknownNameError("task of a captioner", task, tasks())
    return read_prompt(_folder() / f"{task}.toml")


def read_prompt(path: Traversable | Path) -> PromptSpec:
    """Read a prompt file.

    Raises:
        PromptError: it is no TOML, has unknown or missing keys, or does not fit together.
    """
    try:
        spec = PromptSpec.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        _template(spec.user)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, TemplateError) as error:
        raise PromptError(f"{path}: not a prompt file: {error}") from None
    except ValidationError as error:
        wrong = [f"{'.'.join(str(k) for k in e['loc']) or 'file'}: {e['msg']}" for e in error.errors()]
        raise PromptError(f"{path}: {'; '.join(wrong)}") from None
    return spec


def _folder() -> Traversable:
    return resources.files("rsvp_builder.captioning") / "prompts"


@lru_cache(maxsize=16)
def _template(text: str) -> Any:
    # The text goes to a model, not into a page: escaping would change what it reads.
    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    return made.from_string(text)


_TYPES = ("object", "array", "string", "integer")


def _check_strict(schema: Any, path: str) -> None:
    """Hold a schema to what OpenAI's strict mode demands, and to what the answer check understands.

    Source: the "Structured Outputs" guide of the OpenAI API: every property required, no additional ones.
    """
    kind = schema.get("type") if isinstance(schema, dict) else None
    if kind not in _TYPES:
        raise ValueError(f"{path}: type is {kind!r}, expected one of {', '.join(_TYPES)}")
    allowed = {"type", "description"}
    if kind == "object":
        allowed |= {"additionalProperties", "required", "properties"}
        properties = schema.get("properties", {})
        if schema.get("additionalProperties") is not False or list(schema.get("required", ())) != list(
            properties
        ):
            raise ValueError(
                f"{path}: additionalProperties must be false and all properties required, in order"
            )
        for name, inner in properties.items():
            _check_strict(inner, f"{path}.{name}")
    elif kind == "array":
        allowed |= {"items"}
        _check_strict(schema.get("items"), f"{path}[]")
    if set(schema) - allowed:
        raise ValueError(f"{path}: {', '.join(sorted(set(schema) - allowed))} cannot be used here")
