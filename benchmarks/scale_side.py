"""One build of the scale test, in a process of its own: how long each part took, and what was in memory.

    python benchmarks/scale_side.py ROOT OUT --workers 2

prints one line of JSON. The build is that of the command line, `--images reference --tile 0`. Parts are told
apart by its own progress: the index ends where the plan begins, and so on.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rsvp_builder.build as building
from measure import PAGE_KB, _memory_kb, descendants
from rsvp_builder.readers import Index
from rsvp_builder.settings import Settings


def resident_mb() -> float:
    """Resident memory of this process now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_KB / 1024


def peak_mb() -> float:
    """Highest resident memory of this process since :func:`new_peak`."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise OSError("the kernel tells no VmHWM")


def new_peak() -> None:
    """Begin a new high-water mark."""
    Path("/proc/self/clear_refs").write_text("5")


class Workers(threading.Thread):
    """Polls what the processes that this one started hold: sums of PSS, so that shared pages count once."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_mb = 0.0
        self.ended = threading.Event()

    def run(self) -> None:
        """Poll until told to end; a poll may cost a twentieth of a core."""
        pause = 0.2
        while not self.ended.wait(pause):
            began = time.perf_counter()
            self.peak_mb = max(self.peak_mb, sum(_memory_kb(pid)[0] for pid in descendants()) / 1024)
            pause = max(0.2, 20 * (time.perf_counter() - began))


class Parts:
    """Seconds and memory of the parts of a build, in their order."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, float]] = {}
        self._began = time.perf_counter()
        new_peak()

    def end(self, name: str) -> None:
        """The part that was under way ends."""
        now = time.perf_counter()
        self.found[name] = {"seconds": now - self._began, "peak_mb": peak_mb(), "after_mb": resident_mb()}
        new_peak()
        self._began = time.perf_counter()


def timed_index(parts: Parts, index: Callable[..., Index]) -> Callable[..., Index]:
    """The function that lists a release, with the end of its part told."""

    def run(*arguments: Any) -> Index:
        try:
            return index(*arguments)
        finally:
            parts.end("index")

    return run


def main() -> None:
    """Build and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("root", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    before = resident_mb()
    workers = Workers()
    workers.start()
    parts = Parts()
    building.index_release = timed_index(parts, building.index_release)

    def tell(progress: building.Progress) -> None:
        if "plan" not in parts.found:
            parts.end("plan")
        elif progress.done == progress.units:
            parts.end("units")

    built = building.build(
        "DOTA-v1.0",
        options.root,
        options.out,
        Settings(images="reference", tile=0),
        workers=options.workers,
        on_progress=tell,
    )
    parts.end("finish")
    workers.ended.set()
    workers.join()
    told = {
        "before_mb": before,
        "parts": parts.found,
        "driver_mb": max(part["peak_mb"] for part in parts.found.values()),
        "workers_mb": workers.peak_mb,
        "images": built.summary["images"]["written"],
        "objects": built.summary["objects"]["written"],
        "rows": built.summary["rows"]["written"],
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
