"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from rsvp_eval.errors import EvalError


@contextmanager
def atomic(path: Path) -> Iterator[TextIO]:
    """A text file (UTF-8, line feeds) that takes its name when it is complete; an older one stays until then.

    Raises:
        EvalError: if it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8", newline="\n") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise EvalError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole file at once, see :func:`atomic`."""
    with atomic(path) as file:
        file.write(text)


def remove(path: Path) -> None:
    """Remove a file if it is there.

    Raises:
        EvalError: if it cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise EvalError(f"{path}: cannot be replaced: {error.strerror or error}") from error
