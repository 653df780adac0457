"""Splits that list objects, not images, as DIOR-RSVG's do.

A line of ``train.txt`` is the number of an object, counted from 0 over all ``<object>`` of all label files
in the order of their names. Source: the loader and issue 5 of https://github.com/ZhanYang-nwpu/RSVG-pytorch.
So every label file has to be looked into before a split is known, and an image is in as many splits as
its objects are; each gives an item of its own, whose ``data`` has the places of its objects in the file.

A label file that is cut off lacks objects that the lists count. Where it is the only one, the numbers of
the others follow from the lists; where there are several, the images between the first and the last
cannot be placed, and are left out rather than let into a wrong split.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import accumulate
from pathlib import Path

from rsvp_builder.ledger import Drop, Drops, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers import Index
from rsvp_builder.readers.pairing import duplicate, item_of
from rsvp_builder.readers.scan import Found
from rsvp_builder.readers.splits import matches
from rsvp_builder.readers.texts import list_lines, read_label, shown
from rsvp_builder.readers.voc_xml.layout import Files
from rsvp_builder.readers.voc_xml.parsing import OBJECT, ROOT
from rsvp_builder.readers.xml import count_of
from rsvp_builder.record import Item

_NUMBER = re.compile(r"[0-9]{1,12}")


def index_objects(root: Path, manifest: Manifest, files: Files) -> Index:
    """List a release whose splits list objects.

    Args:
        root: folder of the release.
        manifest: the source; ``splits.lists`` are its lists, and the first to name an object has it.
        files: the files of the release.

    Returns:
        An item for each image in each split that has an object of it; objects of no list go to the default
        split, as do images without objects. Its drops say what is wrong with the lists.
    """
    drops: list[Drop] = []
    default = manifest.splits.default
    images = _by_stem(files.images, default, "image", drops)
    labels = _by_stem(files.labels, default, "metadata", drops)
    stems = sorted(labels, key=lambda stem: labels[stem].name)
    lists = _Lists(manifest, root, files.found)
    counts, cut_off = _count(root, [labels[stem] for stem in stems])
    counts, lost = settled(counts, cut_off, lists.length)
    items: list[Item] = []
    unlisted: list[Drop] = []
    firsts = accumulate(counts, initial=0)
    for stem, first, count, is_lost in zip(stems, firsts, counts, lost, strict=False):
        label, image = labels[stem], images.get(stem)
        if is_lost:
            expected = "a label file that lies between no two that are cut off, which hide its numbers"
            image_id = f"{default}/{stem}"
            drops.append(Drop("image", Reason.SPLIT_MISSING, image_id, label.path, None, "", expected))
            continue
        by_split: dict[str, list[int]] = {}
        for ordinal in range(count):
            number = first + ordinal
            by_split.setdefault(lists.split.get(number, default), []).append(ordinal)
            if number not in lists.split:
                unlisted.append(_not_listed(f"{default}/{stem}", label.path, number, default))
        for split, ordinals in (by_split or {default: []}).items():
            items.append(item_of(split, stem, image, label, data=" ".join(map(str, ordinals))))
    items += [item_of(default, stem, images[stem], None) for stem in images.keys() - labels.keys()]
    # Where a list is missing that has been said, and which objects it would have is no news.
    drops += [*lists.drops, *lists.beyond(sum(counts)), *([] if lists.missing else unlisted)]
    told = [f"objects that no list places, and that go to split '{default}': {len(unlisted)}"]
    return Index(
        tuple(sorted(items, key=lambda item: (item.split, item.image_id))),
        tuple(drops),
        tuple(told if unlisted else []),
    )


def settled(
    counts: Sequence[int], cut_off: Sequence[int], length: int | None
) -> tuple[list[int], list[bool]]:
    """How many numbers the objects of each label file take up.

    Args:
        counts: objects found in each.
        cut_off: positions of those that may have had more, in order.
        length: objects that the lists count, None where they do not tell.

    Returns:
        The counts, with what the lists count beyond them given to the last file that is cut off; and of each
        file whether its numbers can not be told, because some of that belongs to a file before it.
    """
    lacking = (length or 0) - sum(counts)
    taken, lost = list(counts), [False] * len(counts)
    if lacking > 0 and cut_off:
        first, last = cut_off[0], cut_off[-1]
        taken[last] += lacking
        lost[first + 1 : last + 1] = [True] * (last - first)
    return taken, lost


class _Lists:
    """The numbers that each list holds.

    Attributes:
        split: split of each number.
        drops: lists that are missing, lines that hold no number, numbers of two lists.
        missing: whether a list is missing.
    """

    def __init__(self, manifest: Manifest, root: Path, found: Sequence[Found]) -> None:
        self.split: dict[int, str] = {}
        self.drops: list[Drop] = []
        self.missing = False
        self._place: dict[int, tuple[str, int]] = {}
        for split, patterns in manifest.splits.lists.items():
            # A pattern may also be the path of a list that the user brings along.
            paths = [(p, Path(p)) for p in patterns if Path(p).is_absolute()]
            paths += [(f.path, root / f.path) for f in found if any(matches(f.path, p) for p in patterns)]
            if not paths:
                self._lack(split, patterns[0], "", f"a file that lists the objects of split '{split}'")
            for name, path in paths:
                self._read(split, name, path)

    @property
    def length(self) -> int | None:
        """Objects that the lists count, None where numbers are missing between."""
        covered = not self.missing and max(self.split, default=-1) + 1 == len(self.split)
        return len(self.split) if covered else None

    def beyond(self, total: int) -> list[Drop]:
        """Numbers of no object, one entry a list."""
        by_file: dict[tuple[str, str], list[int]] = {}
        for number, split in self.split.items():
            if number >= total:
                by_file.setdefault((split, self._place[number][0]), []).append(number)
        expected = f"a number below {total}, the count of all objects in the label files"
        return [
            Drop(
                "metadata",
                Reason.MALFORMED_LINE,
                split,
                file,
                self._place[numbers[0]][1],
                str(numbers[0]),
                expected,
                len(numbers),
            )
            for (split, file), numbers in by_file.items()
        ]

    def _lack(self, split: str, file: str, value: str, expected: str) -> None:
        self.missing = True
        self.drops.append(Drop("metadata", Reason.SPLIT_MISSING, split, file, None, value, expected))

    def _read(self, split: str, name: str, path: Path) -> None:
        try:
            for line, text in list_lines(path):
                token = text.strip()
                if _NUMBER.fullmatch(token):
                    self._add(split, name, line, int(token))
                elif token:
                    expected = "the number of an object, counted from 0 over all label files"
                    self._note(Reason.MALFORMED_LINE, split, name, line, token, expected)
        except OSError as error:
            self._lack(split, name, error.strerror or str(error), "a readable list")

    def _add(self, split: str, name: str, line: int, number: int) -> None:
        before = self.split.setdefault(number, split)
        first = self._place.setdefault(number, (name, line))
        if first != (name, line):
            expected = f"a number once in one list; {first[0]}:{first[1]} gives it to '{before}'"
            self._note(Reason.DUPLICATE_ID, split, name, line, str(number), expected)

    def _note(self, reason: Reason, split: str, file: str, line: int, value: str, expected: str) -> None:
        self.drops.append(Drop("metadata", reason, split, file, line, shown(value), expected))


def _not_listed(image_id: str, file: str, number: int, default: str) -> Drop:
    expected = f"a list that has the object's number; it goes to split '{default}'"
    return Drop("metadata", Reason.SPLIT_MISSING, image_id, file, None, f"object {number}", expected)


def _by_stem(files: Iterable[Found], split: str, what: str, drops: list[Drop]) -> dict[str, Found]:
    named: dict[str, Found] = {}
    for file in files:
        first = named.setdefault(file.stem, file)
        if first is not file:
            drops.append(duplicate(f"{split}/{file.stem}", file, first, what))
    return named


def _count(root: Path, labels: Iterable[Found]) -> tuple[list[int], list[int]]:
    """Objects of each label file, and positions of those that are cut off or cannot be read."""
    counts, cut_off = [], []
    closing = f"</{ROOT}>".encode()
    for position, label in enumerate(labels):
        # Whoever reads the file later tells what is wrong with it.
        data = read_label(root, item_of("", label.stem, None, label), label.path, Drops())
        counts.append(0 if data is None else count_of(data, OBJECT))
        if data is None or not data.rstrip().endswith(closing):
            cut_off.append(position)
    return counts, cut_off
