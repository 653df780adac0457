"""A sound data set is found sound; each way of damaging it is found, with its shard and row."""

from __future__ import annotations

import io
import json
import re
import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from rsvp_builder.build import build
from rsvp_builder.dataset.validate import validate
from rsvp_builder.demo.dota import write_release
from rsvp_builder.errors import RsvpError
from rsvp_builder.record import ROW_SCHEMA
from rsvp_builder.settings import Settings

FIRST = "data/DOTA-v1.0/train-00000-of-00003.parquet"
SECOND = "data/DOTA-v1.0/train-00001-of-00003.parquet"
SUMMARY = "ledger/DOTA-v1.0/summary.json"


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Four pictures in four shards; do not write into it."""
    folder = tmp_path_factory.mktemp("sound")
    release = write_release(folder / "raw", version="1.0", train=3, val=1, test=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rsvp_builder.engine.plan.UNIT_ITEMS", 1)
        build("DOTA-v1.0", release.root, folder / "out", Settings(marks_per_row=4), workers=1)
    return folder / "out"


@pytest.fixture
def out(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "out")


def rewrite(path, change):
    """Change the rows of a shard; everything else about it stays sound."""
    rows = pq.read_table(path).to_pylist()
    changed = change(rows)
    rows = rows if changed is None else changed
    pq.write_table(
        pa.Table.from_pylist(rows, schema=ROW_SCHEMA),
        path,
        use_dictionary=["image.bytes"],
        dictionary_pagesize_limit=2**31 - 1,
        write_page_checksum=True,
    )
    return rows


def change_row(path, number, change):
    """Change one row; returns how a problem with it begins."""
    rows = rewrite(path, lambda rows: change(rows[number]))
    return f"{'/'.join(path.parts[-3:])}: row {number} ({rows[number]['id']}): "


def png(width, height):
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_sound_data_set_has_no_problems_and_all_its_rows_are_read(sound):
    shards = sorted(sound.glob("data/*/*.parquet"))
    for decode in (False, True):
        report = validate(sound, decode=decode)
        assert report.problems == []
        assert report.shards == len(shards) == 4
        assert report.rows == sum(pq.read_metadata(path).num_rows for path in shards) > 8


def test_the_fixture_has_several_rows_a_shard_that_share_a_picture(sound):
    rows = pq.read_table(sound / FIRST).to_pylist()
    assert len(rows) >= 4
    assert len({row["image"]["bytes"] for row in rows}) == 1


def test_rewriting_alone_does_no_damage(out):
    rewrite(out / FIRST, lambda rows: None)
    assert validate(out, decode=True).problems == []


# Files


def test_a_missing_shard_is_named_and_its_rows_are_missed(out):
    (out / FIRST).unlink()
    problems = validate(out).problems
    assert f"{FIRST}: missing" in problems
    told = r"ledger/DOTA-v1\.0: \d+ rows in train, the shards hold \d+"
    assert any(re.fullmatch(told, problem) for problem in problems)


@pytest.mark.parametrize("share", [0, 0.5, 0.99])
def test_a_truncated_shard_is_named(out, share):
    data = (out / FIRST).read_bytes()
    (out / FIRST).write_bytes(data[: int(len(data) * share)])
    assert any(p.startswith(f"{FIRST}: cannot be read: ") for p in validate(out).problems)


def test_a_folder_in_the_place_of_a_shard_is_named(out):
    (out / FIRST).unlink()
    (out / FIRST).mkdir()
    assert any(p.startswith(f"{FIRST}: ") for p in validate(out).problems)


def test_the_other_shards_are_still_read(out):
    (out / FIRST).write_bytes(b"not Parquet")
    beginning = change_row(out / SECOND, 0, lambda row: row["marks"][0].update(index=7))
    report = validate(out)
    assert report.shards == 4
    assert any(p.startswith(beginning) for p in report.problems)


def columns_of(path):
    group = pq.read_metadata(path).row_group(0)
    for number in range(group.num_columns):
        column = group.column(number)
        start = column.data_page_offset
        if column.has_dictionary_page:
            start = min(start, column.dictionary_page_offset)
        yield column.path_in_schema, start, column.total_compressed_size


def test_a_flipped_bit_is_found_in_every_column(out):
    whole = (out / FIRST).read_bytes()
    passed_over = []
    for name, start, size in list(columns_of(out / FIRST)):
        data = bytearray(whole)
        data[start + size - 1] ^= 0x10  # the end of the last page, behind all headers
        (out / FIRST).write_bytes(data)
        if not any(p.startswith(f"{FIRST}: cannot be read: ") for p in validate(out).problems):
            passed_over.append(name)
    assert passed_over == []


def test_a_flipped_bit_in_the_middle_of_a_picture_is_found_by_its_checksum(out):
    data = bytearray((out / FIRST).read_bytes())
    start, size = next(
        (start, size) for name, start, size in columns_of(out / FIRST) if name == "image.bytes"
    )
    data[start + size // 2] ^= 1
    (out / FIRST).write_bytes(data)
    assert any(
        re.search(rf"^{FIRST}: cannot be read: .*(?i:crc|checksum)", p) for p in validate(out).problems
    )


def test_a_shard_that_the_ledger_does_not_know_is_named(out):
    # datasets would load it with the others: the card names them by a pattern.
    extra = FIRST.replace("00000-of-00003", "00007-of-00009")
    shutil.copy(out / FIRST, out / extra)
    assert any(extra in p for p in validate(out).problems)


@pytest.mark.parametrize("column", ["gsd", "messages", "image"])
def test_a_shard_without_a_column_is_named(out, column):
    table = pq.read_table(out / FIRST).drop_columns([column])
    pq.write_table(table, out / FIRST)
    assert f"{FIRST}: columns are not those of the published row" in validate(out).problems


def test_a_shard_with_a_column_of_another_type_is_named(out):
    table = pq.read_table(out / FIRST)
    position = table.schema.get_field_index("width")
    pq.write_table(table.set_column(position, "width", table["width"].cast(pa.int64())), out / FIRST)
    assert f"{FIRST}: columns are not those of the published row" in validate(out).problems


# Rows


def with_box(*box):
    return lambda row: row["marks"][0].update(xyxy=list(box))


def as_point(*xy):
    return lambda row: row["marks"][0].update(kind="point", xyxy=None, xy=list(xy))


def answer(change):
    return lambda row: row["messages"][1].update(content=change(row["messages"][1]["content"]))


def without_last_line(text):
    return text.rpartition("\n")[0]


NAN = float("nan")
DAMAGES = {
    "box over the right edge": (
        with_box(0, 0, 10_000, 5),
        r"mark 1: box \[.*10000.*\] is not inside \d+ x \d+",
    ),
    "box over the lower edge": (with_box(0, 0, 5, 10_000), "mark 1: box .* is not inside"),
    "box over the left edge": (with_box(-0.5, 0, 5, 5), "mark 1: box .* is not inside"),
    "box over the upper edge": (with_box(0, -0.5, 5, 5), "mark 1: box .* is not inside"),
    "inverted box": (with_box(5, 0, 1, 5), "mark 1: box"),
    "empty box": (with_box(5, 5, 5, 9), "mark 1: box"),
    "box that is no number": (with_box(NAN, 0, 5, 5), "mark 1: box"),
    "box of three numbers": (with_box(0, 0, 5), "mark 1"),
    "box without coordinates": (lambda row: row["marks"][0].update(xyxy=None), "mark 1"),
    "point outside": (as_point(10_000, 3), r"mark 1: point \[10000.0, 3.0\] is not inside"),
    "point on the far edge": (lambda row: as_point(row["width"], 3)(row), "mark 1: point .* is not inside"),
    "point without coordinates": (
        lambda row: row["marks"][0].update(kind="point", xyxy=None, xy=None),
        "mark 1",
    ),
    "unknown kind": (
        lambda row: row["marks"][0].update(kind="blob"),
        "mark 1: kind 'blob', expected box or point",
    ),
    "numbering from 0": (
        lambda row: [mark.update(index=n) for n, mark in enumerate(row["marks"])] and None,
        "marks are not numbered from 1",
    ),
    "a number twice": (lambda row: row["marks"][1].update(index=1), "marks are not numbered from 1"),
    "no marks": (lambda row: row.update(marks=[]), "has no marks"),
    "null marks": (lambda row: row.update(marks=None), "has no marks"),
    "a line too few": (answer(without_last_line), r"(\d+) answer lines for (?!\1)\d+ marks"),
    "a line too many": (answer(lambda text: text + "\n<Region 9>: ship"), r"\d+ answer lines for \d+ marks"),
    "an answer without text": (
        answer(lambda text: re.sub("^<Region 1>: .*", "<Region 1>: ", text)),
        "answer line 1 is '<Region 1>: ', expected <Region 1>: text",
    ),
    "answers in another order": (
        answer(lambda text: "\n".join(reversed(text.split("\n")))),
        "answer line 1 is '<Region [2-4]>: .*', expected <Region 1>: text",
    ),
    "another marker": (
        answer(lambda text: text.replace("Region", "Mark")),
        "answer line 1 is '<Mark 1>: .*', expected <Region 1>: text",
    ),
    "a null answer": (lambda row: row["messages"][1].update(content=None), ""),
    "no messages": (lambda row: row.update(messages=[]), "has no messages"),
    "null messages": (lambda row: row.update(messages=None), "has no messages"),
    "two questions": (
        lambda row: row["messages"][1].update(role="user"),
        "roles are .* expected user and assistant",
    ),
    "a question alone": (lambda row: row["messages"].pop() and None, "roles are"),
    "unknown granularity": (lambda row: row.update(granularity="galaxy"), ""),
    "an empty picture": (lambda row: row["image"].update(bytes=b""), "the picture"),
    "a picture that is none": (lambda row: row["image"].update(bytes=b"GIF89a?"), "the picture"),
    "a picture of another size": (
        lambda row: row["image"].update(bytes=png(7, 9)),
        r"the picture is 7 x 9, the row says \d+ x \d+",
    ),
    "a referenced picture that is gone": (
        lambda row: row["image"].update(bytes=None, path="/nowhere/P0.png"),
        "referenced picture /nowhere/P0.png is not there",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_row_is_named_with_its_shard_number_and_id(out, damage):
    change, words = DAMAGES[damage]
    beginning = change_row(out / SECOND, 1, change)
    problems = validate(out).problems
    assert any(p.startswith(beginning) and re.match(words, p.removeprefix(beginning)) for p in problems), (
        problems
    )
    # Nothing else is blamed, but for the ledger, which misses marks that were taken away.
    assert all(p.startswith((beginning, "ledger/")) for p in problems)


def test_a_point_inside_with_a_mark_answer_is_sound(out):
    def change(row):
        row["granularity"] = "point"
        row["messages"][1]["content"] = row["messages"][1]["content"].replace("Region", "Mark")
        for mark in row["marks"]:
            mark.update(kind="point", xyxy=None, quad=None, xy=[0.0, row["height"] - 0.5])

    change_row(out / FIRST, 0, change)
    assert validate(out).problems == []


@pytest.mark.parametrize("number", range(4))
def test_the_size_of_every_row_is_held_against_its_picture_also_where_rows_share_one(out, number):
    def change(row):
        row["width"] += 1

    beginning = change_row(out / FIRST, number, change)
    assert any(p.startswith(f"{beginning}the picture is ") for p in validate(out).problems)


def test_rows_of_later_row_groups_are_counted_on(out):
    def change(rows):
        rows[3]["marks"][0].update(index=5)
        rows[3]["image"].update(bytes=png(7, 9))

    identity = rewrite(out / FIRST, change)[3]["id"]
    table = pq.read_table(out / FIRST)
    pq.write_table(table, out / FIRST, row_group_size=2, write_page_checksum=True)
    numbering, size = validate(out).problems
    assert numbering == f"{FIRST}: row 3 ({identity}): marks are not numbered from 1"
    assert size.startswith(f"{FIRST}: row 3 ({identity}): the picture is 7 x 9, the row says ")


def test_an_undecodable_picture_is_found_when_asked_to_decode(out):
    def spoil(row):
        data = bytearray(row["image"]["bytes"])
        middle = len(data) // 2
        data[middle : middle + 64] = bytes(64)
        row["image"]["bytes"] = bytes(data)

    beginning = change_row(out / FIRST, 2, spoil)
    assert validate(out).problems == []
    (problem,) = validate(out, decode=True).problems
    assert problem.startswith(f"{beginning}the picture cannot be decoded: ")


@pytest.mark.parametrize("other", [FIRST, SECOND], ids=["in one shard", "over two shards"])
def test_a_repeated_id_is_named_with_shard_and_row(out, other):
    repeated = pq.read_table(out / FIRST)["id"][0].as_py()
    beginning = change_row(out / other, 1, lambda row: row.update(id=repeated))
    problems = validate(out).problems
    assert any("repeat" in p and p.startswith(beginning) for p in problems), problems


def test_rows_too_many_or_too_few_are_held_against_the_ledger(out):
    rows = len(rewrite(out / FIRST, lambda rows: rows[:-1]))
    told = r"ledger/DOTA-v1\.0: \d+ rows in train, the shards hold \d+"
    assert any(re.fullmatch(told, problem) for problem in validate(out).problems)
    assert rows > 0


# The ledger


def tamper(out, *keys, by=1):
    summary = json.loads((out / SUMMARY).read_text())
    place = summary
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] += by
    (out / SUMMARY).write_text(json.dumps(summary))


@pytest.mark.parametrize("kind", ["images", "objects"])
@pytest.mark.parametrize("field", ["seen", "written"])
def test_a_ledger_that_does_not_balance_is_named(out, kind, field):
    tamper(out, kind, field)
    assert any(p.startswith(f"ledger/DOTA-v1.0: {kind} do not balance: ") for p in validate(out).problems)


@pytest.mark.parametrize(
    "keys",
    [
        ("splits", "train", "rows"),
        ("splits", "train", "marks"),
        ("splits", "val", "shards"),
        ("rows", "written"),
        ("marks", "written"),
        ("tasks", "region_caption"),
    ],
    ids=" ".join,
)
def test_a_ledger_that_counts_otherwise_than_the_rows_is_named(out, keys):
    tamper(out, *keys)
    assert any("DOTA-v1.0" in p for p in validate(out).problems)


def test_a_ledger_that_is_gone_or_damaged_is_told_with_its_path(out):
    (out / SUMMARY).write_text("{")
    with pytest.raises(RsvpError, match=r"summary\.json: damaged"):
        validate(out)
    (out / SUMMARY).unlink()
    with pytest.raises(RsvpError, match=r"summary\.json: cannot be read"):
        validate(out)


def test_a_folder_that_is_no_finished_data_set_is_told_with_what_to_do(out, tmp_path):
    (out / "dataset.json").unlink()
    with pytest.raises(RsvpError, match=r"DOTA-v1\.0 has not finished: rerun it, it resumes"):
        validate(out)
    with pytest.raises(RsvpError, match="not a finished data set"):
        validate(tmp_path / "nothing")


def test_no_more_than_a_thousand_problems_are_kept(out):
    def crowd(rows):
        row = rows[0]
        row["marks"] = [{**row["marks"][0], "index": n, "kind": "blob"} for n in range(1, 1502)]
        row["messages"][1]["content"] = "\n".join(f"<Region {n}>: ship" for n in range(1, 1502))

    rewrite(out / FIRST, crowd)
    assert len(validate(out).problems) == 1000
