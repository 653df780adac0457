"""Goes over all pictures of the data sets, in one process or several, and gathers their fingerprints."""

from __future__ import annotations

import multiprocessing
import tempfile
import weakref
from collections.abc import Callable, Container, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rsvp_builder.arrow import keep_pandas_out
from rsvp_builder.audit import store
from rsvp_builder.audit.fingerprint import Fingerprint, content_hash, fingerprint
from rsvp_builder.audit.pictures import Picture, RowGroup, read_pictures, row_groups
from rsvp_builder.audit.transforms import TRANSFORMS
from rsvp_builder.audit.windows import SIDE, Hashes
from rsvp_builder.engine.pool import WorkerLostError, end_with_parent, ordered
from rsvp_builder.errors import RsvpError
from rsvp_builder.record import ByteArray, IntArray

NO_CONTENT = bytes(32)
"""Content of a picture whose file cannot be read."""

Tell = Callable[[str, int, int], None]
"""Is told what is being done, how much of it is done, and of how much."""

_Seen = tuple[Picture, bytes, Fingerprint | None]


class Contents:
    """Fingerprints in columns, one for each distinct content; the thumbnails lie in a temporary file.

    Attributes:
        keys: content hash of each.
        problems: why a content cannot be decoded, by position.
    """

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.problems: dict[int, str] = {}
        self._position: dict[bytes, int] = {}
        self._sizes: list[tuple[int, int]] = []
        self._pixels: list[bytes] = []
        self._hashes: list[Hashes] = []
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as this object
        weakref.finalize(self, self._file.close)

    def __contains__(self, content: object) -> bool:
        return content in self._position

    def __len__(self) -> int:
        return len(self.keys)

    def position(self, content: bytes) -> int:
        """Where a content stands."""
        return self._position[content]

    def add(self, of: Fingerprint) -> None:
        """Add a fingerprint, unless one of this content is there."""
        if of.content in self._position:
            return
        number = self._position[of.content] = len(self.keys)
        self.keys.append(of.content)
        if of.problem:
            self.problems[number] = of.problem
        self._sizes.append((of.width, of.height))
        self._pixels.append(of.pixels)
        self._hashes.append(of.hashes)
        self._file.write(of.grey.tobytes())

    def sizes(self) -> IntArray:
        """(n, 2) int64, width and height."""
        return np.array(self._sizes, np.int64).reshape(-1, 2)

    def pixels(self) -> list[bytes]:
        """Hash of the decoded pixels of each."""
        return self._pixels

    def hashes(self) -> Hashes:
        """(n, 8) uint64, perceptual hashes."""
        return np.array(self._hashes, np.uint64).reshape(-1, len(TRANSFORMS))

    def greys(self) -> ByteArray:
        """(n, 64, 64) uint8, thumbnails, mapped from the file."""
        if not self.keys:
            return np.zeros((0, SIDE, SIDE), np.uint8)
        self._file.flush()
        return np.memmap(self._file, np.uint8, "r", shape=(len(self.keys), SIDE, SIDE))

    def fingerprint(self, number: int, greys: ByteArray) -> Fingerprint:
        """One of them again, as :meth:`add` took it."""
        return Fingerprint(
            self.keys[number],
            self.problems.get(number, ""),
            *self._sizes[number],
            self._pixels[number],
            self._hashes[number],
            greys[number],
        )


class Survey:
    """The pictures of some data sets and what is known of each.

    Attributes:
        pictures: every distinct picture, in the order of the data sets.
        content: (n,) int64, position of each picture's fingerprint in ``contents``.
        contents: fingerprints.
        decoded: contents whose fingerprint had to be taken; the others' was in a store.
        held: positions of the contents that each data set holds.
        notices: stores that could not be written, in words.
    """

    def __init__(self) -> None:
        self.pictures: list[Picture] = []
        self.contents = Contents()
        self.decoded = 0
        self.held: dict[str, set[int]] = {}
        self.notices: list[str] = []
        self._content: list[int] = []
        self._at: dict[object, int] = {}
        self._unread: dict[int, str] = {}

    @property
    def content(self) -> npt.NDArray[np.int64]:
        """Position of each picture's fingerprint."""
        return np.array(self._content, np.int64)

    def add(self, picture: Picture, content: bytes, taken: Fingerprint | None) -> None:
        """Add a picture, or the boxes of one that is known already from another row group."""
        if taken is not None:
            self.decoded += content != NO_CONTENT and content not in self.contents
            self.contents.add(taken)
        position = self.contents.position(content)
        if content != NO_CONTENT:
            self.held.setdefault(picture.data_set, set()).add(position)
        if picture.key in self._at:
            number = self._at[picture.key]
            self.pictures[number] = _joined(self.pictures[number], picture)
            return
        if taken is not None and content == NO_CONTENT:
            self._unread[len(self.pictures)] = taken.problem
        self._at[picture.key] = len(self.pictures)
        self.pictures.append(picture)
        self._content.append(position)

    def problems(self) -> list[tuple[Picture, str]]:
        """Pictures that could not be read or decoded, and why."""
        told = []
        for number, content in enumerate(self._content):
            problem = self._unread.get(number) or self.contents.problems.get(content)
            if problem:
                told.append((self.pictures[number], problem))
        return told


def survey(outs: Sequence[Path], *, workers: int = 1, tell: Tell | None = None) -> Survey:
    """Look at every distinct picture of finished data sets once.

    Args:
        outs: folders of the data sets. A picture that several of them hold counts once.
        workers: processes to use; the result does not depend on it.
        tell: is told how far it is, in row groups.

    Raises:
        RsvpError: a folder is no finished data set, a shard cannot be read, or a worker died.
    """
    groups = row_groups(outs)
    found = Survey()
    stored: dict[Path, set[bytes]] = {}
    for out in outs:
        stored[out] = set()
        for known in store.load(store.store_of(out)):
            stored[out].add(known.content)
            found.contents.add(known)
    for done, seen in enumerate(_looked(groups, found.contents, workers), 1):
        for picture, content, taken in seen:
            found.add(picture, content, taken)
        if tell is not None:
            tell("pictures", done, len(groups))
    for out in outs:
        _save(out, found, stored[out])
    return found


def _save(out: Path, found: Survey, stored: set[bytes]) -> None:
    """Write the store of a data set, if what it should hold is not what it holds."""
    here = found.held.get(str(out), set())
    keys = {found.contents.keys[number] for number in here}
    if keys == stored:
        return
    greys = found.contents.greys()
    try:
        store.save(store.store_of(out), (found.contents.fingerprint(n, greys) for n in sorted(here)))
    except OSError as error:
        found.notices.append(
            f"{store.store_of(out)}: cannot be written ({error.strerror or error}); "
            "the next audit decodes these pictures again"
        )


def _joined(one: Picture, other: Picture) -> Picture:
    """A picture with the boxes that two row groups mark on it."""
    marked = {
        (label, *box)
        for picture in (one, other)
        for label, box in zip(picture.labels, picture.boxes.tolist(), strict=True)
    }
    together = sorted(marked)
    return Picture(
        one.data_set,
        *one.key[:3],
        one.window,
        one.width,
        one.height,
        one.place,
        np.array([box for _, *box in together]).reshape(-1, 4),
        tuple(label for label, *_ in together),
    )


_known: frozenset[bytes] = frozenset()


def _prepare(known: frozenset[bytes]) -> None:
    """In a worker: take what is known already, and end with the audit."""
    global _known
    keep_pandas_out()
    _known = known
    end_with_parent()


def _look(group: RowGroup) -> list[_Seen]:
    return list(_seen(group, _known))


def _seen(group: RowGroup, known: Container[bytes]) -> Iterator[_Seen]:
    fresh: set[bytes] = set()
    for picture, source in read_pictures(group):
        try:
            content = content_hash(source)
        except OSError:
            taken = fingerprint(source)  # says what is wrong
            yield picture, taken.content, taken
            continue
        if content in known or content in fresh:
            yield picture, content, None
        else:
            fresh.add(content)
            yield picture, content, fingerprint(source, content)


def _looked(groups: Sequence[RowGroup], contents: Contents, workers: int) -> Iterator[list[_Seen]]:
    if workers <= 1 or len(groups) <= 1:
        for group in groups:
            yield list(_seen(group, contents))
        return
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    prepare = partial(_prepare, frozenset(contents.keys))
    try:
        yield from ordered(context, min(workers, len(groups)), prepare, _look, groups)
    except WorkerLostError as error:
        raise RsvpError(
            "a worker process was killed, most likely for want of memory. Rerun with fewer --workers. "
            f"({error})"
        ) from error
