"""Archives and broken links in a release are told, and cost nothing."""

from __future__ import annotations

import pyarrow.parquet as pq

from rsvp_builder.build import build
from rsvp_builder.demo.dota import write_release
from rsvp_builder.ledger import Reason
from rsvp_builder.readers.oddities import oddities
from rsvp_builder.settings import Settings


def spoil(root):
    (root / "train/part2.zip").write_bytes(b"PK")
    (root / "train/labels.tar.gz").write_bytes(b"")
    (root / "train/loop").symlink_to(root, target_is_directory=True)
    (root / "itself").symlink_to(root / "itself")
    (root / "gone.png").symlink_to(root / "nowhere.png")
    (root / "named.zip").mkdir()


EXPECTED = [
    ("gone.png", Reason.BAD_LINK),
    ("itself", Reason.BAD_LINK),
    ("train/labels.tar.gz", Reason.NOT_UNPACKED),
    ("train/loop", Reason.BAD_LINK),
    ("train/part2.zip", Reason.NOT_UNPACKED),
]


def test_each_is_told_once_with_its_path(tmp_path):
    (tmp_path / "train").mkdir()
    assert oddities(tmp_path) == []
    spoil(tmp_path)
    assert [(drop.file, drop.reason) for drop in oddities(tmp_path)] == EXPECTED


def test_a_link_to_another_folder_is_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/more.zip").write_bytes(b"PK")
    (tmp_path / "root").mkdir()
    (tmp_path / "root/link").symlink_to(tmp_path / "elsewhere")
    assert [drop.file for drop in oddities(tmp_path / "root")] == ["link/more.zip"]


def test_a_release_with_them_is_built_whole_and_the_ledger_lists_them(tmp_path):
    release = write_release(tmp_path / "raw")
    before = build("DOTA", release.root, tmp_path / "before", Settings()).summary
    spoil(release.root)
    built = build("DOTA", release.root, tmp_path / "after", Settings())
    assert built.summary == before
    assert any("archives" in notice for notice in built.notices)
    drops = pq.read_table(tmp_path / "after/ledger/DOTA-v2.0/drops.parquet").to_pylist()
    found = [(d["file"], d["reason"]) for d in drops if d["reason"] in ("bad_link", "not_unpacked")]
    assert found == EXPECTED
