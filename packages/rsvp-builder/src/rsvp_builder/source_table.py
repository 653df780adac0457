"""The sources as a Markdown page, written from the manifests: ``docs/sources.md``."""

from __future__ import annotations

from collections.abc import Iterable

from rsvp_builder.manifest import Manifest

_HEAD = """# Sources

Written by `make docs` from `data_manifests/`; change those. `rsvp-build show NAME` tells the rest: layout,
terms, where to get it.

"paper" is what Table I of EarthMarker prints for a task; `rsvp-build --all` ends with ours beside it.
"""


def markdown(manifests: Iterable[Manifest]) -> str:
    """The page."""
    known = list(manifests)
    lines = [
        _HEAD,
        "| source | what | reader | task | paper | licence |",
        "|---|---|---|---|---:|---|",
        *(line for manifest in known for line in _rows(manifest)),
        "",
        "## What is odd in them",
        "",
        "Each of these has a test. What nobody here has checked against the release is listed as unverified.",
    ]
    for manifest in known:
        if manifest.quirks or manifest.unverified or manifest.built_on:
            lines += ["", f"### {manifest.name}", "", *_oddities(manifest)]
    return "\n".join(lines) + "\n"


def _rows(manifest: Manifest) -> list[str]:
    paper = {recipe.task: f"{recipe.paper_samples:,}" for recipe in manifest.recipes}
    tasks = list(dict.fromkeys([*manifest.tasks, *paper]))
    first = [f"`{manifest.name}`", _cell(manifest.title), f"`{manifest.reader}`"]
    rows = []
    for number, task in enumerate(tasks):
        facts = first if number == 0 else ["", "", ""]
        licence = _cell(manifest.licence.name) if number == 0 else ""
        rows.append("| " + " | ".join([*facts, task.replace("_", " "), paper.get(task, ""), licence]) + " |")
    return rows


def _oddities(manifest: Manifest) -> list[str]:
    lines = [f"* {text}" for text in manifest.quirks]
    if manifest.built_on:
        lines.append(f"* Shares pictures with {', '.join(manifest.built_on)}.")
    return lines + [f"* Unverified: {text}" for text in manifest.unverified]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
