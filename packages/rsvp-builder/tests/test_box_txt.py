"""Text files of boxes: how their lines are read, and where their files are found."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rsvp_builder.catalog import shipped
from rsvp_builder.errors import StrictError
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest, ManifestError
from rsvp_builder.readers import index_release, reader_for
from rsvp_builder.readers.box_txt import parse as parsing
from rsvp_builder.readers.box_txt.form import parse_form
from rsvp_builder.readers.box_txt.layout import BoxTxtLayout
from rsvp_builder.readers.layouts import layout_of
from rsvp_builder.record import Annotations, Item, ObjectFlag

SOURCES = ("NWPU-VHR-10", "UCAS-AOD", "VisDrone", "LEVIR")
MANIFESTS = shipped()
VHR, UCAS, VISDRONE, LEVIR = (MANIFESTS[name] for name in SOURCES)
FOLDER = {
    "NWPU-VHR-10": "ground truth",
    "UCAS-AOD": "CAR",
    "VisDrone": "annotations",
    "LEVIR": "imageWithLabel",
}
GOOD = {
    "NWPU-VHR-10": b"( 72,305),(133,369),1 ",
    "UCAS-AOD": b"2.763971e+02\t9.125021e+01\t2.911375e+02\t3.823406e+01\t3.308891e+02\t4.928647e+01\t"
    b"3.161486e+02\t1.023026e+02\t1.055379e+02\t2.787673e+02\t3.876027e+01\t4.975157e+01\t6.301615e+01\t",
    "VisDrone": b"341,218,41,17,1,4,0,0",
    "LEVIR": b"1 381 190 452 262",
}
BOX = {
    "NWPU-VHR-10": [72, 305, 133, 369],
    "UCAS-AOD": [278.7673, 38.76027, 278.7673 + 49.75157, 38.76027 + 63.01615],
    "VisDrone": [341, 218, 382, 235],
    "LEVIR": [381, 190, 452, 262],
}
QUAD = [276.3971, 91.25021, 291.1375, 38.23406, 330.8891, 49.28647, 316.1486, 102.3026]
by_source = pytest.mark.parametrize("source", SOURCES)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What reading gave, with the drops."""

    manifest: Manifest
    annotations: Annotations
    drops: list[Drop]

    @property
    def lines(self) -> list[int]:
        return self.annotations.objects.line.tolist()

    @property
    def boxes(self) -> list[list[float]]:
        return self.annotations.objects.box.tolist()

    @property
    def labels(self) -> list[str]:
        return [list(self.manifest.classes.values())[i] for i in self.annotations.objects.class_id]

    @property
    def reasons(self) -> list[tuple[int | None, Reason]]:
        return [(drop.line, drop.reason) for drop in self.drops]

    def of(self, position: int) -> tuple[object, ...]:
        """All that was read of one item, for comparison with another reading of it."""
        mine = self.annotations.objects.take(self.annotations.objects.item == position)
        drops = [d for d in self.drops if d.image_id == f"train/{position}"]
        told = [(d.kind, d.reason, d.line, d.value, d.expected) for d in drops]
        columns = (mine.line, mine.class_id, mine.flags, mine.quad, mine.box)
        seen, readable = self.annotations.seen[position], self.annotations.readable[position]
        return (*(column.tobytes() for column in columns), seen, readable, told)


def read(source: str | Manifest, *texts: bytes, strict: bool = False) -> Outcome:
    """Read label files 0.txt, 1.txt, ... as one batch; whatever they are, nothing may get lost."""
    manifest = MANIFESTS[source] if isinstance(source, str) else source
    folder = FOLDER[manifest.name]
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / folder).mkdir()
        for number, text in enumerate(texts):
            (root / folder / f"{number}.txt").write_bytes(text)
        items = [Item(f"train/{n}", "train", None, f"{folder}/{n}.txt") for n in range(len(texts))]
        return read_items(root, manifest, items, strict=strict)


def read_items(root: Path, manifest: Manifest, items: Sequence[Item], *, strict: bool = False) -> Outcome:
    drops = Drops(strict)
    annotations = reader_for(manifest).read(root, manifest, items, drops)
    objects = annotations.objects
    for position, item in enumerate(items):
        dropped = [drop for drop in drops.entries if drop.image_id == item.image_id and drop.kind == "object"]
        assert annotations.seen[position] == (objects.item == position).sum() + len(dropped)
    order = list(zip(objects.item.tolist(), objects.line.tolist(), strict=True))
    assert order == sorted(set(order))
    assert np.isfinite(objects.box).all()
    assert (objects.box[:, 2:] > objects.box[:, :2]).all()
    return Outcome(manifest, annotations, drops.entries)


def joined(*lines: bytes, newline: bytes = b"\n") -> bytes:
    return b"".join(line + newline for line in lines)


class TestGrammars:
    @by_source
    def test_the_line_of_the_specification_gives_its_box(self, source) -> None:
        outcome = read(source, joined(GOOD[source]))
        assert outcome.boxes == [pytest.approx(BOX[source])]
        assert outcome.drops == []
        assert np.isnan(outcome.annotations.objects.quad).all() == (source != "UCAS-AOD")

    @by_source
    @pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
    @pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
    def test_line_ends_and_byte_order_mark_change_nothing(self, source, newline, bom) -> None:
        text = bom + joined(GOOD[source], b"", GOOD[source], newline=newline)
        outcome = read(source, text, text.removesuffix(newline))
        assert outcome.lines == [1, 3, 1, 3]
        assert outcome.drops == []

    def test_vhr_10_pads_numbers_inside_its_parentheses(self) -> None:
        outcome = read(
            VHR, joined(b"(563,478),(630,573),1 ", b"(  5, 12),( 70, 90),10", b" ( 5,1 ) , (6 , 7),2")
        )
        assert outcome.boxes == [[563, 478, 630, 573], [5, 12, 70, 90], [5, 1, 6, 7]]
        assert outcome.labels == ["airplane", "vehicle", "ship"]

    def test_ucas_aod_has_a_quad_and_a_box_that_is_not_its_bounds(self) -> None:
        outcome = read(UCAS, joined(GOOD["UCAS-AOD"], GOOD["UCAS-AOD"].rstrip()))
        quads = outcome.annotations.objects.quad
        assert quads.tolist() == [pytest.approx(QUAD)] * 2
        assert quads[0, 0::2].min() < outcome.boxes[0][0] - 2
        assert quads[0, 0::2].max() > outcome.boxes[0][2] + 2

    def test_ucas_aod_tells_the_class_by_the_folder(self, tmp_path) -> None:
        for folder in ("CAR", "plane"):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "P0001.txt").write_bytes(joined(GOOD["UCAS-AOD"]))
        items = index_release(tmp_path, UCAS).items
        assert [item.image_id for item in items] == ["train/CAR/P0001", "train/PLANE/P0001"]
        assert read_items(tmp_path, UCAS, items).labels == ["car", "airplane"]

    def test_visdrone_gives_flags_from_columns_and_leaves_out_what_is_not_evaluated(self) -> None:
        lines = (b"684,8,273,116,0,0,0,0", b"1,2,30,40,1,2,1,2", b"1,2,30,40,1,10,0,1", b"9,9,9,9,0,11,0,0")
        outcome = read(VISDRONE, joined(*lines, b"5,5,5,5,0,4,0,0", newline=b"\r\n"))
        assert outcome.labels == ["person (not standing)", "motorcycle", "car"]
        flags = [ObjectFlag.TRUNCATED | ObjectFlag.OCCLUDED, ObjectFlag.OCCLUDED, ObjectFlag.DIFFICULT]
        assert outcome.annotations.objects.flags.tolist() == flags
        assert outcome.reasons == [(1, Reason.IGNORED_REGION), (4, Reason.IGNORED_REGION)]
        assert "ignored region" in outcome.drops[0].expected

    def test_a_comma_at_the_end_of_lines_is_passed_over(self) -> None:
        outcome = read(VISDRONE, joined(b"1,2,3,4,1,4,0,0,", b"1,2,3,4,1,5,0,0, "), b"1,2,3,4,1,6,0,0,\r\n")
        assert outcome.labels == ["car", "van", "truck"]
        assert outcome.drops == []

    def test_visdrone_boxes_without_width_or_height_are_told(self) -> None:
        outcome = read(VISDRONE, joined(b"1008,374,0,20,1,4,0,0", b"1,2,3,0,1,4,0,0", b"1,2,-3,4,1,4,0,0"))
        assert outcome.reasons == [(n, Reason.DEGENERATE) for n in (1, 2, 3)]
        assert outcome.drops[0].value == "1008,374,0,20,1,4,0,0"

    @pytest.mark.parametrize(
        ("line", "reason"),
        [
            (b"1 700 190 852 262", Reason.OUTSIDE_IMAGE),
            (b"1 10 500 60 601", Reason.OUTSIDE_IMAGE),
            (b"1 -1 500 60 590", Reason.OUTSIDE_IMAGE),
            (b"1 381 190 71 72", Reason.DEGENERATE),  # as left top width height it would be sound
            (b"1 381 190 381 262", Reason.DEGENERATE),
        ],
    )
    def test_levir_never_guesses_another_order_of_the_numbers(self, line, reason) -> None:
        outcome = read(LEVIR, joined(b"2 0 0 800 600", line))
        assert outcome.boxes == [[0, 0, 800, 600]]
        assert outcome.reasons == [(2, reason)]
        assert outcome.drops[0].value == line.decode()
        if reason == Reason.OUTSIDE_IMAGE:
            assert "800 x 600" in outcome.drops[0].expected
            assert "class x1 y1 x2 y2" in outcome.drops[0].expected


BAD_LINES: list[tuple[str, bytes, Reason, str]] = [
    ("NWPU-VHR-10", b"(1,2),(30,40)", Reason.MALFORMED_LINE, "found 4"),
    ("NWPU-VHR-10", b"(1,2),(30,40),1,1", Reason.MALFORMED_LINE, "found 6"),
    ("NWPU-VHR-10", b"1,2,30,40,1", Reason.MALFORMED_LINE, "(x1 to be a number"),
    ("NWPU-VHR-10", b"(1,2),(30,4o),1", Reason.MALFORMED_LINE, "y2) to be a number"),
    ("NWPU-VHR-10", b"(1,2),(3_0,40),1", Reason.MALFORMED_LINE, "x2"),
    ("NWPU-VHR-10", b"(1,2),(30,40),11", Reason.UNKNOWN_CLASS, "one of 1, 2"),
    ("NWPU-VHR-10", b"(1,2),(30,40),1.0", Reason.UNKNOWN_CLASS, "one of 1, 2"),
    ("NWPU-VHR-10", b"(30,2),(1,40),1", Reason.DEGENERATE, "x1 < x2"),
    ("NWPU-VHR-10", b"(nan,2),(30,40),1", Reason.NOT_FINITE, "finite"),
    ("NWPU-VHR-10", b"(1,2),(inf,40),1", Reason.NOT_FINITE, "finite"),
    ("NWPU-VHR-10", "(1,2),(３0,40),1".encode(), Reason.MALFORMED_LINE, "x2"),
    ("NWPU-VHR-10", b"(1,2),(30,40),\xe9", Reason.MALFORMED_LINE, "UTF-8"),
    ("UCAS-AOD", GOOD["UCAS-AOD"] + b"1\t", Reason.MALFORMED_LINE, "13 fields; found 14"),
    ("UCAS-AOD", GOOD["UCAS-AOD"].replace(b"1.055379e+02", b"nan"), Reason.NOT_FINITE, "finite"),
    ("UCAS-AOD", GOOD["UCAS-AOD"].replace(b"4.975157e+01", b"0"), Reason.DEGENERATE, "width"),
    ("UCAS-AOD", GOOD["UCAS-AOD"].replace(b"2.787673e+02", b"2.7x"), Reason.MALFORMED_LINE, "left to be"),
    ("VisDrone", b"1,2,3,4,1,4,0", Reason.MALFORMED_LINE, "8 fields; found 7"),
    ("VisDrone", b"1,2,3,4,1,4,0,0,,", Reason.MALFORMED_LINE, "8 fields; found 9"),
    ("VisDrone", b"1,2,3,4,1,4,0,3", Reason.MALFORMED_LINE, "occlusion to be 0, 1, 2"),
    ("VisDrone", b"1,2,3,4,1,4,,0", Reason.MALFORMED_LINE, "truncation to be 0, 1"),
    ("VisDrone", b"1,2,1e308,4,1,12,0,0", Reason.UNKNOWN_CLASS, "one of 1"),
    ("VisDrone", b"1e308,2,1e308,4,1,4,0,0", Reason.NOT_FINITE, "finite"),
    ("LEVIR", b"1 2 3 4", Reason.MALFORMED_LINE, "5 fields; found 4"),
    ("LEVIR", b"1,2,3,40,50", Reason.MALFORMED_LINE, "5 fields; found 1"),
    ("LEVIR", b"4 2 3 40 50", Reason.UNKNOWN_CLASS, "one of 1, 2, 3"),
]


class TestBadLines:
    @pytest.mark.parametrize(("source", "line", "reason", "expected"), BAD_LINES)
    def test_a_bad_line_is_told_and_costs_nothing_else(self, source, line, reason, expected) -> None:
        outcome = read(source, joined(GOOD[source], line, GOOD[source]), joined(GOOD[source]))
        assert outcome.lines == [1, 3, 1]
        (drop,) = outcome.drops
        assert (drop.kind, drop.reason, drop.line, drop.count) == ("object", reason, 2, 1)
        assert drop.file == f"{FOLDER[source]}/0.txt"
        assert drop.value[:150] == line.decode("utf-8", "backslashreplace").strip()[:150]
        assert expected in drop.expected

    @by_source
    def test_a_huge_line_is_one_bad_line_and_is_told_in_short(self, source) -> None:
        outcome = read(source, joined(GOOD[source], b"1," * 200_000, b"(" * 200_000, b"9" * 5000))
        assert outcome.lines == [1]
        assert outcome.reasons == [(n, Reason.MALFORMED_LINE) for n in (2, 3, 4)]
        assert all(len(drop.value) < 200 for drop in outcome.drops)

    @by_source
    def test_an_empty_file_has_no_objects_and_is_readable(self, source) -> None:
        outcome = read(source, b"", b"\n\r\n \t\n", joined(GOOD[source]))
        assert outcome.annotations.seen == [0, 0, 1]
        assert outcome.annotations.readable == [True, True, True]
        assert outcome.drops == []

    @by_source
    def test_a_file_that_is_no_text_costs_its_image_only(self, source) -> None:
        outcome = read(source, "1".encode("utf-16"), joined(GOOD[source]))
        assert outcome.annotations.readable == [False, True]
        assert [(d.kind, d.reason) for d in outcome.drops] == [("image", Reason.LABEL_UNREADABLE)]
        assert outcome.annotations.seen == [0, 1]

    @by_source
    def test_a_file_that_vanished_costs_its_image_only(self, source, tmp_path) -> None:
        outcome = read_items(tmp_path, MANIFESTS[source], [Item("train/0", "train", None, "gone.txt")])
        assert outcome.annotations.readable == [False]
        assert outcome.drops[0].reason == Reason.LABEL_UNREADABLE

    def test_strict_stops_at_the_first_bad_line_but_not_at_an_ignored_region(self) -> None:
        read(VISDRONE, joined(b"1,2,3,4,0,0,0,0"), strict=True)
        with pytest.raises(StrictError, match=r"annotations/0\.txt:2: malformed_line"):
            read(VISDRONE, joined(b"1,2,3,4,0,0,0,0", b"no"), strict=True)


# Pieces of lines that are sound, odd or broken; a text of them is read in every way there is.
_NUMBERS = st.sampled_from(
    [
        "0",
        "7",
        " 12",
        "30",
        "640",
        "1e2",
        "+5",
        "-3",
        ".5",
        "5.",
        "nan",
        "inf",
        "-Infinity",
        "x",
        "",
        "1_0",
        "1 2",
        "４",
    ]
)
_TAILS = st.sampled_from(["", " ", ",", "\t", " ,", ",,", "\r", "\x0b"])
_SEPARATORS = st.sampled_from([",", ",", ",", " ", " ", "\t", "\t", "  ", ", "])


@st.composite
def _line(draw: st.DrawFn, source: str) -> str:
    fields = parse_form(MANIFESTS[source].layout["line"]).fields
    if draw(st.integers(0, 3)):
        separator = "," if source in ("NWPU-VHR-10", "VisDrone") else "\t" if source == "UCAS-AOD" else " "
    else:
        separator = draw(_SEPARATORS)
    sound = draw(st.booleans())
    parts = []
    for position, field in enumerate(fields):
        growing = str(10 * position + draw(st.integers(0, 9)))
        token = growing if field.name not in ("class", "score", "truncation", "occlusion") else "1"
        if not sound and draw(st.booleans()):
            token = draw(_NUMBERS)
        parts.append(field.before + token + field.after)
    if not sound and draw(st.booleans()):
        parts = parts[draw(st.integers(0, 2)) :]
    return separator.join(parts) + draw(_TAILS if not sound else st.sampled_from(["", " ", separator]))


@st.composite
def _files(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    source = draw(st.sampled_from(SOURCES))
    files = draw(st.lists(st.lists(_line(source), max_size=4), min_size=1, max_size=4))
    ends = draw(st.sampled_from(["\n", "\r\n"]))
    return source, [ends.join([*lines, ""] if draw(st.booleans()) else lines).encode() for lines in files]


class TestBothWaysReadTheSame:
    @settings(max_examples=200)
    @given(_files())
    @example(("VisDrone", [b"1,2,3,4,1,4,0,0,\n", b"1,2,3,4,1,4,0,0\n"]))
    @example(("VisDrone", [b"1, 2,3,4,1, 4 ,0,0\n1,2,3,4,1,4,0,0\n"]))
    @example(("UCAS-AOD", [b"\t".join([b"1", b"2"] * 6) + b"\t3 4\t\n"]))
    @example(("LEVIR", [b"1 2 3 40 50 \n", b"1\t2\t3\t40\t50\n"]))
    @example(("NWPU-VHR-10", [b"(1,2),(3,4),1\n(1,2),(3,4),1 \n", b"(1,2,(3,4),1\n"]))
    def test_a_batch_reads_as_its_files_alone_and_as_its_lines_alone(self, files) -> None:
        source, texts = files
        batch = read(source, *texts)
        alone = [read(source, *[b""] * position, text) for position, text in enumerate(texts)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(parsing, "_parse_columns", lambda *_: None)
            careful = read(source, *texts)
        for position in range(len(texts)):
            assert batch.of(position) == alone[position].of(position)
            assert batch.of(position) == careful.of(position)

    @by_source
    def test_sound_files_are_never_read_line_by_line(self, source, monkeypatch) -> None:
        monkeypatch.setattr(parsing, "_parse_lines", None)
        outcome = read(source, joined(*[GOOD[source]] * 3), b"", joined(GOOD[source]).rstrip(b"\n"))
        assert outcome.annotations.seen == [3, 0, 1]

    _ints = st.integers(0, 2000)

    @given(
        st.lists(st.tuples(_ints, _ints, _ints, _ints, st.integers(1, 10), st.integers(0, 3)), max_size=20)
    )
    def test_vhr_10_reads_what_the_expression_of_the_specification_reads(self, boxes) -> None:
        text = "".join(f"({x:>{p}},{y}),({x + w + 1},{y + h + 1:>{p}}),{c} \n" for x, y, w, h, c, p in boxes)
        number = r"\s*(\d+)\s*"
        told = re.findall(rf"^\({number},{number}\)\s*,\s*\({number},{number}\)\s*,{number}$", text, re.M)
        assert len(told) == len(boxes)
        outcome = read(VHR, text.encode())
        assert outcome.boxes == [[float(v) for v in line[:4]] for line in told]
        assert outcome.annotations.objects.class_id.tolist() == [int(line[4]) - 1 for line in told]


def layout(manifest: Manifest) -> BoxTxtLayout:
    return layout_of(manifest, BoxTxtLayout)


def with_layout(manifest: Manifest, **changes: Any) -> Manifest:
    return manifest.model_copy(update={"layout": {**manifest.layout, **changes}})


class TestTemplates:
    @pytest.mark.parametrize(
        ("template", "line", "quad", "box"),
        [
            ("class x1 y1 x2 y2 x3 y3 x4 y4", b"1 0 0 9 0 9 5 0 5", [0, 0, 9, 0, 9, 5, 0, 5], [0, 0, 9, 5]),
            ("left;top,width,height,class", None, None, None),
            ("[left,top,width,height]:class", None, None, None),
            ("<class>,left,top,width,height", b"<1>,1,2,3,4", None, [1, 2, 4, 6]),
            ("score,x1,y1,x2,y2,class", b"0.25,1,2,3,4,1", None, [1, 2, 3, 4]),
        ],
    )
    def test_other_templates_of_ones_own_work_or_are_refused(self, template, line, quad, box) -> None:
        manifest = with_layout(VHR, line=template)
        if line is None:
            with pytest.raises(ManifestError, match=r"NWPU-VHR-10: layout\.line: .*no name of a field"):
                layout(manifest)
            return
        outcome = read(manifest, joined(line))
        assert outcome.boxes == [box]
        assert quad is None or outcome.annotations.objects.quad.tolist() == [quad]
