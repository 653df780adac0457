"""Where a data set is sent: a dataset repository of the Hugging Face hub, or a folder with an fsspec URL."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rsvp_builder.errors import RsvpError

_HUB = re.compile(
    r"hf://(?:datasets/)?(?P<owner>[A-Za-z0-9][\w.-]*)/(?P<name>[A-Za-z0-9][\w.-]*?)(?:@(?P<revision>[^@\s]+))?/?"
)
_KINDS = ("models", "spaces", "buckets", "kernels")


@dataclass(frozen=True, slots=True)
class HubTarget:
    """A dataset repository.

    Attributes:
        repo: ``owner/name``.
        revision: branch; ``main`` where none was named.
    """

    repo: str
    revision: str = "main"


@dataclass(frozen=True, slots=True)
class FolderTarget:
    """A folder.

    Attributes:
        url: with its protocol, without a slash at the end.
    """

    url: str

    @property
    def shown(self) -> str:
        """The URL for people, without a user name and password that it may carry."""
        return re.sub(r"://[^/@]*@", "://", self.url)


def parse_target(url: str) -> HubTarget | FolderTarget:
    """Read the destination of a push.

    Raises:
        RsvpError: it is neither ``hf://[datasets/]owner/name[@revision]`` nor another URL.
    """
    if url.startswith("hf://"):
        found = _HUB.fullmatch(url)
        if not found or found["owner"] in _KINDS:
            raise RsvpError(
                f"{url}: expected hf://datasets/OWNER/NAME or hf://datasets/OWNER/NAME@BRANCH; a data set is "
                "a whole repository, so no folder in it can be named"
            )
        return HubTarget(f"{found['owner']}/{found['name']}", found["revision"] or "main")
    protocol, separator, rest = url.partition("://")
    if not separator or not protocol or not rest.strip("/"):
        raise RsvpError(
            f"{url}: expected hf://datasets/OWNER/NAME, or the URL of a folder such as s3://BUCKET/FOLDER"
        )
    return FolderTarget(url.rstrip("/"))
