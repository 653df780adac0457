"""The caption benchmark: our metrics beside pycocoevalcap, on one input, in one invocation.

    python benchmarks/eval.py                                      # 20,000 samples of 5 references
    python benchmarks/eval.py --samples 200000 --skip-reference    # our time and memory alone
    python benchmarks/eval.py --samples 500 --runs 1               # does it work at all

Each step of the reference runs in a process of its own; ours share a set of captions in one, METEOR apart.
Every value of every sample is compared, and a difference above 1e-9 ends the program with exit code 1 and no
table. Everything lies under ``--work``, and ``eval.json`` there has every single run. See README.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shlex
import sys
from dataclasses import asdict, dataclass, field
from itertools import zip_longest
from pathlib import Path

import numpy as np

from caption_input import REFERENCES, generate
from environments import HERE, machine, versions
from figures import Figure, add_record, record
from measure import Measurement, run
from report import markdown, write_readme
from results import FOREIGN, Goal

SOURCE = HERE.parent / "packages" / "rsvp-eval" / "src"
TOLERANCE = 1e-9
FAST_GOAL = 10.0
METEOR_GOAL = 5.0
MEMORY_GOAL_MB = 2000.0
FAST = ("tokenize", "bleu", "rouge_l", "cider")
METEOR = ("meteor",)
PARTS = {
    "tokenise": ("tokenize",),
    "BLEU-1 to 4 and CIDEr-D": ("bleu", "cider"),
    "ROUGE-L": ("rouge_l",),
    "tokenise, BLEU, ROUGE-L, CIDEr-D": FAST,
    "METEOR": METEOR,
    "all": (*FAST, *METEOR),
}
"""Rows of the table. BLEU and CIDEr-D are one row, since ours count the n-grams for both at once."""


@dataclass
class Process:
    """One process of one side: the steps it times itself, and its runs."""

    title: str
    steps: tuple[str, ...]
    command: list[str]
    seconds: list[dict[str, float]] = field(default_factory=list)
    runs: list[Measurement] = field(default_factory=list)

    @property
    def quickest(self) -> int:
        """The run whose steps took the least time together."""
        sums = [sum(found[step] for step in self.steps) for found in self.seconds]
        return sums.index(min(sums))

    @property
    def peak_mb(self) -> float:
        """The highest peak of any run."""
        return max(run.peak_mb for run in self.runs)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=2, help="runs of each; the quickest counts")
    parser.add_argument("--work", type=Path, default=HERE / ".work")
    parser.add_argument("--python", default=str(HERE.parent / ".venv" / "bin" / "python"))
    parser.add_argument("--skip-reference", action="store_true", help="measure ours only; compares nothing")
    parser.add_argument("--skip-meteor", action="store_true", help="leave METEOR out on both sides")
    parser.add_argument("--write-readme", action="store_true", help="put the figures into README.md")
    add_record(parser)
    options = parser.parse_args()
    if min(options.samples, options.runs) < 1:
        parser.error("--samples and --runs must be at least 1")
    if options.write_readme and options.skip_reference:
        parser.error("--write-readme needs the reference")
    return options


def processes(options: argparse.Namespace, source: Path, folder: Path) -> tuple[list[Process], list[Process]]:
    """Ours, and those of the reference."""

    def process(title: str, script: str, steps: tuple[str, ...]) -> Process:
        named = ",".join(step for step in steps if step != "tokenize") or "tokenize"
        command = [options.python, str(HERE / script), named, str(source), str(folder)]
        return Process(title, steps, command)

    ours = [process("ours", "eval_ours.py", FAST)]
    theirs = [process(f"reference {step}", "eval_reference.py", (step,)) for step in FAST]
    if not options.skip_meteor:
        ours.append(process("ours meteor", "eval_ours.py", METEOR))
        theirs.append(process("reference meteor", "eval_reference.py", METEOR))
    return ours, [] if options.skip_reference else theirs


def measured(process: Process, log: Path) -> None:
    """One more run; ends the program where it fails."""
    result = run([*process.command], log, environment={"PYTHONPATH": str(SOURCE)}, timeout=7200)
    output = log.read_text(errors="replace").strip()
    if result.exit_code:
        raise SystemExit(f"{process.title}: exit code {result.exit_code}; see {log}\n{output[-2000:]}")
    process.seconds.append(json.loads(output.splitlines()[-1])["seconds"])
    process.runs.append(result)
    took = sum(process.seconds[-1][step] for step in process.steps)
    note = f"{process.title:22} {took:8.2f} s  {result.peak_mb:6.0f} MB  load {result.load:.2f}"
    print(note, file=sys.stderr)


def compare(folder: Path, steps: list[str]) -> list[str]:
    """Sentences on what was equal.

    Raises:
        SystemExit: something was not.
    """
    lines = 0
    with (folder / "ours-tokens.jsonl").open() as ours, (folder / "reference-tokens.jsonl").open() as theirs:
        for number, (own, other) in enumerate(zip_longest(ours, theirs), 1):
            if own != other:
                raise SystemExit(f"sample {number}: tokens differ\nours      {own}\nreference {other}")
            lines = number
    told = [f"- Tokens: the same for all {lines:,} samples."]
    for step in steps:
        own, other = (np.load(folder / f"{side}-{step}.npz") for side in ("ours", "reference"))
        apart = max(float(np.abs(own[name] - other[name]).max()) for name in ("corpus", "samples"))
        same = float((own["samples"] == other["samples"]).mean())
        if own["samples"].shape != other["samples"].shape or not apart <= TOLERANCE:
            raise SystemExit(f"{step}: values differ by up to {apart:.3g}; the goal is {TOLERANCE:g}")
        told.append(
            f"- `{step}`: largest difference {apart:.1e}; {same:.2%} of the samples equal to the bit."
        )
    return told


def best(sides: list[Process]) -> dict[str, float]:
    """Seconds of each step in the quickest run of its process."""
    found: dict[str, float] = {}
    for process in sides:
        seconds = process.seconds[process.quickest]
        found |= {step: seconds[step] for step in process.steps}
    return found


def _sum(seconds: dict[str, float], steps: tuple[str, ...]) -> float | None:
    return sum(seconds[step] for step in steps) if all(step in seconds for step in steps) else None


def _peak(sides: list[Process], steps: tuple[str, ...]) -> str:
    peaks = [process.peak_mb for process in sides if {*process.steps} & {*steps}]
    return f"{max(peaks):,.0f}" if peaks else "not measured"


def table(ours: list[Process], theirs: list[Process]) -> str:
    """Seconds and peaks, ours beside the reference's."""
    head = ["what", "reference s", "ours s", "x faster", "reference peak MB", "ours peak MB"]
    own, other = best(ours), best(theirs)
    rows = []
    for title, steps in PARTS.items():
        here, there = _sum(own, steps), _sum(other, steps)
        if here is None and there is None:
            continue
        rows.append(
            [
                title,
                "not measured" if there is None else f"{there:.2f}",
                "not measured" if here is None else f"{here:.2f}",
                "" if here is None or there is None else f"{there / here:.1f}",
                "not measured" if there is None else _peak(theirs, steps),
                "not measured" if here is None else _peak(ours, steps),
            ]
        )
    return markdown(head, rows, 1)


def goals(ours: list[Process], theirs: list[Process], samples: int) -> list[Goal]:
    """The goals, judged where both sides were measured."""
    own, other = best(ours), best(theirs)
    found = []
    for title, factor in (
        ("tokenise, BLEU, ROUGE-L, CIDEr-D", FAST_GOAL),
        ("METEOR", METEOR_GOAL),
        ("all", FAST_GOAL),
    ):
        text = f"{title}: at least {factor:g}x faster"
        here, there = _sum(own, PARTS[title]), _sum(other, PARTS[title])
        if here is None or there is None:
            found.append(Goal.open(text, "one side was left out"))
        else:
            found.append(Goal.of(text, f"{there / here:.1f}x", there / here >= factor))
    peak = max(process.peak_mb for process in ours)
    text = f"our peak memory under {MEMORY_GOAL_MB:,.0f} MB, {samples:,} samples"
    return [*found, Goal.of(text, f"{peak:,.0f} MB", peak < MEMORY_GOAL_MB)]


def figures(ours: list[Process], theirs: list[Process], samples: int, version: str) -> list[Figure]:
    """The figures of the page."""
    own, other = best(ours), best(theirs)
    factors = {"tokenise, BLEU, ROUGE-L, CIDEr-D": FAST_GOAL, "METEOR": METEOR_GOAL, "all": FAST_GOAL}
    found = [
        Figure(
            f"{title}, {samples:,} samples",
            _sum(own, steps),
            peer="pycocoevalcap",
            peer_version=version,
            theirs=_sum(other, steps),
            goal=factors.get(title),
        )
        for title, steps in PARTS.items()
    ]
    peak = max(process.peak_mb for process in ours)
    return [*found, Figure(f"peak memory, {samples:,} samples", peak, "MB", goal=MEMORY_GOAL_MB)]


def section(
    options: argparse.Namespace,
    made: dict[str, int | str],
    sides: tuple[list[Process], list[Process]],
    equal: list[str],
) -> str:
    """What is printed and goes into the README."""
    ours, theirs = sides
    command = shlex.join(["python", f"benchmarks/{Path(__file__).name}", *sys.argv[1:]])
    captions = options.samples * (1 + REFERENCES)
    everyone = [*ours, *theirs]
    loads = [one.load for process in everyone for one in process.runs]
    names = ("rsvp-eval", "pycocoevalcap", "numpy", "rapidfuzz")
    found = versions(options.python, names)
    about = machine(options.work)
    each = ", ".join(f"{step} {seconds:.2f} s" for step, seconds in best(theirs).items())
    judged = [[goal.text, goal.value, goal.verdict] for goal in goals(ours, theirs, options.samples)]
    disturbed = [p.title for p in everyone if (q := p.runs[p.quickest]).foreign_cpu_s > FOREIGN * q.wall_s]
    parts = [
        f"`{command}` on {datetime.datetime.now(tz=datetime.UTC).date()}: quickest of {options.runs} "
        "alternating runs, highest peak of all.",
        f"Machine: {', '.join(f'{name} {value}' for name, value in about.items())}.",
        f"Input: {options.samples:,} samples of {REFERENCES} references, {int(made['words']) / captions:.1f} "
        "words a caption.",
        f"Environment: {', '.join(f'{name} {value}' for name, value in found.items())}.",
        "",
        table(ours, theirs),
        "",
        markdown(["goal", "measured", "verdict"], judged, 3),
        "",
        *equal,
        *([f"- Single steps of the reference: {each}."] if theirs else []),
        f"- Load average at the start of a run: {min(loads):.2f} to {max(loads):.2f}.",
        *(
            [f"- Others used more than a tenth of a core during: {', '.join(disturbed)}."]
            if disturbed
            else []
        ),
    ]
    return "\n".join(parts)


def main() -> None:
    """Measures, compares, prints, writes."""
    options = arguments()
    folder = options.work.resolve() / f"eval-{options.samples}"
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "captions.jsonl"
    made = generate(source, samples=options.samples)
    sides = processes(options, source, folder)
    ours, theirs = sides
    for _ in range(options.runs):
        for process in [*ours, *theirs]:
            measured(process, folder / "eval.log")
    common = [step for step in best(theirs) if step in best(ours) and step != "tokenize"]
    equal = compare(folder, common) if theirs else []
    text = section(options, made, sides, equal)
    print(text)
    saved = [
        {**asdict(process), "runs": [asdict(one) for one in process.runs]} for process in [*ours, *theirs]
    ]
    (options.work / "eval.json").write_text(json.dumps({"input": made, "processes": saved}, indent=1) + "\n")
    if options.write_readme:
        write_readme(HERE / "README.md", text, "eval")
    if options.record:
        version = versions(options.python, ["pycocoevalcap"]).get("pycocoevalcap", "")
        record("eval", figures(ours, theirs, options.samples, version), options.work)


if __name__ == "__main__":
    main()
