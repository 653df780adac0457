"""The reader on real files; skipped where RSVP_SAMPLES does not name them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from rsvp_builder.ledger import Drops, Reason
from rsvp_builder.readers.voc_xml.parsing import open_label
from rsvp_builder.readers.voc_xml.second_file import SecondFile
from rsvp_builder.record import Item

from .folder import MANIFESTS, Folder, label
from .test_dior_rsvg import SPLITS, said

# Numbers of a file by other means than the reader: what stands between tags, in the order of the file.
OBJECT = re.compile(r"<object>.*?</object>", re.DOTALL)


def between(text: str, tag: str) -> list[str]:
    return re.findall(rf"<{tag}>([^<]*)</{tag}>", text)


def folder_of(root: Path, source: str) -> Folder:
    folder = Folder(root, source)
    assert root.is_dir()
    return folder


class TestHrrsd:
    def test_every_box_of_the_real_files_is_read(self, samples) -> None:
        folder = folder_of(samples / "HRRSD", "HRRSD")
        read = folder.read()
        files = {item.image_id: folder.root / item.label for item in read.items}
        assert len(files) == 273
        assert all(re.fullmatch(r"(train|val|test)/\d{5}", image_id) for image_id in files)
        assert {drop.reason for drop in read.drops} == {Reason.IMAGE_MISSING}
        labels = list(folder.manifest.classes)
        objects = read.annotations.objects
        for position, (image_id, path) in enumerate(files.items()):
            told = OBJECT.findall(path.read_text())
            mine = objects.take(objects.item == position)
            sides = [[float(between(t, s)[0]) for s in ("xmin", "ymin", "xmax", "ymax")] for t in told]
            assert read.boxes(image_id) == [[x1 - 1, y1 - 1, x2, y2] for x1, y1, x2, y2 in sides]
            assert [labels[n] for n in mine.class_id] == [between(t, "name")[0] for t in told]
            lines = [n for n, line in enumerate(path.read_text().split("\n"), 1) if "<object>" in line]
            assert mine.line.tolist() == lines
            whole = path.read_text()
            size = int(between(whole, "width")[0]), int(between(whole, "height")[0])
            assert read.annotations.declared[position] == size

    def test_they_fall_into_the_splits_of_the_lists(self, samples) -> None:
        folder = folder_of(samples / "HRRSD", "HRRSD")
        lists = {
            s: set((folder.root / f"OPT2017/ImageSets/Main/{s}.txt").read_text().split()) for s in SPLITS
        }
        assert {s: len(stems) for s, stems in lists.items()} == {"train": 5401, "val": 5417, "test": 10943}
        read = folder.read()
        for item in read.items:
            assert Path(item.label).stem in lists[item.split]
        missing = Counter(d.image_id.split("/")[0] for d in read.drops)
        for split, stems in lists.items():
            assert missing[split] == len(stems) - sum(i.split == split for i in read.items)


class TestMar20:
    def test_each_aircraft_has_its_box_and_its_quad(self, samples) -> None:
        folder = folder_of(samples / "MAR20", "MAR20")
        read = folder.read()
        assert {Path(item.label).stem for item in read.items} == {"1", "10", "100", "150"}
        by_stem = {Path(item.label).stem: n for n, item in enumerate(read.items)}
        objects = read.annotations.objects
        first = objects.take(objects.item == by_stem["1"])
        assert first.box.tolist()[0] == [485, 427, 554, 500]
        assert first.quad[0].round(1).tolist() == [516.3, 414.8, 570.7, 445.5, 524.2, 517.4, 469.8, 484.1]
        assert [list(folder.manifest.classes)[n] for n in first.class_id] == ["A2", "A2", "A10"]
        assert not np.isnan(objects.quad).any()
        assert len(objects) == sum(
            (folder.root / item.label).read_text().count("<object>") for item in read.items
        )
        # Axis-aligned quads repeat their boxes, so both count from the same origin; one is turned.
        copies = objects.take(objects.item == by_stem["100"])
        assert copies.quad[:5, [0, 1, 4, 5]].tolist() == copies.box[:5].tolist()
        lists = ("ImageSets/Main/train.txt", "ImageSets/Main/test.txt")
        assert [(d.reason, d.file) for d in read.drops] == [(Reason.SPLIT_MISSING, file) for file in lists]


class TestDior:
    def test_its_corners_are_read_by_the_same_grammar(self, samples) -> None:
        path = "Annotations/Oriented Bounding Boxes/00001.xml"
        root = samples / "DIOR"
        item = Item("train/00001", "train", None, path, meta=path)
        drops = Drops()
        file = open_label(root, item, path, drops)
        second = SecondFile(root, item, file, drops)
        assert second.of(0, (133, 237, 684, 672)) == (133, 237, 684, 237, 684, 672, 133, 672)
        assert [element.findtext("name") for element in file.objects] == ["golffield"]
        assert drops.entries == []


class TestDiorRsvg:
    @pytest.fixture
    def lists(self, samples) -> Path:
        return samples / "DIOR-RSVG" / "DIOR_RSVG"

    def test_the_real_lists_place_every_one_of_38320_objects(self, lists, tmp_path) -> None:
        folder = Folder(tmp_path / "DIOR_RSVG", "DIOR-RSVG")
        numbers = iter(range(38320))
        for position in range(40):
            objects = [said(f"object number {next(numbers)}") for _ in range(958)]
            folder.put(f"Annotations/{position:05d}.xml", label(*objects))
        for split in SPLITS:
            (folder.root / f"{split}.txt").symlink_to(lists / f"{split}.txt")
        read = folder.read()
        assert read.drops == []
        expected = MANIFESTS()["DIOR-RSVG"].expected
        found = Counter(read.items[n].split for n in read.annotations.objects.item)
        assert found == {split: of.objects for split, of in expected.items()}
        wanted = {split: set(map(int, (lists / f"{split}.txt").read_text().split())) for split in SPLITS}
        for item, text in zip(
            read.annotations.objects.item.tolist(), read.annotations.objects.text, strict=True
        ):
            assert int(text.split()[-1]) in wanted[read.items[item].split]

    def test_without_label_files_the_real_lists_alone_are_no_release(self, lists) -> None:
        from rsvp_builder.errors import RsvpError

        with pytest.raises(RsvpError, match="no DIOR-RSVG found"):
            folder_of(lists, "DIOR-RSVG").read()
