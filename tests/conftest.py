"""What the cross-package tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsvp_builder.build import build
from rsvp_builder.demo.dota import write_release

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built data set whose raw release is gone."""
    folder = tmp_path_factory.mktemp("dataset")
    release = write_release(folder / "raw")
    build("DOTA", release.root, folder / "out")
    (folder / "raw").rename(folder / "gone")
    return folder / "out"
