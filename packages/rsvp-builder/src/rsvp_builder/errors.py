"""What goes wrong, told to the person at the keyboard: one exception tree, one list of exit codes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of ``rsvp-build``; documented in the package README."""

    OK = 0
    USER_ERROR = 2
    QUARANTINED = 3
    INVALID_DATASET = 4
    UNBALANCED = 5
    BUDGET = 6
    INTERRUPTED = 130


class RsvpError(Exception):
    """A mistake the user can mend. The message names what was read, what was expected, what to do."""

    exit_code: ExitCode = ExitCode.USER_ERROR


class UnknownNameError(RsvpError):
    """A name that is not in a list; the message suggests the nearest and prints the list."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.known = sorted(known, key=str.lower)
        by_lower = {k.lower(): k for k in self.known}
        near = [by_lower[n] for n in difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)]
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        super().__init__(f"unknown {what} '{name}'.{hint} Known: {', '.join(self.known) or '(none)'}.")


class StrictError(RsvpError):
    """``--strict`` met the first input that cannot be used as it stands."""

    exit_code = ExitCode.QUARANTINED


class ReleaseChangedError(RsvpError):
    """A file of the release was another one when it was read than when it was indexed."""


class UnbalancedLedgerError(RsvpError):
    """Seen is not written plus dropped: a defect of this program, never of the data."""

    exit_code = ExitCode.UNBALANCED
