"""Looking into the ledger of a finished source."""

from __future__ import annotations

from collections import Counter

import pyarrow.parquet as pq

from rsvp_builder.dataset.layout import Folder
from rsvp_builder.ledger import BY_DESIGN, Drop, Reason

_PER_REASON = 4


def examples(folder: Folder, source: str, limit: int) -> list[str]:
    """A few drops of each kind and reason, worded for a person; those by design are left out.

    Objects that went with their image are told by the image's own entry.
    """
    shown: Counter[tuple[str, str]] = Counter()
    texts: list[str] = []
    with pq.ParquetFile(folder.ledger(source) / "drops.parquet") as file:
        for batch in file.iter_batches():
            for entry in batch.to_pylist():
                drop = Drop(**{**entry, "reason": Reason(entry["reason"])})
                key = (drop.kind, drop.reason)
                if drop.reason in BY_DESIGN or drop.expected == "its image" or shown[key] >= _PER_REASON:
                    continue
                shown[key] += 1
                texts.append(str(drop))
                if len(texts) >= limit:
                    return texts
    return texts
