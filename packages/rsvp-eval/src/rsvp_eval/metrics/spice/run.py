"""Parses captions with the user's own SPICE, in a Java process of its own.

Unverified end to end: the models of CoreNLP 3.6.0 were not at hand where this was written. Verified is what
happens around SPICE's jar up to where it loads them, and everything from the tuples on.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rsvp_eval.errors import UnavailableError
from rsvp_eval.metrics.spice import home as homes
from rsvp_eval.metrics.spice.advice import advice
from rsvp_eval.metrics.spice.cache import ParseCache
from rsvp_eval.metrics.spice.home import SpiceHome
from rsvp_eval.metrics.spice.process import JavaProcess, TimedOutError
from rsvp_eval.metrics.spice.score import CategoryWords
from rsvp_eval.metrics.spice.tuples import Parse, checked

PROGRAM = Path(__file__).with_name("RsvpSpice.java")
BATCH = 200
_SHOWN = 80

OPENS = (
    "java.base/java.lang",
    "java.base/java.math",
    "java.base/java.net",
    "java.base/java.text",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.sql/java.sql",
)
"""Packages that SPICE's serialiser (fst) reaches into, which Java 17 and newer forbid by default."""


class SpiceParser:
    """SPICE's parser over CoreNLP 3.6.0: captions to tuples. Parses are kept in the cache.

    Args:
        home: SPICE and CoreNLP; looked for when first needed if not given.
        memory: largest heap of Java, as ``-Xmx`` takes it; the reference gives 8G.
        threads: threads of CoreNLP; as many as there are processors by default.
        startup: seconds that Java may take to load the models.
        timeout: seconds that it may take for a batch of 200 captions.
        cache: folder of the cache; by default ``RSVP_EVAL_CACHE``, else the user's cache folder.

    Attributes:
        spec: what decides the tuples.
    """

    spec = "parser=spice-1.0,corenlp-3.6.0"

    def __init__(
        self,
        home: SpiceHome | None = None,
        *,
        memory: str = "8G",
        threads: int | None = None,
        startup: float = 600.0,
        timeout: float = 600.0,
        cache: Path | None = None,
    ) -> None:
        self._home = home
        self._memory = memory
        self._threads = threads or os.cpu_count() or 1
        self._startup = startup
        self._timeout = timeout
        self._folder = cache

    @property
    def home(self) -> SpiceHome:
        """SPICE and CoreNLP.

        Raises:
            UnavailableError: they are not to be found.
        """
        if self._home is None:
            self._home = homes.locate()
        return self._home

    def __call__(self, captions: Sequence[str]) -> list[Parse]:
        """Tuples of each caption.

        Raises:
            UnavailableError: SPICE is not there, does not run, or cannot parse a caption, which is named.
            EvalError: the cache cannot be read or written.
        """
        cache = ParseCache(identity(self.home), self._folder)
        parses = cache.get(dict.fromkeys(captions))
        new = [caption for caption in dict.fromkeys(captions) if caption not in parses]
        if new:
            parses |= self._parse(new, cache)
        return [parses[caption] for caption in captions]

    def category_words(self) -> CategoryWords:
        """SPICE's lists of number words, colours and sizes, as its jar has them. Needs Java but no models.

        Raises:
            UnavailableError: SPICE is not there or does not run.
        """
        words: dict[str, list[str]] = {}
        with self._start([], BATCH) as java:
            for message in java.messages(self._startup, self._timeout):
                words |= message.get("words", {})
        return CategoryWords(**{name: frozenset(listed) for name, listed in words.items()})

    def _parse(self, captions: list[str], cache: ParseCache) -> dict[str, Parse]:
        parses: dict[str, Parse] = {}
        try:
            self._run(captions, BATCH, parses, cache)
        except TimedOutError:
            # One by one from here on, to learn which caption it is that takes so long.
            rest = [caption for caption in captions if caption not in parses]
            self._run(rest, 1, parses, cache)
        return parses

    def _run(self, captions: list[str], size: int, parses: dict[str, Parse], cache: ParseCache) -> None:
        failed: list[tuple[str, str]] = []
        fresh: dict[str, Parse] = {}
        now: list[str] = []
        try:
            with self._start(captions, size) as java:
                for message in java.messages(self._startup, self._timeout):
                    if "batch" in message:
                        cache.put(fresh)
                        fresh.clear()
                        now = captions[slice(*message["batch"])]
                    elif "tuples" in message:
                        caption = captions[message["caption"]]
                        parses[caption] = fresh[caption] = checked(message["tuples"])
                    elif "error" in message:
                        failed.append((captions[message["caption"]], message["error"]))
        except TimedOutError as e:
            if len(now) > 1:
                raise
            if now:
                what = f"{self._timeout:g} s of parsing {_shown(now[0])}"
            else:
                what = f"{self._startup:g} s of loading the parser's models"
            raise UnavailableError(f"SPICE was stopped after {what}") from e
        finally:
            cache.put(fresh)
        if failed:
            caption, reason = failed[0]
            others = f" (nor {len(failed) - 1} others)" if len(failed) > 1 else ""
            raise UnavailableError(f"SPICE cannot parse {_shown(caption)}{others}: {self._advised(reason)}")

    def _start(self, captions: list[str], size: int) -> JavaProcess:
        command = [homes.java(), f"-Xmx{self._memory}"]
        # Decimal commas and Turkish letter case would change what the jars read and write.
        command += ["-Duser.language=en", "-Duser.country=US", "-Dfile.encoding=UTF-8"]
        command += [part for package in OPENS for part in ("--add-opens", f"{package}=ALL-UNNAMED")]
        command += ["-cp", self.home.class_path, str(PROGRAM)]
        # A file that goes with the process: captions as arguments would soon be too many.
        folder = tempfile.TemporaryDirectory(prefix="rsvp-eval-spice-")
        listed = Path(folder.name, "captions.jsonl")
        listed.write_text("".join(json.dumps(caption) + "\n" for caption in captions), encoding="ascii")
        command += [str(listed), str(size), str(self._threads)]
        return JavaProcess(command, folder, lambda told: f"SPICE does not run: {self._advised(told)}")

    def _advised(self, told: str) -> str:
        return told + advice(told, self.home, homes.java(), self._memory)


def identity(home: SpiceHome) -> str:
    """What tells one parser from another: names and sizes of the three jars that decide its tuples."""
    jars = [(jar.name, jar.stat().st_size) for jar in (home.spice, home.corenlp, home.models)]
    return hashlib.sha256(json.dumps(jars).encode()).hexdigest()


def _shown(caption: str) -> str:
    if len(caption) > _SHOWN:
        return f"a caption of {len(caption)} characters, '{caption[:_SHOWN]}...'"
    return f"the caption '{caption}'"
