"""What a finished build tells: what became of a release, and how far the paper's table is covered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from rsvp_builder.cli.output import notice, stdout, table
from rsvp_builder.errors import ExitCode

if TYPE_CHECKING:
    from rsvp_builder.build import Built
    from rsvp_builder.dataset.coverage import Covered

_EXAMPLES = 20


def as_json_result(built: Built, code: ExitCode) -> dict[str, Any]:
    """A finished build for scripts."""
    return {
        **built.summary,
        "out": str(built.out),
        "notices": list(built.notices),
        "resumed_units": built.resumed,
        "exit_code": int(code),
    }


def report(built: Built) -> None:
    """Print what became of a release, for a person."""
    from rsvp_builder.dataset.ledger_view import examples

    for text in built.notices:
        notice(text)
    console, summary = stdout(), built.summary
    images, objects = summary["images"], summary["objects"]
    console.print(
        f"[bold]{built.manifest.name}[/]: {images['written']:,} of {images['seen']:,} images and "
        f"{objects['written']:,} of {objects['seen']:,} objects became {summary['rows']['written']:,} rows "
        f"with {summary['marks']['written']:,} marks."
    )
    if planned := summary["planned"]["rows"]:
        console.print(f"{planned:,} more rows are planned: they wait for a captioner to write their answers.")
    splits = table(
        "split", "images", "objects", "rows", "marks", right=("images", "objects", "rows", "marks")
    )
    for name, split in summary["splits"].items():
        splits.add_row(name, *(f"{split[key]:,}" for key in ("images", "objects", "rows", "marks")))
    console.print(splits)
    dropped = table("left out", "", "reason", right=("left out",))
    for kind, account in (("images", images), ("objects", objects)):
        for reason, count in account["dropped"].items():
            dropped.add_row(f"{count:,}", kind, reason)
    if dropped.row_count:
        console.print(dropped)
        shown = examples(built.folder, built.manifest.name, _EXAMPLES)
        for drop in shown:
            console.print(f"  [dim]{escape(drop)}[/]")
        ledger = built.folder.ledger(built.manifest.name) / "drops.parquet"
        console.print(f"  [dim]all of them: {escape(str(ledger))}[/]")
    console.print(f"data set: {escape(str(built.out))}", soft_wrap=True)


def show_coverage(covered: Sequence[Covered]) -> None:
    """Print the paper's Table I with ours beside it."""
    numbers = ("paper", "rows", "ratio", "marks")
    made = table("task", "source", *numbers, "note", right=numbers)
    last = ""
    for entry in covered:
        rows = "[dim]not built[/]"
        if entry.rows is not None:
            rows = f"{entry.rows:,}"
            if entry.planned:
                rows += f" ({entry.captioned:,} captioned)" if entry.captioned else " planned"
        made.add_row(
            entry.task if entry.task != last else "",
            entry.source,
            f"{entry.paper:,}",
            rows,
            "" if entry.ratio is None else f"{entry.ratio:.3f}",
            "" if entry.marks is None else f"{entry.marks:,}",
            escape(entry.note),
        )
        last = entry.task
    console = stdout()
    console.print("[bold]coverage of the paper's Table I[/]")
    console.print(made)
    built = sum(entry.rows is not None for entry in covered)
    console.print(
        f"[dim]{built} of {len(covered)} recipes built; the ratio is our rows through the paper's samples[/]"
    )
