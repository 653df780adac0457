"""``rsvp-build doctor``: which releases lie in a folder, and what is wrong with them, before a build."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from rsvp_builder.cli.output import Json, print_json, stdout

if TYPE_CHECKING:
    from rsvp_builder.doctor import Diagnosis
    from rsvp_builder.finding import Survey
    from rsvp_builder.manifest import Manifest

_ARCHIVES_SHOWN = 10


def doctor(
    root: Annotated[Path, typer.Option(help="Folder of one raw release, or of many.")],
    source: Annotated[
        str | None, typer.Option(help="Look for this source only. [default: every one there is]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Recognise the releases in a folder and say what is missing or nested oddly. Builds nothing."""
    from rsvp_builder.catalog import candidates, shipped
    from rsvp_builder.doctor import examine

    manifests = candidates(source) if source else list(shipped().values())
    found, diagnoses = examine(root, manifests)
    if as_json:
        print_json(
            {
                "found": [diagnosis.to_json() for diagnosis in diagnoses],
                "missing": [manifest.name for manifest in found.missing],
                "unknown": [str(folder) for folder in found.unknown],
                "archives": found.archives,
            }
        )
        return
    for diagnosis in diagnoses:
        _show(diagnosis)
    show_missing(found)


def _show(diagnosis: Diagnosis) -> None:
    console, place = stdout(), diagnosis.place
    mark = "[yellow]![/]" if diagnosis.problems else "[green]ok[/]"
    splits = ", ".join(f"{split} {count:,}" for split, count in diagnosis.by_split.items())
    console.print(f"{mark} [bold]{place.manifest.name}[/] in {escape(str(place.root))}", soft_wrap=True)
    console.print(f"   {diagnosis.images:,} annotated pictures{f' ({splits})' if splits else ''}")
    for text in (*diagnosis.problems, *diagnosis.remarks):
        console.print(f"   {escape(text)}", soft_wrap=True)


def show_missing(found: Survey) -> None:
    """Print what was not recognised, and where to get what was not found."""
    console = stdout()
    for folder in found.unknown:
        console.print(f"[yellow]?[/] {escape(str(folder))}: no release is recognised there", soft_wrap=True)
    for archive in found.archives[:_ARCHIVES_SHOWN]:
        console.print(f"[yellow]![/] {escape(archive)}: an archive; unpack it first", soft_wrap=True)
    if len(found.archives) > _ARCHIVES_SHOWN:
        console.print(f"   and {len(found.archives) - _ARCHIVES_SHOWN:,} more archives")
    if found.missing:
        console.print("[bold]not found[/]")
    for manifest in found.missing:
        console.print(f"   {manifest.name}: {_where(manifest)}", soft_wrap=True)


def _where(manifest: Manifest) -> str:
    urls = dict.fromkeys(step.url for step in manifest.download if step.url)
    return ", ".join(urls) or manifest.homepage or "`rsvp-build show` says what is known of it"
