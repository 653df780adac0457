"""Every parser as a function of bytes: it returns, whatever the bytes are, or a defect was found.

Readers are given the bytes as one file of a small sound release. What they may raise is ``RsvpError``, and
only while they list the release.
"""

from __future__ import annotations

import atexit
import errno
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from hostile_trial import FailedError

from rsvp_builder.catalog import shipped
from rsvp_builder.demo import write
from rsvp_builder.errors import RsvpError
from rsvp_builder.images.label_map import LabelMap
from rsvp_builder.images.probe import UnreadableImageError, probe
from rsvp_builder.images.scene import Scene
from rsvp_builder.ledger import Drops
from rsvp_builder.masks import PolygonMask, RleMask
from rsvp_builder.readers import index_release, reader_for
from rsvp_builder.readers.geochat.grammar import parse as parse_caption
from rsvp_builder.readers.geochat.grammar import to_quad
from rsvp_builder.readers.json_records import JsonError, records
from rsvp_builder.readers.pickles import NUMPY, PickleError, load
from rsvp_builder.readers.texts import list_lines, sentence
from rsvp_builder.readers.values import brief, brief_dict
from rsvp_builder.readers.xml import XmlError, count_of, lines_of, parse

Parser = Callable[[bytes], None]

LABELS = {
    "dota": ("DOTA-v1.0", ".txt"),
    "fair1m_xml": ("FAIR1M", ".xml"),
    "hrsc_xml": ("HRSC2016", ".xml"),
    "voc_xml": ("MAR20", ".xml"),
    "voc_objects": ("DIOR-RSVG", ".xml"),
    "voc_lists": ("DIOR-RSVG", ".txt"),
    "box_txt_commas": ("VisDrone", ".txt"),
    "box_txt_braces": ("NWPU-VHR-10", ".txt"),
    "box_txt_blanks": ("UCAS-AOD", ".txt"),
    "coco_json": ("NWPU-VHR-10-instances", ".json"),
    "samrs": ("SAMRS-SOTA", ".pkl"),
    "caption_karpathy": ("RSICD", ".json"),
    "caption_classes": ("NWPU-Captions", ".json"),
    "caption_coco": ("COCO-Captions-2017", ".json"),
    "refcoco_refs": ("RefCOCO", ".p"),
    "refcoco_boxes": ("RefCOCO", ".json"),
    "geochat": ("GeoChat", ".json"),
    "id_map": ("iSAID", "_instance_id_RGB.png"),
    "label_map": ("Potsdam", "_label.tif"),
    "scene_folder": ("WHU-RS19", ".jpg"),
}
"""Target -> source, and how the name of the file ends that the bytes are put into."""


class Reading:
    """One reader, with one file of its release left open.

    Args:
        source: name of the source.
        ending: how the name of that file ends; the first such file that an item uses, or else the first.

    Attributes:
        sound: what the file held.
    """

    def __init__(self, source: str, ending: str) -> None:
        self._root = _scratch()
        write(source, self._root)
        self._manifest = shipped()[source]
        self._reader = reader_for(self._manifest)
        self._items = index_release(self._root, self._manifest).items
        found = sorted(p for p in self._root.rglob("*") if p.is_file() and p.name.endswith(ending))
        used = {name for item in self._items for name in (item.label, item.meta)}
        self._file = next((p for p in found if str(p.relative_to(self._root)) in used), found[0])
        self.sound = self._file.read_bytes()
        path = str(self._file.relative_to(self._root))
        own = [item for item in self._items if path in (item.image, item.label, item.meta)]
        # A file of one image is read again for it alone; any other also decides what images there are.
        self._own = own if len(own) == 1 and not own[0].data else None

    def __call__(self, data: bytes) -> None:
        self._file.write_bytes(data)
        items = self._own
        if items is None:
            try:
                items = index_release(self._root, self._manifest).items
            except RsvpError:
                return
        drops = Drops()
        annotations = self._reader.read(self._root, self._manifest, items, drops)
        lost = sum(drop.count for drop in drops.entries if drop.kind == "object")
        if sum(annotations.seen) != len(annotations.objects) + lost:
            raise FailedError(f"{sum(annotations.seen)} seen, {len(annotations.objects)} read, {lost} lost")
        if not (len(annotations.seen) == len(annotations.readable) == len(items)):
            raise FailedError("an item without an account")
        for mask in () if annotations.objects.mask is None else annotations.objects.mask:
            if mask is not None:
                mask.crop()


def _scratch() -> Path:
    """A folder that goes with the process."""
    folder = tempfile.mkdtemp(prefix="hostile-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def _on_disk(use: Callable[[Path], None], ending: str) -> Parser:
    path = _scratch() / f"file{ending}"

    def parser(data: bytes) -> None:
        path.write_bytes(data)
        use(path)

    return parser


def _xml(data: bytes) -> None:
    count_of(data, "object")
    try:
        root = parse(data)
    except XmlError:
        return
    if len(lines_of(data, "object")) < sum(1 for _ in root.iter("object")):
        raise FailedError("an object without a line")


def _json(path: Path) -> None:
    found = []
    try:
        found += [record.value for record in records(path)]
    except JsonError:
        return
    # Whoever gets a record may write it out again.
    json.dumps(found)


def _pickle(data: bytes) -> None:
    for allowed in (frozenset(), NUMPY):
        try:
            value = load(data, allowed)
        except PickleError as error:
            if len(str(error)) > 1000:
                raise FailedError("a long message") from error
        else:
            if len(brief(value)) + len(brief_dict(value)) > 4000:
                raise FailedError("a long value")


def _rle(data: bytes) -> None:
    height, width = (1 + data[0] % 64, 1 + data[1] % 64) if len(data) > 1 else (4, 4)
    for counts in (data[2:], data[2:].decode("latin-1"), np.frombuffer(data[2:], np.uint8).tolist()):
        try:
            mask = RleMask((height, width), counts)
        except ValueError:
            continue
        crop = mask.crop()
        if crop and (crop.pixels.shape[0] > height or crop.pixels.shape[1] > width or not crop.pixels.any()):
            raise FailedError("a crop that is not in its image, or empty")


def _polygon(data: bytes) -> None:
    numbers = np.frombuffer(data[: len(data) // 16 * 16], np.float64).reshape(-1, 2)
    small = np.frombuffer(data[: len(data) // 4 * 4], np.int16).reshape(-1, 2) / 8
    for rings in ((numbers,), (small,), (small[::2], small[1::2])):
        try:
            mask = PolygonMask(rings, 40, 30)
        except ValueError:
            continue
        crop = mask.crop()
        if crop and (crop.pixels.shape > (30, 40) or not crop.pixels.any()):
            raise FailedError("a crop that is not in its image, or empty")


def _caption(data: bytes) -> None:
    try:
        text = sentence(data.decode("utf-8", "surrogatepass"))
    except ValueError:
        return
    for box in parse_caption(text).boxes:
        if box.numbers is not None and not np.isfinite(to_quad(box.numbers, 100, 50)).all():
            raise FailedError(f"{box.raw} has no place")


def _list(path: Path) -> None:
    last = 0
    try:
        for number, line in list_lines(path, most=1 << 20):
            if number != last + 1 or "\n" in line:
                raise FailedError("lines that are none")
            last = number
    except OSError as error:
        if error.errno != errno.EFBIG:
            raise


def _picture(path: Path) -> None:
    try:
        info = probe(path)
        if info.width * info.height > 1 << 24:
            return
        with Scene(path) as scene:
            pixels = scene.window(0, 0, info.width, min(info.height, 64))
    except UnreadableImageError:
        return
    if pixels.shape[:2] != (min(info.height, 64), info.width):
        raise FailedError(f"a window of {pixels.shape} of {info}")


def _map(path: Path) -> None:
    try:
        with LabelMap(path) as opened:
            if opened.width * opened.height <= 1 << 24:
                opened.rows(0, min(opened.height, 64))
    except UnreadableImageError:
        return


def parsers() -> dict[str, Callable[[], Parser]]:
    """Makers of all parsers, by name; to make one may write a release."""
    made: dict[str, Callable[[], Parser]] = {
        "xml": lambda: _xml,
        "json": lambda: _on_disk(_json, ".json"),
        "pickle": lambda: _pickle,
        "rle": lambda: _rle,
        "polygon": lambda: _polygon,
        "caption": lambda: _caption,
        "list": lambda: _on_disk(_list, ".txt"),
        "picture": lambda: _on_disk(_picture, ".png"),
        "map": lambda: _on_disk(_map, ".tif"),
    }
    for name, (source, ending) in LABELS.items():
        made[f"reader_{name}"] = lambda source=source, ending=ending: Reading(source, ending)
    return made
