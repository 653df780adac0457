"""What the tests of tasks share: a small data set of several sources and splits."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsvp_builder.build import build
from rsvp_builder.demo import write
from rsvp_builder.settings import Settings


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """A data set whose sources have different splits; do not write into it."""
    folder = tmp_path_factory.mktemp("tasks")
    for source in ("UCMerced", "AID", "NWPU-Captions", "DIOR-RSVG", "GeoChat", "RSOD"):
        raw = folder / "raw" / source
        raw.mkdir(parents=True)
        release = write(source, raw, seed=0)
        settings = Settings(tile=0, captions="all")
        build(source, Path(release.root), folder / "out", settings, workers=1)
    return folder / "out"
