"""``[layout]`` of a caption manifest: which files hold captions, and where a scene class is known from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import BaseModel, ConfigDict

from rsvp_builder.readers.scan import Found
from rsvp_builder.readers.splits import matches
from rsvp_builder.readers.texts import list_lines

_LONGEST_LIST = 64 * 2**20
_NUMBER = re.compile(r"\d{1,9}")


class CaptionLayout(BaseModel):
    """``[layout]`` of a caption manifest. Patterns are those of ``[find]``.

    Attributes:
        annotations: files that hold captions; all of them are read.
        instead: files that are read only where there is none of the former.
        image_folders: names of folders below which pictures lie; all folders where none is there.
        scene_class: where an image's scene class is known from: the record's ``folder`` (or the key it
            stands under), the ``prefix`` of its name up to the last underscore, or its ``number``.
        numbers: class token -> first and last number of its images.
        class_lists: files called by class that list images, one a line; they go before ``scene_class``.
        split_names: other names of splits in the records -> ours.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    annotations: list[str]
    instead: list[str] = []
    image_folders: list[str] = []
    scene_class: Literal["", "folder", "prefix", "number"] = ""
    numbers: dict[str, tuple[int, int]] = {}
    class_lists: list[str] = []
    split_names: dict[str, str] = {}


class SceneClasses:
    """The scene class of each image, as a token of the release.

    Args:
        layout: where it is known from.
        root: folder of the release.
        found: its files.
    """

    def __init__(self, layout: CaptionLayout, root: Path, found: Sequence[Found]) -> None:
        self._layout = layout
        self._listed: dict[str, str] = {}
        for file in found:
            if any(matches(file.path, pattern) for pattern in layout.class_lists):
                self._read_list(root, file)

    def of(self, name: str, folder: str) -> str | None:
        """The token, None where nothing tells.

        Args:
            name: the image's file name.
            folder: of the record, or the key it stands under.
        """
        stem = PurePosixPath(name).stem
        if stem in self._listed:
            return self._listed[stem]
        match self._layout.scene_class:
            case "folder":
                return folder.rpartition("/")[2] or None
            case "prefix":
                return stem.rpartition("_")[0] or None
            case "number":
                return self._of_number(stem)
        return None

    def _of_number(self, stem: str) -> str | None:
        if not _NUMBER.fullmatch(stem):
            return None
        number = int(stem)
        return next((t for t, (first, last) in self._layout.numbers.items() if first <= number <= last), stem)

    def _read_list(self, root: Path, file: Found) -> None:
        try:
            for _, line in list_lines(root / file.path, most=_LONGEST_LIST):
                if line.strip():
                    self._listed.setdefault(PurePosixPath(line.strip()).stem, file.stem)
        except OSError:
            return  # the names of most images tell their class too
