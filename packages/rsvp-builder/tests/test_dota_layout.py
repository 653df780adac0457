"""Which files of a DOTA folder are found, as what, and which version they are taken for."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rsvp_builder import readers
from rsvp_builder.catalog import candidates, shipped
from rsvp_builder.demo.dota import Release, label_folder, label_text, write_release
from rsvp_builder.demo.drawing import DrawnObject
from rsvp_builder.errors import RsvpError
from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.manifest import Manifest, ManifestError, Splits
from rsvp_builder.readers import Index, scan
from rsvp_builder.readers.dota.layout import index_release, layout_of, recognise_version
from rsvp_builder.record import Item

VERSIONS = ("1.0", "1.5", "2.0")
PNG = b"\x89PNG, never opened here"


def manifest(version: str) -> Manifest:
    return shipped()[f"DOTA-v{version}"]


def put(root: Path, *files: str, data: bytes | None = None) -> None:
    """Make files: pictures and labels that only their names matter of, unless ``data`` is given."""
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if data is not None else PNG if path.suffix != ".txt" else b"")


def labels(*categories: str, header: bool = False) -> bytes:
    objects = [DrawnObject((1.0, 2.0, 9.0, 2.0, 9.0, 8.0, 1.0, 8.0), name, 0) for name in categories]
    return label_text(objects, image_source="GoogleEarth", gsd=None, header=header)


def pairs(index: Index) -> dict[str, tuple[str | None, str | None]]:
    return {item.image_id: (item.image, item.label) for item in index.items}


def named(drops: tuple[Drop, ...]) -> list[tuple[str, str, Reason]]:
    return [(drop.image_id, drop.file, drop.reason) for drop in drops]


@pytest.fixture(scope="module", params=VERSIONS)
def any_release(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A miniature release of each version; do not write into it."""
    return write_release(tmp_path_factory.mktemp("layout") / "DOTA", version=request.param, train=3, val=2)


class TestReleases:
    def test_each_version_is_recognised_among_all(self, any_release) -> None:
        found = recognise_version(any_release.root, candidates("DOTA"))
        assert found.version == any_release.version

    def test_every_labelled_image_is_found_with_its_own_label(self, any_release) -> None:
        index = index_release(any_release.root, manifest(any_release.version))
        folder = {split: label_folder(any_release.version, split) for split in ("train", "val")}
        assert pairs(index) == {
            image_id: (
                f"{image_id.split('/')[0]}/images/{image_id.split('/')[1]}.png",
                f"{folder[image_id.split('/')[0]]}/{image_id.split('/')[1]}.txt",
            )
            for image_id in any_release.images
        }
        assert index.notices == ()

    def test_images_of_the_hidden_split_are_dropped_as_unlabelled(self, any_release) -> None:
        index = index_release(any_release.root, manifest(any_release.version))
        assert {drop.reason for drop in index.drops} == {Reason.UNLABELLED_SPLIT}
        assert {drop.kind for drop in index.drops} == {"image"}
        written = {name.replace("test-dev", "test_dev") for name in any_release.unlabelled}
        assert {drop.image_id for drop in index.drops} == written

    def test_sizes_are_those_on_disk(self, any_release) -> None:
        for item in index_release(any_release.root, manifest(any_release.version)).items:
            assert item.image_bytes == (any_release.root / item.image).stat().st_size
            assert item.label_bytes == (any_release.root / item.label).stat().st_size

    def test_only_version_2_has_metadata_files_and_each_image_gets_its_own(self, any_release) -> None:
        for item in index_release(any_release.root, manifest(any_release.version)).items:
            split, stem = item.image_id.split("/")
            meta = f"{split}/labelTxt-v2.0/{split}_meta/meta/{stem}.txt"
            assert item.meta == (meta if any_release.version == "2.0" else None)

    def test_an_explicit_older_version_reads_its_own_labels(self, tmp_path) -> None:
        write_release(tmp_path, version="2.0", train=3, val=1, test=0)
        index = index_release(tmp_path, manifest("1.0"))
        labelled = [item for item in index.items if item.label]
        assert labelled
        assert all("/labelTxt/" in item.label for item in labelled)

    @pytest.mark.parametrize("version", ["1.0", "1.5"])
    def test_hidden_images_of_version_2_are_no_training_images_of_an_older_one(
        self, tmp_path, version
    ) -> None:
        put(tmp_path, "train/images/P1.png", f"train/labelTxt-v{version}/P1.txt")
        put(tmp_path, "test-dev/images/P2.png", "test-challenge/images/P3.png")
        index = index_release(tmp_path, manifest(version))
        assert set(pairs(index)) == {"train/P1"}
        assert {drop.reason for drop in index.drops} == {Reason.UNLABELLED_SPLIT}

    def test_a_version_that_is_not_there_is_refused_and_the_others_are_named(self, tmp_path) -> None:
        put(tmp_path, "train/images/P0.png", "train/labelTxt-v1.5/DOTA-v1.5_train/P0.txt")
        with pytest.raises(RsvpError) as caught:
            index_release(tmp_path, manifest("2.0"))
        assert "labelTxt-v1.5" in str(caught.value)
        assert "DOTA-v2.0" in str(caught.value)

    def test_headers_decide_over_a_class_that_only_version_2_has(self, tmp_path) -> None:
        put(tmp_path, "train/images/P0.png")
        put(tmp_path, "train/labelTxt/P0.txt", data=labels("airport", header=True))
        chosen = recognise_version(tmp_path, [manifest("2.0"), manifest("1.5"), manifest("1.0")])
        assert chosen.version == "1.5"
        assert len(index_release(tmp_path, chosen).items) == 1

    def test_version_1_labels_are_refused_for_an_explicit_version_2(self, tmp_path) -> None:
        put(tmp_path, "train/images/P0.png")
        put(tmp_path, "train/labelTxt/P0.txt", data=labels("ship", header=True))
        with pytest.raises(RsvpError, match="imagesource/gsd") as caught:
            index_release(tmp_path, manifest("2.0"))
        assert "train/labelTxt" in str(caught.value)

    def test_labels_without_header_in_a_plain_folder_will_do_for_version_2(self, tmp_path) -> None:
        put(tmp_path, "train/images/P0.png")
        put(tmp_path, "train/labelTxt/P0.txt", data=labels("airport"))
        index = index_release(tmp_path, manifest("2.0"))
        assert pairs(index) == {"train/P0": ("train/images/P0.png", "train/labelTxt/P0.txt")}


class TestRecognising:
    @pytest.mark.parametrize(
        ("folders", "version"),
        [
            (["labelTxt-v2.0/DOTA-v2.0_train", "labelTxt"], "2.0"),
            (["labelTxt-v2.0/DOTA-v2.0_train", "labelTxt-v1.5/DOTA-v1.5_train", "labelTxt"], "2.0"),
            (["labelTxt-v1.5/DOTA-v1.5_train", "labelTxt"], "1.5"),
            (["labelTxt-v1.5/DOTA-v1.5_train"], "1.5"),
            (["labelTxt-v1.0/labelTxt"], "1.0"),
            (["labelTxt-v1.0"], "1.0"),
            (["LABELTXT-V2.0"], "2.0"),
        ],
    )
    def test_a_folder_named_for_a_version_decides_and_the_newest_wins(
        self, tmp_path, folders, version
    ) -> None:
        for folder in folders:
            put(tmp_path, f"train/{folder}/P0.txt", data=labels("ship", header=True))
        assert recognise_version(tmp_path, candidates("DOTA")).version == version

    @pytest.mark.parametrize(
        ("files", "version"),
        [
            ([labels("ship", header=True)], "1.0"),
            ([labels("ship", header=True), labels("container-crane", header=True)], "1.5"),
            ([labels("container-crane"), labels("ship", header=True)], "1.5"),
            ([labels("ship")], "2.0"),
            ([labels("ship"), labels("airport")], "2.0"),
            ([labels("helipad", "container-crane")], "2.0"),
            ([labels("no-class-of-dota", header=True)], "1.0"),
            ([labels(header=True)], "1.0"),
            ([b"", labels("ship", header=True)], "1.0"),
            ([b"\xff\xfe\x00", labels("container-crane", header=True)], "1.5"),
        ],
    )
    def test_plain_label_folders_are_told_by_their_content(self, tmp_path, files, version) -> None:
        for number, data in enumerate(files):
            put(tmp_path, f"train/labelTxt/P{number}.txt", data=data)
        assert recognise_version(tmp_path, candidates("DOTA")).version == version

    def test_the_horizontal_variant_alone_is_no_version(self, tmp_path) -> None:
        put(tmp_path, "train/labelTxt-v1.5/DOTA-v1.5_train_hbb/P0.txt")
        with pytest.raises(RsvpError, match="no labels of DOTA"):
            recognise_version(tmp_path, candidates("DOTA"))

    def test_metadata_alone_is_no_version(self, tmp_path) -> None:
        put(tmp_path, "train/labelTxt-v2.0/train_meta/meta/P0.txt")
        with pytest.raises(RsvpError, match="no labels of DOTA"):
            recognise_version(tmp_path, candidates("DOTA"))

    @pytest.mark.parametrize("look", [recognise_version, index_release])
    def test_an_empty_folder_is_told_with_what_was_looked_for(self, tmp_path, look) -> None:
        what = candidates("DOTA") if look is recognise_version else manifest("2.0")
        with pytest.raises(RsvpError) as caught:
            look(tmp_path, what)
        message = str(caught.value)
        assert str(tmp_path) in message
        assert "labelTxt-v2.0" in message
        assert "holds 0 files" in message

    @pytest.mark.parametrize("look", [recognise_version, index_release])
    @pytest.mark.parametrize("kind", ["missing", "a file"])
    def test_a_root_that_is_no_folder_is_told(self, tmp_path, look, kind) -> None:
        root = tmp_path / "DOTA"
        if kind == "a file":
            root.write_bytes(b"")
        what = candidates("DOTA") if look is recognise_version else manifest("2.0")
        with pytest.raises(RsvpError, match="not a folder") as caught:
            look(root, what)
        assert str(root) in str(caught.value)

    @pytest.mark.parametrize("archive", ["part1.zip", "labelTxt.tar.gz", "train/x.7z"])
    def test_archives_that_were_not_unpacked_are_pointed_at(self, tmp_path, archive) -> None:
        put(tmp_path, archive, "readme.md")
        with pytest.raises(RsvpError, match="Unpack") as caught:
            recognise_version(tmp_path, candidates("DOTA"))
        assert archive in str(caught.value)

    def test_a_folder_of_images_alone_is_counted_in_the_message(self, tmp_path) -> None:
        put(tmp_path, "train/images/P0.png", "train/images/P1.png", "train/images/note.md")
        with pytest.raises(RsvpError, match="holds 3 files, 2 of them images"):
            index_release(tmp_path, manifest("2.0"))

    def test_a_wrong_layout_table_is_told_with_manifest_and_key(self) -> None:
        wrong = manifest("2.0").model_copy(update={"layout": {"labels": ["x"], "header": "maybe"}})
        with pytest.raises(ManifestError, match=r"DOTA-v2\.0.*layout\.header"):
            layout_of(wrong)


class TestPairing:
    @pytest.mark.parametrize(
        ("image", "label", "image_id"),
        [
            ("train/images/P1.png", "train/labelTxt-v2.0/P1.txt", "train/P1"),
            ("train/part1/images/P1.png", "train/labelTxt-v2.0/DOTA-v2.0_train/P1.txt", "train/P1"),
            ("train/images/part6/images/P1.png", "train/labelTxt-v2.0/P1.txt", "train/P1"),
            ("DOTA/v2/val/images/P1.png", "DOTA/v2/val/labelTxt-v2.0/P1.txt", "val/P1"),
            ("images/train/P1.png", "labelTxt-v2.0/train/P1.txt", "train/P1"),
            ("Train/Images/P1.PNG", "TRAIN/LabelTxt-V2.0/P1.TXT", "train/P1"),
            ("images/P1.png", "labelTxt-v2.0/val/P1.txt", "val/P1"),
            ("images/P1.png", "labelTxt-v2.0/DOTA-v2.0_val/P1.txt", "val/P1"),
            ("val/images/P1.png", "labelTxt-v2.0/P1.txt", "val/P1"),
            ("DOTA-v2.0_train/P1.png", "labelTxt-v2.0/DOTA-v2.0_train/P1.txt", "train/P1"),
            ("val_images/P1.png", "labelTxt-v2.0/val_labels/P1.txt", "val/P1"),
            ("train/val/images/P1.png", "val/labelTxt-v2.0/P1.txt", "val/P1"),
            ("train/images/P1.tif", "train/labelTxt-v2.0/P1.txt", "train/P1"),
            ("train/images/P1.JPG", "train/labelTxt-v2.0/P1.txt", "train/P1"),
        ],
    )
    def test_images_and_labels_meet_however_the_archives_were_unpacked(
        self, tmp_path, image, label, image_id
    ) -> None:
        put(tmp_path, image, label)
        index = index_release(tmp_path, manifest("2.0"))
        assert pairs(index) == {image_id: (image, label)}
        assert index.items[0].split == image_id.split("/")[0]
        assert index.drops == ()
        assert index.notices == ()

    def test_files_under_no_split_folder_go_to_the_default_with_a_notice(self, tmp_path) -> None:
        put(tmp_path, "images/P1.png", "labelTxt-v2.0/P1.txt", "images/P2.png", "labelTxt-v2.0/P2.txt")
        index = index_release(tmp_path, manifest("2.0"))
        assert set(pairs(index)) == {"train/P1", "train/P2"}
        (notice,) = index.notices
        assert "'train': 2" in notice
        assert "test-dev" in notice

    @pytest.mark.parametrize(
        ("folder", "split"),
        [
            ("test-dev", "test_dev"),
            ("test-challenge", "test_challenge"),
            ("test", "test"),
            ("Test-Dev", "test_dev"),
        ],
    )
    def test_images_of_unlabelled_splits_are_dropped_and_counted(self, tmp_path, folder, split) -> None:
        put(tmp_path, "train/labelTxt-v2.0/P1.txt", f"{folder}/images/P7.png", f"{folder}/images/P8.png")
        drops = index_release(tmp_path, manifest("2.0")).drops
        assert named(drops) == [
            (f"{split}/P{n}", f"{folder}/images/P{n}.png", Reason.UNLABELLED_SPLIT) for n in (7, 8)
        ]
        assert split in drops[0].expected

    def test_the_longest_folder_name_that_fits_decides_the_split(self, tmp_path) -> None:
        splits = Splits(labelled={"train": ["train"]}, unlabelled={"test": ["test"], "dev": ["test_dev"]})
        named_so = manifest("2.0").model_copy(update={"splits": splits})
        put(
            tmp_path, "train/labelTxt-v2.0/P1.txt", "test_dev/P2.png", "DOTA_test_dev/P3.png", "a_test/P4.png"
        )
        drops = index_release(tmp_path, named_so).drops
        assert {drop.image_id for drop in drops} == {"dev/P2", "dev/P3", "test/P4"}

    def test_what_has_no_counterpart_is_kept_alone(self, tmp_path) -> None:
        put(tmp_path, "train/images/P1.png", "train/labelTxt-v2.0/P2.txt")
        index = index_release(tmp_path, manifest("2.0"))
        assert pairs(index) == {
            "train/P1": ("train/images/P1.png", None),
            "train/P2": (None, "train/labelTxt-v2.0/P2.txt"),
        }
        assert index.drops == ()

    def test_one_stem_in_two_splits_is_two_images(self, tmp_path) -> None:
        for split in ("train", "val"):
            put(tmp_path, f"{split}/images/P1.png", f"{split}/labelTxt-v2.0/P1.txt")
        assert pairs(index_release(tmp_path, manifest("2.0"))) == {
            f"{split}/P1": (f"{split}/images/P1.png", f"{split}/labelTxt-v2.0/P1.txt")
            for split in ("train", "val")
        }

    def test_an_image_outside_the_splits_is_not_given_to_one_of_two_labels(self, tmp_path) -> None:
        put(tmp_path, "images/P1.png", "labelTxt-v2.0/train/P1.txt", "labelTxt-v2.0/val/P1.txt")
        index = index_release(tmp_path, manifest("2.0"))
        assert all(None in (item.image, item.label) for item in index.items)

    def test_a_second_image_of_a_stem_is_reported_and_the_first_used(self, tmp_path) -> None:
        put(tmp_path, "train/part1/images/P1.png", "train/part2/images/P1.png", "train/labelTxt-v2.0/P1.txt")
        index = index_release(tmp_path, manifest("2.0"))
        assert pairs(index) == {"train/P1": ("train/part1/images/P1.png", "train/labelTxt-v2.0/P1.txt")}
        (drop,) = index.drops
        assert (drop.kind, drop.reason) == ("image", Reason.DUPLICATE_STEM)
        assert (drop.image_id, drop.file) == ("train/P1", "train/part2/images/P1.png")
        assert "train/part1/images/P1.png is used" in drop.expected

    def test_a_second_label_of_a_stem_is_no_image_lost(self, tmp_path) -> None:
        put(tmp_path, "train/images/P1.png", "train/labelTxt-v2.0/a/P1.txt", "train/labelTxt-v2.0/b/P1.txt")
        index = index_release(tmp_path, manifest("2.0"))
        assert pairs(index) == {"train/P1": ("train/images/P1.png", "train/labelTxt-v2.0/a/P1.txt")}
        (drop,) = index.drops
        assert (drop.kind, drop.reason, drop.file) == (
            "metadata",
            Reason.DUPLICATE_STEM,
            "train/labelTxt-v2.0/b/P1.txt",
        )

    def test_a_stem_below_and_outside_the_split_folders_is_reported_once_each(self, tmp_path) -> None:
        put(tmp_path, "train/images/P1.png", "train/labelTxt-v2.0/P1.txt", "images/P1.png")
        index = index_release(tmp_path, manifest("2.0"))
        assert pairs(index) == {"train/P1": ("train/images/P1.png", "train/labelTxt-v2.0/P1.txt")}
        assert named(index.drops) == [("train/P1", "images/P1.png", Reason.DUPLICATE_STEM)]

    def test_every_image_file_is_an_item_or_a_drop(self, tmp_path) -> None:
        write_release(tmp_path, version="2.0", train=2, val=1, test=1, with_defects=True)
        put(tmp_path, "images/P0000.png", "train/more/P0000.jpg", "spare/P9999.bmp")
        index = index_release(tmp_path, manifest("2.0"))
        images = {
            str(path.relative_to(tmp_path))
            for path in tmp_path.rglob("*")
            if path.suffix in (".png", ".jpg", ".bmp")
        }
        seen = [item.image for item in index.items if item.image]
        seen += [drop.file for drop in index.drops if drop.kind == "image"]
        assert sorted(seen) == sorted(images)

    @pytest.mark.parametrize("version", VERSIONS[1:])
    def test_horizontal_boxes_and_metadata_are_never_labels(self, tmp_path, version) -> None:
        put(
            tmp_path,
            "train/images/P1.png",
            f"train/labelTxt-v{version}/DOTA-v{version}_train_hbb/P1.txt",
            f"train/labelTxt-v{version}/DOTA-v{version}_train_HBB/P3.txt",
            f"train/labelTxt-v{version}/train_meta/meta/P1.txt",
            f"train/labelTxt-v{version}/train_meta/P1.txt",
            f"train/labelTxt-v{version}/trainset_reclabelTxt/P1.txt",
            f"train/labelTxt-v{version}/DOTA-v{version}_train/P2.txt",
        )
        index = index_release(tmp_path, manifest(version))
        assert [item.label for item in index.items] == [
            None,
            f"train/labelTxt-v{version}/DOTA-v{version}_train/P2.txt",
        ]
        assert index.drops == ()

    def test_pictures_among_the_labels_and_texts_among_the_images_are_left_alone(self, tmp_path) -> None:
        put(tmp_path, "train/images/P1.png", "train/labelTxt-v2.0/P1.txt", "train/labelTxt-v2.0/P2.png")
        put(tmp_path, "train/images/P3.txt", "readme.txt", "train/images/P4.gif")
        index = index_release(tmp_path, manifest("2.0"))
        assert set(pairs(index)) == {"train/P1"}
        assert index.drops == ()


class TestWalking:
    def test_hidden_files_and_junk_of_operating_systems_are_ignored(self, tmp_path) -> None:
        put(tmp_path, "train/images/P1.png", "train/labelTxt-v2.0/P1.txt")
        put(
            tmp_path,
            "__MACOSX/train/images/P2.png",
            "train/images/._P1.png",
            ".cache/train/images/P3.png",
            "train/labelTxt-v2.0/._P1.txt",
            "train/images/~P1.png",
            "train/images/@eaDir/P4.png",
        )
        index = index_release(tmp_path, manifest("2.0"))
        assert set(pairs(index)) == {"train/P1"}
        assert index.drops == ()

    def test_a_loop_of_links_ends(self, tmp_path) -> None:
        put(tmp_path, "train/images/P1.png", "train/labelTxt-v2.0/P1.txt")
        (tmp_path / "train" / "again").symlink_to(tmp_path)
        (tmp_path / "zz").symlink_to(tmp_path / "train")
        index = index_release(tmp_path, manifest("2.0"))
        assert set(pairs(index)) == {"train/P1"}
        assert index.drops == ()

    def test_a_link_to_a_folder_elsewhere_is_followed(self, tmp_path) -> None:
        put(tmp_path, "disk/P1.png", "DOTA/train/labelTxt-v2.0/P1.txt")
        (tmp_path / "DOTA/train/images").symlink_to(tmp_path / "disk")
        index = index_release(tmp_path / "DOTA", manifest("2.0"))
        assert pairs(index) == {"train/P1": ("train/images/P1.png", "train/labelTxt-v2.0/P1.txt")}

    @pytest.mark.parametrize("target", ["gone.png", "P9.png"])
    def test_a_link_that_leads_nowhere_or_to_itself_is_no_file(self, tmp_path, target) -> None:
        put(tmp_path, "train/images/P1.png", "train/labelTxt-v2.0/P1.txt")
        (tmp_path / "train/images/P9.png").symlink_to(target)
        assert set(pairs(index_release(tmp_path, manifest("2.0")))) == {"train/P1"}

    def test_a_folder_that_cannot_be_listed_is_told(self, tmp_path, monkeypatch) -> None:
        put(tmp_path, "train/images/P1.png", "train/labelTxt-v2.0/P1.txt")
        whole = os.scandir

        def refusing(folder: Path) -> object:
            if Path(folder).name == "images":
                raise PermissionError(13, "Permission denied")
            return whole(folder)

        monkeypatch.setattr(scan.os, "scandir", refusing)
        with pytest.raises(RsvpError, match=r"images: cannot be listed: Permission denied"):
            index_release(tmp_path, manifest("2.0"))

    def test_a_name_that_is_no_text_does_not_stop_the_index(self, tmp_path) -> None:
        put(tmp_path, "train/images/P1.png", "train/labelTxt-v2.0/P1.txt")
        try:
            (tmp_path / "train/images" / os.fsdecode(b"P\xe9.png")).write_bytes(PNG)
        except OSError:
            pytest.skip("this file system takes text names only")
        index = readers.index_release(tmp_path, manifest("2.0"))
        assert [item.image_id for item in index.items] == ["train/P1"]
        [drop] = index.drops
        assert (drop.reason, drop.file) == (Reason.BAD_PATH, "train/images/P\\udce9.png")

    def test_items_are_sorted_by_split_and_id(self, tmp_path) -> None:
        for split in ("val", "train"):
            for stem in ("P2", "P10", "P1"):
                put(tmp_path, f"{split}/images/{stem}.png", f"{split}/labelTxt-v2.0/{stem}.txt")
        ids = [item.image_id for item in index_release(tmp_path, manifest("2.0")).items]
        assert ids == ["train/P1", "train/P10", "train/P2", "val/P1", "val/P10", "val/P2"]

    @pytest.mark.parametrize(
        "order", [list, lambda entries: list(entries)[::-1]], ids=["as it is", "reversed"]
    )
    def test_the_index_does_not_depend_on_the_order_of_directories(
        self, tmp_path, monkeypatch, order: Callable[[Iterator[object]], list[object]]
    ) -> None:
        write_release(tmp_path, version="2.0", train=2, val=1, test=1, with_defects=True)
        put(
            tmp_path, "a/P0000.png", "train/part2/P0000.png", "train/part1/P0000.png", "train/part3/P0001.jpg"
        )
        plain = index_release(tmp_path, manifest("2.0"))
        whole = os.scandir

        @contextmanager
        def shuffled(folder: Path) -> Iterator[list[object]]:
            with whole(folder) as listing:
                yield order(sorted(listing, key=lambda entry: entry.name[::-1]))

        monkeypatch.setattr(scan.os, "scandir", shuffled)
        assert index_release(tmp_path, manifest("2.0")) == plain

    def test_paths_are_relative_with_forward_slashes(self, tmp_path) -> None:
        put(tmp_path, "train/images/P1.png", "train/labelTxt-v2.0/P1.txt")
        (item,) = index_release(tmp_path, manifest("2.0")).items
        assert item == Item(
            image_id="train/P1",
            split="train",
            image="train/images/P1.png",
            label="train/labelTxt-v2.0/P1.txt",
            image_bytes=len(PNG),
        )
