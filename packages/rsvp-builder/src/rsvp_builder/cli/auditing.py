"""``rsvp-build audit``: leakage between sources, splits and evaluation sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from rsvp_builder.cli.output import Json, notice, print_json, stderr, stdout, table

if TYPE_CHECKING:
    from rsvp_builder.audit import Audit

_PROBLEMS_SHOWN = 20
_PLAIN_SECONDS = 30.0


def audit(
    outs: Annotated[list[Path], typer.Argument(help="Folders of data sets, compared with each other too.")],
    html: Annotated[
        Path | None, typer.Option(help="Where to write the page. [default: audit.html in the first folder]")
    ] = None,
    leaks: Annotated[
        Path | None,
        typer.Option(
            help="Where to write the list for --exclude-leaks. [default: leaks.parquet in the first folder]"
        ),
    ] = None,
    within: Annotated[
        bool, typer.Option("--within", help="Report pairs inside one split of one source too.")
    ] = False,
    crops: Annotated[
        bool, typer.Option("--crops/--no-crops", help="Look for crops, which takes the longest.")
    ] = True,
    limit: Annotated[int, typer.Option(min=0, help="Most pairs to show in the page.")] = 200,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; the result does not depend on it. [default: cores]")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Json = False,
) -> None:
    """Find pictures that sources and splits share: equal, turned, re-encoded, cropped or annotated alike."""
    from rsvp_builder.arrow import keep_pandas_out

    keep_pandas_out()
    from rsvp_builder.audit import run_audit, write_leaks
    from rsvp_builder.audit.report import write_report
    from rsvp_builder.engine.run import available_cpus

    with _progress(quiet=quiet or as_json) as tell:
        found = run_audit(outs, within=within, crops=crops, workers=workers or available_cpus(), tell=tell)
    listed = leaks or outs[0] / "leaks.parquet"
    write_leaks(listed, found.pairs, found.pictures)
    page = write_report(found, html or outs[0] / "audit.html", limit=limit)
    if as_json:
        print_json(_as_json(found, page.path, listed))
        return
    _print(found)
    console = stdout()
    console.print(
        f"page: {escape(str(page.path))} ({page.pairs_shown:,} of {page.pairs_total:,} pairs, "
        f"{page.bytes / 1e6:.1f} MB)",
        soft_wrap=True,
    )
    console.print(f"list for --exclude-leaks: {escape(str(listed))}", soft_wrap=True)


def _as_json(found: Audit, page: Path, leaks: Path) -> dict[str, Any]:
    return {
        "pictures": len(found.pictures),
        "pairs": len(found.pairs),
        "counts": [asdict(count) for count in found.counts()],
        "shared_provenance": [asdict(pair) for pair in found.shared],
        "unreadable": [
            {"source": picture.source, "image_id": picture.image_id, "problem": problem}
            for picture, problem in found.problems
        ],
        "plain": found.plain,
        "contradicted_twins": found.contradicted,
        "notices": found.notices,
        "html": str(page),
        "leaks": str(leaks),
    }


def _print(found: Audit) -> None:
    console = stdout()
    for text in found.notices:
        notice(text)
    counts = table(
        *("kind", "between", "and", "pairs", "images here", "images there"),
        right=("pairs", "images here", "images there"),
    )
    for count in found.counts():
        counts.add_row(
            count.kind,
            escape(count.one),
            escape(count.other),
            *(f"{number:,}" for number in (count.pairs, count.images_one, count.images_other)),
        )
    if counts.row_count:
        console.print(counts)
    else:
        console.print(f"no leaks among {len(found.pictures):,} pictures")
    for pair in found.shared:
        through = escape(", ".join(pair.through))
        console.print(f"{escape(pair.one)} and {escape(pair.other)} both have images of {through}")
    for picture, problem in found.problems[:_PROBLEMS_SHOWN]:
        notice(f"{picture.source} {picture.image_id}: {problem}; compared by bytes only")
    if len(found.problems) > _PROBLEMS_SHOWN:
        notice(f"and {len(found.problems) - _PROBLEMS_SHOWN:,} more pictures that cannot be read")


@contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str, int, int], None] | None]:
    """A function to tell progress to: a bar on a terminal, a plain line now and then elsewhere."""
    if quiet:
        yield None
    elif stderr().is_terminal:
        from rich.progress import Progress

        with Progress(console=stderr(), transient=True) as bar:
            lines: dict[str, Any] = {}

            def tell(what: str, done: int, of: int) -> None:
                if what not in lines:
                    lines[what] = bar.add_task(what, total=of)
                bar.update(lines[what], completed=done)

            yield tell
    else:
        yield _plain()


def _plain() -> Callable[[str, int, int], None]:
    import time

    last = time.monotonic()

    def tell(what: str, done: int, of: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PLAIN_SECONDS:
            last = now
            stderr().print(f"{what}: {done:,} of {of:,}")

    return tell
