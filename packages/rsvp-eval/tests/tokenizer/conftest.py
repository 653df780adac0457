"""The reference tokeniser as an oracle, and captions to compare on."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import zipfile
from importlib.util import find_spec
from pathlib import Path

import pytest

OPTIONS = ["-XX:+UseSerialGC", "-Dfile.encoding=UTF-8", "-Duser.language=en", "-Duser.country=US"]

FRAGMENTS = json.loads((Path(__file__).parent / "fragments.json").read_text(encoding="utf-8"))
CHARACTERS = "aAbBnNsStToOdDlLeEiIyYxX05129.,'-/ &;:!?@#_()\"`<>=+$%*~\\|[]{}^"
BEYOND = "é中а٠\u0301\u00ad\u00a0\u2009\u3000’‘“”–—…£€½²°·\u200b\U0001f600\x01\u2010\u2044、\u0130ßω"
BLOCKS = [
    (0x80, 0x600),
    (0x900, 0xA00),
    (0xE00, 0xE80),
    (0x1E00, 0x2428),
    (0x3001, 0x3100),
    (0xFB00, 0x10000),
]
# A capital sigma in a compound is the one thing known to differ, see the package's documentation.
EXCLUDED = frozenset("\u03a3\r\n\v\f\x85\u2028\u2029") | {chr(c) for c in range(0xD800, 0xE000)}


def hard(seed, number):
    """Strings that mix what tokenisers stumble over."""
    rng = random.Random(seed)

    def one():
        kind = rng.random()
        if kind < 0.3:
            return "".join(
                rng.choice(FRAGMENTS) + rng.choice(["", "", " "]) for _ in range(rng.randint(1, 7))
            )
        if kind < 0.5:
            return " ".join(rng.choice(FRAGMENTS) for _ in range(rng.randint(1, 20)))
        if kind < 0.7:
            few = [*rng.sample(CHARACTERS, rng.randint(2, 8)), "a", "x"]
            return "".join(rng.choice(few) for _ in range(rng.randint(1, 14)))
        if kind < 0.8:
            few = [*rng.sample(CHARACTERS, 5), *rng.sample(BEYOND, 2), "a"]
            return "".join(rng.choice(few) for _ in range(rng.randint(1, 14)))
        if kind < 0.9:
            few = [chr(rng.randrange(*rng.choice(BLOCKS))) for _ in range(2)]
            return "".join(
                rng.choice([*few, *"ab05A.-'/ ,", rng.choice(FRAGMENTS)]) for _ in range(rng.randint(1, 8))
            )
        word = rng.choice(FRAGMENTS)
        at = rng.randint(0, len(word))
        return (
            f"{rng.choice(['', 'a ', 'The '])}{word[:at]}{rng.choice(CHARACTERS + BEYOND)}{word[at:]}"
            + rng.choice(["", " ", ".", " b", ", c"])
        )

    return ["".join(c for c in one() if c not in EXCLUDED) for _ in range(number)]


@pytest.fixture(scope="session")
def hard_strings():
    """A function from a seed and a number to that many hard strings."""
    return hard


@pytest.fixture(scope="session")
def folder():
    """Folder of the installed pycocoevalcap."""
    found = find_spec("pycocoevalcap")
    if found is None or not found.submodule_search_locations:
        pytest.skip("pycocoevalcap is not installed")
    return Path(next(iter(found.submodule_search_locations)))


@pytest.fixture(scope="session")
def program():
    """The java program."""
    found = shutil.which("java")
    if found is None:
        pytest.skip("no java to run the reference with")
    return found


@pytest.fixture(scope="session")
def reference(folder, program, tmp_path_factory):
    """The reference's tokens of captions without line breaks, in one JVM.

    A line of one small letter between two captions keeps the second from changing how the first one ends.
    """
    from pycocoevalcap.tokenizer.ptbtokenizer import PUNCTUATIONS, STANFORD_CORENLP_3_4_1_JAR

    jar = folder / "tokenizer" / STANFORD_CORENLP_3_4_1_JAR
    dropped = set(PUNCTUATIONS)

    def run(captions):
        path = tmp_path_factory.mktemp("captions") / "captions"
        path.write_text("".join(f"{caption}\nx\n" for caption in captions), encoding="utf-8", newline="\n")
        done = subprocess.run(
            [
                *(program, *OPTIONS, "-cp", str(jar), "edu.stanford.nlp.process.PTBTokenizer"),
                *("-preserveLines", "-lowerCase", str(path)),
            ],
            capture_output=True,
            check=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            timeout=600,
        )
        lines = done.stdout.decode().split("\n")
        assert len(lines) == 2 * len(captions) + 1
        return [" ".join(w for w in line.rstrip().split(" ") if w not in dropped) for line in lines[:-1:2]]

    return run


@pytest.fixture(scope="session")
def coco(folder):
    """All captions of COCO 2014 that come with the reference."""
    with zipfile.ZipFile(folder / "spice" / "spice-1.0.jar") as archive:
        return [
            annotation["caption"]
            for part in ("train", "val")
            for annotation in json.loads(archive.read(f"coco/annotations/captions_{part}2014.json"))[
                "annotations"
            ]
        ]


@pytest.fixture(scope="session")
def remote_sensing():
    """All strings of the captions among the real samples."""
    samples = os.environ.get("RSVP_SAMPLES")
    if not samples:
        pytest.skip("RSVP_SAMPLES does not name the folder of real samples")
    found = []

    def walk(value):
        if isinstance(value, str):
            found.append(value)
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            walk(part)

    for name in ("UCM_captions", "RSITMD", "Sydney_captions", "NWPU-Captions"):
        for path in sorted((Path(samples) / name).glob("*.json")):
            walk(json.loads(path.read_text(encoding="utf-8")))
    return list(dict.fromkeys(found))
