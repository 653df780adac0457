"""The miniature FAIR1M and HRSC2016: their traps are there, and their truth is what their files say."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from rsvp_builder.demo import write
from rsvp_builder.demo.hrsc import _corners
from rsvp_builder.demo.truth import Release


@pytest.fixture(scope="module", params=["FAIR1M", "HRSC2016"])
def release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A sound release of each; do not write into it."""
    return write(request.param, tmp_path_factory.mktemp("release"), seed=0)


def picture_of(release: Release, image_id: str) -> Path:
    split, _, name = image_id.partition("/")
    path = release.root / f"HRSC2016/FullDataSet/AllImages/{name}.bmp"
    if path.exists():
        return path
    folder = f"{split}/{name.rpartition('/')[0]}".rstrip("/")
    return release.root / f"FAIR1M/{folder}/images/{name.rpartition('/')[2]}.tif"


def test_every_quad_lies_on_what_is_drawn(release) -> None:
    """The inside of each quad differs more from the ground around it than the ground does from itself."""
    for image_id, things in release.images.items():
        with Image.open(picture_of(release, image_id)) as image:
            pixels = np.asarray(image.convert("RGB"), float)
        height, width = pixels.shape[:2]
        covered = Image.new("1", (width, height))
        for thing in things:
            ImageDraw.Draw(covered).polygon(thing.quad, fill=1)
        ground = np.median(pixels[~np.asarray(covered)], axis=0)
        for thing in things:
            mask = Image.new("1", (width, height))
            ImageDraw.Draw(mask).polygon(thing.quad, fill=1)
            away = np.abs(pixels - ground).sum(axis=2)
            assert away[np.asarray(mask)].mean() > 1.5 * away[~np.asarray(covered)].mean(), image_id


def test_boxes_lie_in_the_picture(release) -> None:
    for image_id, things in release.images.items():
        with Image.open(picture_of(release, image_id)) as image:
            width, height = image.size
        for x1, y1, x2, y2 in (thing.box for thing in things):
            assert 0 <= x1 < x2 <= width
            assert 0 <= y1 < y2 <= height


def test_the_same_seed_gives_the_same_bytes(release, tmp_path) -> None:
    source = "FAIR1M" if (release.root / "FAIR1M").is_dir() else "HRSC2016"
    again = write(source, tmp_path / "again", seed=0)
    other = write(source, tmp_path / "other", seed=1)
    files = {str(p.relative_to(release.root)): p for p in release.root.rglob("*") if p.is_file()}
    assert files
    assert all((again.root / name).read_bytes() == path.read_bytes() for name, path in files.items())
    assert any((other.root / name).read_bytes() != path.read_bytes() for name, path in files.items())
    assert sum(path.stat().st_size for path in files.values()) < 1e6


def test_the_corners_of_a_turned_box_are_those_that_the_specification_works_out() -> None:
    # A real box of 100000006.xml; the corners to a tenth of a pixel.
    corners = _corners(341.2143, 443.3325, 778.4297, 178.2595, -1.122944)
    told = (92.3, 755.6, 429.4, 53.9, 590.1, 131.1, 253.0, 832.8)
    assert corners == pytest.approx(told, abs=0.06)


@pytest.fixture
def fair1m(tmp_path: Path) -> Path:
    return write("FAIR1M", tmp_path, seed=0).root / "FAIR1M"


@pytest.fixture
def hrsc(tmp_path: Path) -> Release:
    return write("HRSC2016", tmp_path, seed=0)


class TestFair1m:
    def test_stems_start_again_in_every_folder_and_label_folders_differ(self, fair1m) -> None:
        assert len(list(fair1m.rglob("images/0.tif"))) == 4
        assert {path.parent.name for path in fair1m.rglob("0.xml")} == {"labelXml", "labelXmls"}
        assert not list((fair1m / "test").rglob("*.xml"))

    def test_shapes_are_closed_and_go_both_ways_round(self, fair1m) -> None:
        ways = set()
        for path in fair1m.rglob("*.xml"):
            for shape in re.findall("<points>(.*?)</points>", path.read_text(), re.DOTALL):
                points = re.findall(r"<point>([-\d.]+), ?([-\d.]+)</point>", shape)
                assert len(points) == 5
                assert points[0] == points[4]
                x, y = np.array(points[:4], float).T
                ways.add(bool(np.dot(x, np.roll(y, -1)) > np.dot(y, np.roll(x, -1))))
        assert ways == {True, False}

    def test_an_object_may_have_a_second_result(self, fair1m) -> None:
        [path] = (fair1m / "train/part2").rglob("0.xml")
        assert re.findall("<name>(.*?)</name>", path.read_text())[1:3] == ["Dump Truck", "Cargo Truck"]


class TestHrsc:
    def test_classes_of_every_layer_occur(self, hrsc) -> None:
        sysdata = (hrsc.root / "HRSC2016/FullDataSet/sysdata.xml").read_text()
        layer = dict(
            re.findall(r"<Class_ID>(\d+)</Class_ID>.*?<Class_Layer>(\d)</Class_Layer>", sysdata, re.DOTALL)
        )
        tokens = {thing.token for things in hrsc.images.values() for thing in things}
        assert {layer[token] for token in tokens} == {"0", "1", "2"}

    def test_a_turned_box_leaves_its_picture_while_the_upright_one_does_not(self, hrsc) -> None:
        assert any(min(t.quad) < 0 <= min(t.box) for things in hrsc.images.values() for t in things)

    def test_a_listed_label_file_has_no_objects_and_the_training_pictures_are_there_twice(self, hrsc) -> None:
        top = hrsc.root / "HRSC2016"
        assert "<HRSC_Objects />" in (top / "FullDataSet/Annotations/100000752.xml").read_text()
        listed = (top / "ImageSets/trainval.txt").read_text().split()
        assert sorted(path.stem for path in (top / "Train/AllImages").iterdir()) == listed
        for path in (top / "Train").rglob("*.*"):
            assert path.read_bytes() == (top / "FullDataSet" / path.relative_to(top / "Train")).read_bytes()

    def test_angles_are_radians_within_half_a_turn(self, hrsc) -> None:
        text = "".join(p.read_text() for p in (hrsc.root / "HRSC2016/FullDataSet/Annotations").iterdir())
        angles = [float(a) for a in re.findall("<mbox_ang>(.*?)</mbox_ang>", text)]
        assert angles
        assert all(-math.pi / 2 <= a < math.pi / 2 for a in angles)
