"""From the text of label files to numbers and tokens, in columns.

The files of a whole batch go through one CSV parse. Only what that refuses is parsed file by file, and
then line by line, which gives each bad line its diagnosis; all ways read the same. What the numbers mean
is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from rsvp_builder.readers.box_txt.form import Field, Form
from rsvp_builder.readers.texts import MOST_BAD_LINES, number
from rsvp_builder.record import FloatArray, IntArray

_OTHER_BLANKS = (b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x1f")
"""Blanks besides space and tab: the CSV parser would take them for text."""
_END = "(end)"
"""Column behind one separator too many at the end of every line."""

Codes = Mapping[str, Callable[[str], int]]
"""Name of each field that holds a token -> the code of a token."""


@dataclass(frozen=True, slots=True)
class Text:
    """One label file.

    Attributes:
        body: its bytes, with every line end as a line feed.
    """

    body: bytes

    def lines(self) -> list[bytes]:
        """Its lines; the last one is empty where the file ends with a line feed."""
        return self.body.split(b"\n")


def as_text(data: bytes) -> Text:
    """The text of a label file that was read."""
    return Text(data.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in data else data)


@dataclass(frozen=True, slots=True)
class Rows:
    """Lines of the right form, in columns of length n.

    Attributes:
        file: (n,) int64, position of the file.
        line: (n,) int64, 1-based line in it.
        numbers: by name of a field, (n,) float64, whatever it is.
        codes: by name of a field that holds a token, (n,) int64.
    """

    file: IntArray
    line: IntArray
    numbers: dict[str, FloatArray]
    codes: dict[str, IntArray]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is not of the form: position of the file, line, and what was expected.

    Line 0 is the whole file.
    """

    file: int
    line: int
    expected: str


def parse(texts: Sequence[Text], form: Form, codes: Codes) -> tuple[Rows, list[BadLine]]:
    """Parse label files.

    Args:
        texts: the files.
        form: how a line is written.
        codes: see :data:`Codes`; fields without are numbers.
    """
    bad: list[BadLine] = []
    rows = _parse_columns(texts, range(len(texts)), form, codes)
    if rows is not None:
        return rows, bad
    pieces = []
    for position, text in enumerate(texts):
        piece = _parse_columns([text], [position], form, codes)
        pieces.append(_parse_lines(text, position, form, codes, bad) if piece is None else piece)
    rows = Rows(
        file=np.concatenate([piece.file for piece in pieces]),
        line=np.concatenate([piece.line for piece in pieces]),
        numbers={name: np.concatenate([p.numbers[name] for p in pieces]) for name in pieces[0].numbers},
        codes={name: np.concatenate([p.codes[name] for p in pieces]) for name in codes},
    )
    return rows, bad


def _parse_columns(texts: Sequence[Text], positions: Sequence[int], form: Form, codes: Codes) -> Rows | None:
    """One CSV parse over all files, or None where any line is not plainly written."""
    counts = np.array(
        [t.body.count(b"\n") + bool(t.body and not t.body.endswith(b"\n")) for t in texts], np.int64
    )
    total = int(counts.sum())
    if not total:
        return _rows(positions, counts, {f.name: np.zeros(0) for f in form.fields}, codes)
    whole = b"".join(t.body if not t.body or t.body.endswith(b"\n") else t.body + b"\n" for t in texts)
    if not whole.isascii() or any(blank in whole for blank in _OTHER_BLANKS):
        return None
    first = whole[: whole.find(b"\n")]
    delimiter = b"," if form.comma else b"\t" if b"\t" in first else b" "
    if not form.comma and (b" " if delimiter == b"\t" else b"\t") in whole:
        return None
    columns = [field.name for field in form.fields]
    if (first.rstrip(b" ") if form.comma else first).endswith(delimiter):
        columns.append(_END)
    plain = {field.name for field in form.fields if field.bare and field.name not in codes}
    token = pa.dictionary(pa.int32(), pa.string())
    try:
        table = pa_csv.read_csv(
            pa.BufferReader(whole),
            pa_csv.ReadOptions(column_names=columns, use_threads=False, block_size=len(whole) + 1),
            pa_csv.ParseOptions(delimiter=delimiter.decode(), quote_char=False, ignore_empty_lines=False),
            pa_csv.ConvertOptions(
                column_types={name: pa.float64() if name in plain else token for name in columns},
                null_values=[],
                strings_can_be_null=False,
            ),
        )
    except pa.ArrowInvalid:
        return None
    if _END in columns and any(map(str.strip, table[_END].combine_chunks().dictionary.to_pylist())):
        return None
    values: dict[str, FloatArray | IntArray] = {}
    try:
        for field in form.fields:
            column = table[field.name].combine_chunks()
            if field.name in plain:
                values[field.name] = column.to_numpy()
                # How a number that is none may be written is for the careful way to say.
                if not np.isfinite(values[field.name]).all():
                    return None
            else:
                values[field.name] = _looked_up(column, field, codes.get(field.name))
    except ValueError:
        return None
    return _rows(positions, counts, values, codes)


def _looked_up(
    column: pa.DictionaryArray, field: Field, code: Callable[[str], int] | None
) -> FloatArray | IntArray:
    tokens = [field.token(text) for text in column.dictionary.to_pylist()]
    found = np.array([code(token) for token in tokens] if code else [number(token) for token in tokens])
    looked_up: FloatArray | IntArray = found[column.indices.to_numpy()]
    return looked_up


def _rows(
    positions: Sequence[int],
    counts: IntArray,
    values: Mapping[str, FloatArray | IntArray],
    codes: Codes,
) -> Rows:
    starts = np.cumsum(counts) - counts
    return Rows(
        file=np.repeat(np.array(positions, np.int64), counts),
        line=np.arange(int(counts.sum())) - np.repeat(starts, counts) + 1,
        numbers={name: column.astype(np.float64) for name, column in values.items() if name not in codes},
        codes={name: values[name].astype(np.int64) for name in codes},
    )


def _parse_lines(text: Text, position: int, form: Form, codes: Codes, bad: list[BadLine]) -> Rows:
    """The careful way: every line by itself; blank lines and extra blanks are tolerated."""
    lines: list[int] = []
    values: list[list[float]] = []
    before = len(bad)
    for line, raw in enumerate(text.lines(), start=1):
        if not raw.strip():
            continue
        try:
            values.append(_parse_line(raw, form, codes))
            lines.append(line)
        except _NotOfFormError as error:
            bad.append(BadLine(position, line, str(error)))
            if len(bad) - before > MOST_BAD_LINES:
                expected = f"a file in which at most {MOST_BAD_LINES} lines are not {form.template}"
                bad[before:] = [BadLine(position, 0, expected)]
                lines, values = [], []
                break
    table = np.array(values, np.float64).reshape(-1, len(form.fields))
    columns = {field.name: table[:, index] for index, field in enumerate(form.fields)}
    return Rows(
        file=np.full(len(lines), position, np.int64),
        line=np.array(lines, np.int64),
        numbers={name: column for name, column in columns.items() if name not in codes},
        codes={name: columns[name].astype(np.int64) for name in codes},
    )


class _NotOfFormError(Exception):
    pass


def _parse_line(raw: bytes, form: Form, codes: Codes) -> list[float]:
    try:
        parts = form.split(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _NotOfFormError("UTF-8 text") from error
    if len(parts) != len(form.fields):
        raise _NotOfFormError(f"{form.template}: {len(form.fields)} fields; found {len(parts)}")
    values: list[float] = []
    for field, part in zip(form.fields, parts, strict=True):
        try:
            token = field.token(part)
            values.append(codes[field.name](token) if field.name in codes else number(token))
        except ValueError as error:
            expected = f"{field.before}{field.name}{field.after} to be a number"
            raise _NotOfFormError(f"{form.template}, {expected}") from error
    return values
