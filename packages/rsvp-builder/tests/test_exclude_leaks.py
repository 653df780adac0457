"""From an audit to a build without what leaks into an evaluation split."""

from __future__ import annotations

import json
import subprocess
import sys

import pyarrow.parquet as pq
import pytest

from rsvp_builder.demo import write


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """DIOR-RSVG has splits of expressions, so that one picture lies in several."""
    return write("DIOR-RSVG", tmp_path_factory.mktemp("raw"))


def run(*arguments, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "rsvp_builder", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stderr
    return done


def test_training_images_that_lie_in_the_test_split_too_are_left_out_and_counted(release, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    build = ("--source", "DIOR-RSVG", "--root", release.root, "--quiet", "--json")
    before = json.loads(run(*build, "--out", first).stdout)
    found = json.loads(run("audit", first, "--json", "--no-crops").stdout)
    leaks = first / "leaks.parquet"
    assert leaks.is_file()
    assert found
    after = json.loads(
        run(*build, "--out", second, "--exclude-leaks", leaks, "--evaluation", "DIOR-RSVG/test").stdout
    )
    stems = {
        split: {i.partition("/")[2] for i in release.images if i.startswith(split)}
        for split in ("train", "val", "test")
    }
    shared = (stems["train"] & stems["test"]), (stems["val"] & stems["test"])
    assert shared[0], "the miniature release has such a picture"
    left_out = after["images"]["dropped"]["leaks_into_evaluation"]
    assert left_out == sum(map(len, shared))
    assert after["images"]["seen"] == before["images"]["seen"]
    assert after["splits"]["test"] == before["splits"]["test"]
    rows = pq.read_table(second / "data", columns=["image_id", "split"]).to_pylist()
    in_test = {row["image_id"].partition("/")[2] for row in rows if row["split"] == "test"}
    assert not {r["image_id"].partition("/")[2] for r in rows if r["split"] != "test"} & in_test
    drops = pq.read_table(second / "ledger/DIOR-RSVG/drops.parquet").to_pylist()
    assert {d["image_id"] for d in drops if d["reason"] == "leaks_into_evaluation"} == {
        f"{split}/{stem}" for split, own in zip(["train", "val"], shared, strict=True) for stem in own
    }


def test_evaluation_splits_without_an_audit_are_a_mistake(release, tmp_path):
    build = ("--source", "DIOR-RSVG", "--root", release.root, "--out", tmp_path / "x")
    done = run(*build, "--evaluation", "AID", code=2)
    assert "--exclude-leaks" in done.stderr
