"""What a machine must have to take part in a build; a wrong one is refused instead of trusted.

A machine where the release is not mounted would report every image as missing, and one with another
Arrow or PNG encoder would write other bytes.
"""

from __future__ import annotations

import platform
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

from rsvp_builder import __version__
from rsvp_builder.engine.plan import Unit
from rsvp_builder.errors import RsvpError

_DECIDE_BYTES = ("numpy", "pillow", "pyarrow", "pycocotools", "rasterio", "scipy", "shapely")


@dataclass(frozen=True, slots=True)
class Site:
    """What is asked of a machine.

    Attributes:
        versions: name and version of everything that decides the bytes of a data set.
        files: files that it must see, at these absolute paths.
    """

    versions: tuple[tuple[str, str], ...]
    files: tuple[Path, ...]

    def check(self) -> None:
        """Compare this machine.

        Raises:
            RsvpError: it lacks something; the message names the machine.
        """
        _check(self)


@cache
def _check(site: Site) -> None:
    here = dict(versions())
    wrong = [
        f"{name} {here[name]} instead of {asked}" for name, asked in site.versions if here[name] != asked
    ]
    if wrong:
        raise RsvpError(
            f"machine {socket.gethostname()} has {', '.join(wrong)}: it would write other bytes than the "
            "machine that the build was started on. Install the same versions on both."
        )
    for file in site.files:
        if not file.exists():
            raise RsvpError(
                f"machine {socket.gethostname()} does not see {file}, which the build was started with. "
                "Mount the folder of the release, and --out unless it is a URL, at the same path everywhere."
            )


@cache
def versions() -> tuple[tuple[str, str], ...]:
    """Versions on this machine of what decides the bytes of a data set."""
    python = ".".join(platform.python_version_tuple()[:2])
    return (
        ("python", python),
        ("rsvp-builder", __version__),
        *((name, version(name)) for name in _DECIDE_BYTES),
    )


def site_of(root: Path, units: Sequence[Unit], files: Iterable[Path] = ()) -> Site:
    """What the machines that build these units must have: our versions, and a file of the release.

    Args:
        root: folder of the release, absolute.
        units: what will be built.
        files: further files that must be seen, absolute.
    """
    names = (name for unit in units for item in unit.items for name in (item.image, item.label) if name)
    witness = next((path for name in names if (path := root / name).is_file()), root)
    return Site(versions(), (witness, *files))
