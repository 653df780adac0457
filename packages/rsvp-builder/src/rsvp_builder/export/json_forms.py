"""The JSON of other trainers: pictures as files, and a list for each split.

::

    DIR/images/<source>/<image id>.png
    DIR/<split>.json            llava, earthmarker
    DIR/instances_<split>.json  coco; and captions_, scenes_
    DIR/index.json              written last: what there is, and the licences

A run that was killed leaves pictures and nothing else under its own name; the next one writes the lists
again and only the pictures that are missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from rsvp_builder.dataset.layout import Folder, commit_json, read_json
from rsvp_builder.errors import RsvpError
from rsvp_builder.export import earthmarker, llava
from rsvp_builder.export.coco import Classes, CocoSplit
from rsvp_builder.export.files import JsonList, picture_file
from rsvp_builder.export.rows import Picture, pictures
from rsvp_builder.export.shards import Chosen, Split, choose

Form = Literal["llava", "earthmarker", "coco"]
_ITEMS: dict[str, Callable[[dict[str, Any], str], dict[str, Any]]] = {
    "llava": llava.item,
    "earthmarker": earthmarker.item,
}
_INDEX = "index.json"


def export_json(
    out: Path,
    to: Path,
    form: Form,
    *,
    chosen: Chosen | None = None,
    tell: Callable[[int, int, str], None] | None = None,
) -> list[Path]:
    """Write a data set as JSON for another trainer.

    Args:
        out: folder of the data set.
        to: folder of the export.
        form: which trainer's.
        chosen: which rows to take.
        tell: told rows written, rows in all and the data set's name, after every shard.

    Returns:
        The JSON files.

    Raises:
        RsvpError: it is no finished data set, a referenced picture is gone, or the folder holds an export of
            another form.
    """
    folder, chosen = Folder(out), chosen or Chosen()
    splits = choose(folder, chosen)
    sources = list(dict.fromkeys(split.source for split in splits))
    _begin(to, form)
    classes = Classes(folder, sources)
    licences = {name: read_json(folder.settings(name))["manifest"]["licence"] for name in sources}
    total, done = sum(split.rows for split in splits), 0
    made: list[Path] = []
    for name in dict.fromkeys(split.split for split in splits):
        parts = [split for split in splits if split.split == name]

        def told(rows: int) -> None:
            nonlocal done
            done += rows
            if tell:
                tell(done, total, out.name)

        if form == "coco":
            with CocoSplit(to, name, classes, licences) as coco:
                for picture, image in _written(parts, chosen, to, told):
                    coco.add(picture, image)
                made += coco.commit()
        else:
            with JsonList(to / f"{name}.json") as listed:
                for picture, image in _written(parts, chosen, to, told):
                    for row in picture.rows:
                        listed.add(_ITEMS[form](row, image))
                listed.commit()
            made.append(to / f"{name}.json")
    commit_json(to / _INDEX, {"format": form, "files": [path.name for path in made], "licences": licences})
    return made


def _written(
    parts: list[Split], chosen: Chosen, to: Path, told: Callable[[int], None]
) -> Iterator[tuple[Picture, str]]:
    """Each picture, when its file is there, and the file's path."""
    for split in parts:
        for shard in split.shards:
            rows = 0
            for picture in pictures(shard, chosen.tasks):
                yield picture, picture_file(picture, to)
                rows += len(picture.rows)
            told(rows)


def _begin(to: Path, form: str) -> None:
    index = to / _INDEX
    if index.exists():
        if read_json(index).get("format") != form:
            raise RsvpError(f"{to}: holds an export of another form; choose another folder")
        index.unlink()  # until it is finished again
    to.mkdir(parents=True, exist_ok=True)
    for leftover in to.rglob(".*.tmp"):
        leftover.unlink(missing_ok=True)
