"""The table and the goals as Markdown, and the section of the README that holds them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from results import Goal, Result

BEGIN = "<!-- {0}:begin (written by {0}.py --write-readme; do not edit) -->"
END = "<!-- {0}:end -->"
HEAD = [
    "who", "version", "what it does", "wall s", "CPU s", "peak MB", "img/s", "boxes out", "with corners",
    "on disk MB", "x ours, 1 worker", "x ours, 2 workers",
]  # fmt: skip
LEFT = 3


def _number(value: float) -> str:
    """Three figures, or all before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _written(result: Result, name: str, wanted: int) -> str:
    if name not in result.written:
        return "none"
    count = result.written[name]
    return f"{count:,}" if count == wanted else f"**{count:,} of {wanted:,}**"


def _row(result: Result, ours: list[Result | None]) -> list[str]:
    start = [result.contestant.title, result.version, result.contestant.does]
    if not result.measured:
        return [*start, "not measured", *[""] * (len(HEAD) - LEFT - 1)]
    boxes = result.expected.get("boxes", 0)
    return [
        *start,
        _number(result.wall) + ("\\*" if result.disturbed else ""),
        _number(result.best.cpu_s),
        f"{result.peak_mb:,.0f}",
        f"{result.images / result.wall:,.0f}",
        _written(result, "boxes", boxes),
        _written(result, "oriented", boxes),
        f"{result.out_mb:,.0f}",
        *[f"{result.wall / own.wall:.2f}" if own and own.measured else "not measured" for own in ours],
    ]


def markdown(head: list[str], rows: list[list[str]], left: int) -> str:
    """A table; the first ``left`` columns are text, the others numbers."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        padded = [
            c.ljust(w) if i < left else c.rjust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return f"| {' | '.join(padded)} |"

    rule = [("-" * w) if i < left else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([line(head), line(rule), *map(line, rows)])


def table(results: list[Result]) -> str:
    """One table; a row's last columns compare it with our build of the same kind."""
    by_key = {result.contestant.key: result for result in results}
    rows = []
    for result in results:
        kind = "embed" if result.contestant.group == "embedded" else "reference"
        rows.append(_row(result, [by_key.get(f"ours-{kind}-{workers}") for workers in (1, 2)]))
    return markdown(HEAD, rows, LEFT)


def goal_table(goals: list[Goal]) -> str:
    """The goals with what was measured."""
    return markdown(["goal", "measured", "verdict"], [[g.text, g.value, g.verdict] for g in goals], 3)


def notes(results: list[Result], large: list[Result]) -> list[str]:
    """What a reader has to know about single rows."""
    found = [
        f"- `{r.contestant.key}` not measured: {r.failure}" for r in [*results, *large] if not r.measured
    ]
    found += [f"- `{r.contestant.key}` wrote {r.lacks()}" for r in results if r.measured and r.lacks()]
    measured = [r for r in [*results, *large] if r.measured]
    if any(r.disturbed for r in measured):
        found.append("- \\* others used more than a tenth of a core during the run that is shown")
    if any(run.memory == "rss" for r in measured for run in r.runs):
        found.append("- the kernel told no PSS: peaks are sums of RSS, shared pages count for every process")
    loads = [run.load for r in measured for run in r.runs]
    if loads:
        found.append(
            f"- load average at the start of a run: {min(loads):.2f} to {max(loads):.2f}; "
            "every run raises it for the next"
        )
    return found


def section(
    *,
    command: str,
    date: str,
    machine: Mapping[str, str],
    made: Mapping[str, int],
    runs: int,
    versions: Mapping[str, Mapping[str, str]],
    results: list[Result],
    large: list[Result],
    goals: list[Goal],
) -> str:
    """Everything that is printed and goes into the README."""
    parts = [
        f"`{command}` on {date}: best wall time of {runs} alternating runs, highest peak of all of them.",
        f"Machine: {', '.join(f'{name} {value}' for name, value in machine.items())}.",
        f"Input: {made['images']:,} images ({made['image_bytes'] / 1e6:,.0f} MB), {made['boxes']:,} boxes "
        f"({made['label_bytes'] / 1e6:.1f} MB of labels).",
        *[
            f"Environment `{n}`: {', '.join(f'{k} {v}' for k, v in found.items())}."
            for n, found in versions.items()
        ],
        "",
        table(results),
    ]
    if large:
        parts += [
            "",
            f"Memory on {large[0].images:,} images, one run each (file names linked to a few hundred "
            "pictures; labels all distinct):",
            "",
            table(large),
        ]
    parts += ["", goal_table(goals), "", *notes(results, large)]
    return "\n".join(parts)


def write_readme(readme: Path, text: str, name: str = "build_dota") -> None:
    """Replaces what is between the markers of the benchmark ``name``.

    Raises:
        SystemExit: the markers are not there.
    """
    old = readme.read_text()
    begin, end = BEGIN.format(name), END.format(name)
    if begin not in old or end not in old:
        raise SystemExit(f"{readme}: expected the lines {begin!r} and {end!r}")
    before, _, rest = old.partition(begin)
    after = rest.partition(end)[2]
    temporary = readme.with_suffix(".tmp")
    temporary.write_text(f"{before}{begin}\n{text}\n{end}{after}")
    temporary.replace(readme)
