"""The input of the scale test: a DOTA release of very many small label files, made from a seed.

    ROOT/train/images/P0000000.png, ...      1024 x 1024, blank; names linked to a few files
    ROOT/train/labelTxt/P0000000.txt, ...    DOTA v1.0, two header lines and 50 boxes each, all distinct

Everything lies in two folders, as in DOTA, which is the harder case for whoever lists them. Pictures are
never decoded by a build that references them, only their headers are read, so links cost it what pictures
would. Every box is valid: nothing in this input gives a reason to drop one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image

from dota_input import SIZE, generator, label

FORMAT = 2
"""Raise it when the bytes made from a seed change."""
STAMP = "input.json"
LINKS = 30_000
"""Names of one picture; ext4 allows 65,000."""

BLOCK = 1_000
"""Files that a process makes at a time."""


def write_block(first: int, *, train: Path, files: int, boxes: int, seed: int) -> int:
    """Write a block of labels and link their pictures; returns the bytes of the labels."""
    size = 0
    for number in range(first, min(first + BLOCK, files)):
        text = label(generator(seed, number, 0), boxes).encode()
        (train / "labelTxt" / f"P{number:07d}.txt").write_bytes(text)
        os.link(train / f"picture-{number // LINKS}.png", train / "images" / f"P{number:07d}.png")
        size += len(text)
    return size


def generate(root: Path, *, files: int, boxes: int, seed: int = 0, processes: int = 1) -> dict[str, int]:
    """Make the input unless the same one is there; returns what its stamp says."""
    wanted = {"format": FORMAT, "files": files, "boxes_per_file": boxes, "seed": seed}
    stamp = root / STAMP
    if stamp.exists():
        found: dict[str, int] = json.loads(stamp.read_text())
        if wanted.items() <= found.items():
            return found
    shutil.rmtree(root, ignore_errors=True)
    train = root / "train"
    for folder in ("images", "labelTxt"):
        (train / folder).mkdir(parents=True)
    for number in range((files - 1) // LINKS + 1):
        Image.new("L", (SIZE, SIZE), number % 256).save(train / f"picture-{number}.png")
    block = partial(write_block, train=train, files=files, boxes=boxes, seed=seed)
    with ProcessPoolExecutor(processes) as pool:
        label_bytes = sum(pool.map(block, range(0, files, BLOCK)))
    for path in train.glob("picture-*.png"):
        path.unlink()
    made = wanted | {"boxes": files * boxes, "label_bytes": label_bytes}
    stamp.write_text(json.dumps(made, indent=1) + "\n")
    return made


def main() -> None:
    """Make an input and print its stamp."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--boxes", type=int, default=50, help="boxes of a file")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    made = generate(options.root, files=options.files, boxes=options.boxes, processes=options.processes)
    print(json.dumps(made))


if __name__ == "__main__":
    main()
