"""Where METEOR's language data lie, and how they are loaded.

Synonyms, function words and abbreviations lie in ``meteor-1.5.jar``, paraphrases in
``data/paraphrase-en.gz`` beside it. Both are LGPL and come with ``pycocoevalcap``: they are read where they
are, and only an index of the paraphrases is kept, in the user's cache.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.util
import logging
import os
import shutil
import tempfile
import time
import weakref
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rsvp_eval.errors import EvalError, UnavailableError
from rsvp_eval.metrics.meteor.paraphrase_index import VERSION, build
from rsvp_eval.metrics.meteor.paraphrases import Paraphrases
from rsvp_eval.metrics.meteor.wordnet import Synonyms

HOME = "RSVP_METEOR_HOME"
"""Environment variable: a folder with ``meteor-1.5.jar`` and ``data/paraphrase-en.gz``."""
CACHE = "RSVP_EVAL_CACHE"
"""Environment variable: folder for the index, instead of the user's cache folder."""

_JAR = Path("meteor-1.5.jar")
_TABLE = Path("data", "paraphrase-en.gz")
_HINT = (
    f'Run `pip install "rsvp-eval[meteor]"`, or set {HOME} to a folder with {_JAR} and {_TABLE.as_posix()}.'
)
_UNFINISHED = ".unfinished-"
_UNREADABLE = (OSError, EOFError, ValueError)
_ABANDONED_AFTER = 24 * 3600.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Located:
    """Files of METEOR's data.

    Attributes:
        jar: ``meteor-1.5.jar``.
        table: the gzipped paraphrase table.
        source: what named the place: ``RSVP_METEOR_HOME`` or ``pycocoevalcap``.
    """

    jar: Path
    table: Path
    source: str


@dataclass(frozen=True)
class Resources:
    """METEOR's data for English.

    Attributes:
        synonyms: synsets of words.
        paraphrases: index of the paraphrase table.
        function_words: words that weigh less.
        sha256: of the SHA-256 of the jar and that of the paraphrase table, both in hex, one behind the other.
    """

    synonyms: Synonyms
    paraphrases: Paraphrases
    function_words: frozenset[str]
    sha256: str


def locate() -> Located:
    """Where the jar and the paraphrase table lie.

    Raises:
        UnavailableError: if they are not to be found.
    """
    return _locate(os.environ.get(HOME) or None)


def missing() -> str | None:
    """Why METEOR cannot run here, or None if it can. Looks for the files, and does not read them."""
    try:
        locate()
    except UnavailableError as e:
        return str(e)
    return None


def load(cache: Path | None = None) -> Resources:
    """Load METEOR's data. The first time, an index of the paraphrases is made, which takes a while.

    Args:
        cache: folder for the index; by default ``RSVP_EVAL_CACHE``, else the user's cache folder.

    Raises:
        UnavailableError: if the data are not to be found.
        EvalError: if they are broken, or there is no room for the index.
    """
    return _load(locate(), cache or cache_folder())


def cache_folder() -> Path:
    """Folder for the index: ``RSVP_EVAL_CACHE``, else the user's cache folder."""
    if named := os.environ.get(CACHE):
        return Path(named)
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("rsvp-eval"))


def nonbreaking() -> Mapping[str, bool]:
    """Abbreviations whose final dot is no full stop; True for those that are such only before a number.

    Raises:
        UnavailableError: if METEOR's data are not to be found.
    """
    return _nonbreaking(locate().jar)


@functools.cache
def _locate(home: str | None) -> Located:
    if home:
        places, source = [Path(home)], HOME
    else:
        # Asks for the folder without running the package, whose import asks for more than the files.
        spec = importlib.util.find_spec("pycocoevalcap")
        if spec is None:
            raise UnavailableError(f"METEOR needs the data that come with pycocoevalcap. {_HINT}")
        places = [Path(p, "meteor") for p in spec.submodule_search_locations or ()]
        source = "pycocoevalcap"
    for place in places:
        if (place / _JAR).is_file() and (place / _TABLE).is_file():
            return Located(place / _JAR, place / _TABLE, source)
    raise UnavailableError(
        f"{source} is {', '.join(map(str, places))}, expected {_JAR} and {_TABLE.as_posix()} there. {_HINT}"
    )


@functools.cache
def _load(located: Located, cache: Path) -> Resources:
    try:
        jar, table = _digest(located.jar), _digest(located.table)
    except OSError as e:
        raise EvalError(f"METEOR's data cannot be read: {e}. {_HINT}") from e
    synsets, exceptions, words = (
        _member(located.jar, name)
        for name in ("synonym/english.synsets", "synonym/english.exceptions", "function/english.words")
    )
    return Resources(
        synonyms=Synonyms(synsets, exceptions),
        paraphrases=_paraphrases(located.table, cache / f"meteor-paraphrases-{VERSION}-{table}"),
        function_words=frozenset(words.split()),
        sha256=hashlib.sha256(f"{jar}{table}".encode()).hexdigest(),
    )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _member(jar: Path, name: str) -> str:
    try:
        with zipfile.ZipFile(jar) as archive:
            return archive.read(name).decode()
    except (zipfile.BadZipFile, KeyError, UnicodeDecodeError) as e:
        raise EvalError(f"{jar}: expected METEOR's jar with {name} in it, but {e}. {_HINT}") from e


@functools.cache
def _nonbreaking(jar: Path) -> Mapping[str, bool]:
    lines = [line.split() for line in _member(jar, "nonbreaking/english.prefixes").split("\n")]
    return {words[0]: len(words) > 1 for words in lines if words and not words[0].startswith("#")}


def _paraphrases(table: Path, folder: Path) -> Paraphrases:
    """The index in ``folder``, made there if need be, or elsewhere where that cannot be written."""
    with contextlib.suppress(*_UNREADABLE):
        return Paraphrases(folder)
    _log.info("making the index of METEOR's paraphrases in %s (once)", folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return _made(table, folder)
    except OSError as e:
        _log.warning(
            "the index of METEOR's paraphrases cannot be kept in %s (%s), so it is made anew for this run in "
            "a temporary folder; set %s to a folder with 120 MB of room",
            folder.parent, e, CACHE,
        )  # fmt: skip
    try:
        return _temporary(table)
    except OSError as e:
        raise EvalError(
            f"no room for the index of METEOR's paraphrases in {tempfile.gettempdir()}: {e}. "
            f"Set {CACHE} to a folder with 120 MB of room."
        ) from e


def _made(table: Path, folder: Path) -> Paraphrases:
    """Make the index under another name and rename it, so that no process ever sees a part of one."""
    _sweep(folder.parent)
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=folder.parent))
    try:
        index = unfinished / "index"
        index.mkdir()
        build(table, index)
        try:
            index.rename(folder)
        except OSError:
            # Another process was quicker, or what lies there is broken.
            with contextlib.suppress(*_UNREADABLE):
                return Paraphrases(folder)
            folder.rename(unfinished / "broken")
            index.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return Paraphrases(folder)


def _sweep(cache: Path) -> None:
    """Remove what processes left behind that were killed while making an index."""
    for left in cache.glob(f"{_UNFINISHED}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED_AFTER:
                shutil.rmtree(left)


def _temporary(table: Path) -> Paraphrases:
    """An index that goes when it is no longer needed, or when the process ends."""
    folder = Path(tempfile.mkdtemp(prefix="rsvp-eval-"))
    try:
        build(table, folder)
        made = Paraphrases(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(made, _remove, folder, os.getpid())
    return made


def _remove(folder: Path, owner: int) -> None:
    """Remove a folder, unless in a fork of the process that made it."""
    if os.getpid() == owner:
        shutil.rmtree(folder, ignore_errors=True)
