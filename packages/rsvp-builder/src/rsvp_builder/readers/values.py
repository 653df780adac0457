"""Values of files that nobody here wrote: told briefly, and tested before they are counted with."""

from __future__ import annotations

from itertools import islice
from typing import Any

_LARGEST = 1 << 1000
"""Whole numbers beyond it are no floats."""


def is_number(value: Any) -> bool:
    """Whether a value is a number that a float can hold, or ``nan`` or ``inf``; True and False are none."""
    return isinstance(value, float) or (type(value) is int and abs(value) < _LARGEST)


def brief(value: Any) -> str:
    """A value for the ledger: numbers and short texts as they are, lists by their first entries.

    What lies deeper is only named, since a pickle can hold values whose text is endless.
    """
    if isinstance(value, list | tuple):
        return f"[{', '.join(_flat(v) for v in value[:8])}{', …' if len(value) > 8 else ''}]"
    return _flat(value)


def brief_dict(value: Any) -> str:
    """As :func:`brief`, with the first entries of a dict."""
    if not isinstance(value, dict):
        return brief(value)
    entries = [f"{_flat(key)}: {_flat(inner)}" for key, inner in islice(value.items(), 8)]
    return f"{{{', '.join(entries)}{', …' if len(value) > 8 else ''}}}"


def _flat(value: Any) -> str:
    if value is None or isinstance(value, bool | float):
        return str(value)
    if isinstance(value, int):
        return str(value) if abs(value) < _LARGEST else "a huge number"
    if isinstance(value, str | bytes):
        return repr(value[:60])
    return f"a {type(value).__name__}"
