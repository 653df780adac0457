"""Pairing pictures with their semantic maps, by what their paths say."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from rsvp_builder.errors import RsvpError
from rsvp_builder.finding import nothing_found
from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.label_map.layout import LabelMapLayout, label_map_layout
from rsvp_builder.readers.pairing import duplicate, item_of
from rsvp_builder.readers.scan import IMAGE_SUFFIXES, Found, walk
from rsvp_builder.readers.splits import SplitRule, matches

_Key = tuple[str, str]
"""Split and name."""


def index_release(root: Path, manifest: Manifest) -> Index:
    """List pictures and maps; an item's ``data`` is the number of its map's rule.

    Raises:
        RsvpError: there is no map of the release.
    """
    found = list(walk(root))
    rule = SplitRule(manifest, root, found)
    pairing = _Pairing(label_map_layout(manifest), rule)
    for file in found:
        if file.suffix in IMAGE_SUFFIXES:
            pairing.take(file)
    if not pairing.maps:
        raise RsvpError(nothing_found(root, [manifest], found))
    items = []
    drops = [*rule.drops, *pairing.drops]
    for key in sorted(pairing.pictures.keys() | pairing.maps.keys()):
        split, name = key
        picture = pairing.pictures.get(key)
        label = pairing.maps.get(key)
        if picture and not label and rule.unlabelled(split):
            expected = f"labels, which were never released for split '{split}'"
            path = picture.file.path
            drops.append(Drop("image", Reason.UNLABELLED_SPLIT, f"{split}/{name}", path, None, "", expected))
            continue
        files = (picture.file if picture else None, label.file if label else None)
        items.append(item_of(split, name, *files, data=str(label.rule) if label else ""))
    return Index(tuple(items), (*drops, *rule.not_met()), tuple(rule.notices()))


class _Chosen:
    """The best file of one name so far."""

    __slots__ = ("file", "is_copy", "rule")

    def __init__(self, file: Found, rule: int, *, is_copy: bool) -> None:
        self.file = file
        self.rule = rule
        self.is_copy = is_copy

    @property
    def rank(self) -> tuple[int, bool]:
        return self.rule, self.is_copy


class _Pairing:
    """Sorts files into pictures and maps, and keeps the best of each name."""

    def __init__(self, layout: LabelMapLayout, rule: SplitRule) -> None:
        self.pictures: dict[_Key, _Chosen] = {}
        self.maps: dict[_Key, _Chosen] = {}
        self.drops: list[Drop] = []
        self._layout = layout
        self._splits = rule
        self._image_rules = [re.compile(path, re.IGNORECASE) for path in layout.images]
        self._map_rules = [re.compile(rule.path, re.IGNORECASE) for rule in layout.maps]

    def take(self, file: Found) -> None:
        """Keep a file if it is one of the release."""
        for rule, name in self._means(file, self._image_rules):
            self._keep(self.pictures, "image", file, rule, name)
            return
        for rule, name in self._means(file, self._map_rules):
            self._keep(self.maps, "metadata", file, rule, name)

    def _means(self, file: Found, rules: Iterable[re.Pattern[str]]) -> Iterator[tuple[int, str]]:
        """Number of each rule that a file fits, and what the file is then called."""
        path = file.path
        for number, rule in enumerate(rules):
            if fitting := rule.search(path):
                yield number, self._layout.name.format(**fitting.groupdict(default=""))

    def _keep(self, kept: dict[_Key, _Chosen], what: str, file: Found, rule: int, name: str) -> None:
        split = self._splits.of(file, name)
        is_copy = any(matches(file.path, pattern) for pattern in self._layout.copies)
        new = _Chosen(file, rule, is_copy=is_copy)
        old = kept.setdefault((split, name), new)
        if old is new:
            return
        if new.rank < old.rank:
            kept[split, name] = new
        elif new.rank == old.rank and not is_copy:
            self.drops.append(duplicate(f"{split}/{name}", file, old.file, what))
