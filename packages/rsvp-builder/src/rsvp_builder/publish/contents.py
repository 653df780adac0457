"""Which files of a data set's folder are the data set.

Only what the ledger knows is named here, so nothing else in the folder can be sent by accident: no
``.build/``, no answers of a captioner in the making, no half-written file, no gallery.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rsvp_builder.dataset.layout import Folder, read_json
from rsvp_builder.dataset.plots import PLOT_NAMES
from rsvp_builder.dataset.validate import validate
from rsvp_builder.errors import ExitCode, RsvpError
from rsvp_builder.export.shards import splits_of
from rsvp_builder.publish.hashes import Hashes

_LEDGER = ("summary.json", "images.parquet", "drops.parquet", "captions.json")
_SHOWN = 5

OURS = re.compile(
    r"(data|planned)/[^/]+/[^/]+-\d{5}-of-\d{5}\.parquet"
    r"|ledger/[^/]+/(summary\.json|images\.parquet|drops\.parquet|captions\.json)"
    r"|settings/[^/]+\.json"
    rf"|plots/({'|'.join(PLOT_NAMES)})\.svg"
    r"|README\.md|croissant\.json|dataset\.json"
)
"""Paths that a data set of ours can have; what lies elsewhere at a destination is left alone."""


class InvalidError(RsvpError):
    """A data set that ``rsvp-build validate`` finds wrong."""

    exit_code = ExitCode.INVALID_DATASET


@dataclass(frozen=True, slots=True)
class File:
    """A file to publish.

    Attributes:
        path: where it goes, with forward slashes.
        file: where it lies.
        content: what goes there, where that is not the file as it lies.
    """

    path: str
    file: Path
    content: bytes | None = None

    @property
    def size(self) -> int:
        """Bytes."""
        return self.file.stat().st_size if self.content is None else len(self.content)

    def sha256(self, hashes: Hashes) -> str:
        """Hexadecimal SHA-256 of what goes there."""
        return hashes.of(self.file) if self.content is None else hashlib.sha256(self.content).hexdigest()


def contents(folder: Folder) -> list[File]:
    """The files of a finished data set, in the order in which they are sent.

    Settings and ledger come first: they tell a later push whose folder this is. The card, Croissant and
    then ``dataset.json`` come last, so that half a push does not look like a data set.

    Raises:
        RsvpError: it is no finished data set.
    """
    sources = folder.sources()
    files = [_settings(folder, source) for source in sources]
    paths = [folder.ledger(source) / name for source in sources for name in _LEDGER]
    for source in sources:
        splits = splits_of(folder, source)
        paths += [path for split in splits for path in split.paths]
        paths += [path for split in splits for path in split.planned]
    paths += sorted((folder.out / "plots").glob("*.svg"))
    paths += [folder.card, folder.out / "croissant.json", folder.complete]
    # Shards that are missing are left in, for whoever reads them to say so.
    there = [path for path in paths if path.suffix == ".parquet" or path.exists()]
    files += [File(path.relative_to(folder.out).as_posix(), path) for path in there]
    return [file for file in files if OURS.fullmatch(file.path)]


def check(folder: Folder, hashes: Hashes) -> None:
    """Hold a data set to everything that must be so before it leaves this machine.

    The rows are read once: a data set that was found sound and has not changed is not read again.

    Raises:
        RsvpError: it is not finished, or its rows show pictures by their place on this machine.
        InvalidError: rows, pictures or ledger are wrong.
    """
    sources = folder.sources()
    begun = sorted(set(folder.planned()) - set(sources))
    if begun:
        raise RsvpError(
            f"{folder.out}: the build of {', '.join(begun)} has not finished: rerun it, it resumes; or "
            f"remove {folder.state(begun[0])} and the source's shards to publish without it"
        )
    for source in sources:
        _refuse_references(folder, source)
    state = hashes.state_of(file.file for file in contents(folder) if file.path != "croissant.json")
    if hashes.was_valid(state):
        return
    report = validate(folder.out)
    if report.problems:
        shown = "".join(f"\n  {problem}" for problem in report.problems[:_SHOWN])
        raise InvalidError(
            f"{folder.out}: not valid, so it is not published: {len(report.problems)} problems{shown}\n"
            "`rsvp-build validate` lists them; building again writes what is missing"
        )
    hashes.mark_valid(state)


def _refuse_references(folder: Folder, source: str) -> None:
    """Refuse pictures that are only named: said by the settings, or seen in the shards themselves."""
    said = read_json(folder.settings(source))["settings"]["images"] == "reference"
    bare = None if said else next((p for p in folder.shards(source) if _shows_nothing(p)), None)
    if said or bare:
        where = bare.relative_to(folder.out).as_posix() if bare else f"settings/{source}.json"
        raise RsvpError(
            f"{folder.out}: the rows of {source} name pictures by their path on this machine "
            f"(images = reference, {where}); nobody else could open them, and the paths would tell of this "
            "machine. Build it with --images embed to publish it"
        )


def _shows_nothing(shard: Path) -> bool:
    """Whether a row of the shard has no picture, as far as the file's footer tells."""
    try:
        metadata = pq.read_metadata(shard)
    except (OSError, pa.ArrowException):
        return False  # validating says what is wrong with it
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        for position in range(group.num_columns):
            column = group.column(position)
            if column.path_in_schema == "image.bytes":
                statistics = column.statistics
                if statistics is not None and statistics.has_null_count and statistics.null_count:
                    return True
    return False


def _settings(folder: Folder, source: str) -> File:
    """The settings of a source, with list files of the user's named without their folder."""
    path = folder.settings(source)
    saved: dict[str, Any] = read_json(path)
    lists = saved["manifest"]["splits"]["lists"]
    named = {
        split: [PurePath(name).name if PurePath(name).is_absolute() else name for name in names]
        for split, names in lists.items()
    }
    place = path.relative_to(folder.out).as_posix()
    if named == lists:
        return File(place, path)
    saved["manifest"]["splits"]["lists"] = named
    return File(place, path, json.dumps(saved, indent=2, ensure_ascii=False).encode() + b"\n")
