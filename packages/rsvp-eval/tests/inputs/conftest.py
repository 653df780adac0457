"""What the tests of inputs share: a small data set of several sources, and writers of lines."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from rsvp_builder.build import build
from rsvp_builder.demo import write
from rsvp_builder.settings import Settings


@pytest.fixture(scope="session")
def dataset(tmp_path_factory):
    """A data set of four sources, with planned rows; do not write into it."""
    folder = tmp_path_factory.mktemp("inputs")
    for source in ("UCMerced", "NWPU-Captions", "DIOR-RSVG", "GeoChat"):
        raw = folder / "raw" / source
        raw.mkdir(parents=True)
        release = write(source, raw, seed=0)
        settings = Settings(tile=0, captions="all")
        build(source, Path(release.root), folder / "out", settings, workers=1)
    return folder / "out"


@pytest.fixture
def lines(tmp_path):
    """Writes objects, strings or bytes as lines of a file and gives its path."""

    def write_lines(*given, name="given.jsonl", end=b"\n"):
        def line(value):
            if isinstance(value, bytes):
                return value
            return (value if isinstance(value, str) else json.dumps(value)).encode()

        content = b"".join(line(value) + end for value in given)
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
        return path

    return write_lines
