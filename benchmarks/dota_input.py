"""The input of the DOTA benchmark: a release with pictures and labels, made by arithmetic from a seed.

    ROOT/train/images/P00000.jpg, P00001.png, ...     1024 x 1024, every other one JPEG q85, the rest PNG
    ROOT/train/labelTxt/P00000.txt, ...               DOTA v1.0, two header lines, CRLF

The pictures are cloud-like noise, tuned until the files are about as large as cuts of real scenes
(JPEG 150 KB, PNG 1.47 MB). Every box is a convex quadrilateral inside its image (two in three are turned
rectangles, rounded to whole pixels as in DOTA) with all ten fields: nothing in this input gives a program
a reason to drop a box.

With ``--distinct D`` only D pictures are made and the other names are hard links to them, so that a
check of memory can have 20,000 images without 16 GB of input. The labels are distinct all the same.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

SIZE = 1024
FORMAT = 1
"""Raise it when the bytes made from a seed change: an input of another format is made anew."""
STAMP = "input.json"
CLASSES = np.array(
    [
        "plane", "ship", "storage-tank", "baseball-diamond", "tennis-court", "basketball-court",
        "ground-track-field", "harbor", "bridge", "large-vehicle", "small-vehicle", "helicopter",
        "roundabout", "soccer-ball-field", "swimming-pool",
    ]
)  # fmt: skip


def generator(seed: int, index: int, purpose: int) -> np.random.Generator:
    """Random numbers of one image, the same whatever else is made and in whatever order."""
    return np.random.Generator(np.random.Philox(key=[seed, index * 2 + purpose]))


def picture(rng: np.random.Generator) -> Image.Image:
    """Three octaves of smooth noise, coloured in the coarsest only, and a little grain."""
    canvas = np.full((SIZE, SIZE, 3), 120, np.float32)
    for cells, weight, channels in ((8, 0.3, 3), (32, 0.15, 1), (256, 0.1, 1)):
        coarse = rng.integers(0, 256, (cells, cells, channels), dtype=np.uint8)
        smooth = Image.fromarray(coarse.squeeze()).resize((SIZE, SIZE), Image.Resampling.BILINEAR)
        canvas += (np.asarray(smooth, np.float32).reshape(SIZE, SIZE, channels) - 128) * weight
    canvas += rng.standard_normal((SIZE, SIZE, 1), dtype=np.float32) * 3
    return Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))


def quads(rng: np.random.Generator, boxes: int) -> npt.NDArray[np.float64]:
    """(n, 8) whole-pixel corners: turned rectangles, every third with its corners pulled about."""
    sides = rng.uniform(14, 100, (boxes, 2))
    jitter = rng.uniform(-0.08, 0.08, (boxes, 4, 2)) * sides.min(axis=1)[:, None, None]
    jitter[np.arange(boxes) % 3 != 0] = 0
    reach = np.hypot(*sides.T) / 2 + 10
    centre = rng.uniform(reach[:, None], SIZE - reach[:, None], (boxes, 2))
    angle = rng.uniform(0, 2 * np.pi, boxes)
    corners = sides[:, None, :] * np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]) + jitter
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]).transpose(2, 0, 1)
    placed = np.rint(np.einsum("nij,nkj->nki", turn, corners) + centre[:, None, :])
    edges = np.roll(placed, -1, axis=1) - placed
    after = np.roll(edges, -1, axis=1)
    assert (edges[..., 0] * after[..., 1] > edges[..., 1] * after[..., 0]).all(), "a quad is not convex"
    assert placed.min() >= 0, "a corner is left of or above the image"
    assert placed.max() <= SIZE, "a corner is right of or below the image"
    flat: npt.NDArray[np.float64] = placed.reshape(boxes, 8)
    return flat


def label(rng: np.random.Generator, boxes: int) -> str:
    """The text of one label file."""
    lines = ["imagesource:GoogleEarth", f"gsd:{rng.uniform(0.1, 0.9):.12f}"]
    names = CLASSES[rng.integers(0, len(CLASSES), boxes)]
    difficult = (rng.random(boxes) < 0.1).astype(int)
    for corners, name, hard in zip(quads(rng, boxes).tolist(), names, difficult, strict=True):
        lines.append(f"{' '.join(map(str, corners))} {name} {hard}")
    return "".join(f"{line}\r\n" for line in lines)


def name_of(index: int) -> str:
    """File name of an image."""
    return f"P{index:05d}{'.png' if index % 2 else '.jpg'}"


def make(index: int, *, train: Path, boxes: int, seed: int, distinct: int) -> int:
    """Writes one label and, unless it is to be a link, one image; returns the label's bytes."""
    text = label(generator(seed, index, 0), boxes).encode()
    (train / "labelTxt" / f"P{index:05d}.txt").write_bytes(text)
    if index < distinct:
        # Each format reads its own option and ignores the other.
        picture(generator(seed, index, 1)).save(
            train / "images" / name_of(index), quality=85, compress_level=1
        )
    return len(text)


def generate(root: Path, *, images: int, boxes: int, seed: int, distinct: int) -> dict[str, int]:
    """Makes the input unless the same one is there; returns what its stamp says."""
    wanted = {
        "format": FORMAT,
        "images": images,
        "boxes_per_image": boxes,
        "seed": seed,
        "distinct": distinct,
    }
    stamp = root / STAMP
    if stamp.exists():
        found: dict[str, int] = json.loads(stamp.read_text())
        if wanted.items() <= found.items():
            return found
    shutil.rmtree(root, ignore_errors=True)
    train = root / "train"
    for folder in ("images", "labelTxt"):
        (train / folder).mkdir(parents=True)
    one = partial(make, train=train, boxes=boxes, seed=seed, distinct=distinct)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        label_bytes = sum(pool.map(one, range(images), chunksize=20))
    for index in range(distinct, images):
        os.link(train / "images" / name_of(index % distinct), train / "images" / name_of(index))
    image_bytes = sum(path.stat().st_size for path in (train / "images").iterdir())
    made = wanted | {"boxes": images * boxes, "image_bytes": image_bytes, "label_bytes": label_bytes}
    stamp.write_text(json.dumps(made, indent=1) + "\n")
    return made


def main() -> None:
    """Makes an input and prints its stamp."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--boxes", type=int, default=200, help="boxes of an image")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--distinct", type=int, help="pictures to make; the other names link to them")
    options = parser.parse_args()
    distinct = min(options.distinct or options.images, options.images)
    if distinct < options.images and distinct % 2:
        parser.error("--distinct must be even: a link has the ending of the file it links to")
    made = generate(
        options.root, images=options.images, boxes=options.boxes, seed=options.seed, distinct=distinct
    )
    print(json.dumps(made))


if __name__ == "__main__":
    main()
