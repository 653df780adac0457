"""Killed, or failing, at every call that makes a file last, gives it its name or takes it away."""

from __future__ import annotations

import random
import shutil

import pytest

from rsvp_builder.dataset.layout import Folder

CALLS = ["replace", "fsync", "unlink"]


def some(points, share):
    """All points, or a share of them that is drawn once and always holds the first and the last."""
    inner = range(2, points)
    return sorted({1, points, *random.Random(points).sample(inner, round(share * len(inner)))})


SHARES = [pytest.param(0.04, id="some"), pytest.param(1.0, id="all", marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def other(server, undisturbed, tmp_path_factory):
    """A finished build of other settings, in the folder that the one of ``undisturbed`` will take over."""
    out = tmp_path_factory.mktemp("other") / "out"
    settings = {**undisturbed.settings, "marks_per_row": 3}
    assert "error" not in server(build={**undisturbed.order(out), "settings": settings}, units=2)
    return out


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("begun", ["from nothing", "over another build"])
@pytest.mark.parametrize("what", ["die", "EIO"])
def test_at_every_point_what_is_complete_is_valid_and_a_rerun_gives_the_same_bytes(
    server, undisturbed, other, tmp_path, sound_or_unfinished, what, begun, share
):
    def order(out):
        if begun == "over another build":
            shutil.copytree(other, out)
        return undisturbed.order(out, overwrite=begun == "over another build")

    told = server(build=order(tmp_path / "whole"), units=2, watch=CALLS)
    undisturbed.same(tmp_path / "whole")
    assert told["points"] > 100
    met = set()
    for at in some(told["points"], share):
        out = tmp_path / f"{at}"
        build = order(out)
        told = server(build=build, units=2, watch=CALLS, at=at, what=what)
        if what == "die":
            assert told["killed"], told
        elif (
            "error" in told
        ):  # not where half a file could not be removed in an error's wake: the first is told
            assert told["error"][0] == "OSError", told
        met.add(sound_or_unfinished(out))
        again = server(build=build, units=2)
        assert "error" not in again
        undisturbed.same(out)
        shutil.rmtree(out)
    assert met == {True, False} or begun == "from nothing"


def test_an_error_is_told_as_it_is_and_leaves_no_half_files(server, undisturbed, tmp_path):
    told = server(build=undisturbed.order(tmp_path), units=2, watch=["fsync"], at=5, what="EIO")
    assert told["error"][0] == "OSError"
    assert "Input/output error" in told["error"][1]
    assert not list(tmp_path.rglob(".*.tmp"))
    assert Folder(tmp_path).finished() == []


def test_file_systems_that_cannot_sync_folders_are_no_hindrance(server, undisturbed, tmp_path):
    """As some network file systems, which answer EINVAL."""
    told = server(build=undisturbed.order(tmp_path), units=2, folders_sync=False)
    assert "error" not in told
    undisturbed.same(tmp_path)


@pytest.mark.parametrize("share", [0.1, pytest.param(1.0, marks=pytest.mark.slow)], ids=["ten", "a hundred"])
def test_killed_at_random_moments_it_loses_and_doubles_nothing(
    server, undisturbed, tmp_path, sound_or_unfinished, share
):
    """Each kill is followed by a rerun; test_resume.py kills builds of several processes again and again."""
    moments = random.Random("moments")
    longest, kills = 0.5, 0
    while kills < 100 * share:
        out = tmp_path / f"{kills}"
        told = server(build=undisturbed.order(out), units=2, kill=moments.uniform(0.0, longest))
        if not told["killed"]:  # done before; sooner, then
            longest *= 0.8
            undisturbed.same(out)
            shutil.rmtree(out)
            continue
        kills += 1
        sound_or_unfinished(out)
        assert "error" not in server(build=undisturbed.order(out), units=2)
        undisturbed.same(out)
