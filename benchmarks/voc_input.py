"""The input of the VOC benchmark: label files of PASCAL VOC's grammar, made by arithmetic from a seed.

    ROOT/Annotations/00000.xml, ...          50 objects each, tab-indented, line feeds
    ROOT/JPEGImages/00000.jpg, ...           hard links to one picture, which neither side opens
    ROOT/ImageSets/Main/train.txt            all of them

Every object is sound and of one of VOC's own twenty classes, so that nothing is a reason to drop one.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from pathlib import Path

from PIL import Image

SIZE = 1024
FORMAT = 1
"""Raise it when the bytes made from a seed change: an input of another format is made anew."""
STAMP = "input.json"
CLASSES = [
    "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
    "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor",
]  # fmt: skip
_HEAD = (
    "<annotation>\n\t<folder>VOC2012</folder>\n\t<filename>{name}.jpg</filename>\n"
    "\t<source>\n\t\t<database>made</database>\n\t</source>\n"
    "\t<size>\n\t\t<width>{size}</width>\n\t\t<height>{size}</height>\n\t\t<depth>3</depth>\n\t</size>\n"
    "\t<segmented>0</segmented>\n"
)
_OBJECT = (
    "\t<object>\n\t\t<name>{0}</name>\n\t\t<pose>Unspecified</pose>\n\t\t<truncated>0</truncated>\n"
    "\t\t<difficult>{1}</difficult>\n\t\t<bndbox>\n\t\t\t<xmin>{2}</xmin>\n\t\t\t<ymin>{3}</ymin>\n"
    "\t\t\t<xmax>{4}</xmax>\n\t\t\t<ymax>{5}</ymax>\n\t\t</bndbox>\n\t</object>\n"
)


def _text(name: str, objects: int, rng: random.Random) -> tuple[str, int]:
    """A label file, and the sum of all half-open corners in it."""
    parts, total = [_HEAD.format(name=name, size=SIZE)], 0
    for _ in range(objects):
        x, y = rng.randrange(1, SIZE - 100), rng.randrange(1, SIZE - 100)
        right, bottom = x + rng.randrange(4, 100), y + rng.randrange(4, 100)
        parts.append(_OBJECT.format(rng.choice(CLASSES), int(rng.random() < 0.1), x, y, right, bottom))
        total += x - 1 + y - 1 + right + bottom
    return "".join([*parts, "</annotation>\n"]), total


def generate(root: Path, *, files: int, objects: int, seed: int = 0) -> dict[str, int]:
    """Makes the input unless the same one is there; returns what its stamp says."""
    wanted = {"format": FORMAT, "images": files, "objects_per_image": objects, "seed": seed}
    stamp = root / STAMP
    if stamp.exists():
        found: dict[str, int] = json.loads(stamp.read_text())
        if wanted.items() <= found.items():
            return found
    shutil.rmtree(root, ignore_errors=True)
    for folder in ("Annotations", "JPEGImages", "ImageSets/Main"):
        (root / folder).mkdir(parents=True)
    picture = root / "picture.jpg"
    Image.new("RGB", (SIZE, SIZE), (90, 110, 80)).save(picture)
    total = label_bytes = 0
    names = [f"{index:05d}" for index in range(files)]
    for index, name in enumerate(names):
        text, corners = _text(name, objects, random.Random(seed * files + index))
        total += corners
        label_bytes += len(text)
        (root / "Annotations" / f"{name}.xml").write_text(text)
        os.link(picture, root / "JPEGImages" / f"{name}.jpg")
    picture.unlink()
    (root / "ImageSets" / "Main" / "train.txt").write_text("".join(f"{name}\n" for name in names))
    made = wanted | {"boxes": files * objects, "sum": total, "label_bytes": label_bytes}
    stamp.write_text(json.dumps(made, indent=1) + "\n")
    return made
