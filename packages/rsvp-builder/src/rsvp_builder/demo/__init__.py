"""Writers of miniature raw releases with drawn objects, for a first look and for tests.

They are written from the specification of each release, never from the reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from rsvp_builder.errors import UnknownNameError

WRITERS: dict[str, str] = {
    "DOTA-v1.0": "dota",
    "DOTA-v1.5": "dota",
    "DOTA-v2.0": "dota",
    "FAIR1M": "fair1m",
    "HRSC2016": "hrsc",
    "NWPU-VHR-10": "nwpu_vhr10",
    "UCAS-AOD": "ucas_aod",
    "VisDrone": "visdrone",
    "LEVIR": "levir",
    "NWPU-VHR-10-instances": "vhr10",
    "iSAID": "isaid",
    "SAMRS-SOTA": "samrs",
    "SAMRS-SIOR": "samrs",
    "SAMRS-FAST": "samrs",
    "RefCOCO": "refcoco",
    "RefCOCO+": "refcoco",
    "RefCOCOg": "refcoco",
    "RefCOCOg-google": "refcoco",
    "GeoChat": "geochat",
    "NWPU-Captions": "captions",
    "RSITMD": "captions",
    "RSICD": "captions",
    "Sydney-Captions": "captions",
    "UCM-Captions": "captions",
    "COCO-Captions-2014": "captions",
    "COCO-Captions-2017": "captions",
    "Potsdam": "potsdam",
    "Vaihingen": "vaihingen",
    "Hi-UCD": "hi_ucd",
    "Hi-UCD-mini": "hi_ucd",
    "UAVid": "uavid",
    "WHU-Building": "whu_building",
    "WHU-Building-Satellite-I": "whu_building",
    "WHU-Building-Satellite-II": "whu_building",
    "NWPU-RESISC45": "scene_folders",
    "OPTIMAL-31": "scene_folders",
    "RSD46-WHU": "scene_folders",
    "WHU-RS19": "scene_folders",
    "AID": "scene_folders",
    "UCMerced": "scene_folders",
    "RSOD": "rsod",
    "HRRSD": "hrrsd",
    "MAR20": "mar20",
    "DOSR": "dosr",
    "DIOR-RSVG": "dior_rsvg",
}
"""Source -> module of this package with ``write(source, root, *, seed, with_defects)``."""


class WrittenRelease(Protocol):
    """What every writer tells of its release; most tell :class:`rsvp_builder.demo.truth.Release`."""

    @property
    def images(self) -> Mapping[str, Any]:
        """Annotated images by id."""
        ...

    @property
    def defects(self) -> list[Any]:
        """Defects that were put in."""
        ...


def write(source: str, root: Path, *, seed: int = 0, with_defects: bool = False) -> WrittenRelease:
    """Write a miniature release of a source; the same seed gives the same bytes.

    Raises:
        UnknownNameError: no writer imitates the source.
    """
    if source not in WRITERS:
        raise UnknownNameError("source with a demo", source, WRITERS)
    module = import_module(f"rsvp_builder.demo.{WRITERS[source]}")
    written: WrittenRelease = module.write(source, root, seed=seed, with_defects=with_defects)
    return written
