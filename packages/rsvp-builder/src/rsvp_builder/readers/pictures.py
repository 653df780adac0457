"""Finding the picture that an annotation file names, although its folder or suffix may differ."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from rsvp_builder.readers.scan import IMAGE_SUFFIXES, Found


class Pictures:
    """The pictures of a release, by the names that annotation files call them.

    Names are only compared with files that were walked, so nothing outside the root can be reached. Letter
    case matters only where it tells two files apart.

    Args:
        found: files of the release; those that are no images are passed over.
    """

    def __init__(self, found: Iterable[Found]) -> None:
        self._all = [file for file in found if file.suffix in IMAGE_SUFFIXES]
        self._by_stem: dict[str, list[Found]] = {}
        for file in self._all:
            self._by_stem.setdefault(file.stem.lower(), []).append(file)
        self._used: set[str] = set()

    def __len__(self) -> int:
        return len(self._all)

    def find(self, name: str) -> Found | None:
        """The picture that a name means; it counts as used.

        In this order: the file at the end of whose path the name stands; one that differs from it in the
        suffix alone; the only file of that name, or else of that stem, wherever it lies.

        Args:
            name: a file name, perhaps with folders above it.
        """
        path = PurePosixPath(name.strip().replace("\\", "/"))
        folders = [part.lower() for part in path.parts[:-1] if part not in ("/", ".")]
        same_stem = self._by_stem.get(path.stem.lower(), [])
        placed = [f for f in same_stem if _ends_with(f.folder, folders)]
        chosen = (
            _nearest([f for f in placed if f.name == path.name])
            or _nearest([f for f in placed if f.name.lower() == path.name.lower()])
            or _in_one_folder(placed)
            or _only([f for f in same_stem if f.name.lower() == path.name.lower()])
            or _only(same_stem)
        )
        if chosen is not None:
            self._used.add(chosen.path)
        return chosen

    def unused(self) -> list[Found]:
        """Pictures that nothing has asked for, in order."""
        return [file for file in self._all if file.path not in self._used]


def _ends_with(folder: PurePosixPath, parts: list[str]) -> bool:
    return not parts or [part.lower() for part in folder.parts[-len(parts) :]] == parts


def _nearest(files: list[Found]) -> Found | None:
    """The file with the fewest folders above it."""
    return min(files, key=lambda f: (len(f.folder.parts), f.path), default=None)


def _in_one_folder(files: list[Found]) -> Found | None:
    """The first file, unless the files lie in several folders and may show different things."""
    return files[0] if files and len({f.folder for f in files}) == 1 else None


def _only(files: list[Found]) -> Found | None:
    return files[0] if len(files) == 1 else None
