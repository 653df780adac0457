"""The model benchmark: training steps beside transformers' LLaVA, batched answers, the command line's start.

    python benchmarks/model.py                                # sizes of published base encoders; 20 minutes
    python benchmarks/model.py --size small --runs 1          # does it work at all
    python benchmarks/model.py --write-readme                 # put the figures into README.md

Every run is a process of its own, and all sides run in turn (A B C A B C ...). Answers of batches and of
single rows are compared, and a difference ends the program with exit code 1 and no table. Everything lies
under ``--work``, and ``model.json`` there has every single run. See README.md.
"""

from __future__ import annotations

import argparse
import datetime
import json
import shlex
import statistics
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from environments import HERE, machine, versions
from figures import Figure, add_record, record
from measure import Measurement, run
from report import markdown, write_readme
from results import Goal

SOURCE = HERE.parent / "packages" / "earthmarker-model" / "src"
SLOWER_GOAL = 1.1
CACHE_GOAL = 2.0
BATCH_GOAL = 3.0
HELP_GOAL_S = 0.3
BATCH = 8


@dataclass
class Side:
    """One row of the table and its runs.

    Attributes:
        key: name in the JSON.
        title: name in the table.
        command: what is run.
        told: what the runs said.
        runs: what was measured of them.
    """

    key: str
    title: str
    command: list[str]
    told: list[dict[str, Any]] = field(default_factory=list)
    runs: list[Measurement] = field(default_factory=list)

    def median(self, what: str) -> float:
        """Median of all timed steps of all runs, ``seconds`` or ``cpu``."""
        return statistics.median(step for told in self.told for step in _list(told[what]))

    @property
    def peak_mb(self) -> float:
        """The highest peak of any run."""
        return max(one.peak_mb for one in self.runs)


def _list(value: Any) -> list[float]:
    return value if isinstance(value, list) else [value]


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=("base", "small"), default="base")
    parser.add_argument("--phase", choices=("align", "rsvp"), default="rsvp", help="what learns")
    parser.add_argument("--samples", type=int, default=1, help="samples a step")
    parser.add_argument("--steps", type=int, default=3, help="timed steps of a run, after one that is not")
    parser.add_argument("--runs", type=int, default=3, help="runs of each side")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int, default=16, help="rows that are answered")
    parser.add_argument("--tokens", type=int, default=64, help="length of each answer")
    parser.add_argument("--work", type=Path, default=HERE / ".work")
    parser.add_argument("--python", default=str(HERE.parent / ".venv" / "bin" / "python"))
    parser.add_argument("--write-readme", action="store_true", help="put the figures into README.md")
    add_record(parser)
    options = parser.parse_args()
    if min(options.samples, options.steps, options.runs, options.threads, options.rows, options.tokens) < 1:
        parser.error("counts must be at least 1")
    if options.write_readme and options.size != "base":
        parser.error("--write-readme is for --size base")
    return options


def sides(options: argparse.Namespace) -> dict[str, Side]:
    """Everybody who runs, by key."""

    def step(key: str, title: str, side: str, tower: str) -> Side:
        words = [options.python, str(HERE / "model_step.py"), "--side", side, "--tower", tower]
        for name in ("size", "phase", "steps", "threads"):
            words += [f"--{name}", str(getattr(options, name))]
        return Side(key, title, [*words, "--rows", str(options.samples)])

    def answers(key: str, title: str, batch: int) -> Side:
        words = [options.python, str(HERE / "model_predict.py"), "--batch", str(batch)]
        for name in ("rows", "tokens", "threads"):
            words += [f"--{name}", str(getattr(options, name))]
        return Side(key, title, words)

    everyone = [
        step("llava", "LLaVA, CLIP ViT of the same arithmetic", "llava", "mixture"),
        step("ours", "**EarthMarker**, ConvNeXt and DINOv2", "ours", "mixture"),
        step("ours-cached", "**EarthMarker**, features from the cache", "ours-cached", "mixture"),
        step("llava-dino", "LLaVA, DINOv2", "llava", "dino"),
        step("ours-dino", "**EarthMarker**, the same DINOv2 alone", "ours", "dino"),
        answers("batched", f"**EarthMarker**, {BATCH} rows at a time", BATCH),
        answers("single", "**EarthMarker**, one row at a time", 1),
        Side("help", "`earthmarker --help`", [options.python, "-m", "earthmarker_cli", "--help"]),
    ]
    return {side.key: side for side in everyone}


def measured(side: Side, log: Path) -> None:
    """One more run; ends the program where it fails."""
    environment = {"PYTHONPATH": str(SOURCE), "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
    result = run([*side.command], log, environment=environment, timeout=7200)
    output = log.read_text(errors="replace").strip()
    if result.exit_code:
        raise SystemExit(f"{side.key}: exit code {result.exit_code}; see {log}\n{output[-2000:]}")
    if side.key == "help":
        told = {"seconds": result.wall_s, "cpu": result.cpu_s}
    else:
        told = json.loads(next(line for line in output.splitlines()[::-1] if line.startswith("{")))
    side.told.append(told)
    side.runs.append(result)
    took = statistics.median(_list(told["seconds"]))
    note = f"{side.key:12} {took:8.2f} s  {result.peak_mb:6.0f} MB  load {result.load:.2f}"
    print(note, file=sys.stderr)


def check(found: dict[str, Side]) -> None:
    """Nothing is compared that is not the same.

    Raises:
        SystemExit: both sides do not learn as much from as many tokens, or batches answer otherwise.
    """
    for one, other in (("ours", "llava"), ("ours", "ours-cached"), ("ours-dino", "llava-dino")):
        for what in ("tokens", "attention", *(("learned", "tensors") if _lora(found) else ())):
            if found[one].told[0][what] != found[other].told[0][what]:
                raise SystemExit(f"{one} and {other} differ in {what}")
    answers = {told["sha256"] for key in ("batched", "single") for told in found[key].told}
    if len(answers) != 1:
        raise SystemExit("rows in batches were answered otherwise than one by one")


def _lora(found: dict[str, Side]) -> bool:
    """Whether the same parameters learn on both sides; projections are of the same form, not of one size."""
    return "rsvp" in found["ours"].command


def goals(found: dict[str, Side]) -> list[Goal]:
    """The goals, judged on the medians of wall time."""

    def wall(key: str) -> float:
        return found[key].median("seconds")

    judged = []
    for ours, peer, what in (
        ("ours", "llava", "encoders of the same arithmetic"),
        ("ours-dino", "llava-dino", "the same encoder"),
    ):
        ratio = wall(ours) / wall(peer)
        text = f"a step without the cache, {what}: at most {SLOWER_GOAL:g}x LLaVA's"
        judged.append(Goal.of(text, f"{ratio:.2f}x", ratio <= SLOWER_GOAL))
    ratio = wall("llava") / wall("ours-cached")
    text = f"a step with the cache: at least {CACHE_GOAL:g}x faster than LLaVA's"
    judged.append(Goal.of(text, f"{ratio:.2f}x", ratio >= CACHE_GOAL))
    ratio = wall("single") / wall("batched")
    text = f"answers, {BATCH} rows at a time: at least {BATCH_GOAL:g}x faster than one by one"
    judged.append(Goal.of(text, f"{ratio:.2f}x", ratio >= BATCH_GOAL))
    text = f"`earthmarker --help` in under {HELP_GOAL_S:g} s"
    return [*judged, Goal.of(text, f"{wall('help'):.2f} s", wall("help") < HELP_GOAL_S)]


def table(found: dict[str, Side]) -> str:
    """Steps of all sides."""
    head = ["a training step", "wall s", "CPU s", "peak MB", "parameters", "learned", "x its LLaVA"]
    rows = []
    for key, peer in (
        ("llava", "llava"),
        ("ours", "llava"),
        ("ours-cached", "llava"),
        ("llava-dino", "llava-dino"),
        ("ours-dino", "llava-dino"),
    ):
        side = found[key]
        rows.append(
            [
                side.title,
                f"{side.median('seconds'):.2f}",
                f"{side.median('cpu'):.2f}",
                f"{side.peak_mb:,.0f}",
                f"{side.told[0]['parameters'] / 1e6:,.0f} M",
                f"{side.told[0]['learned'] / 1e6:.2f} M",
                f"{side.median('seconds') / found[peer].median('seconds'):.2f}",
            ]
        )
    return markdown(head, rows, 1)


def answer_table(found: dict[str, Side]) -> str:
    """Answers, and the start of the command line."""
    head = ["what", "wall s", "CPU s", "peak MB"]
    rows = [
        [
            found[key].title,
            f"{found[key].median('seconds'):.2f}",
            f"{found[key].median('cpu'):.2f}",
            f"{found[key].peak_mb:,.0f}",
        ]
        for key in ("batched", "single", "help")
    ]
    return markdown(head, rows, 1)


def figures(found: dict[str, Side], version: str) -> list[Figure]:
    """The figures of the page."""
    pairs = (
        ("ours", "llava", "a training step, encoders of the same arithmetic", 1 / SLOWER_GOAL),
        ("ours-dino", "llava-dino", "a training step, the same encoder", 1 / SLOWER_GOAL),
        ("ours-cached", "llava", "a training step with the cache", CACHE_GOAL),
        ("batched", "single", f"answers, {BATCH} rows at a time", BATCH_GOAL),
    )
    compared = [
        Figure(
            what,
            found[ours].median("seconds"),
            peer="ourselves, one by one" if peer == "single" else found[peer].title,
            peer_version="" if peer == "single" else f"transformers {version}",
            theirs=found[peer].median("seconds"),
            goal=goal,
        )
        for ours, peer, what, goal in pairs
    ]
    return [*compared, Figure("earthmarker --help", found["help"].median("seconds"), goal=HELP_GOAL_S)]


def proportions(options: argparse.Namespace) -> list[str]:
    """Sentences on the sizes, counted and not measured."""
    from model_sides import SIZES, clip_flops, clip_layers, encoder_flops, preset_flops

    size = SIZES[options.size]
    layers = clip_layers(size)
    gains = []
    for name in ("13b", "7b", "smol"):
        encoders, decoder = preset_flops(name, size.words)
        gains.append(f"`{name}` {(encoders + 2 * decoder) / (2 * decoder):.2f}x")
    seen, towers = encoder_flops(size) / 1e9, clip_flops(size, layers) / 1e9
    return [
        f"- A sample is {size.tokens} tokens: an image and a prompt of {size.image_tokens} each, "
        f"{size.words} of text.",
        f"- Over one image our encoders make {seen:,.1f} GFLOP, LLaVA's CLIP tower, {size.tower} wide, "
        f"{towers:,.1f} with {layers} layers, the number that comes nearest; DINOv2 alone makes "
        f"{encoder_flops(size, 'dino') / 1e9:,.1f}.",
        "- What the cache saves depends on how large the encoders are beside the decoder. Counted the same "
        "way, not measured (a step as the encoders and twice the decoder's forward pass): "
        f"{', '.join(gains)}.",
    ]


def section(options: argparse.Namespace, found: dict[str, Side]) -> str:
    """What is printed and goes into the README."""
    command = shlex.join(["python", f"benchmarks/{Path(__file__).name}", *sys.argv[1:]])
    names = ("torch", "transformers", "peft", "accelerate")
    loads = [one.load for side in found.values() for one in side.runs]
    learns = "LoRA on the decoder's attention" if options.phase == "rsvp" else "the projection"
    each = "1 sample" if options.samples == 1 else f"{options.samples} samples"
    gain = found["ours"].median("seconds") / found["ours-cached"].median("seconds")
    parts = [
        f"`{command}` on {datetime.datetime.now(tz=datetime.UTC).date()}: medians of all steps of "
        f"{options.runs} alternating runs of {options.steps} steps ({each} a step, {options.threads} "
        f"threads, float32; {learns} learns), highest peak of all.",
        f"Machine: {', '.join(f'{name} {value}' for name, value in machine(options.work).items())}.",
        f"Environment: {', '.join(f'{k} {v}' for k, v in versions(options.python, names).items())}.",
        "",
        table(found),
        "",
        f"Preset `smol`, random weights, {options.rows} rows, {options.tokens} tokens each:",
        "",
        answer_table(found),
        "",
        markdown(["goal", "measured", "verdict"], [[g.text, g.value, g.verdict] for g in goals(found)], 3),
        "",
        f"- With the cache a step is {gain:.2f}x faster than ours without it.",
        *proportions(options),
        "- Rows in batches were answered as one by one, word for word.",
        f"- Load average at the start of a run: {min(loads):.2f} to {max(loads):.2f}.",
    ]
    return "\n".join(parts)


def main() -> None:
    """Measures, compares, prints, writes."""
    options = arguments()
    options.work.mkdir(parents=True, exist_ok=True)
    found = sides(options)
    for _ in range(options.runs):
        for side in found.values():
            measured(side, options.work / f"model-{side.key}.log")
    check(found)
    sys.path.insert(0, str(SOURCE))
    text = section(options, found)
    print(text)
    (options.work / "model.json").write_text(
        json.dumps([asdict(side) for side in found.values()], indent=1) + "\n"
    )
    if options.write_readme:
        write_readme(HERE / "README.md", text, "model")
    if options.record:
        version = versions(options.python, ["transformers"]).get("transformers", "")
        record("model", figures(found, version), options.work)


if __name__ == "__main__":
    main()
