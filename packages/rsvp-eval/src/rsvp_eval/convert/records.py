"""Records of a file, be it one JSON list or JSON Lines, and what can be wrong with one."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from rsvp_eval.errors import EvalError
from rsvp_eval.inputs.jsonl import JsonLines, Object, shown


@dataclass(frozen=True, slots=True)
class Record:
    """An object of a file.

    Attributes:
        where: file and line, or file and number of the record from 1.
        value: the object.
    """

    where: str
    value: Object

    def fail(self, problem: str) -> NoReturn:
        """Say what is wrong with it.

        Raises:
            EvalError: always.
        """
        raise EvalError(f"{self.where}: {problem}")

    def field(self, path: str) -> Any:
        """What stands under a key, or under keys set apart by dots such as ``doc.image_id``.

        Raises:
            EvalError: there is no such key.
        """
        if path in self.value:
            return self.value[path]
        at: Any = self.value
        for key in path.split("."):
            if not isinstance(at, dict) or key not in at:
                self.fail(f"no '{path}'; keys read: {shown(', '.join(self.value), quoted=False)}")
            at = at[key]
        return at

    def identity(self, path: str) -> str:
        """The id under a key: a string that is not empty, or a whole number as written.

        Raises:
            EvalError: there is none.
        """
        found = self.field(path)
        if type(found) is int or (type(found) is str and found):
            return str(found)
        self.fail(f"'{path}' is {shown(found)}; expected a string or a whole number to be the id")

    def answer(self, path: str) -> str | None:
        """The text under a key, or None for null.

        Raises:
            EvalError: there is no such key, or something else is there.
        """
        found = self.field(path)
        if found is None or type(found) is str:
            return found
        self.fail(f"'{path}' is {shown(found)}; expected a string, or null for no answer")

    def texts(self, path: str) -> list[str]:
        """The text or the list of texts under a key, as a list.

        Raises:
            EvalError: there is none.
        """
        found = self.field(path)
        texts = found if isinstance(found, list) else [found]
        if not texts or not all(type(text) is str for text in texts):
            self.fail(f"'{path}' is {shown(found)}; expected a string or a list of strings")
        return texts


def records(path: Path) -> Iterator[Record]:
    """The records of a JSON list or of JSON Lines, either of them gzipped or not.

    Raises:
        EvalError: the file cannot be read, is not JSON, or holds something that is no object.
    """
    if not _begins_list(path):
        lines = JsonLines(path)
        for value in lines:
            yield Record(f"{path}:{lines.line}", value)
        return
    for number, value in enumerate(document(path), 1):
        where = f"{path}: record {number}"
        if type(value) is not dict:
            raise EvalError(f"{where}: expected an object, read {shown(value)}")
        yield Record(where, value)


def document(path: Path) -> Any:
    """A file that is one JSON document.

    Raises:
        EvalError: the file cannot be read or is not JSON.
    """
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8-sig")
        return json.loads(text, parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise EvalError(f"{path}: not UTF-8 at byte {error.start + 1}; save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise EvalError(
            f"{path}:{error.lineno}: not JSON at column {error.colno}: {error.msg}; is the file complete?"
        ) from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise EvalError(f"{path}: damaged gzip file ({error}); make it anew") from error
    except OSError as error:
        raise EvalError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise EvalError(f"{path}: not JSON: {error}") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value; what is not there is null")


def _begins_list(path: Path) -> bool:
    """Whether a file's first character is that of a JSON list."""
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            first = file.read(3).removeprefix(b"\xef\xbb\xbf")
            while first and first.isspace():
                first = file.read(1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise EvalError(f"{path}: damaged gzip file ({error}); make it anew") from error
    except OSError as error:
        raise EvalError(f"{path}: cannot be read: {error.strerror or error}") from error
    return first.lstrip()[:1] == b"["
