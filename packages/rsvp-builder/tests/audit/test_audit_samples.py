"""Audits of real pictures: every turned and re-encoded copy is found, and no two strange pictures match."""

from __future__ import annotations

from collections import defaultdict

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


def rows_of(real, where, make, make_row):
    rows = []
    for source, pictures in real.items():
        for name, image in pictures.items():
            data, size = make(image)
            rows.append(make_row(f"{source}{where}", f"{where.split('/')[1]}/{name}", data, size))
    return rows


def test_real_pictures_are_not_alike(real, tmp_path, encode, make_row, write_data_set):
    rows = rows_of(real, "/train", lambda i: (encode(i, compress_level=1), i.size), make_row)
    audit = run_audit([write_data_set(tmp_path, rows)], within=True)
    strange = [
        (pair.kind.value, audit.pictures[pair.first].image_id, audit.pictures[pair.second].image_id)
        for pair in audit.pairs
        if {audit.pictures[side].image_id[-3:] for side in (pair.first, pair.second)} not in LIKE
    ]
    assert strange == []
    assert len(audit.pictures) >= 210


@pytest.mark.parametrize("turn", [None, *Image.Transpose], ids=str)
def test_turned_jpegs_of_real_pictures_are_found(real, turn, tmp_path, encode, make_row, write_data_set):
    def copy(image):
        turned = image if turn is None else image.transpose(turn)
        return encode(turned, "JPEG", quality=75), turned.size

    small = {source: pictures for source, pictures in real.items() if source in ("AID", "RESISC45", "VHR-10")}
    rows = rows_of(small, "/train", lambda i: (encode(i, compress_level=1), i.size), make_row)
    rows += rows_of(small, "-copy/test", copy, make_row)
    audit = run_audit([write_data_set(tmp_path, rows)], crops=False)
    found = defaultdict(set)
    for pair in audit.pairs:
        sides = [audit.pictures[side] for side in (pair.first, pair.second)]
        names = {(p.source.removesuffix("-copy"), p.image_id.split("/")[1]) for p in sides}
        assert len(names) == 1, f"strange pictures matched: {names}"
        assert pair.kind in (PairKind.NEAR, PairKind.PIXELS)
        label = pair.transform.label if sides[1].split == "test" else pair.transform.inverse.label
        found[label].update(names)
    assert found == {
        "identity" if turn is None else turn.name.lower(): {
            (source, name) for source, pictures in small.items() for name in pictures
        }
    }
