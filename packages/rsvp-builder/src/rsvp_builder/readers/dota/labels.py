"""The grammar of DOTA's ``labelTxt`` files.

::

    imagesource:GoogleEarth                                   v1.0 and v1.5 only
    gsd:0.146343590398                                        or null
    x1 y1 x2 y2 x3 y3 x4 y4 category difficult                integers or decimals

Source: https://captain-whu.github.io/DOTA/dataset.html and real files. Header lines are told by
their content. ``difficult`` may be missing (9 fields, read as 0) and is 2 in files cut by the
DOTA devkit's ImgSplit, where it means that the object was cut. The first vertex is the object's head or
its top left and the order is kept.

Files are parsed in columns: the bodies of a whole batch go through one CSV parse. Only what that
refuses is parsed line by line, which gives each bad line its diagnosis; both ways read the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from rsvp_builder.geometry import quad_bounds
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.record import Annotations, ByteArray, FloatArray, IntArray, Item, ObjectFlag, Objects

MAX_LABEL_BYTES = 64 * 2**20
"""A label file above this is refused unread; the densest real one is under 2 MB."""

_BOM = b"\xef\xbb\xbf"
_HEADER_KEYS = (b"imagesource", b"gsd", b"acquisition dates")
_DIFFICULT = {"0": 0, "1": int(ObjectFlag.DIFFICULT), "2": int(ObjectFlag.TRUNCATED)}
_INVALID = 255
_COORDINATES = [f"{axis}{corner}" for corner in range(1, 5) for axis in "xy"]
_EXPECTED = "x1 y1 x2 y2 x3 y3 x4 y4 category [difficult], 9 or 10 fields separated by spaces"
_LONGEST_SHOWN = 160


@dataclass(slots=True)
class _LabelFile:
    """One label file: its header, and where its object lines start."""

    item: int
    path: str
    data: bytes
    header: dict[str, str] = field(default_factory=dict)
    header_lines: int = 0
    body: bytes = b""

    def __post_init__(self) -> None:
        start = len(_BOM) if self.data.startswith(_BOM) else 0
        while self.data[start : start + 20].lstrip().lower().startswith(_HEADER_KEYS):
            end = self.data.find(b"\n", start)
            end = len(self.data) if end < 0 else end + 1
            key, _, value = self.data[start:end].decode("utf-8", "backslashreplace").partition(":")
            self.header[key.strip().lower()] = value.strip()
            self.header_lines += 1
            start = end
        self.body = self.data[start:]

    def line(self, number: int) -> str:
        """Text of a line for a message; ``number`` counts from 1."""
        text = self.data.removeprefix(_BOM).splitlines()[number - 1].decode("utf-8", "backslashreplace")
        text = text.strip()
        return text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "…"


@dataclass(slots=True)
class _Columns:
    """Parsed object lines: position of the file, line, vertices, class or -1, flags or ``_INVALID``."""

    file: IntArray
    line: IntArray
    quad: FloatArray
    class_id: IntArray
    flags: ByteArray


def read_labels(root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
    """Parse the label files of some items.

    Args:
        root: folder of the release.
        manifest: the version that is read; its class table decides which names are known.
        items: images with their label files; an item without one has no objects.
        drops: gets every line, header value and file that cannot be used.

    Returns:
        Objects grouped by item in the order of the files' lines, with the official GSD.
    """
    files = _open_all(root, items, drops)
    classes = {name: number for number, name in enumerate(manifest.classes)}
    malformed: list[Drop] = []
    columns = _parse(files, items, classes, malformed)
    for drop in malformed:
        drops.add(drop)
    seen = np.bincount(columns.file, minlength=len(files)) if files else np.zeros(0, np.int64)
    good = np.isfinite(columns.quad).all(axis=1) & (columns.class_id >= 0) & (columns.flags != _INVALID)
    for row in np.flatnonzero(~good):
        drops.add(_diagnose(columns, int(row), files, items, manifest))
    counts = [0] * len(items)
    for position, file in enumerate(files):
        counts[file.item] = int(seen[position])
    by_id = {item.image_id: number for number, item in enumerate(items)}
    for drop in malformed:
        counts[by_id[drop.image_id]] += 1
    item_of = np.array([file.item for file in files], np.int64)
    objects = Objects(
        item=item_of[columns.file[good]] if files else np.zeros(0, np.int64),
        line=columns.line[good],
        class_id=columns.class_id[good],
        quad=columns.quad[good],
        box=quad_bounds(columns.quad[good]),
        flags=columns.flags[good],
    )
    annotations = Annotations(
        objects=objects,
        seen=counts,
        gsd=[None] * len(items),
        image_source=[None] * len(items),
        readable=[item.label is None for item in items],
    )
    for file in files:
        annotations.readable[file.item] = True
        _set_metadata(annotations, root, items[file.item], file, drops)
    return annotations


def _open_all(root: Path, items: Sequence[Item], drops: Drops) -> list[_LabelFile]:
    files = []
    for position, item in enumerate(items):
        if item.label is None:
            continue
        data = _read(root, item, item.label, drops)
        if data is not None:
            files.append(_LabelFile(position, item.label, data))
    return files


def _read(root: Path, item: Item, path: str, drops: Drops) -> bytes | None:
    def refuse(value: str, expected: str) -> None:
        drops.add(Drop("image", Reason.LABEL_UNREADABLE, item.image_id, path, None, value, expected))

    if item.label_bytes > MAX_LABEL_BYTES:
        refuse(f"{item.label_bytes} bytes", f"a label file of at most {MAX_LABEL_BYTES} bytes")
        return None
    try:
        data = (root / path).read_bytes()
    except OSError as error:
        refuse(error.strerror or str(error), "a readable text file")
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        refuse("UTF-16 byte order mark", "UTF-8 or ASCII text")
        return None
    return data


def _parse(
    files: Sequence[_LabelFile], items: Sequence[Item], classes: dict[str, int], malformed: list[Drop]
) -> _Columns:
    """Parse all files at once where that goes, otherwise each by itself, otherwise line by line."""
    whole = _parse_columns(files, range(len(files)), classes)
    if whole is not None:
        return whole
    pieces = []
    for position, file in enumerate(files):
        piece = _parse_columns([file], [position], classes)
        if piece is None:
            piece = _parse_lines(file, position, items[file.item].image_id, classes, malformed)
        pieces.append(piece)
    return _Columns(
        file=np.concatenate([p.file for p in pieces]),
        line=np.concatenate([p.line for p in pieces]),
        quad=np.concatenate([p.quad for p in pieces]),
        class_id=np.concatenate([p.class_id for p in pieces]),
        flags=np.concatenate([p.flags for p in pieces]),
    )


def _parse_columns(
    files: Sequence[_LabelFile], positions: Sequence[int], classes: dict[str, int]
) -> _Columns | None:
    """One CSV parse over the files' bodies, or None where any line is not plain 10-field (or 9-field)."""
    counts = [f.body.count(b"\n") + bool(f.body and not f.body.endswith(b"\n")) for f in files]
    total = sum(counts)
    if not total:
        empty = np.zeros(0, np.int64)
        return _Columns(empty, empty, np.zeros((0, 8)), empty, np.zeros(0, np.uint8))
    text = b"".join(f.body if not f.body or f.body.endswith(b"\n") else f.body + b"\n" for f in files)
    names = [*_COORDINATES, "category"]
    first = text[: text.find(b"\n")].strip()
    if first.count(b" ") >= len(names):
        names.append("difficult")
    token = pa.dictionary(pa.int32(), pa.string())
    types = {name: pa.float64() if name in _COORDINATES else token for name in names}
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(text),
            pa_csv.ReadOptions(column_names=names, use_threads=False, block_size=len(text) + 1),
            pa_csv.ParseOptions(delimiter=" ", quote_char=False, ignore_empty_lines=False),
            pa_csv.ConvertOptions(column_types=types, null_values=[], strings_can_be_null=False),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != total:  # a lone carriage return is a line end to the CSV parser
        return None
    per_file = np.array(counts)
    starts = np.cumsum(per_file) - per_file
    headers = np.array([f.header_lines for f in files])
    rows = np.arange(total)
    return _Columns(
        file=np.repeat(np.array(positions, np.int64), per_file),
        line=rows - np.repeat(starts - headers, per_file) + 1,
        quad=_stack([table[name].combine_chunks() for name in _COORDINATES]),
        class_id=_lookup(table["category"], classes, -1).astype(np.int64),
        flags=(
            _lookup(table["difficult"], _DIFFICULT, _INVALID).astype(np.uint8)
            if "difficult" in names
            else np.zeros(total, np.uint8)
        ),
    )


def _stack(columns: Sequence[pa.Array]) -> FloatArray:
    stacked = np.empty((len(columns[0]), len(columns)))
    for position, column in enumerate(columns):
        stacked[:, position] = column
    return stacked


def _lookup(tokens: pa.ChunkedArray, table: dict[str, int], missing: int) -> IntArray:
    array = tokens.combine_chunks()
    values = np.array([table.get(name, missing) for name in array.dictionary.to_pylist()], np.int64)
    found: IntArray = values[array.indices.to_numpy()]
    return found


def _parse_lines(
    file: _LabelFile, position: int, image_id: str, classes: dict[str, int], malformed: list[Drop]
) -> _Columns:
    """The careful way: every line by itself; blank lines and extra spaces are tolerated."""
    lines: list[int] = []
    quads: list[list[float]] = []
    class_ids: list[int] = []
    flags: list[int] = []
    for number, raw in enumerate(file.body.splitlines(), start=file.header_lines + 1):
        fields = raw.split()
        if not fields:
            continue
        problem = None
        if not _is_text(raw):
            problem = "UTF-8 text"
        elif len(fields) not in (9, 10):
            problem = f"{_EXPECTED}; found {len(fields)}"
        else:
            try:
                quad = [_number(field) for field in fields[:8]]
            except ValueError:
                problem = f"8 numbers: {_EXPECTED}"
        if problem:
            malformed.append(
                Drop("object", Reason.MALFORMED_LINE, image_id, file.path, number, file.line(number), problem)
            )
            continue
        lines.append(number)
        quads.append(quad)
        class_ids.append(classes.get(fields[8].decode(), -1))
        flags.append(_DIFFICULT.get(fields[9].decode() if len(fields) == 10 else "0", _INVALID))
    return _Columns(
        file=np.full(len(lines), position, np.int64),
        line=np.array(lines, np.int64),
        quad=np.array(quads, np.float64).reshape(-1, 8),
        class_id=np.array(class_ids, np.int64),
        flags=np.array(flags, np.uint8),
    )


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _number(text: bytes) -> float:
    if b"_" in text:  # Python reads 1_000 as a number; the grammar does not
        raise ValueError(text)
    return float(text)


def _diagnose(
    columns: _Columns, row: int, files: Sequence[_LabelFile], items: Sequence[Item], manifest: Manifest
) -> Drop:
    """Why a line that parsed cannot be used."""
    file = files[columns.file[row]]
    line = int(columns.line[row])
    if not np.isfinite(columns.quad[row]).all():
        reason, expected = Reason.NOT_FINITE, "finite coordinates"
    elif columns.class_id[row] < 0:
        reason, expected = Reason.UNKNOWN_CLASS, f"one of {', '.join(manifest.classes)}"
    else:
        reason, expected = Reason.MALFORMED_LINE, "difficult to be 0, 1 or 2"
    return Drop("object", reason, items[file.item].image_id, file.path, line, file.line(line), expected)


def _set_metadata(annotations: Annotations, root: Path, item: Item, file: _LabelFile, drops: Drops) -> None:
    """Official GSD and origin: from the header of the label file, or from v2.0's metadata file."""
    header, path = file.header, file.path
    if not header and item.meta is not None:
        data = _read(root, item, item.meta, Drops())
        if data is None:
            drops.add(
                Drop("metadata", Reason.LABEL_UNREADABLE, item.image_id, item.meta, None, "", "a text file")
            )
            return
        header, path = _LabelFile(file.item, item.meta, data).header, item.meta
    source = header.get("imagesource", "")
    annotations.image_source[file.item] = None if source.lower() in ("", "none", "null") else source
    text = header.get("gsd", "")
    if text.lower() in ("", "none", "null"):
        return
    try:
        gsd = float(text)
    except ValueError:
        gsd = math.nan
    if math.isfinite(gsd) and gsd > 0:
        annotations.gsd[file.item] = gsd
    else:
        drops.add(
            Drop(
                "metadata",
                Reason.MALFORMED_LINE,
                item.image_id,
                path,
                list(header).index("gsd") + 1,
                f"gsd:{text}",
                "metres per pixel above 0, or null",
            )
        )


def peek(paths: Iterable[Path]) -> tuple[bool, set[str]]:
    """Whether any of the label files has header lines, and all class names that occur in them."""
    header = False
    names: set[bytes] = set()
    for path in paths:
        try:
            file = _LabelFile(0, str(path), path.read_bytes())
        except OSError:
            continue  # the build reports it, with its reason
        header = header or bool(file.header)
        names.update(fields[8] for fields in map(bytes.split, file.body.splitlines()) if len(fields) >= 9)
    return header, {name.decode("utf-8", "replace") for name in names}
