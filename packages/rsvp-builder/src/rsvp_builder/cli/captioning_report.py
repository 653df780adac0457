"""What ``caption`` prints when it is done, and its statistics."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from rsvp_builder.cli.output import print_json, table

if TYPE_CHECKING:
    from rsvp_builder.captioning.dry_run import Estimate
    from rsvp_builder.captioning.merge import Merged
    from rsvp_builder.captioning.online import Ended
    from rsvp_builder.captioning.prices import Price
    from rsvp_builder.captioning.review import Reviewed, Taken


def print_estimate(console: Console, found: Estimate, price: Price) -> None:
    """What would be sent, and its cost."""
    made = table("source", "task", "requests", right=("requests",))
    for (source, task), count in sorted(found.by_task.items()):
        made.add_row(escape(source), task, f"{count:,}")
    if made.row_count:
        console.print(made)
    console.print(
        f"{found.rows:,} rows; {found.requests:,} requests to send with {found.pictures:,} pictures; "
        f"{found.answered:,} answered already, {found.under_way:,} under way, {found.given_up:,} given up"
    )
    console.print(
        f"tokens in: about {found.input_tokens:,}, of them {found.image_tokens:,} of pictures; out: about "
        f"{found.output_tokens:,}, at most {found.most_output_tokens:,}"
    )
    costs = table("cost, USD", "about", "at most", right=("about", "at most"))
    costs.add_row("online", f"{found.online_usd:,.2f}", f"{found.worst_usd:,.2f}")
    costs.add_row("in batches", f"{found.batch_usd:,.2f}", f"{found.worst_batch_usd:,.2f}")
    console.print(costs)
    when = "" if price.checked is None else f" of {price.checked}"
    doubt = ", which nobody checked with the seller" if price.unverified else ""
    console.print(
        f"[dim]at one ask a row; prices of {escape(price.model)} from {escape(price.origin)}{when}{doubt}: "
        f"{price.input_usd:g} in, {price.output_usd:g} out per million tokens, a batch costs "
        f"{price.batch:.0%}[/]"
    )


def print_ended(console: Console, ended: Ended) -> None:
    """How a run ended."""
    spent = ended.spending
    console.print(
        f"{ended.done:,} answers taken, {ended.rejected:,} rows rejected, {ended.failed:,} failed, "
        f"{ended.asked_again:,} asked again, in {ended.seconds:,.0f} s"
    )
    held = f", {spent.reserved_usd:,.4f} USD reserved" if spent.reserved_usd else ""
    console.print(
        f"spent so far: {spent.usd:,.4f} USD{held}; {spent.input_tokens:,} tokens in "
        f"({spent.cached_tokens:,} cached), {spent.output_tokens:,} out"
    )
    if ended.abandoned:
        console.print(f"{ended.abandoned:,} requests had no answer yet and count as lost")
    if ended.reason == "budget":
        console.print("the budget is used up; a larger --max-usd goes on")
    elif ended.reason == "interrupted":
        console.print("interrupted; the same command goes on")


def print_statistics(console: Console, found: dict[str, Any]) -> None:
    """The tables of :func:`rsvp_builder.captioning.report.statistics`."""
    spent = found["spending"]
    for title, name in (
        ("rows by state", "rows"),
        ("models", "models"),
        ("rejected rows by fault of the last answer", "rejected_for"),
        ("asks that a request took", "asks"),
        ("answer lengths, words", "answer_words"),
        ("failures", "failures"),
        ("open batches", "batches"),
    ):
        _print(console, title, found[name])
    faults = [{"fault": fault, "answers": count} for fault, count in found["faults"].items()]
    _print(console, "faults of all answers", faults)
    console.print(
        f"spent: {spent['usd']:,.4f} USD, reserved: {spent['reserved_usd']:,.4f} USD; tokens in: "
        f"{spent['input_tokens']:,} ({spent['cached_tokens']:,} cached), out: {spent['output_tokens']:,}"
    )
    if spent["underestimated"]:
        console.print(
            f"[yellow]{spent['underestimated']:,} answers cost more than was reserved: check the prices[/]"
        )
    if found["lost"]:
        console.print(
            f"{found['lost']:,} requests were sent by a run that was killed; --resend-lost sends them again"
        )


def _print(console: Console, title: str, records: list[dict[str, Any]]) -> None:
    if not records:
        return
    console.print(f"[bold]{title}[/]")
    numbers = tuple(key for key, value in records[0].items() if isinstance(value, int | float))
    made = table(*records[0], right=numbers)
    for record in records:
        made.add_row(*map(_cell, record.values()))
    console.print(made)
    console.print()


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.4f}"
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def print_merged(console: Console, out: Path, merged: Merged) -> None:
    """What a merge put into the data set."""
    numbers = ("rows", "captioned", "rejected", "waiting")
    made = table("source", "task", *numbers, right=numbers)
    for source, account in merged.accounts.items():
        for task, of in account["tasks"].items():
            made.add_row(escape(source), task, *(f"{of[number]:,}" for number in numbers))
    if made.row_count:
        console.print(made)
    rows = sum(of["captioned"] for account in merged.accounts.values() for of in account["tasks"].values())
    console.print(f"{rows:,} captioned rows are in {escape(str(out))}", soft_wrap=True)


def print_page(console: Console, made: Reviewed, *, as_json: bool) -> None:
    """The page that was written."""
    if as_json:
        print_json(
            {name: str(v) if isinstance(v := getattr(made, name), Path) else v for name in made.__slots__}
        )
        return
    console.print(
        f"page: {escape(str(made.path))} ({made.shown:,} of {made.total:,} answers, "
        f"{made.bytes / 1e6:.1f} MB)",
        soft_wrap=True,
    )


def print_verdicts(console: Console, out: Path, taken: Taken, *, as_json: bool) -> None:
    """What was taken from a verdict file."""
    if as_json:
        print_json({name: getattr(taken, name) for name in taken.__slots__})
        return
    console.print(
        f"{taken.accepted:,} accepted, {taken.rejected:,} rejected, {taken.taken_back:,} taken back; "
        f"{taken.undecided:,} of the page are undecided. `rsvp-build caption merge {escape(str(out))}` "
        "puts it into the data set.",
        soft_wrap=True,
    )
