"""The floor of an embedded build: the same image bytes, copied and made durable, and nothing else.

copy_bytes.py ROOT OUT               shutil.copyfile of every image, fsync of every copy
copy_bytes.py ROOT OUT --one-file    all images into one file, one fdatasync at the end
copy_bytes.py --count OUT            bytes that lie there, not timed
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from pathlib import Path

CHUNK = 8 << 20


def copy_each(images: list[Path], out: Path) -> None:
    """One copy a file."""
    for image in images:
        copy = shutil.copyfile(image, out / image.name)
        with copy.open("rb") as handle:
            os.fsync(handle.fileno())


def copy_into_one(images: list[Path], out: Path) -> None:
    """All files one behind the other."""
    with (out / "images.bin").open("wb", buffering=0) as target:
        for image in images:
            with image.open("rb", buffering=0) as source:
                shutil.copyfileobj(source, target, CHUNK)
        os.fdatasync(target.fileno())


def main() -> None:
    """Copies, or counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--one-file", action="store_true")
    parser.add_argument("--count", action="store_true")
    options = parser.parse_args()
    if options.count:
        print(json.dumps({"image_bytes": sum(path.stat().st_size for path in options.paths[0].iterdir())}))
        return
    root, out = options.paths
    out.mkdir(parents=True)
    images = sorted((root / "train" / "images").iterdir())
    (copy_into_one if options.one_file else copy_each)(images, out)


if __name__ == "__main__":
    main()
