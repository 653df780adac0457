"""One parser under atheris, which changes its input towards code that no input has reached.

``python fuzz/targets.py NAME [options of libFuzzer]``; ``--list`` prints the names. The exit code is 0 for no
defect; an input that shows one is kept in ``fuzz/findings``.
"""

from __future__ import annotations

import random
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import atheris
import kit
from hostile_damage import mutators_for

with atheris.instrument_imports(
    include=["rsvp_builder.readers", "rsvp_builder.images", "rsvp_builder.masks"]
):
    from hostile_parsers import LABELS, Reading, parsers

_SUFFIX = {"xml": ".xml", "json": ".json", "pickle": ".pkl", "picture": ".png", "map": ".tif"}
_SEED_OF = {
    "xml": "fair1m_xml",
    "json": "coco_json",
    "pickle": "samrs",
    "picture": "id_map",
    "map": "label_map",
}
"""Parsers that begin with a file of a release."""

LIMITS = ("-timeout=30", "-rss_limit_mb=2500", "-max_len=65536")
"""Seconds and megabytes of one input above which it is a defect."""


def main(arguments: list[str]) -> None:
    """Run a target, or list all."""
    makers = parsers()
    if arguments[:1] == ["--list"]:
        print("\n".join(makers))
        return
    if not arguments or arguments[0] not in makers:
        sys.exit(f"usage: targets.py NAME [libFuzzer options]; names: {', '.join(makers)}")
    name, *options = arguments
    warnings.simplefilter("error")
    parser = makers[name]()
    kit.FINDINGS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="corpus-") as corpus:
        seed = parser.sound if isinstance(parser, Reading) else _sound(name)
        if seed:
            Path(corpus, "sound").write_bytes(seed)
        kept = f"-artifact_prefix={kit.FINDINGS}/{name}-"
        arguments = [sys.argv[0], *LIMITS, kept, *options, corpus]
        atheris.Setup(arguments, parser, custom_mutator=_mutator(name))
        atheris.Fuzz()


def _mutator(name: str) -> Callable[[bytes, int, int], bytes]:
    """Every other time a damage that knows the grammar, for which bits would have to be flipped for ever."""
    ending = LABELS.get(name.removeprefix("reader_"), ("", _SUFFIX.get(name, ".txt")))[1]
    damages = mutators_for(f".{ending.rpartition('.')[2]}")
    kinds = sorted(damages)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.randrange(2):
            return damages[rng.choice(kinds)](rng, data)[:most]
        return bytes(atheris.Mutate(data, most))

    return mutate


def _sound(name: str) -> bytes:
    return Reading(*LABELS[_SEED_OF[name]]).sound if name in _SEED_OF else b""


if __name__ == "__main__":
    main(sys.argv[1:])
