"""Finding manifests: those that ship with the toolkit, by name or family, and a user's own file."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from rsvp_builder.errors import UnknownNameError
from rsvp_builder.manifest import Manifest, ManifestError, load_manifest


def manifests_folder() -> Path:
    """The folder of shipped manifests: inside the installed package, or at the top of the checkout."""
    packaged = Path(str(files("rsvp_builder"))) / "data_manifests"
    if packaged.is_dir():
        return packaged
    checkout = Path(__file__).resolve().parents[4] / "data_manifests"
    if checkout.is_dir():
        return checkout
    raise ManifestError(
        f"no data_manifests folder: neither {packaged} nor {checkout}; reinstall rsvp-builder"
    )


def shipped() -> dict[str, Manifest]:
    """All shipped manifests by name, sorted.

    Raises:
        ManifestError: a manifest does not fit the form, or its name is not its file's stem.
    """
    manifests = {}
    for path in sorted(manifests_folder().glob("*.toml"), key=lambda path: path.stem.lower()):
        manifest = load_manifest(path)
        if manifest.name != path.stem:
            raise ManifestError(
                f"{path}: name is {manifest.name!r}, expected {path.stem!r} as the file is called"
            )
        manifests[manifest.name] = manifest
    return manifests


def candidates(source: str) -> list[Manifest]:
    """The manifests that ``--source`` may mean, best first.

    Args:
        source: a manifest's name, a family (all its versions, newest first; letter case does not
            matter), or the path of a TOML file.

    Raises:
        UnknownNameError: neither; with suggestions and the list.
        ManifestError: the named TOML file cannot be used.
    """
    if source.endswith(".toml") or "/" in source:
        return [load_manifest(Path(source))]
    known = shipped()
    by_name = {name.lower(): manifest for name, manifest in known.items()}
    if source.lower() in by_name:
        return [by_name[source.lower()]]
    family = [m for m in known.values() if m.family.lower() == source.lower()]
    if family:
        return sorted(family, key=lambda m: m.version, reverse=True)
    raise UnknownNameError("source", source, {*known, *(m.family for m in known.values())})
