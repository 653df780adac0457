"""Clocks that jump, and files of the past and of the future: no byte depends on them."""

from __future__ import annotations

import os

import pytest

from rsvp_builder.dataset.layout import Folder
from rsvp_builder.stamps import stamp, told

YEAR = 365.25 * 86400


@pytest.mark.parametrize(
    "clock",
    [[0.0], [4e9, 1.0, 2e9], [1.7e9 - i * 3600 for i in range(50)]],
    ids=["stands at 1970", "jumps", "goes backwards"],
)
def test_a_wrong_clock_changes_no_byte(server, undisturbed, tmp_path, clock):
    assert "error" not in server(build=undisturbed.order(tmp_path), units=2, clock=clock)
    undisturbed.same(tmp_path)


def test_a_clock_that_is_set_back_between_two_runs_builds_nothing_twice(server, undisturbed, tmp_path):
    order = undisturbed.order(tmp_path)
    assert server(build=order, units=2, clock=[4e9], watch=["replace"], at=20)["killed"]
    done = len(list(Folder(tmp_path).state("DOTA-v2.0").glob("unit-*.json")))
    assert done > 1
    for path in tmp_path.rglob("*"):
        os.utime(path, (4e9, 4e9))
    assert server(build=order, units=2, clock=[1e9])["resumed"] == done
    undisturbed.same(tmp_path)


@pytest.mark.parametrize("time", [0, 1, -3 * YEAR, 4e9, 9e9], ids=["1970", "1 s", "1967", "2096", "2255"])
def test_files_of_any_time_are_built_and_known_again(server, undisturbed, own, tmp_path, time):
    for path in own.root.rglob("*"):
        os.utime(path, (time, time))
    order = undisturbed.order(tmp_path / "out", own)
    assert "error" not in server(build=order, units=2)
    undisturbed.same(tmp_path / "out", state=False)
    again = server(build=order, units=2)
    assert again["resumed"] == 6
    assert not any("built again" in notice for notice in again["notices"])


def test_a_file_of_1970_that_changes_is_noticed(server, undisturbed, own, tmp_path):
    picture = own.root / "train/images/P0001.png"
    os.utime(picture, (0, 0))
    order = undisturbed.order(tmp_path / "out", own)
    server(build=order, units=2)
    os.utime(picture, (0, 1))
    assert server(build=order, units=2)["resumed"] == 5


@pytest.mark.parametrize("time", [0, -1, 1, 10**9, -(10**9), 2**33])
def test_a_stamp_tells_size_and_time(tmp_path, time):
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    os.utime(file, (time, time))
    same = stamp(file.stat())
    os.utime(file, ns=(0, time * 10**9 + 999))  # finer than some file systems keep
    assert stamp(file.stat()) == same
    os.utime(file, ns=(0, time * 10**9 + 1000))
    assert stamp(file.stat()) != same
    assert told(same).startswith("5 bytes of ")


def test_a_stamp_of_a_time_without_a_name_is_told_all_the_same():
    class Status:
        st_mtime_ns = 10**24
        st_size = 7

    assert told(stamp(Status())) == "7 bytes of 1000000000000000.000 s since 1970"
