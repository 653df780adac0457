"""The ``[layout]`` table of a manifest, in the form of its reader kind."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from rsvp_builder.manifest import Manifest, ManifestError

_Layout = TypeVar("_Layout", bound=BaseModel)


def layout_of(manifest: Manifest, form: type[_Layout]) -> _Layout:
    """The layout of a manifest.

    Raises:
        ManifestError: the table does not fit the form; the message names the key, and what was read.
    """
    try:
        return form.model_validate(manifest.layout)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(["layout", *(str(part) for part in first["loc"])])
        shown = "" if isinstance(first["input"], dict) else f" (read {first['input']!r})"
        raise ManifestError(f"manifest {manifest.name}: {key}: {first['msg']}{shown}") from error
