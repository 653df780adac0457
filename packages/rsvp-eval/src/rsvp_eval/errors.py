"""What goes wrong, told to the person at the keyboard: one exception tree, one list of exit codes."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of ``rsvp-eval``; documented in the package README."""

    OK = 0
    BAD_INPUT = 1
    USAGE = 2
    UNAVAILABLE = 3
    INTERRUPTED = 130


class EvalError(Exception):
    """A mistake the user can mend. The message names file and line, what was read and what was expected."""

    exit_code: ExitCode = ExitCode.BAD_INPUT


class UsageError(EvalError):
    """An option or a combination of options that makes no sense."""

    exit_code = ExitCode.USAGE


class UnknownNameError(UsageError):
    """A name that is not in a list; the message suggests the nearest and prints the list."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        self.name = name
        self.known = sorted(known, key=str.lower)
        near = difflib.get_close_matches(name.lower(), [k.lower() for k in self.known], n=3, cutoff=0.5)
        hint = f" Did you mean {' or '.join(k for k in self.known if k.lower() in near)}?" if near else ""
        super().__init__(f"unknown {what} '{name}'.{hint} Known: {', '.join(self.known) or '(none)'}.")


class UnavailableError(EvalError):
    """A metric whose resources are not there. It is reported as missing, never approximated."""

    exit_code = ExitCode.UNAVAILABLE
