"""Statistics of a data set, against counting its rows one by one in Python."""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_builder.dataset.stats import statistics, tabulate
from rsvp_builder.errors import RsvpError
from rsvp_builder.record import ROW_SCHEMA

TASKS = {
    "referring_classification_box": "region",
    "region_caption": "region",
    "grounded_caption": "region",
    "referring_classification_point": "point",
    "scene_classification": "image",
    "image_caption": "image",
}


def write_shard(path: Path, rows: list[dict], group: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows, schema=ROW_SCHEMA), path, row_group_size=group)
    return path


def write_set(out: Path, rows: list[dict], shards: int = 1) -> Path:
    """A data set's folder; rows of one image go to one shard."""
    by_shard = defaultdict(list)
    for row in rows:
        number = sum(row["image_id"].encode()) % shards
        by_shard[row["source"], row["split"], number].append(row)
    for (source, split, number), own in by_shard.items():
        write_shard(out / f"data/{source}/{split}-{number:05d}-of-{shards:05d}.parquet", own)
    sources = sorted({row["source"] for row in rows})
    (out / "dataset.json").write_text(json.dumps({"format": 1, "sources": sources}))
    return out


def make_row(task: str, marks: list[dict], answer: str | None = None, **more) -> dict:
    said = [] if answer is None else [{"role": "assistant", "content": answer}]
    row = {
        "image_id": "train/P0",
        "width": 100,
        "height": 80,
        "source": "A",
        "split": "train",
        "task": task,
        "granularity": TASKS[task],
        "marks": marks,
        "messages": [{"role": "user", "content": "Please caption each marked region."}, *said],
        "provenance": "human",
    }
    return row | more


def box(x1: float, y1: float, x2: float, y2: float, label: str | None = "ship", **more) -> dict:
    return {"index": 1, "kind": "box", "xyxy": [x1, y1, x2, y2], "label": label, "flags": [], **more}


def point(x: float, y: float, label: str | None = "tree", **more) -> dict:
    return {"index": 1, "kind": "point", "xy": [x, y], "label": label, "flags": [], **more}


# ---- Any rows at all -----------------------------------------------------------------------------------

labels = st.sampled_from(["ship", "plane", "small vehicle", "<script>"])
flags = st.lists(st.sampled_from(["difficult", "clipped"]), unique=True)
texts = st.sampled_from(
    ["A ship", "Two planes stand on the apron .", "  spaced\tout \n text ", "réservoir d'eau"]
)


@st.composite
def any_mark(draw, kind: str, width: int, height: int, captioned: bool) -> dict:
    more = {"flags": draw(flags), "caption": draw(texts) if captioned else None}
    if kind == "image":
        return box(0, 0, width, height, draw(st.none() | labels), **more)
    x = sorted(draw(st.lists(st.floats(0, width), min_size=2, max_size=2)))
    y = sorted(draw(st.lists(st.floats(0, height), min_size=2, max_size=2)))
    if kind == "point":
        return point(x[0], y[0], draw(labels), **more)
    return box(x[0], y[0], x[1], y[1], draw(labels), **more)


@st.composite
def any_row(draw) -> dict:
    task = draw(st.sampled_from(sorted(TASKS)))
    kind = TASKS[task]
    image = draw(st.integers(0, 5))
    width, height = [(64, 48), (1024, 1024), (333, 17)][image % 3]
    split = draw(st.sampled_from(["train", "val"]))
    captioned = "caption" in task and draw(st.booleans())
    most = 1 if kind == "image" else 4
    marks = draw(st.lists(any_mark(kind, width, height, captioned), min_size=1, max_size=most))
    answer = draw(texts) if draw(st.booleans()) else "<Region 1>: A big ship\n<Region 2>: A plane"
    return make_row(
        task,
        marks,
        answer,
        image_id=f"{split}/P{image}",
        width=width,
        height=height,
        window=draw(st.sampled_from([None, [0, 0, width, height], [5, 0, width, height]])),
        source=draw(st.sampled_from(["A", "B"])),
        split=split,
        provenance=draw(st.sampled_from(["human", "derived"])),
    )


def words_of(text: str) -> int:
    return len(re.findall(r"\S+", text))


def captions_of(row: dict) -> list[int]:
    """Lengths of a row's captions, as the documentation says."""
    own = [mark["caption"] for mark in row["marks"] if mark.get("caption") is not None]
    if own or "caption" not in row["task"]:
        return [words_of(text) for text in own]
    answers = [m["content"] for m in row["messages"] if m["role"] == "assistant"]
    parts = [part for answer in answers for part in re.split(r"(?m)^<(?:Region|Mark) \d+>:", answer)]
    return [n for n in (words_of(re.sub(r"<(?:Region|Mark) \d+>", "x", part)) for part in parts) if n]


def side_of(mark: dict) -> float:
    x1, y1, x2, y2 = mark["xyxy"]
    return math.sqrt((x2 - x1) * (y2 - y1))


def cell_of(mark: dict, row: dict) -> tuple[int, int]:
    if mark["kind"] == "box":
        x1, y1, x2, y2 = mark["xyxy"]
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
    else:
        x, y = mark["xy"]
    return min(7, int(y / row["height"] * 8)), min(7, int(x / row["width"] * 8))


def ranked(values: list[float], quarters: int) -> float:
    """The value at so many quarters of the way, by nearest rank."""
    return sorted(values)[max(0, math.ceil(len(values) * quarters / 4) - 1)]


def five(values: list[float], unit: str) -> dict[str, float]:
    names = ("min", "lower_quartile", "median", "upper_quartile", "max")
    return {f"{name}_{unit}": ranked(values, quarters) for quarters, name in enumerate(names)}


@settings(max_examples=40)
@given(st.lists(any_row(), min_size=1, max_size=12), st.sampled_from([1, 2]))
def test_every_table_equals_counting_by_hand(rows: list[dict], shards: int):
    with TemporaryDirectory() as folder:
        found = statistics(write_set(Path(folder), rows, shards))
    marks = [(row, mark) for row in rows for mark in row["marks"]]
    ask = ("source", "task", "granularity")

    cells = defaultdict(list)
    for row in rows:
        cells[row["source"], row["split"], row["task"], row["granularity"]].append(row)
    assert found["rows"] == [
        {
            **dict(zip(("source", "split", "task", "granularity"), key, strict=True)),
            "images": len({row["image_id"] for row in own}),
            "rows": len(own),
            "marks": sum(len(row["marks"]) for row in own),
            "marks_per_row": sum(len(row["marks"]) for row in own) / len(own),
        }
        for key, own in sorted(cells.items())
    ]
    assert found["granularities"] == [
        {
            "granularity": granularity,
            "sources": len({row["source"] for row in own}),
            "rows": len(own),
            "marks": sum(len(row["marks"]) for row in own),
        }
        for granularity in ("image", "point", "region")
        if (own := [row for row in rows if row["granularity"] == granularity])
    ]
    assert {(r["source"], r["task"], r["provenance"]): r["rows"] for r in found["provenance"]} == Counter(
        (row["source"], row["task"], row["provenance"]) for row in rows
    )

    by_label = Counter((r["source"], r["task"], m["label"]) for r, m in marks if m["label"] is not None)
    assert by_task(found["classes"], "label") == by_label
    by_flag = Counter((row["source"], row["task"], flag) for row, mark in marks for flag in mark["flags"])
    assert by_task(found["flags"], "flags") == by_flag
    assert {(r["label"], r["granularity"]): r["marks"] for r in found["class_totals"]} == Counter(
        (mark["label"], row["granularity"]) for row, mark in marks if mark["label"] is not None
    )

    sides, bins = defaultdict(list), Counter()
    for row, mark in marks:
        if mark["kind"] == "box":
            key = tuple(row[name] for name in ask)
            sides[key].append(math.floor(side_of(mark) * 10) / 10)
            low = 0 if side_of(mark) < 1 else 2 ** math.floor(math.log2(side_of(mark)))
            bins[(*key, low, 2 * low or 1)] += 1
    assert quantiles(found["mark_sizes"], "marks") == {
        key: {"marks": len(values), **five(values, "px")} for key, values in sides.items()
    }
    assert {tuple(r.values())[:-1]: r["marks"] for r in found["mark_size_bins"]} == bins

    places = Counter(
        (row["source"], row["granularity"], cell) for row, mark in marks for cell in [cell_of(mark, row)]
    )
    grids = {(r["source"], r["granularity"]): r for r in found["mark_positions"]}
    assert set(grids) == {key[:2] for key in places}
    for key, grid in grids.items():
        assert grid["grid"] == [[places[(*key, (y, x))] for x in range(8)] for y in range(8)]
        assert grid["marks"] == sum(map(sum, grid["grid"]))

    pictures = defaultdict(set)
    for row in rows:
        pictures[row["source"], row["width"], row["height"]].add(
            (row["image_id"], tuple(row["window"] or ()))
        )
    frames = {(r["source"], r["width"], r["height"]): (r["pictures"], r["rows"]) for r in found["frames"]}
    in_frame = Counter((row["source"], row["width"], row["height"]) for row in rows)
    assert frames == {key: (len(own), in_frame[key]) for key, own in pictures.items()}
    longer = defaultdict(list)
    for (source, width, height), own in pictures.items():
        longer[source] += [max(width, height)] * len(own)
    assert {r["source"]: r for r in found["image_sizes"]} == {
        source: {"source": source, "pictures": len(values), **five(values, "px")}
        for source, values in longer.items()
    }

    words = defaultdict(list)
    for row in rows:
        for number in captions_of(row):
            words[tuple(row[name] for name in ask)].append(number)
    assert quantiles(found["caption_lengths"], "captions") == {
        key: {"captions": len(values), **five(values, "words")} for key, values in words.items()
    }
    assert {tuple(r.values())[:-1]: r["captions"] for r in found["caption_length_bins"]} == {
        (*key, number): count for key, values in words.items() for number, count in Counter(values).items()
    }


def by_task(records: list[dict], what: str) -> Counter:
    """A table with a column a task as counts by source, task and ``what``; zeros are none."""
    counts = Counter()
    for record in records:
        for task, number in record.items():
            if task not in ("source", what) and number:
                counts[record["source"], task, record[what]] = number
    return counts


def quantiles(records: list[dict], weight: str) -> dict:
    keys = ("source", "task", "granularity")
    return {
        tuple(record[key] for key in keys): {k: v for k, v in record.items() if k not in keys}
        for record in records
    }


# ---- In particular -------------------------------------------------------------------------------------


def counted(tmp_path: Path, *rows: dict) -> dict[str, list[dict]]:
    return tabulate([write_shard(tmp_path / "data/A/train-00000-of-00001.parquet", list(rows))])


@pytest.mark.parametrize(
    ("side", "low", "high"),
    [(0, 0, 1), (0.99, 0, 1), (1, 1, 2), (31.99, 16, 32), (32, 32, 64), (32.01, 32, 64), (4096, 4096, 8192)],
)
def test_a_size_bin_holds_its_lower_edge_and_not_its_upper(tmp_path, side, low, high):
    [found] = counted(tmp_path, make_row("region_caption", [box(0, 0, side, side)]))["mark_size_bins"]
    assert (found["from_px"], found["to_px"], found["marks"]) == (low, high, 1)


@pytest.mark.parametrize(("x", "column"), [(0, 0), (12.4, 0), (12.5, 1), (99.9, 7), (100, 7)])
def test_places_at_edges_of_cells_and_of_the_picture(tmp_path, x, column):
    row = make_row("referring_classification_point", [point(x, 80)], width=100, height=80)
    [found] = counted(tmp_path, row)["mark_positions"]
    assert [cells.index(1) for cells in found["grid"] if 1 in cells] == [column]
    assert found["grid"][7][column] == 1


@pytest.mark.parametrize(
    ("task", "caption", "answer", "lengths"),
    [
        ("region_caption", "A big plane", "<Region 1>: A big plane on the left", [3]),
        ("region_caption", None, "<Region 1>: A big plane\n<Region 2>: A ship", [2, 3]),
        ("image_caption", None, "Two planes stand on the apron.", [6]),
        ("image_caption", None, "Two planes.\nAnd a car.", [5]),
        ("grounded_caption", None, "A plane <Region 1> stands beside a hangar <Region 2>.", [8]),
        ("grounded_caption", None, "<Mark 12>: water", [1]),
        ("grounded_caption", None, "", []),
        ("grounded_caption", None, None, []),
        ("scene_classification", None, "<Region 1>: railway station", []),
    ],
)
def test_what_counts_as_a_caption(tmp_path, task, caption, answer, lengths):
    found = counted(tmp_path, make_row(task, [box(0, 0, 9, 9, None, caption=caption)], answer))
    told = [(r["words"], r["captions"]) for r in found["caption_length_bins"]]
    assert told == sorted(Counter(lengths).items())
    assert found["classes"] == [] == found["class_totals"]


def test_the_order_of_shards_and_rows_says_nothing(tmp_path):
    rows = [
        make_row(
            task, [box(0, 0, 9 + n, 9, label) for n in range(3)], source=source, image_id=f"train/{label}"
        )
        for task in sorted(TASKS)
        for source in "AB"
        for label in ("ship", "plane", "car")
    ]
    one = statistics(write_set(tmp_path / "one", rows))
    assert one["rows"]
    assert one == statistics(write_set(tmp_path / "other", rows[::-1], shards=3))
    assert json.dumps(one) == json.dumps(tabulate(sorted(tmp_path.glob("one/data/*/*"), reverse=True)))


def test_many_shards_add_up(tmp_path):
    paths = []
    for number in range(70):
        row = make_row("region_caption", [box(0, 0, 8, 8, caption="A ship")], image_id=f"train/{number}")
        paths.append(write_shard(tmp_path / f"{number:05d}.parquet", [row]))
    found = tabulate(paths)
    assert [(r["images"], r["rows"], r["marks"]) for r in found["rows"]] == [(70, 70, 70)]
    assert [r["marks"] for r in found["mark_size_bins"]] == [70]
    assert [(r["words"], r["captions"]) for r in found["caption_length_bins"]] == [(2, 70)]


def test_pictures_are_not_read(tmp_path):
    table = pa.Table.from_pylist([make_row("region_caption", [box(0, 0, 8, 8)])], schema=ROW_SCHEMA)
    pq.write_table(table.drop_columns(["image"]), tmp_path / "s.parquet")
    assert tabulate([tmp_path / "s.parquet"])["rows"][0]["marks"] == 1


def test_rows_with_gaps_are_counted_as_far_as_they_go(tmp_path):
    bad = [None, {"kind": "box", "xyxy": [1.0, 1.0]}, {"kind": "point"}, box(*[math.nan] * 4)]
    found = counted(tmp_path, {}, {"messages": [None]}, make_row("region_caption", bad), {"marks": [None]})
    assert sum(row["rows"] for row in found["rows"]) == 4
    assert found["mark_sizes"] == [] == found["mark_positions"]
    assert [r["label"] for r in found["class_totals"]] == ["ship"]


def test_no_rows_give_empty_tables(tmp_path):
    nothing = tabulate([])
    assert all(table == [] for table in nothing.values())
    assert counted(tmp_path) == nothing


def test_a_damaged_shard_is_named(tmp_path):
    out = write_set(tmp_path, [make_row("region_caption", [box(0, 0, 8, 8)])])
    shard = next(out.glob("data/A/*.parquet"))
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(RsvpError, match=rf"{shard.name}: cannot be counted .* `rsvp-build validate`"):
        statistics(out)


def test_what_is_no_data_set_is_said(tmp_path):
    with pytest.raises(RsvpError, match="not a finished data set"):
        statistics(tmp_path)
