"""A release that changes while it is read, or between two runs of a build."""

from __future__ import annotations

import os
import shutil

import pytest

from rsvp_builder.build import build
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.dataset.validate import validate
from rsvp_builder.engine import plan, unit
from rsvp_builder.errors import ReleaseChangedError, RsvpError, StrictError
from rsvp_builder.readers.dota import labels
from rsvp_builder.settings import Settings

PICTURE = "train/images/P0001.png"
LABEL = "train/labelTxt-v2.0/DOTA-v2.0_train/P0001.txt"


@pytest.fixture(autouse=True)
def _small_units(monkeypatch):
    monkeypatch.setattr(plan, "UNIT_ITEMS", 2)


@pytest.fixture
def make(own, tmp_path, undisturbed):
    """Builds our copy of the release into ``out``; keyword arguments go to the build."""

    def made(out=tmp_path / "out", settings=undisturbed.settings, workers=1, **options):
        return build("DOTA", own.root, out, Settings(**settings), workers=workers, **options)

    return made


@pytest.fixture
def contents(server):
    """Hashes of the files of a data set, without its state."""

    def of(out):
        found = server(digest=str(out))["digest"]
        return {name: value for name, value in found.items() if not name.startswith(".build/")}

    return of


def at_once(do):
    """A listener to progress that does something when the release has been indexed and no unit begun."""

    def listen(state):
        if state.done == 0:
            do()

    return listen


def stop_after(units):
    def listen(state):
        if state.done == units:
            raise KeyboardInterrupt

    return listen


def keep_times(path, change):
    """Change a file and put its times back."""
    status = path.stat()
    change(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def touch(path):
    os.utime(path, (1e9, 1e9))


def grow(path):
    path.write_bytes(path.read_bytes() + b"\n")


def rewrite(path):
    path.write_bytes(bytes(path.stat().st_size))


def mirror_label(path):
    """Other annotations in as many bytes: the difficult flag of every object turned."""
    lines = path.read_bytes().splitlines(keepends=True)
    turned = {b"0": b"1", b"1": b"0"}
    with path.open("wb") as file:
        for line in lines:
            words, end = line.rstrip(b"\r\n"), line[len(line.rstrip(b"\r\n")) :]
            file.write(words[:-1] + turned.get(words[-1:], words[-1:]) + end)


def away(path):
    path.rename(path.with_name("elsewhere"))


def linked_away(path):
    path.unlink()
    path.symlink_to("nowhere")


CHANGES = {
    "gone": (away, "and is gone"),
    "a link to nothing": (linked_away, "and is gone"),
    "longer": (grow, r"it was \d+ bytes of .* and is \d+ bytes of"),
    "longer at the same time": (lambda path: keep_times(path, grow), "it was .* and is"),
    "other bytes": (rewrite, "it was .* and is"),
    "touched": (touch, "and is .* of 2001-09-09 01:46:40.000"),
}


@pytest.mark.parametrize("file", [PICTURE, LABEL])
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_after_it_was_indexed_stops_the_build_and_a_rerun_mends_it(
    undisturbed, own, make, tmp_path, file, change
):
    path, (do, message) = own.root / file, CHANGES[change]
    shutil.copy2(path, tmp_path / "kept")
    with pytest.raises(ReleaseChangedError, match=f"(?s){path.name}: changed while.*{message}.*rerun"):
        make(on_progress=at_once(lambda: do(path)))
    out = Folder(tmp_path / "out")
    assert out.finished() == []
    assert not out.marker("DOTA-v2.0", 0).exists()
    path.unlink(missing_ok=True)
    path.with_name("elsewhere").unlink(missing_ok=True)
    shutil.copy2(tmp_path / "kept", path)
    make()
    undisturbed.same(out.out, state=False)
    assert validate(out.out).problems == []


def test_a_release_that_goes_away_costs_no_image(undisturbed, own, make, tmp_path):
    """As when a network folder is unmounted: nothing may be taken for missing."""
    elsewhere = own.root.with_name("elsewhere")
    with pytest.raises(ReleaseChangedError, match="is gone"):
        make(on_progress=lambda state: own.root.rename(elsewhere) if state.done == 1 else None)
    elsewhere.rename(own.root)
    assert make().resumed == 1
    undisturbed.same(tmp_path / "out", state=False)


@pytest.mark.parametrize("options", [{"workers": 2}, {"strict": True}], ids=["processes", "strict"])
def test_it_is_told_the_same_by_other_processes_and_under_strict(own, make, options):
    first = own.root / "train/images/P0000.png"
    with pytest.raises(ReleaseChangedError, match=r"P0000\.png: changed while"):
        make(on_progress=at_once(lambda: rewrite(first)), **options)


def test_strict_still_tells_what_is_wrong_with_files_that_did_not_change(make):
    with pytest.raises(StrictError):
        make(strict=True)


def test_a_picture_that_is_away_while_it_is_looked_at_is_no_missing_picture(
    undisturbed, own, make, tmp_path, monkeypatch
):
    whole, path = unit.probe, own.root / PICTURE

    def probe(asked):
        if asked != path:
            return whole(asked)
        away(path)
        try:
            return whole(asked)
        finally:
            path.with_name("elsewhere").rename(path)

    with monkeypatch.context() as patch, pytest.raises(ReleaseChangedError, match="was away for a while"):
        patch.setattr(unit, "probe", probe)
        make()
    make()
    undisturbed.same(tmp_path / "out", state=False)


def test_a_label_that_is_away_while_it_is_read_is_no_unreadable_label(
    undisturbed, own, make, tmp_path, monkeypatch
):
    whole, path = labels.read_label, own.root / LABEL

    def read(root, item, name, drops, **options):
        if name != LABEL:
            return whole(root, item, name, drops, **options)
        away(path)
        try:
            return whole(root, item, name, drops, **options)
        finally:
            path.with_name("elsewhere").rename(path)

    with monkeypatch.context() as patch, pytest.raises(ReleaseChangedError, match="was away for a while"):
        patch.setattr(labels, "read_label", read)
        make()
    make()
    undisturbed.same(tmp_path / "out", state=False)


def test_a_file_that_stays_changed_is_refused_until_overwrite(own, make, tmp_path, contents):
    with pytest.raises(ReleaseChangedError):
        make(on_progress=at_once(lambda: grow(own.root / LABEL)))
    with pytest.raises(RsvpError, match=r"the files of the raw release changed.*--overwrite"):
        make()
    make(overwrite=True)
    make(tmp_path / "fresh")
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


# Between two runs


@pytest.mark.parametrize("finished", [False, True], ids=["half done", "finished"])
def test_what_changed_since_is_built_again_and_nothing_else(own, make, tmp_path, contents, finished):
    out = Folder(tmp_path / "out")
    if finished:
        make()
    else:
        with pytest.raises(KeyboardInterrupt):
            make(on_progress=stop_after(3))
    before = contents(out.out)
    done = len(list(out.state("DOTA-v2.0").glob("unit-*.json")))
    mirror_label(own.root / LABEL)
    with pytest.raises(KeyboardInterrupt):  # killed before it is built again: no data set until it is
        make(on_progress=stop_after(done - 1))
    assert out.finished() == []
    again = make()
    assert again.resumed == done - 1
    make(tmp_path / "fresh")
    assert contents(out.out) == contents(tmp_path / "fresh")
    if finished:
        changed = {name for name, value in contents(out.out).items() if before[name] != value}
        assert {name for name in changed if name.endswith(".parquet") and name.startswith("data")} == {
            "data/DOTA-v2.0/train-00000-of-00005.parquet"
        }
    assert make().resumed == len(list(out.state("DOTA-v2.0").glob("unit-*.json")))


def test_it_is_told_that_units_are_built_again(own, make):
    make()
    mirror_label(own.root / LABEL)
    again = make()
    assert any("1 of 6 units are built again, because files of theirs changed" in n for n in again.notices)
    assert not any("built again" in notice for notice in make().notices)


def test_a_copy_of_the_release_that_keeps_times_goes_on_where_it_was(own, make, tmp_path, undisturbed):
    with pytest.raises(KeyboardInterrupt):
        make(on_progress=stop_after(3))
    copy = tmp_path / "copy"
    shutil.copytree(own.root, copy)
    built = build("DOTA", copy, tmp_path / "out", Settings(**undisturbed.settings), workers=1)
    assert built.resumed == 3
    undisturbed.same(tmp_path / "out", state=False)


# By content


@pytest.mark.parametrize("finished", [False, True], ids=["half done", "finished"])
def test_paranoid_finds_other_bytes_of_the_same_size_and_time(own, make, tmp_path, contents, finished):
    if finished:
        make(paranoid=True)
    else:
        with pytest.raises(KeyboardInterrupt):
            make(paranoid=True, on_progress=stop_after(3))
    done = len(list(Folder(tmp_path / "out").state("DOTA-v2.0").glob("unit-*.json")))
    keep_times(own.root / LABEL, mirror_label)
    again = make(paranoid=True)
    assert again.resumed == done - 1
    make(tmp_path / "fresh")
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")


def test_without_it_they_are_not_found(own, make):
    """The limit of size and time, and so what the option is for."""
    make()
    keep_times(own.root / LABEL, mirror_label)
    assert not any("built again" in notice for notice in make().notices)


def test_paranoid_keeps_units_whose_files_have_only_other_times(own, make, tmp_path, undisturbed):
    units = 6
    make(paranoid=True)
    for path in own.root.rglob("*.*"):
        if path.is_file():
            touch(path)
    assert make(paranoid=True).resumed == units
    assert make().resumed == units
    undisturbed.same(tmp_path / "out", state=False)


def test_paranoid_trusts_no_unit_that_was_built_without_it(make, tmp_path, undisturbed):
    make()
    again = make(paranoid=True)
    assert again.resumed == 0
    assert any("or were not compared then" in notice for notice in again.notices)
    undisturbed.same(tmp_path / "out", state=False)
    assert make(paranoid=True).resumed == 6


@pytest.mark.parametrize("file", [PICTURE, LABEL])
def test_paranoid_finds_bytes_that_change_while_they_are_read(own, make, monkeypatch, file):
    whole = unit._build

    def changing(*given):
        result = whole(*given)
        keep_times(own.root / file, rewrite)
        return result

    monkeypatch.setattr(unit, "_build", changing)
    with pytest.raises(ReleaseChangedError, match=f"{own.root / file}: .*other bytes, at the same size"):
        make(paranoid=True)
