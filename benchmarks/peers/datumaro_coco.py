"""datumaro, made to keep every box: DOTA in, COCO instances out, images referenced.

The plain way, ``import_from`` then ``export``, writes a COCO file without a single annotation and exits
0, because the exporter does not know rotated boxes and does not say so (``--stock`` shows it). The
transform below is what a user adds once he has noticed. It cannot give back the quadrilaterals:
datumaro's reader has made rectangles of them.

    datumaro_coco.py ROOT OUT [--stock]      does the work, and is timed
    datumaro_coco.py --count OUT             reads back what was written, and is not
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def convert(root: Path, out: Path, *, stock: bool) -> None:
    """Annotations of ``root`` as one COCO file under ``out``."""
    from datumaro import Dataset, DatasetItem, ItemTransform, Polygon
    from datumaro.components.annotation import RotatedBbox

    class RotatedBboxToPolygon(ItemTransform):
        """Rotated boxes as polygons, which the COCO exporter takes."""

        def transform_item(self, item: DatasetItem) -> DatasetItem:
            """One image's boxes."""
            polygons = [
                Polygon(
                    [value for corner in box.as_polygon() for value in corner],
                    label=box.label,
                    attributes=box.attributes,
                    id=box.id,
                    group=box.group,
                )
                if isinstance(box, RotatedBbox)
                else box
                for box in item.annotations
            ]
            return item.wrap(annotations=polygons)

    dataset = Dataset.import_from(str(root), "dota")
    if not stock:
        dataset.transform(RotatedBboxToPolygon)
    dataset.export(str(out), "coco_instances", save_media=False)


def count(out: Path) -> dict[str, int]:
    """Boxes in the COCO file, and how many of them carry four corners."""
    boxes = oriented = 0
    for path in (out / "annotations").glob("*.json"):
        annotations = json.loads(path.read_bytes())["annotations"]
        boxes += len(annotations)
        oriented += sum(1 for a in annotations if a["segmentation"] and len(a["segmentation"][0]) == 8)
    return {"boxes": boxes, "oriented": oriented}


def main() -> None:
    """Converts, or counts."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--count", action="store_true")
    options = parser.parse_args()
    if options.count:
        print(json.dumps(count(*options.paths)))
    else:
        convert(*options.paths, stock=options.stock)


if __name__ == "__main__":
    main()
