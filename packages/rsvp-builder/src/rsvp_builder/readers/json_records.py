"""Records of large JSON files, one at a time, with their lines.

Annotation files of whole releases are arrays of records, at the top or below keys of one object, and
reach hundreds of megabytes; their values are decoded one by one. What lies before a defect is given;
the defect is raised with its line.
"""

from __future__ import annotations

import errno
import json
import math
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_CHUNK = 4 * 2**20
_BLANK = re.compile(r"[ \t\n\r]*")
_DELIMITERS = frozenset(" \t\n\r,:]}")
MAX_RECORD = 16 * 2**20
"""Characters of one record above which a file is refused."""
DEEPEST = 64
"""Lists and objects in one another above which a file is refused: whoever handles them recurses."""


class JsonError(Exception):
    """JSON that cannot be read from some place on.

    Attributes:
        line: 1-based line of that place.
        value: what was read.
        expected: what was expected.
    """

    def __init__(self, line: int, value: str, expected: str) -> None:
        super().__init__(f"line {line}: {value}, expected {expected}")
        self.line = line
        self.value = value
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Record:
    """One element of an array.

    Attributes:
        key: key of the array in the top-level object; empty for a top-level array.
        number: position in its array, from 1.
        line: 1-based line on which it begins.
        value: the decoded record.
    """

    key: str
    number: int
    line: int
    value: Any


def records(path: Path, wanted: Callable[[str], bool] = lambda key: True) -> Iterator[Record]:
    """The elements of a top-level array, or of every array below a wanted key of a top-level object.

    Other values of the object are passed over. Bytes that are no UTF-8 reach the strings as lone
    surrogates, so that they cost their record and not the file.

    Args:
        path: the file.
        wanted: says of each key whether its array is wanted.

    Raises:
        OSError: it cannot be read.
        JsonError: it is not JSON from some place on; records before it have been given.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise OSError(errno.EINVAL, "a folder, pipe or device")  # to open a pipe waits for who writes into it
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        text = _Text(file.read)
        first = text.peek()
        if first == "[":
            yield from text.array("")
        elif first == "{":
            for key in text.object_keys():
                if text.peek() == "[" and wanted(key):
                    yield from text.array(key)
                elif text.peek() == "[":
                    for _ in text.array(key):
                        pass
                else:
                    text.value()
        else:
            raise text.error("an array or an object", first or "nothing")
        if text.peek():
            raise text.error("the end of the file")


def _whole(digits: str) -> float:
    try:
        return int(digits)
    except ValueError:
        return -math.inf if digits.startswith("-") else math.inf


_LENIENT = json.JSONDecoder(parse_int=_whole)


class _Text:
    """A window of the file's text that moves forward."""

    def __init__(self, read: Callable[[int], str]) -> None:
        self._read = read
        self._decoder = json.JSONDecoder()
        self._buffer = ""
        self._at = 0
        self._line = 1
        self._counted = 0
        self._ended = False

    def _more(self) -> bool:
        """Read on; False at the end of the file."""
        if self._ended:
            return False
        self.line()
        self._buffer = self._buffer[self._at :]
        self._at = self._counted = 0
        # A record that does not fit is doubled, not grown by a chunk, so that it is not decoded too often.
        piece = self._read(max(_CHUNK, len(self._buffer)))
        self._ended = not piece
        self._buffer += piece
        return bool(piece)

    def line(self) -> int:
        self._line += self._buffer.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def error(self, expected: str, value: str | None = None) -> JsonError:
        rest = self._buffer[self._at : self._at + 40]
        return JsonError(self.line(), value or rest or "the end of the file", expected)

    def peek(self) -> str:
        """The next character that is no blank, empty at the end."""
        while True:
            self._at = _BLANK.match(self._buffer, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._more():
                return ""

    def take(self, character: str) -> None:
        if self.peek() != character:
            raise self.error(f"'{character}'")
        self._at += 1

    def value(self) -> Any:
        """Decode the value that begins here."""
        self.peek()
        while True:
            try:
                value, end = self._decoded()
            except RecursionError as error:
                raise self.error("JSON of sensible depth", "nesting too deep") from error
            except ValueError as error:
                self._check_length()
                if self._more():
                    continue
                message = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
                raise self.error("JSON", f"{message}: {self._buffer[self._at : self._at + 40]}") from error
            # A number at the end of the window may go on behind it, as 1.5e7 does behind 1, 1.5 or 1.5e.
            ended = self._buffer[end : end + 1] in _DELIMITERS
            if not ended:
                self._check_length()
            if ended or not self._more():
                if self._is_deep(value, end):
                    raise self.error("JSON of sensible depth", "nesting too deep")
                self._at = end
                return value

    def _check_length(self) -> None:
        """Refuse a record that would have to be read on although it is too long already."""
        if len(self._buffer) - self._at > MAX_RECORD:
            limit = f"a record of at most {MAX_RECORD} characters"
            raise self.error(limit, "a longer one, or one that is damaged")

    def _decoded(self) -> tuple[Any, int]:
        try:
            return self._decoder.raw_decode(self._buffer, self._at)
        except json.JSONDecodeError:
            raise
        except ValueError:  # a whole number of more digits than Python reads; it costs its record alone
            return _LENIENT.raw_decode(self._buffer, self._at)

    def _is_deep(self, value: Any, end: int) -> bool:
        openings = sum(self._buffer.count(bracket, self._at, end) for bracket in "[{")
        level = [value] if openings > DEEPEST else []
        for _ in range(DEEPEST):
            level = [
                inner
                for outer in level
                if isinstance(outer, list | dict)
                for inner in (outer.values() if isinstance(outer, dict) else outer)
                if isinstance(inner, list | dict)
            ]
            if not level:
                return False
        return True

    def object_keys(self) -> Iterator[str]:
        """The keys of the object that begins here; whoever asks reads the value before the next."""
        self.take("{")
        while self.peek() != "}":
            key = self.value()
            if not isinstance(key, str):
                raise self.error("a key")
            self.take(":")
            yield key
            if self.peek() == "}":
                break
            self.take(",")
        self.take("}")

    def array(self, key: str) -> Iterator[Record]:
        """The elements of the array that begins here."""
        self.take("[")
        number = 0
        while self.peek() != "]":
            number += 1
            line = self.line()
            yield Record(key, number, line, self.value())
            if self.peek() == "]":
                break
            self.take(",")
        self.take("]")
