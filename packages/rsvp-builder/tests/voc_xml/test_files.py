"""Broken label files, missing pictures and lists: each is named, and costs nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import fits
from rsvp_builder.ledger import Drops, Reason
from rsvp_builder.manifest import ManifestError
from rsvp_builder.readers import reader_for
from rsvp_builder.readers.voc_xml.layout import layout_of

from .folder import MANIFESTS, Folder, label, thing

GOOD = (11, 21, 30, 40)
BOX = [10, 20, 30, 40]
SOURCES = ("RSOD", "HRRSD", "MAR20", "DOSR", "DIOR-RSVG")


@pytest.fixture
def hrrsd(tmp_path: Path) -> Folder:
    folder = Folder(tmp_path / "OPT2017", "HRRSD")
    for split, stems in (("train", "00001\n00002\n"), ("val", "00003\n"), ("test", "")):
        folder.put(f"ImageSets/Main/{split}.txt", stems)
    for number in range(1, 4):
        folder.put(f"JPEGImages/0000{number}.jpg")
        folder.put(f"Annotations/0000{number}.xml", label(thing("ship", GOOD)))
    return folder


class TestObjects:
    @pytest.mark.parametrize(
        ("bad", "reason", "value"),
        [
            (thing("ship", (30, 21, 11, 40)), Reason.DEGENERATE, "30 21 11 40"),
            (thing("ship", (11, 40, 30, 21)), Reason.DEGENERATE, "11 40 30 21"),
            (thing("ship", (12, 21, 11, 40)), Reason.DEGENERATE, "12 21 11 40"),
            (thing("ship", ("nan", 21, 30, 40)), Reason.NOT_FINITE, "nan 21 30 40"),
            (thing("ship", (11, 21, "1e999", 40)), Reason.NOT_FINITE, "1e999"),
            (thing("ship", (11, 21, "3o", 40)), Reason.MALFORMED_LINE, "11 21 3o 40"),
            (thing("ship", (11, 21, "3_0", 40)), Reason.MALFORMED_LINE, "3_0"),
            (thing("ship", (11, 21, "\u0663\u0660", 40)), Reason.MALFORMED_LINE, "\u0663"),
            (thing("ship", (11, 21, "", 40)), Reason.MALFORMED_LINE, "11 21 - 40"),
            (thing("ship", (11, 21, 30), tags=("xmin", "ymin", "xmax")), Reason.MALFORMED_LINE, "30 -"),
            ("\t<object>\n\t\t<name>ship</name>\n\t</object>\n", Reason.MALFORMED_LINE, ""),
            (thing("shipp", GOOD), Reason.UNKNOWN_CLASS, "shipp"),
            (thing("", GOOD), Reason.MALFORMED_LINE, ""),
            (thing("ship", GOOD).replace("name>", "nome>"), Reason.MALFORMED_LINE, ""),
        ],
    )
    def test_what_cannot_be_used_is_named_by_line_and_value(self, hrrsd, bad, reason, value) -> None:
        things = (thing("ship", GOOD), bad, thing("bridge", GOOD))
        file = hrrsd.put("Annotations/00003.xml", label(*things))
        read = hrrsd.read()
        assert read.boxes("val/00003") == [BOX, BOX]
        [drop] = read.drops
        assert (drop.kind, drop.reason, drop.image_id, drop.file) == ("object", reason, "val/00003", file)
        assert drop.line == 14
        assert value in drop.value
        assert drop.expected

    def test_a_far_but_finite_box_is_left_to_the_picture(self, hrrsd) -> None:
        hrrsd.put("Annotations/00003.xml", label(thing("ship", (1, 1, "1e12", 40))))
        assert hrrsd.read().boxes("val/00003") == [[0, 0, 1e12, 40]]

    @pytest.mark.parametrize(
        ("size", "declared", "drops"),
        [
            ("<size><height>48</height><width> 64 </width></size>", (64, 48), 0),
            ("<size><width>64</width></size>", None, 1),
            ("<size><width>64.5</width><height>48</height></size>", None, 1),
            ("", None, 0),
        ],
    )
    def test_the_stated_size_is_passed_on(self, hrrsd, size, declared, drops) -> None:
        hrrsd.put("Annotations/00003.xml", f"<annotation>{size}{thing('ship', GOOD)}</annotation>")
        read = hrrsd.read()
        assert read.annotations.declared[read.ids.index("val/00003")] == declared
        assert [(d.kind, d.reason) for d in read.drops] == [("metadata", Reason.MALFORMED_LINE)] * drops

    def test_a_declared_part_of_an_object_is_no_object(self, hrrsd) -> None:
        part = "<part><name>bridge</name><bndbox><xmin>1</xmin></bndbox></part>"
        hrrsd.put("Annotations/00003.xml", label(thing("ship", GOOD, part)))
        read = hrrsd.read()
        assert read.boxes("val/00003") == [BOX]
        assert read.drops == []


class TestLabelFiles:
    @pytest.mark.parametrize(
        ("data", "line", "value"),
        [
            (label(thing("ship", GOOD), thing("ship", GOOD))[:-60], 19, "unclosed token"),
            (b"<annotation>\n\n<object>\n<name>sh\xefp</name></object></annotation>", 4, "not well-formed"),
            (b"<!DOCTYPE annotation [<!ENTITY a 'b'>]>\n<annotation>&a;</annotation>", 1, "<!DOCTYPE"),
            (b"", None, "an empty file"),
            (b"<html>404</html>", None, "<html>"),
            (label(thing("ship", GOOD)).decode().encode("utf-16"), None, "UTF-16"),
            (b'<annotation xmlns="http://example.org/">\n</annotation>', None, "annotation"),
        ],
    )
    def test_one_that_cannot_be_read_costs_its_image_only(self, hrrsd, data, line, value) -> None:
        file = hrrsd.put("Annotations/00002.xml", data)
        read = hrrsd.read()
        position = read.ids.index("train/00002")
        assert [r for i, r in enumerate(read.annotations.readable) if i != position] == [True, True]
        assert not read.annotations.readable[position]
        assert read.annotations.seen[position] == 0
        assert read.boxes("val/00003") == [BOX]
        [drop] = read.drops
        assert (drop.kind, drop.reason, drop.file) == ("image", Reason.LABEL_UNREADABLE, file)
        assert value in drop.value
        assert drop.line == line

    def test_one_without_objects_is_read(self, hrrsd) -> None:
        hrrsd.put("Annotations/00002.xml", label())
        read = hrrsd.read()
        assert read.boxes("train/00002") == []
        assert read.drops == []

    @pytest.mark.parametrize("prefix", [b"\xef\xbb\xbf", b'<?xml version="1.0" encoding="UTF-8"?>', b"\r\n"])
    def test_a_byte_order_mark_a_declaration_and_crlf_change_nothing(self, hrrsd, prefix) -> None:
        text = label(thing("ship", GOOD), thing("bridge", GOOD)).replace(b"\n", b"\r\n")
        hrrsd.put("Annotations/00002.xml", prefix + text)
        read = hrrsd.read()
        assert read.boxes("train/00002") == [BOX, BOX]
        assert read.drops == []
        here = read.annotations.objects.item == read.ids.index("train/00002")
        first = 6 if prefix == b"\r\n" else 5
        assert read.annotations.objects.line[here].tolist() == [first, first + 9]

    def test_strict_stops_at_the_first(self, hrrsd) -> None:
        hrrsd.put("Annotations/00002.xml", label(thing("shipp", GOOD)))
        reader = reader_for(hrrsd.manifest)
        items = reader.index(hrrsd.root, hrrsd.manifest).items
        with pytest.raises(RsvpError, match=r"00002\.xml:5: unknown_class: read 'shipp'"):
            reader.read(hrrsd.root, hrrsd.manifest, items, Drops(strict=True))


class TestIndex:
    def test_suffixes_and_folders_are_matched_whatever_their_case(self, hrrsd) -> None:
        (hrrsd.root / "JPEGImages/00001.jpg").rename(hrrsd.root / "JPEGImages/00001.JPG")
        (hrrsd.root / "Annotations/00001.xml").rename(hrrsd.root / "Annotations/00001.XML")
        (hrrsd.root / "JPEGImages").rename(hrrsd.root / "JpegImages")
        assert [item.image for item in hrrsd.read().items] == [
            "JpegImages/00001.JPG",
            "JpegImages/00002.jpg",
            "JpegImages/00003.jpg",
        ]

    def test_pictures_and_labels_without_each_other_are_kept_alone(self, hrrsd) -> None:
        (hrrsd.root / "JPEGImages/00001.jpg").unlink()
        (hrrsd.root / "Annotations/00002.xml").unlink()
        read = hrrsd.read()
        assert [(i.image, i.label) for i in read.items] == [
            (None, "Annotations/00001.xml"),
            ("JPEGImages/00002.jpg", None),
            ("JPEGImages/00003.jpg", "Annotations/00003.xml"),
        ]

    def test_a_second_file_of_one_name_is_named_and_the_first_is_read(self, hrrsd) -> None:
        copy = hrrsd.put("old/Annotations/00001.xml", label())
        picture = hrrsd.put("JPEGImages/00001.png")
        read = hrrsd.read()
        assert read.boxes("train/00001") == [BOX]
        assert sorted(read.told) == [
            ("image", picture, None, Reason.DUPLICATE_STEM),
            ("metadata", copy, None, Reason.DUPLICATE_STEM),
        ]

    def test_a_missing_list_sends_its_images_to_the_default_split(self, hrrsd) -> None:
        (hrrsd.root / "ImageSets/Main/val.txt").unlink()
        read = hrrsd.read()
        assert read.ids == ["train/00001", "train/00002", "train/00003"]
        assert read.told == [("metadata", "ImageSets/Main/val.txt", None, Reason.SPLIT_MISSING)]

    def test_lists_that_disagree_or_name_nothing_are_told_by_line(self, hrrsd) -> None:
        file = hrrsd.put("ImageSets/Main/val.txt", "00003\r\n\n00001\n00099\n")
        read = hrrsd.read()
        assert read.ids == ["train/00001", "train/00002", "val/00003"]
        assert sorted(read.told) == [
            ("image", file, 4, Reason.IMAGE_MISSING),
            ("metadata", file, 3, Reason.DUPLICATE_ID),
        ]

    def test_a_loop_of_links_ends(self, hrrsd) -> None:
        (hrrsd.root / "Annotations" / "again").symlink_to(hrrsd.root, target_is_directory=True)
        (hrrsd.root / "itself").symlink_to(hrrsd.root / "itself")
        read = hrrsd.read()
        assert read.ids == ["train/00001", "train/00002", "val/00003"]
        assert read.drops == []

    @pytest.mark.parametrize("source", SOURCES)
    def test_a_folder_without_it_is_a_mistake_that_names_what_was_looked_for(self, tmp_path, source) -> None:
        folder = Folder(tmp_path, source)
        folder.put("Annotations.zip", b"PK")
        folder.put("notes/readme.md", "hello")
        with pytest.raises(RsvpError, match=r"Unpack Annotations\.zip first") as caught:
            folder.read()
        assert f"rsvp-build show {source}" in str(caught.value)
        assert folder.manifest.find.files[0] in str(caught.value)


PLACES = {
    "RSOD": "RSOD/oiltank/Annotation/xml/oiltank_1.xml",
    "HRRSD": "HRRSD/OPT2017/Annotations/00001.xml",
    "MAR20": "data/Annotations/Horizontal Bounding Boxes/12.xml",
    "DOSR": "x/Annotations_8_parameters_version/000001.xml",
    "DIOR-RSVG": "DIOR_RSVG/Annotations/00001.xml",
    "DIOR": "DIOR/Annotations/Horizontal Bounding Boxes/00001.xml",
    "VOC": "VOC2012/Annotations/2007_000027.xml",
}


class TestManifests:
    @pytest.mark.parametrize("source", SOURCES)
    def test_each_is_found_by_its_own_files_only(self, source) -> None:
        manifest = MANIFESTS()[source]
        assert layout_of(manifest).labels
        assert manifest.quirks
        assert [name for name, path in PLACES.items() if fits(manifest.find, [path])] == [source]

    @pytest.mark.parametrize(
        ("change", "told"),
        [
            ({"boxes": "one-based"}, r"layout\.boxes"),
            ({"stems": "("}, r"layout\.stems.*no regular expression"),
            ({"quads": "second_file"}, "quad_labels"),
            ({"quads": "bndbox", "boxes": "one_based"}, "quads are coordinates"),
            ({"label": ["x"]}, r"layout\.label"),
            ({"labels": []}, r"layout\.labels"),
        ],
    )
    def test_a_layout_that_does_not_fit_is_named(self, change, told) -> None:
        sound = {"labels": ["a/*.xml"], "images": ["b/*"], "boxes": "zero_based"}
        manifest = MANIFESTS()["HRRSD"].model_copy(update={"layout": sound | change})
        with pytest.raises(ManifestError, match=f"manifest HRRSD: .*{told}"):
            layout_of(manifest)
