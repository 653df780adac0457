"""``datasets.Dataset.from_generator``, the bare script that many projects have: DOTA in, Parquet out.

It splits lines and believes them: no checks, no image sizes, no record of what was left out. The
features are fixed beforehand, so nothing is spent on guessing them, and objects go in as three parallel
lists, which is the quicker of the two usual shapes. ``--embed`` stores the bytes of the images.

    from_generator.py ROOT OUT [--embed] [--num-proc N]   does the work, and is timed
    from_generator.py --count OUT                         reads back what was written, and is not
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CLASSES = [
    "plane", "ship", "storage-tank", "baseball-diamond", "tennis-court", "basketball-court",
    "ground-track-field", "harbor", "bridge", "large-vehicle", "small-vehicle", "helicopter",
    "roundabout", "soccer-ball-field", "swimming-pool",
]  # fmt: skip


def examples(images: list[Path], *, embed: bool) -> Iterator[dict[str, Any]]:
    """One dictionary an image."""
    for image in images:
        quads, categories, difficult = [], [], []
        with (image.parent.parent / "labelTxt" / f"{image.stem}.txt").open() as lines:
            for line in lines:
                fields = line.split()
                if len(fields) < 10:
                    continue  # a header line
                quads.append([float(field) for field in fields[:8]])
                categories.append(fields[8])
                difficult.append(int(fields[9]))
        yield {
            "image": {"bytes": image.read_bytes(), "path": image.name} if embed else str(image),
            "quads": quads,
            "categories": categories,
            "difficult": difficult,
        }


def convert(root: Path, out: Path, *, embed: bool, num_proc: int | None) -> None:
    """Annotations of ``root`` as one Parquet file under ``out``; the cache of ``datasets`` lies beside it."""
    from datasets import ClassLabel, Dataset, Features, Image, List, Value

    features = Features(
        {
            "image": Image() if embed else Value("string"),
            "quads": List(List(Value("float32"))),
            "categories": List(ClassLabel(names=CLASSES)),
            "difficult": List(Value("int8")),
        }
    )
    dataset = Dataset.from_generator(
        examples,
        features=features,
        cache_dir=str(out / "cache"),
        gen_kwargs={"images": sorted((root / "train" / "images").iterdir()), "embed": embed},
        num_proc=num_proc,
    )
    dataset.to_parquet(str(out / "train.parquet"))


def count(out: Path) -> dict[str, int]:
    """Boxes in the Parquet file, how many of them carry four corners, and the bytes of images."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    file = pq.ParquetFile(out / "train.parquet")
    embedded = file.schema_arrow.field("image").type != "string"
    boxes = oriented = image_bytes = 0
    for batch in file.iter_batches(batch_size=50):
        corners = pc.list_value_length(pc.list_flatten(batch["quads"]))
        boxes += len(corners)
        oriented += pc.sum(pc.equal(corners, 8)).as_py()
        if embedded:
            image_bytes += pc.sum(pc.binary_length(pc.struct_field(batch["image"], "bytes"))).as_py() or 0
    return {"boxes": boxes, "oriented": oriented, "image_bytes": image_bytes}


def main() -> None:
    """Converts, or counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--embed", action="store_true")
    parser.add_argument("--num-proc", type=int)
    parser.add_argument("--count", action="store_true")
    options = parser.parse_args()
    if options.count:
        print(json.dumps(count(*options.paths)))
    else:
        convert(*options.paths, embed=options.embed, num_proc=options.num_proc)


if __name__ == "__main__":
    main()
