"""What answers without understanding answer, and what they may learn from."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from rsvp_eval.answers import parse
from rsvp_eval.baselines import BASELINES, baseline, write_baseline
from rsvp_eval.baselines.neighbours import nearest
from rsvp_eval.baselines.retrieval import describe
from rsvp_eval.baselines.texts import answer_of, most_common, texts_of
from rsvp_eval.errors import EvalError, UnknownNameError
from rsvp_eval.inputs.rows import read_rows


@pytest.fixture(scope="session")
def box_rows(dataset):
    return read_rows(dataset, task="referring_classification_box", source="UCAS-AOD")


def of_images(rows, names):
    return [row for row in rows if row.image_id in names]


def halves(rows):
    names = sorted({row.image_id for row in rows})
    return of_images(rows, set(names[::2])), of_images(rows, set(names[1::2]))


@pytest.mark.parametrize("name", BASELINES)
def test_every_row_is_answered_for_every_mark_in_the_form_of_the_data_set(dataset, box_rows, name):
    fit, ask = halves(box_rows)
    answers = dict(baseline(name, fit, ask, dataset))
    assert list(answers) == [row.id for row in ask]
    known = {text for row in fit for text in texts_of(row)}
    for row in ask:
        parsed = parse(answers[row.id], row.indices)
        assert set(parsed.texts) == set(row.indices)
        assert not parsed.chatter
        assert set(parsed.texts.values()) <= known


def test_blind_gives_the_majority_class(dataset, box_rows):
    fit, ask = halves(box_rows)
    texts = [text for row in fit for text in texts_of(row)]
    majority = max(sorted(set(texts)), key=texts.count)
    for row, (_, answer) in zip(ask, baseline("blind", fit, ask, dataset), strict=True):
        assert set(parse(answer, row.indices).texts.values()) == {majority}


def test_the_most_common_text_is_the_first_by_the_alphabet_among_equals():
    assert most_common(["ship", "plane", "ship", "plane", "car"]) == "plane"


def test_text_only_tells_apart_what_differs_in_size_alone(dataset, box_rows):
    [row] = [next(row for row in box_rows if len(row.marks) >= 2)]
    small, large = row.marks[0], row.marks[1]

    def sized(mark, side, label):
        return replace(mark, xyxy=(0.0, 0.0, side, side), label=label)

    def made(image, first, second):
        marks = (sized(small, first[0], first[1]), sized(large, second[0], second[1]))
        told = replace(row, id=image, image_id=f"train/{image}", marks=marks)
        answer = answer_of(told, [first[1], second[1]])
        return replace(told, messages=(row.messages[0], row.messages[1]._replace(content=answer)))

    fit = [made(f"a{i}", (10.0 + i / 10, "car"), (100.0 + i, "harbor")) for i in range(20)]
    ask = [made("b", (100.0, "?"), (10.0, "?"))]
    [(_, answer)] = baseline("text-only", fit, ask, dataset)
    assert list(parse(answer, ask[0].indices).texts.values()) == ["harbor", "car"]


def test_retrieval_finds_the_same_picture_again(dataset):
    rows = read_rows(dataset, task="image_caption", source="NWPU-Captions")
    by_image = {row.image_id: row for row in rows}
    ask = list(by_image.values())
    # The same pictures under other names: the nearest picture of each is itself.
    fit = [replace(row, image_id=f"train/copy of {row.image_id}") for row in ask]
    for row, (_, answer) in zip(ask, baseline("retrieval", fit, ask, dataset), strict=True):
        assert answer == row.answer


def test_what_lies_on_an_evaluated_image_is_not_learned_from_whatever_split_it_is_in(dataset, box_rows):
    row = box_rows[0]
    other = replace(row, id="x", image_id=f"val/{row.image_id.partition('/')[2]}")
    with pytest.raises(EvalError, match="nothing to learn from"):
        list(baseline("blind", [other], [row], dataset))


def test_an_unknown_baseline_gets_a_suggestion(dataset, box_rows):
    with pytest.raises(UnknownNameError, match="Did you mean blind"):
        baseline("blnd", box_rows, box_rows, dataset)


def test_predictions_are_written_for_the_rows_of_the_task(dataset, tmp_path):
    out = tmp_path / "p.jsonl"
    count = write_baseline("blind", "dior_rsvg_box", dataset, out)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    rows = read_rows(dataset, task="referring_classification_box", source="DIOR-RSVG", split="test")
    assert [line["id"] for line in lines] == [row.id for row in rows]
    assert count == len(rows)
    assert {line["model"] for line in lines} == {"baseline:blind"}


def test_neighbours_equal_the_plain_loop():
    rng = np.random.default_rng(0)
    table, queries = rng.normal(size=(40, 5)), rng.normal(size=(9, 5))
    for query, found in zip(queries, nearest(table, queries, 7), strict=True):
        expected = np.argsort(((table - query) ** 2).sum(axis=1), kind="stable")[:7]
        np.testing.assert_array_equal(found, expected)


def test_a_descriptor_has_length_one_and_tells_colours_apart():
    red, blue = (Image.new("RGB", (30, 20), colour) for colour in ((200, 0, 0), (0, 0, 200)))
    striped = Image.fromarray(np.tile(np.arange(0, 240, 8, dtype=np.uint8)[None, :, None], (20, 1, 3)))
    assert np.linalg.norm(describe(striped)) == pytest.approx(1)
    assert describe(red) @ describe(red) > describe(red) @ describe(blue)
