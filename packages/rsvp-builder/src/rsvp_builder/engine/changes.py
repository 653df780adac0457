"""Noticing that the release changed, while a unit was built or since, or that it was not the release's fault.

A unit is finished only if its files had the size and time that the index saw, so what is in a data set is
what the plan speaks of. A file that changes stops the build instead of being left out: it tells of a release
that is still being copied or mended, and a drop would stay when the file is back.

Contents are compared under ``--paranoid`` only, since every file is read again for it.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b, file_digest
from pathlib import Path

from rsvp_builder.engine.plan import Unit
from rsvp_builder.errors import ReleaseChangedError, RsvpError
from rsvp_builder.ledger import QUARANTINE, Drop
from rsvp_builder.record import Item
from rsvp_builder.stamps import stamp, told

_GONE = tuple(os.strerror(code) for code in (errno.ENOENT, errno.ESTALE, errno.ENOTDIR))
"""What is said of a file that was there when it was indexed."""

_LIMITS = tuple(os.strerror(code) for code in (errno.ENOMEM, errno.EMFILE, errno.ENFILE))
"""What is said where this machine lacks something; the file may be sound."""


def check_limits(drops: Sequence[Drop]) -> None:
    """See that no file was left out for what this machine lacks.

    Raises:
        RsvpError: one was.
    """
    for drop in drops:
        if drop.reason in QUARANTINE and any(text in drop.value for text in _LIMITS):
            raise RsvpError(
                f"{drop.file}: {drop.value}. That is a limit of this machine and no fault of the file, so "
                "its unit was not finished. Raise the limit (`ulimit -a` shows it) or use fewer --workers, "
                "and rerun the same command; finished units are kept."
            )


def check_unchanged(root: Path, items: Sequence[Item], drops: Sequence[Drop] = ()) -> None:
    """See that the files of some images are those that were indexed.

    Args:
        root: folder of the release.
        items: the images.
        drops: what was left out of them; a file among it that was not there for a while is found too.

    Raises:
        ReleaseChangedError: one is gone or has another size or time.
    """
    known = dict(_files(items))
    for path, before in known.items():
        try:
            now = stamp(os.stat(f"{root}/{path}"))  # noqa: PTH116 - a million times, in a third of the time
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ESTALE, errno.ENOTDIR):
                raise _changed(root / path, f"it was {told(before)} and is gone") from error
            continue  # reading it has said what is wrong
        if now != before:
            raise _changed(root / path, f"it was {told(before)} and is {told(now)}")
    for drop in drops:
        if drop.reason in QUARANTINE and drop.file in known and any(text in drop.value for text in _GONE):
            raise _changed(root / drop.file, "it was away for a while")


def digests(root: Path, items: Sequence[Item]) -> dict[str, bytes]:
    """Hash of each file of some images, by path; empty where it cannot be read."""
    found = {}
    for path, _ in _files(items):
        try:
            with (root / path).open("rb") as file:
                found[path] = file_digest(file, lambda: blake2b(digest_size=16)).digest()
        except OSError:
            found[path] = b""
    return found


def check_same(root: Path, before: dict[str, bytes], after: dict[str, bytes]) -> None:
    """Compare the contents of files before and after they were read.

    Raises:
        ReleaseChangedError: one has other bytes.
    """
    for path, content in after.items():
        if before[path] != content:
            raise _changed(root / path, "it has other bytes, at the same size and time")


def contents(found: dict[str, bytes]) -> str:
    """One hash of the files of a unit, for its marker."""
    whole = blake2b(digest_size=16)
    for path, content in found.items():
        whole.update(f"{len(path)} {path} ".encode() + content)
    return whole.hexdigest()


def all_contents(root: Path, units: Sequence[Unit], threads: int) -> Iterator[str]:
    """:func:`contents` of each unit, in order; hashing and reading leave Python free for other threads."""
    with ThreadPoolExecutor(threads) as pool:
        yield from pool.map(lambda unit: contents(digests(root, unit.items)), units)


def _files(items: Sequence[Item]) -> Iterator[tuple[str, int]]:
    """Path and stamp of what workers read of some images."""
    for item in items:
        for path, before in (
            (item.image, item.image_stamp),
            (item.label, item.label_stamp),
            (item.meta, item.meta_stamp),
        ):
            if path is not None and before is not None:
                yield path, before


def _changed(path: Path, how: str) -> ReleaseChangedError:
    name = str(path) if str(path).isprintable() else repr(str(path))
    return ReleaseChangedError(
        f"{name}: changed while the build was reading the release: {how}. Its unit was not finished. Let "
        "whatever writes there end, or put the file back, and rerun the same command; units whose files are "
        "the same are kept."
    )
