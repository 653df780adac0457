"""The pictures of a shard's rows: copied, cut from scenes or referenced, in groups of bounded size."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path, PurePosixPath

from rsvp_builder.dataset.shard import ROW_GROUP_BYTES, ROW_GROUP_BYTES_READ, ROW_GROUP_ROWS
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
    """Pictures of consecutive frames, to be written as one row group.

    Attributes:
        first: position of the first frame.
        last: position after the last one.
        pictures: encoded bytes of each frame, None where it is referenced.
        paths: file name of each frame, or the absolute path of the image where it is referenced.
    """

    first: int
    last: int
    pictures: list[bytes | None] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


def picture_groups(
    root: Path,
    settings: Settings,
    items: Sequence[Item],
    images: Sequence[ImageInfo | None],
    frames: Sequence[Frame],
    rows: IntArray,
) -> Iterator[PictureGroup]:
    """The pictures of all frames, in order.

    Args:
        root: folder of the release.
        settings: whether pictures are embedded, and how tiles are encoded.
        items: images that ``Frame.item`` counts.
        images: what their headers said.
        frames: frames to picture, grouped by item, top to bottom within a scene.
        rows: how many rows will carry each frame.

    Raises:
        DamagedImageError: an image cannot be decoded although its header was sound.
    """
    group = PictureGroup(0, 0)
    stored = read = held = 0
    for picture, path in _pictures(root, settings, items, images, frames):
        size = len(picture or b"")
        count = int(rows[group.last])
        full = (
            stored + size > ROW_GROUP_BYTES
            or read + size * count > ROW_GROUP_BYTES_READ
            or held + count > ROW_GROUP_ROWS
        )
        if full and group.pictures:
            yield group
            group = PictureGroup(group.last, group.last)
            stored = read = held = 0
        stored, read, held = stored + size, read + size * count, held + count
        group.pictures.append(picture)
        group.paths.append(path)
        group.last += 1
    if group.pictures:
        yield group


def _pictures(
    root: Path,
    settings: Settings,
    items: Sequence[Item],
    images: Sequence[ImageInfo | None],
    frames: Sequence[Frame],
) -> Iterator[tuple[bytes | None, str]]:
    for position, of_item in groupby(frames, key=lambda frame: frame.item):
        name, info = items[position].image, images[position]
        if name is None or info is None:
            raise AssertionError(f"frame of {items[position].image_id}, which has no image")
        path = root / name
        windows = list(of_item)
        try:
            if settings.images == "reference":
                yield None, str(path.resolve())
            elif info.format in COPIED and windows[0].window is None:
                yield path.read_bytes(), path.name
            else:
                yield from _cut(path, info, windows, settings)
        except UnreadableImageError as error:
            raise DamagedImageError(position, error) from error
        except OSError as error:
            cause = UnreadableImageError(error.strerror or str(error), "a readable image file")
            raise DamagedImageError(position, cause) from error


def _cut(
    path: Path, info: ImageInfo, frames: Sequence[Frame], settings: Settings
) -> Iterator[tuple[bytes, str]]:
    from rsvp_builder.images.scene import Scene, encode

    stem = PurePosixPath(path.name).stem
    suffix = {"png": "png", "jpeg": "jpg"}[settings.tile_format]
    with Scene(path) as scene:
        for frame in frames:
            x1, y1, x2, y2 = frame.window or (0, 0, info.width, info.height)
            name = f"{stem}__{x1}_{y1}" if frame.window else stem
            yield encode(scene.window(x1, y1, x2, y2), settings.tile_format), f"{name}.{suffix}"
