"""What sending needs of the data set: bodies, made anew for each attempt, and the check of answers."""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rsvp_builder.captioning.again import ask_again
from rsvp_builder.captioning.draft import Asking, body
from rsvp_builder.captioning.drawing import DrawingSettings
from rsvp_builder.captioning.judge import judge
from rsvp_builder.captioning.outcome import Outcome, Usage
from rsvp_builder.captioning.request import ModelSettings
from rsvp_builder.captioning.shelf import Place, Shelf
from rsvp_builder.captioning.spec import PromptSpec, prompt_for
from rsvp_builder.captioning.store import Claimed
from rsvp_builder.errors import RsvpError


class Bodies:
    """Makes bodies from the data set: rows are read and drawn again by worker processes.

    Bodies are not kept: pictures of thousands of rows would fill the memory or the disk. Each is made as it
    was planned, whatever the options of this run are.

    Args:
        out: folder of the data set.
        pool: draws.
    """

    def __init__(self, out: Path, pool: Executor) -> None:
        self._out = out
        self._pool = pool

    async def body(self, claimed: Claimed) -> dict[str, Any]:
        """The body of a claimed request, with what was wrong with earlier answers.

        Raises:
            RsvpError: this row cannot be asked about, or is not what was planned.
            BrokenProcessPool: a worker died; that is no fault of the row.
        """
        future = self._pool.submit(body, self._out, place_of(claimed), asking_of(claimed), claimed.key)
        made = await asyncio.wrap_future(future)
        for earlier in claimed.history:
            answer = Outcome(None, {}, earlier.complaints, earlier.raw, Usage(), "", claimed.model)
            made = ask_again(made, answer)
        return made


class Judge:
    """Checks answers against the rows that they are about.

    Args:
        out: folder of the data set.
    """

    def __init__(self, out: Path) -> None:
        self._shelf = Shelf(out)

    def __call__(self, claimed: Claimed, response: dict[str, Any]) -> Outcome:
        """The verdict on the response to a claimed request.

        Raises:
            RsvpError: its row is not there any more, or was asked with a prompt that is not.
        """
        return judge(spec_of(claimed), self._shelf.row(place_of(claimed)), shown_of(claimed), response)


def asking_of(claimed: Claimed) -> Asking:
    """How a claimed request was planned to be asked.

    Raises:
        RsvpError: it was planned by another version, whose settings are not those of this one.
    """
    try:
        return Asking(
            model=ModelSettings(model=claimed.model, **claimed.parameters),
            drawing=DrawingSettings(**claimed.drawing["settings"]),
        )
    except (KeyError, TypeError, ValidationError) as error:
        raise RsvpError(
            f"row {claimed.row_id} was planned by another version of rsvp-builder: run `rsvp-build caption` "
            "again, which plans it anew"
        ) from error


def place_of(claimed: Claimed) -> Place:
    """Where a claimed row lies."""
    return Place(claimed.row_id, claimed.source, claimed.split, claimed.task, claimed.shard, claimed.row)


def shown_of(claimed: Claimed) -> list[int]:
    """Indices of the marks that carry a number in the pictures that were sent."""
    shown: list[int] = claimed.drawing["shown"]
    return shown


def spec_of(claimed: Claimed) -> PromptSpec:
    """The prompt that a row was asked with.

    Raises:
        RsvpError: it was of another version.
    """
    spec = prompt_for(claimed.task)
    if claimed.prompt_version != spec.version:
        raise RsvpError(
            f"row {claimed.row_id} was asked with prompt {claimed.prompt_version}, and this rsvp-builder has "
            f"{spec.version}: fetch its answer with the rsvp-builder that sent it"
        )
    return spec
