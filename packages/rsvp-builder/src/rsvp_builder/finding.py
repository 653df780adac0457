"""Recognising releases among folders, by the patterns in their manifests; no file is opened."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from rsvp_builder.errors import RsvpError
from rsvp_builder.manifest import Find, Manifest
from rsvp_builder.readers import index_release, reader_for
from rsvp_builder.readers.scan import ARCHIVE_SUFFIXES, IMAGE_SUFFIXES, Found, walk
from rsvp_builder.readers.splits import matches


def fits(find: Find, paths: Sequence[str], folder_names: Sequence[str] = ()) -> bool:
    """Whether the files of a folder are those of a release.

    Args:
        find: the patterns of its manifest.
        paths: the files, relative to the folder.
        folder_names: names of the folder itself and of those above it, as far as they may tell.
    """
    named = not find.folder or _any_named(find.folder, folder_names)
    for pattern in find.files:
        hits = (path for path in paths if matches(path, pattern))
        if named:
            if next(hits, None) is None:
                return False
        elif not any(_any_named(find.folder, PurePosixPath(path).parts[:-1]) for path in hits):
            return False
    return not any(matches(path, pattern) for pattern in find.none for path in paths)


def _any_named(patterns: Sequence[str], names: Sequence[str]) -> bool:
    return any(fnmatch(name.lower(), pattern.lower()) for name in names for pattern in patterns)


def recognise(root: Path, candidates: Sequence[Manifest]) -> Manifest:
    """Which of several releases of a family lies under ``root``; the first that fits.

    Raises:
        RsvpError: none does; the message says what was looked for and found.
    """
    found = list(walk(root))
    paths = [file.path for file in typical(found)]
    for manifest in candidates:
        if manifest.find and fits(manifest.find, paths, root.resolve().parts):
            return manifest
    raise RsvpError(nothing_found(root, candidates, found))


def nothing_found(root: Path, candidates: Sequence[Manifest], found: Sequence[Found]) -> str:
    """What to tell somebody whose folder does not hold the release."""
    names = " or ".join(manifest.name for manifest in candidates)
    patterns = dict.fromkeys(p for m in candidates if m.find for p in m.find.files)
    archives = [file.path for file in found if file.suffix in ARCHIVE_SUFFIXES]
    images = sum(file.suffix in IMAGE_SUFFIXES for file in found)
    hint = f" Unpack {archives[0]} first." if archives else ""
    return (
        f"{root}: no {names} found: looked for {', '.join(patterns) or 'its files'} at any depth; the folder "
        f"holds {len(found)} files, {images} of them images.{hint} "
        f"`rsvp-build show {candidates[0].name}` says how the release is laid out."
    )


@dataclass(frozen=True, slots=True)
class Place:
    """A release found in a folder of many.

    Attributes:
        manifest: which.
        root: its folder.
        depth: folders between the folder that was searched and ``root``; 1 is usual, 0 means that its
            parts lie there loose.
    """

    manifest: Manifest
    root: Path
    depth: int


@dataclass(frozen=True, slots=True)
class Survey:
    """What lies in a folder of many releases.

    Attributes:
        places: releases that were recognised, one for each manifest at most.
        missing: manifests of which nothing was found, nor of another version of their family.
        unknown: folders in which nothing was recognised.
        archives: archives that nobody has unpacked, relative to the folder.
    """

    places: list[Place]
    missing: list[Manifest]
    unknown: list[Path]
    archives: list[str]


_DEEPEST = 3
_PER_SHAPE = 3
_DIGITS = re.compile(r"\d+")


def typical(found: Sequence[Found]) -> list[Found]:
    """A few files of each folder for every shape of name, digits apart: enough to recognise a release."""
    counts: Counter[tuple[PurePosixPath, str]] = Counter()
    kept = []
    for file in found:
        shape = (file.folder, _DIGITS.sub("0", file.name))
        counts[shape] += 1
        if counts[shape] <= _PER_SHAPE:
            kept.append(file)
    return kept


def survey(data: Path, manifests: Sequence[Manifest]) -> Survey:
    """Find releases in a folder: in each of its folders, up to three levels down, or loose in itself.

    Raises:
        RsvpError: ``data`` is not a folder, or cannot be listed.
    """
    found = list(walk(data))
    few = typical(found)
    families: dict[str, list[Manifest]] = {}
    for manifest in manifests:
        families.setdefault(manifest.family, []).append(manifest)
    places = {
        place.manifest.name: place
        for versions in families.values()
        if (place := _place(data, few, versions)) is not None
    }
    known = {place.manifest.family for place in places.values()}
    used = {place.root.relative_to(data).parts[0] for place in places.values() if place.depth}
    rest = [file for file in few if not file.folder.parts or file.folder.parts[0] not in used]
    for family in families.keys() - known:
        place = _chosen(data, rest, PurePosixPath(), families[family])
        if place is not None and _has_images(place):
            places[place.manifest.name] = place
            known.add(family)
    loose = any(place.depth == 0 for place in places.values())
    top = dict.fromkeys(f.folder.parts[0] for f in found if f.folder.parts)
    return Survey(
        places=sorted(places.values(), key=lambda place: place.manifest.name),
        missing=[m for m in manifests if m.family not in known],
        unknown=[] if loose else [data / name for name in top if name not in used],
        archives=[f.path for f in found if f.suffix in ARCHIVE_SUFFIXES],
    )


def _place(data: Path, few: Sequence[Found], versions: Sequence[Manifest]) -> Place | None:
    """Where a family lies: in the highest folder that has all that it takes, or spread over its folders."""
    for depth in range(1, _DEEPEST + 1):
        folders = dict(_folders(few, depth))
        fitting = [folder for folder, paths in folders.items() if _fitting(folder, versions, paths)]
        if fitting:
            folder = fitting[0]
            siblings = [other for other in folders if other.parent == folder.parent]
            # Parts of one release side by side, such as its classes or splits, make their parent the release;
            # a second copy beside other releases does not.
            if len(fitting) > 1 and set(siblings) <= set(fitting):
                folder = folder.parent
            names = {name for m in versions for name in m.splits.folders}
            while folder.name.lower() in names:
                folder = folder.parent
            return _chosen(data, few, folder, versions)
    return None


def _has_images(place: Place) -> bool:
    """Whether a release of which only parts that lie loose were recognised has annotated pictures."""
    try:
        index = index_release(place.root, place.manifest)
    except RsvpError:
        return False
    return any(item.image and item.label for item in index.items)


def _chosen(
    data: Path, few: Sequence[Found], folder: PurePosixPath, versions: Sequence[Manifest]
) -> Place | None:
    """The version of the family that lies in a folder."""
    depth = len(folder.parts)
    paths = dict(_folders(few, depth)).get(folder, [])
    fitting = _fitting(folder, versions, paths)
    if not fitting:
        return None
    own = getattr(reader_for(fitting[0]), "recognise", None)
    chosen = fitting[0]
    if own is not None and len(fitting) > 1:
        with suppress(RsvpError):
            chosen = own(data / folder, fitting)
    return Place(chosen, data / folder, depth)


def _folders(found: Sequence[Found], depth: int) -> Iterator[tuple[PurePosixPath, list[str]]]:
    """The folders of one depth, each with the paths below it."""
    below: dict[tuple[str, ...], list[str]] = {}
    for file in found:
        parts = file.folder.parts
        if len(parts) >= depth:
            below.setdefault(parts[:depth], []).append("/".join((*parts[depth:], file.name)))
    for parts, paths in sorted(below.items()):
        yield PurePosixPath(*parts), paths


def _fitting(folder: PurePosixPath, versions: Sequence[Manifest], paths: Sequence[str]) -> list[Manifest]:
    """The versions of a family that fit a folder, the newest first."""
    newest_first = sorted(versions, key=lambda m: m.version, reverse=True)
    return [m for m in newest_first if m.find and fits(m.find, paths, folder.parts)]
