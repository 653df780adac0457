"""What share of copied pictures `rsvp-build audit` finds, by the way in which they were copied.

    python benchmarks/audit_recall.py                                   # drawn pictures only
    RSVP_SAMPLES=../shared/samples python benchmarks/audit_recall.py    # and real ones

Each picture is copied in every way; originals are one split, all copies another. A pair of two different
pictures counts as strange. Some pictures of VHR-10 do show the same ground, so look before you blame.
"""

from __future__ import annotations

import argparse
import io
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from figures import Figure, add_record, record
from rsvp_builder.audit import run_audit
from rsvp_builder.dataset.layout import commit_json
from rsvp_builder.demo.scenes import PLANS, compose
from rsvp_builder.record import ROW_SCHEMA

PLACES = ("centre", "corner", "anywhere")
SIDES = (0.95, 0.9, 0.75, 0.6, 0.5, 0.4)


def jpeg(image: Image.Image, quality: int = 75) -> bytes:
    """The picture as a JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def png(image: Image.Image, level: int = 1) -> bytes:
    """The picture as a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=level)
    return buffer.getvalue()


def crop(image: Image.Image, side: float, place: str, rng: np.random.Generator) -> Image.Image:
    """A part of the picture, ``side`` of its width and height."""
    width, height = (round(side * extent) for extent in image.size)
    room = np.array([image.width - width, image.height - height])
    share = {"centre": np.array([0.5, 0.5]), "corner": rng.integers(0, 2, 2), "anywhere": rng.random(2)}[
        place
    ]
    x, y = (room * share).round().astype(int).tolist()
    return image.crop((x, y, x + width, y + height))


def ways(rng: np.random.Generator) -> dict[str, Callable[[Image.Image], bytes]]:
    """How a picture is copied; crops are JPEGs of quality 75 as well."""
    found: dict[str, Callable[[Image.Image], bytes]] = {
        "same bytes": png,
        "same pixels": lambda i: png(i, 4),
        "grey JPEG": lambda i: jpeg(i.convert("L"), 90),
        "a third brighter": lambda i: jpeg(i.point(lambda v: min(255, int(v * 1.3 + 10))), 90),
        "darker by 40 %": lambda i: jpeg(i.point(lambda v: int(v * 0.6)), 90),
        "half size": lambda i: jpeg(i.resize((i.width // 2, i.height // 2), Image.Resampling.LANCZOS), 90),
        "squeezed to 256 x 256": lambda i: jpeg(i.resize((256, 256), Image.Resampling.BICUBIC), 80),
    }
    found |= {f"JPEG of quality {q}": lambda i, q=q: jpeg(i, q) for q in (95, 75, 60)}
    found |= {f"{t.name.lower()}, quality 75": lambda i, t=t: jpeg(i.transpose(t)) for t in Image.Transpose}
    found |= {
        f"crop of {side:.0%} of the sides, {place}": lambda i, s=side, p=place: jpeg(crop(i, s, p, rng))
        for side in SIDES
        for place in PLACES
    }
    return found


def pictures() -> dict[str, dict[str, Image.Image]]:
    """The originals: drawn ones, and real ones where there are any."""
    drawn = {
        f"{name}-{seed}": compose(name, (512, 512), np.random.default_rng(seed * 8 + n)).picture()
        for seed in range(3)
        for n, name in enumerate(PLANS)
    }
    found = {"drawn": drawn}
    samples = os.environ.get("RSVP_SAMPLES")
    if samples:
        patterns = ("AID/**/*.jpg", "nwpu_vhr10/**/*.jpg", "RESISC45/**/*.jpg", "GeoChat/**/*.jpg")
        paths = [path for pattern in patterns for path in sorted(Path(samples).glob(pattern))]
        found["real"] = {f"{path.parent.name}-{path.stem}": Image.open(path).convert("RGB") for path in paths}
    return found


def row(split: str, image_id: str, data: bytes) -> dict[str, object]:
    """A row about the picture, with what an audit reads."""
    width, height = Image.open(io.BytesIO(data)).size
    return {
        "image": {"bytes": data, "path": "name"},
        "image_id": image_id,
        "width": width,
        "height": height,
        "source": "S",
        "split": split,
        "granularity": "region",
        "marks": [],
    }


def measure(originals: dict[str, Image.Image], workers: int) -> tuple[Counter[str], list[str]]:
    """How many copies of each kind were found, and strange pairs in words."""
    made = ways(np.random.default_rng(1))
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder)
        (out / "data" / "S").mkdir(parents=True)
        for split in ("train", "test"):
            path = out / "data" / "S" / f"{split}-00000-of-00001.parquet"
            with pq.ParquetWriter(path, ROW_SCHEMA) as writer:
                for name, image in originals.items():
                    rows = (
                        [row(split, f"original/{name}", png(image))]
                        if split == "train"
                        else [row(split, f"{way}/{name}", copy(image)) for way, copy in made.items()]
                    )
                    writer.write_table(pa.Table.from_pylist(rows, schema=ROW_SCHEMA))
        commit_json(out / "dataset.json", {"format": 1, "sources": ["S"]})
        audit = run_audit([out], workers=workers)
    found: Counter[str] = Counter()
    strange = []
    for pair in audit.pairs:
        sides = [audit.pictures[side].image_id.partition("/") for side in (pair.first, pair.second)]
        [copy, original] = sorted(sides, key=lambda side: side[0] == "original")
        if copy[2] == original[2]:
            found[copy[0]] += 1
        else:
            strange.append(f"{original[2]} and {copy[2]} ({copy[0]}, {pair.kind}, {pair.score:.2f})")
    return found, strange


def figures(
    sets: dict[str, dict[str, Image.Image]], results: dict[str, tuple[Counter[str], list[str]]]
) -> list[Figure]:
    """The figures of the page: of all copies in all ways, those that were missed."""
    kinds = len(ways(np.random.default_rng(1)))
    return [
        Figure(
            f"copies missed, {len(sets[name]):,} {name} pictures, {kinds} ways",
            1 - found.total() / (kinds * len(sets[name])),
            "share",
        )
        for name, (found, _) in results.items()
    ]


def main() -> None:
    """Print a table for each kind of pictures side by side."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--workers", type=int, default=1)
    add_record(parser)
    arguments = parser.parse_args()
    sets = pictures()
    results = {name: measure(of, arguments.workers) for name, of in sets.items()}
    print("| copied as | " + " | ".join(f"{name}, of {len(sets[name])}" for name in sets) + " |")
    print("| --- |" + " ---: |" * len(sets))
    for way in ways(np.random.default_rng(1)):
        cells = [f"{found[way] / len(sets[name]):.1%}" for name, (found, _) in results.items()]
        print(f"| {way} | " + " | ".join(cells) + " |")
    for name, (_, strange) in results.items():
        print(f"\n{name}: {len(strange)} strange pairs")
        for text in strange[:20]:
            print(f"  {text}")
    if arguments.record:
        record("audit_recall", figures(sets, results))


if __name__ == "__main__":
    main()
