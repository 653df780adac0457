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

_WITHOUT_CLASSES = frozenset({"image_caption", "grounded_caption"})
"""Tasks whose answers are texts of the release."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$")]


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
        source: what Table I calls the source, where that is not the manifest's name.
        tasks: tasks of ours that it counts, where that is not ``task`` alone.
        splits: splits of ours that it counts; empty for all.
        note: why our count differs, where that is known.
    """

    task: str
    paper_samples: int
    source: str = ""
    tasks: list[str] = []
    splits: list[str] = []
    note: str = ""


class Splits(_Strict):
    """How images fall into splits: by folder, list file, name or seeded draw, or all into one.

    Attributes:
        labelled: split name -> folder names that mean it; an empty list for splits that no folder
            means (lists, annotation files or a draw decide).
        unlabelled: the same for splits whose labels were never released.
        lists: split name -> patterns of the files that list its images, one a line.
        named: split name -> names of its images, where a paper or a page lists them and no file does.
        seeded: split name -> share of each class's images drawn into it by seed, where the release has
            no split of its own; the rest goes to ``default``. The name should say share and seed.
        default: split of files that nothing else decides.
    """

    labelled: dict[Name, list[str]]
    unlabelled: dict[Name, list[str]] = {}
    lists: dict[Name, list[str]] = {}
    named: dict[Name, list[str]] = {}
    seeded: dict[Name, Annotated[float, Field(gt=0, lt=1)]] = {}
    default: Name = "train"

    @property
    def folders(self) -> dict[str, str]:
        """Folder name in lower case -> the split that it means."""
        groups = (self.labelled, self.unlabelled)
        return {name.lower(): split for group in groups for split, names in group.items() for name in names}


class Find(_Strict):
    """How the release is recognised in a folder of many.

    Patterns are those of :func:`rsvp_builder.readers.splits.matches`: they match at any depth, ``*``
    crosses no slash, ``**`` stands for any folders, letter case does not matter.

    Attributes:
        files: each must match a file.
        none: none may match a file.
        folder: if given, one must match the name of a folder on the way to such a file, the release's own
            included.
    """

    files: Annotated[list[str], Field(min_length=1)]
    none: list[str] = []
    folder: list[str] = []


class Points(_Strict):
    """How semantic maps and instances give points.

    Attributes:
        patch: side of a patch in pixels, or patches along an edge of the image, as ``mode`` says.
        mode: ``pixels`` cuts patches of ``patch`` x ``patch`` px; ``grid`` cuts the image in ``patch`` x
            ``patch`` patches. The paper's "32x32 patches" can mean either.
        per_image: most points an image gives; None for no limit.
        balance: share the limit out evenly among the classes of an image.
        background: raw tokens of classes that are labelled but are no object; see ``Settings``.
    """

    patch: Annotated[int, Field(ge=1)] = 32
    mode: Literal["pixels", "grid"] = "pixels"
    per_image: Annotated[int, Field(ge=1)] | None = None
    balance: bool = False
    background: list[str] = []


class Tiles(_Strict):
    """How scenes of this source are cut, where it differs from the rest.

    Attributes:
        overlap: pixels that neighbouring tiles share.
    """

    overlap: Annotated[int, Field(ge=0)] | None = None


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
        classes: raw class token -> label in answers. Order is the class id. Empty where a source has
            only texts.
        aliases: other spellings of raw class tokens -> the one in ``classes``.
        ignore: raw class tokens that mark a region to ignore -> what they are.
        find: how the release is recognised.
        points: how it gives points.
        tiles: how its scenes are cut.
        samples_per_image: rows a scene class gives, each with a wording of its own.
        captions: ``unique`` keeps each caption of an image once, ``all`` as often as it is there.
        answered: tasks whose answers the release itself holds; relationship analysis and grounded
            captions are otherwise planned, for a captioner to write.
        provenance: task -> who wrote its answers, where that is not what the task says.
        bands: bands of the picture to publish, counted from 1; empty for all.
        max_megapixels: pictures above it are refused.
        exclude: image id without its split (a shell pattern) -> why it is left out.
        evaluation: splits that published scores are computed on.
        built_on: families or names of the sources whose images it uses.
        expected: published size by split.
        recipes: rows of the paper's Table I that it feeds.
        download: how to get it.
        quirks: what is odd in the release, for people; each has a test.
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
    aliases: dict[str, str] = {}
    ignore: dict[str, str] = {}
    find: Find | None = None
    points: Points = Points()
    tiles: Tiles = Tiles()
    samples_per_image: Annotated[int, Field(ge=1)] = 1
    captions: Literal["all", "unique"] = "unique"
    answered: list[str] = []
    provenance: dict[str, str] = {}
    bands: list[Annotated[int, Field(ge=1)]] = []
    max_megapixels: Annotated[float, Field(gt=0)] = 1000
    exclude: dict[str, str] = {}
    evaluation: list[Name] = []
    built_on: list[str] = []
    expected: dict[str, Expected] = {}
    recipes: list[Recipe] = []
    download: list[Download] = []
    quirks: list[str] = []
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
        needing = sorted(set(self.tasks) - _WITHOUT_CLASSES)
        if needing and not self.classes:
            raise ValueError(f"classes: at least one class is needed for {needing[0]}")
        for token, meant in self.aliases.items():
            if meant not in self.classes:
                raise ValueError(f"aliases: {token!r} stands for {meant!r}, which is no class")
        splits = {*self.splits.labelled, *self.splits.unlabelled, *self.splits.lists, *self.splits.seeded}
        for split in self.evaluation:
            if split not in splits:
                raise ValueError(f"evaluation: {split!r} is no split; known: {', '.join(sorted(splits))}")
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
