"""Tar shards: every row once with its picture as it is, the same bytes every time, read by others."""

from __future__ import annotations

import gc
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from itertools import groupby, pairwise

import datasets
import pytest
import webdataset
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.errors import RsvpError
from rsvp_builder.export.shards import Chosen
from rsvp_builder.export.tar import TarWriter, entry_size
from rsvp_builder.export.webdataset import export_webdataset

LIMIT = 300_000

their_open_files = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(scope="module")
def tars(dataset, tmp_path_factory):
    to = tmp_path_factory.mktemp("webdataset") / "tars"
    export_webdataset(dataset, to, shard_bytes=LIMIT)
    return to


def samples(to):
    """Samples by the tar module alone: key -> {suffix: bytes}, in order, per tar."""
    read = {}
    for path in sorted(to.glob("*.tar")):
        with tarfile.open(path) as tar:
            files = [(m.name, tar.extractfile(m).read()) for m in tar.getmembers()]
        read[path.name] = [
            (key, {name.partition(".")[2]: data for name, data in of})
            for key, of in groupby(files, key=lambda file: file[0].partition(".")[0])
        ]
    return read


def test_every_row_is_a_sample_with_its_picture_as_it_is(tars, rows):
    read = [sample for of in samples(tars).values() for sample in of]
    by_id = {row["id"]: row for row in rows}
    assert sorted(key for key, _ in read) == sorted(by_id)
    for key, files in read:
        row = dict(by_id[key])
        picture = row.pop("image")
        assert json.loads(files.pop("json")) == row
        [(kind, data)] = files.items()
        assert data == picture["bytes"]
        assert (kind == "png") == data.startswith(b"\x89PNG")
        assert kind in ("png", "jpg")


def test_rows_of_one_picture_follow_each_other(tars):
    for of_split in ("DOTA-v1.0-train", "UAVid-val"):
        frames = [
            (told["image_id"], told["window"])
            for name, of in samples(tars).items()
            if name.startswith(of_split)
            for _, files in of
            for told in [json.loads(files["json"])]
        ]
        runs = [frame for frame, _ in groupby(frames)]
        assert len(runs) == len({json.dumps(frame) for frame in frames}) > 1
        assert len(runs) < len(frames)


def test_tars_hold_one_split_are_numbered_from_0_and_bounded(tars):
    read = samples(tars)
    by_split = {}
    for name, of in read.items():
        told = {(row["source"], row["split"]) for _, files in of for row in [json.loads(files["json"])]}
        assert len(told) == 1
        by_split.setdefault(told.pop(), []).append(name)
        size = (tars / name).stat().st_size
        assert size <= LIMIT or len(of) == 1
    for (source, split), names in by_split.items():
        assert names == [f"{source}-{split}-{number:06d}.tar" for number in range(len(names))]
    assert max(map(len, by_split.values())) > 3


def test_a_tar_is_as_full_as_the_limit_lets_it(tars):
    read = samples(tars)
    names = [name for name in read if name.startswith("DOTA-v1.0-train")]
    for name, following in pairwise(names):
        _, files = read[following][0]
        more = sum(entry_size(len(data)) for data in files.values())
        assert (tars / name).stat().st_size + more > LIMIT


def test_nothing_in_a_tar_tells_of_time_or_place(tars):
    for path in tars.glob("*.tar"):
        with tarfile.open(path) as tar:
            for member in tar:
                assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")
                assert (member.mode, member.isreg()) == (0o644, True)


def test_the_same_data_set_gives_the_same_bytes(tars, dataset, tmp_path, digest):
    export_webdataset(dataset, tmp_path / "again", shard_bytes=LIMIT)
    assert digest(tmp_path / "again") == digest(tars)


def test_the_index_tells_every_tar_and_the_licences(tars, dataset):
    told = json.loads((tars / "index.json").read_text())
    assert [of["name"] for of in told["shards"]] == sorted(path.name for path in tars.glob("*.tar"))
    for of in told["shards"]:
        content = (tars / of["name"]).read_bytes()
        assert (of["bytes"], of["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert sum(of["rows"] for of in told["shards"]) == sum(map(len, samples(tars).values()))
    assert {name: of["name"] for name, of in told["licences"].items()} == {
        path.stem: json.loads(path.read_text())["manifest"]["licence"]["name"]
        for path in dataset.glob("settings/*.json")
    }


@their_open_files
def test_webdataset_reads_it(tars, rows):
    data = webdataset.WebDataset(sorted(map(str, tars.glob("*.tar"))), shardshuffle=False).decode("pil")
    sizes = {row["id"]: (row["width"], row["height"]) for row in rows}
    read = {}
    for sample in data:
        picture = sample.get("png") or sample["jpg"]
        read[sample["__key__"]] = picture.size
        assert sample["json"]["id"] == sample["__key__"]
    assert read == sizes
    del data, sample
    gc.collect()  # here, where its open files are no failure


@their_open_files
@pytest.mark.parametrize("source", ["DOTA-v1.0", "DIOR-RSVG", "RSITMD", "UAVid"])
def test_datasets_streams_it(tars, rows, source):
    files = {split: str(tars / f"{source}-{split}-*.tar") for split in ("train",)}
    data = datasets.load_dataset("webdataset", data_files=files, split="train", streaming=True)
    expected = {row["id"]: row for row in rows if (row["source"], row["split"]) == (source, "train")}
    read = {}
    for sample in data:
        picture = sample.get("png") or sample["jpg"]
        read[sample["__key__"]] = picture.size
        assert sample["json"]["messages"] == expected[sample["__key__"]]["messages"]
    assert read == {key: (row["width"], row["height"]) for key, row in expected.items()}
    del data, sample
    gc.collect()


@pytest.mark.parametrize("lost", ["the last", "the first", "a note", "half a tar", "the index"])
def test_what_is_missing_is_written_again_in_the_same_bytes(tars, dataset, tmp_path, digest, lost):
    to = shutil.copytree(tars, tmp_path / "tars")
    names = sorted(path.name for path in to.glob("DOTA-v1.0-train-*.tar"))
    match lost:
        case "the last":
            (to / names[-1]).unlink()
        case "the first":
            (to / names[0]).unlink()
        case "a note":
            (to / ".export" / f"{names[1]}.json").unlink()
        case "half a tar":
            (to / names[1]).write_bytes((to / names[1]).read_bytes()[:1000])
        case "the index":
            (to / "index.json").unlink()
            (to / ".half.tar.77.tmp").write_bytes(b"left by a killed run")
    export_webdataset(dataset, to, shard_bytes=LIMIT)
    assert digest(to) == digest(tars)


def test_a_killed_export_goes_on_where_it_was(tars, dataset, tmp_path, digest):
    to = tmp_path / "tars"
    arguments = [sys.executable, "-m", "rsvp_builder", "export", str(dataset), "--format", "webdataset"]
    arguments += ["--out", str(to), "--shard-mb", str(LIMIT / 1e6)]
    with subprocess.Popen(arguments, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while len(list(to.glob("*.tar"))) < 3 and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGKILL)
    before = {path.name: path.stat().st_mtime_ns for path in to.glob("*.tar")}
    noted = {path.name.removesuffix(".json") for path in (to / ".export").glob("*.tar.json")}
    assert len(before) >= 3
    export_webdataset(dataset, to, shard_bytes=LIMIT)
    assert digest(to) == digest(tars)
    kept = {name for name, time_ in before.items() if (to / name).stat().st_mtime_ns == time_}
    assert kept >= before.keys() & noted


def test_rows_are_chosen_by_source_split_and_task(dataset, rows, tmp_path):
    chosen = Chosen(["DIOR-RSVG", "UAVid"], ["train"], ["region_caption"])
    tars = export_webdataset(dataset, tmp_path / "tars", chosen=chosen)
    expected = {
        row["id"]
        for row in rows
        if row["source"] in chosen.sources and row["split"] == "train" and row["task"] == "region_caption"
    }
    read = {key for of in samples(tmp_path / "tars").values() for key, _ in of}
    assert read == expected and expected
    assert sum(tar.rows for tar in tars) == len(expected)


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (Chosen(sources=["Dior"]), "unknown source of .* 'Dior'.*DIOR-RSVG"),
        (Chosen(splits=["tran"]), "unknown split of .* 'tran'. Did you mean train"),
        (Chosen(tasks=["captions"]), "unknown task of .* 'captions'"),
        (Chosen(sources=["RSITMD"], splits=["val"]), "no row is left"),
    ],
)
def test_a_choice_that_is_not_there_is_told(dataset, tmp_path, chosen, words):
    with pytest.raises(RsvpError, match=words):
        export_webdataset(dataset, tmp_path / "tars", chosen=chosen)
    assert not (tmp_path / "tars").exists()


def test_an_export_of_other_rows_is_not_mixed_in(tars, dataset, tmp_path):
    to = shutil.copytree(tars, tmp_path / "tars")
    with pytest.raises(RsvpError, match="holds an export of other rows or with another --shard-mb"):
        export_webdataset(dataset, to, shard_bytes=LIMIT * 2)
    shutil.rmtree(to / ".export")
    with pytest.raises(RsvpError, match="holds tar files of something else"):
        export_webdataset(dataset, to, shard_bytes=LIMIT)


@given(st.lists(st.binary(max_size=1500), max_size=6))
def test_the_tar_module_reads_what_is_written(tmp_path_factory, contents):
    path = tmp_path_factory.mktemp("tar") / "a.tar"
    with TarWriter(path) as tar:
        for number, data in enumerate(contents):
            tar.add(f"{number}.bin", memoryview(data))
        size, told = tar.size, tar.commit()
    assert size == path.stat().st_size
    assert told == hashlib.sha256(path.read_bytes()).hexdigest()
    with tarfile.open(path, format=tarfile.USTAR_FORMAT) as read:
        assert [(m.name, read.extractfile(m).read()) for m in read] == [
            (f"{number}.bin", data) for number, data in enumerate(contents)
        ]


def test_a_tar_that_is_not_committed_is_not_there(tmp_path):
    with pytest.raises(ZeroDivisionError), TarWriter(tmp_path / "a.tar") as tar:
        tar.add("a", b"a")
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
