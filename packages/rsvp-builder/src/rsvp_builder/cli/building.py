"""``rsvp-build build``, which is also the bare ``rsvp-build --source ...``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from rsvp_builder.cli.output import Json, fail, notice, print_json, stdout, table
from rsvp_builder.errors import ExitCode, RsvpError

if TYPE_CHECKING:
    from rsvp_builder.build import Built
    from rsvp_builder.settings import Settings

_EXAMPLES = 20


def build(
    source: Annotated[
        str, typer.Option(help="Name of a source or family (see `list`), or the path of your own TOML file.")
    ],
    root: Annotated[Path, typer.Option(help="Folder of the raw release.")],
    out: Annotated[Path, typer.Option(help="Folder of the data set; other sources in it stay.")],
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; the result does not depend on it. [default: cores]")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides every random choice.")] = 0,
    task: Annotated[
        list[str] | None, typer.Option(help="Task to build; repeat for several. [default: the source's]")
    ] = None,
    images: Annotated[
        Literal["embed", "reference"],
        typer.Option(help="Put pictures into the data set, or only their paths on this machine."),
    ] = "embed",
    tile: Annotated[
        int | None,
        typer.Option(min=0, help="Cut larger scenes into tiles of this side, 0 for none. [default: 1024]"),
    ] = None,
    overlap: Annotated[int, typer.Option(min=0, help="Pixels that neighbouring tiles share.")] = 200,
    min_area: Annotated[
        float, typer.Option(help="Share of an object that a tile must hold to mark it.")
    ] = 0.7,
    tile_format: Annotated[
        Literal["png", "jpeg"], typer.Option(help="Encoding of tiles; PNG is lossless.")
    ] = "png",
    marks_per_row: Annotated[
        int, typer.Option(min=1, help="Most marks a row; the rest go to further rows.")
    ] = 20,
    difficult: Annotated[
        Literal["keep", "drop"], typer.Option(help="Objects that the source calls difficult.")
    ] = "keep",
    paraphrases: Annotated[
        bool, typer.Option("--paraphrases", help="Vary the wording of instructions, by seed.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first input that cannot be used.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Start this source anew.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Build again the units whose files could not be read.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Json = False,
) -> None:
    """Build a source into a data set. Interrupted, it goes on where it stopped when run again."""
    from rsvp_builder.arrow import keep_pandas_out

    keep_pandas_out()
    settings = make_settings(
        tasks=tuple(task or ()),
        images=images,
        tile=tile if tile is not None else (0 if images == "reference" else 1024),
        overlap=overlap,
        min_area=min_area,
        tile_format=tile_format,
        marks_per_row=marks_per_row,
        difficult=difficult,
        paraphrases=paraphrases,
        seed=seed,
    )
    from rsvp_builder.build import build as run
    from rsvp_builder.cli.progress import progress

    with progress(quiet=quiet or as_json) as on_progress:
        built = run(
            source,
            root,
            out,
            settings,
            workers=workers,
            strict=strict,
            overwrite=overwrite,
            retry_failed=retry_failed,
            on_progress=on_progress,
        )
    code = ExitCode.QUARANTINED if built.summary["quarantined"] else ExitCode.OK
    if as_json:
        print_json(_as_json(built, code))
    else:
        report(built)
        if code:
            fail(f"{built.summary['quarantined']} files could not be read (listed above); exit code {code:d}")
    raise typer.Exit(code)


def make_settings(**values: Any) -> Settings:
    """Settings from options.

    Raises:
        RsvpError: the options do not fit together.
    """
    from pydantic import ValidationError

    from rsvp_builder.settings import Settings

    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        option = "".join(f"--{part}: ".replace("_", "-") for part in first["loc"])
        raise RsvpError(f"{option}{first['msg'].removeprefix('Value error, ')}") from error


def _as_json(built: Built, code: ExitCode) -> dict[str, Any]:
    return {
        **built.summary,
        "out": str(built.out),
        "notices": list(built.notices),
        "resumed_units": built.resumed,
        "exit_code": int(code),
    }


def report(built: Built) -> None:
    """Print what became of a release, for a person."""
    from rsvp_builder.dataset.layout import Folder
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
        shown = examples(Folder(built.out), built.manifest.name, _EXAMPLES)
        for drop in shown:
            console.print(f"  [dim]{escape(drop)}[/]")
        ledger = built.out / "ledger" / built.manifest.name / "drops.parquet"
        console.print(f"  [dim]all of them: {escape(str(ledger))}[/]")
    console.print(f"data set: {escape(str(built.out))}", soft_wrap=True)
