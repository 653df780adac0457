"""Writes miniature captioning releases: pictures, and JSON files with five sentences for each.

NWPU-Captions keys its records by class; RSITMD, RSICD, Sydney- and UCM-Captions have the form of Karpathy's
COCO splits; COCO itself keeps images and sentences in two arrays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rsvp_builder.demo.backdrops import backdrop, encoded
from rsvp_builder.demo.truth import Planted, Release, Thing
from rsvp_builder.ledger import Reason

_SIZE = (80, 80)

_SENTENCES = (
    "There is a {0} in the middle of the picture .",
    "A {0} lies beside a narrow road .",
    "It is a {0} with  some trees around it .",  # two blanks: the release has them
    "a {0} and a road",
    "The {0} is surrounded by green land .",
)


def sentences(word: str, number: int) -> list[str]:
    """Five sentences about a picture; every second picture repeats one of them, as annotators did."""
    five = [text.format(word) for text in _SENTENCES]
    if number % 2:
        five[3] = five[0]
    return five


def _told(texts: Sequence[str]) -> list[Thing]:
    return [Thing(None, text=" ".join(text.split())) for text in texts]


class _Writer:
    """Pictures and what is told of them."""

    def __init__(self, root: Path, seed: int) -> None:
        self.release = Release(root)
        self._seed = seed
        self._number = 0

    def picture(self, path: str, kind: str, format_: str) -> None:
        """Draw a picture of a kind of place."""
        file = self.release.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        self._number += 1
        file.write_bytes(encoded(backdrop(kind, _SIZE, self._number, self._seed), format_))

    def tell(self, image_id: str, texts: Sequence[str], token: str | None = None) -> None:
        """Say what a build has to find of a picture."""
        classed = [] if token is None else [Thing(token)]
        self.release.images[image_id] = [*_told(texts), *classed]

    def json(self, path: str, content: Any, indent: str | int | None = None) -> None:
        """Write an annotation file."""
        text = json.dumps(content, ensure_ascii=False, indent=indent)
        (self.release.root / path).write_text(text, encoding="utf-8")

    def spoil(self, path: str, reason: Reason, value: str = "") -> None:
        """Note a defect; lines are left open where a file is one line."""
        self.release.defects.append(Planted(path, None, reason, value))


def _karpathy(filename: str, imgid: int, split: str, texts: Sequence[str], **more: Any) -> dict[str, Any]:
    told = [
        {"tokens": text.replace(".", "").split(), "raw": text, "imgid": imgid, "sentid": 5 * imgid + k}
        for k, text in enumerate(texts)
    ]
    ids = [sentence["sentid"] for sentence in told]
    return {"sentids": ids, "imgid": imgid, "sentences": told, "split": split, "filename": filename, **more}


def _nwpu(writer: _Writer, spoiled: bool) -> None:
    """A dictionary class -> records whose sentences are ``raw``, ``raw_1`` to ``raw_4``."""
    records: dict[str, list[dict[str, Any]]] = {}
    imgid = 30800  # not in the order of the file
    for token in ("airplane", "harbor", "thermal_power_station"):
        for number, split in ((1, "train"), (2, "val"), (3, "test")):
            name = f"{token}_{number:03d}"
            texts = sentences(token.replace("_", " "), number)
            if token.startswith("harbor"):
                texts[1] = "A harbor，with many ships\u00a0in it ."  # full-width comma and a no-break space
            writer.picture(f"NWPU_images/{token}/{name}.jpg", token, "JPEG")
            told = ["A harbor,with many ships in it ." if "，" in text else text for text in texts]
            writer.tell(f"{split}/{name}", told, token)
            records.setdefault(token, []).append(_nwpu_record(f"{name}.jpg", imgid, split, texts))
            imgid += 1
    # In the JSON and in no archive.
    texts = sentences("airplane", 111)
    records["airplane"].append(_nwpu_record("airplane_111.jpg", imgid, "train", texts))
    if spoiled:
        path = "NWPU_images/harbor/harbor_004.jpg"
        writer.picture(path, "harbor", "JPEG")
        file = writer.release.root / path
        file.write_bytes(file.read_bytes()[:300])
        records["harbor"].append(_nwpu_record("harbor_004.jpg", imgid + 1, "train", sentences("harbor", 4)))
        writer.spoil(path, Reason.IMAGE_UNREADABLE)
        blank = _nwpu_record(
            "harbor_005.jpg", imgid + 2, "train", ["", " ", "A harbor .", "A quay .", "Water ."]
        )
        records["harbor"].append(blank)
        writer.picture("NWPU_images/harbor/harbor_005.jpg", "harbor", "JPEG")
        writer.tell("train/harbor_005", ["A harbor .", "A quay .", "Water ."], "harbor")
        writer.spoil("dataset_nwpu.json", Reason.EMPTY_TEXT)
        records["volcano"] = [_nwpu_record("volcano_001.jpg", imgid + 3, "train", sentences("volcano", 1))]
        writer.picture("NWPU_images/volcano/volcano_001.jpg", "desert", "JPEG")
        writer.tell("train/volcano_001", sentences("volcano", 1))
        writer.spoil("dataset_nwpu.json", Reason.UNKNOWN_CLASS, "volcano")
    writer.json("dataset_nwpu.json", records)


def _nwpu_record(filename: str, imgid: int, split: str, texts: Sequence[str]) -> dict[str, Any]:
    record: dict[str, Any] = {"filename": filename, "imgid": imgid, "split": split}
    for k, text in enumerate(texts):
        suffix = f"_{k}" if k else ""
        record[f"raw{suffix}"], record[f"sentids{suffix}"] = text, 5 * imgid + k
    return record


def _write_karpathy(
    writer: _Writer,
    spoiled: bool,
    *,
    path: str,
    images: str,
    dataset: str,
    pictures: Sequence[tuple[str, str, str, str | None]],
    format_: str,
    indent: str | None = None,
) -> None:
    """The form of Karpathy's splits.

    Args:
        writer: what is written to.
        spoiled: plant defects.
        path: the annotation file.
        images: folder of the pictures.
        dataset: value of the last key.
        pictures: file name, split, kind of place and class token of each.
        format_: of the pictures.
        indent: of the annotation file.
    """
    records = []
    for imgid, (filename, split, kind, token) in enumerate(pictures):
        texts = sentences(kind, imgid)
        writer.picture(f"{images}/{filename}", kind, format_)
        writer.tell(f"{split}/{Path(filename).stem}", texts, token)
        records.append(_karpathy(filename, imgid, split, texts))
    # The tokens of UCM-Captions disagree with its sentences; the sentences are right.
    records[0]["sentences"][0]["tokens"] = "There is a piece of formland".split()  # noqa: SIM905
    if spoiled:
        suffix = Path(pictures[0][0]).suffix
        n = len(records)
        records.append(_karpathy(f"pond_9{n}{suffix}", n, "train", sentences("pond", n)))
        writer.spoil(path, Reason.IMAGE_MISSING, f"pond_9{n}")
        writer.picture(f"{images}/airport_90{suffix}", "airport", format_)
        file = writer.release.root / images / f"airport_90{suffix}"
        file.write_bytes(file.read_bytes()[:100])
        records.append(_karpathy(file.name, n + 1, "train", sentences("airport", n)))
        writer.spoil(f"{images}/{file.name}", Reason.IMAGE_UNREADABLE)
        records.append({"filename": 5, "split": "train", "sentences": []})
        writer.spoil(path, Reason.MALFORMED_LINE)
        again = pictures[0][0]
        records.append(_karpathy(again, n + 3, pictures[0][1], ["Another record of a picture ."]))
        writer.spoil(path, Reason.DUPLICATE_ID, Path(again).stem)
    writer.json(path, {"images": records, "dataset": dataset}, indent)


def _rsitmd(writer: _Writer, spoiled: bool) -> None:
    (writer.release.root / "rsitmd_api.py").write_text("# shipped inside the archive\n")
    pictures = [
        ("boat_0.tif", "train", "boat", "boat"),
        ("baseballfield_452.tif", "train", "baseballfield", "baseballfield"),
        ("airport_3.tif", "train", "airport", "airport"),
        ("viaduct_4662.tif", "test", "viaduct", "viaduct"),
        ("pond_17.tif", "test", "pond", "pond"),
    ]
    _write_karpathy(
        writer,
        spoiled,
        path="dataset_RSITMD.json",
        images="images",
        dataset="rsitmd",
        pictures=pictures,
        format_="TIFF",
    )


def _rsicd(writer: _Writer, spoiled: bool) -> None:
    lists = writer.release.root / "txtclasses_rsicd"
    lists.mkdir()
    (lists / "airport.txt").write_text("airport_1.jpg\n")
    (lists / "playfields.txt").write_text("00001.jpg\n")
    pictures = [
        ("airport_1.jpg", "train", "airport", "airport"),
        ("denseresidential_2.jpg", "train", "residential", "denseresidential"),
        ("bridge_218.jpg", "val", "bridge", "bridge"),
        ("pond_3.jpg", "test", "pond", "pond"),
    ]
    _write_karpathy(
        writer,
        spoiled,
        path="dataset_rsicd.json",
        images="RSICD_images",
        dataset="rsicd",
        pictures=pictures,
        format_="JPEG",
    )


def _sydney(writer: _Writer, spoiled: bool) -> None:
    names = writer.release.root / "Sydney_captions/filenames"
    names.mkdir(parents=True)
    (names / "descriptions_SYDNEY.txt").write_text("1 A residential area .\n")
    pictures = [
        ("1.tif", "train", "residential area", None),
        ("243.tif", "train", "airport", None),
        ("263.tif", "val", "airport", None),
        ("441.tif", "test", "sea", None),
    ]
    _write_karpathy(
        writer,
        spoiled,
        path="Sydney_captions/dataset.json",
        images="Sydney_captions/images",
        dataset="sydney",
        pictures=pictures,
        format_="TIFF",
    )


def _ucm(writer: _Writer, spoiled: bool) -> None:
    pictures = [
        ("1.tif", "train", "farmland", "agricultural"),
        ("101.tif", "train", "airplane", "airplane"),
        ("102.tif", "val", "airplane", "airplane"),
        ("2100.tif", "test", "court", "tenniscourt"),
    ]
    _write_karpathy(
        writer,
        spoiled,
        path="UCM_captions/dataset.json",
        images="UCM_captions/imgs",
        dataset="UCM",
        pictures=pictures,
        format_="TIFF",
        indent="\t",
    )


def _coco(writer: _Writer, spoiled: bool, *, year: int) -> None:
    """Images and sentences in two arrays, joined by the image's number."""
    annotations = writer.release.root / "annotations"
    annotations.mkdir()
    for split, numbers in (("train", (57870, 785, 40083)), ("val", (391895, 197388))):
        images, captions = [], []
        for order, number in enumerate(numbers):
            prefix = f"COCO_{split}2014_" if year == 2014 else ""
            name = f"{prefix}{number:012d}.jpg"
            writer.picture(f"{split}{year}/{name}", "parking lot", "JPEG")
            texts = ["A car on a road. ", "Two cars\n", f"A picture of {number}", "A car on a road. ", "Cars"]
            writer.tell(f"{split}/{Path(name).stem}", texts)
            images.append(
                {
                    "license": 3,
                    "file_name": name,
                    "coco_url": f"http://images.cocodataset.org/{split}{year}/{name}",
                    "height": 80,
                    "width": 80,
                    "date_captured": "2013-11-14 16:28:13",
                    "flickr_url": "",
                    "id": number,
                }
            )
            captions += [
                {"image_id": number, "id": 1000 * order + k, "caption": text} for k, text in enumerate(texts)
            ]
        path = f"annotations/captions_{split}{year}.json"
        if spoiled and split == "train":
            captions.append({"image_id": 99, "id": 7000, "caption": "Of a picture that is not listed"})
            writer.spoil(path, Reason.IMAGE_MISSING, "99")
            captions.append({"image_id": numbers[0], "id": 7001, "caption": " \n"})
            writer.spoil(path, Reason.EMPTY_TEXT)
            captions.append({"image_id": numbers[0], "id": 7002, "caption": None})
            writer.spoil(path, Reason.MALFORMED_LINE)
        info = {"description": f"COCO {year}", "year": year}
        licenses = [{"id": 3, "name": "Attribution-NonCommercial-NoDerivs License", "url": ""}]
        writer.json(path, {"info": info, "images": images, "licenses": licenses, "annotations": captions})


def _coco_2014(writer: _Writer, spoiled: bool) -> None:
    _coco(writer, spoiled, year=2014)


def _coco_2017(writer: _Writer, spoiled: bool) -> None:
    _coco(writer, spoiled, year=2017)


_RELEASES: dict[str, Callable[[_Writer, bool], None]] = {
    "NWPU-Captions": _nwpu,
    "RSITMD": _rsitmd,
    "RSICD": _rsicd,
    "Sydney-Captions": _sydney,
    "UCM-Captions": _ucm,
    "COCO-Captions-2014": _coco_2014,
    "COCO-Captions-2017": _coco_2017,
}


def write(source: str, root: Path, *, seed: int, with_defects: bool) -> Release:
    """Write one of the releases; see :func:`rsvp_builder.demo.write`."""
    writer = _Writer(root, seed)
    _RELEASES[source](writer, with_defects)
    return writer.release
