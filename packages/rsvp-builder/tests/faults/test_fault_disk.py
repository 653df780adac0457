"""A disk that is full, read-only, or refuses to write: real ones, in a mount namespace of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rsvp_builder.dataset.layout import Folder

FULL = r"No space left on device"


@pytest.fixture
def small(mounting, tmp_path):
    """A disk that the server of builds alone sees, and what mounts it with other options."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounting.run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk)

    def resize(options):
        mounting.run("mount", "-o", f"remount,{options}", disk)

    yield disk, resize
    mounting.run("umount", disk)


def listed(server, disk):
    return set(server(digest=str(disk))["digest"])


@pytest.mark.parametrize("settings", ["copied", "cut"])
def test_a_disk_that_fills_up_stops_the_build_and_with_room_it_goes_on(
    server, small, undisturbed, undisturbed_cut, settings
):
    expected = undisturbed if settings == "copied" else undisturbed_cut
    disk, resize = small
    needed = sum(path.stat().st_size for path in expected.out.rglob("*") if path.is_file()) // 1024
    stopped = 0
    for tenth in range(1, 10, 2):
        resize(f"size={max(16, needed * tenth // 10)}k")
        told = server(build=expected.order(disk / "out"), units=2)
        if "error" not in told:
            break
        stopped += 1
        kind, message = told["error"]
        assert (kind, FULL in message) in {("OSError", True), ("RsvpError", True)}, told
        # What is half written does not keep the next run from the room that there is.
        assert not [name for name in listed(server, disk) if name.endswith(".tmp")]
        assert "out/dataset.json" not in listed(server, disk)
    assert stopped >= 3
    resize("size=64m")
    assert "error" not in server(build=expected.order(disk / "out"), units=2)
    expected.same(disk / "out")


def test_a_disk_without_room_for_more_files_is_told_too(server, small, undisturbed):
    disk, resize = small
    resize("size=64m,nr_inodes=14")
    told = server(build=undisturbed.order(disk / "out"), units=2)
    assert FULL in told["error"][1]
    resize("size=64m,nr_inodes=0")
    assert "error" not in server(build=undisturbed.order(disk / "out"), units=2)
    undisturbed.same(disk / "out")


def test_the_command_line_tells_a_full_disk_without_a_traceback(server, small, undisturbed, raw):
    disk, resize = small
    resize("size=64k")
    given = [
        "--source",
        "DOTA",
        "--root",
        str(raw.root),
        "--out",
        str(disk / "out"),
        "--tile",
        "0",
        "--quiet",
    ]
    told = server(cli=[*given, "--workers", "1"], units=2)
    assert told["code"] == 2
    assert FULL in told["stderr"]
    assert "the same command goes on" in told["stderr"]
    assert "Traceback" not in told["stderr"]


def test_a_limit_on_the_size_of_files_is_an_error_and_no_half_shard(server, undisturbed_cut, tmp_path):
    """As a quota; needs no mount."""
    told = server(build=undisturbed_cut.order(tmp_path), units=2, limits={"FSIZE": 50_000})
    assert told["error"][0] == "OSError"
    assert "File too large" in told["error"][1]
    assert not list(tmp_path.rglob(".*.tmp"))
    assert Folder(tmp_path).finished() == []
    assert "error" not in server(build=undisturbed_cut.order(tmp_path), units=2)
    undisturbed_cut.same(tmp_path)


def test_a_read_only_disk_is_told_before_anything_is_read(server, small, undisturbed, raw):
    disk, resize = small
    resize("ro")
    told = server(build=undisturbed.order(disk / "out"), units=2)
    assert told["error"] == ["RsvpError", f"{disk / 'out'}: cannot be written: Read-only file system"]
    resize("rw,size=64m")
    server(build=undisturbed.order(disk / "out"), units=2, watch=["replace"], at=9)
    resize("ro")
    told = server(build=undisturbed.order(disk / "out"), units=2)
    assert told["error"] == ["RsvpError", f"{disk / 'out'}: cannot be written: Read-only file system"]
    resize("rw")
    again = server(build=undisturbed.order(disk / "out"), units=2)
    assert again["resumed"] == 1
    undisturbed.same(disk / "out")


def test_a_folder_that_may_not_be_written_is_told(server, undisturbed, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere; a read-only disk stands in, above")
    tmp_path.chmod(0o500)
    try:
        told = server(build=undisturbed.order(tmp_path / "out"), units=2)
    finally:
        tmp_path.chmod(0o700)
    assert told["error"] == ["RsvpError", f"{tmp_path / 'out'}: cannot be written: Permission denied"]


def test_a_release_is_only_read(server, mounting, undisturbed, own, tmp_path):
    """It builds from a disk that is mounted read-only, so nothing is written beside pictures either."""
    mounting.run("mount", "--bind", own.root, own.root)
    mounting.run("mount", "-o", "remount,bind,ro", own.root)
    try:
        told = server(build=undisturbed.order(tmp_path / "out", own), units=2)
    finally:
        mounting.run("umount", own.root)
    assert "error" not in told
    undisturbed.same(tmp_path / "out", state=False)
    assert Path(own.root).is_dir()
