"""Quads from a second file, as MAR20 and DIOR-R have them: taken where they can be told, else said so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from rsvp_builder.ledger import Reason
from rsvp_builder.readers import reader_for

from .folder import Folder, Read, label, thing

BOXES = "Annotations/Horizontal Bounding Boxes/1.xml"
CORNERS = "Annotations/Oriented Bounding Boxes/1.xml"
TAGS = [f"{a}_{c}" for c in ("left_top", "right_top", "right_bottom", "left_bottom") for a in "xy"]
FIRST = (485, 427, 554, 500)
SECOND = (58, 205, 134, 285)
QUAD = (516.28, 414.79, 570.667, 445.49, 524.175, 517.42, 469.79, 484.09)
OTHER = (90.5, 184.0, 155.75, 217.5, 114.5, 293.5, 48.5, 258.5)


def turned(name: str, quad: tuple[object, ...]) -> str:
    """An object of the second file, on one line as the real ones are."""
    corners = "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(TAGS, quad, strict=True))
    return (
        f"<object><type>robndbox</type><name>{name}</name><pose>Unspecified</pose><truncated>0</truncated>"
        f"<difficult>0</difficult><robndbox>{corners}</robndbox><angle>0</angle></object>"
    )


def second(*objects: str) -> str:
    return f"<annotation><filename>1.jpg</filename>{''.join(objects)}</annotation>"


@pytest.fixture
def mar20(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "MAR20", "MAR20")
    folder.put("ImageSets/Main/train.txt", "1\n")
    folder.put("ImageSets/Main/test.txt", "")
    folder.put("JPEGImages/1.jpg")
    boxes = (thing("A2", FIRST), thing("A10", SECOND))
    folder.put(BOXES, label(*boxes, size=(859, 831), filename="1.xml"))
    folder.put(CORNERS, second(turned("A2", QUAD), turned("A10", OTHER)))
    return folder


def quads(read: Read) -> list[list[float] | None]:
    return [None if np.isnan(quad[0]) else quad.tolist() for quad in read.annotations.objects.quad]


def test_box_and_quad_are_what_each_file_says_although_they_differ(mar20) -> None:
    read = mar20.read()
    assert read.ids == ["train/1"]
    assert read.items[0].image == "JPEGImages/1.jpg", "filename says 1.xml, and is not asked"
    assert read.boxes("train/1") == [list(FIRST), list(SECOND)]
    assert quads(read) == [list(QUAD), list(OTHER)]
    assert [list(mar20.manifest.classes.values())[n] for n in read.annotations.objects.class_id] == [
        "C-130 military aircraft",
        "B-1B military aircraft",
    ]
    assert read.annotations.objects.line.tolist() == [5, 14]
    assert read.drops == []


def test_the_angle_and_the_sides_of_the_picture_mean_nothing(mar20) -> None:
    # Corners that start at the bottom of the picture, and an angle that is not 0.
    quad = QUAD[4:] + QUAD[:4]
    mar20.put(CORNERS, second(turned("A2", quad).replace("<angle>0", "<angle>1.57"), turned("A10", OTHER)))
    assert quads(mar20.read()) == [list(quad), list(OTHER)]


@pytest.mark.parametrize(
    ("corners", "reason", "value"),
    [
        (turned("A3", QUAD), Reason.MALFORMED_LINE, "A3"),
        (turned("A2", OTHER), Reason.MALFORMED_LINE, "90.5 184 155.75"),
        (turned("A2", (*QUAD[:7], "inf")), Reason.NOT_FINITE, "inf"),
        (turned("A2", (*QUAD[:7], "x")), Reason.MALFORMED_LINE, "469.79 x"),
        (turned("A2", (*QUAD[:7], "")), Reason.MALFORMED_LINE, "469.79 -"),
        (turned("A2", (500, 450) * 4), Reason.DEGENERATE, "500 450 500 450"),
        ("<object><name>A2</name></object>", Reason.MALFORMED_LINE, ""),
    ],
)
def test_a_quad_that_cannot_be_told_leaves_its_box_alone_and_costs_nothing_else(
    mar20, corners, reason, value
) -> None:
    mar20.put(CORNERS, second(corners + "\n", turned("A10", OTHER)))
    read = mar20.read()
    assert read.boxes("train/1") == [list(FIRST), list(SECOND)]
    assert quads(read) == [None, list(OTHER)]
    [drop] = read.drops
    assert (drop.kind, drop.reason, drop.file, drop.line) == ("metadata", reason, CORNERS, 1)
    assert value in drop.value


@pytest.mark.parametrize("count", [0, 1, 3])
def test_another_number_of_objects_leaves_all_boxes_alone(mar20, count) -> None:
    mar20.put(CORNERS, second(*[turned("A2", QUAD)] * count))
    read = mar20.read()
    assert quads(read) == [None, None]
    [drop] = read.drops
    assert (drop.kind, drop.reason, drop.value) == ("metadata", Reason.MALFORMED_LINE, f"{count} objects")
    assert "2 objects" in drop.expected


@pytest.mark.parametrize("data", ["", "<annotation>\n<object>", b"\xff\xfe<\x00", "<html/>"])
def test_a_second_file_that_cannot_be_read_leaves_all_boxes_alone(mar20, data) -> None:
    mar20.put(CORNERS, data)
    read = mar20.read()
    assert read.annotations.readable == [True]
    assert quads(read) == [None, None]
    [drop] = read.drops
    assert (drop.kind, drop.reason, drop.file) == ("metadata", Reason.LABEL_UNREADABLE, CORNERS)


def test_a_second_file_that_is_missing_is_told_once_an_image(mar20) -> None:
    (mar20.root / CORNERS).rename((mar20.root / CORNERS).with_name("2.xml"))
    read = mar20.read()
    assert quads(read) == [None, None]
    assert read.told == [("metadata", BOXES, None, Reason.LABEL_MISSING)]


def test_without_the_second_folder_there_is_a_notice(mar20) -> None:
    (mar20.root / CORNERS).unlink()
    read = mar20.read()
    assert quads(read) == [None, None]
    assert read.drops == []
    [notice] = reader_for(mar20.manifest).index(mar20.root, mar20.manifest).notices
    assert "boxes alone" in notice


def test_an_unusable_object_keeps_the_others_with_their_own_quads(mar20) -> None:
    mar20.put(BOXES, label(thing("A2", (554, 427, 485, 500)), thing("A10", SECOND)))
    read = mar20.read()
    assert read.boxes("train/1") == [list(SECOND)]
    assert quads(read) == [list(OTHER)]
    assert read.told == [("object", BOXES, 5, Reason.DEGENERATE)]
