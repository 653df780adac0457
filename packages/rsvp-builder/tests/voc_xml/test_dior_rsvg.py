"""DIOR-RSVG: splits that count objects, images in several splits, expressions."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_builder.ledger import Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import reader_for
from rsvp_builder.readers.voc_xml.object_lists import settled

from .folder import Folder, Read, label, thing

BOX = (10, 20, 30, 40)
SPLITS = ("train", "val", "test")


def said(text: str, name: str = "ship") -> str:
    """An object with its expression, children in the order of the release."""
    more = thing(name, BOX, "<pose>Unspecified</pose>")
    return more.replace("</object>", f"\t<description>{text}</description>\n\t</object>")


def fill(folder: Folder, counts: list[int], splits: list[str]) -> None:
    """Label files with so many objects each, and lists that put the objects in these splits in turn."""
    numbers = iter(range(sum(counts)))
    for position, count in enumerate(counts):
        objects = [said(f"object number {next(numbers)}") for _ in range(count)]
        folder.put(f"JPEGImages/{position * 7:05d}.jpg")
        folder.put(f"Annotations/{position * 7:05d}.xml", label(*objects, size=(800, 800)))
    for split in SPLITS:
        own = [str(number) for number, of in enumerate(splits) if of == split]
        folder.put(f"{split}.txt", "\n".join(own))


def by_split(read: Read) -> dict[str, list[int]]:
    """The numbers that the texts of each split's objects tell."""
    found: dict[str, list[int]] = {split: [] for split in SPLITS}
    objects = read.annotations.objects
    for item, text in zip(objects.item.tolist(), objects.text, strict=True):
        found[read.items[item].split].append(int(text.split()[-1]))
    return {split: sorted(numbers) for split, numbers in found.items()}


def image_of(read: Read) -> list[tuple[str, int]]:
    return [(i.image_id, seen) for i, seen in zip(read.items, read.annotations.seen, strict=True)]


@pytest.fixture
def rsvg(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "DIOR_RSVG", "DIOR-RSVG")
    fill(folder, [2, 3, 0, 1], ["test", "val", "train", "train", "test", "val"])
    return folder


class TestSplits:
    def test_a_line_is_the_number_of_an_object_over_all_files(self, rsvg) -> None:
        read = rsvg.read()
        assert by_split(read) == {"train": [2, 3], "val": [1, 5], "test": [0, 4]}
        assert image_of(read) == [
            ("test/00000", 1),
            ("test/00007", 1),
            ("train/00007", 2),
            ("train/00014", 0),
            ("val/00000", 1),
            ("val/00021", 1),
        ]
        assert read.drops == []

    @settings(max_examples=40)
    @given(
        counts=st.lists(st.integers(0, 5), min_size=1, max_size=8),
        draw=st.randoms(use_true_random=False),
        gap=st.sampled_from(["", "<!-- <object> -->", "<objects/>"]),
    )
    def test_every_object_lands_in_the_split_that_lists_it(self, tmp_path_factory, counts, draw, gap) -> None:
        folder = Folder(tmp_path_factory.mktemp("any") / "DIOR_RSVG", "DIOR-RSVG")
        splits = [draw.choice(SPLITS) for _ in range(sum(counts))]
        fill(folder, counts, splits)
        for path in (folder.root / "Annotations").iterdir():
            text = path.read_text()
            path.write_text(text.replace("<annotation>", f"<annotation>{gap}"))
        read = folder.read()
        assert by_split(read) == {s: [n for n, of in enumerate(splits) if of == s] for s in SPLITS}
        assert read.drops == []
        assert sum(read.annotations.seen) == len(splits)

    def test_files_count_in_the_order_of_their_names_wherever_they_lie(self, rsvg) -> None:
        # The first by name now lies in the last folder by path.
        moved = rsvg.root / "z" / "Annotations"
        moved.mkdir(parents=True)
        (rsvg.root / "Annotations/00000.xml").rename(moved / "00000.xml")
        assert by_split(rsvg.read()) == {"train": [2, 3], "val": [1, 5], "test": [0, 4]}

    def test_an_object_that_cannot_be_used_is_counted_too(self, rsvg) -> None:
        bad = said("object number 0", "no class")
        rsvg.put("Annotations/00000.xml", label(bad, said("object number 1"), size=(800, 800)))
        read = rsvg.read()
        assert by_split(read) == {"train": [2, 3], "val": [1, 5], "test": [4]}
        assert read.told == [("object", "Annotations/00000.xml", 5, Reason.UNKNOWN_CLASS)]
        assert read.drops[0].image_id == "test/00000"


class TestLists:
    def test_a_missing_list_leaves_its_objects_to_the_default_split(self, rsvg) -> None:
        (rsvg.root / "val.txt").unlink()
        read = rsvg.read()
        assert by_split(read) == {"train": [1, 2, 3, 5], "val": [], "test": [0, 4]}
        assert read.told == [("metadata", "val.txt", None, Reason.SPLIT_MISSING)]
        [notice] = reader_for(rsvg.manifest).index(rsvg.root, rsvg.manifest).notices
        assert notice.endswith("split 'train': 2")

    def test_a_number_of_two_lists_goes_to_the_first_and_is_told(self, rsvg) -> None:
        rsvg.put("test.txt", "0\n4\n2\n4\n")
        read = rsvg.read()
        assert by_split(read) == {"train": [2, 3], "val": [1, 5], "test": [0, 4]}
        assert sorted(read.told) == [
            ("metadata", "test.txt", 3, Reason.DUPLICATE_ID),
            ("metadata", "test.txt", 4, Reason.DUPLICATE_ID),
        ]

    @pytest.mark.parametrize("token", ["six", "-1", "3.0", "00021.jpg", "1e1", "\u0663"])
    def test_what_is_no_number_is_told_by_line(self, rsvg, token) -> None:
        rsvg.put("test.txt", f"0\n\n {token} \r\n4\n")
        read = rsvg.read()
        assert by_split(read) == {"train": [2, 3], "val": [1, 5], "test": [0, 4]}
        [drop] = read.drops
        assert (drop.kind, drop.reason, drop.file) == ("metadata", Reason.MALFORMED_LINE, "test.txt")
        assert (drop.line, drop.value) == (3, token)

    def test_numbers_of_no_object_are_told_once_a_list(self, rsvg) -> None:
        rsvg.put("test.txt", "0\n6\n4\n7\n")
        rsvg.put("val.txt", "1\n5\n900\n")
        read = rsvg.read()
        assert by_split(read) == {"train": [2, 3], "val": [1, 5], "test": [0, 4]}
        assert sorted((*told, drop.count) for told, drop in zip(read.told, read.drops, strict=True)) == [
            ("metadata", "test.txt", 2, Reason.MALFORMED_LINE, 2),
            ("metadata", "val.txt", 3, Reason.MALFORMED_LINE, 1),
        ]
        assert {drop.value for drop in read.drops} == {"6", "900"}

    def test_an_object_of_no_list_is_told(self, rsvg) -> None:
        rsvg.put("test.txt", "0\n")
        read = rsvg.read()
        assert by_split(read) == {"train": [2, 3, 4], "val": [1, 5], "test": [0]}
        [drop] = read.drops
        assert (drop.kind, drop.reason, drop.value) == ("metadata", Reason.SPLIT_MISSING, "object 4")
        assert drop.file == "Annotations/00007.xml"

    def test_a_list_that_the_user_brings_along_is_read(self, rsvg, tmp_path) -> None:
        own = tmp_path / "my test.txt"
        own.write_text("\ufeff4\n0\n")
        lists = {**rsvg.manifest.splits.lists, "test": [str(own)]}
        rsvg.manifest = with_lists(rsvg.manifest, lists)
        assert by_split(rsvg.read()) == {"train": [2, 3], "val": [1, 5], "test": [0, 4]}


def with_lists(manifest: Manifest, lists: dict[str, list[str]]) -> Manifest:
    return manifest.model_copy(update={"splits": manifest.splits.model_copy(update={"lists": lists})})


class TestDamage:
    def test_a_file_that_is_cut_off_shifts_nobody(self, rsvg) -> None:
        path = rsvg.root / "Annotations/00007.xml"
        text = path.read_bytes()
        path.write_bytes(text[: text.index(b"object number 3")])
        read = rsvg.read()
        assert by_split(read) == {"train": [], "val": [1, 5], "test": [0]}
        assert {(d.image_id, d.file, d.reason) for d in read.drops} == {
            ("train/00007", "Annotations/00007.xml", Reason.LABEL_UNREADABLE),
            ("test/00007", "Annotations/00007.xml", Reason.LABEL_UNREADABLE),
        }

    def test_between_two_that_are_cut_off_nobody_is_let_into_a_wrong_split(self, tmp_path) -> None:
        folder = Folder(tmp_path / "DIOR_RSVG", "DIOR-RSVG")
        splits = ["train", "test", "train", "val", "test", "val", "train", "test", "test"]
        fill(folder, [1, 2, 2, 2, 2], splits)
        for stem in ("00007", "00021"):
            path = folder.root / f"Annotations/{stem}.xml"
            path.write_bytes(path.read_bytes()[:150])
        read = folder.read()
        assert by_split(read) == {"train": [0], "val": [], "test": [7, 8]}
        lost = [(d.image_id, d.file) for d in read.drops if d.reason is Reason.SPLIT_MISSING]
        assert lost == [(f"train/{s}", f"Annotations/{s}.xml") for s in ("00014", "00021")]
        assert {d.kind for d in read.drops} == {"image"}

    def test_pictures_and_labels_without_each_other_are_kept_alone(self, rsvg) -> None:
        (rsvg.root / "JPEGImages/00007.jpg").unlink()
        (rsvg.root / "JPEGImages/00008.jpg").write_bytes(b"never opened")
        read = rsvg.read()
        alone = [(i.image_id, i.image, i.label) for i in read.items if not (i.image and i.label)]
        assert alone == [
            ("test/00007", None, "Annotations/00007.xml"),
            ("train/00007", None, "Annotations/00007.xml"),
            ("train/00008", "JPEGImages/00008.jpg", None),
        ]
        assert read.drops == []

    def test_a_second_file_of_one_name_is_counted_once(self, rsvg) -> None:
        copy = rsvg.put("copy/Annotations/00000.xml", label(said("object number 77")))
        read = rsvg.read()
        assert by_split(read) == {"train": [2, 3], "val": [1, 5], "test": [0, 4]}
        assert read.told == [("metadata", copy, None, Reason.DUPLICATE_STEM)]

    @given(
        counts=st.lists(st.integers(0, 9), min_size=1, max_size=8),
        data=st.data(),
    )
    def test_files_that_can_be_placed_are_placed_right(self, counts, data) -> None:
        cut_off = data.draw(st.lists(st.integers(0, len(counts) - 1), max_size=3, unique=True).map(sorted))
        shown = [data.draw(st.integers(0, n)) if i in cut_off else n for i, n in enumerate(counts)]
        taken, lost = settled(shown, cut_off, sum(counts))
        truth = list(accumulate(counts, initial=0))
        told = list(accumulate(taken, initial=0))
        for position, is_lost in enumerate(lost):
            if not is_lost:
                assert told[position] == truth[position]
        assert told[-1] == truth[-1]
        assert sum(lost) <= (cut_off[-1] - cut_off[0] if cut_off else 0)


class TestExpressions:
    def test_they_are_words_with_single_blanks(self, rsvg) -> None:
        rsvg.put("Annotations/00021.xml", label(said("  The ship\n on the left\tof the harbor &amp; pier ")))
        read = rsvg.read()
        assert "The ship on the left of the harbor & pier" in list(read.annotations.objects.text)

    @pytest.mark.parametrize("text", ["", "  ", ".", "\n"])
    def test_without_a_word_an_object_keeps_its_class(self, rsvg, text) -> None:
        file = rsvg.put("Annotations/00021.xml", label(said(text)))
        read = rsvg.read()
        assert Counter(t is None for t in read.annotations.objects.text) == {False: 5, True: 1}
        assert len(read.boxes("val/00021")) == 1
        assert read.told == [("metadata", file, 5, Reason.EMPTY_TEXT)]

    def test_class_names_of_other_copies_are_known(self, rsvg) -> None:
        names = ["expressway-toll-station", "Expressway-toll-station", "Ground Track Field"]
        rsvg.put(
            "Annotations/00007.xml", label(*(said(f"object number {n}", k) for n, k in enumerate(names)))
        )
        read = rsvg.read()
        assert read.drops == []
        labels = list(rsvg.manifest.classes.values())
        found = Counter(labels[n] for n in read.annotations.objects.class_id)
        assert found == {"ship": 3, "expressway toll station": 2, "ground track field": 1}

    def test_a_box_beyond_the_picture_is_passed_on_as_it_is(self, rsvg) -> None:
        far = said("a ship that leaves").replace("<xmax>30<", "<xmax>830<")
        rsvg.put("Annotations/00021.xml", label(far))
        assert rsvg.read().boxes("val/00021") == [[10, 20, 830, 40]]
