"""What every source has to keep to: its miniature release comes out as it was written, and only that."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from rsvp_builder.build import build
from rsvp_builder.dataset.layout import Folder
from rsvp_builder.dataset.planned import planned_rows
from rsvp_builder.dataset.validate import validate
from rsvp_builder.demo import WRITERS
from rsvp_builder.engine.layers import is_planned
from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import survey
from rsvp_builder.ledger import BY_DESIGN, Reason
from rsvp_builder.prose import cited
from rsvp_builder.settings import Settings
from rsvp_builder.tasks import task

from .conftest import GENERAL, SOURCES, asking, read_by

WHOLE = Settings(tile=0, captions="all")
CLASSIFICATION = ("referring_classification_box", "referring_classification_point", "scene_classification")

each = pytest.mark.parametrize("source", GENERAL)
every = pytest.mark.parametrize("source", SOURCES)


def built(source, release, out, settings=WHOLE, **options):
    return build(source, Path(release.root), out, settings, workers=1, **options)


def labels_of(manifest, things):
    """Labels that classification tasks have to give."""
    return Counter(manifest.classes[thing.token] for thing in things if thing.token is not None)


def rounded(values):
    return None if values is None else tuple(round(float(v), 3) for v in values)


def clipped(box, width, height):
    x1, y1, x2, y2 = box
    return max(x1, 0), max(y1, 0), min(x2, width), min(y2, height)


def test_there_is_a_release_for_every_shipped_source(manifests):
    assert set(WRITERS) == set(manifests)


@pytest.mark.parametrize("source", asking("referring_classification_box"))
def test_every_box_comes_out_where_it_was_drawn(source, releases, manifests, tmp_path, read_rows):
    release, manifest = releases(source), manifests[source]
    built(source, release, tmp_path, WHOLE.model_copy(update={"tasks": ("referring_classification_box",)}))
    found, sizes = {}, {}
    for row in read_rows(tmp_path):
        sizes[row["image_id"]] = row["width"], row["height"]
        marks = found.setdefault(row["image_id"], Counter())
        # A box that its quad reaches over is cut by the quad, so only whole ones are compared exactly.
        marks.update(
            (m["label"], "clipped" in m["flags"] or rounded(m["xyxy"]), rounded(m["quad"]))
            for m in row["marks"]
        )
    expected = {}
    for image_id, things in release.images.items():
        boxes = [t for t in things if t.box is not None and t.token is not None]
        if not boxes:
            continue
        width, height = sizes[image_id]
        expected[image_id] = Counter(
            (
                manifest.classes[t.token],
                (rounded(t.box) == rounded(clipped(t.box, width, height)) and rounded(t.box)) or True,
                rounded(t.quad),
            )
            for t in boxes
        )
    assert found == expected


@pytest.mark.parametrize("source", sorted(set(asking(*CLASSIFICATION)) - set(read_by("label_map"))))
def test_every_label_comes_out_as_often_as_it_was_written(source, releases, manifests, tmp_path, read_rows):
    release, manifest = releases(source), manifests[source]
    asked = [name for name in manifest.tasks if name in CLASSIFICATION]
    for name in asked:
        out = tmp_path / name
        built(source, release, out, WHOLE.model_copy(update={"tasks": (name,), "samples_per_image": 1}))
        found = {}
        for row in read_rows(out):
            found.setdefault(row["image_id"], Counter()).update(mark["label"] for mark in row["marks"])
        whole = task(name).needs == "whole"
        expected = {
            image_id: labels_of(manifest, [t for t in things if (t.box is None and t.mask is None) == whole])
            for image_id, things in release.images.items()
        }
        assert found == {image_id: labels for image_id, labels in expected.items() if labels}


@pytest.mark.parametrize("source", asking("image_caption", "region_caption"))
def test_every_text_comes_out_word_for_word(source, releases, manifests, tmp_path, read_rows):
    release, manifest = releases(source), manifests[source]
    asked = [name for name in manifest.tasks if name in ("image_caption", "region_caption")]
    texts = {i: [t for t in things if t.text is not None] for i, things in release.images.items()}
    [name] = asked
    built(source, release, tmp_path, WHOLE.model_copy(update={"tasks": (name,)}))
    found = {}
    for row in read_rows(tmp_path):
        assert row["provenance"] == "human"
        for mark, line in zip(row["marks"], row["messages"][1]["content"].split("\n"), strict=True):
            assert line == f"<Region {mark['index']}>: {mark['caption']}"
            found.setdefault(row["image_id"], Counter())[mark["caption"]] += 1
    assert found == {i: Counter(t.text for t in things) for i, things in texts.items() if things}


@pytest.mark.parametrize("source", asking("referring_classification_point"))
def test_every_point_lies_in_what_it_names(source, releases, manifests, tmp_path, read_rows):
    release, manifest = releases(source), manifests[source]
    built(source, release, tmp_path, Settings(tile=0, tasks=("referring_classification_point",)))
    points = 0
    for row in read_rows(tmp_path):
        assert row["granularity"] == "point"
        for mark in row["marks"]:
            points += 1
            x, y = mark["xy"]
            assert mark["kind"] == "point"
            if row["image_id"] in release.maps:
                truth = release.maps[row["image_id"]]
                number = truth.numbers[int(y), int(x)]
                assert number >= 0, f"{row['image_id']} {x} {y} is not labelled"
                assert manifest.classes[truth.tokens[number]] == mark["label"]
            else:
                things = [
                    t for t in release.images[row["image_id"]] if manifest.classes[t.token] == mark["label"]
                ]
                assert any(holds(t, x, y) for t in things), (
                    f"{row['image_id']}: no {mark['label']} at {x} {y}"
                )
    assert points


def holds(thing, x, y):
    if thing.mask is not None:
        return bool(thing.mask[int(y), int(x)])
    x1, y1, x2, y2 = thing.box
    return x1 <= x <= x2 and y1 <= y <= y2


@pytest.mark.parametrize("source", read_by("label_map"))
def test_every_labelled_patch_gives_a_point(source, releases, tmp_path, read_rows):
    release = releases(source)
    summary = built(source, release, tmp_path, Settings(tile=0, patch=32)).summary
    patches = labelled = 0
    for truth in release.maps.values():
        height, width = truth.numbers.shape
        for y in range(0, height, 32):
            for x in range(0, width, 32):
                patches += 1
                labelled += bool((truth.numbers[y : y + 32, x : x + 32] >= 0).any())
    assert summary["objects"]["seen"] == patches
    assert summary["objects"]["written"] == summary["marks"]["written"] == labelled


@pytest.mark.parametrize("source", read_by("geochat"))
def test_prose_cites_every_mark_of_its_row(source, releases, tmp_path, read_rows):
    release = releases(source)
    built(source, release, tmp_path)
    rows = {row["image_id"]: row for row in read_rows(tmp_path)}
    assert {image_id: row["messages"][1]["content"] for image_id, row in rows.items()} == release.prose
    for row in rows.values():
        assert set(cited(row["messages"][1]["content"])) == {mark["index"] for mark in row["marks"]}


@every
def test_a_build_by_default_is_valid_balanced_and_has_its_terms(
    source, releases, manifests, tmp_path, read_rows
):
    manifest = manifests[source]
    summary = built(source, releases(source), tmp_path, Settings()).summary
    report = validate(tmp_path, decode=True)
    assert report.problems == []
    assert summary["rows"]["written"] > 0
    for row in read_rows(tmp_path):
        assert row["license"] == manifest.licence.name
        assert row["source_version"] == manifest.version
        assert row["domain"] == manifest.domain
        assert row["task"] in manifest.tasks
        assert len(row["marks"]) <= 20
    for name in manifest.tasks:
        assert summary["tasks"][name] > 0, f"{name} has no rows"


@every
def test_planned_rows_lie_apart_with_their_pictures(source, releases, manifests, tmp_path):
    manifest = manifests[source]
    planned = [name for name in manifest.tasks if is_planned(task(name), manifest)]
    summary = built(source, releases(source), tmp_path, Settings()).summary
    rows = list(planned_rows(Folder(tmp_path), source))
    assert len(rows) == summary["planned"]["rows"] == sum(summary["tasks"][name] for name in planned)
    for row, picture in rows:
        assert [turn["role"] for turn in row["messages"]] == ["user"]
        assert row["provenance"] == "planned"
        assert picture is not None
    assert bool(rows) == bool(planned)


@each
def test_each_defect_costs_itself_alone_and_is_named(source, releases, tmp_path):
    sound, spoiled = releases(source), releases(source, with_defects=True)
    assert spoiled.defects, "a writer plants defects"
    built(source, spoiled, tmp_path, WHOLE)
    drops = pq.read_table(tmp_path / "ledger" / source / "drops.parquet").to_pylist()
    for defect in spoiled.defects:
        assert any(
            drop["file"] == defect.file
            and (defect.line is None or drop["line"] == defect.line)
            and drop["reason"] == defect.reason.value
            and defect.value in drop["value"]
            for drop in drops
        ), f"not in the ledger: {defect}; of this file: {[d for d in drops if d['file'] == defect.file]}"
        assert all(drop["expected"] for drop in drops if drop["file"] == defect.file)
    planted = {(defect.file, defect.reason.value) for defect in spoiled.defects}
    own = {drop["reason"] for drop in ledger_of(source, sound, tmp_path / "sound")}
    for drop in drops:
        known = (drop["file"], drop["reason"]) in planted or drop["expected"] == "its image"
        assert known or drop["reason"] in own or Reason(drop["reason"]) in BY_DESIGN, drop
    assert validate(tmp_path).problems == []


def ledger_of(source, release, out):
    built(source, release, out, WHOLE)
    return pq.read_table(out / "ledger" / source / "drops.parquet").to_pylist()


@each
def test_what_is_sound_in_a_spoiled_release_is_all_there(source, releases, manifests, tmp_path, read_rows):
    spoiled, manifest = releases(source, with_defects=True), manifests[source]
    built(source, spoiled, tmp_path, WHOLE.model_copy(update={"samples_per_image": 1}))
    written = {row["image_id"] for row in read_rows(tmp_path)}
    if spoiled.maps:
        expected = {i for i, truth in spoiled.maps.items() if (truth.numbers >= 0).any()}
    else:
        asked = [task(name) for name in manifest.tasks]
        expected = {
            image_id
            for image_id, things in spoiled.images.items()
            if any(
                thing.text is not None or thing.token is not None
                for thing in things
                if (thing.box is None and thing.mask is None) in {t.needs == "whole" for t in asked}
            )
        }
    assert expected - written == set()


@each
def test_a_sound_release_has_no_defect(source, releases, tmp_path):
    release = releases(source)
    assert release.defects == []
    drops = ledger_of(source, release, tmp_path)
    defects = [d for d in drops if Reason(d["reason"]) not in BY_DESIGN and d["kind"] != "metadata"]
    quirks = [d for d in defects if d["reason"] not in SOUND_QUIRKS.get(source, ())]
    assert quirks == []


SOUND_QUIRKS: dict[str, tuple[str, ...]] = {
    # airplane_111.jpg is in the JSON and in no archive
    "NWPU-Captions": ("image_missing", "empty_text"),
    "RSITMD": ("empty_text",),
    "RSICD": ("empty_text",),
    # boxes beyond the picture and degenerate ones are in the release itself
    "GeoChat": ("malformed_line", "degenerate", "image_missing", "outside_image"),
}
"""Defects that the real release has too, so that its miniature has them as well."""


@every
def test_the_same_bytes_with_one_worker_and_with_two(source, releases, tmp_path, digest, monkeypatch):
    monkeypatch.setattr("rsvp_builder.engine.plan.UNIT_ITEMS", 2)
    release = releases(source)
    for workers in (1, 2):
        build(source, Path(release.root), tmp_path / str(workers), Settings(), workers=workers)
    assert digest(tmp_path / "1") == digest(tmp_path / "2")


@every
def test_a_build_that_was_cut_short_ends_in_the_same_bytes(source, releases, tmp_path, digest, monkeypatch):
    monkeypatch.setattr("rsvp_builder.engine.plan.UNIT_ITEMS", 2)
    root = Path(releases(source).root)
    build(source, root, tmp_path / "whole", Settings(), workers=1)
    build(source, root, tmp_path / "again", Settings(), workers=1)
    folder = Folder(tmp_path / "again")
    markers = sorted(folder.state(source).glob("unit-*.json"))
    for marker in markers[1::2]:
        marker.unlink()
    for shard in folder.shards(source)[::2]:
        shard.unlink()
    for marker in markers[::2]:
        marker.unlink()
    resumed = build(source, root, tmp_path / "again", Settings(), workers=1)
    assert resumed.resumed == 0
    assert digest(tmp_path / "again") == digest(tmp_path / "whole")


@every
@pytest.mark.parametrize("content", ["nothing", "text"])
def test_a_folder_without_the_release_is_a_mistake_with_a_message(source, content, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    if content == "text":
        (root / "readme.txt").write_text("not a release")
    with pytest.raises(RsvpError, match=r"rsvp-build show|no images|found"):
        build(source, root, tmp_path / "out", Settings(), workers=1)


@every
def test_the_release_is_recognised_among_others_by_its_files(source, releases, manifests, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "release").symlink_to(releases(source).root)
    (data / "other").mkdir()
    (data / "other/notes.txt").write_text("something else")
    found = survey(data, list(manifests.values()))
    assert [place.manifest.name for place in found.places] == [source]
    assert [place.root for place in found.places] == [data / "release"]
    assert found.unknown == [data / "other"]


@each
def test_it_is_built_from_one_folder_deeper_too(source, releases, tmp_path, digest):
    root = Path(releases(source).root)
    (tmp_path / "outer").mkdir()
    (tmp_path / "outer" / "inner").symlink_to(root)
    deep = build(source, tmp_path / "outer", tmp_path / "deep", Settings(), workers=1).summary
    flat = build(source, root, tmp_path / "flat", Settings(), workers=1).summary
    assert deep == flat


def test_all_sources_together_are_told_apart(releases, manifests, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    for source in SOURCES:
        (data / f"release-of-{SOURCES.index(source)}").symlink_to(releases(source).root)
    found = {place.root.name: place.manifest.name for place in survey(data, list(manifests.values())).places}
    for number, source in enumerate(SOURCES):
        if source.startswith("DOTA"):
            continue  # one version of a family is found at a time
        assert found.get(f"release-of-{number}") == source


def test_points_of_one_image_do_not_depend_on_the_tiling(releases, tmp_path, read_rows):
    release = releases("Potsdam")
    found = []
    for tile in (0, 96):
        out = tmp_path / str(tile)
        built("Potsdam", release, out, Settings(tile=tile, overlap=0))
        points = set()
        for row in read_rows(out):
            dx, dy = (row["window"] or [0, 0])[:2]
            points |= {(row["image_id"], m["xy"][0] + dx, m["xy"][1] + dy, m["label"]) for m in row["marks"]}
        found.append(points)
    assert found[0] == found[1]
    assert np.isfinite([xy for point in found[0] for xy in point[1:3]]).all()
