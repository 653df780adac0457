"""The DOTA benchmark: our build beside its peers, on one input, in one invocation.

    python benchmarks/build_dota.py --large --write-readme

Everything lies under ``--work``: the input, the peers' environments, outputs while they are needed,
logs, and ``build_dota.json`` with every single run. See README.md for what is measured and how.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

from build_figures import figures
from contestants import PEER_KEYS, Contestant, ours, peers
from environments import HERE, environment, machine, versions
from figures import add_record, record
from measure import run
from report import section, write_readme
from results import Result, goals

LARGE = 10
"""The memory check has this many times the images."""

FOOTING = 4 << 30
"""Most bytes that are written and deleted before a run that writes pictures."""

DISTINCT = 400
"""Pictures of the memory check; its other file names are links to them."""


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--boxes", type=int, default=200, help="boxes of an image")
    parser.add_argument("--runs", type=int, default=3, help="runs of everybody; the best wall time counts")
    parser.add_argument("--work", type=Path, default=HERE / ".work")
    parser.add_argument("--python", help="interpreter of our build (default: .venv of this checkout)")
    parser.add_argument(
        "--skip-peers", nargs="+", default=[], choices=[*PEER_KEYS, "all"], metavar="PEER",
        help=f"leave out: {', '.join(PEER_KEYS)}, all",
    )  # fmt: skip
    parser.add_argument("--skip-ours", action="store_true", help="measure peers only")
    parser.add_argument("--large", action="store_true", help=f"also our memory on {LARGE} times the images")
    parser.add_argument("--write-readme", action="store_true", help="put the figures into README.md")
    add_record(parser)
    options = parser.parse_args()
    if min(options.images, options.boxes, options.runs) < 1:
        parser.error("--images, --boxes and --runs must be at least 1")
    return options


def make_input(python: Path, root: Path, *, images: int, boxes: int, distinct: int) -> dict[str, int]:
    """Makes the input in a process of its own, reads it once to warm the page cache, returns its stamp."""
    print(f"input of {images:,} images in {root} ...", file=sys.stderr)
    command = [
        python,
        HERE / "dota_input.py",
        root,
        "--images",
        images,
        "--boxes",
        boxes,
        "--distinct",
        distinct,
    ]
    answer = subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True)
    made: dict[str, int] = json.loads(answer.stdout)
    for path in sorted((root / "train").glob("*/*")):
        with path.open("rb", buffering=0) as file:
            while file.read(8 << 20):
                pass
    return made


def new_result(who: Contestant, made: dict[str, int]) -> Result:
    """A result with no runs yet."""
    expected = {}
    if not who.key.startswith("copy"):
        expected["boxes"] = made["boxes"]
    if who.group == "embedded":
        expected["image_bytes"] = made["image_bytes"]
    result = Result(who, made["images"], expected)
    if who.ours:
        command = [who.python, "-c", "import rsvp_builder; print(rsvp_builder.__version__)"]
        answer = subprocess.run(
            command, env={**os.environ, **who.environment}, capture_output=True, text=True, check=False
        )
        result.version = answer.stdout.strip() or "not installed"
    else:
        result.version = versions(who.python, who.packages[:1]).get(who.packages[0], "not installed")
    return result


def equal_footing(work: Path, size: int) -> None:
    """Write a file as large as the output will be, and delete it, so that every side finds the same memory.

    A virtual machine gives free memory back to its host, and writing into pages that have to be fetched
    again takes several times as long. Without this, the time to write depends on who ran before.
    """
    path = work / "out" / "footing"
    block = os.urandom(8 << 20)
    with path.open("wb", buffering=0) as file:
        for _ in range(size // len(block) + 1):
            file.write(block)
        os.fsync(file.fileno())
    path.unlink()


def measure_once(result: Result, root: Path, work: Path) -> None:
    """One run: old output away, the measured command, then what it wrote is counted."""
    who = result.contestant
    out = work / "out" / who.key
    log = work / "logs" / f"{who.key}-{result.images}.log"
    shutil.rmtree(out, ignore_errors=True)
    environment_of_all = {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(work / "hf-home"),
        "TMPDIR": str(work / "tmp"),
    }
    equal_footing(work, min(2 * result.expected.get("image_bytes", 0), FOOTING))
    measured = run(who.fill(who.timed, root, out), log, environment={**environment_of_all, **who.environment})
    note = f"{who.key:22} {result.images:7,} images  {measured.wall_s:8.2f} s  {measured.peak_mb:6.0f} MB"
    print(f"{note}  load {measured.load:.2f}", file=sys.stderr)
    if measured.exit_code:
        tail = log.read_text(errors="replace").strip().splitlines()[-1:]
        result.failure = f"exit code {measured.exit_code}: {' '.join(tail)[:200]} (log: {log.name})"
    else:
        counted = subprocess.run(who.fill(who.count, root, out), capture_output=True, text=True, check=False)
        if counted.returncode:
            result.failure = f"its output could not be counted: {counted.stderr.strip().splitlines()[-1]}"
        else:
            found: dict[str, int] = json.loads(counted.stdout)
            result.written = {name: min(n, result.written.get(name, n)) for name, n in found.items()}
            result.runs.append(measured)
            size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
            result.out_mb = size / 1e6
    shutil.rmtree(out, ignore_errors=True)


def compete(
    contestants: list[Contestant], made: dict[str, int], root: Path, work: Path, runs: int
) -> list[Result]:
    """Everybody in turn, again and again, so that a drift of the machine meets all of them."""
    results = [new_result(who, made) for who in contestants]
    for result in results:
        who = result.contestant
        if who.prepare:
            command = who.fill(who.prepare, root, work / "out" / who.key)
            shutil.rmtree(work / "out" / f"{who.key}-prepared", ignore_errors=True)
            subprocess.run(command, check=True)
    for _ in range(runs):
        for result in results:
            if not result.failure:
                measure_once(result, root, work)
    return results


def own_contestants(python: str) -> list[Contestant]:
    """Our builds, in the order of the table."""
    return [ours(python, workers, embed=embed) for embed in (False, True) for workers in (1, 2)]


def installed(contestants: list[Contestant]) -> dict[str, dict[str, str]]:
    """What each environment holds of the packages that its contestants name."""
    packages: dict[str, dict[str, None]] = {}
    for who in contestants:
        packages.setdefault(who.python, {}).update(dict.fromkeys(who.packages))
    named = {python: Path(python).parent.parent.name or python for python in packages}
    return {named[python]: versions(python, names) for python, names in packages.items()}


def memory_check(
    own: list[Contestant], python: Path, work: Path, options: argparse.Namespace
) -> list[Result]:
    """Our builds once each on many more images."""
    images = options.images * LARGE
    root = work / f"input-{images}x{options.boxes}-linked"
    made = make_input(
        python, root, images=images, boxes=options.boxes, distinct=min(DISTINCT, options.images)
    )
    room = shutil.disk_usage(work).free
    fits = [who for who in own if who.group == "annotations" or room > 1.5 * made["image_bytes"]]
    results = compete(fits, made, root, work, 1)
    for who in own:
        if who not in fits:
            result = new_result(who, made)
            result.failure = (
                f"{room / 1e9:.0f} GB free, too little for {made['image_bytes'] / 1e9:.0f} GB of output"
            )
            results.append(result)
    return results


def main() -> None:
    """Measures, prints, writes."""
    options = arguments()
    work = options.work.resolve()
    for folder in ("out", "logs", "tmp"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    python = environment(work, "venv", "requirements.txt")
    datumaro_python = environment(work, "venv-datumaro", "requirements-datumaro.txt")
    own_python = options.python or str(HERE.parent / ".venv" / "bin" / "python")

    own = [] if options.skip_ours else own_contestants(own_python)
    skipped = PEER_KEYS if "all" in options.skip_peers else options.skip_peers
    others = [peer for peer in peers(python, datumaro_python) if peer.key not in skipped]
    contestants = sorted([*own, *others], key=lambda who: who.group)

    root = work / f"input-{options.images}x{options.boxes}"
    made = make_input(python, root, images=options.images, boxes=options.boxes, distinct=options.images)
    results = compete(contestants, made, root, work, options.runs)
    large = memory_check(own, python, work, options) if options.large else []

    judged = goals(results, large, options.images)
    facts = {
        "command": shlex.join(["python", os.path.relpath(sys.argv[0], HERE.parent), *sys.argv[1:]]),
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "machine": machine(work),
        "made": made,
        "runs": options.runs,
        "versions": installed(contestants),
    }
    text = section(**facts, results=results, large=large, goals=judged)
    print(text)
    saved = {
        **facts,
        "results": [result.to_json() for result in results],
        "large": [result.to_json() for result in large],
        "goals": [asdict(goal) for goal in judged],
    }
    (work / "build_dota.json").write_text(json.dumps(saved, indent=1) + "\n")
    if options.write_readme:
        write_readme(HERE / "README.md", text)
    if options.record:
        record("build_dota", figures(results, large, made["label_bytes"] / 1e6), work)


if __name__ == "__main__":
    main()
