"""supervision: YOLO-OBB in, COCO out, images referenced.

supervision reads no DOTA, so ``--prepare`` rewrites the labels as YOLO-OBB first; that is not timed.
``as_coco`` keeps the axis-aligned box of every object and drops its four corners.

    supervision_coco.py --prepare ROOT YOLO    rewrites the labels, and is not timed
    supervision_coco.py ROOT YOLO OUT          does the work, and is timed
    supervision_coco.py --count OUT            reads back what was written, and is not
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

SIZE = 1024


def prepare(root: Path, yolo: Path) -> None:
    """Labels of ``root`` as YOLO-OBB: class number and eight fractions of the image's sides."""
    labels = yolo / "labels"
    labels.mkdir(parents=True)
    names: dict[str, int] = {}
    for path in sorted((root / "train" / "labelTxt").iterdir()):
        lines = []
        for line in path.read_text().splitlines()[2:]:
            *corners, name, _difficult = line.split()
            number = names.setdefault(name, len(names))
            lines.append(f"{number} {' '.join(f'{float(c) / SIZE:.6f}' for c in corners)}\n")
        (labels / path.name).write_text("".join(lines))
    (yolo / "data.yaml").write_text(f"names: {json.dumps(list(names))}\n")


def convert(root: Path, yolo: Path, out: Path) -> None:
    """Annotations as one COCO file under ``out``."""
    import supervision as sv

    dataset = sv.DetectionDataset.from_yolo(
        images_directory_path=str(root / "train" / "images"),
        annotations_directory_path=str(yolo / "labels"),
        data_yaml_path=str(yolo / "data.yaml"),
        is_obb=True,
    )
    out.mkdir()
    dataset.as_coco(annotations_path=str(out / "annotations.json"))


def count(out: Path) -> dict[str, int]:
    """Boxes in the COCO file, and how many of them carry four corners."""
    annotations = json.loads((out / "annotations.json").read_bytes())["annotations"]
    oriented = sum(1 for a in annotations if a["segmentation"] and len(a["segmentation"][0]) == 8)
    return {"boxes": len(annotations), "oriented": oriented}


def main() -> None:
    """Prepares, converts, or counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--count", action="store_true")
    options = parser.parse_args()
    if options.count:
        print(json.dumps(count(*options.paths)))
    elif options.prepare:
        prepare(*options.paths)
    else:
        convert(*options.paths)


if __name__ == "__main__":
    main()
