"""The pictures of a shard's rows: copied, cut from scenes or referenced, in groups of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path, PurePosixPath

from rsvp_builder.dataset.shard import ROW_GROUP_BYTES, ROW_GROUP_BYTES_READ, ROW_GROUP_ROWS
from rsvp_builder.images.gathered import Gathered
from rsvp_builder.images.probe import COPIED, ImageInfo, UnreadableImageError
from rsvp_builder.record import Frame, IntArray, Item
from rsvp_builder.settings import Settings


class DamagedImageError(Exception):
    """A picture turned out to be damaged after others of its shard were written.

    Attributes:
        item: its position in the unit.
        cause: what is wrong with it.
    """

    def __init__(self, item: int, cause: UnreadableImageError) -> None:
        super().__init__(str(cause))
        self.item = item
        self.cause = cause


@dataclass(slots=True)
class PictureGroup:
    """Pictures of consecutive frames, to be written as one row group before the next group is asked for.

    Attributes:
        first: position of the first frame.
        last: position after the last one.
        pictures: encoded bytes of each frame, or None where pictures are referenced.
        paths: file name of each frame, or the absolute path of the image where it is referenced.
    """

    first: int
    last: int
    pictures: Gathered | None
    paths: list[str] = field(default_factory=list)


def picture_groups(
    root: Path,
    settings: Settings,
    items: Sequence[Item],
    images: Sequence[ImageInfo | None],
    frames: Sequence[Frame],
    rows: IntArray,
    bands: Sequence[int] = (),
) -> Iterator[PictureGroup]:
    """The pictures of all frames, in order.

    Args:
        root: folder of the release.
        settings: whether pictures are embedded, and how tiles are encoded.
        items: images that ``Frame.item`` counts.
        images: what their headers said.
        frames: frames to picture, grouped by item, top to bottom within a scene.
        rows: how many rows will carry each frame.
        bands: bands of the image to publish, counted from 1; none for all.

    Raises:
        DamagedImageError: an image cannot be decoded although its header was sound.
    """
    gathered = Gathered() if settings.images == "embed" else None
    group = PictureGroup(0, 0, gathered)
    read = held = 0
    for frame, (picture, path) in zip(
        frames, _pictures(root, settings, items, images, frames, bands), strict=True
    ):
        size = _size(picture)
        count = int(rows[group.last])
        full = (
            (gathered.size if gathered is not None else 0) + size > ROW_GROUP_BYTES
            or read + size * count > ROW_GROUP_BYTES_READ
            or held + count > ROW_GROUP_ROWS
        )
        if full and group.paths:
            yield group
            group = PictureGroup(group.last, group.last, gathered)
            read = held = 0
            if gathered is not None:
                gathered.clear()
        if gathered is not None and picture is not None:
            try:
                gathered.add(picture)
            except OSError as error:
                raise _damaged(frame.item, error) from error
        read, held = read + size * count, held + count
        group.paths.append(path)
        group.last += 1
    if group.paths:
        yield group


def _size(picture: bytes | Path | None) -> int:
    if isinstance(picture, Path):
        try:
            return picture.stat().st_size
        except OSError:
            return 0  # reading it will say what is wrong
    return len(picture or b"")


def _damaged(item: int, error: OSError) -> DamagedImageError:
    return DamagedImageError(
        item, UnreadableImageError(error.strerror or str(error), "a readable image file")
    )


def _pictures(
    root: Path,
    settings: Settings,
    items: Sequence[Item],
    images: Sequence[ImageInfo | None],
    frames: Sequence[Frame],
    bands: Sequence[int],
) -> Iterator[tuple[bytes | Path | None, str]]:
    """Of each frame the file to copy, or its encoded pixels, or nothing; and its name."""
    if settings.images == "reference":
        root = root.resolve()
    for position, of_item in groupby(frames, key=lambda frame: frame.item):
        name, info = items[position].image, images[position]
        if name is None or info is None:
            raise AssertionError(f"frame of {items[position].image_id}, which has no image")
        path = root / name
        windows = list(of_item)
        if settings.images == "reference":
            yield from ((None, str(path)) for _ in windows)
            continue
        if info.format in COPIED and not bands and windows[0].window is None:
            yield path, path.name
            del windows[0]
        try:
            yield from _cut(path, info, windows, settings, bands)
        except UnreadableImageError as error:
            raise DamagedImageError(position, error) from error
        except OSError as error:
            raise _damaged(position, error) from error


def _cut(
    path: Path, info: ImageInfo, frames: Sequence[Frame], settings: Settings, bands: Sequence[int]
) -> Iterator[tuple[bytes, str]]:
    from rsvp_builder.images.scene import Scene, encode

    stem = PurePosixPath(path.name).stem
    suffix = {"png": "png", "jpeg": "jpg"}[settings.tile_format]
    # A scene is read downwards, so the whole of it, where it is wanted beside its tiles, is read apart.
    for part in (frames[:1], frames[1:]) if frames and frames[0].window is None else (frames,):
        if not part:
            continue
        with Scene(path, bands) as scene:
            for frame in part:
                x1, y1, x2, y2 = frame.window or (0, 0, info.width, info.height)
                name = f"{stem}__{x1}_{y1}" if frame.window else stem
                yield encode(scene.window(x1, y1, x2, y2), settings.tile_format), f"{name}.{suffix}"
