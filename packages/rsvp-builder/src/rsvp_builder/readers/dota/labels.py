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
from dataclasses import InitVar, dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from rsvp_builder.geometry import quad_bounds
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers.texts import MAX_LABEL_BYTES, MOST_BAD_LINES, called, number, read_label, shown
from rsvp_builder.record import Annotations, FloatArray, IntArray, Item, ObjectFlag, Objects

_BOM = b"\xef\xbb\xbf"
_HEADER_KEYS = (b"imagesource", b"gsd", b"acquisition dates")
_DIFFICULT = {"0": 0, "1": int(ObjectFlag.DIFFICULT), "2": int(ObjectFlag.TRUNCATED)}
_COORDINATES = [f"{axis}{corner}" for corner in range(1, 5) for axis in "xy"]
_EXPECTED = "x1 y1 x2 y2 x3 y3 x4 y4 category [difficult], 9 or 10 fields separated by spaces"
_OTHER_BLANKS = (b"\t", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x1f")
"""Blanks besides the space: the CSV parser would take them for text."""


@dataclass(slots=True)
class _LabelFile:
    """One label file: its header, and where its object lines start."""

    item: int
    path: str
    data: InitVar[bytes]
    header: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Value and line of each header field."""
    header_lines: int = 0
    body: bytes = b""
    """Everything after the header, with every line end as a line feed."""

    def __post_init__(self, data: bytes) -> None:
        rest = data.removeprefix(_BOM)
        if b"\r" in rest:
            rest = rest.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        start = 0
        while rest[start : start + 20].lstrip().lower().startswith(_HEADER_KEYS):
            end = rest.find(b"\n", start)
            end = len(rest) if end < 0 else end + 1
            self.header_lines += 1
            key, _, value = rest[start:end].decode("utf-8", "backslashreplace").partition(":")
            self.header[key.strip().lower()] = value.strip(), self.header_lines
            start = end
        self.body = rest[start:]


@dataclass(slots=True)
class _Columns:
    """Sound object lines: position of the file, line, vertices, class, flags."""

    file: IntArray
    line: IntArray
    quad: FloatArray
    class_id: IntArray
    flags: IntArray


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
    columns, bad = _parse(files, classes)
    item_of = np.array([file.item for file in files], np.int64)
    seen = np.bincount(item_of[columns.file], minlength=len(items)).tolist()
    unusable = set()
    for line in bad:
        file = files[line.file]
        if not line.number:
            unusable.add(file.item)
            drops.add(
                Drop("image", line.reason, items[file.item].image_id, file.path, None, "", line.expected)
            )
            continue
        seen[file.item] += 1
        image_id = items[file.item].image_id
        drops.add(Drop("object", line.reason, image_id, file.path, line.number, line.text, line.expected))
    objects = Objects(
        item=item_of[columns.file],
        line=columns.line,
        class_id=columns.class_id,
        quad=columns.quad,
        box=quad_bounds(columns.quad),
        flags=columns.flags.astype(np.uint8),
    )
    annotations = Annotations(
        objects=objects,
        seen=seen,
        gsd=[None] * len(items),
        image_source=[None] * len(items),
        readable=[item.label is None for item in items],
    )
    for file in files:
        if file.item in unusable:
            continue
        annotations.readable[file.item] = True
        _set_metadata(annotations, root, items[file.item], file, drops)
    return annotations


def _open_all(root: Path, items: Sequence[Item], drops: Drops) -> list[_LabelFile]:
    files = []
    for position, item in enumerate(items):
        if item.label is None:
            continue
        data = read_label(root, item, item.label, drops, most=MAX_LABEL_BYTES)
        if data is not None:
            files.append(_LabelFile(position, item.label, data))
    return files


@dataclass(frozen=True, slots=True)
class _BadLine:
    """An object line that cannot be used: position of the file, line, and what is wrong with it.

    Line 0 is the whole file.
    """

    file: int
    number: int
    text: str
    reason: Reason
    expected: str


def _parse(files: Sequence[_LabelFile], classes: dict[str, int]) -> tuple[_Columns, list[_BadLine]]:
    """Parse all files at once where that goes, otherwise each by itself, otherwise line by line."""
    bad: list[_BadLine] = []
    whole = _parse_columns(files, range(len(files)), classes)
    if whole is not None:
        return whole, bad
    pieces = [
        _parse_columns([file], [position], classes) or _parse_lines(file, position, classes, bad)
        for position, file in enumerate(files)
    ]
    columns = _Columns(
        file=np.concatenate([p.file for p in pieces]),
        line=np.concatenate([p.line for p in pieces]),
        quad=np.concatenate([p.quad for p in pieces]),
        class_id=np.concatenate([p.class_id for p in pieces]),
        flags=np.concatenate([p.flags for p in pieces]),
    )
    return columns, bad


def _parse_columns(
    files: Sequence[_LabelFile], positions: Sequence[int], classes: dict[str, int]
) -> _Columns | None:
    """One CSV parse over the files' bodies, or None where any line is not sound and plainly written."""
    counts = [f.body.count(b"\n") + bool(f.body and not f.body.endswith(b"\n")) for f in files]
    total = sum(counts)
    if not total:
        empty = np.zeros(0, np.int64)
        return _Columns(empty, empty, np.zeros((0, 8)), empty, empty)
    text = b"".join(f.body if not f.body or f.body.endswith(b"\n") else f.body + b"\n" for f in files)
    if not text.isascii() or any(blank in text for blank in _OTHER_BLANKS):
        return None
    names = [*_COORDINATES, "category"]
    if text[: text.find(b"\n")].count(b" ") >= len(names):
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
    quad = _stack([table[name].combine_chunks() for name in _COORDINATES])
    class_id = _lookup(table["category"], classes)
    flags = _lookup(table["difficult"], _DIFFICULT) if "difficult" in names else np.zeros(total, np.int64)
    if class_id is None or flags is None or not np.isfinite(quad).all():
        return None
    per_file = np.array(counts)
    starts = np.cumsum(per_file) - per_file
    headers = np.array([f.header_lines for f in files])
    return _Columns(
        file=np.repeat(np.array(positions, np.int64), per_file),
        line=np.arange(total) - np.repeat(starts - headers, per_file) + 1,
        quad=quad,
        class_id=class_id,
        flags=flags,
    )


def _stack(columns: Sequence[pa.Array]) -> FloatArray:
    stacked = np.empty((len(columns[0]), len(columns)))
    for position, column in enumerate(columns):
        stacked[:, position] = column
    return stacked


def _lookup(tokens: pa.ChunkedArray, table: dict[str, int]) -> IntArray | None:
    """The number of each token, or None where the table lacks one."""
    array = tokens.combine_chunks()
    values = [table.get(name) for name in array.dictionary.to_pylist()]
    if None in values:
        return None
    found: IntArray = np.array(values, np.int64)[array.indices.to_numpy()]
    return found


def _parse_lines(file: _LabelFile, position: int, classes: dict[str, int], bad: list[_BadLine]) -> _Columns:
    """The careful way: every line by itself; blank lines and extra blanks are tolerated."""
    lines: list[int] = []
    quads: list[list[float]] = []
    class_ids: list[int] = []
    flags: list[int] = []
    before = len(bad)
    for line, raw in enumerate(file.body.split(b"\n"), start=file.header_lines + 1):
        if not raw.strip():
            continue
        try:
            quad, class_id, flag = _parse_line(raw, classes)
        except _LineError as error:
            bad.append(_BadLine(position, line, shown(raw), error.reason, error.expected))
            if len(bad) - before > MOST_BAD_LINES:
                expected = f"a file in which at most {MOST_BAD_LINES} lines are not {_EXPECTED}"
                bad[before:] = [_BadLine(position, 0, "", Reason.LABEL_UNREADABLE, expected)]
                lines, quads, class_ids, flags = [], [], [], []
                break
            continue
        lines.append(line)
        quads.append(quad)
        class_ids.append(class_id)
        flags.append(flag)
    return _Columns(
        file=np.full(len(lines), position, np.int64),
        line=np.array(lines, np.int64),
        quad=np.array(quads, np.float64).reshape(-1, 8),
        class_id=np.array(class_ids, np.int64),
        flags=np.array(flags, np.int64),
    )


class _LineError(Exception):
    def __init__(self, reason: Reason, expected: str) -> None:
        super().__init__(expected)
        self.reason = reason
        self.expected = expected


def _parse_line(raw: bytes, classes: dict[str, int]) -> tuple[list[float], int, int]:
    """Vertices, class and flags of one line."""
    try:
        fields = raw.decode("utf-8").split()
    except UnicodeDecodeError as error:
        raise _LineError(Reason.MALFORMED_LINE, "UTF-8 text") from error
    if len(fields) not in (9, 10):
        raise _LineError(Reason.MALFORMED_LINE, f"{_EXPECTED}; found {len(fields)}")
    try:
        quad = [number(text) for text in fields[:8]]
    except ValueError as error:
        raise _LineError(Reason.MALFORMED_LINE, f"8 numbers: {_EXPECTED}") from error
    if not all(map(math.isfinite, quad)):
        raise _LineError(Reason.NOT_FINITE, "finite coordinates")
    if fields[8] not in classes:
        raise _LineError(Reason.UNKNOWN_CLASS, f"one of {', '.join(classes)}")
    difficult = fields[9] if len(fields) == 10 else "0"
    if difficult not in _DIFFICULT:
        raise _LineError(Reason.MALFORMED_LINE, "difficult to be 0, 1 or 2")
    return quad, classes[fields[8]], _DIFFICULT[difficult]


def _set_metadata(annotations: Annotations, root: Path, item: Item, file: _LabelFile, drops: Drops) -> None:
    """Official GSD and origin: from the header of the label file, or from v2.0's metadata file."""
    header, path = file.header, file.path
    if not header and item.meta is not None:
        data = read_label(root, item, item.meta, Drops(), most=MAX_LABEL_BYTES)
        if data is None:
            drops.add(
                Drop("metadata", Reason.LABEL_UNREADABLE, item.image_id, item.meta, None, "", "a text file")
            )
            return
        header, path = _LabelFile(file.item, item.meta, data).header, item.meta
    source, _ = header.get("imagesource", ("", 0))
    annotations.image_source[file.item] = None if source.lower() in ("", "none", "null") else called(source)
    text, line = header.get("gsd", ("", 0))
    if text.lower() in ("", "none", "null"):
        return
    try:
        gsd = number(text)
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
                line,
                shown(f"gsd:{text}"),
                "metres per pixel above 0, or null",
            )
        )


def peek(paths: Iterable[Path]) -> tuple[bool, set[str]]:
    """Whether any of the label files has header lines, and all class names that occur in them."""
    header = False
    names: set[bytes] = set()
    for path in paths:
        try:
            with path.open("rb") as opened:
                file = _LabelFile(0, str(path), opened.read(MAX_LABEL_BYTES))
        except OSError:
            continue  # the build reports it, with its reason
        header = header or bool(file.header)
        names.update(fields[8] for fields in map(bytes.split, file.body.split(b"\n")) if len(fields) >= 9)
    return header, {name.decode("utf-8", "replace") for name in names}
