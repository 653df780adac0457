"""Points of instances: ours beside a distance transform of the whole image for each instance.

    RSVP_SAMPLES=... .venv/bin/python benchmarks/instance_points.py --check-all

Both sides get what a reader has in hand (the array of ids of an image; the rings of its polygons) and end
with the pixel and the squared inscribed radius of every instance. One process, one core, alternating runs.
All three must give the same points, or nothing is printed. See README.md for how to read the figures.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from pycocotools import mask as coco
from scipy import __version__ as scipy_version
from scipy import ndimage

from environments import HERE, machine, versions
from figures import Figure, add_record, record
from rsvp_builder.marks.instance_points import representative_points
from rsvp_builder.masks import PolygonMask, id_map_masks

Found = list[tuple[int, int, int]]
"""Column, row and squared radius of each instance of an image."""

GOAL = 10


class Ids:
    """An image whose instances are given as a map of ids."""

    def __init__(self, ids: npt.NDArray[np.uint32]) -> None:
        self.ids = ids
        self.count = len(np.unique(ids)) - 1

    def ours(self) -> Found:
        """As the package does it."""
        return _found([mask for _, mask in id_map_masks(self.ids)])

    def pictures(self) -> Iterable[npt.NDArray[np.bool_]]:
        """Each instance on the whole image."""
        return (self.ids == number for number in np.unique(self.ids) if number)


class Polygons:
    """An image whose instances are given as COCO polygons."""

    def __init__(self, width: int, height: int, instances: list[list[list[float]]]) -> None:
        self.width, self.height, self.instances = width, height, instances
        self.count = len(instances)

    def ours(self) -> Found:
        """As the package does it."""
        rings = [tuple(np.array(ring).reshape(-1, 2) for ring in parts) for parts in self.instances]
        return _found([PolygonMask(of, self.width, self.height) for of in rings])

    def pictures(self) -> Iterable[npt.NDArray[np.bool_]]:
        """Each instance on the whole image, as ``COCO.annToMask`` makes it."""
        for parts in self.instances:
            code = coco.merge(coco.frPyObjects(parts, self.height, self.width))
            yield coco.decode(code).astype(bool)


def _found(masks: list) -> Found:
    points = representative_points(masks)
    columns = (*points.pixel.T, points.squared_radius)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def whole_image(image: Ids | Polygons) -> Found:
    """The named peer: scipy's transform of the whole image, instance by instance."""
    return [_deepest(picture) for picture in image.pictures()]


def cut_out(image: Ids | Polygons) -> Found:
    """The same on the instance's own box: what cutting alone gains."""
    points = []
    for picture in image.pictures():
        rows, columns = np.flatnonzero(picture.any(axis=1)), np.flatnonzero(picture.any(axis=0))
        top, left = rows[0], columns[0]
        x, y, depth = _deepest(picture[top : rows[-1] + 1, left : columns[-1] + 1])
        points.append((int(x + left), int(y + top), depth))
    return points


def _deepest(picture: npt.NDArray[np.bool_]) -> tuple[int, int, int]:
    """The rule, straight: of the deepest pixels the one closest to their mean, then the first."""
    distance = ndimage.distance_transform_edt(np.pad(picture, 1))[1:-1, 1:-1]
    squared = np.rint(distance**2).astype(np.int64)
    depth = squared.max()
    y, x = np.nonzero(squared == depth)
    away = (len(x) * x - x.sum()) ** 2 + (len(y) * y - y.sum()) ** 2
    first = np.argmin(away)
    return int(x[first]), int(y[first]), int(depth)


SIDES: dict[str, Callable[[Ids | Polygons], Found]] = {
    "ours": lambda image: image.ours(),
    "whole": whole_image,
    "cut": cut_out,
}
WHAT = {
    "ours": "**rsvp-builder**: `id_map_masks` or `PolygonMask`, `representative_points`",
    "whole": "scipy `distance_transform_edt` of the whole image, an instance at a time",
    "cut": "the same pictures cut to the instance, then scipy's transform",
}


def load(samples: Path) -> dict[str, list[Ids | Polygons]]:
    """The images of each kind."""
    maps = []
    for path in sorted(samples.glob("isaid/val/images/*_instance_id_RGB.png")):
        with Image.open(path) as image:
            channels = np.asarray(image).astype(np.uint32)
        maps.append(Ids(channels[..., 0] | channels[..., 1] << 8 | channels[..., 2] << 16))
    [path] = samples.glob("nwpu_vhr10/*/annotations.json")
    release = json.loads(path.read_text())
    parts = defaultdict(list)
    for annotation in release["annotations"]:
        parts[annotation["image_id"]].append(annotation["segmentation"])
    polygons = [
        Polygons(image["width"], image["height"], parts[image["id"]])
        for image in sorted(release["images"], key=lambda image: image["id"])
    ]
    return {"id maps, iSAID": maps, "polygons, NWPU VHR-10": polygons}


def differences(images: list[Ids | Polygons], sides: Iterable[str]) -> int:
    """Instances for which any side differs from ours."""
    wrong = 0
    for image in images:
        ours = image.ours()
        if len(ours) != image.count:
            raise SystemExit(f"{len(ours)} points for {image.count} instances")
        for side in sides:
            wrong += sum(a != b for a, b in zip(ours, SIDES[side](image), strict=True))
    return wrong


def measure(images: list[Ids | Polygons], runs: int) -> dict[str, float]:
    """Median seconds of each side, everybody in turn."""
    taken = defaultdict(list)
    for _ in range(runs):
        for side, run in SIDES.items():
            began = time.perf_counter()
            for image in images:
                run(image)
            taken[side].append(time.perf_counter() - began)
    return {side: statistics.median(times) for side, times in taken.items()}


def main() -> None:
    """Checks, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=Path, default=os.environ.get("RSVP_SAMPLES"))
    parser.add_argument("--images", type=int, default=40, help="images with polygons that are timed")
    parser.add_argument("--runs", type=int, default=5, help="alternating runs; the median counts")
    parser.add_argument("--check-all", action="store_true", help="compare every instance, not the timed only")
    add_record(parser)
    options = parser.parse_args()
    if not options.samples or not options.samples.is_dir():
        parser.error("--samples or RSVP_SAMPLES must name the folder of real samples")
    # pycocotools 2.0.11 decodes with a call that numpy 2 has renamed.
    warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)

    kinds = load(options.samples)
    lines = [
        "| images | who | instances timed | median s | us an instance | x ours | same points |",
        "| ------ | --- | --------------: | -------: | -------------: | -----: | ----------: |",
    ]
    met = True
    figures = []
    for kind, images in kinds.items():
        timed = images
        if len(images) > options.images:
            timed = random.Random(0).sample(images, options.images)
        checked = images if options.check_all else timed
        print(f"{kind}: comparing {sum(i.count for i in checked):,} points ...", file=sys.stderr)
        wrong = differences(checked, ["whole", "cut"])
        if wrong:
            raise SystemExit(f"{kind}: {wrong} points differ")
        print(f"{kind}: timing ...", file=sys.stderr)
        medians = measure(timed, options.runs)
        count = sum(image.count for image in timed)
        same = sum(image.count for image in checked)
        figures += [
            Figure(
                f"points of instances, {kind}",
                medians["ours"] / count * 1e6,
                "us",
                peer=WHAT[side].replace("`", ""),
                peer_version=f"scipy {scipy_version}",
                theirs=medians[side] / count * 1e6,
                goal=GOAL if side == "whole" else None,
            )
            for side in ("whole", "cut")
        ]
        for side, seconds in medians.items():
            ratio = seconds / medians["ours"]
            lines.append(
                f"| {kind} | {WHAT[side]} | {count:,} | {seconds:.3g} | {seconds / count * 1e6:,.0f} "
                f"| {ratio:.1f} | {'' if side == 'ours' else f'{same:,} of {same:,}'} |"
            )
        met &= medians["whole"] / medians["ours"] >= GOAL
    about = machine(HERE)
    found = versions(sys.executable, ["numpy", "scipy", "pycocotools"])
    print(f"Machine: {', '.join(f'{key} {value}' for key, value in about.items())}.")
    print(f"Versions: {', '.join(f'{key} {value}' for key, value in found.items())}.")
    print(f"Median of {options.runs} alternating runs, load {os.getloadavg()[0]:.2f} at the end.\n")
    print("\n".join(lines))
    print(f"\nGoal, at least {GOAL}x quicker than the whole image: {'met' if met else 'not met'}.")
    if options.record:
        record("instance_points", figures)


if __name__ == "__main__":
    main()
