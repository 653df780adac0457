"""From the class tokens of a release to class ids."""

from __future__ import annotations

import re

from rsvp_builder.manifest import Manifest

_SEPARATORS = re.compile(r"[\s_.-]+")


def folded(token: str) -> str:
    """A token in lower case without separators: ``Dense_Residential`` is ``denseresidential``."""
    return _SEPARATORS.sub("", token).lower()


class ClassTable:
    """The classes of a manifest, with its aliases and the tokens it ignores.

    Args:
        manifest: the source.
        loose: letter case, spaces, underscores, hyphens and dots do not matter.
    """

    def __init__(self, manifest: Manifest, *, loose: bool = False) -> None:
        self._key = folded if loose else str.strip
        numbers = {token: number for number, token in enumerate(manifest.classes)}
        self._ids = {self._key(token): number for token, number in numbers.items()}
        self._ids |= {self._key(alias): numbers[token] for alias, token in manifest.aliases.items()}
        self._ignored = {self._key(token): why for token, why in manifest.ignore.items()}
        self.expected = f"one of {', '.join(manifest.classes)}" if manifest.classes else "a known class"

    def id(self, token: str) -> int | None:
        """The class id of a token, None for one that is unknown or ignored."""
        return self._ids.get(self._key(token))

    def ignored(self, token: str) -> str | None:
        """What an ignored token marks, None for one that is not ignored."""
        return self._ignored.get(self._key(token))
