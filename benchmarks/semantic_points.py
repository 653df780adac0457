"""One labelled pixel per patch of semantic maps: ours beside decoding alone and beside the usual way.

    python benchmarks/semantic_points.py
    python benchmarks/semantic_points.py --maps 2 --runs 1     # does it work at all

Everything lies under ``--work``: the maps, logs, and ``semantic_points.json`` with every single run.
semantic_work.py has what each side does.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from environments import HERE, machine, versions
from figures import Figure, add_record, record
from measure import Measurement, run

DECODE_GOAL, USUAL_GOAL, MEMORY_GOAL_MB = 1.2, 20.0, 1000.0
PACKAGES = ["rsvp-builder", "rasterio", "pillow", "numpy"]
DOES = {
    "ours": "**rsvp-builder**: a labelled pixel of every patch",
    "whole": "rasterio `read()` of each map: decoding, nothing else",
    "rows": "rasterio by rows of tiles into one array: decoding, nothing else",
    "usual": "Pillow, `(rgb == c).all(-1)` for each class, loop over patches, `np.random.choice`",
    "planes": "the same on rasterio's planes",
}


@dataclass
class Side:
    """Runs of one side on maps of one kind.

    Attributes:
        key: which side.
        kind: ``rgb`` or ``indexed``.
        maps: how many maps it is given.
        runs: measurements of whole processes.
        seconds: of each run, for each map, without the start of the interpreter and imports.
        points: points found, the same in every run.
    """

    key: str
    kind: str
    maps: int
    runs: list[Measurement] = field(default_factory=list)
    seconds: list[list[float]] = field(default_factory=list)
    points: int = 0

    @property
    def per_map(self) -> float:
        """Seconds a map takes: the mean over maps of the quickest run of each."""
        return sum(map(min, zip(*self.seconds, strict=True))) / self.maps

    @property
    def peak_mb(self) -> float:
        """The highest peak of any run."""
        return max(one.peak_mb for one in self.runs)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--maps", type=int, default=20)
    parser.add_argument("--usual-maps", type=int, default=2, help="maps of the usual way, which is slow")
    parser.add_argument("--size", type=int, default=6000, help="side of a map in pixels")
    parser.add_argument("--runs", type=int, default=3, help="runs of everybody; the quickest counts")
    parser.add_argument("--work", type=Path, default=HERE / ".work")
    parser.add_argument("--python", default=str(HERE.parent / ".venv" / "bin" / "python"))
    add_record(parser)
    options = parser.parse_args()
    if min(options.maps, options.usual_maps, options.size, options.runs) < 1:
        parser.error("--maps, --usual-maps, --size and --runs must be at least 1")
    return options


def measure(side: Side, root: Path, python: str, log: Path) -> None:
    """One run of one side."""
    files = sorted(root.glob(f"{side.kind}_*.tif"))[: side.maps]
    sources = str(HERE.parent / "packages" / "rsvp-builder" / "src")
    measured = run(
        [python, HERE / "semantic_work.py", side.key, *files], log, environment={"PYTHONPATH": sources}
    )
    if measured.exit_code:
        raise SystemExit(f"{side.key} on {side.kind} failed: {log.read_text(errors='replace')[-2000:]}")
    answer = json.loads(log.read_text().splitlines()[-1])
    side.runs.append(measured)
    side.seconds.append(answer["seconds"])
    side.points = answer["points"]
    print(
        f"{side.key:6} {side.kind:8} {sum(answer['seconds']):7.2f} s  {measured.peak_mb:5.0f} MB  "
        f"load {measured.load:.2f}",
        file=sys.stderr,
    )


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """A table."""
    rule = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, rule, *rows])


def goals(sides: dict[tuple[str, str], Side]) -> list[list[str]]:
    """The goals with what was measured."""
    found = []
    for kind in ("rgb", "indexed"):
        own = sides["ours", kind]
        for key, name in (("whole", "decoding each map whole"), ("rows", "decoding by rows of tiles")):
            ratio = own.per_map / sides[key, kind].per_map
            text = f"{kind}: at most {DECODE_GOAL:g}x the time of {name}"
            found.append([text, f"{ratio:.2f}x", "met" if ratio <= DECODE_GOAL else "not met"])
        text = f"{kind}: peak memory under {MEMORY_GOAL_MB:.0f} MB"
        found.append([text, f"{own.peak_mb:.0f} MB", "met" if own.peak_mb < MEMORY_GOAL_MB else "not met"])
    for key, name in (
        ("usual", "the usual way on Pillow's pixels"),
        ("planes", "the same on rasterio's planes"),
    ):
        ratio = sides[key, "rgb"].per_map / sides["ours", "rgb"].per_map
        text = f"rgb: at least {USUAL_GOAL:g}x faster than {name}"
        found.append([text, f"{ratio:.1f}x", "met" if ratio >= USUAL_GOAL else "not met"])
    return found


def figures(sides: dict[tuple[str, str], Side], found: dict[str, str]) -> list[Figure]:
    """The figures of the page; the bound is decoding by rows of tiles, which every way has to do."""
    figures = []
    for (key, kind), side in sides.items():
        own = sides["ours", kind]
        if key == "ours":
            text = f"peak memory: {kind} maps"
            figures.append(Figure(text, own.peak_mb, "MB", goal=MEMORY_GOAL_MB))
            continue
        library = "pillow" if key == "usual" else "rasterio"
        figures.append(
            Figure(
                f"points of a semantic map, {kind}",
                1000 * own.per_map,
                "ms",
                peer=DOES[key].replace("`", ""),
                peer_version=f"{library} {found.get(library, '')}",
                theirs=1000 * side.per_map,
                goal=1 / DECODE_GOAL if key in ("whole", "rows") else USUAL_GOAL,
                bound=1000 * sides["rows", kind].per_map,
                bound_note="rasterio's decoding alone",
            )
        )
    return figures


def section(
    facts: dict[str, Any], sides: dict[tuple[str, str], Side], judged: list[list[str]], runs: int
) -> str:
    """Everything that is printed and goes into the README."""
    made = facts["made"]
    rows = []
    for (key, kind), side in sides.items():
        own = sides["ours", kind]
        rows.append(
            [
                f"{kind}: {DOES[key]}",
                str(side.maps),
                f"{1000 * side.per_map:,.0f}",
                f"{min(one.wall_s for one in side.runs):.2f}",
                f"{min(one.cpu_s for one in side.runs):.2f}",
                f"{side.peak_mb:,.0f}",
                f"{side.points // side.maps:,}" if side.points else "none",
                f"{side.per_map / own.per_map:.2f}",
            ]
        )
    head = ["who", "maps", "ms a map", "wall s", "CPU s", "peak MB", "points a map", "x ours, a map"]
    loads = [one.load for side in sides.values() for one in side.runs]
    return "\n".join(
        [
            f"`{facts['command']}` on {facts['date']}: quickest of {runs} alternating runs, highest peak.",
            f"Machine: {', '.join(f'{name} {value}' for name, value in facts['machine'].items())}.",
            f"Input: {made['maps']} maps of {made['size']} x {made['size']} px, "
            f"{made['unlabelled']:.1%} of them without a label, as RGB colour maps "
            f"({made['bytes']['rgb'] / 1e6:.0f} MB) and indexed ({made['bytes']['indexed'] / 1e6:.0f} MB), "
            "LZW in tiles.",
            f"Versions: {', '.join(f'{name} {value}' for name, value in facts['versions'].items())}.",
            "",
            markdown(head, rows),
            "",
            markdown(["goal", "measured", "verdict"], judged),
            "",
            f"- load average at the start of a run: {min(loads):.2f} to {max(loads):.2f}",
        ]
    )


def main() -> None:
    """Makes the maps, measures, prints, writes."""
    options = arguments()
    work = options.work.resolve()
    (work / "logs").mkdir(parents=True, exist_ok=True)
    root = work / f"semantic-{options.maps}x{options.size}"
    print(f"maps in {root} ...", file=sys.stderr)
    size = ["--maps", str(options.maps), "--size", str(options.size)]
    command = [options.python, str(HERE / "semantic_work.py"), "make", str(root), *size]
    made = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)

    few = min(options.usual_maps, options.maps)
    counts = {"ours": options.maps, "whole": options.maps, "rows": options.maps, "usual": few, "planes": few}
    order = [(key, "rgb") for key in counts] + [(key, "indexed") for key in ("ours", "whole", "rows")]
    sides = {(key, kind): Side(key, kind, counts[key]) for key, kind in order}
    for _ in range(options.runs):
        for side in sides.values():
            measure(side, root, options.python, work / "logs" / f"semantic-{side.key}-{side.kind}.log")
    for side in sides.values():
        own = sides["ours", "rgb"]
        if side.maps == own.maps and side.points not in (0, own.points):
            raise SystemExit(f"{side.key} found {side.points} points in {side.kind} maps, we {own.points}")

    judged = goals(sides)
    facts = {
        "command": shlex.join(["python", os.path.relpath(sys.argv[0], HERE.parent), *sys.argv[1:]]),
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "machine": machine(work),
        "made": made,
        "versions": versions(options.python, PACKAGES),
    }
    print(section(facts, sides, judged, options.runs))
    saved = {
        **facts,
        "sides": [
            {
                "side": side.key,
                "kind": side.kind,
                "maps": side.maps,
                "points": side.points,
                "seconds": side.seconds,
                "runs": [{**asdict(one), "peak_mb": one.peak_mb} for one in side.runs],
            }
            for side in sides.values()
        ],
        "goals": judged,
    }
    (work / "semantic_points.json").write_text(json.dumps(saved, indent=1) + "\n")
    if options.record:
        record("semantic_points", figures(sides, facts["versions"]), work)


if __name__ == "__main__":
    main()
