"""The data set's card: ``README.md`` with the YAML that ``datasets`` and the hub read.

Every number comes from the ledger, every term of use from the manifests. Plots are drawn once
builds have ended, by :mod:`rsvp_builder.dataset.illustrate`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from rsvp_builder import __version__
from rsvp_builder.dataset.captions import captioned_rows, read_captions
from rsvp_builder.dataset.layout import Folder, commit, read_json
from rsvp_builder.dataset.plots import PLOT_NAMES, Plot

_SIZE_CATEGORIES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
)


def write_card(folder: Folder, sources: list[str], plots: Sequence[Plot] = ()) -> None:
    """Write ``README.md`` for all complete sources of the folder, and the plots that it shows.

    Plots that it does not show any more are removed: a source that finishes makes them untrue.
    """
    parts = [
        {
            "summary": read_json(folder.ledger(source) / "summary.json"),
            "captions": read_captions(folder, source),
            **{key: read_json(folder.settings(source))[key] for key in ("manifest", "settings")},
        }
        for source in sources
    ]
    header = yaml.safe_dump(_metadata(parts), sort_keys=False, allow_unicode=True, width=1000)
    environment = Environment(
        loader=PackageLoader("rsvp_builder.dataset"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown of our own numbers and manifests, not HTML
    )
    environment.filters["n"] = lambda value: f"{value:,}"
    # A model's name is the endpoint's to choose.
    environment.filters["cell"] = lambda value: (
        " ".join(value.split()).replace("|", "\\|").replace("<", "&lt;")
    )
    body = environment.get_template("card.md.j2").render(
        sources=parts,
        captioned=[part for part in parts if part["captions"]],
        plots=plots,
        rows=sum(map(_rows, parts)),
        marks=sum(part["summary"]["marks"]["written"] + _captioned_marks(part) for part in parts),
        images=sum(part["summary"]["images"]["written"] for part in parts),
        version=__version__,
    )
    for plot in plots:
        commit(_plot_file(folder, plot.name), plot.svg)
    commit(folder.card, f"---\n{header}---\n\n{body}".encode())
    _remove_plots(folder, keep={plot.name for plot in plots})


def shows_plots(folder: Folder) -> bool:
    """Whether the card shows plots; if it does, they are those of the data set as it is."""
    return folder.card.is_file() and b"](plots/" in folder.card.read_bytes()


def _plot_file(folder: Folder, name: str) -> Path:
    return folder.out / "plots" / f"{name}.svg"


def _remove_plots(folder: Folder, keep: set[str]) -> None:
    """Remove plots and what a killed run left half written; anything else in their folder stays."""
    for name in PLOT_NAMES:
        path = _plot_file(folder, name)
        whole = [] if name in keep else [path]
        for found in (*whole, *path.parent.glob(f".{path.name}.*.tmp")):
            found.unlink(missing_ok=True)
    place = folder.out / "plots"
    if place.is_dir() and not any(place.iterdir()):
        place.rmdir()


def _rows(part: dict[str, Any]) -> int:
    """Rows in ``data/``: built ones and captioned ones."""
    built: int = part["summary"]["rows"]["written"]
    return built + captioned_rows(part["captions"])


def _captioned_marks(part: dict[str, Any]) -> int:
    return sum(of["marks"] for of in part["captions"]["splits"].values()) if part["captions"] else 0


def _splits(part: dict[str, Any]) -> list[str]:
    """Splits with rows: one without would be a configuration that datasets cannot load."""
    captioned = part["captions"]["splits"] if part["captions"] else {}
    return [split for split, of in part["summary"]["splits"].items() if of["rows"] or split in captioned]


def _metadata(parts: list[dict[str, Any]]) -> dict[str, Any]:
    rows = sum(map(_rows, parts))
    licences = {part["manifest"]["licence"]["id"] for part in parts}
    one = next(iter(licences)) if len(licences) == 1 else "other"
    metadata: dict[str, Any] = {
        "pretty_name": "Remote-sensing visual prompts: " + ", ".join(p["manifest"]["name"] for p in parts),
        "license": one.lower(),
        "language": ["en"],
        "task_categories": ["image-text-to-text", "object-detection"],
        "tags": ["remote-sensing", "visual-prompt", "rsvp-builder"],
        "size_categories": [next((name for limit, name in _SIZE_CATEGORIES if rows < limit), "n>1T")],
    }
    if one == "other":
        metadata["license_name"] = "see-terms-per-source"
    by_source = {part["manifest"]["name"]: _splits(part) for part in parts}
    splits = sorted({split for of_source in by_source.values() for split in of_source})
    default = [
        {
            "split": split,
            "path": [f"data/{name}/{split}-*.parquet" for name, own in by_source.items() if split in own],
        }
        for split in splits
    ]
    metadata["configs"] = [
        {"config_name": "default", "default": True, "data_files": default},
        *(
            {
                "config_name": name,
                "data_files": [{"split": s, "path": f"data/{name}/{s}-*.parquet"} for s in own],
            }
            for name, own in by_source.items()
            if own
        ),
    ]
    return metadata
