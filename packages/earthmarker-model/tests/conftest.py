"""What several areas need: a small data set of two sources, and the smallest model on disk."""

from __future__ import annotations

import os
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch
from hypothesis import settings

torch.set_num_threads(1)

# Machines differ in speed; a slow example is no failure, and every run tries the same examples.
settings.register_profile("tests", deadline=None, derandomize=True)
settings.load_profile("tests")


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of DIOR-RSVG (boxes and points) and UCM-Captions (whole images); do not write into it."""
    from rsvp_builder.build import build
    from rsvp_builder.demo import write
    from rsvp_builder.settings import Settings

    folder = tmp_path_factory.mktemp("data")
    for source in ("DIOR-RSVG", "UCM-Captions"):
        write(source, folder / "raw" / source)
        build(source, folder / "raw" / source, folder / "built", Settings(tile=0), workers=1)
    return folder / "built"


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Preset tiny, saved; do not write into it."""
    from earthmarker.presets import build

    folder = tmp_path_factory.mktemp("tiny")
    model, processor = build("tiny")
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
