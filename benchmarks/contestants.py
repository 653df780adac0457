"""Who runs: the command of each side, how what it wrote is counted, and what to know about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from environments import HERE

PEERS = HERE / "peers"
BUILDER_SOURCE = HERE.parent / "packages" / "rsvp-builder" / "src"
Group = Literal["annotations", "embedded"]


@dataclass(frozen=True)
class Contestant:
    """One row of the table.

    Attributes:
        key: name on the command line and in the JSON.
        title: name in the table.
        does: what it does, and what it loses.
        group: rows of one group are compared with each other.
        timed: the command that is measured; ``{root}`` and ``{out}`` are filled in.
        count: the command that reads back what was written and prints a JSON line.
        packages: distributions whose versions say what was measured, the first one above all.
        prepare: a command that is run once before, and not measured.
        environment: variables of the measured command.
    """

    key: str
    title: str
    does: str
    group: Group
    timed: list[str]
    count: list[str]
    packages: tuple[str, ...]
    prepare: list[str] = field(default_factory=list)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        """Whether it is this project's own."""
        return self.key.startswith("ours")

    @property
    def python(self) -> str:
        """The interpreter that runs it."""
        return self.timed[0]

    def fill(self, template: list[str], root: Path, out: Path) -> list[str]:
        """A command with its paths."""
        places = {
            "{root}": str(root),
            "{out}": str(out),
            "{prepared}": str(out.parent / f"{self.key}-prepared"),
        }
        return [places.get(word, word) for word in template]


def ours(python: str, workers: int, *, embed: bool) -> Contestant:
    """The builder of this checkout."""
    images = ["--images", "embed", "--tile", "1024"] if embed else ["--images", "reference", "--tile", "0"]
    build = [
        python,
        "-m",
        "rsvp_builder",
        "build",
        "--source",
        "DOTA-v1.0",
        "--root",
        "{root}",
        "--out",
        "{out}",
    ]
    return Contestant(
        key=f"ours-{'embed' if embed else 'reference'}-{workers}",
        title=f"**rsvp-builder**, {workers} worker{'s' * (workers > 1)}",
        does="validation, ledger, conversations, Parquet" + (", image bytes" if embed else ""),
        group="embedded" if embed else "annotations",
        timed=[*build, *images, "--workers", str(workers), "--quiet"],
        count=[python, str(HERE / "count_ours.py"), "{out}"],
        packages=("rsvp-builder", "pyarrow", "numpy", "polars"),
        environment={"PYTHONPATH": str(BUILDER_SOURCE)},
    )


def _peer(
    python: Path,
    script: str,
    key: str,
    title: str,
    does: str,
    *arguments: str,
    group: Group = "annotations",
    packages: tuple[str, ...],
    before: tuple[str, ...] = ("{root}", "{out}"),
    prepare: tuple[str, ...] = (),
) -> Contestant:
    start = [str(python), str(PEERS / script)]
    return Contestant(
        key=key,
        title=title,
        does=does,
        group=group,
        timed=[*start, *before, *arguments],
        count=[*start, "--count", "{out}"],
        packages=packages,
        prepare=[*start, *prepare] if prepare else [],
    )


def peers(python: Path, datumaro_python: Path) -> list[Contestant]:
    """Everybody else."""
    hf = ("datasets", "pyarrow", "numpy")
    generator, coco, copy = "from_generator.py", "datumaro_coco.py", "copy_bytes.py"
    bare = "bare script: splits lines, checks nothing, Parquet"
    return [
        _peer(
            datumaro_python, coco, "datumaro", "datumaro, made to keep every box",
            "`import_from('dota')`, own RotatedBbox to Polygon transform, COCO; free quads become rectangles",
            packages=("datumaro", "pyarrow", "numpy"),
        ),
        _peer(
            datumaro_python, coco, "datumaro-stock", "datumaro as documented",
            "`import_from('dota')`, `export('coco_instances')`; drops every box, exits 0",
            "--stock",
            packages=("datumaro", "pyarrow", "numpy"),
        ),
        _peer(
            python, "supervision_coco.py", "supervision", "supervision",
            "`from_yolo(is_obb=True)`, `as_coco`; orientation is lost; label rewrite to YOLO not timed",
            packages=("supervision", "opencv-python-headless", "pillow", "numpy"),
            before=("{root}", "{prepared}", "{out}"),
            prepare=("--prepare", "{root}", "{prepared}"),
        ),
        _peer(python, generator, "from_generator", "datasets `from_generator`", bare, packages=hf),
        _peer(
            python, generator, "from_generator-2", "datasets `from_generator`, `num_proc=2`", bare,
            "--num-proc", "2",
            packages=hf,
        ),
        _peer(
            python, generator, "from_generator-embed", "datasets `from_generator`, embedded",
            f"{bare}, image bytes",
            "--embed",
            group="embedded", packages=hf,
        ),
        _peer(
            python, copy, "copy-each", "copying, a file each",
            "`copyfile` and `fsync` of each; no annotations",
            group="embedded", packages=("python",),
        ),
        _peer(
            python, copy, "copy-one", "copying into one file", "one `fdatasync`; no annotations",
            "--one-file",
            group="embedded", packages=("python",),
        ),
    ]  # fmt: skip


PEER_KEYS = [peer.key for peer in peers(Path("python"), Path("python"))]
