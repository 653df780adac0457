"""Miniature releases of every source, written once a worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsvp_builder.catalog import shipped
from rsvp_builder.demo import WRITERS, write

SOURCES = sorted(WRITERS)
MANIFESTS = shipped()
GENERAL = [source for source in SOURCES if not source.startswith("DOTA")]
"""Sources whose writers tell :class:`rsvp_builder.demo.truth.Release`; DOTA has tests of its own."""


@pytest.fixture(scope="session")
def releases(tmp_path_factory):
    """Writes a release the first time it is asked for; do not write into it."""
    written = {}

    def of(source, *, with_defects=False):
        key = source, with_defects
        if key not in written:
            root = tmp_path_factory.mktemp("release") / "raw"
            root.mkdir()
            written[key] = write(source, root, seed=0, with_defects=with_defects)
        return written[key]

    return of


@pytest.fixture
def root_of():
    """The folder of a written release."""
    return lambda release: Path(release.root)


@pytest.fixture(scope="session")
def manifests():
    """Every shipped manifest."""
    return MANIFESTS


def asking(*tasks):
    """Sources that are built into one of some tasks by default."""
    return [source for source in GENERAL if set(tasks) & set(MANIFESTS[source].tasks)]


def read_by(*readers):
    """Sources of some reader kinds."""
    return [source for source in GENERAL if MANIFESTS[source].reader in readers]
