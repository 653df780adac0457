"""Which sources use the same images, as their manifests say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rsvp_builder.dataset.layout import Folder, read_json


@dataclass(frozen=True, slots=True)
class Origin:
    """What a manifest says about where its images come from.

    Attributes:
        name: of the source.
        family: versions of one data set have the same.
        built_on: names or families whose images it uses.
    """

    name: str
    family: str
    built_on: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SharedProvenance:
    """Two audited sources with images of the same origin.

    Attributes:
        one: a source.
        other: another.
        through: families that both have images of, by name.
    """

    one: str
    other: str
    through: tuple[str, ...]


def origin_of(manifest: Mapping[str, Any], source: str) -> Origin:
    """Read a manifest as it is saved beside a data set; what it does not say is left out."""
    name = str(manifest.get("name") or source)
    family = str(manifest.get("family") or name)
    return Origin(name, family, tuple(str(on) for on in manifest.get("built_on") or ()))


def origins(outs: Iterable[Path]) -> list[Origin]:
    """The origins of all sources of finished data sets, each once, by name.

    Raises:
        RsvpError: a folder is no finished data set, or its settings are damaged.
    """
    found: dict[str, Origin] = {}
    for out in outs:
        folder = Folder(out)
        for source in folder.sources():
            path = folder.settings(source)
            saved = read_json(path) if path.exists() else {}
            found.setdefault(source, origin_of(saved.get("manifest") or {}, source))
    return [found[name] for name in sorted(found)]


def shared_provenance(audited: Sequence[Origin], known: Sequence[Origin] = ()) -> list[SharedProvenance]:
    """Pairs of sources whose images come, directly or through others, from the same family.

    Args:
        audited: sources to pair.
        known: further manifests, through which one may go back from the audited ones.

    Returns:
        Pairs by name. Letter case does not count.
    """
    by_name: dict[str, list[Origin]] = {}
    for origin in (*audited, *known):
        for name in {origin.name.casefold(), origin.family.casefold()}:
            by_name.setdefault(name, []).append(origin)
    roots = [_families(origin, by_name) for origin in audited]
    shared = []
    for number, one in enumerate(audited):
        for place, other in enumerate(audited[number + 1 :], number + 1):
            common = roots[number].keys() & roots[place].keys()
            if common:
                names = tuple(sorted({roots[number][key] for key in common}))
                shared.append(SharedProvenance(one.name, other.name, names))
    return shared


def _families(origin: Origin, by_name: Mapping[str, Sequence[Origin]]) -> dict[str, str]:
    """Every family that a source has images of, its own among them, by name in lower case."""
    found = {origin.family.casefold(): origin.family}
    waiting = list(origin.built_on)
    while waiting:
        name = waiting.pop()
        behind = by_name.get(name.casefold(), ())
        family = behind[0].family if behind else name
        if family.casefold() not in found:
            found[family.casefold()] = family
            for further in behind:
                waiting += further.built_on
    return found
