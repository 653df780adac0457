"""Audits of real pictures: every turned and re-encoded copy is found, and no two strange pictures match."""

from __future__ import annotations

import pytest
from PIL import Image

from rsvp_builder.audit import PairKind, run_audit

LIKE = [
    # Pictures of VHR-10 that show the same ground in fact: seen by eye, they overlap.
    {"005", "064"},
    {"013", "043"},
    {"003", "062"},
    {"009", "068"},
]


@pytest.fixture(scope="module")
def real(samples):
    paths = {
        "AID": sorted(samples.glob("AID/**/*.jpg")),
        "VHR-10": sorted(samples.glob("nwpu_vhr10/**/*.jpg")),
        "RESISC45": sorted(samples.glob("RESISC45/**/*.jpg")),
        "GeoChat": sorted(samples.glob("GeoChat/**/*.jpg")) + sorted(samples.glob("GeoChat/**/*.png")),
        "DIOR": sorted(samples.glob("DIOR/**/*.jpg")),
    }
    assert len(paths["AID"]) == 120 and len(paths["VHR-10"]) == 80 and len(paths["RESISC45"]) == 4
    return {
        source: {path.stem: Image.open(path).convert("RGB") for path in of} for source, of in paths.items()
    }


def pairs_of(audit):
    return [(pair, audit.pictures[pair.first], audit.pictures[pair.second]) for pair in audit.pairs]


def test_real_pictures_are_not_alike(real, tmp_path, encode, make_row, write_data_set):
    rows = [
        make_row(f"{source}/train", f"train/{name}", encode(image, compress_level=1), image.size)
        for source, pictures in real.items()
        for name, image in pictures.items()
    ]
    audit = run_audit([write_data_set(tmp_path, rows)], within=True)
    strange = [
        (pair.kind.value, first.image_id, second.image_id)
        for pair, first, second in pairs_of(audit)
        if {first.image_id[-3:], second.image_id[-3:]} not in LIKE
    ]
    assert strange == []
    assert len(audit.pictures) >= 205


def test_turned_jpegs_of_real_pictures_are_found(real, tmp_path, encode, make_row, write_data_set):
    rows, expected = [], set()
    for source in ("AID", "RESISC45", "VHR-10"):
        for name, image in real[source].items():
            small = image.copy()
            small.thumbnail((400, 400))
            rows.append(make_row(f"{source}/train", name, encode(small, compress_level=1), small.size))
            for turn in (None, *Image.Transpose):
                copy = small if turn is None else small.transpose(turn)
                label = "identity" if turn is None else turn.name.lower()
                data = encode(copy, "JPEG", quality=75)
                rows.append(make_row(f"{source}-copy/test", f"{label}/{name}", data, copy.size))
                expected.add((source, name, label))
    found = set()
    for pair, first, second in pairs_of(run_audit([write_data_set(tmp_path, rows)], crops=False)):
        assert (first.split, second.split) in {("train", "test"), ("test", "train")}
        original, copy = (first, second) if first.split == "train" else (second, first)
        label, _, name = copy.image_id.partition("/")
        assert original.image_id == name, f"strange pictures matched: {original.image_id} and {name}"
        transform = pair.transform if original is first else pair.transform.inverse
        assert (transform.label, pair.kind in (PairKind.NEAR, PairKind.PIXELS)) == (label, True)
        found.add((original.source, name, label))
    assert found == expected
    assert len(found) == 8 * 204
