"""The form of ``data_manifests/*.toml``: everything declarative about one raw release.

A source is one TOML file; a reader kind is code that parses one on-disk grammar. Unknown keys are
errors, so a typo in a manifest never passes silently.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rsvp_builder.errors import RsvpError

SCHEMA_VERSION = 1

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class ManifestError(RsvpError):
    """A manifest that cannot be used; the message names the file, the key and the value."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Licence(_Strict):
    """Terms under which the release may be used, in its own words.

    Attributes:
        id: SPDX identifier, or ``other``.
        name: short name shown in the card and in every row.
        text: the terms, quoted or summed up from the official page.
        url: where they are stated.
    """

    id: str
    name: str
    text: str
    url: str


class Download(_Strict):
    """One step of getting the raw release, for a person to follow."""

    what: str
    url: str
    into: str


class Expected(_Strict):
    """Published size of one split, for comparing with what a build finds."""

    images: int | None = None
    objects: int | None = None


class Recipe(_Strict):
    """A row of the paper's Table I that this source feeds.

    Attributes:
        task: name of the task.
        paper_samples: what the paper prints.
        note: why our count differs, where that is known.
    """

    task: str
    paper_samples: int
    note: str = ""


class Splits(_Strict):
    """Which folders of the release are which split.

    Attributes:
        labelled: split name -> folder names that mean it.
        unlabelled: the same for splits whose labels were never released.
        default: split of files that lie under no split folder.
    """

    labelled: dict[Name, list[str]]
    unlabelled: dict[Name, list[str]] = {}
    default: Name = "train"


class Manifest(_Strict):
    """One raw release, as its TOML file states it.

    Attributes:
        manifest_version: version of this form; see ``SCHEMA_VERSION``.
        name: unique name, equal to the file's stem; ``source`` of every row.
        family: what several versions of one data set have in common; ``--source FAMILY`` picks one.
        version: version of the release; ``source_version`` of every row.
        title: one line for people.
        reader: kind of reader that parses the release.
        domain: remote-sensing or natural images.
        tasks: tasks built from it by default.
        homepage: official page.
        licence: terms of use.
        citation: BibTeX of the paper to cite.
        splits: folders and the splits they mean.
        layout: options of the reader kind; checked by the reader.
        classes: raw class token -> label in answers. Order is the class id.
        expected: published size by split.
        recipes: rows of the paper's Table I that it feeds.
        download: how to get it.
        unverified: statements in this file that nobody here has checked against the release.
    """

    manifest_version: Literal[1]
    name: Name
    family: Name
    version: str
    title: str
    reader: str
    domain: Literal["rs", "natural"]
    tasks: list[str]
    homepage: str
    licence: Licence
    citation: str
    splits: Splits
    layout: dict[str, Any] = {}
    classes: dict[str, str]
    expected: dict[str, Expected] = {}
    recipes: list[Recipe] = []
    download: list[Download] = []
    unverified: list[str] = []

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        folders = [
            f.lower() for s in (self.splits.labelled, self.splits.unlabelled) for fs in s.values() for f in fs
        ]
        twice = sorted({f for f in folders if folders.count(f) > 1})
        if twice:
            raise ValueError(f"splits: folder {twice[0]!r} is given to two splits")
        for token, label in self.classes.items():
            if not label or label != " ".join(label.split()):
                raise ValueError(f"classes: label {label!r} of {token!r} must be words with single spaces")
        if not self.classes:
            raise ValueError("classes: at least one class is needed")
        return self


def load_manifest(path: Path) -> Manifest:
    """Read one manifest.

    Args:
        path: a TOML file.

    Raises:
        ManifestError: the file cannot be read, is not TOML, or does not fit the form. The message
            names the file and, for each misfit, the key, the value and what was expected.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ManifestError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ManifestError(f"{path}: not valid TOML: {error}") from error
    found = data.get("manifest_version")
    if found != SCHEMA_VERSION:
        raise ManifestError(
            f"{path}: manifest_version is {found!r}, expected {SCHEMA_VERSION}; "
            "this rsvp-builder reads no other version"
        )
    try:
        return Manifest.model_validate(data)
    except ValidationError as error:
        lines = [_misfit(path, e["loc"], e["msg"], e["input"]) for e in error.errors()]
        raise ManifestError("\n".join(lines)) from error


def _misfit(path: Path, location: tuple[int | str, ...], message: str, value: object) -> str:
    key = ".".join(str(part) for part in location) or "(top level)"
    shown = "" if isinstance(value, dict) else f" (read {value!r})"
    return f"{path}: {key}: {message}{shown}"
