"""The form of a task file. Adding a task is adding one; a file declares and runs no code."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rsvp_eval.errors import EvalError, UnknownNameError

FOLDER = Path(__file__).parent

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]

Kind = Literal["caption", "label", "prose"]
Alignment = Literal["marks", "whole"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(_Strict):
    """Which rows of a data set are scored.

    Attributes:
        tasks: what their conversations ask, as rsvp-build names it.
        sources: names of their sources; empty for all.
        splits: in order of preference: of each source the first that it has. Empty for its only one.
        granularity: ``image``, ``region`` or ``point``; None for any.
    """

    tasks: Annotated[tuple[str, ...], Field(min_length=1)]
    sources: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    granularity: Literal["image", "region", "point"] | None = None


class Task(_Strict):
    """What is scored, and how.

    Attributes:
        name: as the command line names it, equal to the file's stem.
        version: raised when a change of the file changes scores.
        title: one line for people.
        kind: ``caption`` compares texts, ``label`` names of classes, ``prose`` texts that cite marks, whose
            coverage is scored too.
        metrics: those computed if none are asked for.
        protocol: how labels are cleaned before SS and S-IoU, if none is asked for.
        normalization: how labels are compared by accuracy.
        data: rows that it takes from a data set.
        alignment: ``marks`` scores each mark of a row, ``whole`` the answer as one text. Predictions scored
            against a file of references are always whole.
        references: ``row`` for those of the row itself; ``place`` joins rows about the same place of the same
            picture into one sample with the references of all.
        strip_marks: take bracketed citations out of predictions and references before texts are compared.
        group_by: what scores are broken down by; None for nothing.
        classes: names of the classes; empty for those that occur in the references.
        published: where the paper prints the score, as ``TABLE.ROW``; None where it does not.
        notes: what decides whether a score may stand beside a published one.
        sha256: hash of the file, set when it is read.
    """

    name: Name
    version: Annotated[int, Field(ge=1)]
    title: str
    kind: Kind
    metrics: Annotated[tuple[Name, ...], Field(min_length=1)]
    protocol: Literal["osprey", "sphinxv", "videorefer", "strict"] = "osprey"
    normalization: Name | None = None
    data: Data
    alignment: Alignment = "marks"
    references: Literal["row", "place"] = "row"
    strip_marks: bool = False
    group_by: Literal["label"] | None = None
    classes: tuple[str, ...] = ()
    published: str | None = None
    notes: tuple[str, ...] = ()
    sha256: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Task:
        if self.kind == "prose" and self.alignment != "whole":
            raise ValueError("kind 'prose' needs alignment 'whole': its answers cite marks and have no lines")
        if self.strip_marks and self.kind != "prose":
            raise ValueError("strip_marks is for kind 'prose' only")
        if self.references == "place" and self.alignment != "marks":
            raise ValueError("references 'place' needs alignment 'marks'")
        if "accuracy" in self.metrics and self.normalization is None:
            raise ValueError("metric 'accuracy' needs a normalization")
        return self


def load(name: str | Path) -> Task:
    """The shipped task of that name, or the task of a file.

    Args:
        name: a name, or a path that ends in ``.toml``.

    Raises:
        UnknownNameError: no shipped task is called so.
        EvalError: the file cannot be read or does not fit the form. The message names file, key and value.
    """
    path = Path(name)
    if path.suffix == ".toml":
        return _read(path)
    if str(name) not in names():
        raise UnknownNameError("task", str(name), names())
    return _shipped(str(name))


def names() -> list[str]:
    """Names of the shipped tasks, sorted, without reading them."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def shipped() -> dict[str, Task]:
    """The shipped tasks by name, sorted."""
    return {name: _shipped(name) for name in names()}


@functools.cache
def _shipped(name: str) -> Task:
    return _read(FOLDER / f"{name}.toml")


def _read(path: Path) -> Task:
    try:
        content = path.read_bytes()
        data: dict[str, Any] = tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        raise EvalError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EvalError(f"{path}: not valid TOML: {error}") from error
    if "sha256" in data:
        raise EvalError(f"{path}: sha256: is computed from the file; take it out")
    if data.get("name", path.stem) != path.stem:
        raise EvalError(
            f"{path}: name: {data['name']!r}, but the file is called {path.stem!r}; make them equal"
        )
    try:
        return Task.model_validate(data | {"sha256": hashlib.sha256(content).hexdigest()})
    except ValidationError as error:
        lines = [_misfit(path, e["loc"], e["msg"], e["input"]) for e in error.errors()]
        raise EvalError("\n".join(lines)) from error


def _misfit(path: Path, location: tuple[int | str, ...], message: str, value: object) -> str:
    key = ".".join(str(part) for part in location) or "(top level)"
    shown = "" if isinstance(value, dict) else f" (read {value!r})"
    return f"{path}: {key}: {message}{shown}"
