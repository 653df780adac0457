"""What this installation can compute, and where each resource was found."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rsvp_eval.errors import EvalError


@dataclass(frozen=True)
class Finding:
    """One resource.

    Attributes:
        what: its name.
        ok: whether it is there and of use.
        where: where it was found, or what to do to have it.
        needed_for: what does not work, or is slow, without it.
    """

    what: str
    ok: bool
    where: str
    needed_for: str


def examine() -> list[Finding]:
    """Look for everything that scores depend on; nothing is downloaded or built."""
    return [*_base(), *_meteor(), *_ss(), *_spice()]


def _base() -> Iterator[Finding]:
    from rsvp_eval.metrics.meteor.resources import cache_folder
    from rsvp_eval.native import kernels

    yield Finding("Python", True, platform.python_version(), "everything")
    if os.environ.get("RSVP_EVAL_NATIVE") == "0":
        where = "switched off by RSVP_EVAL_NATIVE=0; the same values come slower"
    else:
        where = "not built (was there a C++ compiler?); the same values come slower"
    library = kernels()
    yield Finding(
        "compiled kernels",
        library is not None,
        str(getattr(library, "_name", "")) if library is not None else where,
        "speed of BLEU, CIDEr and METEOR",
    )
    folder = cache_folder()
    yield Finding(
        "cache folder", _writable(folder), f"{folder} (RSVP_EVAL_CACHE)", "METEOR's index, SPICE's parses"
    )


def _writable(folder: Path) -> bool:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return os.access(folder, os.W_OK)


def _meteor() -> Iterator[Finding]:
    from rsvp_eval.metrics.meteor.resources import locate

    try:
        found = locate()
    except EvalError as error:
        yield Finding("METEOR's data", False, str(error), "METEOR")
        return
    yield Finding("METEOR's data", True, f"{found.jar}, {found.table} (by {found.source})", "METEOR")


def _ss() -> Iterator[Finding]:
    from rsvp_eval.metrics.ss.weights import NAME, find, missing

    reason = missing()
    if reason is not None:
        yield Finding(NAME, False, reason, "SS")
        return
    try:
        found = find()
        yield Finding(NAME, True, f"{found.folder} (by {found.source}), sha256 {found.sha256()[:8]}", "SS")
    except EvalError as error:
        yield Finding(NAME, False, str(error), "SS")


def _spice() -> Iterator[Finding]:
    from rsvp_eval.metrics.spice.home import locate

    yield _java()
    try:
        found = locate()
    except EvalError as error:
        yield Finding("SPICE and CoreNLP", False, str(error), "SPICE")
        return
    yield Finding("SPICE and CoreNLP", True, f"{found.spice}, {found.models}", "SPICE")


def _java() -> Finding:
    path = shutil.which("java")
    if path is None:
        return Finding("Java", False, "not on the path; a JDK of version 11 or newer", "SPICE only")
    try:
        said = subprocess.run([path, "-version"], capture_output=True, text=True, timeout=20, check=False)
        version = said.stderr.strip().split("\n", 1)[0]
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding("Java", False, f"{path} does not run: {error}", "SPICE only")
    return Finding("Java", True, f"{path}: {version}", "SPICE only")
