"""From parsed lines to objects: what a line means, and which lines mean nothing usable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt

from rsvp_builder.geometry import quad_bounds
from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers.box_txt.layout import BoxTxtLayout
from rsvp_builder.readers.box_txt.parse import Codes, Rows, Text, as_text, parse
from rsvp_builder.readers.classes import ClassTable
from rsvp_builder.readers.layouts import layout_of
from rsvp_builder.readers.texts import read_label, shown
from rsvp_builder.record import Annotations, FloatArray, IntArray, Item, ObjectFlag, Objects

_UNKNOWN = -1
_IGNORED = -2


@dataclass(frozen=True, slots=True)
class _Bad:
    """A line that gives no object: position of the file, line, and why."""

    file: int
    line: int
    reason: Reason
    expected: str


def read_labels(root: Path, manifest: Manifest, items: Sequence[Item], drops: Drops) -> Annotations:
    """Parse the label files of some items.

    Args:
        root: folder of the release.
        manifest: the source; its ``[layout]`` says how a line is written and what it means.
        items: images with their label files; an item without one has no objects.
        drops: gets every line and file that cannot be used.

    Returns:
        Objects grouped by item in the order of the files' lines. Boxes and quads are as the source has
        them, taken for half-open and 0-based, unclipped.
    """
    layout, classes = layout_of(manifest, BoxTxtLayout), ClassTable(manifest)
    texts: list[Text] = []
    owners: list[int] = []
    readable = [True] * len(items)
    for position, item in enumerate(items):
        if item.label is None:
            continue
        data = read_label(root, item, item.label, drops)
        readable[position] = data is not None
        if data is not None:
            texts.append(as_text(data))
            owners.append(position)
    rows, unparsed = parse(texts, layout.form, _codes(layout, classes))
    for whole in (line for line in unparsed if not line.line):
        readable[owners[whole.file]] = False
        item = items[owners[whole.file]]
        reason, file = Reason.LABEL_UNREADABLE, item.label or ""
        drops.add(Drop("image", reason, item.image_id, file, None, "", whole.expected))
    bad = [_Bad(line.file, line.line, Reason.MALFORMED_LINE, line.expected) for line in unparsed if line.line]
    folders = [PurePosixPath(items[owner].label or "").parent for owner in owners]
    class_id = _class_ids(rows, layout, classes, folders)
    quad, box = _shapes(rows, layout)
    flags, known = _flags(rows, layout)
    good = np.ones(len(rows.file), bool)
    for wrong, reason, expected in _checks(manifest, layout, rows, class_id, quad, box, known):
        which = good & wrong
        good &= ~wrong
        places = zip(rows.file[which].tolist(), rows.line[which].tolist(), strict=True)
        bad.extend(_Bad(file, line, reason, expected) for file, line in places)
    owner = np.array(owners, np.int64)
    item_of = owner[rows.file[good]]
    seen = np.bincount(item_of, minlength=len(items)).tolist()
    _tell(bad, texts, [items[position] for position in owners], drops)
    for entry in bad:
        seen[owners[entry.file]] += 1
    objects = Objects(item_of, rows.line[good], class_id[good], quad[good], box[good], flags[good])
    return Annotations(objects, seen, [None] * len(items), [None] * len(items), readable)


def _codes(layout: BoxTxtLayout, classes: ClassTable) -> Codes:
    def class_code(token: str) -> int:
        if classes.ignored(token) is not None:
            return _IGNORED
        found = classes.id(token)
        return _UNKNOWN if found is None else found

    def flag_code(name: str, token: str) -> int:
        flag = layout.flags[name].get(token)
        if flag is None:
            return _UNKNOWN
        return int(ObjectFlag[flag.upper()]) if flag else 0

    codes = {name: lambda token, name=name: flag_code(name, token) for name in layout.flags}
    return {**codes, "class": class_code} if layout.form.has_class else codes


def _class_ids(
    rows: Rows, layout: BoxTxtLayout, classes: ClassTable, folders: Sequence[PurePosixPath]
) -> IntArray:
    if layout.form.has_class:
        return rows.codes["class"]
    of_folder = {folder: classes.id(layout.token(folder, layout.labels) or "") for folder in set(folders)}
    ids = [of_folder[folder] for folder in folders]
    found: IntArray = np.array([_UNKNOWN if i is None else i for i in ids], np.int64)[rows.file]
    return found


@np.errstate(over="ignore", invalid="ignore")
def _shapes(rows: Rows, layout: BoxTxtLayout) -> tuple[FloatArray, FloatArray]:
    """Quads, NaN where a line has none, and boxes."""
    form, n = layout.form, len(rows.file)
    quad = np.full((n, 8), np.nan)
    if form.quad:
        quad = np.stack([rows.numbers[name] for name in form.quad], axis=1)
    if not form.box:
        return quad, quad_bounds(quad)
    box = np.stack([rows.numbers[name] for name in form.box], axis=1)
    if form.box_is_extent:
        box[:, 2:] += box[:, :2]
    return quad, box


def _flags(rows: Rows, layout: BoxTxtLayout) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Flags of each row, and whether all their tokens are known."""
    flags, known = np.zeros(len(rows.file), np.int64), np.ones(len(rows.file), bool)
    for name in layout.flags:
        known &= rows.codes[name] != _UNKNOWN
        flags |= np.maximum(rows.codes[name], 0)
    return flags.astype(np.uint8), known


def _checks(
    manifest: Manifest,
    layout: BoxTxtLayout,
    rows: Rows,
    class_id: IntArray,
    quad: FloatArray,
    box: FloatArray,
    known: npt.NDArray[np.bool_],
) -> list[tuple[npt.NDArray[np.bool_], Reason, str]]:
    """What can be wrong with a row, in the order in which it is told: which rows, why, what is expected."""
    finite = np.isfinite(box).all(axis=1)
    for column in rows.numbers.values():
        finite &= np.isfinite(column)
    regular = f"anything but {', '.join(f'{t} ({why})' for t, why in manifest.ignore.items())}"
    flags = "; ".join(f"{name} to be {', '.join(tokens)}" for name, tokens in layout.flags.items())
    area = "width and height above 0" if layout.form.box_is_extent else "x1 < x2 and y1 < y2"
    if layout.form.quad and not layout.form.box:
        area = "a quad with an area"
    checks = [
        (~finite, Reason.NOT_FINITE, "finite numbers"),
        (class_id == _IGNORED, Reason.IGNORED_REGION, regular),
        (class_id == _UNKNOWN, Reason.UNKNOWN_CLASS, ClassTable(manifest).expected),
        (~known, Reason.MALFORMED_LINE, flags),
        (~(box[:, 2:] > box[:, :2]).all(axis=1), Reason.DEGENERATE, area),
    ]
    if layout.within:
        over = (box[:, :2] < 0).any(axis=1) | (box[:, 2:] > layout.within).any(axis=1)
        size = "{} x {} px".format(*layout.within)
        expected = f"a box inside {size}; where most lines say this, they are not {layout.line}"
        checks.append((over, Reason.OUTSIDE_IMAGE, expected))
    return checks


def _tell(bad: list[_Bad], texts: Sequence[Text], items: Sequence[Item], drops: Drops) -> None:
    """Drop the lines, in the order of the files."""
    bad.sort(key=lambda entry: (entry.file, entry.line))
    lines: list[bytes] = []
    last = -1
    for entry in bad:
        if entry.file != last:
            lines, last = texts[entry.file].lines(), entry.file
        item, text = items[entry.file], shown(lines[entry.line - 1])
        drops.add(
            Drop("object", entry.reason, item.image_id, item.label or "", entry.line, text, entry.expected)
        )
