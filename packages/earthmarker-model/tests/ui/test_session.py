"""What the page's parts promise without a browser."""

import importlib
import json
import socket
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from earthmarker.errors import EarthMarkerError
from earthmarker.pictures import as_rgb
from earthmarker.prompts import Box, MarkError, Point
from earthmarker.prompts.palette import colour
from earthmarker.ui import launch
from earthmarker.ui.instructions import INSTRUCTIONS, instruction
from earthmarker.ui.payload import marks_of, open_picture, shown
from earthmarker.ui.session import Session, Turn
from earthmarker.ui.transcript import contrast, ink, transcript


def test_marks_of_reads_boxes_and_points():
    value = json.dumps([{"box": [1, 2, 3.5, 4]}, {"point": [5, 6]}])
    assert marks_of(value) == (Box(1, 2, 3.5, 4), Point(5, 6))
    assert marks_of("") == marks_of(None) == marks_of("[]") == ()


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "3",
        "[3]",
        '[{"box": [1, 2, 3]}]',
        '[{"circle": [1, 2]}]',
        '[{"box": "1234"}, {}]',
        '[{"point": [1, "x"]}]',
        '{"box": [1, 2, 3, 4]}',
        '[{"box": [1, 2, 3, 4], "point": [1, 2]}]',
    ],
)
def test_marks_of_refuses_what_is_none(value):
    with pytest.raises(EarthMarkerError, match="reload the page"):
        marks_of(value)


def test_picture_outside_the_uploads_is_refused(tmp_path):
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    secret = tmp_path / "secret.png"
    Image.new("RGB", (4, 4)).save(secret)
    (uploads / "link.png").symlink_to(secret)
    for path in (secret, uploads / ".." / "secret.png", uploads / "link.png", uploads / "none.png", uploads):
        with pytest.raises(EarthMarkerError, match="not a file that this page has uploaded"):
            open_picture(path, uploads)


def test_picture_is_turned_upright_and_rgb(tmp_path):
    pixels = np.zeros((10, 20), dtype=np.uint8)
    pixels[:, :5] = 200
    tagged = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees clockwise
    tagged.save(tmp_path / "a.png", exif=exif)
    opened = open_picture(tmp_path / "a.png", tmp_path)
    assert opened.mode == "RGB"
    assert opened.size == (10, 20)
    assert np.array_equal(np.asarray(opened)[..., 0], np.rot90(pixels, -1))


def test_deep_picture_is_stretched_as_everywhere_else(tmp_path):
    deep = np.linspace(3000, 4000, 400, dtype=np.uint16).reshape(20, 20)
    Image.fromarray(deep).save(tmp_path / "deep.tif")
    opened = np.asarray(open_picture(tmp_path / "deep.tif", tmp_path))
    assert np.array_equal(opened, np.asarray(as_rgb(Image.fromarray(deep))))
    assert opened.min() == 0
    assert opened.max() == 255


def test_shown_keeps_the_true_size():
    sent = shown(Image.new("RGB", (5000, 100)))
    assert (sent["width"], sent["height"]) == (5000, 100)
    assert sent["src"].startswith("data:image/jpeg;base64,")


@pytest.mark.parametrize("index", range(1, 41))
def test_ink_reads_on_every_colour(index):
    assert contrast(colour(index), ink(colour(index))) >= 4.5


def test_contrast_of_black_and_white():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21.0)
    # #767676 is the well-known lightest grey with 4.5 on white.
    assert contrast((0x76, 0x76, 0x76), (255, 255, 255)) == pytest.approx(4.54, abs=0.01)


class _Texts(HTMLParser):
    """Tags of a page, and its text."""

    def __init__(self):
        super().__init__()
        self.tags, self.text = set(), ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        self.text += data


@given(st.text(alphabet=st.characters(codec="utf-8")), st.text(alphabet="<>&\"'/ Regionscriptmg=1:\n"))
def test_transcript_holds_no_tag_but_ours(question, answer):
    read = _Texts()
    read.feed(transcript([Turn(question, answer, begins=True, marks=1)]))
    read.close()
    assert read.tags <= {"div", "p", "span"}


def test_lines_have_the_colour_of_the_mark_that_they_cite_first():
    html = transcript(
        [Turn("?", "<Region 2><Region 1>: near\n\nno mark\n<Mark 0>: none", begins=True, marks=2)]
    )
    assert html.count('data-mark="2"') == 1
    assert "data-mark" not in html.split("no mark")[1]
    assert html.count("em-chip") == 2
    assert html.count('class="em-line"') == 3
    assert "&lt;Mark 0&gt;" in html


def test_instructions_are_those_that_data_sets_are_built_with():
    written = importlib.import_module("rsvp_builder.tasks.instructions")
    known = {text for value in vars(written).values() if isinstance(value, tuple) for text in value}
    # Only in the paper: data sets have no row for one mark of several, and no caption of a point.
    known |= {
        "Please provide a detailed description of region {last} in the image.",
        "Please provide a brief caption of each marked point in the image.",
    }
    assert {text for _, *texts in INSTRUCTIONS for text in texts if text is not None} <= known


def test_points_are_asked_about_as_points():
    assert "point" in instruction("Classify", [Point(1, 1)])
    assert "region" in instruction("Classify", [Point(1, 1), Box(0, 0, 1, 1)])
    assert "region" in instruction("Classify", [])
    with pytest.raises(KeyError):
        instruction("Sing", [])


class _Reader:
    name, most = "counting", 3

    def __init__(self):
        self.begun = 0

    def draw(self, picture, marks):
        return picture

    def begin(self, picture, marks):
        self.begun += 1
        return self

    def ask(self, question):
        if question == "fail":
            raise RuntimeError("no")
        return f"to {question}"


def test_session_goes_on_until_marks_or_picture_change():
    session, reader = Session(), _Reader()
    with pytest.raises(EarthMarkerError, match="No image"):
        session.ask(reader, [], "a")
    session.open(Image.new("RGB", (8, 8)))
    for question, marks in (("a", []), (" b ", []), ("c", [Point(1, 1)]), ("d", [Point(1, 1)])):
        session.ask(reader, marks, question)
    assert [(t.question, t.begins) for t in session.turns] == [
        ("a", True), ("b", False), ("c", True), ("d", False),
    ]  # fmt: skip
    assert reader.begun == 2
    session.open(Image.new("RGB", (8, 8)))
    assert session.turns == []
    session.ask(reader, [Point(1, 1)], "e")
    assert reader.begun == 3


def test_failed_question_leaves_the_conversation_as_it_was():
    session, reader = Session(), _Reader()
    session.open(Image.new("RGB", (8, 8)))
    session.ask(reader, [], "a")
    with pytest.raises(RuntimeError):
        session.ask(reader, [], "fail")
    assert [t.question for t in session.turns] == ["a"]
    session.ask(reader, [], "b")
    assert [t.begins for t in session.turns] == [True, False]


@pytest.mark.parametrize(("question", "marks"), [("What is region 2?", 1), ("What is region 2?", 0)])
def test_marks_that_are_cited_must_be_there(question, marks):
    session = Session(Image.new("RGB", (8, 8)))
    with pytest.raises(MarkError, match="mark 2"):
        session.check([Point(1, 1)] * marks, question)
    assert session.check([Point(1, 1)] * 2, question) == question


def test_whole_image_is_region_one():
    assert Session(Image.new("RGB", (8, 8))).check([], " What is region 1? ") == "What is region 1?"


def test_port_that_is_taken_is_said_before_a_model_is_loaded():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EarthMarkerError, match=f"127.0.0.1:{port} cannot be listened at"):
            launch("there-is-no-such-model", port=port)


def test_without_gradio_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "earthmarker.ui.app", None)
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    monkeypatch.setenv("GRADIO_TEMP_DIR", "unused")
    with pytest.raises(EarthMarkerError, match=r"earthmarker-model\[ui\]"):
        launch(_Reader(), port=0)
