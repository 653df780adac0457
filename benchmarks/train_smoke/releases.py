"""Raw releases of random scenes in the grammars of three real ones: boxes, polygons, sentences."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rsvp_builder.build import build
from rsvp_builder.demo.snapshots import encoded
from rsvp_builder.settings import Settings
from train_smoke.scenes import KINDS, SIDE, Drawn, scenes

SOURCES = ("NWPU-VHR-10", "NWPU-VHR-10-instances", "RSICD")
_SCENES = {
    "airplane": "airport",
    "ship": "port",
    "storage tank": "storagetanks",
    "baseball diamond": "baseballfield",
    "tennis court": "park",
    "basketball court": "school",
    "ground track field": "playground",
    "harbor": "resort",
    "bridge": "bridge",
    "vehicle": "parking",
}
_NUMBERS = ("no", "one", "two", "three", "four", "five")


def make(folder: Path, pictures: int, seed: int) -> Path:
    """Draw, write and build a data set of all three sources, each of ``pictures`` pictures of its own.

    Returns:
        The data set.
    """
    out = folder / "dataset"
    for number, (source, write) in enumerate(zip(SOURCES, (boxes, polygons, sentences), strict=True)):
        root = folder / "raw" / source
        write(root, list(scenes(pictures, seed + number)))
        build(source, root, out, Settings(tile=0, marks_per_row=4), workers=1)
    return out


def boxes(root: Path, drawn: Sequence[Drawn]) -> None:
    """NWPU VHR-10: ``(x1,y1),(x2,y2),class`` a line, a text file a picture."""
    top = root / "NWPU VHR-10 dataset"
    for number, scene in enumerate(drawn, 1):
        _save(top / f"positive image set/{number:05d}.jpg", scene)
        lines = []
        for sight in scene.sights:
            x1, y1, x2, y2 = (int(v) for v in sight.box)
            lines.append(f"({x1:3d},{y1:3d}),({x2:3d},{y2:3d}),{sight.token} \n")
        path = top / f"ground truth/{number:05d}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(lines))


def polygons(root: Path, drawn: Sequence[Drawn]) -> None:
    """The COCO file of NWPU VHR-10: a polygon for each thing."""
    images, annotations = [], []
    for number, scene in enumerate(drawn, 1):
        name = f"{number:05d}.jpg"
        _save(root / f"positive image set/{name}", scene)
        images.append({"id": number, "file_name": name, "width": SIDE, "height": SIDE})
        for sight in scene.sights:
            x1, y1, x2, y2 = sight.box
            annotations.append(
                {
                    "id": len(annotations),
                    "image_id": number,
                    "category_id": int(sight.token),
                    "segmentation": [[round(v, 1) for v in sight.quad]],
                    "bbox": [x1, y1, x2 - x1, y2 - y1],
                    "area": sight.width * sight.length,
                    "iscrowd": 0,
                }
            )
    categories = [{"id": int(kind[0]), "name": name.replace(" ", "_")} for name, kind in KINDS.items()]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations.json").write_text(json.dumps(content, indent=0))


def sentences(root: Path, drawn: Sequence[Drawn]) -> None:
    """RSICD: Karpathy's form, the scene class being the prefix of a picture's name."""
    images = []
    for number, scene in enumerate(drawn, 1):
        name = f"{_SCENES[scene.labels[0]]}_{number}.jpg"
        _save(root / f"RSICD_images/{name}", scene)
        told = sentence(scene)
        images.append({"filename": name, "imgid": number, "split": "train", "sentences": [{"raw": told}]})
    (root / "dataset_rsicd.json").write_text(json.dumps({"images": images, "dataset": "rsicd"}))


def sentence(scene: Drawn) -> str:
    """How many of what, most first, as in ``two airplanes and one ship .``."""
    counts = Counter(scene.labels).most_common()
    parts = [f"{_NUMBERS[n]} {name}{'s' if n > 1 else ''}" for name, n in counts]
    head, last = parts[:-1], parts[-1]
    return (f"{', '.join(head)} and {last}" if head else last) + " ."


def _save(path: Path, scene: Drawn) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(scene.picture, "JPEG"))
