"""``croissant.json``: mlcroissant finds nothing wrong with it and loads the rows that pyarrow reads."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections import Counter

import mlcroissant
import pyarrow.parquet as pq
import pytest

from rsvp_builder.dataset.layout import Folder
from rsvp_builder.errors import RsvpError
from rsvp_builder.publish.croissant import write_croissant
from rsvp_builder.publish.hashes import Hashes

# Of rdflib and of mlcroissant's use of pandas.
pytestmark = [
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword"),
]


def describe(out, **options):
    folder = Folder(out)
    return write_croissant(folder, Hashes(folder), **options)


@pytest.fixture(scope="module")
def described(dataset, tmp_path_factory):
    out = shutil.copytree(dataset, tmp_path_factory.mktemp("croissant") / "out")
    return out, json.loads(describe(out).read_text())


def test_mlcroissant_validates_it_without_errors_or_warnings(described, caplog):
    out, _ = described
    with caplog.at_level(logging.WARNING):
        loaded = mlcroissant.Dataset(out / "croissant.json")
    issues = loaded.metadata.ctx.issues
    assert (issues.errors, issues.warnings) == (set(), set())
    assert [record.getMessage() for record in caplog.records] == []
    assert loaded.metadata.ctx.is_v1_1()


def plain(value):
    """A value of mlcroissant, whose texts are bytes and whose keys are whole ids, as a row has it."""
    if isinstance(value, dict):
        return {key.rpartition("/")[2]: plain(of) for key, of in value.items()}
    if isinstance(value, list):
        return [plain(of) for of in value]
    return value.decode() if isinstance(value, bytes) else value


def test_mlcroissant_loads_the_rows_of_every_split(described, rows):
    out, told = described
    loaded = mlcroissant.Dataset(out / "croissant.json")
    ids = [record_set["@id"] for record_set in told["recordSet"]]
    assert Counter(f"{row['source']}/{row['split']}" for row in rows).keys() == set(ids)
    by_id = {row["id"]: row for row in rows}
    seen = []
    for name in ids:
        for record in loaded.records(name):
            read = plain(record)
            picture = read.pop("image")
            row = {key: value for key, value in by_id[read["id"]].items() if key != "image"}
            assert read == row
            assert picture.size == (row["width"], row["height"])
            seen.append(read["id"])
    assert sorted(seen) == sorted(by_id)


def test_every_shard_is_named_with_its_size_and_hash(described):
    out, told = described
    files = {of["contentUrl"]: of for of in told["distribution"] if of["@type"] == "cr:FileObject"}
    assert set(files) == {path.relative_to(out).as_posix() for path in out.glob("data/*/*.parquet")}
    for name, of in files.items():
        content = (out / name).read_bytes()
        assert of["sha256"] == hashlib.sha256(content).hexdigest()
        assert of["contentSize"] == f"{len(content)} B"


def test_each_file_set_names_its_own_shards_and_the_licence_of_its_source(described):
    out, told = described
    sets = [of for of in told["distribution"] if of["@type"] == "cr:FileSet"]
    named = []
    for of in sets:
        _, source, split = of["@id"].split("/")
        found = [path for pattern in of["includes"] for path in out.glob(pattern)]
        assert found
        assert {
            row["split"] for path in found for row in pq.read_table(path, columns=["split"]).to_pylist()
        } == {split}
        licence = json.loads((out / "settings" / f"{source}.json").read_text())["manifest"]["licence"]
        assert of["license"]["name"] == licence["name"]
        assert of["license"]["url"] == licence["url"]
        named += found
    assert sorted(named) == sorted(out.glob("data/*/*.parquet"))


def test_licences_citations_and_version_of_all_sources_are_there(described, dataset):
    _, told = described
    manifests = [json.loads(path.read_text())["manifest"] for path in dataset.glob("settings/*.json")]
    assert {of["url"] for of in told["license"]} == {manifest["licence"]["url"] for manifest in manifests}
    assert all(manifest["citation"].strip() in told["citeAs"] for manifest in manifests)
    assert told["version"] == "0.1.0"
    assert told["conformsTo"][0] == "http://mlcommons.org/croissant/1.1"


def test_what_was_left_out_is_told_as_a_limitation(described, dataset):
    _, told = described
    for path in dataset.glob("ledger/*/summary.json"):
        summary = json.loads(path.read_text())
        for reason, count in summary["objects"]["dropped"].items():
            assert any(f"{count:,} {reason}" in line for line in told["rai:dataLimitations"])
    assert told["rai:dataCollection"]


def test_it_is_written_again_only_when_something_changed(out):
    path = describe(out)
    before = path.stat().st_mtime_ns
    assert describe(out).stat().st_mtime_ns == before
    describe(out, url="https://example.org/marks")
    assert json.loads(path.read_text())["url"] == "https://example.org/marks"


def test_planned_rows_are_no_records(described):
    assert "planned/" not in json.dumps(described[1])


def test_a_shard_that_is_gone_is_told(out):
    shard = sorted(out.glob("data/UAVid/*.parquet"))[0]
    shard.unlink()
    with pytest.raises((RsvpError, FileNotFoundError), match=shard.name):
        describe(out)
