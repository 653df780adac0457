"""Reads back what our build wrote: boxes by its ledger and by its shards, and the bytes of images.

count_ours.py OUT
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

SOURCE = "DOTA-v1.0"


def count(out: Path) -> dict[str, int]:
    """The fewest boxes that the ledger or any task's rows show; a build is worth its weakest count."""
    ledger = json.loads((out / "ledger" / SOURCE / "summary.json").read_text())
    marks: Counter[str] = Counter()
    oriented: Counter[str] = Counter()
    rows = image_bytes = 0
    for path in sorted((out / "data" / SOURCE).glob("*.parquet")):
        file = pq.ParquetFile(path, read_dictionary=["image.bytes"])
        for group in range(file.num_row_groups):
            table = file.read_row_group(group, columns=["image.bytes", "task", "marks.list.element.quad"])
            rows += len(table)
            for task in pc.unique(table["task"]).to_pylist():
                own = table.filter(pc.equal(table["task"], task))["marks"]
                quads = pc.struct_field(pc.list_flatten(own), "quad")
                marks[task] += len(quads)
                oriented[task] += pc.sum(pc.equal(pc.list_value_length(quads), 8)).as_py() or 0
            # The rows of an image share its bytes through the dictionary of their row group.
            pictures = pc.struct_field(table["image"], "bytes").combine_chunks()
            for chunk in pictures.chunks if isinstance(pictures, pa.ChunkedArray) else [pictures]:
                image_bytes += pc.sum(pc.binary_length(chunk.dictionary)).as_py() or 0
    return {
        "boxes": min([ledger["objects"]["written"], *marks.values()]),
        "oriented": min(oriented.values(), default=0),
        "rows": rows,
        "image_bytes": image_bytes,
    }


if __name__ == "__main__":
    print(json.dumps(count(Path(sys.argv[1]))))
