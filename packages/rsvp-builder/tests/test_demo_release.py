"""The fixture writer itself: every reader test stands on the truth that it states."""

from __future__ import annotations

import hashlib
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError
from shapely import Polygon, contains_xy

from rsvp_builder.demo import dota
from rsvp_builder.demo.dota import (
    DrawnObject,
    first_version,
    label_folder,
    label_text,
    meta_text,
    write_release,
)
from rsvp_builder.demo.drawing import Scene
from rsvp_builder.demo.scenes import PLANS, compose
from rsvp_builder.demo.shapes import CLASSES

VERSIONS = ("1.0", "1.5", "2.0")
SHIP = DrawnObject((1054.0, 1028.0, 1063.4, 1011.0, 1111.0, 1040.0, 1112.0, 1062.0), "ship", 1)
# Truly inside one another: what stands on, or is part of, the other.
NESTED = {
    frozenset(pair)
    for pair in (
        ("ground-track-field", "soccer-ball-field"),
        ("helipad", "helicopter"),
        ("airport", "plane"),
        ("airport", "small-vehicle"),
        ("bridge", "small-vehicle"),
        ("bridge", "large-vehicle"),
    )
}


def checksums(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def polygon(item: DrawnObject) -> Polygon:
    return Polygon(list(zip(item.quad[::2], item.quad[1::2], strict=True)))


def parsed(text: bytes) -> list[DrawnObject]:
    """A second, naive opinion on the grammar, good only for files without defects."""
    lines = [line.split(" ") for line in text.decode().split("\r\n") if " " in line]
    return [DrawnObject(tuple(float(x) for x in f[:8]), f[8], int(f[9])) for f in lines]


def area_signed(quad: tuple[float, ...]) -> float:
    xs, ys = np.array(quad[::2]), np.array(quad[1::2])
    return float((xs * np.roll(ys, -1) - np.roll(xs, -1) * ys).sum() / 2)


# --- grammar


def test_label_text_is_the_line_of_a_real_file():
    text = label_text([SHIP], image_source="GoogleEarth", gsd=0.255589285596, header=True)
    assert text == (
        b"imagesource:GoogleEarth\r\ngsd:0.255589285596\r\n1054 1028 1063 1011 1111 1040 1112 1062 ship 1\r\n"
    )


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"header": False}, b"1054 1028 1063 1011 1111 1040 1112 1062 ship 1\r\n"),
        ({"header": False, "newline": "\n"}, b"1054 1028 1063 1011 1111 1040 1112 1062 ship 1\n"),
        ({"header": False, "difficult_field": False}, b"1054 1028 1063 1011 1111 1040 1112 1062 ship\r\n"),
        (
            {"header": False, "float_coordinates": True},
            b"1054.0 1028.0 1063.4 1011.0 1111.0 1040.0 1112.0 1062.0 ship 1\r\n",
        ),
        (
            {"header": True, "bom": True},
            b"\xef\xbb\xbfgsd:null\r\n1054 1028 1063 1011 1111 1040 1112 1062 ship 1\r\n",
        ),
    ],
)
def test_label_text_options(options, expected):
    assert label_text([SHIP], image_source=None, gsd=None, **options) == expected


def test_a_label_without_header_and_objects_has_no_bytes():
    assert label_text([], image_source="GF", gsd=1.0, header=False) == b""


def test_meta_text_writes_the_literal_none():
    assert meta_text(acquisition_dates=None, image_source="GF", gsd=None) == (
        b"acquisition dates:None\r\nimagesource:GF\r\ngsd:None\r\n"
    )


# --- drawing


@pytest.mark.parametrize("category", sorted(CLASSES))
@pytest.mark.parametrize("heading", [0.0, 33.0, 200.0])
def test_an_object_fills_its_quad_and_nothing_else(category, heading, monkeypatch):
    footprint = CLASSES[category]
    scene = Scene((260, 260), 1.0, np.random.default_rng(3), "sand")
    bare = np.asarray(scene.picture("L"), np.int16)
    monkeypatch.setattr("rsvp_builder.demo.drawing.SUN", (0.0, 0.0))  # shadows do lie outside
    scale = 150 / max(footprint.width, footprint.length)
    width, length = footprint.width * scale, footprint.length * scale
    assert scene.place(category, 130.4, 129.7, heading, width, length)
    changed = np.abs(np.asarray(scene.picture("L"), np.int16) - bare) > 6

    ys, xs = np.nonzero(changed)
    pixels = np.stack([xs + 0.5, ys + 0.5], axis=1)
    reach = polygon(scene.objects[0]).buffer(1.0, join_style="mitre")
    assert contains_xy(reach, pixels).all(), "paint outside the quad"
    # Along both axes of the quad the paint reaches from side to side.
    corners = np.array(scene.objects[0].quad).reshape(4, 2)
    for a, b in ((0, 1), (1, 2)):
        axis = (corners[b] - corners[a]) / np.linalg.norm(corners[b] - corners[a])
        along = pixels @ axis
        assert along.min() == pytest.approx(corners[a] @ axis, abs=2.5)
        assert along.max() == pytest.approx(corners[b] @ axis, abs=2.5)


def test_the_first_vertex_is_left_of_the_head():
    scene = Scene((100, 100), 1.0, np.random.default_rng(0), "water")
    scene.place("ship", 50, 50, 90, 10, 40)
    assert scene.objects[0].quad == pytest.approx((70, 45, 70, 55, 30, 55, 30, 45))


def test_an_object_without_a_head_starts_at_its_top_left():
    scene = Scene((100, 100), 1.0, np.random.default_rng(0), "grass")
    scene.place("tennis-court", 50, 50, 90, 20, 40)
    assert scene.objects[0].quad == pytest.approx((30, 40, 70, 40, 70, 60, 30, 60))


def test_what_the_border_would_cut_is_left_out():
    scene = Scene((100, 100), 1.0, np.random.default_rng(0), "water")
    before = scene.picture().tobytes()
    assert not scene.place("ship", 98, 50, 90, 10, 40)
    assert scene.objects == []
    assert scene.picture().tobytes() == before


@pytest.mark.parametrize("place", sorted(PLANS))
def test_every_object_of_a_scene_is_seen_and_none_hides_another(place, monkeypatch):
    size = (1440, 1180) if place == "sports-and-town" else (760, 680)
    scene = compose(place, size, np.random.default_rng(8))
    shown = np.asarray(scene.picture("L"), np.int16)
    # The same scene with the annotated objects left out: their randomness is still drawn.
    stamp = Scene.stamp

    def without_objects(self, name, *args):
        untouched = self._pixels.copy() if name in CLASSES else None
        stamp(self, name, *args)
        if untouched is not None:
            self._pixels = untouched

    monkeypatch.setattr(Scene, "stamp", without_objects)
    bare = np.asarray(compose(place, size, np.random.default_rng(8)).picture("L"), np.int16)
    changed = np.abs(shown - bare) > 3
    for item in scene.objects:
        xs, ys = item.quad[::2], item.quad[1::2]
        window = changed[max(0, round(min(ys))) : round(max(ys)), max(0, round(min(xs))) : round(max(xs))]
        assert window.mean() > 0.08, item

    for one, other in combinations(scene.objects, 2):
        if frozenset((one.category, other.category)) in NESTED:
            continue
        shared = polygon(one).intersection(polygon(other)).area
        assert shared <= 0.1 * min(polygon(one).area, polygon(other).area), (one, other)


# --- releases


@pytest.mark.parametrize("version", VERSIONS)
def test_the_same_seed_gives_the_same_bytes(tmp_path, version, monkeypatch):
    options = {"version": version, "train": 1, "val": 1, "test": 1, "with_defects": True}
    one = write_release(tmp_path / "one", **options)
    monkeypatch.setattr(dota, "_drawn", dota._drawn.__wrapped__)  # draw again
    two = write_release(tmp_path / "two", **options)
    assert checksums(tmp_path / "one") == checksums(tmp_path / "two")
    assert one.images == two.images
    assert one.defects == two.defects


def test_another_seed_gives_other_pictures(tmp_path):
    one = write_release(tmp_path / "one", train=1, val=0, test=0, seed=1)
    two = write_release(tmp_path / "two", train=1, val=0, test=0, seed=2)
    assert one.images != two.images


@pytest.mark.parametrize("version", VERSIONS)
def test_the_record_lists_what_is_on_disk(tmp_path, version):
    release = write_release(tmp_path, version=version)
    images = {f"{path.parent.parent.name}/{path.stem}" for path in tmp_path.glob("*/images/*.png")}
    assert images == {*release.images, *release.unlabelled}
    assert len(release.images) == 9
    assert {key.split("/")[0] for key in release.unlabelled} == {"test-dev" if version == "2.0" else "test"}
    for key, truth in release.images.items():
        split, stem = key.split("/")
        text = (tmp_path / label_folder(version, split) / f"{stem}.txt").read_bytes()
        assert parsed(text) == truth
        assert (b"imagesource:" in text and b"gsd:" in text) == (version != "2.0")
        assert b"\n" not in text.replace(b"\r\n", b"")
    assert release.defects == []


def test_the_layouts_differ_between_versions(tmp_path):
    for version in VERSIONS:
        write_release(tmp_path / version, version=version, train=3, val=0, test=1)
    folders = {
        version: {
            p.parent.relative_to(tmp_path / version).as_posix() for p in (tmp_path / version).rglob("P*")
        }
        for version in VERSIONS
    }
    assert folders == {
        "1.0": {"train/images", "train/labelTxt", "test/images"},
        "1.5": {
            "train/images",
            "train/labelTxt",
            "train/labelTxt-v1.5/DOTA-v1.5_train",
            "train/labelTxt-v1.5/DOTA-v1.5_train_hbb",
            "test/images",
        },
        "2.0": {
            "train/images",
            "train/labelTxt",
            "train/labelTxt-v2.0/DOTA-v2.0_train",
            "train/labelTxt-v2.0/DOTA-v2.0_train_hbb",
            "train/labelTxt-v2.0/train_meta/meta",
            "test-dev/images",
            "test-dev/test-dev_meta/meta",
        },
    }
    stems = {p.stem for p in (tmp_path / "2.0/train/images").iterdir()}
    assert stems == {"P0000", "P0001", "P10000"}
    assert {p.stem for p in (tmp_path / "2.0/train/labelTxt").iterdir()} == {"P0000", "P0001"}


@pytest.mark.parametrize("version", VERSIONS)
def test_quads_are_clockwise_on_screen(tmp_path, version):
    release = write_release(tmp_path, version=version)
    objects = [item for truth in release.images.values() for item in truth]
    assert all(area_signed(item.quad) > 0 for item in objects)
    assert {item.difficult for item in objects} == {0, 1}


def test_the_axis_aligned_variant_bounds_the_quads(tmp_path):
    release = write_release(tmp_path, version="1.5", train=2, val=0, test=0)
    for key, truth in release.images.items():
        path = tmp_path / label_folder("1.5", "train", hbb=True) / f"{key.split('/')[1]}.txt"
        for boxed, item in zip(parsed(path.read_bytes()), truth, strict=True):
            x1, y1, x2, y2 = polygon(item).bounds
            assert boxed.quad == (x1, y1, x2, y1, x2, y2, x1, y2)


def test_later_versions_annotate_more_of_the_same_pictures(tmp_path):
    releases = {v: write_release(tmp_path / v, version=v) for v in VERSIONS}
    categories = {
        v: {item.category for truth in r.images.values() for item in truth} for v, r in releases.items()
    }
    assert categories["2.0"] == set(CLASSES)
    assert categories["1.5"] == set(CLASSES) - {"airport", "helipad"}
    assert categories["1.0"] == categories["1.5"] - {"container-crane"}
    totals = [sum(map(len, releases[v].images.values())) for v in VERSIONS]
    assert all(fewer < more for fewer, more in pairwise(totals))
    tiny = [
        item
        for item in releases["1.5"].images["train/P0002"]
        if item.category == "small-vehicle" and first_version(item) == "1.5"
    ]
    assert len(tiny) > 10
    # In the v2.0 folder the old label of an old image is not the new one.
    old, new = (tmp_path / "2.0" / label_folder(v, "train") / "P0000.txt" for v in ("1.0", "2.0"))
    assert b"helipad" in new.read_bytes()
    assert b"helipad" not in old.read_bytes()


def test_the_training_pictures_have_the_quirks_of_the_real_release(tmp_path):
    release = write_release(tmp_path, version="1.0", val=0, test=0)
    sizes, modes = {}, {}
    for path in (tmp_path / "train/images").iterdir():
        with Image.open(path) as image:
            sizes[path.stem], modes[path.stem] = image.size, image.mode
    assert max(max(size) for size in sizes.values()) > 1024
    assert [stem for stem, mode in modes.items() if mode == "L"] == ["P0002"]
    texts = {p.stem: p.read_bytes() for p in (tmp_path / "train/labelTxt").iterdir()}
    assert texts["P0002"].startswith(b"imagesource:GF\r\n")
    assert texts["P0003"] == b"imagesource:GoogleEarth\r\ngsd:0.4\r\n"
    assert [stem for stem, text in texts.items() if b"gsd:null" in text] == ["P0004"]
    outside = [
        key
        for key, truth in release.images.items()
        for item in truth
        if polygon(item).bounds[2] > sizes[key.split("/")[1]][0]
    ]
    assert outside == ["train/P0001"]


def test_in_v2_an_empty_label_has_no_bytes_and_an_unknown_gsd_is_in_the_meta_file(tmp_path):
    write_release(tmp_path, version="2.0", val=0, test=0)
    assert (tmp_path / label_folder("2.0", "train") / "P0003.txt").read_bytes() == b""
    meta = tmp_path / "train/labelTxt-v2.0/train_meta/meta"
    assert b"gsd:None" in (meta / "P10000.txt").read_bytes()
    assert b"gsd:0.3\r\n" in (meta / "P0000.txt").read_bytes()


@pytest.mark.parametrize("version", VERSIONS)
def test_defects_are_where_the_record_says(tmp_path, version):
    release = write_release(tmp_path, version=version, train=2, val=0, test=0, with_defects=True)
    assert [defect.kind for defect in release.defects] == [
        "field_count",
        "field_count",
        "not_a_number",
        "not_finite",
        "unknown_class",
        "difficult_value",
        "degenerate",
        "degenerate",
        "outside_image",
        "label_encoding",
        "image_missing",
        "label_missing",
        "image_truncated",
        "image_empty",
        "image_format",
    ]
    for defect in release.defects:
        path = tmp_path / defect.file
        assert path.is_file()
        if defect.line is not None:
            assert defect.value in path.read_bytes().split(b"\r\n")[defect.line - 1].decode(
                "utf-8", "backslashreplace"
            )
    at = {d.kind: tmp_path / d.file for d in release.defects}
    with pytest.raises(UnicodeDecodeError):
        at["label_encoding"].read_text("utf-8")
    with Image.open(at["image_truncated"]) as image, pytest.raises(OSError, match="truncated"):
        image.load()
    assert at["image_empty"].stat().st_size == 0
    with pytest.raises(UnidentifiedImageError):
        Image.open(at["image_format"])
    images, labels = tmp_path / "train/images", tmp_path / label_folder(version, "train")
    assert not (images / f"{at['image_missing'].stem}.png").exists()
    assert not (labels / f"{at['label_missing'].stem}.txt").exists()


def test_good_lines_survive_between_defects(tmp_path):
    clean = write_release(tmp_path / "clean", train=1, val=0, test=0)
    spoilt = write_release(tmp_path / "spoilt", train=1, val=0, test=0, with_defects=True)
    assert spoilt.images == clean.images
    label = (tmp_path / "spoilt" / spoilt.defects[0].file).read_bytes().split(b"\r\n")
    first_bad = spoilt.defects[0].line
    good = b"\r\n".join(line.rstrip() for line in label[: first_bad - 1])
    assert parsed(good) == clean.images["train/P0000"]
    assert good.count(b"\r\n\r\n") == 1
    assert any(line.endswith(b" \t ") for line in label)


def test_defects_need_a_training_image(tmp_path):
    with pytest.raises(ValueError, match="training image"):
        write_release(tmp_path, train=0, with_defects=True)
