"""Our rows beside the published ones: ``rsvp-eval table --paper OUT...``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rsvp_eval.paper.remarks import remarks
from rsvp_eval.paper.tables import Paper, Part, Published, PublishedTable, earthmarker
from rsvp_eval.report import families
from rsvp_eval.report.grid import Grid
from rsvp_eval.report.results import Results
from rsvp_eval.report.runs import Run
from rsvp_eval.report.table import display, half_width

UNVERIFIED = "†"


def paper_tables(runs: Sequence[Run], paper: Paper | None = None) -> list[Grid]:
    """Each published table with our rows below the published ones.

    Every row of ours says what keeps it from being compared; runs of tasks that the paper does not print are
    told at the end of the last table.

    Args:
        runs: ours.
        paper: the tables; None for EarthMarker's.
    """
    paper = earthmarker() if paper is None else paper
    by_part: dict[str, list[Run]] = {}
    strays = []
    for run in runs:
        task = run.results.task
        if task.published is None:
            strays.append(f"{run.name}: the paper prints no score of task {task.name}")
        elif paper.part(task.published) is None:
            strays.append(f"{run.name}: the paper has no table {task.published}; see task {task.name}")
        else:
            by_part.setdefault(task.published, []).append(run)
    grids = [_grid(table, paper, by_part) for table in paper.tables]
    if strays:
        last = grids[-1]
        grids[-1] = Grid(last.title, last.columns, last.rows, last.numeric, [*last.notes, *strays])
    return grids


def _grid(table: PublishedTable, paper: Paper, by_part: Mapping[str, Sequence[Run]]) -> Grid:
    stacked = table.layout == "rows"
    blocks = [[part] for part in table.parts] if stacked else [list(table.parts)]
    prompted = len(blocks) > 1
    heads = ["Method", *(["Prompt"] if prompted else [])]
    heads += [_head(table, part, metric) for part in blocks[0] for metric in part.metrics]
    rows: list[list[str]] = []
    below: list[str] = []
    sources: dict[str, None] = {}
    number = 0
    for block in blocks:
        prompt = [block[0].title] if prompted else []
        columns = [(part, metric) for part in block for metric in part.metrics]
        for method in dict.fromkeys(row.method for part in block for row in part.rows):
            found = {part.key: row for part in block for row in part.rows if row.method == method}
            rows.append([method, *prompt, *(_published(found.get(p.key), m) for p, m in columns)])
            sources |= {f"{method}: {row.source}": None for row in found.values() if row.source is not None}
        for own in block:
            for run in by_part.get(f"{table.name}.{own.key}", ()):
                number += 1
                cells = [_ours(run.results, metric) if part is own else "" for part, metric in columns]
                rows.append([f"ours: {run.name} [{number}]", *prompt, *cells])
                below += _told(run, own, f"[{number}]")
    cited = str(paper.citation) if table is paper.tables[0] else f"arXiv:{paper.citation.arxiv}"
    notes = [f"Published: {cited}", *table.notes, *(f"{UNVERIFIED} {source}" for source in sources)]
    numeric = frozenset(range(2 if prompted else 1, len(heads)))
    return Grid(f"Table {table.name}. {table.title}", heads, rows, numeric, [*notes, *below])


def _head(table: PublishedTable, part: Part, metric: str) -> str:
    if table.layout == "rows":
        return families.title(metric)
    return part.title if part.metrics == ("accuracy",) else f"{part.title} {families.title(metric)}"


def _published(row: Published | None, metric: str) -> str:
    if row is None:
        return ""
    if metric in row.second_hand:
        return row.second_hand[metric] + UNVERIFIED
    return row.values.get(metric, "")


def _ours(results: Results, name: str) -> str:
    metric = results.metrics.get(name)
    if metric is None or metric.value is None:
        return "–"
    return display(metric) if metric.ci95 is None else f"{display(metric)} ± {half_width(metric)}"


def _told(run: Run, part: Part, mark: str) -> list[str]:
    found = list(remarks(run.results, part))
    notes = [f"{mark} {run.name}, not comparable: {remark}" for remark in found]
    if not found and not run.results.cautions:
        notes = [
            f"{mark} {run.name}: nothing in its results differs from what is published of the conditions"
        ]
    notes += [f"{mark} with care: {caveat}" for caveat in part.caveats]
    return notes + [f"{mark} caution of the run: {caution}" for caution in run.results.cautions]
