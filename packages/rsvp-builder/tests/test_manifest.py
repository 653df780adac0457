"""The manifests that ship, the form they keep to, and how a source is found by name."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from urllib.parse import urlparse

import pytest

from rsvp_builder.catalog import candidates, manifests_folder, shipped
from rsvp_builder.demo.dota import write_release
from rsvp_builder.errors import ExitCode, RsvpError, UnknownNameError
from rsvp_builder.manifest import Manifest, ManifestError, load_manifest
from rsvp_builder.readers import KINDS, reader_for
from rsvp_builder.readers.dota.layout import layout_of
from rsvp_builder.tasks import KNOWN

SHIPPED = sorted(manifests_folder().glob("*.toml"))
by_file = pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)

# Top-level keys first: what a test appends to TOP lands in no table.
TOP = """
manifest_version = 1
name = "mine"
family = "Mine"
version = "1"
title = "My own release"
reader = "dota"
domain = "rs"
tasks = ["region_caption"]
homepage = "https://example.org/"
citation = "@misc{mine}"
"""
TABLES = """
[licence]
id = "other"
name = "mine"
text = "Do what you like."
url = "https://example.org/terms"

[splits.labelled]
train = ["train", "training"]
val = ["val"]

[layout]
labels = ["labelTxt"]
header = "absent"

[classes]
ship = "ship"
storage-tank = "storage tank"
"""


@pytest.fixture
def write(tmp_path: Path):
    def write_manifest(top: str = TOP, tables: str = TABLES) -> Path:
        path = tmp_path / "mine.toml"
        path.write_text(top + tables, encoding="utf-8")
        return path

    return write_manifest


class TestShipped:
    def test_there_are_some_and_all_are_found_under_their_own_names(self) -> None:
        assert SHIPPED
        assert list(shipped()) == sorted((path.stem for path in SHIPPED), key=str.lower)

    @by_file
    def test_it_fits_the_form_and_is_called_as_its_file(self, path) -> None:
        assert load_manifest(path).name == path.stem

    @by_file
    def test_its_tasks_and_its_reader_exist(self, path) -> None:
        manifest = load_manifest(path)
        assert manifest.tasks
        assert set(manifest.tasks) <= set(KNOWN)
        assert {recipe.task for recipe in manifest.recipes} <= set(KNOWN)
        assert manifest.reader in KINDS
        assert reader_for(manifest) is reader_for(manifest)

    @by_file
    def test_its_labels_are_words_for_people(self, path) -> None:
        for token, label in load_manifest(path).classes.items():
            assert token == token.strip() != ""
            assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ,'()/&.-]*", label), label
            assert not re.search(r"[a-z]-[a-z]", label), f"{label}: a hyphen belongs into type numbers only"
            assert "  " not in label

    @by_file
    def test_it_states_licence_citation_and_pages(self, path) -> None:
        manifest = load_manifest(path)
        assert manifest.licence.id
        assert manifest.licence.name
        assert len(manifest.licence.text) > 20
        assert re.search(r"@\w+\{\w+,", manifest.citation)
        urls = [manifest.homepage, manifest.licence.url, *(step.url for step in manifest.download)]
        assert all(urlparse(url).scheme in ("http", "https") and urlparse(url).netloc for url in urls)
        assert manifest.title
        assert manifest.download

    @by_file
    def test_its_splits_agree_with_each_other(self, path) -> None:
        manifest = load_manifest(path)
        assert manifest.splits.labelled
        assert manifest.splits.default in manifest.splits.labelled
        assert not manifest.splits.labelled.keys() & manifest.splits.unlabelled.keys()
        splits = manifest.splits
        known = {*splits.labelled, *splits.unlabelled, *splits.lists, *splits.seeded}
        assert manifest.expected.keys() <= known
        assert set(manifest.evaluation) <= known

    @by_file
    def test_it_is_ascii_so_that_every_terminal_shows_it(self, path) -> None:
        path.read_bytes().decode("ascii")

    @by_file
    def test_it_says_how_it_is_recognised(self, path) -> None:
        manifest = load_manifest(path)
        assert manifest.find is not None
        assert manifest.find.files

    @pytest.mark.parametrize("version", ["1.0", "1.5", "2.0"])
    def test_the_layout_of_dota_fits_its_reader(self, version) -> None:
        assert layout_of(shipped()[f"DOTA-v{version}"]).labels

    def test_names_and_versions_of_a_family_are_unique(self) -> None:
        versions = [(manifest.family.lower(), manifest.version) for manifest in shipped().values()]
        assert len(set(versions)) == len(versions)
        names = [name.lower() for name in shipped()]
        assert len(set(names)) == len(names)
        for manifest in shipped().values():
            by_family = candidates(manifest.family)
            assert manifest in by_family
            assert candidates(manifest.name) == [manifest]

    def test_each_version_of_dota_adds_classes_and_keeps_the_numbers_of_the_old(self) -> None:
        old, middle, new = (list(shipped()[f"DOTA-v{v}"].classes) for v in ("1.0", "1.5", "2.0"))
        assert (len(old), len(middle), len(new)) == (15, 16, 18)
        assert middle[:15] == old
        assert new[:16] == middle
        assert new[15:] == ["container-crane", "airport", "helipad"]

    @pytest.mark.parametrize("version", ["1.0", "1.5", "2.0"])
    def test_a_release_of_dota_uses_the_classes_of_its_version_only(self, tmp_path, version) -> None:
        manifest = shipped()[f"DOTA-v{version}"]
        release = write_release(tmp_path, version=version, train=3, val=0, test=0)
        used = {item.category for objects in release.images.values() for item in objects}
        assert used
        assert used <= set(manifest.classes)

    def test_a_manifest_called_otherwise_than_its_file_is_refused(self, write, monkeypatch) -> None:
        path = write(TOP.replace('"mine"', '"yours"'))
        monkeypatch.setattr("rsvp_builder.catalog.manifests_folder", lambda: path.parent)
        with pytest.raises(ManifestError, match=r"mine\.toml: name is 'yours', expected 'mine'"):
            shipped()


class TestForm:
    def test_a_manifest_of_ones_own_is_read(self, write) -> None:
        manifest = load_manifest(write())
        assert manifest.name == "mine"
        assert manifest.classes == {"ship": "ship", "storage-tank": "storage tank"}
        assert manifest.splits.labelled == {"train": ["train", "training"], "val": ["val"]}
        assert (manifest.splits.default, manifest.splits.unlabelled) == ("train", {})

    def test_classes_keep_the_order_of_the_file(self, write) -> None:
        tables = TABLES + "".join(f'z{9 - n} = "z{9 - n}"\n' for n in range(9))
        assert list(load_manifest(write(tables=tables)).classes)[2:] == [f"z{9 - n}" for n in range(9)]

    def test_it_cannot_be_changed_once_read(self, write) -> None:
        manifest = load_manifest(write())
        with pytest.raises(ValueError, match="frozen"):
            manifest.name = "other"

    @pytest.mark.parametrize(
        ("top", "tables", "key", "value"),
        [
            (TOP + 'titel = "x"\n', TABLES, "titel", "'x'"),
            (
                TOP,
                TABLES.replace('[licence]\nid = "other"', '[licence]\nid = "other"\nurll = 7'),
                "licence.urll",
                "7",
            ),
            (TOP, TABLES + '[splits.labeled]\ntrain = ["a"]\n', "splits.labeled", ""),
            (
                TOP,
                TABLES + '[[download]]\nwhat = "x"\nurl = "y"\ninto = "z"\nmd5 = "q"\n',
                "download.0.md5",
                "'q'",
            ),
            (TOP, TABLES + "[expected.train]\nimage = 5\n", "expected.train.image", "5"),
        ],
    )
    def test_an_unknown_key_is_named_with_its_value(self, write, top, tables, key, value) -> None:
        with pytest.raises(ManifestError) as caught:
            load_manifest(write(top, tables))
        message = str(caught.value)
        assert message.startswith(str(write(top, tables)))
        assert f" {key}: " in message
        assert value in message
        assert "not permitted" in message

    @pytest.mark.parametrize(
        "key", ["name", "family", "version", "title", "reader", "domain", "tasks", "homepage", "citation"]
    )
    def test_a_missing_key_is_named(self, write, key) -> None:
        top = "".join(line for line in TOP.splitlines(keepends=True) if not line.startswith(f"{key} ="))
        with pytest.raises(ManifestError, match=rf"mine\.toml: {key}: Field required$"):
            load_manifest(write(top))

    @pytest.mark.parametrize("key", ["licence", "splits", "classes"])
    def test_a_missing_table_is_named(self, write, key) -> None:
        tables = re.sub(rf"\[{key}[^\]]*\]\n(?:[^\[\n]+ = .*\n)+", "", TABLES)
        assert key not in tomllib.loads(TOP + tables)
        with pytest.raises(ManifestError, match=rf"mine\.toml: {key}: Field required"):
            load_manifest(write(tables=tables))

    @pytest.mark.parametrize(
        ("old", "new", "key", "value"),
        [
            ('version = "1"\n', "version = 1\n", "version", "1"),
            ('domain = "rs"', 'domain = "satellite"', "domain", "'satellite'"),
            ('tasks = ["region_caption"]', 'tasks = "region_caption"', "tasks", "'region_caption'"),
            ('tasks = ["region_caption"]', "tasks = [3]", "tasks.0", "3"),
            ('name = "mine"\nfamily', 'name = "my release"\nfamily', "name", "'my release'"),
            ('name = "mine"\nfamily', 'name = "../mine"\nfamily', "name", "'../mine'"),
            ('name = "mine"\nfamily', 'name = ""\nfamily', "name", "''"),
            ('ship = "ship"', "ship = 1", "classes.ship", "1"),
            ('val = ["val"]', 'val = "val"', "splits.labelled.val", "'val'"),
            ('url = "https://example.org/terms"', "url = false", "licence.url", "False"),
        ],
    )
    def test_a_wrong_value_is_named_with_file_and_key(self, write, old, new, key, value) -> None:
        text = TOP + TABLES
        assert text.count(old) == 1
        with pytest.raises(ManifestError) as caught:
            load_manifest(write(text.replace(old, new), ""))
        message = str(caught.value)
        assert "mine.toml: " in message
        assert f" {key}: " in message
        assert f"(read {value})" in message

    def test_every_misfit_has_a_line_of_its_own(self, write) -> None:
        with pytest.raises(ManifestError) as caught:
            load_manifest(write(TOP.replace('"rs"', '"x"') + 'titel = "y"\n'))
        first, second = str(caught.value).splitlines()
        assert {"domain", "titel"} == {line.split(": ")[1] for line in (first, second)}

    @pytest.mark.parametrize("version", ["2", "0", '"1"', "1.5", "[1]"])
    def test_another_version_of_the_form_is_refused(self, write, version) -> None:
        with pytest.raises(ManifestError, match=r"mine\.toml: manifest_version is .*, expected 1"):
            load_manifest(write(TOP.replace("manifest_version = 1", f"manifest_version = {version}")))

    def test_a_manifest_without_a_version_is_refused(self, write) -> None:
        with pytest.raises(ManifestError, match="manifest_version is None, expected 1"):
            load_manifest(write(TOP.replace("manifest_version = 1", "")))

    @pytest.mark.parametrize("text", ["name = ", "{}", "<html>", 'name = "a"\nname = "b"', "[a]\n[a]"])
    def test_what_is_no_toml_is_told(self, write, text) -> None:
        with pytest.raises(ManifestError, match=r"mine\.toml: not valid TOML: "):
            load_manifest(write(text, ""))

    @pytest.mark.parametrize("data", [b"\xff\xfea\x00", b"title = '\xe9'"])
    def test_what_is_no_utf8_is_told(self, tmp_path, data) -> None:
        path = tmp_path / "mine.toml"
        path.write_bytes(data)
        with pytest.raises(ManifestError, match=r"mine\.toml: not valid TOML: "):
            load_manifest(path)

    @pytest.mark.parametrize("kind", ["missing", "a folder"])
    def test_a_file_that_cannot_be_read_is_told(self, tmp_path, kind) -> None:
        path = tmp_path / "mine.toml"
        if kind == "a folder":
            path.mkdir()
        with pytest.raises(ManifestError, match=r"mine\.toml: cannot be read: "):
            load_manifest(path)

    @pytest.mark.parametrize("folder", ["train", "training"])
    @pytest.mark.parametrize("group", ["labelled", "unlabelled"])
    def test_a_folder_of_two_splits_is_refused(self, write, folder, group) -> None:
        extra = f'test = ["{folder}"]\n'
        tables = (
            TABLES.replace('val = ["val"]\n', f'val = ["val"]\n{extra}')
            if group == "labelled"
            else TABLES + f"[splits.unlabelled]\n{extra}"
        )
        with pytest.raises(ManifestError, match=rf"mine\.toml: .*folder '{folder}' is given to two splits"):
            load_manifest(write(tables=tables))

    def test_folders_that_differ_in_letter_case_are_the_same_folder(self, write) -> None:
        with pytest.raises(ManifestError, match="given to two splits"):
            load_manifest(write(tables=TABLES.replace('val = ["val"]', 'val = ["val", "Train"]')))

    def test_a_manifest_without_classes_is_refused(self, write) -> None:
        tables = TABLES.replace('ship = "ship"\nstorage-tank = "storage tank"\n', "")
        with pytest.raises(ManifestError, match=r"mine\.toml: .*at least one class"):
            load_manifest(write(tables=tables))

    def test_it_is_a_mistake_of_the_user_not_of_the_program(self) -> None:
        assert issubclass(ManifestError, RsvpError)
        assert ManifestError("x").exit_code == ExitCode.USER_ERROR


class TestNaming:
    @pytest.mark.parametrize("name", ["DOTA-v1.5", "dota-v1.5", "DOTA-V1.5"])
    def test_a_name_means_one_manifest_in_any_letter_case(self, name) -> None:
        assert [manifest.name for manifest in candidates(name)] == ["DOTA-v1.5"]

    @pytest.mark.parametrize("name", ["DOTA", "dota", "Dota"])
    def test_a_family_means_all_its_versions_newest_first(self, name) -> None:
        assert [manifest.version for manifest in candidates(name)] == ["2.0", "1.5", "1.0"]

    @pytest.mark.parametrize(
        ("name", "meant"), [("DOTA-v2", "DOTA-v2.0"), ("dotta", "DOTA"), ("DOTA-v1.6", "DOTA-v1.5")]
    )
    def test_a_misspelt_source_is_answered_with_what_may_be_meant(self, name, meant) -> None:
        with pytest.raises(UnknownNameError) as caught:
            candidates(name)
        message = str(caught.value)
        assert message.startswith(f"unknown source '{name}'.")
        assert meant in message.split("Did you mean ")[1].split("?")[0]
        assert all(known in message.split("Known: ")[1] for known in ["DOTA", *shipped()])

    @pytest.mark.parametrize("name", ["", "xyzzy", "q-0-q"])
    def test_a_name_like_none_is_answered_with_the_list_alone(self, name) -> None:
        with pytest.raises(UnknownNameError) as caught:
            candidates(name)
        assert "Did you mean" not in str(caught.value)
        assert "DOTA-v2.0" in str(caught.value)

    def test_a_toml_file_of_ones_own_is_a_source(self, write) -> None:
        assert [manifest.name for manifest in candidates(str(write()))] == ["mine"]

    def test_a_relative_file_name_is_a_source(self, write, monkeypatch) -> None:
        monkeypatch.chdir(write().parent)
        assert [manifest.name for manifest in candidates("mine.toml")] == ["mine"]
        assert [manifest.name for manifest in candidates("./mine.toml")] == ["mine"]

    @pytest.mark.parametrize("source", ["gone.toml", "sources/gone.toml", "sources/gone", "./DOTA"])
    def test_a_file_that_does_not_exist_is_told(self, source, tmp_path, monkeypatch) -> None:
        monkeypatch.chdir(tmp_path)
        with pytest.raises(ManifestError, match=rf"{Path(source)}: cannot be read: No such file"):
            candidates(source)

    def test_a_misspelt_reader_is_answered_with_what_may_be_meant(self, write) -> None:
        manifest = load_manifest(write(TOP.replace('reader = "dota"', 'reader = "doat"')))
        with pytest.raises(UnknownNameError) as caught:
            reader_for(manifest)
        message = str(caught.value)
        assert "reader in the manifest of mine 'doat'" in message
        assert "Did you mean dota" in message

    def test_a_manifest_of_ones_own_finds_its_reader(self, write) -> None:
        manifest: Manifest = load_manifest(write())
        assert hasattr(reader_for(manifest), "index")
