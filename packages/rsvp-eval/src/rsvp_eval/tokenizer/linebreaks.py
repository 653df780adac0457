"""Line breaks inside captions.

The reference writes one caption a line and replaces only line feeds by spaces. A carriage return, vertical
tab, form feed, NEL (U+0085), or line or paragraph separator (U+2028, U+2029) inside a caption then makes
two lines of it, and the tokens of every later caption are given to its neighbour. Here all of them become
spaces before anything else happens.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_SLIPPING = "\r\v\f\x85\u2028\u2029"
_TO_SPACES = str.maketrans(dict.fromkeys(f"\n{_SLIPPING}", " "))
_SLIP = re.compile(f"[{_SLIPPING}]")


def clean(caption: str) -> str:
    """The caption on one line: each character that ends a line is a space."""
    return caption.translate(_TO_SPACES)


def count_cleaned(captions: Sequence[str]) -> int:
    """How many captions hold a line break that makes the reference give tokens to wrong captions.

    That is any but the line feed, which the reference replaces too.
    """
    return sum(_SLIP.search(caption) is not None for caption in captions)
