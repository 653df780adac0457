"""The plots and the card of a data set, wherever it lies; from a URL only the light columns are read."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq

from rsvp_builder.dataset.card import shows_plots, write_card
from rsvp_builder.dataset.illustrate import bring_up_to_date as bring_folder_up_to_date
from rsvp_builder.dataset.layout import Folder, is_captions
from rsvp_builder.dataset.plots import draw_plots
from rsvp_builder.record import ROW_SCHEMA
from rsvp_builder.remote.place import opened, parse_out
from rsvp_builder.remote.store import Store

_LIGHT = [name for name in ROW_SCHEMA.names if name != "image"]


def bring_up_to_date(out: Path | str) -> None:
    """Draw the plots unless the card shows them already; nothing where no source is complete.

    Args:
        out: folder or URL of the data set.

    Raises:
        RsvpError: another process writes there, or a shard cannot be read.
    """
    out = parse_out(out)
    if isinstance(out, Path):
        bring_folder_up_to_date(Folder(out))
        return
    from rsvp_builder.dataset.stats import tabulate

    with opened(out) as place:
        sources = place.folder.finished()
        if not sources or shows_plots(place.folder):
            return
        found = tabulate(_without_pictures(Store(out), sources))
        write_card(place.folder, sources, draw_plots(found))
        place.push()


def _without_pictures(store: Store, sources: list[str]) -> Iterator[Path]:
    """The shards without their pictures, each in a file that is there until the next is asked for."""
    for source in sources:
        for name in store.names(f"data/{source}"):
            if not name.endswith(".parquet"):
                continue
            with tempfile.TemporaryDirectory(prefix="rsvp-light-") as folder:
                path = Path(folder) / Path(name).name
                _fetch_light(store, name, path)
                if is_captions(path):  # counting it looks at the shard beside it
                    beside = name.replace("-captions-", "-", 1)
                    _fetch_light(store, beside, path.with_name(Path(beside).name))
                yield path


def _fetch_light(store: Store, name: str, path: Path) -> None:
    pq.write_table(store.columns(name, _LIGHT), path)
