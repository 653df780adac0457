"""Writes miniature scene-classification releases: a folder for each class, no annotation file.

Class folders, file names, numbering and their irregularities are those of each release; there are a few
pictures a class instead of hundreds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rsvp_builder.demo.backdrops import backdrop, encoded
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.ledger import Reason
from rsvp_builder.readers.splits import drawn

_SIZE = (72, 72)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_RESISC45 = _words(
    "airplane airport baseball_diamond basketball_court beach bridge chaparral church circular_farmland "
    "cloud commercial_area dense_residential desert forest freeway golf_course ground_track_field harbor "
    "industrial_area intersection island lake meadow medium_residential mobile_home_park mountain "
    "overpass palace parking_lot railway railway_station rectangular_farmland river roundabout runway "
    "sea_ice ship snowberg sparse_residential stadium storage_tank tennis_court terrace "
    "thermal_power_station wetland"
)

_NOT_IN_OPTIMAL = _words(
    "cloud palace railway_station river sea_ice ship snowberg sparse_residential stadium storage_tank "
    "tennis_court terrace thermal_power_station wetland"
)

_AID = _words(
    "Airport BareLand BaseballField Beach Bridge Center Church Commercial DenseResidential Desert Farmland "
    "Forest Industrial Meadow MediumResidential Mountain Park Parking Playground Pond Port RailwayStation "
    "Resort River School SparseResidential Square Stadium StorageTanks Viaduct"
)

_UCM = _words(
    "agricultural airplane baseballdiamond beach buildings chaparral denseresidential forest freeway "
    "golfcourse harbor intersection mediumresidential mobilehomepark overpass parkinglot river runway "
    "sparseresidential storagetanks tenniscourt"
)

_WHU = _words(
    "Airport Beach Bridge Commercial Desert Farmland Forest Industrial Meadow Mountain Park Parking Pond "
    "Port Residential River Viaduct footballField railwayStation"
)

_WHU_CAPITAL = ("Desert", "Farmland", "Mountain", "Park")  # the only file prefixes with a capital
_RSD46 = {
    "Airplane": "Airplane",
    "Bare land": "Bare land",
    "Dense tall building": "Dense tall building",
    "Fish pond": "Fish pond",
    "Lrregular farmland": "Lrregular farmland",
    "Oiltank": "Oiltank",
    "Parking_lot": "Parking lot",
    "Plasticgreenhouse": "Plasticgreenhouse",
    "Sewage plant-type-one": "Sewage plant-type-one",
    "Sparse residential area": "Sparse residential area",
    "Water": "Water",
    # A second spelling that circulates.
    "Aritificial dense forest land": "Artificial dense forest land",
}
"""Folder as it is on disk -> the class it means."""


@dataclass(frozen=True, slots=True)
class _File:
    """A picture: its path in the release, its class, its image id without the split, its split."""

    path: str
    token: str
    name: str
    split: str = "train"


def _resisc45() -> Iterator[_File]:
    for token in _RESISC45:
        for number in (1, 2):
            name = f"{token}_{number:03d}"
            yield _File(f"NWPU-RESISC45/{token}/{name}.jpg", token, name)


def _optimal31() -> Iterator[_File]:
    for token in _RESISC45:
        if token not in _NOT_IN_OPTIMAL:
            for number in (1, 10):  # parentheses, no padding: (10) sorts before (2)
                name = f"{token}({number})"
                yield _File(f"Images/{token}/{name}.jpg", token, name)


def _aid() -> Iterator[_File]:
    for token in _AID:
        names = [f"{token.lower()}_{number}" for number in range(1, 6)]
        test = drawn(names, 0.2)
        for name in names:
            split = "test20_seed0" if name in test else "train"
            yield _File(f"AID/{token}/{name}.jpg", token, name, split)


def _ucm() -> Iterator[_File]:
    for token in _UCM:
        for number in (0, 1):
            name = f"{token}{number:02d}"
            yield _File(f"UCMerced_LandUse/Images/{token}/{name}.tif", token, name, "test")


def _whu_rs19() -> Iterator[_File]:
    for token in _WHU:
        prefix = token if token in _WHU_CAPITAL else token[0].lower() + token[1:]
        joint = "-" if token in ("Beach", "Farmland") else "_"
        numbers = ["01", "02"]
        if token in ("Industrial", "Pond"):
            numbers.append("2")  # beside 02
        for number in numbers:
            name = f"{prefix}{joint}{number}"
            yield _File(f"WHU-RS19/{token}/{name}.jpg", token, name)


def _rsd46() -> Iterator[_File]:
    for part in ("train", "val"):
        for number, (folder, token) in enumerate(_RSD46.items()):
            # Screenshots of one name lie in every class, and in both parts.
            stems = ["ScreenShot00001", f"2016-05-0{1 + number % 9}_101010"]
            if part == "val":
                stems = stems[:1]
            for stem in stems:
                yield _File(f"RSD46-WHU/{part}/{folder}/{stem}.jpg", token, f"{folder}/{stem}", part)


_FILES: dict[str, Callable[[], Iterator[_File]]] = {
    "NWPU-RESISC45": _resisc45,
    "OPTIMAL-31": _optimal31,
    "AID": _aid,
    "UCMerced": _ucm,
    "WHU-RS19": _whu_rs19,
    "RSD46-WHU": _rsd46,
}


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Write one of the releases; see :func:`rsvp_builder.demo.write`."""
    release = Release(root)
    files = list(_FILES[source]())
    for number, file in enumerate(files):
        path = root / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = backdrop(file.token, _SIZE, number, seed)
        if source == "RSD46-WHU" and number % 7 == 3:
            picture = picture.convert("L")  # some of its pictures are grey
        path.write_bytes(encoded(picture, "TIFF" if path.suffix == ".tif" else "JPEG"))
        release.images[f"{file.split}/{file.name}"] = [Thing(file.token)]
    _extras(source, root)
    if with_defects:
        _spoil(source, release, files)
    return release


def _extras(source: str, root: Path) -> None:
    """Files beside the pictures that the release, or whoever repacked it, has."""
    if source == "UCMerced":
        (root / "UCMerced_LandUse/readme.txt").write_text("21 class land use image dataset\n")
    if source == "RSD46-WHU":
        (root / "RSD46-WHU/train/Water/Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0" + b"\0" * 60)
    if source == "AID":
        (root / "AID/.DS_Store").write_bytes(b"\0\0\0\1Bud1")


def _spoil(source: str, release: Release, files: list[_File]) -> None:
    """One of each: cut off, empty, no picture at all, in a folder of no class, an archive."""
    root, first = release.root, PurePosixPath(files[0].path)
    folder, suffix = first.parent, first.suffix
    stem = first.stem

    def add(name: str, content: bytes, reason: Reason, value: str = "") -> None:
        path = root / folder / name
        path.write_bytes(content)
        release.defects.append(Planted(str(folder / name), None, reason, value))

    whole = (root / first).read_bytes()
    cut = whole[: len(whole) // 2] if suffix == ".jpg" else whole[:60]
    add(f"{stem}8{suffix}", cut, Reason.IMAGE_UNREADABLE)
    add(f"{stem}9{suffix}", b"", Reason.IMAGE_UNREADABLE, "an empty file")
    add(f"{stem}7{suffix}", b"<html>not found</html>", Reason.IMAGE_UNREADABLE, "<html>")
    odd = folder.parent / "Volcano" / f"volcano_1{suffix}"
    (root / odd).parent.mkdir()
    (root / odd).write_bytes(whole)
    release.defects.append(Planted(str(odd), None, Reason.UNKNOWN_CLASS, "Volcano"))
    (root / folder / "more.zip").write_bytes(b"PK\x03\x04")
