"""Whether a JSON value has the form that a schema asks for.

The schemas of the prompts use a handful of words (see ``spec.py``), so that a validator is a page long.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_NAMES = {dict: "an object", list: "a list", str: "a string", bool: "a truth value", type(None): "null"}


def form_problems(value: Any, schema: dict[str, Any], path: str = "") -> Iterator[str]:
    """Everything in which a value differs from its schema, a clause each."""
    where = path or "the answer"
    match schema["type"]:
        case "object":
            if not isinstance(value, dict):
                yield f"{where} is {_name(value)}, expected an object"
                return
            for name, inner in schema["properties"].items():
                if name in value:
                    yield from form_problems(value[name], inner, f"{path}.{name}" if path else name)
                else:
                    yield f'{where} has no "{name}"'
            for name in value.keys() - schema["properties"].keys():
                yield f'{where} has "{name[:40]}", which was not asked for'
        case "array":
            if not isinstance(value, list):
                yield f"{where} is {_name(value)}, expected a list"
                return
            for number, item in enumerate(value):
                yield from form_problems(item, schema["items"], f"{path}[{number}]")
        case "string":
            if not isinstance(value, str):
                yield f"{where} is {_name(value)}, expected a string"
            elif not value.strip():
                yield f"{where} is empty"
            elif _NO_TEXT.search(value):
                yield f"{where} has characters that are no text"
        case "integer":
            if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
                yield f"{where} is {_name(value)}, expected a whole number"


def _name(value: Any) -> str:
    return _NAMES.get(type(value), "a number")
