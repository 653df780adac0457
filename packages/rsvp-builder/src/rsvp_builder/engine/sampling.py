"""Masks and semantic maps become points, before anything is marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path

import numpy as np

from rsvp_builder.images.probe import ImageInfo, UnreadableImageError
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.record import Annotations, IntArray, Item, MapFile, ObjectFlag, Objects
from rsvp_builder.settings import Settings


def point_at_instances(annotations: Annotations) -> Annotations:
    """Give every object that has a mask the point of its mask farthest from the edge."""
    objects = annotations.objects
    if objects.mask is None:
        return annotations
    from rsvp_builder.marks.instance_points import representative_points

    point = np.full((len(objects), 2), np.nan) if objects.point is None else objects.point.copy()
    flags = objects.flags.copy()
    bounds = np.searchsorted(objects.item, np.arange(objects.item.max(initial=-1) + 2))
    for first, last in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        if first == last:
            continue
        found = representative_points(list(objects.mask[first:last]))
        here = np.arange(first, last)[found.found]
        point[here] = found.point[found.found]
        flags[first:last] |= np.where(found.thin, ObjectFlag.THIN, 0).astype(np.uint8)
        flags[first:last] |= np.where(found.shared, ObjectFlag.SHARED, 0).astype(np.uint8)
    return replace(annotations, objects=replace(objects, point=point, flags=flags))


@dataclass(frozen=True, slots=True)
class _Sampled:
    """Points of one map: their pixels, classes and patches."""

    xy: IntArray
    class_id: IntArray
    patch: IntArray


def sample_maps(
    root: Path,
    manifest: Manifest,
    settings: Settings,
    items: Sequence[Item],
    annotations: Annotations,
    images: list[ImageInfo | None],
    drops: Drops,
) -> Annotations:
    """Draw a labelled pixel in every patch of every semantic map.

    Args:
        root: folder of the release.
        manifest: the source.
        settings: resolved settings: patches, cap, seed.
        items: the images.
        annotations: what is known of them, their maps included.
        images: what each picture's header said; set to None where the map cannot be used.
        drops: gets damaged maps, unlabelled patches, values that mean nothing, points over the cap.

    Returns:
        The annotations with a point object for each sampled pixel; ``line`` is the patch, from 1.
    """
    seen = list(annotations.seen)
    pieces: list[tuple[int, _Sampled]] = []
    for position, (item, map_file, info) in enumerate(zip(items, annotations.maps, images, strict=True)):
        if map_file is None or info is None:
            continue
        try:
            found, patches = _sample(root, manifest, settings, item, map_file, info, drops)
        except UnreadableImageError as error:
            drops.add(
                Drop(
                    "image",
                    Reason.LABEL_UNREADABLE,
                    item.image_id,
                    map_file.path,
                    None,
                    error.value,
                    error.expected,
                )
            )
            images[position] = None
            continue
        except _SizeMismatchError as error:
            expected = f"a map of {info.width} x {info.height} px, as its picture is"
            drops.add(
                Drop("image", Reason.SIZE_MISMATCH, item.image_id, map_file.path, None, str(error), expected)
            )
            images[position] = None
            continue
        seen[position] += patches
        pieces.append((position, found))
    points = _objects(pieces)
    objects = points if not len(annotations.objects) else _merged(annotations.objects, points)
    return replace(annotations, objects=objects, seen=seen)


class _SizeMismatchError(Exception):
    pass


def _sample(
    root: Path,
    manifest: Manifest,
    settings: Settings,
    item: Item,
    map_file: MapFile,
    info: ImageInfo,
    drops: Drops,
) -> tuple[_Sampled, int]:
    from rsvp_builder.images.label_map import LabelMap
    from rsvp_builder.marks.patch_points import limit_points, sample_patches

    def drop(kind: str, reason: Reason, value: str, expected: str, count: int) -> None:
        if count:
            drops.add(
                Drop(kind, reason, item.image_id, map_file.path, None, value, expected, count)  # type: ignore[arg-type]
            )

    key = f"{settings.seed}\x1f{manifest.name}\x1f{item.image_id}\x1f"
    patch, mode = settings.patch or manifest.points.patch, settings.patch_mode or manifest.points.mode
    with LabelMap(root / map_file.path) as label_map:
        if (label_map.width, label_map.height) != (info.width, info.height):
            raise _SizeMismatchError(f"{label_map.width} x {label_map.height} px")
        found = sample_patches(
            label_map, map_file.coding, patch=patch, mode=mode, key=f"{key}patches".encode()
        )
    drop("object", Reason.NO_LABEL, "", "a labelled pixel in the patch", found.unlabelled)
    for value, count in found.unknown.items():
        drop("metadata", Reason.UNKNOWN_CLASS, str(value), "a value of the manifest's table", count)
    kept = np.arange(len(found.class_id))
    if settings.points_per_image:
        kept = limit_points(
            found.class_id,
            settings.points_per_image,
            balance=bool(settings.balance_points),
            key=f"{key}cap".encode(),
        )
        over = len(found.class_id) - len(kept)
        drop("object", Reason.OVER_CAP, "", f"{settings.points_per_image} points an image", over)
    # Rows take marks in this order, and should not be about one corner of the picture each.
    kept = kept[_shuffled(len(kept), f"{key}order".encode())]
    return _Sampled(found.xy[kept], found.class_id[kept], found.patch[kept]), found.patches


def _shuffled(n: int, key: bytes) -> IntArray:
    bits = np.random.Philox(key=int.from_bytes(blake2b(key, digest_size=16).digest(), "big")).random_raw(n)
    return np.argsort(bits, kind="stable")


def _objects(pieces: Sequence[tuple[int, _Sampled]]) -> Objects:
    empty = np.zeros(0, np.int64)
    xy = np.concatenate([np.zeros((0, 2), np.int64), *(p.xy for _, p in pieces)])
    n = len(xy)
    return Objects(
        item=np.concatenate([empty, *(np.full(len(p.xy), position) for position, p in pieces)]),
        line=np.concatenate([empty, *(p.patch + 1 for _, p in pieces)]),
        class_id=np.concatenate([empty, *(p.class_id for _, p in pieces)]),
        quad=np.full((n, 8), np.nan),
        box=np.full((n, 4), np.nan),
        flags=np.zeros(n, np.uint8),
        point=xy + 0.5,
    )


def _merged(objects: Objects, points: Objects) -> Objects:
    """Both, grouped by item. Objects of a source with maps have neither texts nor masks."""
    order = np.argsort(np.concatenate([objects.item, points.item]), kind="stable")
    own = np.full((len(objects), 2), np.nan) if objects.point is None else objects.point
    assert points.point is not None
    both = Objects(
        np.concatenate([objects.item, points.item]),
        np.concatenate([objects.line, points.line]),
        np.concatenate([objects.class_id, points.class_id]),
        np.concatenate([objects.quad, points.quad]),
        np.concatenate([objects.box, points.box]),
        np.concatenate([objects.flags, points.flags]),
        point=np.concatenate([own, points.point]),
    )
    return both.take(order)
