"""Captions as people wrote them, apart from what their encoding did to them."""

from __future__ import annotations

import re

from rsvp_builder.readers.texts import sentence

_ASCII = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}
"""Full-width forms of ASCII, which input methods of Chinese type."""

_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")


def caption(text: str) -> str:
    """A caption with single spaces.

    Full-width ASCII in a text that is not Chinese becomes ASCII, as compatibility normalisation (NFKD) does
    that readers of NWPU-Captions apply; everything else, accents and fractions included, stays as written.

    Raises:
        ValueError: it is no text, such as bytes of another encoding.
    """
    plain = text if _CHINESE.search(text) else text.translate(_ASCII)
    return sentence(plain)


def has_word(text: str) -> bool:
    """Whether a caption has a letter: ``.`` and ``1 .`` say nothing about an image."""
    return _LETTER.search(text) is not None
