"""Names and paths of strangers: nothing is read from outside of the release, and no name does anything."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys

import pyarrow.parquet as pq
import pytest
from hostile_files import NAMES, beside
from typer.testing import CliRunner

from rsvp_builder.build import build
from rsvp_builder.catalog import shipped
from rsvp_builder.cli.app import app
from rsvp_builder.demo import write
from rsvp_builder.errors import RsvpError, StrictError
from rsvp_builder.ledger import Reason
from rsvp_builder.readers import index_release
from rsvp_builder.readers.oddities import oddities
from rsvp_builder.readers.scan import DEEPEST, walk
from rsvp_builder.settings import Settings
from rsvp_builder.visible import acts

pytestmark = pytest.mark.usefixtures("prompt")

OUTSIDE = b"\x89PNG\r\n\x1a\nthe owner's own picture"


@pytest.fixture
def release(tmp_path):
    """Writes a sound release into ``raw``, beside a picture that is nobody's business."""

    def of(source):
        root = tmp_path / "raw"
        root.mkdir()
        write(source, root)
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside/secret.png").write_bytes(OUTSIDE)
        (tmp_path / "outside/secret.txt").write_text("root:x:0:0\n")
        return root

    return of


def run(source, root, out):
    summary = build(source, root, out, Settings(), workers=1).summary
    return summary, pq.read_table(out / "ledger" / source / "drops.parquet").to_pylist()


def content_of(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def first_named(tree, name):
    """Set the first image's file name of an annotation file of any of the shapes."""
    if isinstance(tree, list):
        tree[0]["image"] = name
        return tree
    images = tree["images"] if "images" in tree else next(iter(tree.values()))
    images[0]["filename" if "filename" in images[0] else "file_name"] = name
    return tree


@pytest.mark.parametrize(
    "climb",
    ["../outside/secret.png", "../../outside/secret.png", "{outside}/secret.png", "..\\outside\\secret.png"],
)
@pytest.mark.parametrize(
    "source", ["NWPU-VHR-10-instances", "RSICD", "NWPU-Captions", "COCO-Captions-2017", "GeoChat", "RefCOCO"]
)
def test_a_path_that_climbs_out_finds_nothing(source, climb, release, tmp_path):
    root = release(source)
    files = sorted(root.rglob("*.json"))
    file = next((f for f in files if "images" in f.read_text()[:60_000]), files[0])
    name = climb.format(outside=tmp_path / "outside")
    file.write_text(json.dumps(first_named(json.loads(file.read_text()), name)))
    _, drops = run(source, root, tmp_path / "out")
    missing = {d["image_id"].rpartition("/")[2] for d in drops if d["reason"] == "image_missing"}
    assert any("secret" in image_id for image_id in missing) or source == "GeoChat"
    assert OUTSIDE not in content_of(tmp_path / "out")
    items = index_release(root, shipped()[source]).items
    assert not any(".." in (item.image or "") or (item.image or "").startswith("/") for item in items)


def test_a_split_list_that_climbs_out_names_no_file(release, tmp_path):
    root = release("HRSC2016")
    for file in root.rglob("train*.txt"):
        file.write_text(
            f"../../outside/secret.png\n{tmp_path}/outside/secret\n/etc/passwd\n" + file.read_text()
        )
    _, drops = run("HRSC2016", root, tmp_path / "out")
    missing = {d["image_id"] for d in drops if d["reason"] == "image_missing"}
    assert any("secret" in image_id for image_id in missing)
    assert b"root:x:0:0" not in content_of(tmp_path / "out")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_any_kind_costs_at_most_itself(name, release):
    root, manifest = release("UCAS-AOD"), shipped()["UCAS-AOD"]
    before = {item.image_id for item in index_release(root, manifest).items}
    chosen = next(p for p in sorted(root.rglob("*.png")) if p.with_suffix(".txt").exists())
    for path in (chosen, chosen.with_suffix(".txt")):
        path.rename(beside(path, name))
    index = index_release(root, manifest)
    text = name.decode("utf-8", "surrogateescape")
    assert sum(drop.reason == Reason.BAD_PATH for drop in index.drops) == (2 if acts(text) else 0)
    after = {item.image_id: item for item in index.items}
    [gone] = before - set(after)
    assert gone.endswith(chosen.stem)
    new = set(after) - before
    assert len(new) == (0 if acts(text) else 1)
    assert all(after[image_id].image and after[image_id].label for image_id in new)
    assert not any(acts(drop.file + drop.image_id) for drop in index.drops)


def test_no_command_prints_what_acts_on_a_terminal(release, tmp_path):
    """The release has all such names for images, for folders, and in its annotations."""
    root = release("UCAS-AOD")
    picture = next(p for p in sorted(root.rglob("*.png")) if p.with_suffix(".txt").exists())
    label = picture.with_suffix(".txt").read_bytes()
    for name in NAMES:
        for suffix in (".png", ".txt"):
            file = picture.with_suffix(suffix)
            shutil.copyfile(file, beside(file, name))
        (root / os.fsdecode(name)).mkdir()
        shutil.copyfile(picture, beside(root / os.fsdecode(name) / picture.name, name[:100]))
        label = name.replace(b"\n", b"") + b" 1 2 3\n" + label
    picture.with_suffix(".txt").write_bytes(label)
    out, shell = tmp_path / "out", CliRunner()
    asked = [
        ["--source", "UCAS-AOD", "--root", str(root), "--out", str(out), "--workers", "1"],
        ["status", str(out)],
        ["validate", str(out)],
        ["stats", str(out)],
        ["preview", str(out), "--html", str(tmp_path / "gallery.html")],
        ["doctor", str(tmp_path)],
    ]
    for arguments in asked:
        result = shell.invoke(app, arguments)
        assert result.exit_code in (0, 2, 3), (arguments, result.output, result.exception)
        assert not any(c in result.output for c in "\x1b\x9b\r\u202e"), (arguments, result.output)
        assert "Traceback" not in result.output
    page = "".join(p.read_text() for p in [out / "README.md", *tmp_path.glob("*.html")])
    assert "<img src=x" not in page
    assert "\x1b" not in page
    strict = shell.invoke(app, [*asked[0], "--strict", "--overwrite"])
    assert isinstance(strict.exception, StrictError)
    assert not acts(str(strict.exception))


class TestFolders:
    def test_links_that_lead_to_one_folder_in_a_million_ways_are_followed_once(self, tmp_path):
        for level in range(30):  # Linux follows forty links in one path
            folder = tmp_path / f"store/{level:02}"
            folder.mkdir(parents=True)
            for way in "ab":
                (folder / way).symlink_to(tmp_path / f"store/{level + 1:02}")
        (tmp_path / "store/30").mkdir()
        (tmp_path / "store/30/more.zip").write_bytes(b"PK")
        (tmp_path / "root").symlink_to(tmp_path / "store/00")
        assert [d.reason for d in oddities(tmp_path / "root")] == [Reason.NOT_UNPACKED]
        assert len(list(walk(tmp_path / "root"))) == 1

    def test_folders_nested_beyond_sense_are_left_out_and_told(self, tmp_path):
        here = os.open(tmp_path, os.O_RDONLY)
        for _ in range(1500):
            os.mkdir("d", dir_fd=here)
            there = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = there
        os.close(here)
        (tmp_path / "P1.png").write_bytes(b"")
        try:
            assert [found.path for found in walk(tmp_path)] == ["P1.png"]
            [drop] = oddities(tmp_path)
            assert (drop.reason, drop.file.count("d")) == (Reason.BAD_PATH, DEEPEST + 2)
        finally:
            subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # Python's own way recurses

    @pytest.mark.parametrize("kind", ["pipe", "link to a device", "link to a pipe"])
    def test_what_is_no_file_is_told_and_never_opened(self, kind, release, tmp_path):
        root = release("UCAS-AOD")
        label = next(p for p in sorted(root.rglob("P*.txt")) if p.with_suffix(".png").exists())
        label.unlink()
        if kind == "pipe":
            os.mkfifo(label)
        else:
            os.mkfifo(tmp_path / "pipe")
            label.symlink_to("/dev/zero" if "device" in kind else tmp_path / "pipe")
        _, drops = run("UCAS-AOD", root, tmp_path / "out")
        told = {d["reason"] for d in drops if d["file"] == str(label.relative_to(root))}
        assert told == {"bad_path" if kind == "pipe" else "bad_link"}
        assert any(d["reason"] == "label_missing" for d in drops)

    def test_what_the_finder_leaves_behind_is_no_bad_name(self, tmp_path):
        (tmp_path / "Icon\r").write_bytes(b"")
        (tmp_path / ".\x1b").write_bytes(b"")
        assert oddities(tmp_path) == []


def test_a_pickle_that_runs_is_refused_and_told_by_name(release, tmp_path):
    class Runs:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "ran"),)

    root = release("SAMRS-SOTA")
    file = sorted(root.rglob("*.pkl"))[0]
    file.write_bytes(pickle.dumps([Runs()]))
    _, drops = run("SAMRS-SOTA", root, tmp_path / "out")
    [told] = [
        d
        for d in drops
        if d["reason"] == "label_unreadable" and d["file"].endswith(file.name) and d["kind"] == "image"
    ]
    assert "posix.mkdir" in told["value"]
    assert not (tmp_path / "ran").exists()


def test_an_error_names_a_root_of_any_name_without_acting(tmp_path):
    root = tmp_path / "a\x1b[31m"
    root.mkdir()
    with pytest.raises(RsvpError):
        build("UCAS-AOD", root, tmp_path / "out", Settings(), workers=1)
    arguments = ["--source", "UCAS-AOD", "--root", str(root), "--out", str(tmp_path / "out")]
    told = subprocess.run([sys.executable, "-m", "rsvp_builder", *arguments], capture_output=True, text=True)
    assert told.returncode == 2
    assert "a\\x1b[31m" in told.stderr
    assert "\x1b" not in told.stderr + told.stdout
