"""``rsvp-build push``, ``export`` and ``croissant``: a finished data set for others."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from rsvp_builder.cli.output import Json, print_json, stderr, stdout, table

if TYPE_CHECKING:
    from rsvp_builder.publish.licences import Terms

Out = Annotated[Path, typer.Argument(help="Folder of the data set.")]

_PLAIN_SECONDS = 30.0


def push(
    out: Out,
    target: Annotated[
        str,
        typer.Argument(
            help="hf://datasets/OWNER/NAME[@BRANCH], or the URL of a folder such as s3://BUCKET/FOLDER."
        ),
    ],
    public: Annotated[
        bool, typer.Option("--public/--private", help="Who may read a new hub repository.")
    ] = False,
    accept_licences: Annotated[
        bool,
        typer.Option(
            "--accept-licences",
            help="You have read the terms of every source and answer for passing the data on.",
        ),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Json = False,
) -> None:
    """Send a finished data set to the hub or a folder elsewhere; sends only what is not there yet.

    The token of the hub comes from HF_TOKEN or `hf auth login`. Without --accept-licences the terms are
    shown and nothing is sent.
    """
    from rsvp_builder.arrow import keep_pandas_out

    keep_pandas_out()
    from rsvp_builder.publish.push import LicencesError
    from rsvp_builder.publish.push import push as send

    try:
        with _progress("MB", 1e6, quiet=quiet or as_json) as tell:
            done = send(
                out,
                target,
                public=public,
                accept_licences=accept_licences,
                tell=tell,
            )
    except LicencesError as error:
        _show_terms(error.terms)
        raise
    if as_json:
        print_json(asdict(done))
        return
    sent = f"{done.sent:,} of {done.files:,} files sent ({done.sent_bytes / 1e6:,.1f} MB)"
    removed = f", {done.removed:,} of an earlier version removed" if done.removed else ""
    stdout().print(f"{sent}{removed}: {escape(done.url)}", soft_wrap=True)


def export(
    out: Out,
    to: Annotated[Path, typer.Option("--out", help="Folder of the export.")],
    form: Annotated[
        Literal["webdataset", "llava", "earthmarker", "coco"],
        typer.Option("--format", help="Tar shards for streaming, or the JSON of another trainer."),
    ],
    shard_mb: Annotated[
        float, typer.Option(min=0.01, help="webdataset: most megabytes (10^6 bytes) of a tar.")
    ] = 512,
    source: Annotated[
        list[str] | None, typer.Option(help="Source to take; repeat for several. [default: all]")
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="Split to take; repeat for several. [default: all]")
    ] = None,
    task: Annotated[
        list[str] | None, typer.Option(help="Task to take; repeat for several. [default: all]")
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Json = False,
) -> None:
    """Write a data set in the form that another trainer reads; a run that was interrupted goes on."""
    from rsvp_builder.arrow import keep_pandas_out

    keep_pandas_out()
    from rsvp_builder.export.shards import Chosen

    chosen = Chosen(source or (), split or (), task or ())
    with _progress("rows", 1, quiet=quiet or as_json) as tell:
        if form == "webdataset":
            from rsvp_builder.export.webdataset import export_webdataset

            tars = export_webdataset(out, to, chosen=chosen, shard_bytes=round(shard_mb * 1e6), tell=tell)
            files = [to / tar.name for tar in tars]
        else:
            from rsvp_builder.export.json_forms import export_json

            files = export_json(out, to, form, chosen=chosen, tell=tell)
    if as_json:
        print_json({"format": form, "files": [str(path) for path in files]})
        return
    size = sum(path.stat().st_size for path in files)
    stdout().print(f"{form}: {len(files):,} files, {size / 1e6:,.1f} MB in {escape(str(to))}", soft_wrap=True)


def croissant(out: Out, as_json: Json = False) -> None:
    """Describe a finished data set for machines: OUT/croissant.json, with the hash of every shard."""
    from rsvp_builder.dataset.layout import Folder
    from rsvp_builder.dataset.lock import locked
    from rsvp_builder.publish.croissant import write_croissant
    from rsvp_builder.publish.hashes import Hashes

    folder = Folder(out)
    folder.sources()
    with locked(folder):
        hashes = Hashes(folder)
        path = write_croissant(folder, hashes)
        hashes.save()
    if as_json:
        print_json({"path": str(path)})
    else:
        stdout().print(f"croissant: {escape(str(path))}", soft_wrap=True)


def _show_terms(terms: list[Terms]) -> None:
    shown = table("source", "passing on", "licence", "terms")
    for of in terms:
        words = f"{of.text} {of.url}"
        shown.add_row(escape(of.source), of.passing_on.value, escape(of.name), escape(words))
    stderr().print(shown)


@contextmanager
def _progress(unit: str, scale: float, *, quiet: bool) -> Iterator[Callable[[int, int, str], None] | None]:
    """A function to tell progress to: a bar on a terminal, a plain line now and then elsewhere."""
    if quiet:
        yield None
    elif stderr().is_terminal:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns = (BarColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), TimeRemainingColumn())
        with Progress(*columns, console=stderr(), transient=True) as bar:
            line = bar.add_task("", total=None)

            def tell(done: int, total: int, what: str) -> None:
                words = f"{done / scale:,.0f} of {total / scale:,.0f} {unit}  {escape(what)}"
                bar.update(line, completed=done, total=total, description=words)

            yield tell
    else:
        last = time.monotonic()

        def plain(done: int, total: int, what: str) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= _PLAIN_SECONDS:
                last = now
                stderr().print(f"{done / scale:,.0f} of {total / scale:,.0f} {unit} {escape(what)}".rstrip())

        yield plain
