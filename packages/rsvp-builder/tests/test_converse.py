"""Marks become rows: their texts, their numbering and their identity."""

from __future__ import annotations

import re
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder import __version__
from rsvp_builder.converse import Pictured, Wording, converse
from rsvp_builder.errors import UnknownNameError
from rsvp_builder.manifest import Manifest
from rsvp_builder.record import ROW_SCHEMA, Frame, Item, Marks, ObjectFlag
from rsvp_builder.tasks import KNOWN, task

IDENTIFY = "Please identify the category of each marked region in the image."
CAPTION = "Please provide a brief caption of each marked region in the image."
CLASSES = {"plane": "plane", "large-vehicle": "large vehicle", "pond": '池塘 <été> "x"'}
REFERRING, CAPTIONING = task("referring_classification_box"), task("region_caption")
TASKS = [REFERRING, CAPTIONING]


def manifest(classes=None, **changes):
    return Manifest.model_validate(
        {
            "manifest_version": 1,
            "name": "made-up",
            "family": "made-up",
            "version": "1.2",
            "title": "made up",
            "reader": "dota",
            "domain": "rs",
            "tasks": list(KNOWN),
            "homepage": "https://example.org",
            "licence": {"id": "other", "name": "Terms of nobody", "text": "", "url": ""},
            "citation": "",
            "splits": {"labelled": {"train": ["train"]}},
            "classes": CLASSES if classes is None else classes,
            **changes,
        }
    )


def batch(counts, *, seed=0, size=(1000, 800), windows=None, **changes):
    """Frames with that many random marks each, every frame on an image of its own."""
    n, random = sum(counts), np.random.default_rng(seed)
    corner = random.integers(0, 500, (n, 2)).astype(float)
    box = np.concatenate([corner, corner + random.integers(1, 290, (n, 2))], axis=1)
    x1, y1, x2, y2 = box.T
    columns = {
        "frame": np.repeat(np.arange(len(counts)), counts),
        "source": np.arange(n),
        "class_id": random.integers(0, len(CLASSES), n),
        "box": box,
        "quad": np.stack([x1, y1, x2, y1, x2, y2, x1, y2], axis=1),
        "flags": np.zeros(n, np.uint8),
        **changes,
    }
    items = [Item(f"train/P{i:04d}", "train", f"P{i:04d}.png", f"P{i:04d}.txt") for i in range(len(counts))]
    windows = windows or [None] * len(counts)
    return SimpleNamespace(
        marks=Marks(**columns),
        items=items,
        frames=[Frame(i, window, *size) for i, window in enumerate(windows)],
        gsd=[None] * len(counts),
        image_source=[None] * len(counts),
    )


def only(whole, position):
    """The same batch with one of its frames, as if it had been met alone."""
    marks = whole.marks.take(whole.marks.frame == position)
    columns = {name: getattr(marks, name) for name in marks.__slots__}
    frame = whole.frames[position]
    return SimpleNamespace(
        marks=Marks(**{**columns, "frame": np.zeros(len(marks), np.int64)}),
        items=[whole.items[position]],
        frames=[Frame(0, frame.window, frame.width, frame.height)],
        gsd=[whole.gsd[position]],
        image_source=[whole.image_source[position]],
    )


def converted(given_batch, asked=REFERRING, of=None, **wording):
    b = given_batch
    pictured = Pictured(of or manifest(), b.items, b.gsd, b.image_source, b.frames)
    table, frame_of_row = converse(asked, pictured, b.marks, Wording(**wording))
    assert table.schema.equals(pa.schema([field for field in ROW_SCHEMA if field.name != "image"]))
    table.validate(full=True)
    assert len(frame_of_row) == table.num_rows
    return table.to_pylist(), frame_of_row.tolist()


def rows_of(given_batch, asked=REFERRING, **options):
    return converted(given_batch, asked, **options)[0]


# Texts


def test_a_row_of_classification_from_end_to_end():
    b = batch([2], windows=[(824, 0, 1848, 600)], size=(1024, 600), class_id=np.array([1, 0]))
    b.gsd, b.image_source = [0.25], ["GoogleEarth"]
    (row,) = rows_of(b)
    (first, second) = b.marks.box.tolist()
    (quad, other_quad) = b.marks.quad.tolist()
    blank = {"xy": None, "caption": None, "kind": "box", "flags": []}
    assert re.fullmatch("[0-9a-f]{32}", row.pop("id"))
    assert row == {
        "image_id": "train/P0000",
        "width": 1024,
        "height": 600,
        "window": [824, 0, 1848, 600],
        "gsd": 0.25,
        "image_source": "GoogleEarth",
        "source": "made-up",
        "source_version": "1.2",
        "split": "train",
        "task": "referring_classification_box",
        "granularity": "region",
        "domain": "rs",
        "marks": [
            {**blank, "index": 1, "xyxy": first, "quad": quad, "label": "large vehicle"},
            {**blank, "index": 2, "xyxy": second, "quad": other_quad, "label": "plane"},
        ],
        "messages": [
            {"role": "user", "content": IDENTIFY},
            {"role": "assistant", "content": "<Region 1>: large vehicle\n<Region 2>: plane"},
        ],
        "provenance": "human",
        "license": "Terms of nobody",
        "builder_version": __version__,
    }


def test_captions_are_in_the_answer_and_with_their_marks():
    b = batch([2], box=np.array([[0.0, 0, 10, 10], [500, 400, 990, 790]]), class_id=np.array([0, 1]))
    b.marks.quad[:] = np.nan
    (row,) = rows_of(b, CAPTIONING)
    expected = ["A small plane at the top left", "A large vehicle at the bottom right"]
    assert [mark["caption"] for mark in row["marks"]] == expected
    assert [mark["label"] for mark in row["marks"]] == ["plane", "large vehicle"]
    assert [m["content"] for m in row["messages"]] == [
        CAPTION,
        f"<Region 1>: {expected[0]}\n<Region 2>: {expected[1]}",
    ]
    assert row["provenance"] == "derived"


def test_an_unknown_task_gets_a_suggestion():
    with pytest.raises(UnknownNameError, match="Did you mean region_caption"):
        task("region_captions")


def test_labels_of_any_script_pass_through_unchanged():
    b = batch([1], class_id=np.array([2]))
    (row,) = rows_of(b)
    assert row["messages"][1]["content"] == f"<Region 1>: {CLASSES['pond']}"
    assert row["marks"][0]["label"] == CLASSES["pond"]
    (row,) = rows_of(b, CAPTIONING)
    assert f" {CLASSES['pond']} " in row["messages"][1]["content"]


@pytest.mark.parametrize("label", ["two\nlines", "", "   "], ids=["newline", "empty", "blank"])
def test_a_label_that_would_break_the_answer_is_refused_by_the_manifest(label):
    with pytest.raises(ValueError, match="classes"):
        manifest({"plane": label})


def test_without_paraphrases_every_instruction_is_the_papers():
    b = batch([1] * 50)
    for asked, text in ((REFERRING, IDENTIFY), (CAPTIONING, CAPTION)):
        for seed in (0, 1):
            rows = rows_of(b, asked, seed=seed)
            assert {row["messages"][0]["content"] for row in rows} == {text}


# Marks and rows


@given(
    st.lists(st.integers(0, 9), max_size=6), st.integers(1, 10), st.sampled_from(TASKS), st.integers(0, 100)
)
def test_all_marks_appear_once_in_order_and_each_has_its_line(counts, most, asked, seed):
    b = batch(counts, seed=seed)
    rows, frame_of_row = converted(b, asked, marks_per_row=most)
    assert frame_of_row == [f for f, count in enumerate(counts) for _ in range(-(-count // most))]
    expected = list(zip(b.marks.frame.tolist(), b.marks.box.tolist(), b.marks.class_id.tolist(), strict=True))
    labels = list(CLASSES.values())
    found = []
    for row, frame in zip(rows, frame_of_row, strict=True):
        assert row["image_id"] == b.items[frame].image_id
        assert [mark["index"] for mark in row["marks"]] == list(range(1, len(row["marks"]) + 1))
        lines = row["messages"][1]["content"].split("\n")
        for mark, line in zip(row["marks"], lines, strict=True):
            text = mark["caption"] if asked.name == "region_caption" else mark["label"]
            assert line == f"<Region {mark['index']}>: {text}"
            found.append((frame, mark["xyxy"], labels.index(mark["label"])))
    assert found == expected
    ids = [row["id"] for row in rows]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize(
    ("count", "most", "expected"),
    [(1, 20, [1]), (20, 20, [20]), (21, 20, [20, 1]), (40, 20, [20, 20]), (5, 1, [1] * 5)],
)
def test_a_frame_is_divided_where_a_row_is_full(count, most, expected):
    rows = rows_of(batch([count]), marks_per_row=most)
    assert [len(row["marks"]) for row in rows] == expected


def test_frames_without_marks_make_no_row():
    rows, frame_of_row = converted(batch([0, 2, 0, 0, 1, 0]))
    assert frame_of_row == [1, 4]
    assert [row["image_id"] for row in rows] == ["train/P0001", "train/P0004"]


@pytest.mark.parametrize("counts", [[], [0], [0, 0]], ids=str)
@pytest.mark.parametrize("asked", TASKS, ids=lambda t: t.name)
@pytest.mark.parametrize("paraphrases", [False, True])
def test_no_marks_make_an_empty_table_of_the_same_schema(counts, asked, paraphrases):
    assert converted(batch(counts), asked, paraphrases=paraphrases) == ([], [])


def test_a_row_may_be_allowed_any_number_of_marks_at_no_cost():
    tracemalloc.start()
    try:
        (row,) = rows_of(batch([3]), marks_per_row=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()
    assert len(row["marks"]) == 3


def test_a_missing_quad_is_null_and_others_stay():
    b = batch([3])
    b.marks.quad[1] = np.nan
    (row,) = rows_of(b)
    assert [mark["quad"] for mark in row["marks"]] == [
        b.marks.quad[0].tolist(),
        None,
        b.marks.quad[2].tolist(),
    ]
    b.marks.quad[:] = np.nan
    (row,) = rows_of(b)
    assert [mark["quad"] for mark in row["marks"]] == [None] * 3


def test_flags_are_published_by_name():
    bits = np.arange(8, dtype=np.uint8)
    (row,) = rows_of(batch([8], flags=bits))
    names = [
        (ObjectFlag.DIFFICULT, "difficult"),
        (ObjectFlag.TRUNCATED, "truncated"),
        (ObjectFlag.CLIPPED, "clipped"),
    ]
    assert [mark["flags"] for mark in row["marks"]] == [[n for f, n in names if f & b] for b in range(8)]


def test_unknown_gsd_origin_and_window_are_null_and_known_ones_go_with_their_image():
    b = batch([1, 1, 1], windows=[None, (0, 0, 1000, 800), (5, 7, 1005, 807)])
    b.gsd, b.image_source = [None, 0.5, None], ["GF", None, "JL"]
    rows = rows_of(b)
    assert [row["gsd"] for row in rows] == [None, 0.5, None]
    assert [row["image_source"] for row in rows] == ["GF", None, "JL"]
    assert [row["window"] for row in rows] == [None, [0, 0, 1000, 800], [5, 7, 1005, 807]]


def test_several_frames_of_one_image_share_what_is_known_of_it():
    b = batch([1, 1, 1])
    b.frames = [Frame(2, (x, 0, x + 64, 64), 64, 64) for x in (0, 48, 96)]
    b.gsd = [0.1, 0.2, 0.3]
    rows = rows_of(b)
    assert [row["image_id"] for row in rows] == ["train/P0002"] * 3
    assert [row["gsd"] for row in rows] == [0.3] * 3
    assert [row["window"][0] for row in rows] == [0, 48, 96]


# Identity


def changed(column, value):
    b = batch([3])
    getattr(b.marks, column)[1] = value
    return b


def test_the_same_marks_give_the_same_ids_again():
    assert rows_of(batch([5, 7])) == rows_of(batch([5, 7]))


@pytest.mark.parametrize(
    "other",
    [
        changed("box", [1, 2, 3, 4]),
        changed("box", np.nextafter(batch([3]).marks.box[1], np.inf)),
        changed("class_id", (batch([3]).marks.class_id[1] + 1) % 3),
        batch([4]),
        batch([3], windows=[(0, 0, 1000, 800)]),
    ],
    ids=["box", "box by a hair", "label", "another mark", "window"],
)
def test_the_id_changes_with_the_content(other):
    (row,), (was,) = rows_of(other), rows_of(batch([3]))
    assert row["id"] != was["id"]


def test_the_id_changes_with_task_source_and_image():
    b = batch([3])
    ids = [
        rows_of(b)[0]["id"],
        rows_of(b, CAPTIONING)[0]["id"],
        rows_of(b, of=manifest(name="other"))[0]["id"],
    ]
    b.items = [Item("val/P0000", "val", "P0000.png", "P0000.txt")]
    ids.append(rows_of(b)[0]["id"])
    assert len(set(ids)) == 4


@pytest.mark.parametrize("asked", TASKS, ids=lambda t: t.name)
def test_ids_are_unique_even_where_a_release_repeats_an_object(asked):
    # Real releases annotate some objects twice; here the copies end in rows of their own.
    b = batch([4], box=np.tile([10.0, 10, 20, 20], (4, 1)), class_id=np.zeros(4, np.int64))
    b.marks.quad[:] = b.marks.quad[0]
    rows = rows_of(b, asked, marks_per_row=2)
    assert len({row["id"] for row in rows}) == len(rows) == 2


@pytest.mark.parametrize("asked", TASKS, ids=lambda t: t.name)
@pytest.mark.parametrize("paraphrases", [False, True], ids=["canonical", "paraphrases"])
def test_frames_converted_alone_and_together_give_the_same_rows(asked, paraphrases):
    b = batch([3, 0, 12, 1, 5] * 6)
    wording = {"marks_per_row": 4, "paraphrases": paraphrases, "seed": 3}
    together = rows_of(b, asked, **wording)
    alone = [row for position in range(len(b.frames)) for row in rows_of(only(b, position), asked, **wording)]
    assert together == alone


@pytest.mark.parametrize("asked", TASKS, ids=lambda t: t.name)
def test_paraphrases_are_the_tasks_own_and_all_are_used(asked):
    rows = rows_of(batch([1] * 100), asked, paraphrases=True)
    assert {row["messages"][0]["content"] for row in rows} == set(asked.instructions)
    assert len(set(asked.instructions)) == len(asked.instructions) > 1


def test_rows_of_one_frame_may_differ_in_wording():
    rows = rows_of(batch([100]), paraphrases=True, marks_per_row=1)
    assert len({row["messages"][0]["content"] for row in rows}) > 1


def test_the_seed_changes_wordings_and_ids_and_nothing_else():
    b = batch([2] * 60)
    one, two, again = (rows_of(b, paraphrases=True, seed=seed) for seed in (1, 2, 1))
    assert one == again
    asked = [[row["messages"][0]["content"] for row in rows] for rows in (one, two)]
    assert asked[0] != asked[1]
    for a, b_ in zip(one, two, strict=True):
        same = a["messages"][0] == b_["messages"][0]
        assert (a["id"] == b_["id"]) == same
        assert a["messages"][1] == b_["messages"][1]
        assert {**a, "id": "", "messages": []} == {**b_, "id": "", "messages": []}
