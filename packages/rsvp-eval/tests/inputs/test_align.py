"""Predictions beside references: nothing is aligned by luck, and everything that does not fit is counted."""

from __future__ import annotations

import pytest

from rsvp_eval.errors import EvalError, UnknownNameError
from rsvp_eval.inputs.align import COUNTED, align
from rsvp_eval.inputs.predictions import Predictions, read_predictions
from rsvp_eval.inputs.references import References, read_references
from rsvp_eval.inputs.rows import Mark, Message, Row, read_rows
from rsvp_eval.tasks import load

LABEL, CAPTION, PROSE = load("referring_box"), load("region_caption"), load("relationship")
PLACE = load("image_caption")


def row(key, labels, *, captions=None, image="test/a", answer=None, window=None, boxes=None):
    captions = captions or [None] * len(labels)
    marks = []
    for n, (label, caption) in enumerate(zip(labels, captions, strict=True), 1):
        box = boxes[n - 1] if boxes else (0.0, 0.0, float(n), 9.0)
        marks.append(Mark(n, "box", box, None, label, caption))
    messages = [Message("user", "What?")] + ([Message("assistant", answer)] if answer is not None else [])
    task = "referring_classification_box"
    return Row(key, image, "S", "test", task, "region", tuple(marks), tuple(messages), 9, 9, window)


def counted(found):
    """The counts that are not zero, beside those of the sides."""
    return {name: found.counts[name] for name in COUNTED if found.counts[name]}


def by_id(found):
    return {sample.id: sample.prediction for sample in found.samples}


def test_each_mark_is_a_sample():
    rows = [row("r", ["ship", "car"], image="test/9")]
    found = align(LABEL, rows, Predictions.of({"r": "<Region 2>: van\n<Region 1>: boat"}))
    first, second = found.samples
    assert (first.id, first.row, first.prediction, first.references) == ("r#1", "r", "boat", ("ship",))
    assert (first.image, first.label, first.mark, first.marks) == ("S/test/9", "ship", 1, (1, 2))
    assert (second.id, second.prediction, second.references) == ("r#2", "van", ("car",))
    assert counted(found) == {}
    assert [found.counts[n] for n in ("predictions", "references", "samples")] == [1, 1, 2]


def test_everything_that_does_not_fit_is_counted_and_listed(tmp_path):
    rows = [row(key, ["ship", "car"]) for key in "abcdefg"] + [row("h", ["ship"])]
    path = tmp_path / "p.jsonl"
    path.write_text(
        '{"id": "a", "prediction": "<Region 2>: car"}\n'
        '{"id": "b", "prediction": "ship and car"}\n'
        '{"id": "c", "prediction": ""}\n'
        '{"id": "d", "prediction": null}\n'
        '{"id": "e", "prediction": "Sure!\\n<Region 1>: a\\n<Region 1>: b\\n<Region 7>: c"}\n'
        '{"id": "f", "prediction": "<Region 1>: ship\\n<Region 2>: car"}\n'
        '{"id": "f", "prediction": "<Region 1>: ship\\n<Region 2>: car"}\n'
        '{"id": "h", "prediction": "ship"}\n'
        '{"id": "x", "prediction": "tree"}\n'
        '{"id": "y", "prediction": null}\n'
    )
    found = align(LABEL, rows, read_predictions(path))
    expected = {
        "missing": ["d", "g"],
        "unknown": ["x", "y"],
        "duplicate_ids": ["f"],
        "empty": ["c"],
        "unparsed": ["b"],
        "bare": ["h"],
        "chatter": ["e"],
        "missing_marks": ["a#1", "b#1", "b#2", "c#1", "c#2", "e#2"],
        "invented_marks": ["e#7"],
        "duplicated_marks": ["e#1"],
    }
    assert {name: ids for name, ids in found.lists.items() if ids} == expected
    assert counted(found) == {name: len(ids) for name, ids in expected.items()}
    assert found.counts["predictions"] == 9
    assert found.counts["references"] == 8
    # Every mark of every row is scored, answered or not.
    assert len(found.samples) == found.counts["samples"] == 15
    assert by_id(found) | {"a#2": None, "f#1": None, "f#2": None, "h#1": None} == dict.fromkeys(by_id(found))
    assert by_id(found)["a#2"] == "car"


def test_no_id_in_common_is_an_error_that_shows_both_sides():
    with pytest.raises(EvalError, match="ids such as 'x', references such as 'r'"):
        align(LABEL, [row("r", ["ship"])], Predictions.of({"x": "ship"}))


def test_a_mark_without_a_reference_is_no_sample():
    found = align(LABEL, [row("r", ["ship", None])], Predictions.of({"r": "<Region 1>: a\n<Region 2>: b"}))
    assert by_id(found) == {"r#1": "a"}
    assert found.lists["unreferenced"] == ["r#2"]
    with pytest.raises(EvalError, match="nothing to score"):
        align(CAPTION, [row("r", ["ship"])], Predictions.of({"r": "a"}))


def test_captions_are_scored_against_captions():
    rows = [row("r", ["ship", "car"], captions=["a ship", " "])]
    found = align(CAPTION, rows, Predictions.of({"r": "<Region 1>: a boat: red\n<Region 2>: b"}))
    assert [(s.prediction, s.references, s.label) for s in found.samples] == [
        ("a boat: red", ("a ship",), "ship"),
        ("b", (" ",), "car"),
    ]
    assert counted(found) == {"blank_references": 1}


class TestProtocols:
    ROWS = (row("a", ["ship", "car"]), row("b", ["tree"]), row("c", ["house", "road"]))

    def test_sphinxv_aligns_by_order_and_drops_what_is_missing(self):
        answers = {"a": "Region 2: van\nRegion 1: boat.\nRegion 3: extra", "c": "house"}
        found = align(LABEL, self.ROWS, Predictions.of(answers), protocol="sphinxv")
        # As Draw-and-Understand has it: the first line is about the first mark, and 'house' is no line.
        assert by_id(found) == {"a#1": "van", "a#2": "boat."}
        assert counted(found) == {"missing": 1, "unparsed": 1, "missing_marks": 2, "invented_marks": 1}
        assert found.lists["invented_marks"] == ["a#3"]

    def test_a_protocol_goes_by_its_other_name_and_an_unknown_one_is_told(self):
        answers = Predictions.of({"a": "Region 2: van"})
        assert by_id(align(LABEL, self.ROWS, answers, protocol="draw_and_understand")) == {"a#1": "van"}
        with pytest.raises(UnknownNameError, match="Did you mean osprey"):
            align(LABEL, self.ROWS, answers, protocol="osprei")

    def test_sphinxv_counts_marks_beyond_the_answer_but_does_not_score_them(self):
        found = align(LABEL, self.ROWS, Predictions.of({"a": "Region 1: ship"}), protocol="sphinxv")
        assert by_id(found) == {"a#1": "ship"}
        assert found.lists["missing_marks"] == ["a#2"]
        assert found.lists["missing"] == ["b", "c"]

    @pytest.mark.parametrize("protocol", ["strict", "videorefer", "osprey"])
    def test_all_others_align_by_number_and_score_what_is_missing(self, protocol):
        answers = {"a": "Region 2: van\nRegion 1: boat.", "c": "house"}
        found = align(LABEL, self.ROWS, Predictions.of(answers), protocol=protocol)
        assert by_id(found) == {"a#1": "boat.", "a#2": "van", "b#1": None, "c#1": None, "c#2": None}

    @pytest.mark.parametrize("said", ["ship: big: red", "ship", ": ship", "ship:"])
    @pytest.mark.parametrize("prefix", ["", "<Region 1>: ", "Region 1: "])
    def test_osprey_gives_what_its_evaluation_keeps_of_the_whole_answer(self, said, prefix):
        def kept(answer):
            return answer.split(":")[1] if ":" in answer else answer

        answer = prefix + said
        found = align(LABEL, [row("r", ["ship"])], Predictions.of({"r": answer}), protocol="osprey")
        assert kept(found.samples[0].prediction).strip() == kept(answer).strip()

    def test_captions_know_no_protocol(self):
        rows = [row("r", ["x", "y"], captions=["a", "b"])]
        answer = Predictions.of({"r": "Region 2: a: b"})
        for protocol in ("sphinxv", "osprey", "strict"):
            assert by_id(align(CAPTION, rows, answer, protocol=protocol)) == {"r#1": None, "r#2": "a: b"}


class TestPlaces:
    BOX = ((0.0, 0.0, 9.0, 9.0),)

    def rows(self):
        captions = {"a": "one", "b": "two", "c": "three", "d": "four"}
        made = [row(k, [None], captions=[c], boxes=self.BOX, image="test/1") for k, c in captions.items()]
        made.append(row("e", [None], captions=["other image"], boxes=self.BOX, image="test/2"))
        made.append(row("f", [None], captions=["tile"], boxes=self.BOX, image="test/1", window=(0, 0, 9, 9)))
        return made

    def test_rows_of_a_place_are_one_sample_with_all_references(self):
        found = align(PLACE, self.rows(), Predictions.of({"a": "said", "e": "x", "f": "y"}))
        assert [(s.id, s.row, s.prediction, s.references) for s in found.samples] == [
            ("a#1", "a", "said", ("one", "two", "three", "four")),
            ("e#1", "e", "x", ("other image",)),
            ("f#1", "f", "y", ("tile",)),
        ]
        assert counted(found) == {"bare": 3}

    def test_the_first_row_with_a_prediction_gives_it_and_the_others_are_counted(self):
        answers = {"d": "last", "b": "<Region 1>: second", "c": "third"}
        found = align(PLACE, self.rows(), Predictions.of(answers))
        # The id does not depend on who answered, so that two models' samples meet.
        assert by_id(found) == {"a#1": "second", "e#1": None, "f#1": None}
        assert found.lists["regrouped"] == ["c", "d"]
        assert found.lists["missing"] == ["e#1", "f#1"]
        assert counted(found) == {"regrouped": 2, "missing": 2}

    def test_rows_of_several_marks_are_noted_once(self):
        boxes = [(0.0, 0.0, 1.0, 1.0), (0.0, 0.0, 2.0, 2.0)]
        rows = [
            row("a", ["x", "y"], captions=["a1", "a2"], boxes=boxes),
            row("b", ["x", "y"], captions=["b1", "b2"], boxes=boxes[::-1]),
        ]
        answers = {"a": "Hm.\n<Region 1>: said\n<Region 5>: z", "b": "<Region 1>: aside"}
        found = align(PLACE, rows, Predictions.of(answers))
        assert [(s.prediction, s.references) for s in found.samples] == [
            ("said", ("a1", "b2")),
            (None, ("a2", "b1")),
        ]
        assert counted(found) == {"chatter": 1, "invented_marks": 1, "missing_marks": 1, "regrouped": 1}


class TestProse:
    ROW = row("r", ["plane", "car"], answer="A plane <Region 1> by a car <Region 2>.")

    def test_citations_are_scored_apart_and_taken_out_of_both_sides(self):
        found = align(PROSE, [self.ROW], Predictions.of({"r": "A plane <Region 1> by <Region 7>"}))
        [sample] = found.samples
        assert sample.prediction == "A plane by"
        assert sample.references == ("A plane by a car.",)
        assert sample.marks == (1, 2)
        assert (sample.id, sample.row, sample.mark) == ("r", "r", None)
        [own] = found.cited
        assert (own.marks, own.invented, own.coverage) == ((1,), (7,), 0.5)
        assert found.lists["missing_marks"] == ["r#2"]
        assert found.lists["invented_marks"] == ["r#7"]

    def test_a_missing_answer_cites_nothing_and_a_planned_row_is_no_sample(self):
        rows = [self.ROW, row("s", ["a", "b"], answer="<Region 1> <Region 2>"), row("t", ["a", "b"])]
        found = align(PROSE, rows, Predictions.of({"r": "x", "t": "y"}))
        assert by_id(found) == {"r": "x", "s": None}
        assert [c.coverage for c in found.cited] == [0, 0]
        assert found.lists["unreferenced"] == ["t"]
        assert found.lists["missing"] == ["s"]
        assert found.lists["blank_references"] == ["s"]

    def test_references_of_a_file_say_which_marks_there_are(self):
        references = References.of({"r": ["A <Region 1>.", "B <Region 3>."]})
        found = align(PROSE, references, Predictions.of({"r": "C <Region 3> <Region 4>"}))
        assert found.samples[0].marks == (1, 3)
        assert found.samples[0].references == ("A.", "B.")
        assert (found.cited[0].coverage, found.cited[0].invented) == (0.5, (4,))


def test_against_a_file_of_references_each_answer_is_scored_as_it_stands(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text(
        '{"id": "a", "references": ["ship", "boat"], "image_id": "i", "class": "ship"}\n'
        '{"id": "b", "reference": "car"}\n{"id": "c", "references": ["x", ""]}\n'
    )
    answers = Predictions.of({"a": "<Region 1>: ship", "b": "van: red", "z": "?"})
    found = align(load("label"), read_references(path), answers)
    assert [(s.id, s.prediction, s.references, s.image, s.label) for s in found.samples] == [
        ("a", "<Region 1>: ship", ("ship", "boat"), "i", "ship"),
        ("b", "van: red", ("car",), None, None),
        ("c", None, ("x", ""), None, None),
    ]
    assert counted(found) == {"missing": 1, "unknown": 1, "prefixed": 1, "blank_references": 1}


@pytest.mark.parametrize("protocol", ["osprey", "sphinxv", "videorefer", "strict"])
@pytest.mark.parametrize(
    "name", ["referring_box", "referring_point", "region_caption", "scene", "image_caption", "grounded"]
)
def test_a_data_sets_own_answers_are_right(dataset, name, protocol):
    task = load(name)
    rows = read_rows(dataset, task=task.data.tasks)
    found = align(task, rows, Predictions.of({row.id: row.answer for row in rows}), protocol=protocol)
    assert all(sample.prediction in sample.references for sample in found.samples)
    marks = sum(len(row.marks) for row in rows)
    places = len({(row.image, mark.xyxy) for row in rows for mark in row.marks})
    samples = {"grounded": len(rows), "image_caption": places}.get(name, marks)
    assert len(found.samples) == samples
    regrouped = len(rows) - places if name == "image_caption" else 0
    assert counted(found) == ({"regrouped": regrouped} if regrouped else {})
    assert all(own.coverage == 1 for own in found.cited)
    assert bool(found.cited) == (name == "grounded")
