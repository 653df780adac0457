"""SPICE's own classes on made-up tuples, and stand-ins for what cannot be had in a test.

pycocoevalcap brings SPICE without CoreNLP 3.6.0. That of its tokeniser, 3.4.1, has the classes that SPICE
needs behind the parser, so everything but the parser runs here.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import random
import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

import pytest

from rsvp_eval.metrics.spice import home
from rsvp_eval.metrics.spice.run import OPENS

HERE = Path(__file__).parent
DRIVER = HERE / "TupleDriver.java"
STUB = HERE / "stub"
ALL_HASH_ALIKE = ("-XX:+UnlockExperimentalVMOptions", "-XX:hashCode=2")

_WORDS = json.loads((HERE / "vocabulary.json").read_text())
_MANY = _WORDS["with_many_meanings"]
PLAIN = _WORDS["objects"], _WORDS["attributes"], _WORDS["relations"]
DENSE = _MANY, [*_MANY[:24], "red", "big", "two"], [*_MANY, *(f"be {word}" for word in _MANY[:20])]


def made_up(seed, count, vocabulary=PLAIN, most=9):
    """Candidates and references as tuples, from few words or many, so that much is merged or little."""
    rng = random.Random(seed)

    def caption(words):
        objects, attributes, relations = words
        tuples = []
        for _ in range(rng.randint(0, most)):
            size = rng.choice([1, 2, 3])
            tuples.append(
                [rng.choice(objects)]
                + ([rng.choice(attributes)] if size == 2 else [])
                + ([rng.choice(objects), rng.choice(relations)] if size == 3 else [])
            )
        return tuples

    samples = []
    for _ in range(count):
        some = rng.choice([2, 4, 8, 20])
        words = [rng.sample(listed, min(some, len(listed))) for listed in vocabulary]
        references = [caption(words) for _ in range(rng.randint(1, 5))]
        samples.append({"candidate": caption(words), "references": references})
    return samples


@functools.cache
def why_no_jdk():
    """Why Java sources cannot be run, or None."""
    java = shutil.which("java")
    if java is None:
        return "there is no Java"
    modules = subprocess.run([java, "--list-modules"], capture_output=True, text=True, check=False).stdout
    return None if "jdk.compiler" in modules else "this Java has no compiler"


@functools.cache
def pycocoevalcap():
    """The folder of pycocoevalcap, or None."""
    spec = importlib.util.find_spec("pycocoevalcap")
    return None if spec is None else Path(next(iter(spec.submodule_search_locations)))


def class_path():
    folder = pycocoevalcap()
    jars = [folder / "spice" / home.SPICE, *sorted((folder / "spice" / "lib").glob("*.jar"))]
    return os.pathsep.join(map(str, [*jars, folder / "tokenizer" / "stanford-corenlp-3.4.1.jar"]))


def drive(samples, options=()):
    """What SPICE writes: {"words": lists behind its categories, "results": an object a sample}."""
    parses, asked = {}, []
    for i, sample in enumerate(samples):
        captions = {f"candidate {i}": sample["candidate"]}
        captions |= {f"reference {i} {j}": tuples for j, tuples in enumerate(sample["references"])}
        parses |= captions
        test, *refs = captions
        asked.append({"image_id": i, "test": test, "refs": refs})
    return drive_captions(parses, asked, options)


def drive_captions(parses, asked, options=()):
    opens = [part for package in OPENS for part in ("--add-opens", f"{package}=ALL-UNNAMED")]
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder, "given.json")
        given.write_text(json.dumps({"parses": parses, "input": asked}))
        command = [
            "java",
            "-Xmx1g",
            "-XX:+UseSerialGC",
            *options,
            *opens,
            "-cp",
            class_path(),
            DRIVER,
            folder,
            given,
        ]
        done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


@pytest.fixture
def jdk():
    """Skips without a JDK."""
    if reason := why_no_jdk():
        pytest.skip(reason)


@pytest.fixture
def spice_jar(jdk):
    """SPICE's own classes: a function of samples (and options of Java) that gives what SPICE writes."""
    if pycocoevalcap() is None:
        pytest.skip("pycocoevalcap, which brings SPICE's jar, is not installed")
    return drive


@pytest.fixture
def corenlp_of_the_tokeniser(spice_jar):
    """CoreNLP 3.4.1, which has the classes of CoreNLP that SPICE asks for first, and no models."""
    return pycocoevalcap() / "tokenizer" / "stanford-corenlp-3.4.1.jar"


@pytest.fixture
def spice_jar_on_captions(spice_jar):
    """The same of captions with given parses."""
    return drive_captions


@pytest.fixture(scope="session")
def golden():
    """Made-up tuples, what SPICE wrote about them, and the synsets of their words, renumbered."""
    return json.loads((HERE / "golden.json").read_text())


@pytest.fixture(scope="session")
def golden_synsets(golden):
    known = {word: frozenset(ids) for word, ids in golden["synsets"].items()}
    return lambda word: known.get(word, frozenset())


@pytest.fixture
def lay_home(tmp_path):
    """A function that lays a folder with files of SPICE's names, empty archives all, and gives the folder."""

    def lay(*names, at="home"):
        for name in names:
            path = tmp_path / at / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(path, "w"):
                pass
        return tmp_path / at

    return lay


@pytest.fixture
def whole_home(lay_home):
    """All the names that SPICE needs."""
    libraries = [
        f"lib/{name}" for name in ("Meteor-1.5.jar", "SceneGraphParser-1.0.jar", "json-simple-1.1.1.jar")
    ]
    return lay_home(home.SPICE, home.CORENLP, home.MODELS, *libraries)


@pytest.fixture(scope="session")
def stub_classes(tmp_path_factory):
    """The stand-ins for SPICE's classes, compiled."""
    if reason := why_no_jdk():
        pytest.skip(reason)
    classes = tmp_path_factory.mktemp("classes")
    subprocess.run(["javac", "-d", classes, *STUB.rglob("*.java")], check=True)
    return classes


@pytest.fixture
def stub_home(stub_classes, whole_home):
    """A home whose SPICE is a stand-in: ``a,b;c`` are the tuples (a, b) and (c,); see stub/."""
    if pycocoevalcap() is None:
        pytest.skip("pycocoevalcap, which brings json-simple, is not installed")
    with zipfile.ZipFile(whole_home / home.SPICE, "w") as jar:
        for path in stub_classes.rglob("*.class"):
            jar.write(path, path.relative_to(stub_classes).as_posix())
    simple = "json-simple-1.1.1.jar"
    shutil.copy(pycocoevalcap() / "spice" / "lib" / simple, whole_home / "lib" / simple)
    return whole_home


@pytest.fixture(name="made_up")
def _made_up():
    return made_up


@pytest.fixture
def all_hash_alike():
    """Options of Java under which SPICE merges in the order of tuples where two are as similar."""
    return ALL_HASH_ALIKE


@pytest.fixture
def dense():
    """Words of which many share a synset with many others."""
    return DENSE


@pytest.fixture
def write_json(tmp_path):
    """A function that writes a value as JSON and gives the file."""

    def write(value):
        path = tmp_path / "spice.json"
        path.write_text(json.dumps(value))
        return path

    return write
