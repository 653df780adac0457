"""``rsvp-build list`` and ``show``: which sources there are and what each is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from rsvp_builder.cli.output import Json, print_json, stdout, table

if TYPE_CHECKING:
    from rsvp_builder.manifest import Manifest


def list_sources(
    out: Annotated[
        Path | None, typer.Option(help="A data set: adds the rows built there to the table.")
    ] = None,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the page docs/sources.md.")] = False,
    as_json: Json = False,
) -> None:
    """List the sources, their tasks, and the paper's sample counts beside ours."""
    from rsvp_builder.catalog import shipped

    if as_markdown:
        from rsvp_builder.source_table import markdown

        typer.echo(markdown(shipped().values()), nl=False)
        return
    ours = _built(out) if out else {}
    entries = [_entry(manifest, ours) for manifest in shipped().values()]
    if as_json:
        print_json(entries)
        return
    made = table("source", "family", "task", "paper", "ours", right=("paper", "ours"))
    for entry in entries:
        for number, task in enumerate(entry["tasks"]):
            made.add_row(
                entry["name"] if number == 0 else "",
                entry["family"] if number == 0 else "",
                task["task"],
                _count(task["paper_samples"]),
                _count(task["built_rows"]),
            )
    stdout().print(made)
    stdout().print("[dim]paper: samples in Table I of EarthMarker. `rsvp-build show NAME` says more.[/]")


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _built(out: Path) -> dict[str, dict[str, int]]:
    from rsvp_builder.dataset.layout import Folder, read_json

    folder = Folder(out)
    return {s: read_json(folder.ledger(s) / "summary.json")["tasks"] for s in folder.sources()}


def _entry(manifest: Manifest, ours: dict[str, dict[str, int]]) -> dict[str, Any]:
    paper = {recipe.task: recipe.paper_samples for recipe in manifest.recipes}
    built = ours.get(manifest.name, {})
    return {
        "name": manifest.name,
        "family": manifest.family,
        "version": manifest.version,
        "title": manifest.title,
        "reader": manifest.reader,
        "tasks": [
            {"task": name, "paper_samples": paper.get(name), "built_rows": built.get(name)}
            for name in dict.fromkeys([*manifest.tasks, *paper])
        ],
    }


def show(
    source: Annotated[str, typer.Argument(help="Name or family of a source, or the path of a TOML file.")],
    as_json: Json = False,
) -> None:
    """Show one source, or each version of a family: classes, terms, layout, how to get it."""
    from rsvp_builder.catalog import candidates

    found = candidates(source)
    if as_json:
        print_json([manifest.model_dump(mode="json") for manifest in found])
        return
    for manifest in found:
        _show(manifest)


def _show(manifest: Manifest) -> None:
    console = stdout()
    console.rule(f"[bold]{escape(manifest.name)}", align="left")
    facts = table("", "")
    facts.show_header = False
    facts.add_row("what", escape(manifest.title))
    facts.add_row("homepage", manifest.homepage)
    facts.add_row("tasks", ", ".join(manifest.tasks))
    facts.add_row("classes", f"{len(manifest.classes)}: {escape(', '.join(manifest.classes.values()))}")
    for split, folders in manifest.splits.labelled.items():
        how = f"folders {', '.join(folders)}" if folders else _told_by(manifest, split)
        facts.add_row(f"split {split}", f"{how}{_expected(manifest, split)}")
    for split, folders in manifest.splits.unlabelled.items():
        facts.add_row(
            f"split {split}",
            f"folders {', '.join(folders)}; labels were never released{_expected(manifest, split)}",
        )
    for key, value in manifest.layout.items():
        told = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        facts.add_row(f"layout {key}", escape(told))
    facts.add_row("licence", f"{escape(manifest.licence.name)}: {escape(manifest.licence.text)}")
    for step in manifest.download:
        facts.add_row("get", f"{escape(step.what)}\n{step.url}\ninto {escape(step.into)}")
    for recipe in manifest.recipes:
        facts.add_row("paper", f"{recipe.task}: {recipe.paper_samples:,} samples. {escape(recipe.note)}")
    if manifest.built_on:
        facts.add_row("built on", f"pictures of {escape(', '.join(manifest.built_on))}")
    for text in manifest.quirks:
        facts.add_row("quirk", escape(text))
    for text in manifest.unverified:
        facts.add_row("unverified", escape(text))
    console.print(facts)
    console.print(f"build it: rsvp-build --source {manifest.name} --root RAW --out OUT\n")


def _told_by(manifest: Manifest, split: str) -> str:
    """What decides that an image is of a split that no folder means."""
    splits = manifest.splits
    if split in splits.lists:
        return f"listed in {', '.join(splits.lists[split])}"
    if split in splits.seeded:
        return f"{splits.seeded[split]:.0%} of each class, drawn by seed; --split-list takes a list instead"
    return "the rest" if split == splits.default else "told by the annotation files"


def _expected(manifest: Manifest, split: str) -> str:
    expected = manifest.expected.get(split)
    if expected is None:
        return ""
    parts = [f"{n:,} {what}" for what, n in (("images", expected.images), ("objects", expected.objects)) if n]
    return f" ({', '.join(parts)} published)"
