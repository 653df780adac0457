"""A process that tries damages, told on standard input, within limits of memory and time.

A line in: ``{"source": .., "damages": [[kind, place, seed], ..]}``. A line out: ``{"told": ..}``, or
``{"failed": .., "trace": ..}`` for what is a defect of the builder.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TextIO

sys.path.insert(0, str(Path(__file__).parent))

from hostile_damage import Damage
from hostile_trial import Sound, prepare, try_damages

MEMORY = 2 << 30
"""Bytes that a trial may ask for beyond what the process has when it starts."""

SECONDS = 30
"""Seconds of computing after which a trial hangs."""


class HangsError(BaseException):
    """A trial takes too long; no handler of the builder may catch it."""


def _hangs(number: int, frame: FrameType | None) -> None:
    raise HangsError


@contextmanager
def limited_memory(extra: int) -> Iterator[None]:
    """Let this process have so many bytes more than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + extra, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def main() -> None:
    """Serve until the input ends."""
    # What libraries print must not be taken for an answer.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        _serve(answers)


def _serve(answers: TextIO) -> None:
    warnings.simplefilter("error")
    signal.signal(signal.SIGPROF, _hangs)
    sounds: dict[str, Sound] = {}
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    try:
        for line in sys.stdin:
            asked = json.loads(line)
            source = asked["source"]
            if source not in sounds:
                sounds[source] = prepare(source, folder / source)  # ends the worker, if it fails
            began = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            try:
                with limited_memory(MEMORY):
                    told = try_damages(
                        sounds[source], [Damage(*one) for one in asked["damages"]], folder / source
                    )
                answer = {"told": told[:300]}
            except HangsError:
                answer = {"failed": f"more than {SECONDS} s", "trace": traceback.format_exc()[-4000:]}
            except BaseException as error:
                answer = {
                    "failed": f"{type(error).__name__}: {error}"[:500],
                    "trace": traceback.format_exc()[-4000:],
                }
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10  # never falls
            answer |= {"seconds": round(time.process_time() - began, 2), "peak_mb": peak}
            answers.write(json.dumps(answer) + "\n")
            answers.flush()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
