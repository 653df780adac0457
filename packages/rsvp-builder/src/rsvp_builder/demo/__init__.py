"""Writers of miniature raw releases with drawn objects, for a first look and for tests.

They are written from the specification of each release, never from the reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from rsvp_builder.errors import UnknownNameError


class WrittenRelease(Protocol):
    """What every writer tells about the release it wrote."""

    @property
    def images(self) -> Mapping[str, Any]:
        """Annotated images by id."""
        ...

    @property
    def defects(self) -> list[Any]:
        """Defects that were put in."""
        ...


class Writer(Protocol):
    """Writes a release into a folder; the same seed gives the same bytes."""

    def __call__(self, root: Path, *, seed: int, with_defects: bool) -> WrittenRelease:
        """Write the release."""
        ...


def writer(source: str) -> Writer:
    """The writer that imitates a source.

    Raises:
        UnknownNameError: no writer imitates it.
    """
    from rsvp_builder.demo.dota import write_release

    writers: dict[str, Writer] = {
        "DOTA-v1.0": partial(write_release, version="1.0"),
        "DOTA-v1.5": partial(write_release, version="1.5"),
        "DOTA-v2.0": partial(write_release, version="2.0"),
    }
    if source not in writers:
        raise UnknownNameError("source with a demo", source, writers)
    return writers[source]
