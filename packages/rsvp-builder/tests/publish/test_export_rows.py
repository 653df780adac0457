"""Pictures with all their rows, those that a captioner answered included."""

from __future__ import annotations

import shutil

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rsvp_builder.errors import RsvpError
from rsvp_builder.export.rows import pictures, rows_from, suffix
from rsvp_builder.export.shards import Shard
from rsvp_builder.record import ROW_SCHEMA

NAMES = "abcdefgh"


def row(frame, task, number=0):
    empty = dict.fromkeys(ROW_SCHEMA.names)
    image = {"bytes": frame.encode() * 3, "path": f"{frame}.png"}
    return {**empty, "id": f"{frame}-{task}-{number}", "image": image, "image_id": frame, "task": task}


def write(path, rows, group=3):
    pq.write_table(pa.Table.from_pylist(rows, schema=ROW_SCHEMA), path, row_group_size=group)
    return path


@pytest.mark.parametrize(
    ("built", "captioned"),
    [
        ("abcdefgh", "abcdefgh"),
        ("abcdefgh", "bdh"),
        ("bdh", "abcdefgh"),
        ("abc", "defgh"),
        ("efgh", "abcd"),
        ("abcdefgh", ""),
        ("", "abc"),
        ("abcd", "dcba"),  # no order that a build makes, and no row is lost
    ],
)
@pytest.mark.parametrize("group", [1, 2, 100])
def test_captioned_rows_join_those_of_their_picture(tmp_path, built, captioned, group):
    one = write(tmp_path / "a.parquet", [row(f, t) for f in built for t in ("box", "point")], group * 2)
    other = write(tmp_path / "b.parquet", [row(f, "caption") for f in captioned], group)
    found = list(pictures(Shard(one, other)))
    ids = [of["id"] for picture in found for of in picture.rows]
    assert sorted(ids) == sorted(
        [f"{f}-{t}-0" for f in built for t in ("box", "point")] + [f"{f}-caption-0" for f in captioned]
    )
    assert all(bytes(picture.read()) == picture.frame[0].encode() * 3 for picture in found)
    assert all(of["image_id"] == picture.frame[0] for picture in found for of in picture.rows)
    if captioned == "".join(sorted(captioned)):
        assert len(found) == len({*built, *captioned}), "no picture comes twice"


def test_any_place_is_where_rows_go_on(tmp_path):
    shards = [
        Shard(
            write(
                tmp_path / f"{number}.parquet", [row(f"{number}{f}", "box", n) for f in "abc" for n in (0, 1)]
            ),
            write(tmp_path / f"{number}c.parquet", [row(f"{number}b", "caption")]),
        )
        for number in range(3)
    ]
    every = list(rows_from(shards, ()))
    assert len(every) == 21
    for number, (place, of, _) in enumerate(every):
        following = [(again, read["id"]) for again, read, _ in rows_from(shards, (), *place)]
        assert following[0] == (place, of["id"])
        assert following == [(again, read["id"]) for again, read, _ in every[number:]]


def test_rows_of_one_picture_come_together_whatever_lies_between(tmp_path):
    mixed = [row(f, t) for t in ("box", "point") for f in "abc"]
    found = list(pictures(Shard(write(tmp_path / "a.parquet", mixed, 100))))
    assert [[of["id"] for of in picture.rows] for picture in found] == [
        [f"{f}-box-0", f"{f}-point-0"] for f in "abc"
    ]


def test_tasks_are_chosen_and_pictures_without_rows_left_out(tmp_path):
    path = write(tmp_path / "a.parquet", [row("a", "box"), row("a", "point"), row("b", "box")])
    found = list(pictures(Shard(path), ["point"]))
    assert [[of["id"] for of in picture.rows] for picture in found] == [["a-point-0"]]


def test_a_picture_that_is_only_named_is_read_from_its_place(tmp_path):
    referenced = row("a", "box")
    place = tmp_path / "a.tif"
    place.write_bytes(b"II*\0picture")
    referenced["image"] = {"bytes": None, "path": str(place)}
    [found] = pictures(Shard(write(tmp_path / "a.parquet", [referenced])))
    assert found.referenced
    assert found.read() == b"II*\0picture"
    assert suffix(found.read(), found.path) == "tif"
    place.unlink()
    with pytest.raises(RsvpError, match=r"a\.tif: the data set names this picture, and it cannot be read"):
        found.read()


def test_a_damaged_shard_is_told(dataset, tmp_path):
    shard = shutil.copy(sorted(dataset.glob("data/UAVid/*.parquet"))[0], tmp_path / "a.parquet")
    shard.write_bytes(shard.read_bytes()[:5000])
    with pytest.raises(RsvpError, match=r"a\.parquet: cannot be read as Parquet"):
        list(pictures(Shard(shard)))


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [
        (b"\xff\xd8\xff\xe0", "a.png", "jpg"),
        (b"\x89PNG\r\n\x1a\n", "a", "png"),
        (b"MM\0*....", "a.tiff", "tif"),
        (b"BM......", "a.BMP", "bmp"),
        (b"", "a", "bin"),
    ],
)
def test_the_suffix_is_that_of_the_bytes(data, name, expected):
    assert suffix(data, name) == expected
