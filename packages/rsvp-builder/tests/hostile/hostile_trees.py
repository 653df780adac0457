"""Damage to what JSON, XML and pickles hold: the files stay what they are and say other things."""

from __future__ import annotations

import json
import pickle
import random
import re
from collections import deque
from itertools import islice
from typing import Any

from hostile_bytes import NUMERALS, WORDS, Mutator, encoded, flip

_TAG = re.compile(rb"<([A-Za-z_][\w.-]*)[^<>]*>([^<>]*)</\1>")
CANARY = "RSVP_HOSTILE_CANARY"
"""A pickle that runs sets this variable of the environment."""


class _Raw:
    """Stands for text that is put into JSON as it is."""

    def __init__(self, text: str) -> None:
        self.text = text


def _value(rng: random.Random) -> Any:
    deep: Any = 1
    for _ in range(rng.choice((5, 60))):
        deep = [deep]
    return rng.choice(
        (
            None,
            True,
            False,
            0,
            -1,
            1.5,
            float("nan"),
            float("inf"),
            1e308,
            2**31,
            2**63,
            -(2**64),
            10**400,
            "",
            [],
            {},
            [[]],
            [None],
            [{}],
            {"": ""},
            {"id": 1},
            [1] * 1000,
            [0.0, 0.0, 0.0, 0.0],
            ["1", "2", "3", "4"],
            [10**400] * 4,
            {"size": [1 << 40, 1 << 40], "counts": "0"},
            {"size": [4, 4], "counts": [16]},
            {"size": [10**30, 1], "counts": [10**30]},
            {"size": [4, 4], "counts": "PPPPPPPPPP0"},
            deep,
            *WORDS,
        )
    )


def _nodes(tree: Any, most: int = 4000) -> list[tuple[Any, Any]]:
    """Places of a tree, which may hold itself, as their container and key."""
    found: list[tuple[Any, Any]] = []
    waiting = deque([tree])
    while waiting and len(found) < most:
        value = waiting.popleft()
        pairs = (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        )
        for key, inner in islice(pairs, most):
            found.append((value, key))
            waiting.append(inner)
    return found


def _changed(rng: random.Random, tree: Any, raw: bool) -> Any:
    for _ in range(rng.choice((1, 1, 1, 3, 10))):
        places = _nodes(tree)
        if not places:
            return _value(rng)
        holder, key = rng.choice(places)
        match rng.randrange(6 if raw else 5):
            case 0 | 1:
                holder[key] = _value(rng)
            case 2:
                if isinstance(holder, dict):
                    del holder[key]
                else:
                    holder.pop(key)
            case 3:
                other, place = rng.choice(places)
                holder[key] = json.loads(json.dumps(other[place], default=repr)) if raw else other[place]
            case 4:
                if isinstance(holder, list):
                    holder.extend(
                        [holder[key]] * rng.choice((1, 3, 500 if len(_nodes(holder[key])) < 50 else 2))
                    )
                else:
                    holder[rng.choice(WORDS)] = holder[key]
            case 5:
                holder[key] = _Raw(_raw(rng))
    return tree


def _raw(rng: random.Random) -> str:
    depth = rng.choice((500, 3000, 100_000))
    return rng.choice(
        (
            "[" * depth,
            "[" * depth + "]" * depth,
            '{"a":' * depth + "1" + "}" * depth,
            '{"id":1,"id":2,"bbox":[1],"bbox":[2]}',
            "9" * 5000,
            "-" + "9" * 70_000,
            "1e" + "9" * 400,
            "1." + "0" * 70_000,
            "[" + "0," * 300_000 + "0]",
            '"' + "x" * 1_000_000 + '"',
            '"\\ud800"',
            '"\\u0000"',
            "NaN",
            "undefined",
            "'single'",
            "[1,]",
            "// note\n1",
            *NUMERALS,
        )
    )


def json_tree(rng: random.Random, data: bytes) -> bytes:
    try:
        tree = json.loads(data)
    except (ValueError, RecursionError):
        return flip(rng, data)
    raws: list[str] = []

    def default(value: Any) -> Any:
        raws.append(value.text if isinstance(value, _Raw) else json.dumps(repr(value)))
        return f"@raw{len(raws) - 1}@"

    text = json.dumps(_changed(rng, tree, raw=True), default=default, indent=rng.choice((None, 1)))
    for number, raw in enumerate(raws):
        text = text.replace(f'"@raw{number}@"', raw)
    return encoded(text)


def laughs(levels: int = 30) -> str:
    """A document type whose entities grow tenfold a level."""
    grow = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(levels))
    return f'<!DOCTYPE annotation [<!ENTITY a0 "ha">{grow}]>'


def xml_tree(rng: random.Random, data: bytes) -> bytes:
    found = list(_TAG.finditer(data[: 1 << 14]))  # the pattern looks far
    if not found:
        return flip(rng, data)
    at = rng.choice(found)
    tag, text = at[1], at[2]
    depth = rng.choice((300, 200_000))
    new = rng.choice(
        (
            b"",
            at[0] * rng.choice((2, 50)),
            b"<" + tag + b"/>",
            b"<" + tag + b">" + encoded(rng.choice(NUMERALS)) + b"</" + tag + b">",
            b"<" + tag + b">" + encoded(rng.choice(WORDS)) + b"</" + tag + b">",
            b"<" + tag + b"><![CDATA[" + encoded(rng.choice(WORDS)) + b"]]></" + tag + b">",
            b"<" + tag + b">" + text + b"<" + tag + b">" + text + b"</" + tag + b"></" + tag + b">",
            b"<" + tag + b" a='1' a='2'>" + text + b"</" + tag + b">",
            b"<x:" + tag + b">" + text + b"</x:" + tag + b">",
            b"<" + tag + b' xmlns="urn:x">' + text + b"</" + tag + b">",
            b"<" + tag + b">&a9;</" + tag + b">",
            b"<" + tag + b">&#0;&#x1b;&#xD800;</" + tag + b">",
            b"<" + tag + b">" * depth,
            b"<a>" * depth + b"</a>" * depth,
            b"<a/>" * depth,
            b"<" + tag + b"><!--" + b"<!--" * 3 + b"--></" + tag + b">",
            b"<!--" * depth,
            b"<![CDATA[" * depth,
            b"<?" * depth,
            b"<object>" * rng.choice((1, 3000)),
            b"<"
            + tag
            + b" "
            + b" ".join(b"a%d='1'" % n for n in range(3000))
            + b">"
            + text
            + b"</"
            + tag
            + b">",
        )
    )
    changed = data[: at.start()] + new + data[at.end() :]
    body = re.sub(rb"^\s*<\?xml.*?\?>", b"", changed)
    match rng.randrange(8):
        case 0:
            return encoded(laughs()) + body
        case 1:
            return b'<!DOCTYPE annotation [<!ENTITY a9 SYSTEM "file:///etc/passwd">]>' + body
        case 2:
            name = rng.choice((b"utf-7", b"utf-16", b"x" * 5000, b"cp037", b"latin-1", b"windows-1252", b""))
            return b'<?xml version="1.0" encoding="' + name + b'"?>' + body
        case _:
            return changed


class _Runs:
    """A pickle of it runs a harmless assignment that a test can see."""

    def __init__(self, how: Any) -> None:
        self.how = how

    def __reduce__(self) -> tuple[Any, ...]:
        return self.how, (f"__import__('os').environ.setdefault({CANARY!r}, '1')",)


def _laughing(levels: int = 40) -> list[Any]:
    """A list that is small in memory and endless when it is printed."""
    inner: list[Any] = ["ha"] * 10
    for _ in range(levels):
        inner = [inner] * 10
    return inner


def pickle_tree(rng: random.Random, data: bytes) -> bytes:
    try:
        # Ours, written by the demo a moment ago, or what an earlier damage left of it.
        tree = pickle.loads(data)
    except Exception:
        return flip(rng, data)
    protocol = rng.choice((0, 1, 2, 4, 5))
    match rng.randrange(8):
        case 0:
            tree = [tree, _Runs(rng.choice((eval, exec)))]
        case 1:
            places = _nodes(tree)
            holder, key = rng.choice(places or [([None], 0)])
            holder[key] = rng.choice((_laughing(), 10**6000, b"\xff" * 9, {1, 2}, (1, 2), 1j, _Runs(eval)))
        case 2:
            return b"\x80\x04" + rng.choice(
                (
                    b"\x8e" + (1 << 45).to_bytes(8, "little"),
                    b"\x96" + (1 << 45).to_bytes(8, "little"),
                    b"\x8b" + (1 << 30).to_bytes(4, "little"),
                    b"K\x01r\xff\xff\xff\x7f.",
                    b"p99999999999\n.",
                    b"(" * 300_000,
                    b"]" + b"](" * 100_000 + b".",
                    b"\x95" + (1 << 60).to_bytes(8, "little") + b".",
                )
            )
        case 3:
            tree = (tree, [tree], {"a": tree}, 5, "text", _laughing())[rng.randrange(6)]
        case _:
            tree = _changed(rng, tree, raw=False)
    return pickle.dumps(tree, protocol=protocol)


TREES: dict[str, dict[str, Mutator]] = {
    ".json": {"json_tree": json_tree},
    ".xml": {"xml_tree": xml_tree},
    ".pkl": {"pickle_tree": pickle_tree},
    ".p": {"pickle_tree": pickle_tree},
}
