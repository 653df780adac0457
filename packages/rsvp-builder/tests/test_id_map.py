"""Id maps of iSAID: every id is an instance, its colour is its class."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections import Counter

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

from rsvp_builder.catalog import candidates
from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import Drops, Reason
from rsvp_builder.manifest import ManifestError
from rsvp_builder.readers import index_release, reader_for
from rsvp_builder.readers.id_map import instances

SHIP, PLANE, HARBOR = (0, 0, 63), (0, 127, 255), (0, 100, 155)
SHIP_ID, PLANE_ID = 4_592_855, 15_785_155
MANIFEST = candidates("iSAID")[0]
TOKENS = list(MANIFEST.classes)


def packed(ids):
    """(h, w) ids as the release writes them: red is the lowest byte."""
    return np.stack([ids & 255, ids >> 8 & 255, ids >> 16 & 255], axis=2).astype(np.uint8)


def write(folder, stem, ids, colours, *, size=None, folders=("", "", ""), picture=True):
    """Writes a picture and its two maps, beside it or in folders of their own."""
    h, w = ids.shape
    files = (
        (f"{stem}.png", np.full((*(size or (w, h))[::-1], 3), 90, np.uint8)),
        (f"{stem}_instance_id_RGB.png", packed(ids)),
        (f"{stem}_instance_color_RGB.png", np.asarray(colours, np.uint8)),
    )
    for (name, pixels), below in zip(files, folders, strict=True):
        if name == f"{stem}.png" and not picture:
            continue
        path = folder / below / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


def scene(*things, size=(40, 30)):
    """Ids and colours of rectangles ``(id, colour, x1, y1, x2, y2)``."""
    ids = np.zeros(size[::-1], np.int64)
    colours = np.zeros((*size[::-1], 3), np.uint8)
    for number, colour, x1, y1, x2, y2 in things:
        ids[y1:y2, x1:x2] = number
        colours[y1:y2, x1:x2] = colour
    return ids, colours


TWO = ((SHIP_ID, SHIP, 2, 3, 10, 8), (PLANE_ID, PLANE, 20, 10, 35, 28))


def read(root, manifest=MANIFEST):
    index = index_release(root, manifest)
    drops = Drops()
    annotations = reader_for(manifest).read(root, manifest, index.items, drops)
    lost = sum(d.kind == "object" for d in drops.entries)
    assert sum(annotations.seen) == len(annotations.objects) + lost
    return index, annotations, drops.entries


def full(mask, shape):
    pixels = np.zeros(shape, bool)
    crop = mask.crop()
    h, w = crop.pixels.shape
    pixels[crop.y : crop.y + h, crop.x : crop.x + w] = crop.pixels
    return pixels


def test_every_id_is_an_object_with_the_class_of_its_colour(tmp_path):
    ids, colours = scene(*TWO)
    write(tmp_path / "val/images", "P0003", ids, colours)
    index, found, drops = read(tmp_path)
    [item] = index.items
    assert (item.image_id, item.image) == ("val/P0003", "val/images/P0003.png")
    assert item.label == "val/images/P0003_instance_id_RGB.png"
    assert item.meta == "val/images/P0003_instance_color_RGB.png"
    assert drops == []
    assert [TOKENS[c] for c in found.objects.class_id] == ["ship", "plane"]
    assert found.objects.line.tolist() == [SHIP_ID, PLANE_ID]
    assert found.objects.box.tolist() == [[2, 3, 10, 8], [20, 10, 35, 28]]
    for mask, number in zip(found.objects.mask, (SHIP_ID, PLANE_ID), strict=True):
        np.testing.assert_array_equal(full(mask, ids.shape), ids == number)


def test_red_is_the_lowest_byte_of_an_id_and_of_no_class(tmp_path):
    # Read as blue, green, red, these ids would be other ids, and (63, 0, 0) is no class at all.
    ids, colours = scene((1, SHIP, 0, 0, 4, 4), (256, SHIP, 8, 0, 12, 4), (65_536, SHIP, 16, 0, 20, 4))
    write(tmp_path, "a", ids, colours)
    _, found, _ = read(tmp_path)
    assert found.objects.line.tolist() == [1, 256, 65_536]
    assert found.objects.box[:, 0].tolist() == [0, 8, 16]
    ids, colours = scene((1, SHIP[::-1], 0, 0, 4, 4))
    write(tmp_path, "a", ids, colours)
    _, found, [drop] = read(tmp_path)
    assert (found.seen, drop.reason) == ([1], Reason.UNKNOWN_CLASS)
    assert "63,0,0" in drop.value


def test_an_id_in_another_image_is_another_object(tmp_path):
    for stem in ("P0002", "P0004"):
        write(tmp_path / "train", stem, *scene(TWO[0]))
    _, found, drops = read(tmp_path)
    assert found.objects.item.tolist() == [0, 1]
    assert found.objects.line.tolist() == [SHIP_ID] * 2
    assert drops == []


def test_an_instance_of_several_parts_is_one_object(tmp_path):
    ids, colours = scene((SHIP_ID, SHIP, 1, 1, 5, 5), (SHIP_ID, SHIP, 30, 20, 36, 29))
    write(tmp_path, "a", ids, colours)
    _, found, _ = read(tmp_path)
    assert found.objects.box.tolist() == [[1, 1, 36, 29]]
    np.testing.assert_array_equal(full(found.objects.mask[0], ids.shape), ids == SHIP_ID)


def test_a_hole_in_an_instance_stays_a_hole(tmp_path):
    ids, colours = scene((SHIP_ID, HARBOR, 5, 5, 25, 25), (0, (0, 0, 0), 10, 10, 20, 20))
    write(tmp_path, "a", ids, colours)
    _, found, _ = read(tmp_path)
    assert not full(found.objects.mask[0], ids.shape)[15, 15]
    assert full(found.objects.mask[0], ids.shape).sum() == 300


def test_an_id_of_two_colours_is_told_and_takes_that_of_most_pixels(tmp_path):
    ids, colours = scene(*TWO)
    colours[3, 2:4] = HARBOR
    write(tmp_path, "a", ids, colours)
    _, found, [drop] = read(tmp_path)
    assert [TOKENS[c] for c in found.objects.class_id] == ["ship", "plane"]
    assert (drop.kind, drop.reason, drop.line) == ("metadata", Reason.DUPLICATE_ID, SHIP_ID)
    assert drop.value == f"id {SHIP_ID} in 0,0,63 (38 px), 0,100,155 (2 px)"
    assert "0,0,63 is taken" in drop.expected


def test_an_instance_without_a_colour_is_no_object(tmp_path):
    ids, colours = scene(*TWO)
    colours[3:8, 2:10] = 0
    write(tmp_path, "a", ids, colours)
    _, found, [drop] = read(tmp_path)
    assert found.seen == [2]
    assert (drop.kind, drop.reason, drop.line) == ("object", Reason.IGNORED_REGION, SHIP_ID)


@pytest.mark.parametrize(
    "folders", [("", "", ""), ("images/part1", "Instance_masks/images", "Semantic_masks/images")]
)
def test_maps_lie_beside_the_picture_or_in_the_folders_of_the_download(tmp_path, folders):
    for split, stem in (("train", "P0000"), ("val", "P0003")):
        write(tmp_path / "iSAID" / split, stem, *scene(*TWO), folders=folders)
    (tmp_path / "iSAID/test/images/part1").mkdir(parents=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "iSAID/test/images/part1/P0006.png")
    (tmp_path / "iSAID/train/Annotations").mkdir()
    (tmp_path / "iSAID/train/Annotations/iSAID_train.json").write_text("{this is not read")
    index, found, drops = read(tmp_path)
    assert [item.image_id for item in index.items] == ["train/P0000", "val/P0003"]
    assert all(item.image and item.label and item.meta for item in index.items)
    assert [(d.image_id, d.reason) for d in index.drops] == [("test/P0006", Reason.UNLABELLED_SPLIT)]
    assert found.seen == [2, 2]
    assert drops == []


class TestMissing:
    def test_without_the_map_of_ids_the_image_has_no_label_and_the_other_map_is_told(self, tmp_path):
        write(tmp_path, "a", *scene(*TWO))
        write(tmp_path, "b", *scene(*TWO))
        (tmp_path / "b_instance_id_RGB.png").unlink()
        index, found, _ = read(tmp_path)
        assert [(item.image_id, item.label is None) for item in index.items] == [
            ("train/a", False),
            ("train/b", True),
        ]
        [drop] = index.drops
        assert (drop.kind, drop.reason, drop.file) == (
            "metadata",
            Reason.LABEL_MISSING,
            "b_instance_color_RGB.png",
        )
        assert found.seen == [2, 0]

    def test_without_the_map_of_classes_the_image_is_dropped(self, tmp_path):
        write(tmp_path, "a", *scene(*TWO))
        (tmp_path / "a_instance_color_RGB.png").unlink()
        _, found, [drop] = read(tmp_path)
        assert (drop.kind, drop.reason) == ("image", Reason.LABEL_MISSING)
        assert (found.readable, found.seen) == ([False], [0])

    def test_without_the_picture_the_item_stays_for_the_build_to_report(self, tmp_path):
        write(tmp_path, "a", *scene(*TWO), picture=False)
        index, found, drops = read(tmp_path)
        assert [item.image for item in index.items] == [None]
        assert (found.readable, drops) == ([True], [])

    def test_a_second_map_of_one_name_is_told(self, tmp_path):
        for folder in ("one", "two"):
            write(tmp_path / folder, "a", *scene(*TWO))
        index, _, _ = read(tmp_path)
        assert Counter((d.kind, d.reason) for d in index.drops) == {
            ("image", Reason.DUPLICATE_STEM): 1,
            ("metadata", Reason.DUPLICATE_STEM): 2,
        }

    def test_a_folder_without_maps_is_a_mistake_with_a_message(self, tmp_path):
        Image.new("RGB", (8, 8)).save(tmp_path / "P0000.png")
        with pytest.raises(RsvpError, match=r"no iSAID found: .*_instance_id_RGB\.png"):
            index_release(tmp_path, MANIFEST)


class TestUnusable:
    @pytest.mark.parametrize("which", ["id", "color"])
    @pytest.mark.parametrize("damage", ["empty", "cut", "text", "flipped"])
    def test_a_damaged_map_costs_its_image(self, tmp_path, which, damage):
        write(tmp_path, "a", *scene(*TWO))
        write(tmp_path, "b", *scene(*TWO))
        path = tmp_path / f"b_instance_{which}_RGB.png"
        data = path.read_bytes()
        middle = data.index(b"IDAT") + 12
        path.write_bytes(
            {
                "empty": b"",
                "cut": data[: len(data) // 2],
                "text": b"<html>404</html>",
                "flipped": data[:middle]
                + bytes(b ^ 255 for b in data[middle : middle + 8])
                + data[middle + 8 :],
            }[damage]
        )
        _, found, [drop] = read(tmp_path)
        assert (drop.kind, drop.reason, drop.image_id) == ("image", Reason.LABEL_UNREADABLE, "train/b")
        assert drop.file == path.name
        assert (found.readable, found.seen) == ([True, False], [2, 0])

    @pytest.mark.parametrize("which", ["id", "color", "both"])
    def test_a_map_of_another_size_costs_its_image(self, tmp_path, which):
        write(tmp_path, "a", *scene(*TWO))
        for kind in ("id", "color") if which == "both" else (which,):
            path = tmp_path / f"a_instance_{kind}_RGB.png"
            Image.open(path).crop((0, 0, 39, 30)).save(path)
        _, found, [drop] = read(tmp_path)
        assert (drop.kind, drop.reason) == ("image", Reason.SIZE_MISMATCH)
        assert (drop.value, found.readable) == ("39 x 30 px", [False])
        assert "40 x 30 px" in drop.expected

    def test_a_map_without_colours_costs_its_image(self, tmp_path):
        write(tmp_path, "a", *scene(*TWO))
        Image.new("L", (40, 30)).save(tmp_path / "a_instance_id_RGB.png")
        _, found, [drop] = read(tmp_path)
        assert (drop.reason, drop.value) == (Reason.LABEL_UNREADABLE, "1 band(s)")
        assert found.readable == [False]

    def test_noise_is_no_map_of_ids(self, tmp_path, monkeypatch):
        monkeypatch.setattr(instances, "MOST_INSTANCES", 500)
        ids = np.arange(1, 1201).reshape(30, 40)
        write(tmp_path, "a", ids, np.full((30, 40, 3), SHIP, np.uint8))
        _, found, [drop] = read(tmp_path)
        assert (drop.reason, found.seen) == (Reason.LABEL_UNREADABLE, [0])
        assert "at most 500 instances" in drop.expected

    def test_a_map_of_sixteen_bits_costs_its_image(self, tmp_path):
        write(tmp_path, "a", *scene(*TWO))
        path = tmp_path / "a_instance_color_RGB.png"
        profile = {"driver": "PNG", "width": 40, "height": 30, "count": 3, "dtype": "uint16"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", **profile) as file:
                file.write(np.zeros((3, 30, 40), np.uint16))
        _, found, [drop] = read(tmp_path)
        assert (drop.reason, drop.file, drop.value) == (
            Reason.LABEL_UNREADABLE,
            path.name,
            "samples of uint16",
        )
        assert found.readable == [False]

    def test_maps_of_a_picture_above_the_limit_are_not_opened(self, tmp_path):
        write(tmp_path, "a", *scene(*TWO))
        (tmp_path / "a_instance_id_RGB.png").write_bytes(b"never read")
        _, found, drops = read(tmp_path, MANIFEST.model_copy(update={"max_megapixels": 0.001}))
        assert (found.readable, drops) == ([True], [])


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ({"ids": "_id"}, r"layout\.classes: Field required"),
        ({**MANIFEST.layout, "masks": "x"}, r"layout\.masks"),
        ({**MANIFEST.layout, "colours": {"ship": [0, 0, 256]}}, r"layout\.colours\.ship\.2"),
        ({**MANIFEST.layout, "colours": {"shipp": [0, 0, 6]}}, "'shipp' is no class"),
        ({**MANIFEST.layout, "colours": {"ship": [0, 0, 6], "plane": [0, 0, 6]}}, "'ship' and 'plane'"),
    ],
)
def test_a_layout_that_does_not_fit_is_told(tmp_path, layout, message):
    write(tmp_path, "a", *scene(*TWO))
    with pytest.raises(ManifestError, match=message):
        read(tmp_path, MANIFEST.model_copy(update={"layout": layout}))


COLOURS = [tuple(c) for c in MANIFEST.layout["colours"].values()]


@settings(max_examples=40)
@given(
    hnp.arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 4)),
    st.lists(st.integers(1, 2**24 - 1), min_size=4, max_size=4, unique=True),
    st.data(),
)
def test_instances_are_what_a_look_at_every_pixel_finds(tmp_path_factory, number, ids_of, data):
    root = tmp_path_factory.mktemp("ids")
    monkey = pytest.MonkeyPatch()
    monkey.setattr(instances, "_ROWS", data.draw(st.integers(1, 5)))
    ids = np.array([0, *ids_of])[number]
    colour_of = data.draw(hnp.arrays(np.int64, number.shape, elements=st.integers(0, 3)))
    colours = np.array(COLOURS[:4])[colour_of]
    write(root, "a", ids, colours)
    _, found, drops = read(root)
    monkey.undo()
    expected = {}
    for id_ in sorted(set(ids[ids > 0].tolist())):
        counts = Counter(map(tuple, colours[ids == id_].tolist()))
        most = max(counts.values())
        best = min(c for c, n in counts.items() if n == most)
        token = next(t for t, c in MANIFEST.layout["colours"].items() if tuple(c) == best)
        if token in TOKENS:
            rows, columns = np.nonzero(ids == id_)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            expected[id_] = (token, box)
    objects = found.objects
    got = {
        line: (TOKENS[c], box)
        for line, c, box in zip(objects.line.tolist(), objects.class_id, objects.box.tolist(), strict=True)
    }
    assert got == expected
    for line, mask in zip(objects.line.tolist(), objects.mask, strict=True):
        np.testing.assert_array_equal(full(mask, ids.shape), ids == line)
    mixed = {d.line for d in drops if d.kind == "metadata"}
    assert mixed == {
        i for i in set(ids[ids > 0].tolist()) if len({tuple(c) for c in colours[ids == i].tolist()}) > 1
    }


LARGE = """
import sys
from pathlib import Path
from rsvp_builder.catalog import candidates
from rsvp_builder.ledger import Drops
from rsvp_builder.readers import index_release, reader_for
root, [manifest] = Path(sys.argv[1]), candidates("iSAID")
items = index_release(root, manifest).items
found = reader_for(manifest).read(root, manifest, items, Drops())
[peak] = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(len(found.objects), int(peak.split()[1]) // 1024)
"""


@pytest.mark.slow
def test_the_largest_images_take_little_memory(tmp_path):
    width, height = 4000, 13_000
    ids, colours = np.zeros((height, width), np.int32), np.zeros((height, width, 3), np.uint8)
    number = 0
    for y in range(0, height - 60, 65):
        for x in range(0, width - 60, 100):
            number += 1
            ids[y : y + 50, x : x + 60] = 5 * number
            colours[y : y + 50, x : x + 60] = SHIP
    write(tmp_path, "a", ids, colours)
    run = subprocess.run(
        [sys.executable, "-c", LARGE, str(tmp_path)], capture_output=True, text=True, check=True
    )
    objects, megabytes = map(int, run.stdout.split())
    assert objects == number > 7000
    assert megabytes < 500


class TestReal:
    """Two images of the release with their maps; figures counted from the maps pixel by pixel."""

    @pytest.mark.parametrize("stem", ["P0003", "P0004"])
    def test_ids_classes_and_masks(self, samples, stem):
        folder = samples / "isaid/val/images"
        index, found, drops = read(samples / "isaid")
        assert [item.image_id for item in index.items] == ["val/P0003", "val/P0004"]
        assert (index.drops, drops) == ((), [])
        with Image.open(folder / f"{stem}_instance_id_RGB.png") as image:
            rgb = np.asarray(image.convert("RGB")).astype(np.int64)
        with Image.open(folder / f"{stem}_instance_color_RGB.png") as image:
            colour = np.asarray(image.convert("RGB"))
        ids = rgb[..., 0] + 256 * rgb[..., 1] + 65_536 * rgb[..., 2]
        position = ["P0003", "P0004"].index(stem)
        which = np.flatnonzero(found.objects.item == position)
        assert found.objects.line[which].tolist() == sorted(set(ids[ids > 0].tolist()))
        for place in which[::7]:
            own = ids == found.objects.line[place]
            np.testing.assert_array_equal(full(found.objects.mask[place], ids.shape), own)
            token = TOKENS[found.objects.class_id[place]]
            assert {tuple(c) for c in colour[own].tolist()} == {tuple(MANIFEST.layout["colours"][token])}
            rows, columns = np.nonzero(own)
            assert found.objects.box[place].tolist() == [
                columns.min(),
                rows.min(),
                columns.max() + 1,
                rows.max() + 1,
            ]

    def test_the_same_ids_occur_in_both_images(self, samples):
        _, found, _ = read(samples / "isaid")
        first, second = (set(found.objects.line[found.objects.item == n].tolist()) for n in (0, 1))
        assert first < second
        assert len(first) == 59
