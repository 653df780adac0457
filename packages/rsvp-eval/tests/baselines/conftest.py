"""A small data set of several sources to answer; do not write into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsvp_builder.build import build
from rsvp_builder.demo import write
from rsvp_builder.settings import Settings


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("baselines")
    for source in ("NWPU-Captions", "DIOR-RSVG", "UCAS-AOD"):
        raw = folder / "raw" / source
        raw.mkdir(parents=True)
        build(source, Path(write(source, raw, seed=0).root), folder / "out", Settings(tile=0), workers=1)
    return folder / "out"
