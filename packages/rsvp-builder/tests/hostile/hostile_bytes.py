"""Damage to bytes and to lines of text, whatever they mean."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

Mutator = Callable[[random.Random, bytes], bytes]
"""Makes other bytes of some; all chance comes from the generator."""

_NUMERALS = """
    nan inf -inf Infinity NaN 1e400 -1e400 1e308 -1e308 1e-320 1e18 -1 -0 0 0.5 1e 1e+ --1 +5
    0x10 1_000 1,5 .5 5. 2147483647 2147483648 4294967296 9223372036854775807
    9223372036854775808 -9223372036854775808 18446744073709551616 16777217 100001 ١٢ ½ ０
"""
NUMERALS = (
    *_NUMERALS.split(),
    "",
    " ",
    "9" * 400,
    "-" + "9" * 400,
    "9" * 5000,
    "1" + "0" * 308 + ".5",
    "0." + "0" * 500 + "1",
)
"""What may stand where a number should."""

WORDS = (
    "",
    " ",
    "\x00",
    "\x1b[31mred\x1b]0;title\x07",
    "\x9b31m",
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "[bold red]markup[/]",
    "{{7*7}}{% raw %}",
    "a\nb",
    "a\r\nb\u2028c\u2029d\x85e",
    "\u202egnp.exe\u202c",
    "\ufeffship",
    "x" * 5000,
    "../../../../etc/passwd",
    "/etc/passwd",
    "..\\..\\windows\\win.ini",
    "C:\\nul",
    "/dev/zero",
    "file:///etc/passwd",
    "/vsicurl/http://127.0.0.1:9/x.tif",
    "%s%n%d{0}{a.b}",
    "<Region 1>: <Mark 2>",
    "\U0001f6a2" * 40,
    "\ud800",
    "'; drop table rows; --",
)
"""What may stand where a name or a caption should."""

_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
_WORD = re.compile(rb"[A-Za-z][A-Za-z_ -]{2,}")


def encoded(text: str) -> bytes:
    """Text as bytes; half a surrogate pair as the three bytes that UTF-8 forbids."""
    return text.encode("utf-8", "surrogatepass")


def _place(rng: random.Random, data: bytes) -> int:
    return rng.randrange(len(data) + 1)


def _times(wanted: int, length: int) -> int:
    """How often a piece may be repeated without growing beyond what is interesting."""
    return max(1, min(wanted, (1 << 22) // max(length, 1)))


def flip(rng: random.Random, data: bytes) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8, 64))):
        if changed:
            changed[rng.randrange(len(changed))] = rng.choice(
                (0, 255, 127, 10, 34, 44, 60, rng.randrange(256))
            )
    return bytes(changed)


def truncate(rng: random.Random, data: bytes) -> bytes:
    return data[: _place(rng, data)]


def behead(rng: random.Random, data: bytes) -> bytes:
    return data[_place(rng, data) :]


def cut_out(rng: random.Random, data: bytes) -> bytes:
    a, b = sorted((_place(rng, data), _place(rng, data)))
    return data[:a] + data[b:]


def repeat(rng: random.Random, data: bytes) -> bytes:
    a, b = sorted((_place(rng, data), _place(rng, data)))
    return data[:b] + data[a:b] * _times(rng.choice((1, 2, 30)), b - a) + data[b:]


def insert(rng: random.Random, data: bytes) -> bytes:
    at = _place(rng, data)
    what = rng.choice(
        (
            b"\x00",
            b"\x00" * 4096,
            b"\xff\xfe",
            b"\xed\xa0\x80",
            b"\xc0\xaf",
            b"\x1a",
            b"\x0c",
            b"\xe2\x80\xa8",
            b"\xc2\x85",
            b"\x1c",
            b"\xc2\xa0",
            b"\r",
            b"\r\r\n",
            b"\n\n\n",
            b'"',
            b"'",
            b"\\",
            rng.randbytes(rng.choice((1, 7, 300))),
        )
    )
    return data[:at] + what + data[at:]


def empty(rng: random.Random, data: bytes) -> bytes:
    return rng.choice((b"", b"\n", b" ", b"\x00", b"\xef\xbb\xbf", b"\xff\xfe"))


def other_encoding(rng: random.Random, data: bytes) -> bytes:
    text = data.decode("utf-8", "replace")
    return rng.choice(
        (
            text.encode("utf-16"),
            text.encode("utf-16-le"),
            text.encode("utf-32"),
            b"\xef\xbb\xbf" + data,
            b"\xef\xbb\xbf" * 2 + data,
            data.replace(b"\n", b"\r\n"),
            data.replace(b"\n", b"\r"),
            data.replace(b"\n", b" "),
            data.replace(b"e", b"\xe9"),
            data.replace(b" ", b"\xc2\xa0"),
            data.replace(b" ", b"\t"),
        )
    )


def long_line(rng: random.Random, data: bytes) -> bytes:
    at, length = _place(rng, data), rng.choice((70_000, 1_000_000))
    return (
        data[:at]
        + rng.choice((b"a", b" ", b"1", b"1 ", b"<", b"[", b"(", b"\n", b"{ <", b"1,")) * length
        + data[at:]
    )


def lines(rng: random.Random, data: bytes) -> bytes:
    parts = data.split(b"\n")
    i, j = rng.randrange(len(parts)), rng.randrange(len(parts))
    match rng.randrange(5):
        case 0:
            parts[i], parts[j] = parts[j], parts[i]
        case 1:
            parts.insert(j, parts[i])
        case 2:
            del parts[i]
        case 3:
            parts[i : i + 1] = [parts[i]] * _times(rng.choice((2, 100, 2000)), len(parts[i]))
        case 4:
            parts[i] = b" ".join(parts[i].split()[::-1])
    return b"\n".join(parts)


def numeral(rng: random.Random, data: bytes) -> bytes:
    return _replaced(rng, data, _NUMBER, NUMERALS)


def word(rng: random.Random, data: bytes) -> bytes:
    return _replaced(rng, data, _WORD, WORDS)


def _replaced(
    rng: random.Random, data: bytes, what: re.Pattern[bytes], by: tuple[str, ...] | list[str]
) -> bytes:
    found = list(what.finditer(data[: 1 << 20]))
    if not found:
        return flip(rng, data)
    new = encoded(rng.choice(by))
    if rng.random() < 0.1:
        return what.sub(lambda _: new, data)
    at = rng.choice(found)
    return data[: at.start()] + new + data[at.end() :]


ANY: dict[str, Mutator] = {f.__name__: f for f in (flip, truncate, behead, cut_out, repeat, insert, empty)}
TEXT: dict[str, Mutator] = {f.__name__: f for f in (other_encoding, long_line, lines, numeral, word)}
