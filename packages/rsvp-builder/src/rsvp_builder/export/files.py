"""What an export writes: pictures as files, and JSON lists of any length with flat memory."""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rsvp_builder.dataset.layout import publish, temporary_for
from rsvp_builder.errors import RsvpError
from rsvp_builder.export.rows import Picture, suffix

_ODD = re.compile(r"[^A-Za-z0-9._+-]")
_LONGEST = 150


def picture_file(picture: Picture, to: Path) -> str:
    """Write a picture under ``to`` with its bytes as they are, unless it is there already.

    Returns:
        Its path under ``to``, ``images/<source>/<image id>[__x1_y1_x2_y2].<suffix>``; or the absolute path of
        a picture that the data set only references, which is not copied.

    Raises:
        RsvpError: a referenced picture is not there.
    """
    if picture.referenced:
        if not Path(picture.path).is_file():
            raise RsvpError(f"{picture.path}: the data set names this picture, and it is not there")
        return picture.path
    data = picture.read()
    image_id, *window = picture.frame
    stem = "__".join((image_id, *(["_".join(map(str, window))] if window else [])))
    parts = [_safe(part) for part in (picture.rows[0]["source"], *stem.split("/"))]
    place = "/".join(("images", *parts)) + f".{suffix(data, picture.path)}"
    path = to / place
    if not path.is_file() or path.stat().st_size != len(data):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_for(path)
        temporary.write_bytes(data)
        temporary.replace(path)  # not synced: a picture cut short by a power failure is written again
    return place


def _safe(part: str) -> str:
    """A name that every file system takes and that cannot climb; what had to change stays distinct."""
    plain = _ODD.sub("_", part)[:_LONGEST]
    if plain == part and part not in ("", ".", ".."):
        return part
    return f"{plain.strip('.')}-{blake2b(part.encode(), digest_size=6).hexdigest()}"


class JsonList:
    """A list in a file, one item a line, written under a temporary name; :meth:`text` or commit ends it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._temporary = temporary_for(path)
        self._file = self._temporary.open("w", encoding="utf-8", newline="\n")
        self._file.write("[")
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the temporary file, unless the list was committed."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def add(self, item: Any) -> None:
        """Add an item."""
        self._file.write(",\n" if self.count else "\n")
        self._file.write(json.dumps(item, ensure_ascii=False, separators=(",", ":"), allow_nan=False))
        self.count += 1

    def end(self) -> Path:
        """Finish the list; returns the temporary file that holds it."""
        if not self._file.closed:
            self._file.write("\n]")
            self._file.close()
        return self._temporary

    def commit(self) -> None:
        """Finish the file, make it last and give it its name."""
        if not self._file.closed:
            self._file.write("\n]\n")
            self._file.close()
        publish(self._temporary, self._path)
