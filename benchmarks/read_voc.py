"""The VOC benchmark: reading label files, ours beside datumaro's importer, in one invocation.

    python benchmarks/read_voc.py                           # 20,000 files of 50 objects, 3 runs of each
    python benchmarks/read_voc.py --files 500 --runs 1      # does it work at all

Neither side opens a picture or writes anything: this is the label files' way into memory. Everything
lies under ``--work``, and ``read_voc.json`` there has every single run. See README.md for how it is measured.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from contestants import BUILDER_SOURCE, PEERS
from environments import HERE, environment, machine, versions
from figures import Figure, add_record, record
from measure import Measurement, run
from report import markdown
from results import FOREIGN
from voc_input import generate

GOAL = 3.0


@dataclass
class Side:
    """Who reads, and what came of it."""

    title: str
    does: str
    command: list[str]
    packages: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    runs: list[Measurement] = field(default_factory=list)
    read: dict[str, float] = field(default_factory=dict)

    @property
    def best(self) -> Measurement:
        """The quickest run."""
        return min(self.runs, key=lambda run: run.wall_s)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=20_000)
    parser.add_argument("--objects", type=int, default=50, help="objects of a file")
    parser.add_argument("--runs", type=int, default=3, help="runs of each; the best wall time counts")
    parser.add_argument("--work", type=Path, default=HERE / ".work")
    parser.add_argument("--python", default=str(HERE.parent / ".venv" / "bin" / "python"))
    add_record(parser)
    options = parser.parse_args()
    if min(options.files, options.objects, options.runs) < 1:
        parser.error("--files, --objects and --runs must be at least 1")
    return options


def sides(options: argparse.Namespace, root: Path) -> list[Side]:
    """Ours, then the peer in the two formats that fit, the quicker one first."""
    datumaro = environment(options.work, "venv-datumaro", "requirements-datumaro.txt")
    return [
        Side(
            "**rsvp-builder**, reader `voc_xml`",
            "index, every line checked, columns with the line of each object",
            [options.python, str(HERE / "ours_voc.py"), str(root)],
            ("rsvp-builder", "numpy"),
            {"PYTHONPATH": str(BUILDER_SOURCE)},
        ),
        *(
            Side(
                f"datumaro, format `{form}`",
                f"`Dataset.import_from`, `init_cache`; {what}; an object each in memory",
                [str(datumaro), str(PEERS / "datumaro_voc.py"), str(root), form],
                ("datumaro", "numpy"),
            )
            for form, what in (("voc_detection", "boxes alone"), ("voc", "looks for masks and labels too"))
        ),
    ]


def measured(side: Side, log: Path, made: dict[str, int]) -> None:
    """One more run of a side; ends the program where it fails or reads anything else than was made."""
    result = run([*side.command], log, environment=side.environment)
    output = log.read_text(errors="replace").strip()
    if result.exit_code:
        raise SystemExit(
            f"{side.title} failed with exit code {result.exit_code}; see {log}\n{output[-2000:]}"
        )
    side.read = json.loads(output.splitlines()[-1])
    wanted = {name: made[name] for name in ("images", "boxes", "sum")}
    if side.read != wanted:
        raise SystemExit(f"{side.title} read {side.read}, made were {wanted}")
    side.runs.append(result)


def table(sides: list[Side]) -> str:
    """The figures; the last column compares with ours."""
    head = ["who", "version", "what it does", "wall s", "CPU s", "peak MB", "files/s", "boxes", "x ours"]
    rows = []
    for side in sides:
        best = side.best
        star = "\\*" if best.foreign_cpu_s > FOREIGN * best.wall_s else ""
        rows.append(
            [
                side.title,
                versions(side.command[0], side.packages).get(side.packages[0], ""),
                side.does,
                f"{best.wall_s:.2f}{star}",
                f"{best.cpu_s:.2f}",
                f"{max(run.peak_mb for run in side.runs):,.0f}",
                f"{side.read['images'] / best.wall_s:,.0f}",
                f"{int(side.read['boxes']):,}",
                f"{best.wall_s / sides[0].best.wall_s:.2f}",
            ]
        )
    return markdown(head, rows, 3)


def _installed(side: Side) -> str:
    return ", ".join(f"{name} {value}" for name, value in versions(side.command[0], side.packages).items())


def figures(all_sides: list[Side], label_mb: float) -> list[Figure]:
    """The figures of the page."""
    ours, *peers = all_sides
    return [
        Figure(
            f"{int(ours.read['images']):,} VOC files, {int(ours.read['boxes']):,} boxes into memory",
            ours.best.wall_s,
            peer=peer.title.replace("`", ""),
            peer_version=versions(peer.command[0], peer.packages).get(peer.packages[0], ""),
            theirs=peer.best.wall_s,
            goal=GOAL if peer is peers[0] else None,
            work={"xml_mb": label_mb},
        )
        for peer in peers
    ]


def main() -> None:
    """Measures all in turn and prints the section of the README."""
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    root = options.work / f"voc-{options.files}x{options.objects}"
    made = generate(root, files=options.files, objects=options.objects)
    all_sides = sides(options, root)
    for number in range(options.runs):
        for side in all_sides:
            print(f"run {number + 1} of {options.runs}: {side.title}", file=sys.stderr)
            measured(side, options.work / "read_voc.log", made)
    ours, peer = (side.best for side in all_sides[:2])
    ratio = peer.wall_s / ours.wall_s
    about = machine(options.work)
    command = " ".join(["python", f"benchmarks/{Path(__file__).name}", *sys.argv[1:]])
    today = datetime.datetime.now(tz=datetime.UTC).date()
    lines = [
        f"`{command}` on {today}: best wall time of {options.runs} alternating runs, highest peak of all.",
        f"Machine: {', '.join(f'{name} {value}' for name, value in about.items())}.",
        f"Input: {options.files:,} files ({made['label_bytes'] / 1e6:,.0f} MB), {made['boxes']:,} boxes.",
        *(f"Environment of {side.packages[0]}: {_installed(side)}." for side in all_sides[:2]),
        "",
        table(all_sides),
        "",
        f"Goal, at least {GOAL:g}x faster than datumaro, where it reads boxes alone: {ratio:.2f}x by wall, "
        f"{peer.cpu_s / ours.cpu_s:.2f}x by CPU time, {'met' if ratio >= GOAL else 'not met'}.",
    ]
    print("\n".join(lines))
    result = [{**asdict(side), "runs": [asdict(run) for run in side.runs]} for side in all_sides]
    (options.work / "read_voc.json").write_text(
        json.dumps({"machine": about, "sides": result}, indent=1) + "\n"
    )
    if options.record:
        record("read_voc", figures(all_sides, made["label_bytes"] / 1e6), options.work)


if __name__ == "__main__":
    main()
