"""Whole audits: every way in which a picture may leak is found, and nothing else."""

from __future__ import annotations

import io
import json
from collections import defaultdict

import numpy as np
import pytest
from PIL import Image

from rsvp_builder.audit import PairKind, run_audit
from rsvp_builder.demo.drawing import GROUND, Scene

TURNS = [turn.name for turn in Image.Transpose]


def jpeg(encode, image, quality=75):
    return encode(image, "JPEG", quality=quality)


def cropped(image, side, x, y):
    """A square of ``side`` times the picture's, ``x`` and ``y`` of the way from one end to the other."""
    size = round(side * image.width)
    left, top = (round(share * (image.width - size)) for share in (x, y))
    return image.crop((left, top, left + size, top + size))


@pytest.fixture(scope="module")
def copies(scenes, encode):
    """Ways to copy a picture, by name; each is a split of the audited data set."""
    ways = {
        "bytes": lambda i: encode(i),
        "pixels": lambda i: encode(i, compress_level=1, optimize=False),
        "grey": lambda i: jpeg(encode, i.convert("L"), 90),
        "bright": lambda i: jpeg(encode, i.point([min(255, int(v * 1.15 + 8)) for v in range(256)] * 3)),
        "dark": lambda i: jpeg(encode, i.point([int(v * 0.6) for v in range(256)] * 3)),
        "half": lambda i: jpeg(encode, i.resize((160, 160), Image.Resampling.LANCZOS)),
        "large": lambda i: jpeg(encode, i.resize((700, 700), Image.Resampling.BICUBIC), 60),
    }
    ways |= {f"q{q}": lambda i, q=q: jpeg(encode, i, q) for q in (60, 75, 85, 95)}
    ways |= {turn: lambda i, turn=turn: jpeg(encode, i.transpose(Image.Transpose[turn])) for turn in TURNS}
    for side in (0.9, 0.75, 0.5):
        for name, x, y in (("centre", 0.5, 0.5), ("corner", 1, 0), ("off", 0.37, 0.81)):
            ways[f"crop{side}{name}"] = lambda i, s=side, x=x, y=y: jpeg(encode, cropped(i, s, x, y))
    ways["crop-turned"] = lambda i: jpeg(
        encode, cropped(i, 0.7, 0.2, 0.6).transpose(Image.Transpose.ROTATE_90)
    )
    return {way: {name: copy(image) for name, image in scenes.items()} for way, copy in ways.items()}


@pytest.fixture(scope="module")
def found(tmp_path_factory, scenes, copies, encode, make_row, write_data_set):
    """Pairs of an audit of all copies with the originals, by way of copying."""
    root = tmp_path_factory.mktemp("match")
    ours = [make_row("Ours/train", f"train/{name}", encode(image)) for name, image in scenes.items()]
    theirs = [
        make_row("Theirs/test", f"{way}/{name}", data, Image.open(io.BytesIO(data)).size)
        for way, of_way in copies.items()
        for name, data in of_way.items()
    ]
    outs = [write_data_set(root / "ours", ours), write_data_set(root / "theirs", theirs)]
    audit = run_audit(outs)
    by_way = defaultdict(list)
    for pair in audit.pairs:
        sides = [audit.pictures[pair.first], audit.pictures[pair.second]]
        assert {side.source for side in sides} == {"Ours", "Theirs"}
        [ours_name] = [p.image_id.split("/")[1] for p in sides if p.source == "Ours"]
        [way, name] = next(p.image_id.split("/") for p in sides if p.source == "Theirs")
        by_way[way].append((ours_name, name, pair, sides[0].source))
    assert not audit.problems
    return by_way


def test_no_picture_is_paired_with_a_strange_one(found):
    assert [(way, *p[:2]) for way, pairs in found.items() for p in pairs if p[0] != p[1]] == []


@pytest.mark.parametrize(
    ("way", "kind"),
    [("bytes", "bytes"), ("pixels", "pixels")]
    + [(f"q{q}", "near") for q in (60, 75, 85, 95)]
    + [(way, "near") for way in ("grey", "bright", "dark", "half", "large")],
)
def test_copies_are_found_and_named_for_what_they_are(found, scenes, way, kind):
    assert {p[0] for p in found[way]} == set(scenes)
    assert {p[2].kind for p in found[way]} == {PairKind(kind)}
    assert {p[2].transform.label for p in found[way]} == {"identity"}


@pytest.mark.parametrize("turn", TURNS)
def test_every_orientation_is_found_and_told(found, scenes, turn):
    assert {p[0] for p in found[turn]} == set(scenes)
    for _, _, pair, first in found[turn]:
        told = pair.transform if first == "Ours" else pair.transform.inverse
        assert (pair.kind, told.name) == (PairKind.NEAR, turn)


@pytest.mark.parametrize("side", [0.9, 0.75, 0.5])
@pytest.mark.parametrize("where", ["centre", "corner", "off"])
def test_most_crops_are_found_with_their_place(found, scenes, side, where):
    pairs = found[f"crop{side}{where}"]
    x, y = {"centre": (0.5, 0.5), "corner": (1, 0), "off": (0.37, 0.81)}[where]
    least = len(scenes) - (2 if side > 0.5 else 3)
    assert len({p[0] for p in pairs}) >= least
    size = round(side * 320)
    left, top = (round(share * (320 - size)) for share in (x, y))
    for _, _, pair, first in pairs:
        assert (pair.kind, first) == (PairKind.CROP, "Ours")
        assert np.allclose(pair.part, (left, top, left + size, top + size), atol=6)


def test_turned_crops_are_found(found, scenes):
    assert len({p[0] for p in found["crop-turned"]}) >= len(scenes) - 2
    assert {p[2].transform.label for p in found["crop-turned"]} == {"rotate_90"}


def audit_of(tmp_path, write_data_set, rows, **options):
    return run_audit([write_data_set(tmp_path / "out", rows)], **options)


def kinds(audit):
    return sorted(
        (pair.kind.value, audit.pictures[pair.first].image_id, audit.pictures[pair.second].image_id)
        for pair in audit.pairs
    )


def test_textures_are_not_alike(tmp_path, encode, make_row, write_data_set):
    """Sand, water, grass: nothing in them but grain."""
    rows = []
    for number in range(60):
        ground = list(GROUND)[number % len(GROUND)]
        image = Scene((256, 256), 0.3, np.random.default_rng(number), ground).picture()
        where = "S/train" if number < 30 else "S/test"
        rows.append(make_row(where, f"{where[2:]}/{number}", jpeg(encode, image, 85), (256, 256)))
    assert kinds(audit_of(tmp_path, write_data_set, rows)) == []


def test_slopes_and_flat_pictures_are_not_alike(tmp_path, encode, make_row, write_data_set):
    rows, ramp = [], np.linspace(0, 60, 256)
    for number in range(24):
        rng = np.random.default_rng(number)
        slope = 90 + ramp[None, :] * rng.uniform(0.5, 1) + ramp[:, None] * rng.uniform(0.5, 1)
        pixels = slope + rng.normal(0, 3, (256, 256))
        flat = np.full((256, 256), 40 + number)
        for kind, values in (("slope", pixels), ("flat", flat)):
            where = "S/train" if number % 2 else "S/test"
            data = encode(Image.fromarray(values.clip(0, 255).astype(np.uint8)))
            rows.append(make_row(where, f"{where[2:]}/{kind}{number}", data, (256, 256)))
    audit = audit_of(tmp_path, write_data_set, sorted(rows, key=lambda row: row["split"]))
    assert kinds(audit) == []
    assert audit.plain >= 24


def test_a_black_border_in_common_makes_no_pair(tmp_path, scenes, encode, make_row, write_data_set):
    rows = []
    for number, image in enumerate(scenes.values()):
        masked = image.copy()
        masked.paste((0, 0, 0), (0, 0, 150, 320))
        where = "S/train" if number % 2 else "S/test"
        rows.append(make_row(where, f"{where[2:]}/{number}", jpeg(encode, masked, 90)))
    assert kinds(audit_of(tmp_path, write_data_set, sorted(rows, key=lambda row: row["split"]))) == []


def test_one_raw_image_under_two_splits_is_a_pair(tmp_path, scenes, encode, make_row, write_data_set):
    data = encode(scenes["port"])
    rows = [make_row("DIOR-RSVG/test", "test/00001", data), make_row("DIOR-RSVG/train", "train/00001", data)]
    assert kinds(audit_of(tmp_path, write_data_set, rows)) == [("bytes", "test/00001", "train/00001")]


def test_one_split_is_compared_with_itself_only_when_asked(
    tmp_path, scenes, encode, make_row, write_data_set
):
    tile = encode(scenes["port"])
    rows = [
        make_row("S/train", "train/a", tile, window=[0, 0, 320, 320]),
        make_row("S/train", "train/a", tile, window=[320, 0, 640, 320]),
        make_row("S/train", "train/b", jpeg(encode, scenes["port"])),
        make_row("S/train", "train/c", encode(scenes["town"])),
    ]
    assert kinds(audit_of(tmp_path, write_data_set, rows)) == []
    again = audit_of(tmp_path, write_data_set, rows, within=True)
    assert kinds(again) == [("near", "train/a", "train/b")] * 2


def test_damaged_pictures_are_told_and_still_compared_by_bytes(
    tmp_path, scenes, encode, make_row, write_data_set
):
    broken = encode(scenes["port"])[:5000]
    rows = [
        make_row("S/test", "test/gone", tmp_path / "gone.png"),
        make_row("S/test", "test/x", broken),
        make_row("S/train", "train/gone", tmp_path / "lost.png"),
        make_row("S/train", "train/ok", encode(scenes["port"])),
        make_row("S/train", "train/x", broken),
    ]
    audit = audit_of(tmp_path, write_data_set, rows)
    assert kinds(audit) == [("bytes", "test/x", "train/x")]
    told = {picture.image_id: problem for picture, problem in audit.problems}
    assert set(told) == {"test/gone", "test/x", "train/gone", "train/x"}
    assert told["test/gone"].startswith("cannot be read") and told["test/x"].startswith("cannot be decoded")


def test_referenced_pictures_are_read_from_their_path(tmp_path, scenes, encode, make_row, write_data_set):
    raw = tmp_path / "raw.png"
    raw.write_bytes(encode(scenes["port"]))
    rows = [
        make_row("A/train", "train/a", raw),
        make_row("B/test", "test/a", jpeg(encode, scenes["port"].rotate(90))),
    ]
    assert kinds(audit_of(tmp_path, write_data_set, rows)) == [("near", "train/a", "test/a")]


def test_twins_by_annotation_alone(tmp_path, scenes, encode, make_row, write_data_set):
    three = [("ship", 10, 20, 60, 50), ("plane", 100, 90, 140, 160), ("ship", 200, 200, 230, 260)]
    mirrored = [(label, 320 - x2, y1, 320 - x1 + 1, y2) for label, x1, y1, x2, y2 in three]
    broken = b"not a picture"
    rows = [
        make_row("A/train", "train/three", encode(scenes["port"]), boxes=three),
        make_row("A/train", "train/one", encode(scenes["river"]), boxes=three[:1]),
        make_row("A/train", "train/lost", broken, boxes=three[:2]),
        make_row("B/test", "test/three", encode(scenes["town"]), boxes=mirrored),
        make_row("B/test", "test/one", encode(scenes["sports"]), boxes=mirrored[:1]),
        make_row("B/test", "test/lost", broken + b"!", boxes=mirrored[:2]),
    ]
    audit = audit_of(tmp_path, write_data_set, rows)
    assert kinds(audit) == [("twin", "train/lost", "test/lost"), ("twin", "train/three", "test/three")]
    assert {pair.transform.label for pair in audit.pairs} == {"flip_left_right"}
    assert {pair.distance for pair in audit.pairs} == {1.0}
    assert audit.contradicted == 1  # two strange pictures, one box each in the same place


def test_the_surest_kind_is_told_once(tmp_path, scenes, encode, make_row, write_data_set):
    boxes = [("ship", 10, 20, 60, 50)]
    data = encode(scenes["port"])
    rows = [
        make_row("A/train", "train/a", data, boxes=boxes),
        make_row("B/test", "test/a", data, boxes=boxes),
        make_row("B/test", "test/b", jpeg(encode, scenes["port"]), boxes=boxes),
    ]
    audit = audit_of(tmp_path, write_data_set, rows)
    assert kinds(audit) == [("bytes", "train/a", "test/a"), ("near", "train/a", "test/b")]


def test_shared_provenance_needs_no_common_picture(tmp_path, scenes, encode, make_row, write_data_set):
    rows = [
        make_row("iSAID/train", "train/a", encode(scenes["port"])),
        make_row("SAMRS-SOTA/train", "train/a", encode(scenes["town"])),
    ]
    manifests = {"iSAID": {"built_on": ["DOTA"]}, "SAMRS-SOTA": {"built_on": ["DOTA"]}}
    audit = run_audit([write_data_set(tmp_path, rows, manifests=manifests)])
    assert audit.pairs == []
    assert [(s.one, s.other, s.through) for s in audit.shared] == [("SAMRS-SOTA", "iSAID", ("DOTA",))]


def test_nothing_to_compare(tmp_path, write_data_set):
    audit = run_audit([write_data_set(tmp_path, [], sources=["S"])])
    assert (audit.pictures, audit.pairs, audit.problems) == ([], [], [])
    assert json.loads((tmp_path / "dataset.json").read_text())


def test_crops_can_be_left_out(tmp_path, scenes, encode, make_row, write_data_set):
    rows = [
        make_row("A/train", "train/a", encode(scenes["port"])),
        make_row("B/test", "test/a", jpeg(encode, cropped(scenes["port"], 0.7, 0.5, 0.5))),
    ]
    assert kinds(audit_of(tmp_path, write_data_set, rows)) == [("crop", "train/a", "test/a")]
    assert kinds(audit_of(tmp_path, write_data_set, rows, crops=False)) == []
