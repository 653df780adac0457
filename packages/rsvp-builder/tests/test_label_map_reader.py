"""Semantic maps of eight releases: which picture has which map, and what its samples mean."""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

from rsvp_builder.build import build, without_background
from rsvp_builder.catalog import candidates
from rsvp_builder.errors import RsvpError
from rsvp_builder.images.label_map import IGNORE, UNKNOWN, LabelMap
from rsvp_builder.ledger import Drops, Reason
from rsvp_builder.manifest import ManifestError
from rsvp_builder.readers import index_release, reader_for
from rsvp_builder.settings import Settings

SIDE = 16
GREY = np.full((SIDE, SIDE, 3), 120, np.uint8)
ISPRS = {
    "impervious_surface": (255, 255, 255),
    "building": (0, 0, 255),
    "low_vegetation": (0, 255, 255),
    "tree": (0, 255, 0),
    "car": (255, 255, 0),
    "clutter": (255, 0, 0),
}


def save(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path, **options)
    return path


def painted(colours, size=(SIDE, SIDE)):
    """A map of vertical stripes of equal width, one a colour."""
    pixels = np.zeros((*size, 3), np.uint8)
    edges = np.linspace(0, size[1], len(colours) + 1).astype(int)
    for left, right, colour in zip(edges, edges[1:], colours, strict=False):
        pixels[:, left:right] = colour
    return pixels


def read(root, source):
    manifest = source if not isinstance(source, str) else candidates(source)[0]
    index = index_release(root, manifest)
    drops = Drops()
    annotations = reader_for(manifest).read(root, manifest, index.items, drops)
    assert (len(annotations.objects), drops.entries) == (0, [])
    assert annotations.seen == [0] * len(index.items)
    assert all(annotations.readable)
    maps = {
        item.image_id: map_file
        for item, map_file in zip(index.items, annotations.maps, strict=True)
        if map_file is not None
    }
    return index, maps


def decoded(root, source, map_file):
    """Class tokens of a whole map, ``-`` for what carries no label and ``?`` for what is not known."""
    manifest = source if not isinstance(source, str) else candidates(source)[0]
    tokens = {IGNORE: "-", UNKNOWN: "?", **dict(enumerate(manifest.classes))}
    with LabelMap(root / map_file.path) as label_map:
        rows = label_map.rows(0, label_map.height)
        flat = rows.reshape(-1) if rows.ndim == 2 else rows.reshape(-1, rows.shape[2])
        numbers = map_file.coding.decode(flat, label_map.palette)
        shape = label_map.height, label_map.width
    return np.array([tokens[n] for n in numbers.tolist()]).reshape(shape)


def stripes(root, source, map_file):
    """The different classes from left to right."""
    row = decoded(root, source, map_file)[0].tolist()
    return [token for n, token in enumerate(row) if n == 0 or row[n - 1] != token]


def ids(index):
    return [item.image_id for item in index.items]


class TestPotsdam:
    LABEL = "5_Labels_all/top_potsdam_2_10_label.tif"
    ERODED = "5_Labels_all_noBoundary/top_potsdam_2_10_label_noBoundary.tif"

    def picture(self, root, tile="2_10", kind="RGB", folder="2_Ortho_RGB"):
        return save(root / folder / f"top_potsdam_{tile}_{kind}.tif", GREY)

    def test_colours_mean_classes_in_the_order_red_green_blue(self, tmp_path):
        self.picture(tmp_path)
        save(tmp_path / self.LABEL, painted(ISPRS.values()))
        index, maps = read(tmp_path, "Potsdam")
        assert ids(index) == ["train/2_10"]
        assert stripes(tmp_path, "Potsdam", maps["train/2_10"]) == list(ISPRS)

    def test_a_map_that_compression_bent_is_read_right(self, tmp_path):
        self.picture(tmp_path, "4_12")
        exact = painted(ISPRS.values()).astype(int)
        bent = np.clip(exact + np.random.default_rng(0).integers(-85, 86, exact.shape), 0, 255)
        assert len(np.unique(bent.reshape(-1, 3), axis=0)) > 200
        bent[0, 0] = (225, 227, 227)
        bent[0, 6] = (9, 222, 221)
        path = "5_Labels_all/top_potsdam_4_12_label.tif"
        save(tmp_path / path, bent)
        _, maps = read(tmp_path, "Potsdam")
        found = decoded(tmp_path, "Potsdam", maps["train/4_12"])
        save(tmp_path / path, exact)
        np.testing.assert_array_equal(found, decoded(tmp_path, "Potsdam", maps["train/4_12"]))

    def test_cars_of_another_yellow_are_cars(self, tmp_path):
        self.picture(tmp_path, "6_7")
        path = tmp_path / "5_Labels_all/top_potsdam_6_7_label.tif"
        save(path, painted([(252, 255, 0), (255, 255, 0)]))
        _, maps = read(tmp_path, "Potsdam")
        assert stripes(tmp_path, "Potsdam", maps["train/6_7"]) == ["car"]

    def test_labels_without_boundaries_are_preferred_and_black_carries_no_label(self, tmp_path):
        self.picture(tmp_path)
        save(tmp_path / self.LABEL, painted([ISPRS["tree"], ISPRS["car"]]))
        index, maps = read(tmp_path, "Potsdam")
        assert index.items[0].label == self.LABEL
        save(tmp_path / self.ERODED, painted([ISPRS["tree"], (0, 0, 0), ISPRS["car"]]))
        index, maps = read(tmp_path, "Potsdam")
        assert index.items[0].label == maps["train/2_10"].path == self.ERODED
        assert stripes(tmp_path, "Potsdam", maps["train/2_10"]) == ["tree", "-", "car"]
        assert index.drops == ()

    def test_magenta_carries_no_label(self, tmp_path):
        self.picture(tmp_path)
        save(tmp_path / self.LABEL, painted([(255, 0, 255), ISPRS["tree"]]))
        _, maps = read(tmp_path, "Potsdam")
        nothing, tree = stripes(tmp_path, "Potsdam", maps["train/2_10"])
        assert nothing in "-?"
        assert tree == "tree"

    def test_copies_for_participants_count_only_where_there_is_nothing_else(self, tmp_path):
        self.picture(tmp_path)
        copy = "5_Labels_for_participants/top_potsdam_2_10_label.tif"
        save(tmp_path / copy, painted(ISPRS.values()))
        index, _ = read(tmp_path, "Potsdam")
        assert index.items[0].label == copy
        save(tmp_path / self.LABEL, painted(ISPRS.values()))
        index, _ = read(tmp_path, "Potsdam")
        assert index.items[0].label == self.LABEL
        assert index.drops == ()

    def test_an_eroded_copy_goes_before_a_full_label(self, tmp_path):
        self.picture(tmp_path)
        save(tmp_path / self.LABEL, painted(ISPRS.values()))
        copy = "5_Labels_for_participants_no_Boundary/top_potsdam_2_10_label_noBoundary.tif"
        save(tmp_path / copy, painted(ISPRS.values()))
        index, _ = read(tmp_path, "Potsdam")
        assert index.items[0].label == copy

    @pytest.mark.parametrize(
        ("picture", "label"),
        [("2_Ortho_RGB/2_Ortho_RGB", "a/b/5_Labels_all"), ("", ""), ("x", "x")],
        ids=["doubled", "flat", "one folder"],
    )
    def test_folders_nest_as_they_like(self, tmp_path, picture, label):
        save(tmp_path / picture / "top_potsdam_2_13_RGB.tif", GREY)
        save(tmp_path / label / "top_potsdam_2_13_label.tif", painted(ISPRS.values()))
        index, _ = read(tmp_path, "Potsdam")
        assert ids(index) == ["test/2_13"]
        assert index.items[0].image
        assert index.items[0].label

    def test_other_products_are_passed_over(self, tmp_path):
        self.picture(tmp_path)
        self.picture(tmp_path, kind="IRRG", folder="3_Ortho_IRRG")
        self.picture(tmp_path, kind="RGBIR", folder="4_Ortho_RGBIR")
        save(tmp_path / "1_DSM/dsm_potsdam_02_10.tif", GREY)
        (tmp_path / "2_Ortho_RGB/top_potsdam_2_10_RGB.tfw").write_text("0.05")
        save(tmp_path / self.LABEL, painted(ISPRS.values()))
        index, _ = read(tmp_path, "Potsdam")
        assert [item.image for item in index.items] == ["2_Ortho_RGB/top_potsdam_2_10_RGB.tif"]
        assert index.drops == ()

    def test_four_bands_give_a_picture_of_their_first_three(self, tmp_path, read_rows):
        path = tmp_path / "raw/4_Ortho_RGBIR/top_potsdam_2_10_RGBIR.tif"
        path.parent.mkdir(parents=True)
        profile = {"driver": "GTiff", "width": SIDE, "height": SIDE, "count": 4, "dtype": "uint8"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path, "w", photometric="minisblack", **profile) as file:
                file.write(np.stack([np.full((SIDE, SIDE), v, np.uint8) for v in (10, 20, 30, 200)]))
        save(tmp_path / "raw" / self.LABEL, painted([ISPRS["tree"]]))
        build("Potsdam", tmp_path / "raw", tmp_path / "out", Settings(tile=0, patch=8), workers=1)
        [row] = read_rows(tmp_path / "out", pictures=True)
        picture = tmp_path / "picture.png"
        picture.write_bytes(row["image"]["bytes"])
        with Image.open(picture) as image:
            assert (image.mode, image.getpixel((3, 3))) == ("RGB", (10, 20, 30))

    def test_the_split_is_the_official_one(self, tmp_path):
        named = candidates("Potsdam")[0].splits.named
        tiles = [tile for of_split in named.values() for tile in of_split]
        assert {split: len(of_split) for split, of_split in named.items()} == {"train": 24, "test": 14}
        rows = {2: (10, 14), 3: (10, 14), 4: (10, 15), 5: (10, 15), 6: (7, 15), 7: (7, 13)}
        assert sorted(tiles) == sorted(f"{r}_{c}" for r, (a, b) in rows.items() for c in range(a, b + 1))
        for tile in tiles:
            self.picture(tmp_path, tile)
            save(tmp_path / f"top_potsdam_{tile}_label.tif", GREY)
        index, _ = read(tmp_path, "Potsdam")
        assert Counter(item.split for item in index.items) == {"train": 24, "test": 14}
        assert index.notices == ()

    def test_a_tile_that_some_papers_leave_out_is_kept_unless_it_is_excluded(self, tmp_path):
        self.picture(tmp_path, "7_10")
        save(tmp_path / "top_potsdam_7_10_label.tif", painted(ISPRS.values()))
        index, _ = read(tmp_path, "Potsdam")
        assert ids(index) == ["train/7_10"]
        without = candidates("Potsdam")[0].model_copy(update={"exclude": {"7_10": "said to be wrong"}})
        index, _ = read(tmp_path, without)
        assert [(d.reason, d.image_id, d.expected) for d in index.drops] == [
            (Reason.EXCLUDED, "train/7_10", "said to be wrong")
        ]

    def test_a_second_picture_of_a_tile_is_told(self, tmp_path):
        self.picture(tmp_path, folder="a")
        self.picture(tmp_path, folder="b")
        save(tmp_path / self.LABEL, GREY)
        index, _ = read(tmp_path, "Potsdam")
        [drop] = index.drops
        assert (drop.kind, drop.reason, drop.file) == (
            "image",
            Reason.DUPLICATE_STEM,
            "b/top_potsdam_2_10_RGB.tif",
        )

    def test_what_has_no_partner_stays_for_the_build_to_report(self, tmp_path):
        self.picture(tmp_path, "2_11")
        save(tmp_path / self.LABEL, GREY)
        index, _ = read(tmp_path, "Potsdam")
        assert [(i.image_id, i.image is None, i.label is None) for i in index.items] == [
            ("train/2_10", True, False),
            ("train/2_11", False, True),
        ]


class TestVaihingen:
    TOP = "ISPRS_semantic_labeling_Vaihingen/top"

    def test_picture_and_label_of_one_name_are_told_by_their_folders(self, tmp_path):
        save(tmp_path / self.TOP / "top_mosaic_09cm_area1.tif", GREY)
        save(
            tmp_path / "ground_truth_COMPLETE/top_mosaic_09cm_area1.tif",
            painted([ISPRS["tree"], ISPRS["car"]]),
        )
        index, maps = read(tmp_path, "Vaihingen")
        [item] = index.items
        assert item.image_id == "train/area1"
        assert item.image == f"{self.TOP}/top_mosaic_09cm_area1.tif"
        assert item.label == "ground_truth_COMPLETE/top_mosaic_09cm_area1.tif"
        assert stripes(tmp_path, "Vaihingen", maps["train/area1"]) == ["tree", "car"]

    def test_a_flat_unzip_beside_the_pictures_works(self, tmp_path):
        save(tmp_path / "top/top_mosaic_09cm_area2.tif", GREY)
        save(tmp_path / "top_mosaic_09cm_area2.tif", painted(ISPRS.values()))
        index, _ = read(tmp_path, "Vaihingen")
        [item] = index.items
        assert (item.image_id, item.label) == ("test/area2", "top_mosaic_09cm_area2.tif")

    def test_eroded_labels_are_preferred_and_copies_stand_back(self, tmp_path):
        save(tmp_path / self.TOP / "top_mosaic_09cm_area1.tif", GREY)
        for folder, name in (
            ("gts_for_participants", "area1"),
            ("complete", "area1"),
            ("gts_eroded_for_participants", "area1_noBoundary"),
            ("eroded", "area1_noBoundary"),
        ):
            save(tmp_path / folder / f"top_mosaic_09cm_{name}.tif", painted(ISPRS.values()))
        index, _ = read(tmp_path, "Vaihingen")
        [item] = index.items
        assert item.label == "eroded/top_mosaic_09cm_area1_noBoundary.tif"
        assert index.drops == ()

    def test_the_stray_label_of_area9_is_left_out_by_design(self, tmp_path):
        save(tmp_path / self.TOP / "top_mosaic_09cm_area1.tif", GREY)
        for area in (1, 9):
            save(tmp_path / f"eroded/top_mosaic_09cm_area{area}_noBoundary.tif", painted(ISPRS.values()))
        index, _ = read(tmp_path, "Vaihingen")
        assert ids(index) == ["train/area1"]
        [drop] = index.drops
        assert (drop.reason, drop.image_id) == (Reason.EXCLUDED, "train/area9")

    def test_mosaics_and_heights_are_passed_over(self, tmp_path):
        save(tmp_path / self.TOP / "top_mosaic_09cm_area1.tif", GREY)
        save(tmp_path / "dsm/dsm_09cm_matching_area1.tif", GREY)
        save(tmp_path / "TOP_Mosaic_09cm.tif", GREY)
        save(tmp_path / "complete/top_mosaic_09cm_area1.tif", painted(ISPRS.values()))
        index, _ = read(tmp_path, "Vaihingen")
        assert len(index.items) == 1
        assert index.drops == ()

    def test_the_split_is_the_official_one(self):
        named = candidates("Vaihingen")[0].splits.named
        assert {split: len(of_split) for split, of_split in named.items()} == {"train": 16, "test": 17}
        areas = [f"area{n}" for n in range(1, 39) if n not in (9, 18, 19, 25, 36)]
        assert sorted(a for of_split in named.values() for a in of_split) == sorted(areas)


def change_mask(first, second):
    """A mask of two dates: class numbers in red and green, 2 in blue where they differ."""
    first, second = (np.asarray(half, np.uint8) for half in (first, second))
    return np.stack([first, second, np.where(first == second, 1, 2).astype(np.uint8)], axis=2)


class TestHiUCD:
    FIRST = np.repeat([0, 1, 9, 3], 4)[None].repeat(SIDE, 0)
    SECOND = np.repeat([2, 0, 8, 3], 4)[None].repeat(SIDE, 0)

    def release(self, root, source, *, mask=None):
        """One pair a split as the release has it: its years, its folders, and no masks where it has none."""
        mini = source == "Hi-UCD-mini"
        level, name = ("9/", "583536_18") if mini else ("", "0")
        for split in ("train", "val", "test"):
            years = ("2017", "2018") if mini and split != "test" else ("2018", "2019")
            for year in years:
                save(root / f"{split}/image/{year}/{level}{name}.png", GREY)
            if mini or split != "test":
                folder = f"{split}/{'mask_merge' if mini else 'mask'}/{'_'.join(years)}/{level}"
                pixels = change_mask(self.FIRST, self.SECOND) if mask is None else mask
                save(root / f"{folder}{name}.png", pixels)
        return root

    @pytest.mark.parametrize("source", ["Hi-UCD", "Hi-UCD-mini"])
    def test_each_date_of_a_pair_is_an_image_with_a_channel_of_its_own(self, tmp_path, source):
        root = self.release(tmp_path, source)
        with Image.open(next(root.glob("train/mask*/*/**/*.png"))) as image:
            assert image.convert("L").getextrema()[1] < 10  # it looks black
        index, maps = read(root, source)
        name = "583536_18" if source == "Hi-UCD-mini" else "0"
        years = {"train": (2018, 2019), "val": (2018, 2019)}
        if source == "Hi-UCD-mini":
            years = {"train": (2017, 2018), "val": (2017, 2018), "test": (2018, 2019)}
        assert set(maps) == {f"{split}/{year}/{name}" for split, both in years.items() for year in both}
        for split, (first, second) in years.items():
            early, late = maps[f"{split}/{first}/{name}"], maps[f"{split}/{second}/{name}"]
            assert early.path == late.path
            assert stripes(root, source, early) == ["-", "water", "woodland", "building"]
            assert stripes(root, source, late) == ["grass", "-", "bare_land", "building"]
        withheld = [d.image_id for d in index.drops if d.reason == Reason.UNLABELLED_SPLIT]
        assert withheld == ([] if "test" in years else [f"test/2018/{name}", f"test/2019/{name}"])

    def test_every_number_is_a_class_and_others_are_not_known(self, tmp_path):
        numbers = np.arange(SIDE)[None].repeat(SIDE, 0)
        root = self.release(tmp_path, "Hi-UCD", mask=change_mask(numbers, numbers))
        _, maps = read(root, "Hi-UCD")
        found = decoded(root, "Hi-UCD", maps["train/2018/0"])[0].tolist()
        assert found[:10] == ["-", *candidates("Hi-UCD")[0].classes]
        assert set(found[10:]) == {"?"}

    def test_the_colours_of_the_display_table_mean_nothing(self, tmp_path):
        root = self.release(tmp_path, "Hi-UCD", mask=painted([(230, 0, 0), (26, 255, 0)]))
        _, maps = read(root, "Hi-UCD")
        assert set(decoded(root, "Hi-UCD", maps["train/2018/0"]).ravel()) == {"?"}

    def test_pairs_are_made_by_name_and_what_is_missing_is_told(self, tmp_path):
        root = self.release(tmp_path, "Hi-UCD")
        save(root / "train/mask/2018_2019/1.png", change_mask(self.FIRST, self.SECOND))
        save(root / "train/image/2019/1.png", GREY)
        save(root / "train/image/2018/2.png", GREY)
        index, _ = read(root, "Hi-UCD")
        state = {i.image_id: (bool(i.image), bool(i.label)) for i in index.items if i.split == "train"}
        assert state == {
            "train/2018/0": (True, True),
            "train/2019/0": (True, True),
            "train/2018/1": (False, True),
            "train/2019/1": (True, True),
            "train/2018/2": (True, False),
        }

    def test_the_two_releases_are_told_apart(self, tmp_path):
        for source in ("Hi-UCD", "Hi-UCD-mini"):
            self.release(tmp_path / source, source)
        with pytest.raises(RsvpError, match="no Hi-UCD found"):
            index_release(tmp_path / "Hi-UCD-mini", candidates("Hi-UCD")[0])
        with pytest.raises(RsvpError, match="no Hi-UCD-mini found"):
            index_release(tmp_path / "Hi-UCD", candidates("Hi-UCD-mini")[0])


class TestUAVid:
    def release(self, root, label, *, size=(SIDE, SIDE)):
        for split, sequence in (("train", 1), ("train", 3), ("val", 67), ("test", 21)):
            folder = root / f"uavid_v1.5_official_release_image/uavid_{split}/seq{sequence}"
            for frame in ("000000", "000100"):
                save(folder / f"Images/{frame}.png", np.zeros((*size, 3)))
                if split != "test":
                    save(folder / f"Labels/{frame}.png", label)
        return root

    def test_black_is_a_class_and_a_colour_of_no_class_is_not_known(self, tmp_path):
        colours = candidates("UAVid")[0].layout["colours"]
        root = self.release(tmp_path, painted([*colours.values(), (1, 2, 3)], (SIDE, 54)))
        _, maps = read(root, "UAVid")
        assert stripes(root, "UAVid", maps["train/seq1/000000"]) == [*colours, "?"]
        assert next(iter(colours)) == "Clutter"
        assert colours["Clutter"] == [0, 0, 0]

    def test_sequences_are_found_by_name_whatever_their_number(self, tmp_path):
        index, _ = read(self.release(tmp_path, GREY), "UAVid")
        assert ids(index) == [
            f"{split}/seq{n}/{frame}"
            for split, n in (("train", 1), ("train", 3), ("val", 67))
            for frame in ("000000", "000100")
        ]
        assert {d.image_id for d in index.drops} == {"test/seq21/000000", "test/seq21/000100"}
        assert {d.reason for d in index.drops} == {Reason.UNLABELLED_SPLIT}

    def test_folders_that_the_toolkit_renamed_are_splits_too(self, tmp_path):
        for split in ("train", "valid"):
            save(tmp_path / f"{split}/seq1/Images/000000.png", GREY)
            save(tmp_path / f"{split}/seq1/Labels/000000.png", GREY)
        index, _ = read(tmp_path, "UAVid")
        assert ids(index) == ["train/seq1/000000", "val/seq1/000000"]

    @pytest.mark.parametrize("width", [3840, 4096])
    def test_the_last_row_of_patches_is_half_as_high(self, tmp_path, width):
        root = tmp_path / "raw"
        save(root / "train/seq1/Images/000000.png", np.zeros((2160, width, 3)))
        save(root / "train/seq1/Labels/000000.png", np.zeros((2160, width, 3)))
        summary = build("UAVid", root, tmp_path / "out", Settings(), workers=1).summary
        assert summary["objects"]["written"] == width // 32 * 68
        assert summary["classes"] == {"background clutter": width // 32 * 68}


AERIAL = "3. The cropped image tiles and raster labels"
CITIES = "Satellite dataset \u2160 (global cities)"
ASIA = "Satellite dataset \u2161 (East Asia)/1. The cropped image data and raster labels"


class TestWHU:
    MASK = np.zeros((SIDE, SIDE), bool)
    MASK[2:6, 3:9] = True

    def label(self, path, kind="bit"):
        """A label as the release has it (one bit, 0 is white), or as copies of it have it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "bit":
            image = Image.fromarray(self.MASK.astype(np.uint8) * 255).convert("1")
            image.save(path, compression="tiff_ccitt", tiffinfo={262: 0})
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                with rasterio.open(path) as file:
                    # The trap: as it comes from this library, 1 is what is no building.
                    assert (file.read(1) == ~self.MASK).all()
        else:
            save(path, self.MASK * {"bytes": 255, "ones": 1}[kind])

    def tile(self, folder, name, kind="bit"):
        save(folder / f"image/{name}.tif", GREY)
        self.label(folder / f"label/{name}.tif", kind)

    def whole(self, root):
        """All three products below one folder."""
        for split, name in (("train", "0"), ("val", "val_0"), ("test", "0")):
            self.tile(root / AERIAL / split, name)
        self.tile(root / CITIES, "7")
        for part, name in (("train", "1_5"), ("train_no", "2_6"), ("test", "8"), ("test_no", "8")):
            self.tile(root / ASIA / part, name)
        whole = root / "Satellite dataset \u2161 (East Asia)/2. The shape file of the whole images"
        save(whole / "EA1.tif", GREY)
        (whole / "EA.shp").write_bytes(b"shape")
        return root

    @pytest.mark.parametrize("kind", ["bit", "bytes", "ones"])
    @pytest.mark.parametrize(
        ("source", "folder"),
        [
            ("WHU-Building", f"{AERIAL}/train"),
            ("WHU-Building-Satellite-I", CITIES),
            ("WHU-Building-Satellite-II", f"{ASIA}/train"),
        ],
    )
    def test_white_is_building_however_it_is_stored(self, tmp_path, source, folder, kind):
        self.tile(tmp_path / folder, "1", kind)
        _, maps = read(tmp_path, source)
        found = decoded(tmp_path, source, maps["train/1"])
        np.testing.assert_array_equal(found, np.where(self.MASK, "building", "background"))

    def test_each_product_is_told_from_the_others_below_one_folder(self, tmp_path):
        root = self.whole(tmp_path)
        for source, expected in (
            ("WHU-Building", ["test/0", "train/0", "val/val_0"]),
            ("WHU-Building-Satellite-I", ["train/7"]),
            ("WHU-Building-Satellite-II", ["test/8", "test_no/8", "train/1_5", "train_no/2_6"]),
        ):
            index, _ = read(root, source)
            assert ids(index) == expected
            assert all(item.image and item.label for item in index.items)
            assert index.drops == ()

    @pytest.mark.parametrize(
        ("source", "below", "expected"),
        [
            ("WHU-Building", AERIAL, 3),
            ("WHU-Building-Satellite-I", CITIES, 1),
            ("WHU-Building-Satellite-II", ASIA, 4),
        ],
    )
    def test_the_root_may_be_the_product_itself(self, tmp_path, source, below, expected):
        index, _ = read(self.whole(tmp_path) / below, source)
        assert len(index.items) == expected

    def test_a_folder_whose_name_a_broken_archive_spoilt_is_read(self, tmp_path):
        self.tile(tmp_path / "Satellite dataset \u00f3\u00b1 (global cities)", "7")
        index, _ = read(tmp_path, "WHU-Building-Satellite-I")
        assert ids(index) == ["train/7"]

    def test_background_is_a_class_unless_the_settings_leave_it_out(self, tmp_path, read_rows):
        root = tmp_path / "raw"
        self.tile(root / AERIAL / "train", "1")
        for background, expected in ((True, {"background", "building"}), (False, {"building"})):
            out = tmp_path / f"out-{background}"
            settings = Settings(tile=0, patch=4, background=background)
            build("WHU-Building", root, out, settings, workers=1)
            labels = {mark["label"] for row in read_rows(out) for mark in row["marks"]}
            assert labels == expected
        manifest = without_background(candidates("WHU-Building")[0])
        _, maps = read(root, manifest)
        assert set(decoded(root, manifest, maps["train/1"]).ravel()) == {"-", "building"}


LAYOUT = {
    "images": [r"(?P<tile>\d+)\.png$"],
    "maps": [{"path": r"(?P<tile>\d+)_map\.png$"}],
    "name": "{tile}",
    "values": {"background": [0], "building": [1]},
}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": []}, r"layout\.images"),
        ({"images": ["("]}, r"'\(' is no regular expression"),
        ({"images": [r"(\d+)"]}, "has no group named 'tile'"),
        ({"maps": [{"path": r"(?P<stem>\d+)"}]}, "has no group named 'tile'"),
        ({"maps": [{"path": "(?P<tile>x)", "band": -1}]}, r"layout\.maps\.0\.band"),
        ({"name": "tile"}, "holds no group"),
        ({"values": None}, "either colours or values"),
        ({"colours": {"building": [1, 2, 3]}}, "either colours or values"),
        ({"values": {"bulding": [1]}}, "'bulding' is no class, expected one of background, building"),
        ({"values": {"background": [1], "building": [1]}}, "1 means 'background' and 'building'"),
        ({"values": {"building": [-1]}}, r"layout\.values\.building\.0"),
        ({"threshold": 127}, "values have no threshold"),
        ({"values": None, "colours": {"building": [0, 0, 300]}}, r"layout\.colours\.building\.2"),
        (
            {
                "values": None,
                "colours": {"building": [0, 0, 200], "background": [0, 0, 255]},
                "threshold": 127,
            },
            "leaves classes",
        ),
        ({"imags": []}, r"layout\.imags"),
    ],
)
def test_a_layout_that_does_not_fit_is_told(tmp_path, change, message):
    manifest = candidates("WHU-Building")[0].model_copy(update={"layout": {**LAYOUT, **change}})
    with pytest.raises(ManifestError, match=message):
        index_release(tmp_path, manifest)


SOURCES = [
    "Potsdam",
    "Vaihingen",
    "Hi-UCD",
    "Hi-UCD-mini",
    "UAVid",
    "WHU-Building",
    "WHU-Building-Satellite-I",
    "WHU-Building-Satellite-II",
]


@pytest.mark.parametrize("source", SOURCES)
def test_a_folder_without_the_release_is_a_mistake_with_a_message(tmp_path, source):
    save(tmp_path / "other/1.png", GREY)
    with pytest.raises(RsvpError, match=rf"no {source} found: .*rsvp-build show {source}"):
        index_release(tmp_path, candidates(source)[0])


@pytest.mark.parametrize("source", SOURCES)
def test_tiles_of_semantic_maps_do_not_overlap(source):
    assert Settings().resolved(candidates(source)[0]).overlap == 0


class TestReal:
    """A crop of a Potsdam tile and two tiles of WHU, counted here by another library."""

    def test_the_crop_of_potsdam_has_the_classes_that_its_colours_say(self, samples):
        root = samples / "isprs_raw_layout_512crops/Potsdam"
        index, maps = read(root, "Potsdam")
        assert ids(index) == ["train/2_10"]
        [map_file] = maps.values()
        with Image.open(root / map_file.path) as image:
            pixels = np.asarray(image.convert("RGB"))
        table = {colour: token for token, colour in ISPRS.items()} | {(0, 0, 0): "-"}
        expected = np.array([table[tuple(p)] for p in pixels.reshape(-1, 3).tolist()]).reshape(512, 512)
        found = decoded(root, "Potsdam", map_file)
        np.testing.assert_array_equal(found, expected)
        assert (found == "-").mean() == pytest.approx(0.094, abs=0.0005)

    def test_points_of_the_crop_lie_on_the_colour_of_their_class(self, samples, tmp_path, read_rows):
        root = samples / "isprs_raw_layout_512crops/Potsdam"
        summary = build("Potsdam", root, tmp_path, Settings(tile=0), workers=1).summary
        assert summary["objects"]["seen"] == 256
        _, maps = read(root, "Potsdam")
        tokens = decoded(root, "Potsdam", maps["train/2_10"])
        labels = candidates("Potsdam")[0].classes
        marks = [mark for row in read_rows(tmp_path) for mark in row["marks"]]
        assert len(marks) == summary["objects"]["written"] > 200
        for mark in marks:
            x, y = mark["xy"]
            assert labels[tokens[int(y), int(x)]] == mark["label"]

    def test_the_share_of_buildings_is_not_that_of_the_background(self, samples):
        root = samples / "whu_building_aerial"
        index, maps = read(root, "WHU-Building")
        assert ids(index) == ["test/0", "val/val_0"]
        shares = {}
        for image_id, map_file in maps.items():
            found = decoded(root, "WHU-Building", map_file)
            with Image.open(root / map_file.path) as image:
                assert image.mode == "1"
                white = np.asarray(image.convert("L")) > 127
            np.testing.assert_array_equal(found == "building", white)
            assert set(found.ravel()) <= {"building", "background"}
            shares[image_id] = white.mean()
        assert all(share < 0.3 for share in shares.values())
        assert 0 in shares.values()
