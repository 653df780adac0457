"""How many documents have an n-gram: the table behind the idf of CIDEr, and the file it is kept in.

A document is one sample with all its references. CIDEr usually counts them over the very samples it scores,
so its value depends on which samples those are. A table kept in a file gives values that can be compared
between sets, and a meaning to CIDEr on a few samples.

The file is JSON::

    {"documents": 40504, "df": {"airplane": 812, "a white airplane": 97}}

N-grams are one to four words set apart by one space, tokenised as the captions to score will be. Those not
listed count as in no document. The pickled tables of other tools are not read: to open a pickle is to run it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rsvp_eval.captions import Captions
from rsvp_eval.errors import EvalError
from rsvp_eval.metrics.ngrams import ORDERS, numbered, samples_with

_KEYS = {"documents", "df"}
_REMEDY = (
    'expected {"documents": N, "df": {"words of an n-gram": count}} as write_document_frequency writes it'
)


@dataclass(frozen=True)
class DocumentFrequency:
    """A table of document frequencies.

    Attributes:
        documents: how many documents were counted, at least 1.
        counts: in how many of them each n-gram is, its words set apart by one space.
        name: what the table is called where a score says how it was made.
    """

    documents: int
    counts: Mapping[str, int]
    name: str = "table"


class _DuplicateKeyError(ValueError):
    """An object of JSON has a key twice."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def count_documents(captions: Captions) -> DocumentFrequency:
    """Count the references of samples, as CIDEr does where it is given no table."""
    words = captions.words
    counts: dict[str, int] = {}
    for grams in numbered(words):
        found = samples_with(captions, grams)
        place = np.zeros(grams.distinct, dtype=np.int64)
        place[grams.numbers[grams.places]] = grams.places
        for number in np.flatnonzero(found).tolist():
            ids = words.ids[place[number] : place[number] + grams.order].tolist()
            counts[" ".join([words.vocabulary[i] for i in ids])] = int(found[number])
    return DocumentFrequency(len(captions), counts)


def write_document_frequency(path: Path, captions: Captions) -> DocumentFrequency:
    """Count the references of samples and write the table, one n-gram a line.

    Returns:
        The table as :func:`read_document_frequency` would give it.

    Raises:
        EvalError: if there is no sample, or the file cannot be written.
    """
    table = count_documents(captions)
    if not table.documents:
        raise EvalError(f"{path}: no samples to count; a table of document frequencies needs one at least")
    temporary = path.with_name(f"{path.name}.tmp{os.getpid()}")
    try:
        with temporary.open("w", encoding="ascii") as file:
            file.write(f'{{"documents": {table.documents}, "df": {{')
            separator = "\n"
            for gram, count in table.counts.items():
                file.write(f"{separator}{json.dumps(gram)}: {count}")
                separator = ",\n"
            file.write("\n}}\n")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise EvalError(f"{path}: cannot be written: {error.strerror or error}") from error
    return DocumentFrequency(table.documents, table.counts, _name(path, path.read_bytes()))


def read_document_frequency(path: Path) -> DocumentFrequency:
    """Read a table.

    Raises:
        EvalError: if it cannot be read, is not of this format, or has counts that cannot be.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8")
        content = json.loads(text, object_pairs_hook=_object)
    except OSError as error:
        raise EvalError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        why = f"is not UTF-8 at byte {error.start}"
        if data[:1] == b"\x80":
            why = "is a pickle, which is not read since to open one is to run it; count the references anew"
        raise EvalError(f"{path}: {why}; {_REMEDY}") from error
    except json.JSONDecodeError as error:
        raise EvalError(f"{path}: line {error.lineno}: not JSON: {error.msg}; {_REMEDY}") from error
    except _DuplicateKeyError as error:
        raise EvalError(f"{path}: {_line(text, error.key)}{error.key!r} is there twice; keep one") from error
    except (RecursionError, ValueError) as error:
        raise EvalError(f"{path}: not such JSON as a table is: {error}; {_REMEDY}") from error
    return _checked(path, text, content, _name(path, data))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(key)
            seen.add(key)
    return found


def _checked(path: Path, text: str, content: object, name: str) -> DocumentFrequency:
    if not isinstance(content, dict) or content.keys() != _KEYS:
        read = f"the keys {sorted(content)}" if isinstance(content, dict) else type(content).__name__
        raise EvalError(f"{path}: read {read[:200]}; {_REMEDY}")
    documents, counts = content["documents"], content["df"]
    if not _is_count(documents):
        raise EvalError(f"{path}: 'documents' is {_shown(documents)}; expected a whole number, at least 1")
    if not isinstance(counts, dict):
        raise EvalError(f"{path}: 'df' is {_shown(counts)}; {_REMEDY}")
    for gram, count in counts.items():
        words = gram.split(" ")
        if words != gram.split() or len(words) > ORDERS:
            raise EvalError(
                f"{path}: {_line(text, gram)}read the n-gram {_shown(gram)}; expected one to {ORDERS} words, "
                "set apart by one space"
            )
        if not _is_count(count) or count > documents:
            raise EvalError(
                f"{path}: {_line(text, gram)}{_shown(gram)} is in {_shown(count)} documents; expected a "
                f"whole number from 1 to the {documents} documents there are"
            )
    return DocumentFrequency(documents, counts, name)


def _is_count(value: object) -> bool:
    return type(value) is int and 1 <= value < 2**53  # float64 holds these exactly; a bool is no count


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _line(text: str, key: str) -> str:
    """Where a key is, as far as it can be told: it may be written with other escapes."""
    for spelled in (json.dumps(key), json.dumps(key, ensure_ascii=False)):
        place = text.rfind(spelled)
        if place >= 0:
            return f"line {text.count(chr(10), 0, place) + 1}: "
    return ""


def _name(path: Path, data: bytes) -> str:
    return f"file:{path.name} idf_sha256={hashlib.sha256(data).hexdigest()[:16]}"
