"""``rsvp-build demo``: the whole way on a small drawn release, for a first look and for tests."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from rsvp_builder.cli.building import make_settings
from rsvp_builder.cli.output import Json, print_json, stdout
from rsvp_builder.cli.reporting import report
from rsvp_builder.errors import RsvpError

if TYPE_CHECKING:
    from rsvp_builder.manifest import Manifest

_MARK = ".written-by-rsvp-build-demo"


def demo(
    source: Annotated[str, typer.Option(help="Source whose raw release is imitated.")] = "DOTA",
    every: Annotated[bool, typer.Option("--all", help="Imitate every source, into one data set.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the release, the data set and its gallery.")] = Path(
        "demo-output"
    ),
    with_defects: Annotated[
        bool, typer.Option("--with-defects", help="Put one of each known defect into the release.")
    ] = False,
    raw_only: Annotated[
        bool, typer.Option("--raw-only", help="Only write the raw release, build nothing.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Decides what is drawn.")] = 0,
    as_json: Json = False,
) -> None:
    """Write a miniature raw release with drawn objects, build it and make its gallery."""
    from rsvp_builder.catalog import candidates, shipped
    from rsvp_builder.demo import write

    manifests = list(shipped().values()) if every else candidates(source)[:1]
    results = []
    for manifest in manifests:
        raw = out / "raw" / (manifest.name if every else manifest.family)
        _clear(raw)
        release = write(manifest.name, raw, seed=seed, with_defects=with_defects)
        images = len(release.images) or len(getattr(release, "maps", ()))
        result = {"source": manifest.name, "raw": str(raw), "images": images, "defects": len(release.defects)}
        if not as_json:
            stdout().print(f"raw release: {escape(str(raw))}, {images} drawn images with labels")
        if not raw_only:
            _build(manifest, raw, out / "dataset", quiet=as_json)
        results.append(result)
    written: dict[str, str] = {}
    if not raw_only:
        written = _show(out / "dataset")
    if as_json:
        print_json({"sources": results, **written} if every else {**results[0], **written})
    elif not raw_only:
        _next_steps(manifests[0], written["dataset"], written["gallery"])


def _show(dataset: Path) -> dict[str, str]:
    from rsvp_builder.dataset.illustrate import bring_up_to_date
    from rsvp_builder.dataset.layout import Folder
    from rsvp_builder.gallery import write_gallery

    bring_up_to_date(Folder(dataset))
    gallery = write_gallery(dataset, dataset / "gallery.html")
    return {"dataset": str(dataset), "gallery": str(gallery.path)}


def _clear(raw: Path) -> None:
    """Remove an earlier demo's release, which other options may have written; nobody's real data."""
    mark = raw / _MARK
    if raw.exists() and any(raw.iterdir()) and not mark.exists():
        raise RsvpError(f"{raw}: holds files that no demo wrote; use another --out")
    shutil.rmtree(raw, ignore_errors=True)
    raw.mkdir(parents=True)
    mark.write_text("This folder is removed and written anew by every `rsvp-build demo`.\n")


def _build(manifest: Manifest, raw: Path, dataset: Path, *, quiet: bool) -> None:
    from rsvp_builder.build import build

    built = build(manifest.name, raw, dataset, make_settings(), overwrite=True)
    if not quiet:
        report(built)


def _next_steps(manifest: Manifest, dataset: str, gallery: str) -> None:
    console = stdout()
    console.print(f"gallery:  {escape(gallery)} (open it in a browser)")
    console.print()
    console.print("[bold]Read it[/]")
    console.print(f'  python -c "from datasets import load_dataset; print(load_dataset({dataset!r}))"')
    console.print("[bold]Build the real one[/]")
    for step in manifest.download:
        console.print(f"  get {escape(step.what)}\n      from {step.url}\n      into {escape(step.into)}")
    console.print(f"  rsvp-build --source {manifest.family} --root {manifest.family} --out rsvp-data")
    console.print("  rsvp-build preview rsvp-data")
