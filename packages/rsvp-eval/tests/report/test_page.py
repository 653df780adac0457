"""report.html: stands alone, escapes everything, shows the right samples with their pictures and marks."""

from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rsvp_eval.errors import UnknownNameError
from rsvp_eval.inputs.pictures import Picture
from rsvp_eval.inputs.rows import Mark, read_rows
from rsvp_eval.report.build import results_of
from rsvp_eval.report.extremes import extremes
from rsvp_eval.report.heat import MOST, NONE, heat
from rsvp_eval.report.page import write_page
from rsvp_eval.report.picture import SIDE, data_uri, drawing
from rsvp_eval.report.results import Confusion
from rsvp_eval.report.words import SHOWN, pieces
from rsvp_eval.sample import Sample
from rsvp_eval.scores import Scores


class Page(HTMLParser):
    """Tags, attributes and texts of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.said = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for key, value in attrs if key in ("href", "src", "srcset", "action")]

    def handle_data(self, data):
        self.said.append(data)

    @property
    def text(self):
        return " ".join("".join(self.said).split())


@pytest.fixture
def page(tmp_path):
    def write(made, **options):
        path = write_page(made, results_of(made, draws=50), tmp_path, **options)
        text = path.read_text(encoding="utf-8")
        return Page(text), text

    return write


def png(width, height, mode="RGB"):
    file = io.BytesIO()
    Image.new(mode, (width, height)).save(file, "PNG")
    return file.getvalue()


def test_the_page_stands_alone_and_says_the_essentials(evaluation, page):
    found, text = page(evaluation(partial=True))
    assert "script" not in found.tags
    assert not {"link", "iframe", "img"} & set(found.tags)
    assert all(address.startswith("data:") for address in found.addresses)
    assert "default-src 'none'" in text
    assert 'name="viewport"' in text
    for said in (
        "Labels of boxes",
        "osprey",
        "80.00",
        "mind the protocol",
        "no CoreNLP here",
        "storage tank",
    ):
        assert said in found.text
    assert "partial: only a part" in found.text
    assert "bridge answered as ship: 1 of 10" in found.text


def test_markup_in_what_users_and_models_wrote_is_text(evaluation, page):
    nasty = '<script>alert("x")</script><img src=x onerror=alert(1)>'
    samples = [
        Sample(f"{nasty}{i}", f"r{i}", nasty, (nasty + " also",), image=nasty, label=nasty) for i in range(4)
    ]
    made = evaluation(
        samples=samples,
        confusion=None,
        notes=[nasty],
        title=nasty,
        missing={"spice": nasty},
        counts={nasty: 1},
        lists={nasty: [nasty]},
    )
    found, text = page(made)
    assert not {"script", "img"} & set(found.tags)
    assert "<script" not in text
    assert found.text.count('alert("x")') > 8


def test_answers_that_are_missing_or_empty_are_told_apart(evaluation, page):
    samples = [
        Sample("0", "0", None, ("ship",), label="ship"),
        Sample("1", "1", "", ("ship",), label="ship"),
        Sample("2", "2", "ship", ("ship",), label="ship"),
        Sample("3", "3", "ship", ("ship",), label="ship"),
    ]
    found, _ = page(evaluation(samples=samples))
    assert "no answer" in found.text
    assert "empty answer" in found.text


def test_pictures_of_the_data_set_come_with_their_marks(evaluation, page, dataset):
    rows = [row for row in read_rows(dataset, granularity="region") if row.marks][:6]
    samples = [
        Sample(f"{row.id}#{m.index}", row.id, "ship", ("bridge",), image=row.image_id, mark=m.index)
        for row in rows
        for m in row.marks
    ]
    made = evaluation(samples=samples, confusion=None, data=dataset)
    found, text = page(made, samples=3)
    assert len([a for a in found.addresses if a.startswith("data:image/jpeg;base64,")]) == min(
        6, len(samples)
    )
    assert text.count('<g class="asked">') == min(6, len(samples))
    assert "no picture to show" not in found.text


def test_without_a_data_set_the_samples_are_shown_without_pictures(evaluation, page):
    found, _ = page(evaluation())
    assert "data:image" not in "".join(found.addresses)
    assert "Give a data set with --data to see images" in found.text


def test_a_page_of_captions_has_no_classes_and_no_confusion(captions, page):
    found, _ = page(captions.__class__(**{**vars(captions), "confusion": None}))
    assert "By class" not in found.text
    assert "Confusion" not in found.text
    assert "BLEU-4" in found.text


def test_the_page_stays_small_with_large_pictures_and_texts(evaluation, page, monkeypatch):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (700, 900, 3), dtype=np.uint8))
    file = io.BytesIO()
    noise.save(file, "PNG")
    mark = Mark(1, "box", (10.0, 10.0, 600.0, 500.0), None, "ship", None)
    picture = Picture(file.getvalue(), 900, 700, (mark,))
    monkeypatch.setattr("rsvp_eval.inputs.pictures.pictures", lambda _, ids: dict.fromkeys(ids, picture))
    samples = [Sample(str(i), str(i), "word " * 200_000, ("ship",), label="ship") for i in range(30)]
    made = evaluation(samples=samples, confusion=None, data="anything", lists={"missing": ["x" * 40] * 900})
    _, text = page(made)
    assert len(text) < 6_000_000


def test_worst_and_best_are_those_of_the_metric(evaluation):
    made = evaluation(scores={"ss": Scores.of_means("ss", np.arange(30) / 30, "")})
    found = extremes(made, 4)
    assert (found.metric, found.worst, found.best) == ("ss", [0, 1, 2, 3], [29, 28, 27, 26])
    assert (found.tied_worst, found.tied_best) == (1, 1)


def test_few_samples_are_shown_once(evaluation):
    samples = [Sample(str(i), str(i), "ship", ("ship",)) for i in range(5)]
    found = extremes(evaluation(samples=samples), 12)
    assert sorted(found.worst + found.best) == [0, 1, 2, 3, 4]
    assert found.tied_worst == 5


def test_scores_without_a_value_are_not_chosen(evaluation):
    values = np.arange(30) / 30
    values[0] = np.nan
    found = extremes(evaluation(scores={"ss": Scores.of_means("ss", values, "")}), 40)
    assert 0 not in found.worst + found.best
    assert len(found.worst + found.best) == 29


def test_a_metric_that_is_not_there_is_refused(evaluation):
    with pytest.raises(UnknownNameError, match="accuracy, ss"):
        extremes(evaluation(), 3, "cider")


def test_nothing_to_choose_by_gives_nothing(evaluation, page):
    made = evaluation(scores={})
    assert extremes(made, 3) is None
    found, _ = page(made)
    assert "Worst by" not in found.text


def test_words_that_differ_are_marked_as_often_as_they_do():
    marked = [p.text for p in pieces("A ship, a ship and a Bridge", ["the ship and a bridge a"]) if p.differs]
    assert marked == ["ship", "a"]
    assert [p.text for p in pieces("small house", ["a house"]) if p.differs] == ["small"]
    assert not any(p.differs for p in pieces("It's well-known.", ["it's WELL-KNOWN"]))


@given(st.text(max_size=200), st.lists(st.text(max_size=50), max_size=3))
def test_pieces_together_are_the_text(text, others):
    assert "".join(piece.text for piece in pieces(text, others)) == text
    assert not any(piece.differs for piece in pieces(text, [text]))


def test_long_texts_are_cut_and_their_length_told():
    found = "".join(piece.text for piece in pieces("x" * 10_000_000, ["y"]))
    assert len(found) < SHOWN + 50
    assert "10,000,000 characters" in found


@pytest.mark.parametrize(
    ("content", "size"),
    [
        (png(2000, 500), (SIDE, SIDE // 4)),
        (png(40, 30), (40, 30)),
        (png(30, 30, "I;16"), (30, 30)),
        (png(30, 30, "LA"), (30, 30)),
        (png(30, 30, "P"), (30, 30)),
        (png(30, 30, "1"), (30, 30)),
    ],
)
def test_pictures_are_scaled_down_and_never_up(content, size):
    uri = data_uri(content)
    with Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))) as image:
        assert (image.size, image.mode) == (size, "RGB")


@pytest.mark.parametrize("content", [b"", b"no picture", png(50, 50)[:60]])
def test_bytes_that_are_no_picture_show_none(content):
    assert data_uri(content) is None


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_samples_without_a_picture_say_so(evaluation, page, monkeypatch, content):
    picture = Picture(content, 50, 50, ())
    monkeypatch.setattr("rsvp_eval.inputs.pictures.pictures", lambda _, ids: dict.fromkeys(ids, picture))
    found, _ = page(evaluation(data="anything"))
    assert found.text.count("no picture to show") == 24


def test_the_mark_asked_about_lies_on_top_and_tags_stay_inside():
    marks = (
        Mark(1, "box", (0.0, 0.0, 40.0, 20.0), None, "a", None),
        Mark(2, "point", None, (100.0, 1.0), "b", None),
        Mark(3, "box", (10.0, 100.0, 40.0, 120.0), None, "c", None),
    )
    picture = Picture(None, 220, 220, marks)
    found = drawing(picture, "data:", 1)
    assert [s.index for s in found.shapes] == [2, 3, 1]
    assert [s.asked for s in found.shapes] == [False, False, True]
    assert all(s.label[1] >= found.unit for s in found.shapes)
    assert all(s.asked for s in drawing(picture, "data:", None).shapes)


def test_heat_has_a_square_for_each_cell_that_is_not_zero():
    found = heat(Confusion(classes=("a", "b", "c"), matrix=((3, 1, 0, 0), (0, 0, 0, 0), (0, 5, 4, 1))))
    assert found.rows == ["a", "b", "c"]
    assert found.columns == ["a", "b", "c", NONE]
    assert {(s.row, s.column, s.count) for s in found.squares} == {
        (0, 0, 3), (0, 1, 1), (2, 1, 5), (2, 2, 4), (2, 3, 1),
    }  # fmt: skip
    assert [s.told for s in found.confused] == [
        "c answered as b: 5 of 10",
        "a answered as b: 1 of 4",
        f"c answered as {NONE}: 1 of 10",
    ]


def test_many_classes_are_cut_to_those_with_most_samples():
    count = MOST + 10
    matrix = tuple(tuple(i + 1 if i == j else 0 for j in range(count + 1)) for i in range(count))
    found = heat(Confusion(classes=tuple(f"c{i}" for i in range(count)), matrix=matrix))
    assert found.left_out == 10
    assert found.rows == [f"c{i}" for i in range(10, count)]
    assert all(s.right and s.row == s.column for s in found.squares)


def test_bars_are_in_proportion(evaluation, page):
    scores = {"cider": Scores.of_means("cider", np.full(30, 2.5), "idf=corpus", 10.0)}
    _, text = page(evaluation(scores=scores, missing={}))
    assert re.search(r'of 1000, interval[^>]*><span class="fill" style="width:25.0%"', text)
