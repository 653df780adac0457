"""One trial: a sound release is copied, damaged and built, and whatever must hold then is looked at."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from hostile_damage import Damage, inflict_all
from hostile_trees import CANARY

from rsvp_builder.build import build
from rsvp_builder.catalog import shipped
from rsvp_builder.dataset.validate import validate
from rsvp_builder.demo import write
from rsvp_builder.errors import ExitCode, RsvpError
from rsvp_builder.gallery.gallery import write_gallery
from rsvp_builder.readers import index_release
from rsvp_builder.record import Item
from rsvp_builder.settings import Settings

LONGEST = {"value": 1100, "expected": 6000, "file": 5000, "image_id": 5000}
"""Characters that a field of a drop may have, whatever was read."""

_SHARED_LABELS = frozenset({"coco_json", "caption_json", "refcoco", "geochat"})
"""Reader kinds whose label files are about many images."""

_TERMINAL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_MOVING = frozenset({"renamed", "folder_renamed", "removed", "to_link", "to_pipe", "to_folder"})
_INNOCENT = "the canary sings\n"

Rows = dict[str, list[str]]
"""Hashes of the rows of each image."""


class FailedError(Exception):
    """Something that must hold does not."""


@dataclass
class Sound:
    """A sound release with what is built of it.

    Attributes:
        source: name of the source.
        root: folder of the release.
        rows: of its data set.
        users: path of a file -> ids of the images that are read from it alone.
    """

    source: str
    root: Path
    rows: Rows = field(default_factory=dict)
    users: dict[str, set[str]] = field(default_factory=dict)


def settings_of(source: str) -> Settings:
    """Quick ones: the large scenes of DOTA are not cut."""
    return Settings(images="reference", tile=0) if source.startswith("DOTA") else Settings()


def prepare(source: str, folder: Path) -> Sound:
    """Write a sound release and build it."""
    root = folder / "sound"
    root.mkdir(parents=True)
    write(source, root)
    sound = Sound(source, root)
    # Referenced pictures are told by their path, so it is built where the damaged one will lie.
    place = folder / "place"
    _link_tree(root, place / "raw")
    build(source, place / "raw", place / "out", settings_of(source), workers=1)
    sound.rows = rows_of(place / "out")
    manifest = shipped()[source]
    shared = manifest.reader in _SHARED_LABELS or source == "DIOR-RSVG"
    for item in index_release(root, manifest).items:
        for path in _own_files(item, shared=shared):
            sound.users.setdefault(path, set()).add(item.image_id)
    shutil.rmtree(place)
    return sound


def _own_files(item: Item, *, shared: bool) -> list[str]:
    files = [item.image] if shared else [item.image, item.label, item.meta]
    return [path for path in files if path]


def _link_tree(source: Path, to: Path) -> None:
    shutil.copytree(source, to, copy_function=os.link)


def rows_of(out: Path) -> Rows:
    """Hashes of every row of a data set, planned ones included."""
    rows: Rows = {}
    for path in sorted([*out.glob("data/*/*.parquet"), *out.glob("planned/*/*.parquet")]):
        for row in pq.read_table(path).to_pylist():
            # repr keeps NaN and -0.0 apart from other numbers, and bytes as they are.
            rows.setdefault(row["image_id"], []).append(
                hashlib.sha256(repr(row).encode("utf-8", "replace")).hexdigest()
            )
    return rows


def try_damages(sound: Sound, damages: Sequence[Damage], folder: Path) -> str:
    """Build a damaged copy of a release.

    Args:
        sound: the release.
        damages: what is done to the copy, in order.
        folder: where to do it; it is emptied first.

    Returns:
        What came of it, in a word or a sentence.

    Raises:
        FailedError: something that must hold does not.
        Exception: anything else is a defect of the builder.
    """
    place = folder / "place"
    shutil.rmtree(place, ignore_errors=True)
    raw, out = place / "raw", place / "out"
    _link_tree(sound.root, raw)
    (place / "outside").mkdir()
    (place / "outside" / "canary").write_text(_INNOCENT)
    touched = inflict_all(raw, damages)
    before = _listing(raw), _listing(place / "outside")
    told = ""
    try:
        built = build(sound.source, raw, out, settings_of(sound.source), workers=1)
    except RsvpError as error:
        _check_told(str(error))
        if error.exit_code == ExitCode.UNBALANCED:
            raise
        told = f"refused: {error}"
    else:
        for notice in built.notices:
            _check_told(notice)
        _check_built(sound, built.summary, out, touched, [damage.kind for damage in damages])
        told = f"built, {built.summary['quarantined']} quarantined"
    if (_listing(raw), _listing(place / "outside")) != before:
        raise FailedError("the build changed something outside of its folder")
    if sorted(path.name for path in place.iterdir()) not in (["out", "outside", "raw"], ["outside", "raw"]):
        raise FailedError(f"the build wrote beside its folder: {sorted(place.iterdir())}")
    if CANARY in os.environ:
        raise FailedError("a pickle ran")
    return told


def _listing(folder: Path) -> list[tuple[str, int, int]]:
    found = []
    for path in sorted(folder.rglob("*")):
        status = path.lstat()
        found.append((os.fsdecode(path), status.st_size, status.st_mtime_ns))
    return found


def _check_told(message: str) -> None:
    if len(message) > 20_000:
        raise FailedError(f"a message of {len(message)} characters: {message[:200]}")
    if _TERMINAL.search(message):
        raise FailedError(f"control characters in a message: {message[:500]!r}")


def _check_built(
    sound: Sound, summary: dict[str, Any], out: Path, touched: Sequence[str], kinds: Sequence[str]
) -> None:
    for kind in ("images", "objects"):
        account = summary[kind]
        if account["seen"] != account["written"] + sum(account["dropped"].values()):
            raise FailedError(f"{kind} do not balance: {account}")
    drops = pq.read_table(out / "ledger" / sound.source / "drops.parquet").to_pylist()
    for drop in drops:
        for name, most in LONGEST.items():
            if len(drop[name] or "") > most:
                raise FailedError(f"{name} of a drop has {len(drop[name])} characters: {drop[name][:200]!r}")
    problems = validate(out).problems
    if problems:
        raise FailedError(f"the data set is not valid: {problems[:3]}")
    rows = rows_of(out)
    # A file about many images may well be sound after the damage and tell of fewer. And where a picture is
    # its own label, nobody can know of one that is not there.
    if _MOVING.isdisjoint(kinds) and all(path in sound.users for path in touched):
        told = {drop["image_id"] for drop in drops} | {drop["file"] for drop in drops}
        hurt = set().union(*(sound.users[path] for path in touched))
        for image_id, hashes in sound.rows.items():
            if image_id not in hurt and rows.get(image_id) != hashes:
                raise FailedError(f"{image_id} changed, though only {touched} were damaged")
            if image_id not in rows and image_id not in told and told.isdisjoint(touched):
                raise FailedError(f"{image_id} is gone, and no drop says why")
    if summary["rows"]["written"] and out.joinpath("README.md").stat().st_size % 4 == 0:
        _check_gallery(out)


def _check_gallery(out: Path) -> None:
    """A page without anything that a name or a caption could have put there."""
    page = out.parent / "gallery.html"
    write_gallery(out, page, limit=12)
    text = page.read_text()
    page.unlink()
    for bad in ("<script>alert", "<img src=x", "\x1b"):
        if bad in text:
            raise FailedError(f"{bad!r} in the gallery")
    card = out.joinpath("README.md").read_text()
    for bad in ("<script>alert", "<img src=x", "\x1b"):
        if bad in card:
            raise FailedError(f"{bad!r} in the card")
