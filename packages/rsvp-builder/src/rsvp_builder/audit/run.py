"""``rsvp-build audit``: everything put together."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rsvp_builder.audit.match import Link, Look, Matcher, looks_of
from rsvp_builder.audit.pairs import Count, Pair, PairKind, Rules, count_pairs
from rsvp_builder.audit.pictures import Picture
from rsvp_builder.audit.provenance import SharedProvenance, origin_of, origins, shared_provenance
from rsvp_builder.audit.survey import Survey, Tell, survey
from rsvp_builder.audit.twins import Layout, Twin, find_twins, same_layouts
from rsvp_builder.audit.verify import score
from rsvp_builder.catalog import shipped
from rsvp_builder.errors import RsvpError

SURE_BOXES = 3
"""Boxes from which two equal layouts are no coincidence."""

CONTRADICTED = 0.3
"""Score below which pixels speak against twins of fewer boxes."""


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found.

    Attributes:
        pictures: every distinct picture that was compared, in the order of the data sets.
        pairs: pictures that are alike, the surest kinds first; each two pictures at most once.
        shared: sources whose manifests state images of the same origin, whether or not pictures matched.
        problems: pictures that could not be read or decoded, and why; they are compared by bytes only.
        plain: distinct pictures without enough detail for anything but equality.
        contradicted: twins of one or two boxes that were left out, because their pixels differ.
        decoded: files that had to be decoded; the others' fingerprints were kept from an earlier audit.
        notices: remarks for the person at the keyboard.
    """

    pictures: list[Picture]
    pairs: list[Pair]
    shared: list[SharedProvenance]
    problems: list[tuple[Picture, str]] = field(default_factory=list)
    plain: int = 0
    contradicted: int = 0
    decoded: int = 0
    notices: list[str] = field(default_factory=list)

    def counts(self) -> list[Count]:
        """Pairs by kind and splits."""
        return count_pairs(self.pairs, self.pictures)


def run_audit(
    outs: Sequence[Path],
    *,
    within: bool = False,
    crops: bool = True,
    workers: int = 1,
    tell: Tell | None = None,
) -> Audit:
    """Look for pictures that finished data sets share across sources and splits.

    Args:
        outs: folders of the data sets.
        within: report pairs inside one split too.
        crops: look for crops, which takes the longest in large data sets.
        workers: processes to decode with; the result does not depend on it.
        tell: is told how far it is.

    Raises:
        RsvpError: a folder is no finished data set, or cannot be read.
    """
    folders = list(dict.fromkeys(outs))
    if not folders:
        raise RsvpError("nothing to audit: give the folder of at least one data set")
    known = [origin_of(manifest.model_dump(), name) for name, manifest in shipped().items()]
    shared = shared_provenance(origins(folders), known)
    seen = survey(folders, workers=workers, tell=tell)
    rules = Rules(seen.pictures, within=within)
    looks = looks_of(seen.content, seen.contents)
    found: dict[tuple[int, int], Pair] = {}
    for pair in _equal(seen, looks, rules):
        found.setdefault((pair.first, pair.second), pair)
    matcher = Matcher(looks, seen.contents, rules)
    links = matcher.near()
    if crops:
        links += matcher.crops(
            [link for link in links if not link.is_crop],
            None if tell is None else lambda done, of: tell("crops", done, of),
        )
    for pair in _linked(seen, looks, links, rules):
        _keep(found, pair)
    twins, contradicted = _twins(seen, rules, found)
    for pair in twins:
        _keep(found, pair)
    order = {kind: place for place, kind in enumerate(PairKind)}
    return Audit(
        seen.pictures,
        sorted(found.values(), key=lambda p: (order[p.kind], p.first, p.second)),
        shared,
        seen.problems(),
        matcher.plain,
        contradicted,
        seen.decoded,
        seen.notices,
    )


def _keep(found: dict[tuple[int, int], Pair], pair: Pair) -> None:
    """Add a pair unless the two pictures are one already, found in a surer way."""
    key = (min(pair.first, pair.second), max(pair.first, pair.second))
    found.setdefault(key, pair)


def _equal(seen: Survey, looks: Sequence[Look], rules: Rules) -> Iterator[Pair]:
    content = seen.content
    for look in looks:
        for first, second in rules.among(look.pictures):
            same = content[first] == content[second]
            yield Pair(PairKind.BYTES if same else PairKind.PIXELS, first, second)
    broken: dict[int, list[int]] = {}
    for number, of in enumerate(content.tolist()):
        if of in seen.contents.problems and any(seen.contents.keys[of]):  # of a file that could be read
            broken.setdefault(of, []).append(number)
    for pictures in broken.values():
        for first, second in rules.among(pictures):
            yield Pair(PairKind.BYTES, first, second)


def _linked(seen: Survey, looks: Sequence[Look], links: Sequence[Link], rules: Rules) -> Iterator[Pair]:
    """Pairs of the pictures of linked looks, near-duplicates before crops and good links before poor."""
    for link in sorted(links, key=lambda link: (link.is_crop, -link.score)):
        ones, others = looks[link.first].pictures, looks[link.second].pictures
        for first, second in rules.across(ones, others):
            if link.is_crop:
                picture = seen.pictures[first]
                x1, y1, x2, y2 = link.window
                part = (
                    round(x1 * picture.width, 1),
                    round(y1 * picture.height, 1),
                    round(x2 * picture.width, 1),
                    round(y2 * picture.height, 1),
                )
                yield Pair(
                    PairKind.CROP, first, second, link.transform, link.score, float(link.distance), part
                )
            elif first < second:
                yield Pair(PairKind.NEAR, first, second, link.transform, link.score, float(link.distance))
            else:
                yield Pair(
                    PairKind.NEAR, second, first, link.transform.inverse, link.score, float(link.distance)
                )


def _twins(seen: Survey, rules: Rules, found: dict[tuple[int, int], Pair]) -> tuple[list[Pair], int]:
    layouts = [Layout(p.width, p.height, p.boxes, p.labels) for p in seen.pictures]
    groups = same_layouts(layouts)
    twins = find_twins([layouts[group[0]] for group in groups])
    told, contradicted = [], 0
    judge = _Judge(seen)
    for first, second, twin in _twin_pictures(groups, twins, layouts, rules):
        if (min(first, second), max(first, second)) in found:
            continue
        pair = judge.pair(first, second, twin)
        few = len(layouts[first].boxes) < SURE_BOXES
        if few and pair.score < CONTRADICTED:
            contradicted += 1
        else:
            told.append(pair)
    return told, contradicted


def _twin_pictures(
    groups: Sequence[Sequence[int]], twins: Sequence[Twin], layouts: Sequence[Layout], rules: Rules
) -> Iterator[tuple[int, int, Twin]]:
    for group in groups:
        if len(group) > 1:
            itself = find_twins([layouts[group[0]], layouts[group[0]]])[0]
            for first, second in rules.among(group):
                yield first, second, itself
    for twin in twins:
        for first, second in rules.across(groups[twin.first], groups[twin.second]):
            yield first, second, twin


class _Judge:
    """Asks the pixels of twins, where they are known, in which orientation they agree and how well."""

    def __init__(self, seen: Survey) -> None:
        self._content = seen.content
        self._problems = seen.contents.problems
        self._greys = seen.contents.greys()

    def pair(self, first: int, second: int, twin: Twin) -> Pair:
        """The pair of two twins; its score is NaN where a picture could not be decoded."""
        contents = (int(self._content[first]), int(self._content[second]))
        if any(content in self._problems for content in contents):
            transform, difference = twin.turns[0]
            return Pair(PairKind.TWIN, first, second, transform, math.nan, difference)
        one, other = (self._greys[content] for content in contents)
        turned = np.stack([transform.of_pixels(one) for transform, _ in twin.turns])
        scores = score(turned, np.broadcast_to(other, turned.shape))
        best = int(scores.argmax())
        transform, difference = twin.turns[best]
        return Pair(PairKind.TWIN, first, second, transform, float(scores[best]), difference)
