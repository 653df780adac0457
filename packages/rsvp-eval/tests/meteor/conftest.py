"""The reference jar as an oracle, and small stand-ins for METEOR's data."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from rsvp_eval.errors import UnavailableError
from rsvp_eval.metrics.meteor import resources

OPTIONS = ["-Xmx1g", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8", "-Duser.language=en", "-Duser.country=US"]


@pytest.fixture(scope="session")
def located():
    """METEOR's own data."""
    try:
        return resources.locate()
    except UnavailableError as e:
        pytest.skip(str(e))


@pytest.fixture(scope="session")
def java(located):
    """Runs a class of METEOR's jar on lines, and gives the lines it prints."""
    program = shutil.which("java")
    if program is None:
        pytest.skip("no java to run METEOR's jar with")

    def run(arguments, lines=()):
        assert not any(c in line for line in lines for c in "\r\n")
        done = subprocess.run(
            [program, *OPTIONS, "-cp", str(located.jar), *map(str, arguments)],
            input="".join(f"{line}\n" for line in lines).encode(),
            capture_output=True,
            check=True,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
            timeout=300,
        )
        return done.stdout.decode().split("\n")[:-1]

    return run


@pytest.fixture(scope="session")
def matched(java, tmp_path_factory):
    """What METEOR's matcher aligns in pairs of lines: (start, length) in the second, then in the first."""

    def run(pairs, modules, *options):
        folder = tmp_path_factory.mktemp("pairs")
        for name, lines in zip(("test", "reference"), zip(*pairs, strict=True), strict=True):
            (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        printed = java(
            ["Matcher", folder / "test", folder / "reference", "-l", "en", "-m", modules, *options]
        )
        blocks = "\n".join(printed).split("Alignment ")[1:]
        assert len(blocks) == len(pairs)
        rows = [[line.split() for line in block.split("\n")[4:] if line] for block in blocks]
        return [[tuple(tuple(map(int, span.split(":"))) for span in row[:2]) for row in r] for r in rows]

    return run


@pytest.fixture(scope="session")
def member(located):
    """Lines of a file in METEOR's jar."""
    with zipfile.ZipFile(located.jar) as archive:
        return {
            name: archive.read(name).decode().split("\n")
            for name in ("synonym/english.synsets", "synonym/english.exceptions")
        }


@pytest.fixture(scope="session")
def coco(located):
    """Reads real captions: those of COCO 2014 ("train" or "val"), which lie inside SPICE's jar."""
    jar = located.jar.parent.parent / "spice" / "spice-1.0.jar"
    if not jar.is_file():
        pytest.skip(f"no captions: {jar} is not there")

    def read(part):
        with zipfile.ZipFile(jar) as archive:
            annotations = json.loads(archive.read(f"coco/annotations/captions_{part}2014.json"))
        return sorted({" ".join(a["caption"].splitlines()) for a in annotations["annotations"]})

    return read


@pytest.fixture(scope="session")
def write_table():
    """Writes (phrase, paraphrase) pairs as a paraphrase table."""

    def write(path, entries):
        path.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(path, "wt", encoding="utf-8", compresslevel=1, newline="\n") as table:
            table.writelines(f"0.5\n{phrase}\n{paraphrase}\n" for phrase, paraphrase in entries)
        return path

    return write


@pytest.fixture
def home(tmp_path, monkeypatch, write_table):
    """A small METEOR, and a cache of its own."""
    folder = tmp_path / "home"
    write_table(folder / "data" / "paraphrase-en.gz", [("ship", "vessel"), ("a lot of", "many")])
    with zipfile.ZipFile(folder / "meteor-1.5.jar", "w") as jar:
        jar.writestr("synonym/english.synsets", "ship\n7 9\nvessel\n9\n")
        jar.writestr("synonym/english.exceptions", "ship\nshippes\n")
        jar.writestr("function/english.words", "the\nof\n")
        jar.writestr("nonbreaking/english.prefixes", "# comment\nMr\nNo #NUMERIC_ONLY# \n\n")
    monkeypatch.setenv(resources.HOME, str(folder))
    monkeypatch.setenv(resources.CACHE, str(tmp_path / "cache"))
    return Path(folder)
