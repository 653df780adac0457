"""What the terms of each source say about passing its data on.

This is a reading aid and no legal advice: it sorts the words of the manifests, which quote or sum up the
official pages, so that nobody publishes a data set without having seen them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rsvp_builder.dataset.layout import Folder, read_json


class PassingOn(StrEnum):
    """Whether the terms let anybody pass the data on."""

    ALLOWED = "allowed"
    """Under a licence that permits it, whose conditions (attribution, no commerce, the same licence) hold."""
    NOT_STATED = "not stated"
    """No licence that covers the pictures was found; only the owners could permit it."""
    FORBIDDEN = "forbidden"
    """The terms say that the data must not be passed on."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Terms of one source.

    Attributes:
        source: its name.
        name: short name of the licence.
        text: the terms.
        url: where they are stated.
        passing_on: what they say about passing the data on.
    """

    source: str
    name: str
    text: str
    url: str
    passing_on: PassingOn


# Identifiers of SPDX, without their version. NoDerivatives licences are missing on purpose: a data set
# of tiles and rows is a derivative.
_OPEN = re.compile(
    r"^(CC0|CC-BY|CC-BY-SA|CC-BY-NC|CC-BY-NC-SA|ODbL|ODC-By|PDDL|MIT|Apache|BSD-[23]-Clause)(-\d[\d.]*)?$",
    re.IGNORECASE,
)
_FORBIDS = re.compile(
    r"(must|may|can|shall)\s?not be (passed on|redistributed|shared|distributed)"
    r"|redistribution is (not (allowed|permitted)|prohibited|forbidden)",
    re.IGNORECASE,
)
# "MIT (annotations); images for research only": the licence is not that of the pictures.
_OTHER_PICTURES = re.compile(r"\b(images|pictures|photos)\b", re.IGNORECASE)


def passing_on(identifier: str, name: str, text: str) -> PassingOn:
    """Sort the licence of a manifest.

    Args:
        identifier: SPDX identifier, or ``other``.
        name: short name; where it tells of the pictures apart, the identifier does not cover them.
        text: the terms in words.
    """
    if _FORBIDS.search(text) or _FORBIDS.search(name):
        return PassingOn.FORBIDDEN
    if _OPEN.match(identifier) and not _OTHER_PICTURES.search(name):
        return PassingOn.ALLOWED
    return PassingOn.NOT_STATED


def terms_of(folder: Folder, sources: Sequence[str]) -> list[Terms]:
    """Terms of the sources of a data set, as their manifests stated them when they were built."""
    found = []
    for source in sources:
        licence = read_json(folder.settings(source))["manifest"]["licence"]
        name, text = licence["name"], licence["text"]
        found.append(Terms(source, name, text, licence["url"], passing_on(licence["id"], name, text)))
    return found
