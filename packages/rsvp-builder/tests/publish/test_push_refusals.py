"""What is refused before anything leaves the machine, and what is never sent."""

from __future__ import annotations

import json
import shutil

import pytest

from rsvp_builder import demo
from rsvp_builder.build import build
from rsvp_builder.catalog import shipped
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.errors import ExitCode, RsvpError
from rsvp_builder.publish.contents import InvalidError, contents
from rsvp_builder.publish.hashes import Hashes
from rsvp_builder.publish.licences import PassingOn, passing_on, terms_of
from rsvp_builder.publish.push import LicencesError, push
from rsvp_builder.publish.target import FolderTarget, HubTarget, parse_target
from rsvp_builder.settings import Settings


@pytest.fixture
def to(tmp_path):
    """A place that a push would write to, were it not refused."""
    return f"file://{tmp_path}/there"


@pytest.fixture
def nothing_arrived(tmp_path):
    yield
    assert not (tmp_path / "there").exists()


# Destinations


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("hf://datasets/me/marks", HubTarget("me/marks")),
        ("hf://me/marks", HubTarget("me/marks")),
        ("hf://datasets/me/marks/", HubTarget("me/marks")),
        ("hf://datasets/me/a.b_c-d@next", HubTarget("me/a.b_c-d", "next")),
        ("hf://datasets/me/marks@refs/pr/1", HubTarget("me/marks", "refs/pr/1")),
        ("s3://bucket/folder/", FolderTarget("s3://bucket/folder")),
    ],
)
def test_destinations_are_read(url, target):
    assert parse_target(url) == target


@pytest.mark.parametrize(
    "url",
    [
        *("hf://marks", "hf://models/me/marks", "hf://spaces/me/marks", "hf://datasets/me/marks/folder"),
        *("hf://datasets/../marks", "hf://datasets/me/marks@", "/a/folder", "s3://", "://x", "hf://a b/c"),
    ],
)
def test_other_destinations_are_refused_with_what_was_expected(url):
    with pytest.raises(RsvpError, match="expected hf://datasets/OWNER/NAME"):
        parse_target(url)


def test_a_password_in_a_url_is_not_shown():
    assert FolderTarget("ftp://me:secret@host/folder").shown == "ftp://host/folder"


# Licences


def test_every_shipped_licence_is_sorted_as_a_person_would():
    sorted_so = {
        name: passing_on(m.licence.id, m.licence.name, m.licence.text) for name, m in shipped().items()
    }
    assert {name for name, of in sorted_so.items() if of is PassingOn.FORBIDDEN} == {"Potsdam", "Vaihingen"}
    # COCO's licence is that of its annotations, and so is the MIT one of the instances of NWPU VHR-10.
    assert {name for name, of in sorted_so.items() if of is PassingOn.ALLOWED} == {
        *("DIOR-RSVG", "FAIR1M", "MAR20", "NWPU-VHR-10", "UAVid")
    }


@pytest.mark.parametrize(
    ("identifier", "name", "text", "meant"),
    [
        ("CC-BY-4.0", "CC BY 4.0", "", PassingOn.ALLOWED),
        ("CC-BY-NC-ND-4.0", "CC BY-NC-ND 4.0", "", PassingOn.NOT_STATED),
        ("CC-BY-4.0", "CC BY 4.0", "The data must not be redistributed.", PassingOn.FORBIDDEN),
        ("other", "house terms", "Redistribution is prohibited.", PassingOn.FORBIDDEN),
        ("other", "free for research", "For research.", PassingOn.NOT_STATED),
    ],
)
def test_licences_are_sorted_by_identifier_and_words(identifier, name, text, meant):
    assert passing_on(identifier, name, text) is meant


@pytest.mark.usefixtures("nothing_arrived")
def test_terms_have_to_be_accepted_and_are_told_per_source(out, to):
    with pytest.raises(LicencesError, match="--accept-licences") as error:
        push(out, to)
    told = {of.source: of.passing_on for of in error.value.terms}
    assert told == {
        "DIOR-RSVG": PassingOn.ALLOWED,
        "DOTA-v1.0": PassingOn.NOT_STATED,
        "RSITMD": PassingOn.NOT_STATED,
        "UAVid": PassingOn.ALLOWED,
    }


@pytest.mark.usefixtures("nothing_arrived")
def test_no_public_copy_is_made_of_what_must_not_be_passed_on(out, to):
    settings = out / "settings" / "UAVid.json"
    saved = json.loads(settings.read_text())
    saved["manifest"]["licence"]["text"] = "For research only; the data must not be passed on."
    settings.write_text(json.dumps(saved))
    with pytest.raises(LicencesError, match=r"UAVid: .* must not be passed on"):
        push(out, to, public=True, accept_licences=True)
    assert [of.passing_on for of in terms_of(Folder(out), ["UAVid"])] == [PassingOn.FORBIDDEN]


# The data set


@pytest.mark.usefixtures("nothing_arrived")
def test_an_unfinished_data_set_is_refused(out, to):
    (out / "dataset.json").unlink()
    with pytest.raises(RsvpError, match="not a finished data set"):
        push(out, to, accept_licences=True)


@pytest.mark.usefixtures("nothing_arrived")
def test_a_source_that_was_begun_and_not_finished_is_refused(out, to):
    complete = out / "dataset.json"
    told = json.loads(complete.read_text())
    told["sources"].remove("RSITMD")
    complete.write_text(json.dumps(told))
    with pytest.raises(RsvpError, match="the build of RSITMD has not finished: rerun it"):
        push(out, to, accept_licences=True)


@pytest.mark.usefixtures("nothing_arrived")
@pytest.mark.parametrize("damage", ["missing", "cut short"])
def test_an_invalid_data_set_is_refused_with_its_problems(out, to, damage):
    shard = sorted(out.glob("data/UAVid/*.parquet"))[0]
    whole = shard.read_bytes()
    if damage == "missing":
        shard.unlink()
    else:
        shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RsvpError, match=rf"{shard.name}") as error:
        push(out, to, accept_licences=True)
    if damage == "cut short":
        assert isinstance(error.value, InvalidError)
        assert error.value.exit_code == ExitCode.INVALID_DATASET


def test_a_sound_data_set_is_checked_once_and_again_when_it_changes(out, to, monkeypatch):
    (out / ".build" / "hashes.json").unlink()
    checked = []

    def validate(folder):
        checked.append(folder)
        return real(folder)

    from rsvp_builder.publish import contents as module

    real = module.validate
    monkeypatch.setattr(module, "validate", validate)
    push(out, to, accept_licences=True)
    push(out, to, accept_licences=True)
    assert len(checked) == 1
    card = out / "README.md"
    card.write_text(card.read_text() + "\n")
    push(out, to, accept_licences=True)
    assert len(checked) == 2


@pytest.mark.usefixtures("nothing_arrived")
@pytest.mark.parametrize("told", [True, False], ids=["by settings", "seen in shards"])
def test_pictures_that_are_only_referenced_are_refused(tmp_path, to, told):
    root, out = tmp_path / "raw", tmp_path / "out"
    root.mkdir()
    demo.write("UAVid", root, seed=3)
    build("UAVid", root, out, Settings(images="reference", tile=0), workers=1)
    if not told:
        settings = out / "settings" / "UAVid.json"
        settings.write_text(settings.read_text().replace('"images": "reference"', '"images": "embed"'))
    with pytest.raises(RsvpError, match=r"name pictures by their path on this machine.*--images embed"):
        push(out, to, accept_licences=True)


def test_list_files_of_the_users_go_without_their_folder(tmp_path, to):
    root, out = tmp_path / "raw", tmp_path / "out"
    root.mkdir()
    demo.write("UCMerced", root, seed=1)
    listed = tmp_path / "secret-folder" / "mine.txt"
    listed.parent.mkdir()
    names = sorted(path.stem for path in root.rglob("*.tif"))[:3]
    listed.write_text("\n".join(names))
    build("UCMerced", root, out, workers=1, split_lists={"test_list": listed})
    assert "secret-folder" in (out / "settings" / "UCMerced.json").read_text()
    push(out, to, accept_licences=True)
    there = tmp_path / "there"
    saved = json.loads((there / "settings" / "UCMerced.json").read_text())
    assert saved["manifest"]["splits"]["lists"] == {"test_list": ["mine.txt"]}
    everything = b"".join(path.read_bytes() for path in there.rglob("*") if path.is_file())
    assert str(tmp_path).encode() not in everything


def test_settings_and_ledger_come_first_and_the_mark_of_completeness_last(dataset):
    paths = [file.path for file in contents(Folder(dataset))]
    kinds = [path.split("/")[0] for path in paths]
    order = ["settings", "ledger", "data", "planned", "README.md", "dataset.json"]
    assert [kind for number, kind in enumerate(kinds) if kind not in kinds[:number]][:2] == order[:2]
    assert paths[-2:] == ["README.md", "dataset.json"]
    assert len(paths) == len(set(paths))


def test_captioned_rows_are_part_of_the_data_set(out):
    # As a captioner's merge leaves them: a shard beside its shard, and an account.
    shard = out / "data" / "DIOR-RSVG" / "train-captions-00000-of-00001.parquet"
    shutil.copy(out / "data" / "DIOR-RSVG" / "train-00000-of-00001.parquet", shard)
    account = {"splits": {"train": {"rows": 1, "shards": {shard.name: 1}, "tasks": {}}}, "tasks": {}}
    (out / "ledger" / "DIOR-RSVG" / "captions.json").write_text(json.dumps(account))
    paths = [file.path for file in contents(Folder(out))]
    assert f"data/DIOR-RSVG/{shard.name}" in paths
    assert "ledger/DIOR-RSVG/captions.json" in paths


# Hashes


def test_a_file_is_hashed_again_only_when_it_changes(out, monkeypatch):
    import hashlib

    (out / ".build" / "hashes.json").unlink()
    folder, read = Folder(out), []
    real = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda file, kind: read.append(file.name) or real(file, kind))
    card = out / "README.md"
    hashes = Hashes(folder)
    first = hashes.of(card)
    assert first == hashlib.sha256(card.read_bytes()).hexdigest() == hashes.of(card)
    hashes.save()
    assert Hashes(folder).of(card) == first
    assert len(read) == 1
    card.write_text("changed")
    assert Hashes(folder).of(card) == hashlib.sha256(b"changed").hexdigest()
    assert len(read) == 2


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"files": 3, "valid": ""}', b'{"files": {"a": 1}}'])
def test_a_damaged_memory_is_no_trouble(out, content):
    (out / ".build" / "hashes.json").write_bytes(content)
    assert len(Hashes(Folder(out)).of(out / "README.md")) == 64
