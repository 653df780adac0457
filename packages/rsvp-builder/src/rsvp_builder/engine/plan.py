"""Cutting a release into units of work that do not depend on how many workers there are.

A unit becomes one shard. Its bounds come from file counts and sizes alone, so the same release
always falls into the same units.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import Any

from rsvp_builder import __version__
from rsvp_builder.dataset.layout import Folder, commit_json, read_json
from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import Drop
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.record import Item
from rsvp_builder.settings import Settings

UNIT_ITEMS = 512
UNIT_IMAGE_BYTES = 256 * 2**20
UNIT_LABEL_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Unit:
    """A fixed run of items of one split.

    Attributes:
        number: position in the whole build.
        split: split of all its items.
        items: its images.
        shard: position among the split's shards, from 0.
        shards: how many shards the split has.
    """

    number: int
    split: str
    items: tuple[Item, ...]
    shard: int
    shards: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The units of one source's build, and the files left out before it starts."""

    units: tuple[Unit, ...]
    drops: tuple[Drop, ...]
    fingerprint: dict[str, Any]


def make_plan(manifest: Manifest, settings: Settings, index: Index) -> Plan:
    """Cut the release into units.

    A new unit starts at every split, and when the next item would take the unit over ``UNIT_ITEMS``
    items, or over its limit of label bytes or (for embedded images) image bytes.
    """
    units: list[Unit] = []
    for split, items in groupby(index.items, key=lambda item: item.split):
        packs = _pack(list(items), embed=settings.images == "embed")
        for number, pack in enumerate(packs):
            units.append(Unit(len(units), split, tuple(pack), number, len(packs)))
    return Plan(tuple(units), index.drops, _fingerprint(manifest, settings, index))


def _pack(items: Sequence[Item], *, embed: bool) -> list[list[Item]]:
    packs: list[list[Item]] = []
    image_bytes = label_bytes = 0
    for item in items:
        image_bytes += item.image_bytes if embed else 0
        label_bytes += item.label_bytes
        full = packs and (
            len(packs[-1]) >= UNIT_ITEMS or image_bytes > UNIT_IMAGE_BYTES or label_bytes > UNIT_LABEL_BYTES
        )
        if full or not packs:
            packs.append([])
            image_bytes = item.image_bytes if embed else 0
            label_bytes = item.label_bytes
        packs[-1].append(item)
    return packs


def _fingerprint(manifest: Manifest, settings: Settings, index: Index) -> dict[str, Any]:
    """Everything that decides the bytes of the data set; a resumed build must agree with it."""
    release = blake2b(digest_size=16)
    for item in index.items:
        release.update(repr(item).encode())
    for drop in index.drops:
        release.update(repr(drop).encode())
    source = blake2b(manifest.model_dump_json().encode(), digest_size=16)
    return {
        "builder_version": __version__,
        "manifest": source.hexdigest(),
        "release": release.hexdigest(),
        "settings": settings.model_dump(mode="json"),
    }


def save_plan(folder: Folder, manifest: Manifest, plan: Plan, root: Path) -> None:
    """Write the plan, or check that the one already there is the same.

    Raises:
        RsvpError: the folder holds a build of other settings, another release or another version;
            the message says which.
    """
    path = folder.plan(manifest.name)
    if not path.exists():
        write_plan(folder, manifest.name, plan, root)
        return
    before = read_json(path)["fingerprint"]
    if before == plan.fingerprint:
        return
    differences = []
    for key, now in plan.fingerprint.items():
        then = before.get(key)
        if key == "settings":
            differences += [f"{k} was {then[k]!r}, now {v!r}" for k, v in now.items() if then.get(k, v) != v]
        elif then != now:
            differences.append({"release": "the files of the raw release changed"}.get(key, f"{key} differs"))
    raise RsvpError(
        f"{folder.out}: already holds a build of {manifest.name} that differs: {'; '.join(differences)}. "
        "Use another --out, or --overwrite to start this source anew."
    )


def write_plan(folder: Folder, source: str, plan: Plan, root: Path) -> None:
    """Write the plan, in place of another one of the same fingerprint."""
    content = {
        "fingerprint": plan.fingerprint,
        "units": len(plan.units),
        "root": str(root.resolve()),
        "stamps": [unit_stamp(unit) for unit in plan.units],
    }
    commit_json(folder.plan(source), content)


def unit_stamp(unit: Unit) -> str:
    """Sizes and times of a unit's files as one number; they may change where the fingerprint does not."""
    whole = blake2b(digest_size=8)
    for item in unit.items:
        whole.update(repr((item.image_stamp, item.label_stamp, item.meta_stamp)).encode())
    return whole.hexdigest()


def saved_settings(manifest: Manifest, settings: Settings) -> dict[str, Any]:
    """What is saved beside the data set about the run."""
    return {
        "source": manifest.name,
        "builder_version": __version__,
        "settings": settings.model_dump(mode="json"),
        "unit": {"items": UNIT_ITEMS, "image_bytes": UNIT_IMAGE_BYTES, "label_bytes": UNIT_LABEL_BYTES},
        "manifest": manifest.model_dump(mode="json"),
    }
