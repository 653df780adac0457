"""Which split an image belongs to: by list files, by folders, or by a seeded draw."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from rsvp_builder.ledger import Drop, Reason
from rsvp_builder.manifest import Manifest
from rsvp_builder.readers.scan import IMAGE_SUFFIXES, Found
from rsvp_builder.readers.texts import called, list_lines, shown


def matches(path: str, pattern: str) -> bool:
    """Whether a path below the root ends as a pattern says; letter case does not matter.

    A pattern has the wildcards ``*`` and ``?``. They cross no slash, so it names exactly as many folders
    as it has, but for ``**``, which stands for any number of them; above it any folders may lie.
    """
    return _compiled(pattern).search(path.lower()) is not None


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = []
    for part in pattern.lower().split("/"):
        within = re.escape(part).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
        parts.append("(?:[^/]+/)*" if part == "**" else f"{within}/")
    return re.compile(f"(?:^|/){''.join(parts).removesuffix('/')}\\Z")


class SplitRule:
    """The splits of a release.

    Lists go before names in the manifest, those before folders, folders before the default. A list names
    images by stem, with or without suffix, or by ``folder/name`` where stems repeat.

    Args:
        manifest: the source; its ``splits`` are applied.
        root: folder of the release.
        found: its files.
        by_stem: folders and suffixes in lists play no part, since they may be those of another copy.

    Attributes:
        drops: list files that are missing or cannot be read, and images in two lists.
        without_split: images that only the default took, where there are other splits.
    """

    def __init__(
        self, manifest: Manifest, root: Path, found: Sequence[Found], *, by_stem: bool = False
    ) -> None:
        self.drops: list[Drop] = []
        self._by_stem = by_stem
        self.without_split = 0
        self._manifest = manifest
        self._folders = sorted(manifest.splits.folders.items(), key=lambda pair: -len(pair[0]))
        self._known: dict[PurePosixPath, str | None] = {}
        self._listed: dict[str, str] = {}
        self._line: dict[str, tuple[str, int]] = {}
        self._met: set[str] = set()
        named = manifest.splits.named
        self._named = {name: split for split, names in named.items() for name in names}
        for split, patterns in manifest.splits.lists.items():
            self._read_lists(root, split, patterns, found)

    def of(self, file: Found, name: str | None = None) -> str:
        """The split of an image or of its label file.

        Args:
            file: the file.
            name: what lists call the image, where that is not the file's stem.
        """
        stem = name or file.stem
        split = self.listed(f"{file.folder.name}/{stem}", stem)
        split = split or self._named.get(stem) or self.by_folder(file.folder)
        if split is None:
            self.without_split += 1
            return self._manifest.splits.default
        return split

    def listed(self, *names: str) -> str | None:
        """The split that a list file gives the first of these names that is on one; None for none."""
        for name in names:
            if name in self._listed:
                self._met.add(name)
                return self._listed[name]
        return None

    def by_folder(self, folder: PurePosixPath) -> str | None:
        """The split that a folder means, the nearest part of its path first; None for none."""
        if folder not in self._known:
            self._known[folder] = self._split_of(folder)
        return self._known[folder]

    def unlabelled(self, split: str) -> bool:
        """Whether the labels of a split were never released."""
        return split in self._manifest.splits.unlabelled

    def not_met(self) -> list[Drop]:
        """Images that are listed, but of which no file was asked about."""
        missing = [key for key in self._listed if key not in self._met]
        return [
            Drop(
                "image",
                Reason.IMAGE_MISSING,
                f"{self._listed[key]}/{key}",
                *self._line[key],
                shown(key),
                "an image of that name",
            )
            for key in missing
        ]

    def notices(self) -> list[str]:
        """Remarks for the person at the keyboard."""
        if not self.without_split or not (self._folders or self._listed or self._named):
            return []
        default, count = self._manifest.splits.default, self.without_split
        return [f"files that no split folder or list places, and that go to split '{default}': {count}"]

    def _split_of(self, folder: PurePosixPath) -> str | None:
        for part in reversed(folder.parts):
            lower = part.lower()
            for name, split in self._folders:
                if lower == name or lower.endswith((f"_{name}", f"-{name}")) or lower.startswith(f"{name}_"):
                    return split
        return None

    def _read_lists(self, root: Path, split: str, patterns: Sequence[str], found: Sequence[Found]) -> None:
        files = [f for f in found if any(matches(f.path, pattern) for pattern in patterns)]
        # A pattern may also be the path of a list that the user brings along.
        own = [Path(p) for p in patterns if Path(p).is_absolute()]
        if not files and not own:
            expected = f"a file that lists the images of split '{split}'"
            drop = Drop("metadata", Reason.SPLIT_MISSING, split, patterns[0], None, "", expected)
            self.drops.append(drop)
        for name, path in [*((f.path, root / f.path) for f in files), *((str(p), p) for p in own)]:
            try:
                for number, line in list_lines(path):
                    self._add(split, name, number, line)
            except OSError as error:
                told = error.strerror or str(error)
                self.drops.append(
                    Drop("metadata", Reason.SPLIT_MISSING, split, name, None, told, "a readable list")
                )

    def _add(self, split: str, file: str, line: int, text: str) -> None:
        token = _name_in(text).strip().replace("\\", "/")
        if not token:
            return
        path = PurePosixPath(token)
        stem = path.stem if path.suffix.lower() in IMAGE_SUFFIXES else path.name
        key = called(f"{path.parent.name}/{stem}" if path.parent.name and not self._by_stem else stem)
        before = self._listed.setdefault(key, split)
        self._line.setdefault(key, (file, line))
        if before != split:
            expected = f"an image in one split; '{before}' has it already"
            self.drops.append(
                Drop("metadata", Reason.DUPLICATE_ID, f"{split}/{key}", file, line, shown(token), expected)
            )


def _name_in(line: str) -> str:
    """The image that a line of a list names; benchmarks list one as the ``image`` of a JSON object a line."""
    if not line.lstrip().startswith("{"):
        return line
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return line
    name = value.get("image") if isinstance(value, dict) else None
    return name if isinstance(name, str) else line


def drawn(names: Iterable[str], share: float, seed: int = 0) -> frozenset[str]:
    """A share of names, drawn by seed: the same names whatever their order.

    Args:
        names: distinct names, of one class where the draw is to be stratified.
        share: of them to draw, rounded to the nearest number of names.
        seed: decides which.
    """
    ranked = sorted(names, key=lambda n: (blake2b(f"{seed}\x1f{n}".encode(), digest_size=8).digest(), n))
    return frozenset(ranked[: round(share * len(ranked))])
