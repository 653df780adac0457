"""Cutting the instances of an image out of its id map, each with the class that its colour says.

Both maps are read a few rows at a time. What is kept of an image while it is read is one number a pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rsvp_builder.images.label_map import LabelMap
from rsvp_builder.images.probe import UnreadableImageError
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.masks import PackedMask
from rsvp_builder.readers.objects import ObjectList
from rsvp_builder.readers.sizes import picture_size
from rsvp_builder.readers.unusable import UnusableError
from rsvp_builder.record import Annotations, IntArray, Item

MOST_INSTANCES = 100_000
"""Ids in one image above which a map is taken for damaged; the densest real images have some thousands."""

MOST_PIXELS = 1 << 28
"""Pixels of a map above which it is refused; up to four bytes of each are held."""

_ROWS = 128


class _UnusableMapError(UnusableError):
    """A map that cannot be used.

    Attributes:
        file: the map.
    """

    def __init__(self, reason: Reason, file: str, value: str, expected: str) -> None:
        super().__init__(reason, value, expected)
        self.file = file


@dataclass(slots=True)
class _Instances:
    """The instances of one image.

    Attributes:
        masks: by id.
        colours: by id, how many of its pixels have which colour, red << 16 | green << 8 | blue.
    """

    masks: dict[int, PackedMask] = field(default_factory=dict)
    colours: dict[int, dict[int, int]] = field(default_factory=dict)


def read_instances(
    root: Path,
    manifest: Manifest,
    classes: Mapping[tuple[int, int, int], str],
    items: Sequence[Item],
    drops: Drops,
) -> Annotations:
    """Read the instances of some images; the ``line`` of an object is its id.

    Args:
        root: folder of the release.
        manifest: the source.
        classes: class token of each colour.
        items: images with their maps, the id map as ``label``, the class map as ``meta``.
        drops: gets every instance whose class is unknown, and every map that cannot be used.
    """
    tokens = {r << 16 | g << 8 | b: token for (r, g, b), token in classes.items()}
    numbers = {token: number for number, token in enumerate(manifest.classes)}
    objects = ObjectList(items, masks=True)
    for position, item in enumerate(items):
        size = picture_size(root, item)
        # The build drops an image without a sound picture or map, and one that is too large.
        if size is None or item.label is None or size[0] * size[1] > manifest.max_megapixels * 1e6:
            continue
        try:
            found = _read(root, item, item.label, size)
        except _UnusableMapError as error:
            objects.readable[position] = False
            drops.add(error.of_image(item, error.file))
            continue
        for id_, mask in sorted(found.masks.items()):
            token = _class(item, id_, found.colours[id_], tokens, manifest, drops)
            if token is None:
                objects.lose(position)
                continue
            height, width = mask.shape
            box = (mask.x, mask.y, mask.x + width, mask.y + height)
            objects.add(position, line=id_, class_id=numbers[token], box=box, mask=mask)
    return objects.annotations()


def _class(
    item: Item, id_: int, colours: dict[int, int], tokens: Mapping[int, str], manifest: Manifest, drops: Drops
) -> str | None:
    """The class that most of an instance's pixels have the colour of; None if it is lost."""
    label, meta = item.label or "", item.meta or ""
    ranked = sorted(colours, key=lambda colour: (-colours[colour], colour))
    told = ", ".join(f"{_name(c)} ({colours[c]} px)" for c in ranked[:4])
    if len(ranked) > 1:
        expected = f"one colour an instance; {_name(ranked[0])} is taken"
        value = f"id {id_} in {told}"
        drops.add(Drop("metadata", Reason.DUPLICATE_ID, item.image_id, label, id_, value, expected))
    token = tokens.get(ranked[0])
    if token is not None and token in manifest.classes:
        return token
    reason, expected = Reason.UNKNOWN_CLASS, "a colour of the manifest's table"
    if token is not None:
        reason, expected = Reason.IGNORED_REGION, f"an object, which this is not: {manifest.ignore[token]}"
    drops.add(Drop("object", reason, item.image_id, meta, id_, f"id {id_} in {told}", expected))
    return None


def _name(colour: int) -> str:
    return f"{colour >> 16},{colour >> 8 & 255},{colour & 255}"


def _read(root: Path, item: Item, label: str, size: tuple[int, int]) -> _Instances:
    """The instances of one image.

    Raises:
        _UnusableMapError: a map is missing, damaged, or of another size than the picture.
    """
    if item.meta is None:
        raise _UnusableMapError(Reason.LABEL_MISSING, label, "", "a map of the classes beside the map of ids")
    with _open(root, label, size) as ids, _open(root, item.meta, size) as classes:
        return _cut(ids, classes, label, item.meta)


def _open(root: Path, path: str, size: tuple[int, int]) -> LabelMap:
    try:
        opened = LabelMap(root / path)
    except UnreadableImageError as error:
        raise _UnusableMapError(Reason.LABEL_UNREADABLE, path, error.value, error.expected) from error
    if (opened.width, opened.height) != size:
        opened.close()
        told, expected = (
            f"{opened.width} x {opened.height} px",
            "a map of the picture's {} x {} px".format(*size),
        )
        raise _UnusableMapError(Reason.SIZE_MISMATCH, path, told, expected)
    if opened.width * opened.height > MOST_PIXELS:
        opened.close()
        told, expected = f"{opened.width} x {opened.height} px", f"a map of at most {MOST_PIXELS} pixels"
        raise _UnusableMapError(Reason.LABEL_UNREADABLE, path, told, expected)
    if opened.bands < 3:
        opened.close()
        told = f"{opened.bands} band(s)"
        raise _UnusableMapError(Reason.LABEL_UNREADABLE, path, told, "red, green and blue")
    return opened


def _cut(ids: LabelMap, classes: LabelMap, id_path: str, class_path: str) -> _Instances:
    from scipy import ndimage

    found = _Instances()
    numbers: dict[int, int] = {0: 0}
    numbered: npt.NDArray[Any] = np.zeros((ids.height, ids.width), np.uint16)
    for top in range(0, ids.height, _ROWS):
        bottom = min(top + _ROWS, ids.height)
        # Runs of equal pixels are few; they are looked at, not the pixels.
        planes = _planes(ids, top, bottom, id_path) + _planes(classes, top, bottom, class_path)
        head = _heads(planes)
        length = np.diff(head, append=len(planes[0]))
        key = np.zeros(len(head), np.int64)
        for plane, shift in zip(planes, (24, 32, 40, 16, 8, 0), strict=True):
            key |= plane[head].astype(np.int64) << shift
        _count(found.colours, key, length)
        own, place = np.unique(key >> 24, return_inverse=True)
        for one in own.tolist():
            numbers.setdefault(one, len(numbers))
        if sum(map(len, found.colours.values())) > MOST_INSTANCES:
            expected = f"at most {MOST_INSTANCES} instances, each of one colour"
            told = f"more pairs of an id and a colour in {bottom} rows"
            raise _UnusableMapError(Reason.LABEL_UNREADABLE, id_path, told, expected)
        if len(numbers) > 1 << 16 and numbered.itemsize == 2:
            numbered = numbered.astype(np.uint32)
        number = np.array([numbers[one] for one in own.tolist()], numbered.dtype)
        numbered[top:bottom] = np.repeat(number[place], length).reshape(bottom - top, -1)
    boxes = ndimage.find_objects(numbered, len(numbers) - 1)
    for (id_, label), box in zip(list(numbers.items())[1:], boxes, strict=True):
        rows, columns = box
        found.masks[id_] = PackedMask.of(columns.start, rows.start, numbered[box] == label)
    return found


def _planes(opened: LabelMap, top: int, bottom: int, path: str) -> list[npt.NDArray[np.uint8]]:
    """Red, green and blue of some rows, (rows * width,) each."""
    try:
        samples = opened.rows(top, bottom)
    except UnreadableImageError as error:
        raise _UnusableMapError(Reason.LABEL_UNREADABLE, path, error.value, error.expected) from error
    if samples.dtype != np.uint8:
        raise _UnusableMapError(Reason.LABEL_UNREADABLE, path, f"samples of {samples.dtype}", "8 bits a band")
    return [samples[:, :, band].reshape(-1) for band in range(3)]


def _heads(planes: Sequence[npt.NDArray[np.uint8]]) -> IntArray:
    """Where a pixel differs from the one before in any plane; the first counts."""
    differs = np.ones(len(planes[0]), bool)
    differs[1:] = planes[0][1:] != planes[0][:-1]
    for plane in planes[1:]:
        differs[1:] |= plane[1:] != plane[:-1]
    return np.flatnonzero(differs)


def _count(colours: dict[int, dict[int, int]], keys: IntArray, lengths: IntArray) -> None:
    values, place = np.unique(keys, return_inverse=True)
    pixels = np.bincount(place, weights=lengths).astype(np.int64)
    for key, count in zip(values.tolist(), pixels.tolist(), strict=True):
        id_, colour = key >> 24, key & 0xFFFFFF
        if id_:
            of_id = colours.setdefault(id_, {})
            of_id[colour] = of_id.get(colour, 0) + count
