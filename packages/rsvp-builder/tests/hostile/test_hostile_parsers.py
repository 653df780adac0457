"""Bytes of any kind are read or refused by every parser, and what readers give is counted in full."""

from __future__ import annotations

import random

import pytest
from hostile_damage import mutators_for
from hostile_parsers import LABELS, Reading, parsers
from hypothesis import given, settings
from hypothesis import strategies as st

PARSERS = parsers()
SEEDS = {
    "rle": (b"\x03\x03PPPP", b"\x03\x0302203", b"\x3f\x3f" + b"\xff" * 30),
    "polygon": (bytes(range(96)), b"\x00\x7f" * 24, b"\xff\xef" * 16, b"\x00" * 64),
    "caption": (b"<p>two ships</p> {<1><2><30><40>|<90>}<delim>{<5><6><7><8>|<0>} at sea", b"{<1>" * 9),
    "list": (b"P0001\nP0002.png\ntrain/P0003\n", b'{"image": "a.png"}\n'),
}
"""What damage begins with, where no file of a release is read."""

SUFFIX = {"xml": ".xml", "json": ".json", "pickle": ".pkl", "picture": ".png", "map": ".tif"}
EXAMPLES = {
    "xml": "fair1m_xml",
    "json": "coco_json",
    "pickle": "samrs",
    "picture": "id_map",
    "map": "label_map",
}


@pytest.fixture(scope="module")
def begun():
    """Makes each parser once, with what damage to its input begins with."""
    made = {}

    def of(name):
        if name not in made:
            parser = PARSERS[name]()
            if isinstance(parser, Reading):
                made[name] = parser, (parser.sound,)
            elif name in EXAMPLES:
                made[name] = parser, (Reading(*LABELS[EXAMPLES[name]]).sound,)
            else:
                made[name] = parser, SEEDS[name]
        return made[name]

    return of


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_any_bytes_are_read_or_refused(name, begun):
    parser, sound = begun(name)
    ending = LABELS.get(name.removeprefix("reader_"), ("", SUFFIX.get(name, ".txt")))[1]
    mutators = mutators_for(f".{ending.rpartition('.')[2]}")

    @settings(max_examples=25)
    @given(
        st.sampled_from(sound),
        st.lists(st.tuples(st.sampled_from(sorted(mutators)), st.integers(0, 1 << 30)), max_size=3),
    )
    def damaged(data, damages):
        for kind, seed in damages:
            data = mutators[kind](random.Random(seed), data)
        parser(data)

    damaged()


@pytest.mark.parametrize(
    "name", ["xml", "json", "pickle", "rle", "polygon", "caption", "list", "picture", "map"]
)
def test_bytes_of_no_meaning_are_read_or_refused(name, begun):
    parser, _ = begun(name)

    @settings(max_examples=60)
    @given(st.binary(max_size=200))
    def meaningless(data):
        parser(data)

    meaningless()
