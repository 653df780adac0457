"""The COCO grammar: NWPU VHR-10 instances, and files of one's own."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask

from rsvp_builder.catalog import candidates
from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import Drops, Reason
from rsvp_builder.manifest import ManifestError
from rsvp_builder.readers import index_release, reader_for
from rsvp_builder.readers.coco_json.index import ImageData

# pycocotools itself, not the reader, calls numpy in an old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SOURCE = "NWPU-VHR-10-instances"
FOLDER = "NWPU VHR-10 dataset"
WIDTH, HEIGHT = 60, 40
SQUARE = [10, 5, 30, 5, 30, 25, 10, 25]
CATEGORIES = [{"supercategory": None, "id": 7, "name": "ship"}, {"id": 3, "name": "storage_tank"}]


def image(number, name=None, **more):
    return {
        "id": number,
        "file_name": name or f"{number:03}.jpg",
        "width": WIDTH,
        "height": HEIGHT,
        "license": 0,
        **more,
    }


def annotation(number, image_id=1, **more):
    return {
        "id": number,
        "image_id": image_id,
        "category_id": 7,
        "segmentation": [SQUARE],
        "area": 400.0,
        "bbox": [10.0, 5.0, 21.0, 21.0],
        "iscrowd": 0,
        **more,
    }


def lines(**arrays):
    """A file with a record a line, so that lines tell records apart, and with the release's key ``type``."""
    parts = ['"info": {"year": 2019}', '"type": "instances"']
    for key, values in arrays.items():
        records = ",\n".join(v.decode() if isinstance(v, bytes) else json.dumps(v) for v in values)
        parts.append(f'"{key}": [\n{records}\n]')
    return "{" + ",\n".join(parts) + "}\n"


@pytest.fixture
def release(tmp_path):
    """Writes pictures and annotations.json."""

    def write(text, *, pictures=("001.jpg", "002.jpg"), size=(WIDTH, HEIGHT), folder="positive image set"):
        root = tmp_path / "root"
        for name in pictures:
            path = root / FOLDER / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", size, (90, 120, 60)).save(path)
        (root / FOLDER).mkdir(parents=True, exist_ok=True)
        data = text if isinstance(text, bytes) else text.encode()
        (root / FOLDER / "annotations.json").write_bytes(data)
        return root

    return write


def read(root, manifest=None):
    manifest = manifest or candidates(SOURCE)[0]
    index = index_release(root, manifest)
    drops = Drops()
    annotations = reader_for(manifest).read(root, manifest, index.items, drops)
    lost = sum(d.kind == "object" for d in drops.entries)
    assert sum(annotations.seen) == len(annotations.objects) + lost
    return index, annotations, drops.entries


def full(mask, size=(HEIGHT, WIDTH)):
    """A mask on the whole picture."""
    pixels = np.zeros(size, bool)
    crop = mask.crop()
    if crop is not None:
        h, w = crop.pixels.shape
        pixels[crop.y : crop.y + h, crop.x : crop.x + w] = crop.pixels
    return pixels


def drawn(polygons, size=(HEIGHT, WIDTH)):
    """The reference library's mask."""
    return coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, *size))).astype(bool)


class TestSound:
    def test_an_image_gets_the_annotations_that_name_it(self, release):
        ring = [1, 1, 9, 1, 9, 9, 1, 9]
        text = lines(
            images=[image(1), image(2)],
            annotations=[
                annotation(0),
                annotation(1, 2, category_id=3, segmentation=[ring], bbox=[1, 1, 9, 9]),
                annotation(2, 2),
            ],
            categories=CATEGORIES,
        )
        index, found, drops = read(release(text))
        assert [item.image_id for item in index.items] == ["train/001", "train/002"]
        assert [item.image for item in index.items] == [
            f"{FOLDER}/positive image set/{n}.jpg" for n in ("001", "002")
        ]
        assert {item.label for item in index.items} == {f"{FOLDER}/annotations.json"}
        assert (index.drops, drops) == ((), [])
        objects = found.objects
        assert objects.item.tolist() == [0, 1, 1]
        assert objects.class_id.tolist() == [1, 2, 1]
        assert objects.box.tolist() == [[10, 5, 31, 26], [1, 1, 10, 10], [10, 5, 31, 26]]
        assert np.isnan(objects.quad).all()
        for mask, polygon in zip(objects.mask, [SQUARE, ring, SQUARE], strict=True):
            np.testing.assert_array_equal(full(mask), drawn([polygon]))
        assert found.declared == [(WIDTH, HEIGHT)] * 2

    def test_the_line_of_an_object_is_that_of_its_record(self, release):
        text = lines(images=[image(1)], annotations=[annotation(n) for n in range(3)], categories=CATEGORIES)
        _, found, _ = read(release(text))
        records = text.splitlines()
        assert [json.loads(records[n - 1].rstrip(","))["id"] for n in found.objects.line] == [0, 1, 2]

    def test_the_order_of_the_arrays_does_not_matter(self, release):
        parts = {"images": [image(1)], "annotations": [annotation(4)], "categories": CATEGORIES}
        for order in (("categories", "annotations", "images"), ("annotations", "images", "categories")):
            text = lines(**{key: parts[key] for key in order})
            _, found, drops = read(release(text))
            assert found.objects.class_id.tolist() == [1]
            assert drops == []

    def test_a_category_is_told_by_its_name_whatever_its_id(self, release):
        names = list(candidates(SOURCE)[0].classes)
        ids = {name: f"c{n}" if n % 2 else 100 - n for n, name in enumerate(names)}
        text = lines(
            images=[image(1)],
            annotations=[annotation(n, category_id=ids[name]) for n, name in enumerate(names)],
            categories=[{"id": id_, "name": name} for name, id_ in reversed(ids.items())],
        )
        _, found, _ = read(release(text))
        assert found.objects.class_id.tolist() == list(range(10))

    def test_ids_may_be_texts_and_whole_floats(self, release):
        text = lines(
            images=[image("a", "001.jpg"), image(2.0, "002.jpg")],
            annotations=[annotation(0, "a"), annotation(1, 2)],
            categories=CATEGORIES,
        )
        _, found, drops = read(release(text))
        assert found.seen == [1, 1]
        assert drops == []

    def test_two_polygons_of_one_annotation_are_one_object(self, release):
        rings = [[2, 2, 12, 2, 12, 12, 2, 12], [30, 20, 50, 20, 50, 35]]
        _, found, _ = read(
            release(
                lines(
                    images=[image(1)],
                    annotations=[annotation(0, segmentation=rings, bbox=[2, 2, 49, 34])],
                    categories=CATEGORIES,
                )
            )
        )
        [mask] = found.objects.mask
        np.testing.assert_array_equal(full(mask), drawn(rings))
        assert full(mask)[5, 5]
        assert full(mask)[22, 47]
        assert not full(mask)[15, 20]

    def test_an_outline_that_crosses_itself_is_read(self, release):
        bow = [5, 5, 40, 30, 40, 5, 5, 30]
        _, found, drops = read(
            release(
                lines(
                    images=[image(1)],
                    annotations=[annotation(0, segmentation=[bow], bbox=[5, 5, 36, 26])],
                    categories=CATEGORIES,
                )
            )
        )
        np.testing.assert_array_equal(full(found.objects.mask[0]), drawn([bow]))
        assert drops == []

    @pytest.mark.parametrize("packed", [True, False])
    def test_run_lengths_are_read_packed_or_plain(self, release, packed):
        pixels = np.zeros((HEIGHT, WIDTH), np.uint8, order="F")
        pixels[3:9, 4:30] = 1
        pixels[5, 10] = 0
        if packed:
            counts = coco_mask.encode(pixels)["counts"].decode()
        else:
            flat = np.append(pixels.reshape(-1, order="F"), 2)
            edges = [0, *(np.flatnonzero(np.diff(flat)) + 1).tolist()]
            counts = np.diff(edges).tolist()
        record = annotation(0, segmentation={"size": [HEIGHT, WIDTH], "counts": counts}, bbox=[4, 3, 26, 6])
        _, found, drops = read(release(lines(images=[image(1)], annotations=[record], categories=CATEGORIES)))
        np.testing.assert_array_equal(full(found.objects.mask[0]), pixels.astype(bool))
        assert drops == []

    def test_without_a_box_it_is_that_of_the_mask(self, release):
        record = annotation(0)
        del record["bbox"]
        _, found, _ = read(release(lines(images=[image(1)], annotations=[record], categories=CATEGORIES)))
        rows, columns = np.nonzero(drawn([SQUARE]))
        box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert found.objects.box.tolist() == [box]

    def test_without_a_segmentation_there_is_a_box_alone(self, release):
        bare = annotation(0)
        del bare["segmentation"]
        records = [bare, annotation(1, segmentation=[]), annotation(2, segmentation=None)]
        _, found, drops = read(release(lines(images=[image(1)], annotations=records, categories=CATEGORIES)))
        assert list(found.objects.mask) == [None] * 3
        assert drops == []

    def test_a_crowd_is_left_out(self, release):
        crowd = {"size": [HEIGHT, WIDTH], "counts": [0, 100, HEIGHT * WIDTH - 100]}
        records = [annotation(0), annotation(1, iscrowd=1, segmentation=crowd)]
        _, found, [drop] = read(release(lines(images=[image(1)], annotations=records, categories=CATEGORIES)))
        assert len(found.objects) == 1
        assert (drop.reason, drop.value) == (Reason.IGNORED_REGION, "iscrowd 1")

    def test_masks_are_drawn_on_the_picture_where_the_file_states_no_size_or_a_wrong_one(self, release):
        bare = image(1)
        del bare["width"], bare["height"]
        ring = [40, 30, 59, 30, 59, 39, 40, 39]
        for record, declared in ((bare, None), (image(1, width=20, height=20), (20, 20))):
            text = lines(
                images=[record], annotations=[annotation(0, segmentation=[ring])], categories=CATEGORIES
            )
            _, found, _ = read(release(text, pictures=["001.jpg"]))
            np.testing.assert_array_equal(full(found.objects.mask[0]), drawn([ring]))
            assert found.declared == [declared]

    def test_one_line_of_json_with_a_byte_order_mark_is_read(self, release):
        data = json.dumps(
            {"images": [image(1)], "annotations": [annotation(0)], "categories": CATEGORIES}
        ).encode("utf-8-sig")
        _, found, _ = read(release(data))
        assert found.objects.line.tolist() == [1]


class TestPictures:
    def test_of_two_pictures_of_one_name_that_of_the_right_folder_is_taken(self, release):
        text = lines(images=[image(1)], annotations=[annotation(0)], categories=CATEGORIES)
        release(text, folder="negative image set")
        index, _, _ = read(release(text, pictures=["001.jpg"]))
        assert [item.image for item in index.items] == [f"{FOLDER}/positive image set/001.jpg"]

    def test_a_record_without_annotations_is_an_image_without_objects(self, release):
        index, _, _ = read(
            release(lines(images=[image(1), image(2)], annotations=[annotation(0)], categories=CATEGORIES))
        )
        [drop] = index.drops
        assert (drop.kind, drop.reason, drop.image_id) == ("image", Reason.NO_OBJECTS, "train/002")

    def test_a_picture_that_no_record_names_has_no_label(self, release):
        text = lines(images=[image(1)], annotations=[annotation(0)], categories=CATEGORIES)
        index, _, _ = read(release(text, pictures=["001.jpg", "099.jpg"]))
        assert [(item.image_id, item.label is None) for item in index.items] == [
            ("train/001", False),
            ("train/099", True),
        ]

    @pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "..\\..\\secret.jpg", "nowhere.jpg"])
    def test_a_name_reaches_nothing_outside(self, release, tmp_path, name):
        (tmp_path / "secret.jpg").write_bytes(b"secret")
        text = lines(images=[image(1, name)], annotations=[annotation(0)], categories=CATEGORIES)
        index, _, _ = read(release(text, pictures=["001.jpg"]))
        [item, other] = sorted(index.items, key=lambda item: item.label is None)
        assert item.image is None
        assert ".." not in item.image_id
        assert other.image_id == "train/001"

    def test_a_file_name_with_folders_is_found_and_keeps_them(self, release):
        text = lines(
            images=[image(1, "positive image set/001.jpg")],
            annotations=[annotation(0)],
            categories=CATEGORIES,
        )
        index, _, _ = read(release(text, pictures=["001.jpg"]))
        assert [item.image_id for item in index.items] == ["train/positive image set/001"]
        assert index.items[0].image == f"{FOLDER}/positive image set/001.jpg"


BAD = [
    ({"segmentation": [SQUARE[:7]]}, Reason.MALFORMED_LINE, "7 numbers"),
    ({"segmentation": [SQUARE, [1, 2, 3, 4]]}, Reason.MALFORMED_LINE, "4 numbers"),
    ({"segmentation": [[]]}, Reason.MALFORMED_LINE, "0 numbers"),
    ({"segmentation": [[1, 2, "x", 4, 5, 6]]}, Reason.MALFORMED_LINE, "x"),
    ({"segmentation": [[1, 2, None, 4, 5, 6]]}, Reason.MALFORMED_LINE, "None"),
    ({"segmentation": [1, 2, 3, 4, 5, 6]}, Reason.MALFORMED_LINE, "1"),
    ({"segmentation": "polygon"}, Reason.MALFORMED_LINE, "polygon"),
    ({"segmentation": [[1, 2, math.nan, 4, 5, 6]]}, Reason.NOT_FINITE, "nan"),
    ({"segmentation": [[1, 2, math.inf, 4, 5, 6]]}, Reason.NOT_FINITE, "inf"),
    ({"segmentation": [[1, 2, 1e300, 4, 5, 6]]}, Reason.MALFORMED_LINE, "1e+300"),
    ({"segmentation": {"size": [HEIGHT, WIDTH]}}, Reason.MALFORMED_LINE, "run-length"),
    ({"segmentation": {"size": [WIDTH], "counts": "x"}}, Reason.MALFORMED_LINE, str(WIDTH)),
    ({"segmentation": {"size": [WIDTH, HEIGHT], "counts": [2400]}}, Reason.SIZE_MISMATCH, "40 x 60"),
    ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": [5]}}, Reason.MALFORMED_LINE, "5 pixels"),
    ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": "\u00e9"}}, Reason.MALFORMED_LINE, "mask"),
    ({"bbox": [1, 2, 3]}, Reason.MALFORMED_LINE, "[1, 2, 3]"),
    ({"bbox": [1, 2, 3, "4"]}, Reason.MALFORMED_LINE, "'4'"),
    ({"bbox": [1, 2, 3, True]}, Reason.MALFORMED_LINE, "True"),
    ({"bbox": [math.nan, 2, 3, 4]}, Reason.NOT_FINITE, "nan"),
    ({"bbox": [1e308, 2, 1e308, 4]}, Reason.NOT_FINITE, "1e+308"),
    ({"bbox": [10, 2, -3, 4]}, Reason.DEGENERATE, "-3"),
    ({"bbox": None, "segmentation": None}, Reason.MALFORMED_LINE, "neither"),
    ({"category_id": 99}, Reason.UNKNOWN_CLASS, "99"),
    ({"category_id": None}, Reason.UNKNOWN_CLASS, "None"),
    ({"category_id": 8}, Reason.UNKNOWN_CLASS, "submarine"),
]


@pytest.mark.parametrize(("change", "reason", "value"), BAD, ids=[json.dumps(b[0])[:50] for b in BAD])
def test_a_bad_annotation_costs_itself_and_is_told_with_its_line(release, change, reason, value):
    records = [annotation(0), annotation(1, **change), annotation(2)]
    text = lines(
        images=[image(1)],
        annotations=records,
        categories=[*CATEGORIES, {"id": 8, "name": "submarine"}],
    )
    _, found, [drop] = read(release(text))
    assert len(found.objects) == 2
    assert (drop.kind, drop.reason, drop.image_id) == ("object", reason, "train/001")
    assert drop.file == f"{FOLDER}/annotations.json"
    assert '"id": 1,' in text.splitlines()[drop.line - 1]
    assert value in drop.value
    assert drop.expected


class TestRecords:
    def test_an_annotation_id_counts_once(self, release):
        text = lines(
            images=[image(1), image(2)],
            annotations=[annotation(5), annotation(5, 2), annotation(6, 2)],
            categories=CATEGORIES,
        )
        _, found, [drop] = read(release(text))
        assert found.seen == [1, 2]
        assert len(found.objects) == 2
        assert (drop.reason, drop.value, drop.image_id) == (
            Reason.DUPLICATE_ID,
            "annotation id 5",
            "train/002",
        )
        first = next(n for n, line in enumerate(text.splitlines(), 1) if '"id": 5,' in line)
        assert f"line {first} " in drop.expected
        assert drop.line == first + 1

    def test_an_image_id_counts_once(self, release):
        text = lines(
            images=[image(1), image(1, "002.jpg")], annotations=[annotation(0)], categories=CATEGORIES
        )
        index, found, _ = read(release(text, pictures=["001.jpg"]))
        [drop] = index.drops
        assert (drop.reason, drop.kind) == (Reason.DUPLICATE_ID, "metadata")
        assert "002.jpg" in drop.value
        assert "001.jpg" in drop.expected
        assert [item.image_id for item in index.items] == ["train/001"]
        assert found.seen == [1]

    def test_a_picture_described_twice_keeps_the_first_and_loses_the_others_annotations(self, release):
        text = lines(
            images=[image(1), image(2, "001.jpg")],
            annotations=[annotation(0), annotation(1, 2)],
            categories=CATEGORIES,
        )
        index, found, _ = read(release(text, pictures=["001.jpg"]))
        assert len(found.objects) == 1
        assert [(d.kind, d.reason, d.line) for d in index.drops] == [
            ("metadata", Reason.DUPLICATE_STEM, 5),
            ("object", Reason.DUPLICATE_STEM, 9),
        ]

    def test_an_annotation_of_an_unknown_image_is_told(self, release):
        text = lines(images=[image(1)], annotations=[annotation(0), annotation(1, 77)], categories=CATEGORIES)
        index, found, _ = read(release(text, pictures=["001.jpg"]))
        [drop] = index.drops
        assert (drop.kind, drop.reason, drop.value, drop.line) == (
            "object",
            Reason.IMAGE_MISSING,
            "image_id 77",
            8,
        )
        assert found.seen == [1]

    @pytest.mark.parametrize(
        "record", [3, "x", [], {}, {"id": 1}, {"file_name": "1.jpg"}, {"id": True, "file_name": "a.jpg"}]
    )
    def test_a_record_that_is_no_image_is_told(self, release, record):
        text = lines(images=[record, image(1)], annotations=[annotation(0)], categories=CATEGORIES)
        index, found, _ = read(release(text, pictures=["001.jpg"]))
        assert [(d.reason, d.line) for d in index.drops] == [(Reason.MALFORMED_LINE, 4)]
        assert found.seen == [1]

    @pytest.mark.parametrize("record", [3, None, [], {"id": 1}, {"image_id": None}, {"image_id": [1]}])
    def test_a_record_that_is_no_annotation_is_told(self, release, record):
        text = lines(images=[image(1)], annotations=[record, annotation(0)], categories=CATEGORIES)
        index, found, _ = read(release(text, pictures=["001.jpg"]))
        assert [(d.kind, d.reason, d.line) for d in index.drops] == [("object", Reason.MALFORMED_LINE, 7)]
        assert found.seen == [1]

    def test_a_category_id_with_two_names_is_told(self, release):
        text = lines(
            images=[image(1)],
            annotations=[annotation(0)],
            categories=[*CATEGORIES, {"id": 7, "name": "harbor"}, {"id": 7}, 5],
        )
        index, found, _ = read(release(text, pictures=["001.jpg"]))
        assert found.objects.class_id.tolist() == [1]
        assert [d.reason for d in index.drops] == [
            Reason.DUPLICATE_ID,
            Reason.MALFORMED_LINE,
            Reason.MALFORMED_LINE,
        ]

    def test_names_that_are_no_text_cost_their_record_alone(self, release):
        text = lines(
            images=[image(1), image(2, "b.jpg")], annotations=[annotation(0)], categories=CATEGORIES
        ).encode()
        index, found, _ = read(release(text.replace(b"b.jpg", b"\xe9.jpg"), pictures=["001.jpg"]))
        assert found.seen == [1]
        [drop] = index.drops
        assert drop.image_id.encode("utf-8")


class TestDamage:
    def test_what_lies_before_the_damage_is_used_and_the_rest_is_told(self, release):
        text = lines(
            categories=CATEGORIES,
            images=[image(1), image(2)],
            annotations=[annotation(0), b"{broken", annotation(2, 2)],
        )
        index, found, _ = read(release(text))
        assert [item.image_id for item in index.items] == ["train/001"]
        assert len(found.objects) == 1
        damage, lost = index.drops
        assert (damage.kind, damage.reason, damage.line) == ("metadata", Reason.LABEL_UNREADABLE, 13)
        assert (lost.kind, lost.reason, lost.image_id) == ("image", Reason.LABEL_UNREADABLE, "train/002")
        assert index.notices == (f"{FOLDER}/annotations.json is damaged from line 13 on",)

    @pytest.mark.parametrize("text", ["", "hello", "[1, 2", '{"images": [', '{"images": 5}', "{}", "[]"])
    def test_a_file_without_an_image_is_a_mistake_with_a_message(self, release, text):
        with pytest.raises(RsvpError, match=r"annotations\.json"):
            read(release(text))

    def test_a_folder_without_the_file_is_a_mistake_with_a_message(self, tmp_path):
        with pytest.raises(RsvpError, match=rf"no {SOURCE} found: .*rsvp-build show {SOURCE}"):
            index_release(tmp_path, candidates(SOURCE)[0])


class TestOwn:
    """A COCO file of one's own, by a manifest of one's own."""

    @pytest.fixture
    def manifest(self):
        manifest = candidates(SOURCE)[0]
        layout = {"annotations": {"train": ["instances_train*.json"], "val": ["instances_val*.json"]}}
        splits = manifest.splits.model_copy(update={"labelled": {"train": ["train"], "val": ["val"]}})
        return manifest.model_copy(update={"layout": layout, "splits": splits})

    def test_splits_follow_the_annotation_files_and_pictures_their_folders(self, tmp_path, manifest):
        for split, colour in (("train", 10), ("val", 200)):
            (tmp_path / "images" / split).mkdir(parents=True)
            Image.new("RGB", (WIDTH, HEIGHT), (colour,) * 3).save(tmp_path / "images" / split / "a.png")
            text = lines(images=[image(1, "a.png")], annotations=[annotation(0)], categories=CATEGORIES)
            (tmp_path / "annotations").mkdir(exist_ok=True)
            (tmp_path / f"annotations/instances_{split}.json").write_text(text)
        index, found, _ = read(tmp_path, manifest)
        assert [(item.image_id, item.image) for item in index.items] == [
            ("train/a", "images/train/a.png"),
            ("val/a", "images/val/a.png"),
        ]
        assert found.seen == [1, 1]

    def test_one_picture_in_two_files_of_a_split_counts_once(self, tmp_path, manifest):
        Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / "a.png")
        text = lines(images=[image(1, "a.png")], annotations=[annotation(0)], categories=CATEGORIES)
        for name in ("instances_train1.json", "instances_train2.json"):
            (tmp_path / name).write_text(text)
        index, found, _ = read(tmp_path, manifest)
        assert found.seen == [1]
        assert {(d.file, d.reason) for d in index.drops} == {("instances_train2.json", Reason.DUPLICATE_STEM)}

    @pytest.mark.parametrize(
        ("layout", "key"),
        [({}, "layout.annotations"), ({"annotations": {}, "imags": []}, "layout.imags")],
    )
    def test_a_layout_that_does_not_fit_is_told(self, tmp_path, manifest, layout, key):
        with pytest.raises(ManifestError, match=key):
            read(tmp_path, manifest.model_copy(update={"layout": layout}))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=8) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=40)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"id": json_values, "image_id": st.just(1) | json_values},
            optional=dict.fromkeys(("category_id", "segmentation", "bbox", "iscrowd"), json_values),
        )
        | json_values,
        max_size=5,
    )
)
def test_whatever_an_annotation_holds_the_account_balances(tmp_path_factory, records):
    root = tmp_path_factory.mktemp("coco")
    Image.new("RGB", (WIDTH, HEIGHT)).save(root / "001.jpg")
    text = lines(images=[image(1)], annotations=[annotation(0, id="own"), *records], categories=CATEGORIES)
    (root / "annotations.json").write_text(text)
    manifest = candidates(SOURCE)[0].model_copy(
        update={"layout": {"annotations": {"train": ["annotations.json"]}}}
    )
    index, found, drops = read(root, manifest)
    lost = [d for d in (*index.drops, *drops) if d.kind == "object"]
    assert len(found.objects) + len(lost) == len(records) + 1
    for drop in lost:
        assert drop.line
        assert drop.expected
        str(drop).encode("utf-8")


@pytest.fixture(scope="module")
def real_root(samples):
    return samples / "nwpu_vhr10"


@pytest.fixture(scope="module")
def truth(real_root):
    return json.loads((real_root / FOLDER / "annotations.json").read_text())


@pytest.fixture(scope="module")
def got(real_root):
    return read(real_root)


class TestReal:
    """The real annotations.json, whose figures are known from its own JSON read whole."""

    def test_all_objects_are_there_with_the_classes_of_the_file(self, got):
        index, found, drops = got
        names = list(candidates(SOURCE)[0].classes)
        assert len(index.items) == 650
        assert sum(item.image is not None for item in index.items) == 80
        assert (index.drops, drops) == ((), [])
        assert Counter(names[c] for c in found.objects.class_id) == {
            "airplane": 757,
            "ship": 298,
            "storage_tank": 662,
            "baseball_diamond": 391,
            "tennis_court": 524,
            "basketball_court": 159,
            "ground_track_field": 163,
            "harbor": 239,
            "bridge": 124,
            "vehicle": 604,
        }

    def test_boxes_and_masks_are_those_of_the_file(self, got, truth):
        index, found, _ = got
        names = {record["id"]: record["file_name"] for record in truth["images"]}
        sizes = {r["file_name"]: (r["height"], r["width"]) for r in truth["images"]}
        by_name = {f"train/{Path(name).stem}": name for name in names.values()}
        told = {}
        for record in truth["annotations"]:
            told.setdefault(names[record["image_id"]], []).append(record)
        special = {82, 143, 1094}
        met = set()
        for position, item in enumerate(index.items):
            name = by_name[item.image_id]
            which = np.flatnonzero(found.objects.item == position)
            assert len(which) == len(told[name])
            for place, record in zip(which, told[name], strict=True):
                x, y, w, h = record["bbox"]
                assert found.objects.box[place].tolist() == [x, y, x + w, y + h]
                if record["id"] in special or record["id"] % 40 == 0:
                    met.add(record["id"])
                    np.testing.assert_array_equal(
                        full(found.objects.mask[place], sizes[name]),
                        drawn(record["segmentation"], sizes[name]),
                    )
        assert special <= met

    def test_the_boxes_are_not_those_of_the_text_files(self, got, real_root):
        index, found, _ = got
        lines_ = (real_root / FOLDER / "ground truth/001.txt").read_text().split("\n")
        assert lines_[0].strip() == "(563,478),(630,573),1"
        [position] = [n for n, item in enumerate(index.items) if item.image_id == "train/001"]
        assert found.objects.box[found.objects.item == position].tolist() == [[563, 485, 629, 571]]

    def test_the_data_of_an_item_is_what_the_index_wrote(self, got, truth):
        index, _, _ = got
        data = ImageData.load(index.items[0].data)
        assert data.size == (958, 808)
        [one] = data.annotations
        assert one.name == "airplane"
        assert one.record["segmentation"] == truth["annotations"][0]["segmentation"]
