"""Sending a finished data set away: what must be so first, then the way that the destination asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rsvp_builder.dataset.layout import Folder
from rsvp_builder.dataset.lock import locked
from rsvp_builder.errors import RsvpError
from rsvp_builder.publish.contents import check, contents
from rsvp_builder.publish.croissant import write_croissant
from rsvp_builder.publish.hashes import Hashes
from rsvp_builder.publish.licences import PassingOn, Terms, terms_of
from rsvp_builder.publish.pushed import Pushed, Tell
from rsvp_builder.publish.target import HubTarget, parse_target


class LicencesError(RsvpError):
    """Terms that somebody has to accept, or that forbid what was asked for.

    Attributes:
        terms: of every source.
    """

    def __init__(self, message: str, terms: Sequence[Terms]) -> None:
        super().__init__(message)
        self.terms = list(terms)


def push(
    out: Path,
    url: str,
    *,
    public: bool = False,
    accept_licences: bool = False,
    tell: Tell | None = None,
) -> Pushed:
    """Send a finished data set to a hub repository or a folder.

    What is there already, by hash, is not sent again; a push that was interrupted goes on when it is called
    again. ``dataset.json`` arrives last: where it is missing, the push has not ended.

    Args:
        out: folder of the data set.
        url: ``hf://datasets/owner/name[@branch]``, or the URL of a folder that fsspec can write.
        public: make a new repository public. Of no effect for folders, whose owner decides who reads them.
        accept_licences: the caller has read the terms of all sources and answers for passing them on.
        tell: told of progress.

    Raises:
        LicencesError: the terms were not accepted, or forbid a public copy.
        RsvpError: the data set is not finished, not valid or only references its pictures; or the
            destination cannot be written. What arrived before stays.
    """
    target = parse_target(url)
    folder = Folder(out)
    sources = folder.sources()
    _hold_licences(terms_of(folder, sources), public=public, accepted=accept_licences)
    with locked(folder):
        hashes = Hashes(folder)
        check(folder, hashes)
        if isinstance(target, HubTarget):
            from rsvp_builder.publish.hub import Hub

            hub = Hub(target)
            write_croissant(folder, hashes, hub.page)
            return hub.push(contents(folder), hashes, public=public, tell=tell)
        from rsvp_builder.publish.copying import copy_to

        write_croissant(folder, hashes)
        return copy_to(target, contents(folder), hashes, tell=tell)


def _hold_licences(terms: Sequence[Terms], *, public: bool, accepted: bool) -> None:
    forbidden = [of.source for of in terms if of.passing_on is PassingOn.FORBIDDEN]
    if public and forbidden:
        raise LicencesError(
            f"{', '.join(forbidden)}: the terms say that the data must not be passed on, so no public copy "
            "is made. Push without --public, or build a data set without them",
            terms,
        )
    if not accepted:
        raise LicencesError(
            "nothing was sent: read the terms of each source, then add --accept-licences to say that you "
            "answer for passing the data on",
            terms,
        )
