"""One damage to one file of a release, told by a kind and two numbers, so that it can be done again."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hostile_bytes import ANY, TEXT, Mutator
from hostile_files import FILES
from hostile_pictures import PICTURE
from hostile_trees import TREES

_PICTURES = frozenset({".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"})
KINDS = tuple(sorted({*ANY, *TEXT, *PICTURE, *FILES, "tree"}))
"""Everything that can be done to a file; ``tree`` is what its grammar calls for."""


@dataclass(frozen=True)
class Damage:
    """What is done, where and how.

    Attributes:
        kind: of :data:`KINDS`; one that does not fit the file becomes one that does.
        place: which file; any number.
        seed: decides the rest.
    """

    kind: str
    place: int
    seed: int


def files_of(root: Path) -> list[Path]:
    """The files of a release, sorted; labels count as often as pictures, however many those are."""
    found = sorted(path for path in root.rglob("*") if path.is_file() and not path.is_symlink())
    texts = [path for path in found if path.suffix.lower() not in _PICTURES]
    pictures = [path for path in found if path.suffix.lower() in _PICTURES]
    if not texts or not pictures:
        return found
    return texts * max(1, len(pictures) // len(texts)) + pictures


def mutators_for(suffix: str) -> dict[str, Mutator]:
    """What can be done to the content of files of a suffix."""
    if suffix.lower() in _PICTURES:
        return {**ANY, **PICTURE}
    return {**ANY, **TEXT, **TREES.get(suffix.lower(), {})}


def inflict(root: Path, damage: Damage) -> Path | None:
    """Do one damage; the path that it was done to, or None where there is no file left."""
    files = files_of(root)
    if not files:
        return None
    path, rng = files[damage.place % len(files)], random.Random(damage.seed)
    if damage.kind in FILES:
        kind = "copied" if damage.kind == "folder_renamed" and path.parent == root else damage.kind
        with suppress(OSError):  # it cannot be done here
            FILES[kind](rng, path)
        return path
    fitting = mutators_for(path.suffix)
    own = [name for name in fitting if name in TREES.get(path.suffix.lower(), PICTURE)]
    name = damage.kind
    if name not in fitting:
        name = rng.choice(own or sorted(fitting))
    data = path.read_bytes()
    path.unlink()  # it may be linked to the sound release
    path.write_bytes(fitting[name](rng, data))
    return path


def inflict_all(root: Path, damages: Sequence[Damage]) -> list[str]:
    """Do several; the paths relative to the root."""
    touched = [inflict(root, damage) for damage in damages]
    return [os.fsdecode(path.relative_to(root)) for path in touched if path]
