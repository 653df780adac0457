"""The miniature releases of VOC-like sources show the traps of the real ones and tell the truth."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rsvp_builder.demo import write
from rsvp_builder.demo.snapshots import Sight, draw
from rsvp_builder.demo.truth import Release
from rsvp_builder.demo.voc_parts import object_lines, xml

SOURCES = ("RSOD", "HRRSD", "MAR20", "DOSR", "DIOR-RSVG")
BAD_OBJECTS = 7
each = pytest.mark.parametrize("source", SOURCES)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    kept: dict[tuple[str, bool], Release] = {}

    def of(source: str, *, with_defects: bool = False) -> Release:
        key = source, with_defects
        if key not in kept:
            kept[key] = write(source, tmp_path_factory.mktemp(source), with_defects=with_defects)
        return kept[key]

    return of


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def numbers(text: str, tag: str) -> list[float]:
    return [float(value) for value in re.findall(rf"<{tag}>([^<]*)</{tag}>", text)]


def boxes(text: str) -> list[tuple[float, ...]]:
    sides = (numbers(text, tag) for tag in ("xmin", "ymin", "xmax", "ymax"))
    return list(zip(*sides, strict=True))


class TestEveryWriter:
    @each
    def test_one_seed_gives_one_release_and_another_seed_another(self, source, written, tmp_path) -> None:
        first = files(written(source).root)
        again = files(write(source, tmp_path / "again").root)
        other = files(write(source, tmp_path / "other", seed=1).root)
        assert {n: hashlib.sha256(c).digest() for n, c in first.items()} == {
            n: hashlib.sha256(c).digest() for n, c in again.items()
        }
        assert first.keys() == other.keys()
        assert any(first[name] != other[name] for name in first)

    @each
    def test_it_is_small_and_a_sound_one_has_nothing_planted(self, source, written) -> None:
        for with_defects in (False, True):
            release = written(source, with_defects=with_defects)
            assert sum(map(len, files(release.root).values())) < 1_000_000
            assert bool(release.defects) == with_defects
        assert written(source).images.keys() <= written(source, with_defects=True).images.keys()

    @each
    def test_every_box_lies_on_the_picture_or_begins_a_pixel_before_it(self, source, written) -> None:
        release = written(source)
        pictures = {}
        for path in [p for p in release.root.rglob("*") if p.suffix in (".jpg", ".png")]:
            with Image.open(path) as picture:
                pictures[path.stem] = picture.size
        assert release.images
        for image_id, things in release.images.items():
            width, height = pictures[image_id.rpartition("/")[2]]
            assert things
            for thing in things:
                x1, y1, x2, y2 = thing.box
                assert -1 <= x1 < x2 <= width
                assert -1 <= y1 < y2 <= height

    @each
    def test_planted_lines_are_those_of_objects_and_planted_files_are_there(self, source, written) -> None:
        release = written(source, with_defects=True)
        with_line = [d for d in release.defects if d.line is not None and d.file.endswith(".xml")]
        assert len(with_line) >= BAD_OBJECTS
        for defect in with_line:
            line = (release.root / defect.file).read_text().splitlines()[defect.line - 1]
            assert line.strip() == "<object>"
        for defect in release.defects:
            assert (release.root / defect.file).is_file()
            if defect.file.endswith(".txt"):
                told = (release.root / defect.file).read_text().splitlines()[defect.line - 1]
                assert defect.value in told


def test_rsod_has_its_order_of_tags_and_boxes_counted_from_one(written) -> None:
    release = written("RSOD")
    for image_id, things in release.images.items():
        _, folder, stem = image_id.split("/")
        text = (release.root / folder / "Annotation/xml" / f"{stem}.xml").read_text()
        assert (release.root / folder / "JPEGImages" / f"{stem}.jpg").is_file()
        order = re.findall(r"<bndbox>\s*<(\w+)>.*\s*<(\w+)>.*\s*<(\w+)>.*\s*<(\w+)>", text)
        assert set(order) == {("xmin", "ymin", "ymax", "xmax")}
        assert re.findall(r"<size>\s*<(\w+)>.*\s*<(\w+)>.*\s*<(\w+)>", text) == [("width", "depth", "height")]
        assert text.index("<filename>") > text.index("</object>")
        assert text.count("<truncated>1<") == len(things)
        assert [thing.token for thing in things] == [folder] * len(things)
        assert all(thing.flags == () for thing in things)
        assert [(x1 + 1, y1 + 1, x2, y2) for x1, y1, x2, y2 in (t.box for t in things)] == boxes(text)


def test_hrrsd_has_junk_lists_of_every_class_and_a_turned_copy_across_splits(written) -> None:
    release = written("HRRSD")
    top = release.root / "OPT2017"
    assert (top / "Annotations/~00001.xml").is_file()
    lists = {p.stem: p.read_text().splitlines() for p in (top / "ImageSets/Main").iterdir()}
    assert len(lists) == 4 * 14
    assert lists["trainval"] == sorted(lists["train"] + lists["val"])
    assert "00003  1" in lists["T junction_val"]
    assert set(release.images) == {f"{s}/{n}" for s in ("train", "val", "test") for n in lists[s]}
    for image_id, things in release.images.items():
        text = (top / f"Annotations/{image_id.rpartition('/')[2]}.xml").read_text()
        assert text.startswith("<annotation>\n\t<folder>OPTIMAL_Z</folder>")
        assert [(x1 + 1, y1 + 1, x2, y2) for x1, y1, x2, y2 in (t.box for t in things)] == boxes(text)
    assert 0 in {v for p in top.glob("Annotations/0*.xml") for v in numbers(p.read_text(), "xmin")}
    pixels = []
    for stem in ("00001", "00020"):
        with Image.open(top / f"JPEGImages/{stem}.jpg") as picture:
            pixels.append(np.asarray(picture, np.int64))
    one, copy = pixels
    assert np.abs(one[::-1, ::-1] - copy).mean() < 4
    (box,), (turned,) = ([t.box for t in release.images[i]] for i in ("train/00001", "test/00020"))
    height, width = one.shape[:2]
    assert turned == (width - box[2], height - box[3], width - box[0], height - box[1])


def test_mar20_has_two_files_an_image_that_do_not_agree(written) -> None:
    release = written("MAR20")
    smaller = copies = 0
    for image_id, things in release.images.items():
        stem = image_id.rpartition("/")[2]
        hbb = (release.root / f"Annotations/Horizontal Bounding Boxes/{stem}.xml").read_text()
        obb = (release.root / f"Annotations/Oriented Bounding Boxes/{stem}.xml").read_text()
        assert f"<filename>{stem}.xml</filename>" in hbb
        assert f"<filename>{stem}.jpg</filename>" in obb
        assert "\n" not in obb
        assert [thing.box for thing in things] == boxes(hbb)
        tags = [f"{a}_{c}" for c in ("left_top", "right_top", "right_bottom", "left_bottom") for a in "xy"]
        quads = list(zip(*(numbers(obb, tag) for tag in tags), strict=True))
        assert [thing.quad for thing in things] == quads
        assert re.findall(r"<name>(\w+)<", obb) == re.findall(r"<name>(\w+)<", hbb)
        assert set(numbers(obb, "angle")) == {0}
        for (x1, y1, x2, y2), quad in zip(boxes(hbb), quads, strict=True):
            bounds = min(quad[0::2]), min(quad[1::2]), max(quad[0::2]), max(quad[1::2])
            copies += bounds == (x1, y1, x2, y2)
            smaller += bounds[0] < x1 and bounds[1] < y1 and bounds[2] > x2 and bounds[3] > y2
    assert copies and smaller


def test_dosr_has_boxes_that_are_the_bounds_of_their_quads(written) -> None:
    release = written("DOSR")
    things = [thing for of_image in release.images.values() for thing in of_image]
    for thing in things:
        xs, ys = thing.quad[0::2], thing.quad[1::2]
        assert thing.box == (min(xs), min(ys), max(xs), max(ys))
    assert {"transpot", "military_ship", "deckbarge"} <= {thing.token for thing in things}
    assert {thing.flags for thing in things} == {(), ("difficult",)}
    texts = [p.read_text() for p in (release.root / "Annotations_8_parameters_version").iterdir()]
    assert any("<name>deckbarge </name>" in text for text in texts)
    assert 0 in {value for text in texts for value in numbers(text, "xmin")}
    assert sum(text.count("<object>") for text in texts) == len(things)
    assert (release.root / "Annotations_5_parameters_version/000001.xml").is_file()


def test_dior_rsvg_lists_numbers_of_objects_so_that_an_image_lies_in_several_splits(written) -> None:
    release = written("DIOR-RSVG")
    top = release.root / "DIOR_RSVG"
    objects = []
    for path in sorted((top / "Annotations").iterdir()):
        text = path.read_text()
        descriptions = re.findall(r"<description>(.*)</description>", text)
        names = re.findall(r"<name>(.*)</name>", text)
        of_file = zip(names, boxes(text), descriptions, strict=True)
        objects += [(path.stem, name, box, told.replace("&amp;", "&")) for name, box, told in of_file]
    listed = {s: list(map(int, (top / f"{s}.txt").read_text().split())) for s in ("train", "val", "test")}
    assert sorted(n for of_split in listed.values() for n in of_split) == list(range(len(objects)))
    expected: dict[str, list[tuple[object, ...]]] = {}
    for split, of_split in listed.items():
        assert of_split == sorted(of_split)
        for number in of_split:
            stem, name, box, told = objects[number]
            expected.setdefault(f"{split}/{stem}", []).append((name, box, " ".join(told.split())))
    assert {i: [(t.token, t.box, t.text) for t in ts] for i, ts in release.images.items()} == expected
    stems = [image_id.rpartition("/")[2] for image_id in expected]
    assert len(stems) > len(set(stems))
    assert any(told != told.strip() for *_, told in objects)


@pytest.mark.parametrize("heading", [0, 35, -80, 180])
def test_a_thing_is_drawn_where_its_box_says(heading) -> None:
    sight = Sight("x", "tennis-court", 120, 90, 40, 60, heading)
    bare = np.asarray(draw((240, 180), "water", [], (3,)), np.int64)
    drawn = np.asarray(draw((240, 180), "water", [sight], (3,)), np.int64)
    ys, xs = np.nonzero(np.abs(drawn - bare).max(axis=2) > 8)
    x1, y1, x2, y2 = sight.box
    assert len(xs) > 500
    # The edge is smoothed over a pixel on either side.
    assert x1 - 1 <= xs.min() < x1 + 3
    assert y1 - 1 <= ys.min() < y1 + 3
    assert x2 - 3 < xs.max() + 1 <= x2 + 1
    assert y2 - 3 < ys.max() + 1 <= y2 + 1


def test_xml_is_indented_or_in_one_line_and_escaped() -> None:
    node = ("a", [("b", "x < y & z"), ("c", [("d", "")])])
    assert xml(node) == "<a>\n\t<b>x &lt; y &amp; z</b>\n\t<c>\n\t\t<d></d>\n\t</c>\n</a>\n"
    assert xml(node, indent=None) == "<a><b>x &lt; y &amp; z</b><c><d></d></c></a>"
    assert object_lines("<a>\n<object>\n</object><object></object></a>") == [2, 3]
