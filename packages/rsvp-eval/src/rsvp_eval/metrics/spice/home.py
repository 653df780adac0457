"""Where the user's own SPICE lies: its jars, CoreNLP 3.6.0 with its models, and Java.

SPICE is AGPL-3 and CoreNLP GPL-3: nothing of either is in this package. What must lie in the folder that
``RSVP_SPICE_HOME`` names::

    spice-1.0.jar                          or an installed pycocoevalcap, which brings it
    lib/*.jar                              with it
    stanford-corenlp-3.6.0.jar             here, in lib/ or in stanford-corenlp-full-2015-12-09/
    stanford-corenlp-3.6.0-models.jar      beside it

Where pycocoevalcap has fetched CoreNLP already, it is found there and the variable is not needed.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rsvp_eval.errors import EvalError, UnavailableError
from rsvp_eval.metrics.spice.tuples import Synsets

HOME = "RSVP_SPICE_HOME"
"""Environment variable: folder with SPICE and CoreNLP, or with CoreNLP alone."""

SPICE = "spice-1.0.jar"
CORENLP = "stanford-corenlp-3.6.0.jar"
MODELS = "stanford-corenlp-3.6.0-models.jar"
METEOR = "Meteor-1.5.jar"
_RELEASE = "stanford-corenlp-full-2015-12-09"
_NEEDED = (METEOR, "SceneGraphParser-1.0.jar", "json-simple-1.1.1.jar")
_SEE = "(see docs/metrics-licences.md)"


@dataclass(frozen=True)
class SpiceHome:
    """SPICE and what it runs on.

    Attributes:
        spice: ``spice-1.0.jar``.
        corenlp: ``stanford-corenlp-3.6.0.jar``.
        models: ``stanford-corenlp-3.6.0-models.jar``.
        libraries: the other jars.
    """

    spice: Path
    corenlp: Path
    models: Path
    libraries: tuple[Path, ...]

    @property
    def class_path(self) -> str:
        """All jars, as ``java -cp`` takes them."""
        return os.pathsep.join(map(str, (self.spice, self.corenlp, self.models, *self.libraries)))

    @property
    def meteor(self) -> Path:
        """The library whose WordNet tables SPICE takes synonyms from."""
        return next(jar for jar in self.libraries if jar.name == METEOR)


def locate() -> SpiceHome:
    """Find SPICE and CoreNLP.

    Raises:
        UnavailableError: something is not there; the message says what, and where it was looked for.
    """
    home = os.environ.get(HOME) or None
    if home is not None and not Path(home).is_dir():
        raise UnavailableError(f"{HOME} is {home}, which is not a folder {_SEE}")
    own = [] if home is None else [Path(home)]
    installed = list(_installed())
    for folder in [*own, *installed]:
        if (folder / SPICE).is_file():
            break
    else:
        raise UnavailableError(
            f"{SPICE} was not found{_in(own)}: install pycocoevalcap, which brings it, or set {HOME} {_SEE}"
        )
    libraries = tuple(p for p in sorted((folder / "lib").glob("*.jar")) if "corenlp" not in p.name)
    lacking = [name for name in _NEEDED if name not in {p.name for p in libraries}]
    if lacking:
        raise UnavailableError(f"{folder / 'lib'} has no {', '.join(lacking)}: SPICE needs it {_SEE}")
    places = [place for f in own for place in (f, f / "lib", f / _RELEASE)] + [f / "lib" for f in installed]
    return SpiceHome(folder / SPICE, _jar(CORENLP, places), _jar(MODELS, places), libraries)


def java() -> str:
    """The Java that is to run SPICE: that of ``JAVA_HOME``, else the one on the path.

    Raises:
        UnavailableError: there is none.
    """
    if home := os.environ.get("JAVA_HOME"):
        found = shutil.which("java", path=str(Path(home, "bin")))
    else:
        found = shutil.which("java")
    if found is None:
        where = "in JAVA_HOME" if home else "on the path"
        raise UnavailableError(f"Java was not found {where}: SPICE needs a JDK, version 11 or newer")
    return found


def missing() -> str | None:
    """Why SPICE cannot run here, or None where nothing is known to be in its way. Looks for files only."""
    try:
        locate()
        java()
    except UnavailableError as e:
        return str(e)
    return None


def synonyms() -> Synsets:
    """Synsets of words, from the WordNet tables of SPICE's METEOR, else of an installed one (they are equal).

    Raises:
        UnavailableError: neither is there.
        EvalError: the tables cannot be read.
    """
    for folder in [*map(Path, filter(None, [os.environ.get(HOME)])), *_installed()]:
        if (jar := folder / "lib" / METEOR).is_file():
            return synonyms_of(jar)
    from rsvp_eval.metrics.meteor import resources

    return synonyms_of(resources.locate().jar)


@functools.lru_cache(maxsize=4)
def synonyms_of(jar: Path) -> Synsets:
    """Synsets of words, from the WordNet tables in a jar of METEOR 1.5.

    Raises:
        EvalError: it cannot be read.
    """
    from rsvp_eval.metrics.meteor.wordnet import Synonyms

    try:
        with zipfile.ZipFile(jar) as archive:
            tables = [archive.read(f"synonym/english.{name}").decode() for name in ("synsets", "exceptions")]
    except (OSError, zipfile.BadZipFile, KeyError, UnicodeDecodeError) as e:
        raise EvalError(f"{jar}: expected METEOR's jar with WordNet's tables in it, but {e}") from e
    synsets: Synsets = Synonyms(*tables).synsets
    return synsets


def _installed() -> Iterator[Path]:
    """The folder of SPICE in an installed pycocoevalcap, whose import would ask for more than the files."""
    spec = importlib.util.find_spec("pycocoevalcap")
    if spec is not None:
        yield from (Path(p, "spice") for p in spec.submodule_search_locations or ())


def _jar(name: str, places: Sequence[Path]) -> Path:
    for place in places:
        if (place / name).is_file():
            return place / name
    what = "CoreNLP 3.6.0 models were" if name == MODELS else "CoreNLP 3.6.0 was"
    others = sorted(
        {p.name for place in places for p in place.glob("stanford-corenlp-*.jar")}.difference(
            {CORENLP, MODELS}
        )
    )
    there = f" (there is {', '.join(others)}; another version parses otherwise)" if others else ""
    raise UnavailableError(
        f"{what} not found{there}: set {HOME} to a folder with {CORENLP} and {MODELS} {_SEE}"
    )


def _in(folders: Sequence[Path]) -> str:
    return f" in {folders[0]}" if folders else ""
