"""Self-contained pages: templates, what stands inside of them, and a file that is whole or absent."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from rsvp_builder.dataset.layout import written
from rsvp_builder.errors import RsvpError


def templates_of(package: str) -> Environment:
    """The templates of a package: everything is escaped, and what is not known is an error."""
    environment = Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["thousands"] = lambda value: f"{value:,}"
    return environment


def asset(package: str, name: str) -> Markup:
    """A style sheet or a script of a package, to stand inside its element as it is."""
    text = resources.files(package).joinpath("templates", name).read_text(encoding="utf-8")
    if "</" in text:
        raise ValueError(f"{name} must not contain '</': it would end the element that it is inlined in")
    return Markup(text)  # noqa: S704 - a file of ours


def source_hash(text: str) -> str:
    """What the content security policy knows an inline element by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def save_page(page: Path, pieces: Iterable[str]) -> int:
    """Write a page piece by piece under a temporary name, then rename it; the size in bytes.

    Raises:
        RsvpError: it cannot be written.
    """
    try:
        # Newlines as they are: the policy knows the script by the hash of its bytes.
        with (
            written(page) as temporary,
            temporary.open("w", encoding="utf-8", errors="replace", newline="") as file,
        ):
            file.writelines(pieces)
    except OSError as error:
        raise RsvpError(
            f"{page}: cannot be written ({error}). Give a file in a writable directory."
        ) from error
    return page.stat().st_size
