"""``croissant.json``: the data set described for machines, in Croissant 1.1 (JSON-LD).

Every shard is a file object with its size and SHA-256. A file set and a record set stand for each split of
each source; a file set carries the licence of its source. The RAI extension says, from ledger and manifests,
where annotations come from, what the builder did and what it left out. The Geo extension is not used: the
releases give their pictures without georeference.

Format: the Croissant specification 1.1 and its RAI vocabulary 1.0, of MLCommons.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rsvp_builder import __version__
from rsvp_builder.dataset.layout import Folder, commit_json, read_json
from rsvp_builder.export.shards import Split, splits_of
from rsvp_builder.publish.croissant_fields import CONTEXT, fields
from rsvp_builder.publish.hashes import Hashes

CROISSANT = "http://mlcommons.org/croissant/1.1"
RAI = "http://mlcommons.org/croissant/RAI/1.0"
_PARQUET = "application/x-parquet"
"""The name by which mlcroissant and the hub know Parquet; the registered one they do not read."""


def write_croissant(folder: Folder, hashes: Hashes, url: str | None = None) -> Path:
    """Write ``croissant.json`` for all complete sources of the folder, where it is not so already.

    Only for who holds the folder's lock.

    Args:
        folder: the data set.
        hashes: memory of the shards' hashes.
        url: page of the data set, once it has one.

    Raises:
        RsvpError: it is no finished data set, or a shard cannot be read.
    """
    path = folder.out / "croissant.json"
    content = describe(folder, hashes, url)
    if not path.is_file() or read_json(path) != content:
        commit_json(path, content)
    return path


def describe(folder: Folder, hashes: Hashes, url: str | None = None) -> dict[str, Any]:
    """The description as JSON-LD; arguments as in :func:`write_croissant`."""
    parts = [_Part(folder, source) for source in folder.sources()]
    names = [part.manifest["name"] for part in parts]
    rows = sum(part.rows for part in parts)
    page = url or (parts[0].manifest["homepage"] if len(parts) == 1 else None)
    built = datetime.fromtimestamp(folder.complete.stat().st_mtime, UTC)
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": "Remote-sensing visual prompts: " + ", ".join(names),
        "description": (
            f"{rows:,} conversations about marked places in images (boxes, points, whole images), built by "
            f"rsvp-builder {__version__} from {', '.join(names)}. Each source keeps its own licence, which "
            "every row names."
        ),
        "conformsTo": [CROISSANT, RAI],
        "citeAs": "\n\n".join(dict.fromkeys(part.manifest["citation"].strip() for part in parts)),
        "license": list({part.licence["url"]: part.licence for part in parts}.values()),
        **({"url": page} if page else {}),
        "creator": {"@type": "sc:Organization", "name": "Authors of " + ", ".join(names)},
        "datePublished": built.date().isoformat(),
        "version": __version__,
        "inLanguage": "en",
        "keywords": ["remote sensing", "visual prompt", "vision-language"],
        **_responsible(parts),
        "distribution": [entry for part in parts for entry in part.distribution(hashes)],
        "recordSet": [entry for part in parts for entry in part.record_sets()],
    }


class _Part:
    """One source of the data set."""

    def __init__(self, folder: Folder, source: str) -> None:
        saved = read_json(folder.settings(source))
        self._folder = folder
        self.source = source
        self.manifest: dict[str, Any] = saved["manifest"]
        self.settings: dict[str, Any] = saved["settings"]
        self.summary: dict[str, Any] = read_json(folder.ledger(source) / "summary.json")
        # mlcroissant cannot load a record set without a file that has rows.
        self._splits = [split for split in splits_of(folder, source) if split.rows]
        told = self.manifest["licence"]
        self.licence = {
            "@type": "sc:CreativeWork",
            "name": told["name"],
            "description": told["text"],
            "url": told["url"],
        }

    @property
    def rows(self) -> int:
        """Rows in ``data/``."""
        return sum(split.rows for split in self._splits)

    def distribution(self, hashes: Hashes) -> list[dict[str, Any]]:
        """A file object for each shard, and a file set for each split."""
        entries: list[dict[str, Any]] = []
        for split in self._splits:
            entries += [
                {
                    "@type": "cr:FileObject",
                    "@id": self._path(path),
                    "name": self._path(path),
                    "contentUrl": self._path(path),
                    "contentSize": f"{path.stat().st_size} B",
                    "encodingFormat": _PARQUET,
                    "sha256": hashes.of(path),
                }
                for path in split.paths
            ]
            entries.append(
                {
                    "@type": "cr:FileSet",
                    "@id": _shards(split),
                    "name": _shards(split),
                    "description": f"Shards of split {split.split} of {self.source}.",
                    "license": self.licence,
                    "encodingFormat": _PARQUET,
                    "includes": _patterns(split),
                }
            )
        return entries

    def record_sets(self) -> list[dict[str, Any]]:
        """A record set for each split."""
        return [
            {
                "@type": "cr:RecordSet",
                "@id": f"{self.source}/{split.split}",
                "name": f"{self.source}/{split.split}",
                "description": f"{split.rows:,} rows of split {split.split} of {self.manifest['title']}.",
                "key": {"@id": f"{self.source}/{split.split}/id"},
                "field": fields(f"{self.source}/{split.split}", _shards(split)),
            }
            for split in self._splits
        ]

    def _path(self, path: Path) -> str:
        return path.relative_to(self._folder.out).as_posix()


def _shards(split: Split) -> str:
    return f"shards/{split.source}/{split.split}"


def _patterns(split: Split) -> list[str]:
    """Patterns of its shards alone; one split's name may be the beginning of another's."""
    beginnings = [
        split.split,
        *([f"{split.split}-captions"] if any(s.captions for s in split.shards) else []),
    ]
    return [
        f"data/{split.source}/{beginning}-[0-9][0-9][0-9][0-9][0-9]-of-{len(split.shards):05d}.parquet"
        for beginning in beginnings
    ]


def _responsible(parts: list[_Part]) -> dict[str, Any]:
    """What the RAI vocabulary has a word for and the ledger an answer to."""
    left_out = []
    for part in parts:
        for kind in ("images", "objects"):
            dropped = part.summary[kind]["dropped"]
            reasons = ", ".join(f"{count:,} {reason}" for reason, count in dropped.items())
            if reasons:
                left_out.append(f"{part.source}: {kind} left out: {reasons}.")
    return {
        "rai:dataCollection": " ".join(
            f"{part.manifest['title']} ({part.manifest['homepage']})." for part in parts
        ),
        "rai:dataPreprocessingProtocol": [
            f"{part.source}: pictures "
            + (f"above {tile} px cut into tiles" if (tile := part.settings["tile"]) else "as released")
            + f", at most {part.settings['marks_per_row']} marks a row, seed {part.settings['seed']}."
            for part in parts
        ],
        "rai:dataAnnotationProtocol": [
            f"{part.source}: annotations are those of the release; tasks {', '.join(part.summary['tasks'])}. "
            "The column provenance says of each answer whether people, a rule or a model wrote it."
            for part in parts
        ],
        "rai:dataLimitations": left_out or ["Nothing that the releases annotate was left out."],
    }
