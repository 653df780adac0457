"""``rsvp-build build``, which is also the bare ``rsvp-build --source ...`` and ``--all``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from rsvp_builder.cli.output import Json, fail, print_json
from rsvp_builder.cli.reporting import as_json_result, report
from rsvp_builder.errors import ExitCode, RsvpError

if TYPE_CHECKING:
    from rsvp_builder.settings import Settings


def build(
    root: Annotated[Path, typer.Option(help="Folder of the raw release; with --all, of many releases.")],
    out: Annotated[
        str,
        typer.Option(
            help="Folder of the data set, or a URL such as s3://bucket/name; other sources in it stay."
        ),
    ],
    source: Annotated[
        str | None,
        typer.Option(help="Name of a source or family (see `list`), or the path of your own TOML file."),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="Build every release that is found in --root.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes; the result does not depend on it. [default: cores]")
    ] = None,
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(help="Run on this machine's processes, or on a Ray cluster; the bytes are the same."),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            help="Of the Ray cluster: HOST:PORT, or auto. [default: $RAY_ADDRESS, or one on this machine]"
        ),
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
    overlap: Annotated[
        int | None,
        typer.Option(min=0, help="Pixels that neighbouring tiles share. [default: the source's, or 200]"),
    ] = None,
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
    captions: Annotated[
        Literal["unique", "all"] | None,
        typer.Option(help="Each caption of an image once, or as often as it is there. [default: unique]"),
    ] = None,
    samples_per_image: Annotated[
        int | None, typer.Option(min=1, help="Rows a scene class gives. [default: the source's]")
    ] = None,
    patch: Annotated[
        int | None,
        typer.Option(min=1, help="Side of the patches that semantic maps are cut in. [default: 32]"),
    ] = None,
    patch_mode: Annotated[
        Literal["pixels", "grid"] | None,
        typer.Option(help="Whether --patch counts pixels, or patches along an edge. [default: pixels]"),
    ] = None,
    points_per_image: Annotated[
        int | None, typer.Option(min=0, help="Most points an image gives, 0 for all. [default: all]")
    ] = None,
    balance_points: Annotated[
        bool | None,
        typer.Option("--balance-points", help="Share --points-per-image out evenly among classes."),
    ] = None,
    background: Annotated[
        bool, typer.Option("--background/--no-background", help="Point at what is no object, too.")
    ] = True,
    split_list: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SPLIT=FILE", help="A file that lists the images of a split; repeat for several."
        ),
    ] = None,
    exclude_leaks: Annotated[
        list[Path] | None,
        typer.Option(help="leaks.parquet of an audit: leave out what leaks into --evaluation splits."),
    ] = None,
    evaluation: Annotated[
        list[str] | None,
        typer.Option(help="Evaluation split, as SOURCE or SOURCE/SPLIT. [default: the manifests' own]"),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Stop at the first input that cannot be used.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Start the source anew.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Build again the units whose files could not be read.")
    ] = False,
    paranoid: Annotated[
        bool,
        typer.Option("--paranoid", help="Tell changed files by content too, not by size and time alone."),
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: Json = False,
) -> None:
    """Build a source into a data set. Interrupted, it goes on where it stopped when run again."""
    from rsvp_builder.arrow import keep_pandas_out
    from rsvp_builder.remote.place import parse_out

    keep_pandas_out()
    if (source is None) != every:
        raise RsvpError(
            "say what to build: --source NAME for one release, or --all for all that --root holds"
        )
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
        captions=captions,
        samples_per_image=samples_per_image,
        patch=patch,
        patch_mode=patch_mode,
        points_per_image=points_per_image,
        balance_points=balance_points,
        background=background,
        seed=seed,
    )
    options: dict[str, Any] = {
        "workers": workers,
        "engine": engine,
        "address": address,
        "strict": strict,
        "overwrite": overwrite,
        "retry_failed": retry_failed,
        "paranoid": paranoid,
        "split_lists": _split_lists(split_list or ()),
        "excluded": _excluded(exclude_leaks or (), evaluation),
    }
    if source is None:
        from rsvp_builder.cli.building_all import build_all

        raise typer.Exit(build_all(root, parse_out(out), settings, options, quiet=quiet, as_json=as_json))
    from rsvp_builder.build import build as run
    from rsvp_builder.cli.progress import progress
    from rsvp_builder.remote.illustrate import bring_up_to_date

    with progress(quiet=quiet or as_json) as on_progress:
        built = run(source, root, parse_out(out), settings, on_progress=on_progress, **options)
    bring_up_to_date(built.out)
    code = ExitCode.QUARANTINED if built.summary["quarantined"] else ExitCode.OK
    if as_json:
        print_json(as_json_result(built, code))
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


def _split_lists(given: Sequence[str]) -> dict[str, Path]:
    lists = {}
    for text in given:
        split, separator, path = text.partition("=")
        if not separator or not split.isidentifier() or not path:
            raise RsvpError(
                f"--split-list: read {text!r}, expected SPLIT=FILE, such as test_list=aid_test.txt"
            )
        lists[split] = Path(path)
    return lists


def _excluded(leaks: Sequence[Path], evaluation: Sequence[str] | None) -> frozenset[tuple[str, str]]:
    if not leaks:
        if evaluation:
            raise RsvpError("--evaluation goes with --exclude-leaks leaks.parquet, which `audit` writes")
        return frozenset()
    from rsvp_builder.audit.leaks import load_exclusions
    from rsvp_builder.catalog import shipped

    named = evaluation or [f"{m.name}/{split}" for m in shipped().values() for split in m.evaluation]
    return load_exclusions(leaks, named, ignore_unaudited=not evaluation)
