"""An open store, and the folder's helpers on the path."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rsvp_builder.captioning.store import Store

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "captions.sqlite"


@pytest.fixture
def store(path):
    with Store(path) as opened:
        yield opened
