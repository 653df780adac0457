"""JSON Lines, plain or gzipped, with errors that name file and line."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from rsvp_eval.errors import EvalError

Object = dict[str, Any]

SHOWN = 80
"""Characters of a value that a message shows."""


class JsonLines:
    """The objects of a file, one a line; lines that are blank are passed over.

    A byte order mark is tolerated. ``NaN`` and ``Infinity`` are no JSON.

    Attributes:
        path: the file; ``.gz`` is unpacked.
        line: number of the line read last, from 1.
        sha256: of the file as it lies there; complete once every object was read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.line = 0
        self._digest = hashlib.sha256()
        self._decoder = json.JSONDecoder(parse_constant=_no_number)
        # Slower, so only where a line might need it.
        self._careful = json.JSONDecoder(parse_constant=_no_number, object_pairs_hook=_each_once)

    @property
    def sha256(self) -> str:
        """Hash of the bytes read so far, in hexadecimal digits."""
        return self._digest.hexdigest()

    def __iter__(self) -> Iterator[Object]:
        """Read the file.

        Raises:
            EvalError: it cannot be read, or a line is not UTF-8, not JSON or not an object.
        """
        for line in self._lines():
            self.line += 1
            if not line.isspace():
                yield self._object(line)

    def fail(self, problem: str) -> NoReturn:
        """Say what is wrong with the line read last.

        Raises:
            EvalError: always.
        """
        raise EvalError(f"{self.path}:{self.line}: {problem}")

    def _lines(self) -> Iterator[bytes]:
        try:
            if self.path.suffix == ".gz":
                with self.path.open("rb") as packed:
                    self._digest = hashlib.file_digest(packed, "sha256")
                with gzip.open(self.path) as file:
                    yield from _without_mark(file)
            else:
                with self.path.open("rb") as plain:
                    for line in plain:
                        self._digest.update(line)
                        yield line.removeprefix(b"\xef\xbb\xbf") if self.line == 0 else line
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise EvalError(f"{self.path}: damaged gzip file ({error}); make it anew") from error
        except OSError as error:
            raise EvalError(f"{self.path}: cannot be read: {error.strerror or error}") from error

    def _object(self, line: bytes) -> Object:
        try:
            text = line.decode("utf-8").rstrip()
        except UnicodeDecodeError as error:
            self.fail(
                f"not UTF-8: byte 0x{line[error.start]:02x} at column {error.start + 1}; "
                "save the file as UTF-8"
            )
        decoder = self._decoder
        if line.count(b'"id"') > 1 or line.count(b'"prediction"') > 1:
            decoder = self._careful
        try:
            value = decoder.decode(text)
        except _RefusedError as error:
            self.fail(str(error))
        except ValueError as error:
            self._broken(text, error)
        except RecursionError:
            self.fail("nested too deeply to be what is expected here, an object of strings")
        if type(value) is not dict:
            self.fail(f"expected a JSON object, read {shown(value)}{_hint(value, self.line)}")
        return value

    def _broken(self, text: str, error: ValueError) -> NoReturn:
        hint = ""
        if self.line == 1 and text.lstrip()[:1] in ("[", "{") and len(text) <= 2:
            hint = "; this looks like one JSON document, where one object a line is expected" + CONVERT
        where = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        what = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        self.fail(f"not JSON{where}: {what}; read {shown(text[: SHOWN + 1], quoted=False)}{hint}")


CONVERT = ". `rsvp-eval convert` turns COCO results, LLaVA answers and other formats into predictions"


def identity(lines: JsonLines, record: Object) -> str:
    """The id of a record as a string; whole numbers count as written.

    Raises:
        EvalError: there is none, or it is neither a string nor a whole number.
    """
    found = record.get("id")
    if type(found) is str and found:
        return found
    if type(found) is int:
        return str(found)
    if "id" not in record:
        keys = ", ".join(record) or "none"
        lines.fail(f"no 'id'; keys read: {shown(keys, quoted=False)}{CONVERT}")
    lines.fail(f"'id' is {shown(found)}; expected a string that is not empty, or a whole number")


def text(lines: JsonLines, key: str, value: object, limit: int) -> str:
    """A text of a record.

    Args:
        lines: the file, for the message.
        key: where the text is.
        value: what is there.
        limit: most characters.

    Raises:
        EvalError: it is no string, too long, or holds half of a surrogate pair.
    """
    if type(value) is not str:
        lines.fail(f"'{key}' is {shown(value)}; expected a string")
    if len(value) > limit:
        lines.fail(
            f"'{key}' has {len(value):,} characters, more than the limit of {limit:,}; "
            f"it begins {shown(value)}. Shorten it, or raise the limit if it is meant"
        )
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            lines.fail(
                f"'{key}' holds half of a surrogate pair, \\u{ord(value[error.start]):04x}, at character "
                f"{error.start + 1}, which is no text; write the file anew with whole characters"
            )
    return value


def shown(value: object, *, quoted: bool = True) -> str:
    """A value as JSON for a message, cut where it is long."""
    written = json.dumps(_cut(value), ensure_ascii=False, default=str) if quoted else str(value)
    return written if len(written) <= SHOWN else written[: SHOWN - 3] + "..."


def _cut(value: object) -> object:
    if isinstance(value, str):
        return value[:SHOWN]
    if isinstance(value, list):
        return [_cut(v) for v in value[:SHOWN]]
    if isinstance(value, dict):
        return {k[:SHOWN]: _cut(value[k]) for k in list(value)[:SHOWN]}
    return value


class _RefusedError(ValueError):
    """Something that Python's JSON takes and we do not; the message says what."""


def _no_number(constant: str) -> NoReturn:
    raise _RefusedError(f"{constant} is not JSON; what is not there is null")


def _each_once(pairs: list[tuple[str, object]]) -> Object:
    found: Object = {}
    for key, value in pairs:
        if key in found:
            raise _RefusedError(f"'{key}' stands twice in one object")
        found[key] = value
    return found


def _without_mark(file: Any) -> Iterator[bytes]:
    first = True
    for line in file:
        yield line.removeprefix(b"\xef\xbb\xbf") if first else line
        first = False


def _hint(value: object, line: int) -> str:
    if line == 1 and isinstance(value, list):
        record = value[0] if value else None
        coco = isinstance(record, dict) and "image_id" in record and "caption" in record
        return (": this is a file of COCO results" if coco else ": this is one JSON list") + CONVERT
    return ""
