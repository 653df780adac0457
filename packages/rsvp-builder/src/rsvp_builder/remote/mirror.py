"""The small files of a data set at a URL, mirrored in a folder of this machine.

The URL is the truth: whatever the mirror held is replaced when it is opened. So a build goes on from
any machine, and a mirror that is lost costs nothing. Shards are never mirrored.
"""

from __future__ import annotations

import os
import re
from hashlib import blake2b
from pathlib import Path

from rsvp_builder.dataset.layout import Folder, is_captions
from rsvp_builder.remote.store import Store


def mirror_folder(url: str) -> Path:
    """The folder that mirrors a URL on this machine."""
    base = os.environ.get("XDG_CACHE_HOME")
    cache = Path(base) if base else Path.home() / ".cache"
    last = re.sub(r"[^A-Za-z0-9._-]", "_", url.rpartition("/")[2])
    return cache / "rsvp-builder" / f"{last}-{blake2b(url.encode(), digest_size=6).hexdigest()}"


_OF_OTHERS = ("summary.json", "captions.json")
"""What the card needs of the ledgers of sources that are not being built."""


class Mirror:
    """A data set at a URL, for who holds the lock of its mirror.

    Attributes:
        folder: the mirror.
        url: where the data set lies.
    """

    def __init__(self, store: Store, folder: Folder, source: str | None) -> None:
        self.folder = folder
        self.url: str | None = store.url
        self._store = store
        self._source = source
        self._there: dict[str, bytes] = {}

    def _mirrored(self, name: str) -> bool:
        """Whether a file belongs to what this build reads or writes."""
        parts = name.split("/")
        if parts[-1].startswith(".") or parts[-1] == "lock":
            return False
        if parts[0] in (".build", "ledger") and len(parts) == 3:
            return parts[1] == self._source or (parts[0] == "ledger" and parts[2] in _OF_OTHERS)
        return name in ("dataset.json", "README.md") or (
            len(parts) == 2 and parts[0] in ("plots", "settings")
        )

    def _local(self) -> list[str]:
        out = self.folder.out
        names = [path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()]
        return sorted(name for name in names if self._mirrored(name))

    def _remote(self, *folders: str) -> list[str]:
        names = [name for folder in folders for name in self._store.names(folder)]
        return [name for name in names if self._mirrored(name)]

    def _digest(self, name: str) -> bytes:
        return blake2b((self.folder.out / name).read_bytes(), digest_size=16).digest()

    def _fetch(self, names: list[str]) -> None:
        self._store.get(names, self.folder.out)
        self._there.update({name: self._digest(name) for name in names})

    def pull(self) -> None:
        """Make the mirror what the URL holds.

        Raises:
            RsvpError: the URL cannot be read.
        """
        wanted = self._remote("dataset.json", "README.md", "plots", "settings", "ledger")
        if self._source is not None:
            wanted += self._remote(f".build/{self._source}")
        for name in self._local():
            (self.folder.out / name).unlink()
        self._fetch(wanted)

    def gather(self) -> None:
        """Fetch the markers that workers have left since.

        Raises:
            RsvpError: the URL cannot be read.
        """
        self._fetch([name for name in self._remote(f".build/{self._source}") if name not in self._there])

    def push(self) -> None:
        """Upload what was changed in the mirror, remove what was removed; ``dataset.json`` comes last.

        Raises:
            RsvpError: the URL cannot be written.
        """
        here = {name: self._digest(name) for name in self._local()}
        changed = [name for name, digest in here.items() if self._there.get(name) != digest]
        for name in sorted(changed, key=lambda name: (name == "dataset.json", name == "README.md", name)):
            self._store.put(self.folder.out / name, name)
            self._there[name] = here[name]
        gone = sorted(set(self._there) - set(here))
        self._store.remove(gone)
        for name in gone:
            del self._there[name]

    def remove_shards(self, source: str) -> None:
        """Remove the source's shards from the URL.

        Raises:
            RsvpError: the URL cannot be written.
        """
        for kind in ("data", "planned"):
            self._store.remove(self._store.names(f"{kind}/{source}"))

    def remove_captions(self, source: str) -> None:
        """Remove the source's shards of captioned rows from the URL.

        Raises:
            RsvpError: the URL cannot be written.
        """
        names = self._store.names(f"data/{source}")
        self._store.remove([name for name in names if is_captions(Path(name))])
