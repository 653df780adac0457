"""The list of leaks on disk, and what it tells a build to leave out."""

from __future__ import annotations

import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rsvp_builder.audit.leaks import LEAKS_SCHEMA, load_exclusions, write_leaks
from rsvp_builder.audit.pairs import Pair, PairKind, Rules, count_pairs
from rsvp_builder.audit.pictures import Picture, Place
from rsvp_builder.audit.transforms import Transform
from rsvp_builder.errors import RsvpError, UnknownNameError


def picture(where, name, window=None):
    source, split = where.split("/")
    return Picture("out", source, split, f"{split}/{name}", window, 8, 8, Place(None, 0, 0))


PICTURES = [
    picture("DOTA/train", "a", (0, 0, 8, 8)),
    picture("DOTA/train", "a", (8, 0, 16, 8)),
    picture("DOTA/train", "b"),
    picture("DOTA/val", "c"),
    picture("AID/test", "d"),
    picture("AID/train", "e"),
    picture("UCM/train", "f"),
]
PAIRS = [
    Pair(PairKind.BYTES, 1, 4),
    Pair(PairKind.NEAR, 2, 3, Transform.ROTATE_90, 0.97, 4.0),
    Pair(PairKind.CROP, 4, 5, Transform.IDENTITY, 0.8, 6.0, (1.0, 2.0, 3.0, 4.5)),
    Pair(PairKind.TWIN, 3, 6, Transform.TRANSPOSE, math.nan, 1.0),
]


@pytest.fixture
def leaks(tmp_path):
    path = tmp_path / "new" / "leaks.parquet"
    write_leaks(path, PAIRS, PICTURES)
    assert [p.name for p in path.parent.iterdir()] == ["leaks.parquet"]
    return path


def test_every_pair_is_a_row(leaks):
    rows = pq.read_table(leaks).to_pylist()
    assert pq.read_schema(leaks).equals(LEAKS_SCHEMA)
    assert rows[0] == {
        "kind": "bytes",
        "transform": "identity",
        "score": 1.0,
        "distance": 0.0,
        "part": None,
        "a_data_set": "out",
        "a_source": "DOTA",
        "a_split": "train",
        "a_image_id": "train/a",
        "a_window": [8, 0, 16, 8],
        "b_data_set": "out",
        "b_source": "AID",
        "b_split": "test",
        "b_image_id": "test/d",
        "b_window": None,
    }
    assert (rows[1]["transform"], rows[1]["score"], rows[1]["distance"]) == ("rotate_90", 0.97, 4.0)
    assert rows[2]["part"] == [1.0, 2.0, 3.0, 4.5]
    assert rows[3]["score"] is None


@pytest.mark.parametrize(
    ("evaluation", "excluded"),
    [
        (["AID/test"], {("DOTA", "train/a"), ("AID", "train/e")}),
        (["AID"], {("DOTA", "train/a")}),
        (["DOTA/val"], {("DOTA", "train/b"), ("UCM", "train/f")}),
        (
            ["DOTA/val", "AID/test"],
            {("DOTA", "train/a"), ("DOTA", "train/b"), ("AID", "train/e"), ("UCM", "train/f")},
        ),
        (["DOTA", "AID"], {("UCM", "train/f")}),
        (["UCM"], {("DOTA", "val/c")}),
        ([], set()),
    ],
)
def test_training_images_that_leak_into_evaluation_are_named(leaks, evaluation, excluded):
    assert load_exclusions(leaks, evaluation) == excluded
    assert load_exclusions([leaks, leaks], evaluation) == excluded


def test_kinds_can_be_chosen(leaks):
    assert load_exclusions(leaks, ["AID/test"], kinds=["bytes"]) == {("DOTA", "train/a")}
    with pytest.raises(UnknownNameError, match="bytes, crop, near, pixels, twin"):
        load_exclusions(leaks, ["AID/test"], kinds=["phash"])


def test_a_split_that_was_not_compared_is_no_clean_one(leaks):
    with pytest.raises(UnknownNameError, match="Did you mean AID/test"):
        load_exclusions(leaks, ["AID/tets"])
    with pytest.raises(UnknownNameError):
        load_exclusions(leaks, ["RESISC45", "AID/test"])
    known = load_exclusions(leaks, ["AID/test"])
    assert load_exclusions(leaks, ["RESISC45", "AID/test"], ignore_unaudited=True) == known
    with pytest.raises(UnknownNameError):
        load_exclusions(leaks, ["RESISC45"], ignore_unaudited=True)


def test_a_clean_audit_excludes_nothing(tmp_path):
    write_leaks(tmp_path / "clean.parquet", [], PICTURES)
    assert load_exclusions(tmp_path / "clean.parquet", ["AID/test"]) == frozenset()


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "other.parquet"
    with pytest.raises(RsvpError, match="cannot be read as Parquet"):
        load_exclusions(path, [])
    path.write_bytes(b"no")
    with pytest.raises(RsvpError, match="cannot be read as Parquet"):
        load_exclusions(path, [])
    pq.write_table(pa.table({"kind": ["bytes"]}), path)
    with pytest.raises(RsvpError, match="not a list of leaks"):
        load_exclusions(path, [])


def test_counts_are_by_kind_and_splits():
    counts = count_pairs([*PAIRS, Pair(PairKind.BYTES, 0, 4)], PICTURES)
    assert [(c.kind, c.one, c.other, c.pairs, c.images_one, c.images_other) for c in counts] == [
        ("bytes", "AID/test", "DOTA/train", 2, 1, 1),
        ("near", "DOTA/train", "DOTA/val", 1, 1, 1),
        ("crop", "AID/test", "AID/train", 1, 1, 1),
        ("twin", "DOTA/val", "UCM/train", 1, 1, 1),
    ]


def test_tiles_of_one_raw_image_are_no_pair():
    across, inside = Rules(PICTURES, within=False), Rules(PICTURES, within=True)
    assert not across.allow(0, 1) and not inside.allow(0, 1)
    assert not across.allow(0, 2) and inside.allow(0, 2)
    assert across.allow(2, 3) and inside.allow(2, 3)


@pytest.mark.parametrize("within", [False, True])
def test_a_crowd_of_equal_pictures_gives_few_pairs_that_name_everyone(within):
    crowd = [picture("A/train", str(n)) for n in range(300)]
    crowd += [picture("A/test", str(n % 5), (n, 0, n + 1, 1)) for n in range(200)]
    crowd += [picture("B/test", "x", (n, 0, n + 1, 1)) for n in range(7)]
    rules = Rules(crowd, within=within)
    pairs = list(rules.among(range(len(crowd))))
    assert len(pairs) == len({frozenset(p) for p in pairs}) <= 3 * len(crowd) * (2 if within else 1)
    assert all(rules.allow(a, b) for a, b in pairs)
    met = {(n, crowd[m].source, crowd[m].split) for a, b in pairs for n, m in ((a, b), (b, a))}
    for number, one in enumerate(crowd):
        for where in {(p.source, p.split) for p in crowd}:
            if where != (one.source, one.split):
                assert (number, *where) in met
    if within:
        assert all((n, "A", "train") in met for n in range(300))
        assert all((n, "A", "test") in met for n in range(300, 500))


def test_groups_across_are_paired_each_with_each_while_small():
    rules = Rules(PICTURES, within=False)
    assert set(rules.across([0, 2], [3, 4, 1])) == {(0, 3), (0, 4), (2, 3), (2, 4)}
    crowd = [picture("A/train", str(n)) for n in range(400)] + [picture("B/test", str(n)) for n in range(3)]
    pairs = list(Rules(crowd, within=False).across(range(400), range(400, 403)))
    assert {a for a, _ in pairs} == set(range(400)) and {b for _, b in pairs} == {400, 401, 402}
    assert len(pairs) <= 403
