"""datumaro's VOC importer: label files in, its own objects in memory.

``voc`` is its usual format, which also looks for masks and labels of whole images; ``voc_detection`` reads
boxes alone. Both read them as VOC means them, from 1 and including the last pixel.

    datumaro_voc.py ROOT FORMAT      reads everything, and is timed; prints what it got as a JSON line
"""

from __future__ import annotations

import json
import sys


def main() -> None:
    """Reads the release."""
    from datumaro import Dataset
    from datumaro.components.annotation import Bbox

    dataset = Dataset.import_from(sys.argv[1], sys.argv[2], coordinate_mode="voc-one-based")
    dataset.init_cache()
    images = boxes = 0
    total = 0.0
    for item in dataset:
        images += 1
        for box in item.annotations:
            if isinstance(box, Bbox):
                boxes += 1
                total += box.x + box.y + (box.x + box.w) + (box.y + box.h)
    print(json.dumps({"images": images, "boxes": boxes, "sum": total}))


if __name__ == "__main__":
    main()
