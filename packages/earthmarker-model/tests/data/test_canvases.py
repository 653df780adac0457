"""Pictures and prompts as canvases."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from earthmarker.data import RowDataset, RowIndex
from earthmarker.data.canvases import Canvases
from earthmarker.errors import EarthMarkerError
from earthmarker.prompts import Box


@pytest.fixture(scope="module")
def row(dataset):
    return RowDataset(RowIndex.read(dataset))[0]


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_canvases_are_those_of_the_processor(row, processor):
    picture = Image.open(io.BytesIO(row.picture)).convert("RGB")
    side = processor.canvas
    expected = processor.image_processor([picture, processor.draw(row.marks, picture)], return_tensors="pt")
    made = Canvases(processor).of(row)
    assert made.shape == (2, 3, side, side)
    assert torch.equal(made, expected["pixel_values"])
    assert not torch.equal(made[0], made[1])


def test_grey_pictures_become_rgb(row, processor):
    grey = replace(row, picture=png(np.full((20, 30), 90, np.uint8)), width=30, height=20, picture_sha256="g")
    assert Canvases(processor).picture(grey).shape[0] == 3


def test_a_held_picture_is_not_decoded_again(row, processor):
    canvases = Canvases(processor, held=2)
    rows = [replace(row, picture_sha256=name) for name in "abc"]
    for name in (0, 0, 1, 0, 2, 0, 1):  # 1 was used longest ago when 2 came
        canvases.picture(rows[name])
    assert canvases.decoded == 4
    assert len(canvases._pictures) == 2


def test_a_damaged_picture_is_named(row, processor):
    with pytest.raises(EarthMarkerError, match=f"row {row.id}: its picture cannot be decoded"):
        Canvases(processor).picture(replace(row, picture=row.picture[:100], picture_sha256="x"))


def test_marks_that_cannot_be_drawn_are_named(row, processor):
    for marks, message in (
        ((Box(9, 9, 9, 20),), "has no area"),
        ((Box(0, 0, float("nan"), 5),), "not finite"),
        ((Box(0, 0, 9, 9),) * (processor.max_marks + 1), "the model tells 20 apart"),
    ):
        with pytest.raises(EarthMarkerError, match=f"row {row.id}: .*{message}"):
            Canvases(processor).prompt(replace(row, marks=marks))
