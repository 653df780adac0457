"""How far the builds in a folder are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rsvp_builder.dataset.captions import captioned_rows, read_captions
from rsvp_builder.dataset.layout import Folder, read_json
from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import Counts


def build_status(out: Path) -> list[dict[str, Any]]:
    """State of every source begun in the folder, sorted by name.

    Raises:
        RsvpError: nothing was begun there.
    """
    folder = Folder(out)
    begun = folder.planned()
    if not begun:
        raise RsvpError(f"{out}: no build was begun here")
    complete = folder.finished()
    entries = []
    for source in begun:
        plan = read_json(folder.plan(source))
        counts = Counts()
        done = 0
        for unit in range(plan["units"]):
            marker = folder.marker(source, unit)
            if marker.exists():
                counts.add(Counts.from_json(read_json(marker)["counts"]))
                done += 1
        entries.append(
            {
                "source": source,
                "state": "complete" if source in complete and done == plan["units"] else "unfinished",
                "root": plan["root"],
                "units": plan["units"],
                "units_done": done,
                "images_seen": counts.images_seen,
                "images_written": counts.images_written,
                "rows": counts.rows,
                "planned": counts.planned,
                "captioned": captioned_rows(read_captions(folder, source)),
                "quarantined": counts.quarantined,
            }
        )
    return entries
