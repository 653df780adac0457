"""The scale test: builds of very many small label files; is time linear in them, and memory flat?

    python benchmarks/scale.py --files 2000 10000                 # does it work at all
    python benchmarks/scale.py --files 10000 100000 1000000       # the whole test: an hour, 10 GB

Every size is built once from a release of its own (see scale_input.py) by the local engine, in a process of
its own. Time an image, of each part and of all, is compared with that of the smallest size. Inputs and
outputs lie under ``--work``; outputs are removed at once, inputs with ``--tidy``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from contestants import BUILDER_SOURCE
from environments import HERE, machine, versions
from figures import Figure, add_record, record
from measure import run
from report import markdown

LINEAR_GOAL = 1.10
"""Time a file at the largest size over that at the smallest, at most."""

FLAT_GOAL = 1.10
"""Peak memory likewise."""

PARTS = ("index", "plan", "units", "finish")


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, nargs="+", default=[10_000, 100_000], help="sizes to build")
    parser.add_argument("--boxes", type=int, default=50, help="boxes of a file")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--work", type=Path, default=HERE / ".work")
    parser.add_argument("--python", default=str(HERE.parent / ".venv" / "bin" / "python"))
    parser.add_argument("--tidy", action="store_true", help="remove each input after its build")
    parser.add_argument("--json", action="store_true", help="print JSON in place of the tables")
    add_record(parser)
    options = parser.parse_args()
    if min(*options.files, options.boxes, options.workers) < 1:
        parser.error("--files, --boxes and --workers must be at least 1")
    options.files = sorted(set(options.files))
    return options


def size_of(folder: Path) -> tuple[int, int]:
    """Bytes and number of the files below a folder."""
    sizes = [(Path(top) / name).stat().st_size for top, _, names in os.walk(folder) for name in names]
    return sum(sizes), len(sizes)


def measure(files: int, options: argparse.Namespace) -> dict[str, Any]:
    """Make one input, build it, look at what came out.

    Raises:
        SystemExit: the build failed, or something was lost.
    """
    work = options.work.resolve()
    root, out, log = work / f"scale-{files}x{options.boxes}", work / "out" / "scale", work / "scale.log"
    print(f"{files:,} files: input ...", file=sys.stderr)
    command = [options.python, HERE / "scale_input.py", root, "--files", files, "--boxes", options.boxes]
    environment = {"PYTHONPATH": str(BUILDER_SOURCE), "OMP_NUM_THREADS": "1"}
    words = [str(word) for word in [*command, "--processes", options.workers]]
    made = json.loads(subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True).stdout)
    shutil.rmtree(out, ignore_errors=True)
    print(f"{files:,} files: build ...", file=sys.stderr)
    side: list[str | Path] = [options.python, HERE / "scale_side.py", root, out]
    measured = run([*side, "--workers", str(options.workers)], log, environment=environment, timeout=6 * 3600)
    output = log.read_text(errors="replace").strip()
    if measured.exit_code:
        raise SystemExit(f"{files:,} files: exit code {measured.exit_code}; see {log}\n{output[-2000:]}")
    told: dict[str, Any] = json.loads(output.splitlines()[-1])
    if told["images"] != files or told["objects"] != made["boxes"]:
        raise SystemExit(f"{files:,} files: {told['images']} images and {told['objects']} objects came out")
    out_bytes, out_files = size_of(out)
    shutil.rmtree(out)
    if options.tidy:
        shutil.rmtree(root)
    return told | {
        "files": files,
        "label_bytes": made["label_bytes"],
        "wall_s": measured.wall_s,
        "cpu_s": measured.cpu_s,
        "tree_mb": measured.peak_mb,
        "foreign_cpu_s": measured.foreign_cpu_s,
        "load": measured.load,
        "out_bytes": out_bytes,
        "out_files": out_files,
    }


def growth(found: list[dict[str, Any]]) -> dict[str, Any]:
    """How the largest size compares with the smallest, and what a file adds to the driver's memory."""
    first, last = found[0], found[-1]

    def slope(of: str) -> float:
        small, large = (
            one["wall_s"] if of == "all" else one["parts"][of]["seconds"] for one in (first, last)
        )
        return float(large / last["files"] / (small / first["files"]))

    added = max(1, last["files"] - first["files"])
    grown = last["driver_mb"] - first["driver_mb"]
    return {
        "time_a_file": {name: slope(name) for name in ("all", *PARTS)},
        "cpu_a_file": last["cpu_s"] / last["files"] / (first["cpu_s"] / first["files"]),
        "tree": last["tree_mb"] / first["tree_mb"],
        "workers": last["workers_mb"] / first["workers_mb"] if first["workers_mb"] else None,
        "driver_bytes_a_file": grown * 2**20 / added,
    }


def tables(found: list[dict[str, Any]]) -> str:
    """For people."""
    head = [
        "files", "objects", "index s", "plan s", "units s", "finish s", "wall s", "files/s", "objects/s",
        "driver MB", "workers MB", "tree MB", "MB out", "us a file", "x smallest",
    ]  # fmt: skip
    rows = []
    for one in found:
        slope = growth([found[0], one])["time_a_file"]["all"]
        rows.append(
            [
                f"{one['files']:,}",
                f"{one['objects']:,}",
                *(f"{one['parts'][part]['seconds']:.2f}" for part in PARTS),
                f"{one['wall_s']:.1f}",
                f"{one['files'] / one['wall_s']:,.0f}",
                f"{one['objects'] / one['wall_s']:,.0f}",
                f"{one['driver_mb']:,.0f}",
                f"{one['workers_mb']:,.0f}",
                f"{one['tree_mb']:,.0f}",
                f"{one['out_bytes'] / 1e6:,.0f}",
                f"{one['wall_s'] / one['files'] * 1e6:,.0f}",
                f"{slope:.2f}",
            ]
        )
    parts = [markdown(head, rows, 0)]
    if len(found) > 1:
        told = growth(found)
        each = ", ".join(f"{name} {ratio:.2f}" for name, ratio in told["time_a_file"].items())
        linear = told["time_a_file"]["all"] <= LINEAR_GOAL
        flat = told["tree"] <= FLAT_GOAL
        parts += [
            "",
            f"From {found[0]['files']:,} to {found[-1]['files']:,} files:",
            f"- time a file: {each}; CPU time a file {told['cpu_a_file']:.2f}. Goal, at most "
            f"{LINEAR_GOAL:g}: {'met' if linear else 'not met'}.",
            f"- peak memory of all processes: {told['tree']:.2f}. Goal, at most {FLAT_GOAL:g}: "
            f"{'met' if flat else 'not met'}.",
            f"- a file adds {told['driver_bytes_a_file']:,.0f} bytes to the peak of the driver.",
        ]
    loads = ", ".join(f"{one['load']:.1f}" for one in found)
    disturbed = sum(one["foreign_cpu_s"] for one in found)
    parts.append(
        f"- load at the start of each: {loads}; others used {disturbed:.0f} s of CPU time meanwhile."
    )
    return "\n".join(parts)


def figures(found: list[dict[str, Any]], workers: int) -> list[Figure]:
    """The figures of the page."""
    first, last = found[0], found[-1]
    sizes = f"{first['files']:,} to {last['files']:,} files"
    told = growth(found)
    return [
        Figure(
            f"build of {last['files']:,} label files, {last['objects']:,} objects, annotations only",
            last["wall_s"],
            work={"headers": last["files"], "write_mb": last["out_bytes"] / 1e6},
            cores=workers,
            note=f"index {last['parts']['index']['seconds']:.1f} s of it; {last['tree_mb']:,.0f} MB at most",
        ),
        Figure(f"time a file, {sizes}", told["time_a_file"]["all"], "share", goal=LINEAR_GOAL),
        Figure(f"peak memory, {sizes}", told["tree"], "share", goal=FLAT_GOAL),
    ]


def main() -> None:
    """Measure every size, print, record."""
    options = arguments()
    for folder in ("out", "logs"):
        (options.work / folder).mkdir(parents=True, exist_ok=True)
    found = [measure(files, options) for files in options.files]
    told = {
        "machine": machine(options.work),
        "versions": versions(options.python, ["rsvp-builder", "pyarrow", "numpy"]),
        "workers": options.workers,
        "sizes": found,
        "growth": growth(found) if len(found) > 1 else None,
    }
    (options.work / "scale.json").write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told, indent=1) if options.json else tables(found))
    if options.record:
        record("scale", figures(found, options.workers), options.work)


if __name__ == "__main__":
    main()
