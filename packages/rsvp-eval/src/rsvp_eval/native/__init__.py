"""The compiled kernels, where they could be built; callers have an exact path in Python for where not.

The kernels are plain C functions over flat arrays (``*.cpp`` beside this file), called through ctypes, so
that they know nothing of the interpreter. ``RSVP_EVAL_NATIVE=0`` switches them off.
"""

from __future__ import annotations

import ctypes
import functools
import os
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path


@functools.cache
def kernels() -> ctypes.CDLL | None:
    """The library of kernels, or None where it was not built or is switched off."""
    if os.environ.get("RSVP_EVAL_NATIVE") == "0":
        return None
    for suffix in EXTENSION_SUFFIXES:
        path = Path(__file__).with_name(f"_kernels{suffix}")
        if path.is_file():
            return ctypes.CDLL(str(path))
    return None
