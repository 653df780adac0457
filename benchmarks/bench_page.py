"""The page of all figures: the table at the top of README.md and its plot, made from results/*.json.

    python benchmarks/bench_page.py                  # print the page
    python benchmarks/bench_page.py --write-readme   # and write README.md between its markers, and the plot
    python benchmarks/bench_page.py --check          # exit code 1 if they are not what the results say

Measures nothing. Whatever a benchmark has not recorded is written as not measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench_plot import draw
from environments import HERE
from figures import RESULTS, Figure, Recorded
from limits import DISK, WHAT
from report import BEGIN, END, markdown, write_readme

BENCHMARKS = {
    "build_dota": "python benchmarks/build_dota.py --large --write-readme --record",
    "read_voc": "python benchmarks/read_voc.py --record",
    "semantic_points": "python benchmarks/semantic_points.py --record",
    "instance_points": "RSVP_SAMPLES=... python benchmarks/instance_points.py --check-all --record",
    "eval": "python benchmarks/eval.py --write-readme --record",
    "model": "python benchmarks/model.py --write-readme --record",
    "caption": "python benchmarks/caption.py --record",
    "scale": "python benchmarks/scale.py --files 10000 100000 1000000 --record",
    "audit_recall": "RSVP_SAMPLES=... python benchmarks/audit_recall.py --record",
}
"""Every benchmark, in the order of the page, with the command that records it."""

MISSING = "not measured"
_LIMIT_NAMES = {
    "write_mb": "writing {0:,.0f} MB",
    "parquet_mb": "writing {0:,.0f} MB of Parquet",
    "headers": "opening {0:,.0f} files",
    "jpeg_mp": "decoding {0:,.0f} MP of JPEG",
    "png_mp": "decoding {0:,.0f} MP of PNG",
    "xml_mb": "parsing {0:,.0f} MB of XML",
    "csv_mb": "parsing {0:,.1f} MB of text",
}


def number(value: float, unit: str) -> str:
    """Three figures with the unit, or a whole number where there are more before the point."""
    if unit == "share":
        return f"{value:.2f}"
    text = f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    return f"{text} {unit}"


def ratio(value: float) -> str:
    """How many times."""
    return f"{value:,.0f}x" if value >= 100 else f"{value:.1f}x" if value >= 10 else f"{value:.2f}x"


def limit(figure: Figure, rates: Mapping[str, float]) -> tuple[float, str] | None:
    """The bound on a figure in its own unit, and what it is; None where nobody stated one.

    Of several kinds of work the slowest bounds, since they may overlap.
    """
    if figure.bound is not None:
        return figure.bound, figure.bound_note
    seconds = {
        name: amount / rates[name] / (1 if name in DISK else figure.cores)
        for name, amount in figure.work.items()
        if name in rates
    }
    if not seconds:
        return None
    name = max(seconds, key=lambda key: seconds[key])
    return seconds[name] * {"s": 1, "ms": 1e3, "us": 1e6}[figure.unit], _LIMIT_NAMES[name].format(
        figure.work[name]
    )


def goal(figure: Figure) -> str:
    """The goal in words."""
    if figure.goal is None:
        return ""
    if not figure.peer:
        return f"at most {number(figure.goal, figure.unit)}"
    if figure.goal >= 1:
        return f"at least {figure.goal:g}x"
    return f"at least {figure.goal:.2f}x (within {1 / figure.goal:.3g}x of it)"


def link(name: str, readme: str) -> str:
    """The name of a benchmark, as a link to its section where there is one."""
    heading = next((line[3:] for line in readme.splitlines() if line.startswith(f"## {name}:")), None)
    if heading is None:
        return name
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in " -_")
    return f"[{name}](#{kept.replace(' ', '-')})"


def row(name: str, figure: Figure, rates: Mapping[str, float]) -> list[str]:
    """A line of the table."""
    bound = limit(figure, rates)
    told = ""
    if bound is not None and figure.ours is not None:
        told = f"{number(bound[0], figure.unit)}: {bound[1]}"
    elif figure.work and not rates:
        told = MISSING
    version = f" ({figure.peer_version})" if figure.peer_version else ""
    peer = f"{figure.peer}{version}" + (f"; {figure.note}" if figure.note else "")
    ours, theirs = figure.ours, figure.theirs
    return [
        name,
        figure.what,
        MISSING if ours is None else number(ours, figure.unit),
        peer.removeprefix("; "),
        "" if not figure.peer else MISSING if theirs is None else number(theirs, figure.unit),
        "" if figure.ratio is None else ratio(figure.ratio),
        goal(figure),
        figure.verdict.replace("not met", "**not met**"),
        told,
        ratio(ours / bound[0]) if bound and ours is not None and bound[0] else "",
    ]


HEAD = [
    "benchmark", "what", "ours", "peer and its version", "theirs", "theirs / ours", "goal", "verdict",
    "physical limit", "ours / limit",
]  # fmt: skip


def figures_table(found: Mapping[str, Recorded], rates: Mapping[str, float], readme: str) -> str:
    """All figures; a benchmark without results has a line that says so."""
    rows = []
    for name in BENCHMARKS:
        named = link(name, readme)
        if name in found:
            rows += [row(named, figure, rates) for figure in found[name].figures]
        else:
            rows.append([named, "", MISSING, *[""] * (len(HEAD) - 3)])
    return markdown(HEAD, [[cell.replace("|", "\\|") for cell in cells] for cells in rows], len(HEAD))


def machine_of(told: Mapping[str, str]) -> str:
    """Processor, cores and memory."""
    return ", ".join(filter(None, (told.get("processor"), f"{told.get('cores')} cores", told.get("memory"))))


def sources_table(found: Mapping[str, Recorded]) -> str:
    """Where each figure comes from: the command to repeat it, and what was run."""
    rows = []
    for name, command in BENCHMARKS.items():
        one = found.get(name)
        ran = (
            [f"`{one.command}`", one.date, machine_of(one.machine), one.origin]
            if one
            else [MISSING, "", "", ""]
        )
        rows.append([name, f"`{command}`", *ran])
    head = ["benchmark", "to repeat it", "what was run", "on", "machine", "how it came here"]
    return markdown(head, rows, len(head))


def limits_table(told: Mapping[str, Any] | None) -> list[str]:
    """The physical limits, or that they are missing."""
    if told is None:
        return [f"Physical limits: {MISSING}; `python benchmarks/limits.py --record` measures them."]
    rows = [[what, f"{told['rates'][key]:,.0f} {unit}"] for key, (unit, what) in WHAT.items()]
    return [
        f"Physical limits of one core, from `{told['command']}` on {told['date']}, "
        f"{machine_of(told['machine'])}, load {told['load']:.1f}:",
        "",
        markdown(["limit", "rate"], rows, 1),
    ]


def section(found: Mapping[str, Recorded], limits: Mapping[str, Any] | None, readme: str) -> str:
    """Everything between the markers."""
    rates: Mapping[str, float] = limits["rates"] if limits else {}
    judged = [figure for one in found.values() for figure in one.figures if figure.goal is not None]
    met = sum(figure.verdict == "met" for figure in judged)
    missing = [name for name in BENCHMARKS if name not in found]
    lines = [
        f"{met} of {len(judged)} goals are met. Less is better in all figures; `theirs / ours` above 1 means "
        "that we take less. `ours / limit` is how far we are from what this machine could do at best.",
    ]
    if missing:
        lines.append(f"Not measured: {', '.join(f'`{name}`' for name in missing)}.")
    lines += [
        "",
        "![Ratios against peers and goals](results/ratios.svg)",
        "",
        figures_table(found, rates, readme),
        "",
        sources_table(found),
        "",
        *limits_table(limits),
    ]
    machines = {machine_of(one.machine) for one in found.values()}
    if limits and machines - {machine_of(limits["machine"])}:
        lines += [
            "",
            "Some figures are from another machine than the limits: read `ours / limit` of those as a rough "
            "guide. Ratios against peers are from one machine and one run each.",
        ]
    return "\n".join(lines)


def recorded(folder: Path) -> tuple[dict[str, Recorded], dict[str, Any] | None]:
    """What lies in the folder of results: of each benchmark, and the limits."""
    found = {
        name: Recorded.load(folder / f"{name}.json")
        for name in BENCHMARKS
        if (folder / f"{name}.json").exists()
    }
    path = folder / "limits.json"
    return found, json.loads(path.read_text()) if path.exists() else None


def compared(found: Mapping[str, Recorded]) -> list[tuple[str, Sequence[Figure]]]:
    """The figures with a ratio, by benchmark."""
    pairs = [(name, [f for f in one.figures if f.ratio is not None]) for name, one in found.items()]
    return [(name, figures) for name, figures in pairs if figures]


def main() -> None:
    """Print the page, write it, or compare it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--write-readme", action="store_true", help="put it into README.md, and draw the plot"
    )
    parser.add_argument("--check", action="store_true", help="write nothing; is the page up to date?")
    options = parser.parse_args()
    found, limits = recorded(RESULTS)
    path, plot = HERE / "README.md", RESULTS / "ratios.svg"
    readme = path.read_text()
    text, drawn = section(found, limits, readme), draw(compared(found))
    if options.check:
        here = readme.partition(BEGIN.format("bench_page"))[2].partition(END.format("bench_page"))[0]
        if here.strip() != text.strip() or plot.read_text() != drawn:
            raise SystemExit(f"{path} is not what results/ says; run python benchmarks/bench_page.py")
    elif options.write_readme:
        plot.write_text(drawn)
        write_readme(path, text, "bench_page")
    else:
        print(text)


if __name__ == "__main__":
    main()
