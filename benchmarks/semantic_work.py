"""What the sides of semantic_points.py do, each in a process of its own, and the maps they do it on.

semantic_work.py make ROOT --maps 20 --size 6000          maps of both kinds; prints what was made
semantic_work.py ours|whole|rows|usual|planes FILE ...    prints seconds and points

Seconds are told for each file; interpreter start and imports are not in them.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

COLOURS = ((255, 255, 255), (0, 0, 255), (0, 255, 255), (0, 255, 0), (255, 255, 0), (255, 0, 0))
"""ISPRS: impervious surface, building, low vegetation, tree, car, clutter; black carries no label."""

COMMONNESS = (0.25, 0.2, 0.2, 0.05, -0.7, -0.35)
"""What is added to the fields of the classes, so that cars and clutter are rare."""

PATCH = 32
BLOCK = 608
"""Side of a tile in the files, as the real colour maps have it."""


def blobs(size: int, seed: int) -> np.ndarray:
    """Blobs with rough edges and an unlabelled rim between them: (size, size) uint8, 6 for no label."""
    rng = np.random.default_rng(seed)
    half = -(-size // 2)
    best, found = np.full((half, half), -np.inf, np.float32), np.zeros((half, half), np.uint8)
    for number, more in enumerate(COMMONNESS):
        field = sum(
            share * _field(half, cells, rng) for cells, share in ((half // 60, 1.0), (half // 8, 0.12))
        )
        higher = field + more > best
        best[higher], found[higher] = (field + more)[higher], number
    whole = np.repeat(np.repeat(found, 2, axis=0), 2, axis=1)[:size, :size]
    rim = np.zeros(whole.shape, bool)
    for reach in (1, 2, 3):  # the real rim is as wide as three pixels
        for one, two in ((np.s_[reach:], np.s_[:-reach]), (np.s_[:, reach:], np.s_[:, :-reach])):
            differs = whole[one] != whole[two]
            rim[one] |= differs
            rim[two] |= differs
    whole[rim] = len(COLOURS)
    return whole


def _field(size: int, cells: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of ``cells`` x ``cells`` values, drawn out linearly to (size, size)."""
    cells = max(2, cells)
    at = np.linspace(0, cells - 1.001, size)
    left = at.astype(int)
    weights = np.zeros((size, cells), np.float32)
    weights[np.arange(size), left] = 1 - (at - left)
    weights[np.arange(size), left + 1] = at - left
    drawn: np.ndarray = weights @ rng.standard_normal((cells, cells)).astype(np.float32) @ weights.T
    return drawn


def make(root: Path, maps: int, size: int) -> dict[str, Any]:
    """Maps as RGB and as indexed ones with the same colours, LZW in tiles; unless they are there."""
    import rasterio

    stamp = root / "made.json"
    if not stamp.exists():
        root.mkdir(parents=True, exist_ok=True)
        palette = np.array([*COLOURS, (0, 0, 0)], np.uint8)
        profile = {
            "driver": "GTiff",
            "width": size,
            "height": size,
            "dtype": "uint8",
            "compress": "lzw",
            **({"tiled": True, "blockxsize": BLOCK, "blockysize": BLOCK} if size >= BLOCK else {}),
        }
        unlabelled = 0.0
        for number in range(maps):
            found = blobs(size, number)
            unlabelled += float((found == len(COLOURS)).mean()) / maps
            path = root / f"rgb_{number:02}.tif"
            with rasterio.open(path, "w", **profile, count=3, photometric="rgb", interleave="pixel") as file:
                file.write(palette[found].transpose(2, 0, 1))
            with rasterio.open(root / f"indexed_{number:02}.tif", "w", **profile, count=1) as file:
                file.write(found, 1)
                file.write_colormap(1, {i: tuple(colour) for i, colour in enumerate(palette.tolist())})
        sizes = {
            kind: sum(path.stat().st_size for path in root.glob(f"{kind}_*.tif"))
            for kind in ("rgb", "indexed")
        }
        stamp.write_text(json.dumps({"maps": maps, "size": size, "unlabelled": unlabelled, "bytes": sizes}))
    for path in sorted(root.glob("*.tif")):
        path.read_bytes()  # into the page cache
    made: dict[str, Any] = json.loads(stamp.read_text())
    return made


def ours() -> Callable[[Path], int]:
    """Our sampling."""
    import rasterio  # noqa: F401

    from rsvp_builder.images.label_map import LabelCoding, LabelMap
    from rsvp_builder.marks.patch_points import sample_patches

    coding = LabelCoding(colours={c: number for number, c in enumerate(COLOURS)}, threshold=127)

    def sample(path: Path) -> int:
        with LabelMap(path) as label_map:
            found = sample_patches(label_map, coding, patch=PATCH, key=path.name.encode())
        return len(found.class_id)

    return sample


def whole() -> Callable[[Path], int]:
    """The floor: every pixel decoded into one array, and nothing else."""
    import rasterio

    def decode(path: Path) -> int:
        with rasterio.open(path) as file:
            file.read()
        return 0

    return decode


def rows() -> Callable[[Path], int]:
    """A lower floor: every pixel decoded by rows of tiles into one small array that is used again."""
    import rasterio
    from rasterio.windows import Window

    def decode(path: Path) -> int:
        with rasterio.open(path) as file:
            high = file.block_shapes[0][0]
            room = np.empty((file.count, high, file.width), np.uint8)
            for y in range(0, file.height, high):
                n = min(high, file.height - y)
                file.read(out=room[:, :n], window=Window(0, y, file.width, n))
        return 0

    return decode


def usual() -> Callable[[Path], int]:
    """How it is usually written: pixels as Pillow gives them, compared with each class, a loop over patches.

    The comparison is that of torchgeo's ``rgb_to_mask``.
    """
    from PIL import Image

    def sample(path: Path) -> int:
        with Image.open(path) as picture:
            return _compare_and_loop(np.asarray(picture.convert("RGB")))

    return sample


def planes() -> Callable[[Path], int]:
    """The same on planes as rasterio gives them, which numpy compares a lot faster."""
    import rasterio

    def sample(path: Path) -> int:
        with rasterio.open(path) as file:
            return _compare_and_loop(file.read().transpose(1, 2, 0))

    return sample


def _compare_and_loop(rgb: np.ndarray) -> int:
    label = np.full(rgb.shape[:2], -1, np.int16)
    for number, colour in enumerate(COLOURS):
        label[(rgb == colour).all(-1)] = number
    np.random.seed(0)
    points = []
    for y in range(0, label.shape[0], PATCH):
        for x in range(0, label.shape[1], PATCH):
            patch = label[y : y + PATCH, x : x + PATCH]
            labelled = np.flatnonzero(patch >= 0)
            if len(labelled):
                dy, dx = divmod(int(np.random.choice(labelled)), patch.shape[1])
                points.append((x + dx, y + dy, int(patch[dy, dx])))
    return len(points)


SIDES = {"ours": ours, "whole": whole, "rows": rows, "usual": usual, "planes": planes}


def main() -> None:
    """Does what the command line names, and prints a JSON line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("side", choices=["make", *SIDES])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--maps", type=int, default=20)
    parser.add_argument("--size", type=int, default=6000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # no map has a place on Earth
    if options.side == "make":
        print(json.dumps(make(options.paths[0], options.maps, options.size)))
        return
    side = SIDES[options.side]()
    seconds, points = [], 0
    for path in options.paths:
        began = time.perf_counter()
        points += side(path)
        seconds.append(time.perf_counter() - began)
    print(json.dumps({"seconds": seconds, "points": points}))


if __name__ == "__main__":
    main()
