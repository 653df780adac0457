"""Damage to the folder of a release: what is no file, what climbs out of it, odd names."""

from __future__ import annotations

import os
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

NAMES = (
    b"a\nb",
    b"a\r\x1b[31mred",
    b"<img src=x onerror=alert(1)>",
    b"\xff\xfe\x80",
    "\u202egnp.exe".encode(),
    "ｘ ".encode(),
    b"[bold]x[",
    b"-rf",
    b"a;b|c&d$(e)`f`",
    b"{0}%s",
    b"*?[a-",
    b"a,b\tc\"d'",
    b"n" * 240,
    b" ",
    b"con.",
)
"""Names of files, without suffix, that a file system allows."""

FileDamage = Callable[[random.Random, Path], None]
"""Changes what lies at a path."""


def removed(rng: random.Random, path: Path) -> None:
    path.unlink()


def to_folder(rng: random.Random, path: Path) -> None:
    path.unlink()
    path.mkdir()


def to_pipe(rng: random.Random, path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def to_link(rng: random.Random, path: Path) -> None:
    target = rng.choice(
        ("/nowhere", path.name, "/dev/zero", "/dev/full", "/proc/self/mem", "/proc/self/environ", "..")
    )
    path.unlink()
    path.symlink_to(target)


def folder_to_loop(rng: random.Random, path: Path) -> None:
    (path.parent / rng.choice(("loop", "Images", "labelTxt"))).symlink_to(rng.choice((".", "..", "loop")))


def beside(path: Path, name: bytes) -> Path:
    """Another name in the same folder, with the same suffix."""
    return path.with_name(os.fsdecode(name) + path.suffix)


def renamed(rng: random.Random, path: Path) -> None:
    path.rename(beside(path, rng.choice(NAMES)))


def copied(rng: random.Random, path: Path) -> None:
    shutil.copyfile(path, beside(path, rng.choice(NAMES)))


def folder_renamed(rng: random.Random, path: Path) -> None:
    path.parent.rename(path.parent.with_name(os.fsdecode(rng.choice(NAMES))))


def folder_copied(rng: random.Random, path: Path) -> None:
    folder = path.with_name(os.fsdecode(rng.choice(NAMES)))
    folder.mkdir()
    shutil.copyfile(path, folder / path.name)


def archive(rng: random.Random, path: Path) -> None:
    """A zip that grows a thousandfold, with a name that climbs out."""
    with zipfile.ZipFile(path.parent / "more.zip", "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr("../../outside/climbed", bytes(1 << 20))


FILES: dict[str, FileDamage] = {
    f.__name__: f
    for f in (
        removed, to_folder, to_pipe, to_link, folder_to_loop,
        renamed, copied, folder_renamed, folder_copied, archive,
    )
}  # fmt: skip
