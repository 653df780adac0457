"""Tables of a manifest from class tokens to colours or numbers of a map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, TypeVar

from pydantic import Field

from rsvp_builder.images.label_map import IGNORE, LabelCoding
from rsvp_builder.manifest import Manifest, ManifestError

_Channel = Annotated[int, Field(ge=0, le=255)]
Colour = tuple[_Channel, _Channel, _Channel]
Value = Annotated[int, Field(ge=0, le=65535)]

_Key = TypeVar("_Key", int, tuple[int, int, int])


def tokens_by_colour(manifest: Manifest, colours: Mapping[str, Colour]) -> dict[Colour, str]:
    """Class token of each colour, tokens that the manifest ignores among them.

    Raises:
        ManifestError: a token is no class, or a colour means two.
    """
    return _turned(manifest, "colours", ((token, colour) for token, colour in colours.items()))


def coding_of(
    manifest: Manifest,
    *,
    colours: Mapping[str, Colour] | None,
    values: Mapping[str, list[Value]] | None,
    threshold: int | None,
    band: int,
) -> LabelCoding:
    """The coding that a manifest's tables mean, with class numbers for tokens.

    Args:
        manifest: the source.
        colours: raw class token -> its colour, or None.
        values: raw class token -> the numbers that mean it, or None.
        threshold: see :class:`rsvp_builder.images.label_map.LabelCoding`.
        band: the same.

    Raises:
        ManifestError: the tables do not fit each other.
    """
    numbers = {token: number for number, token in enumerate(manifest.classes)}
    numbers |= dict.fromkeys(manifest.ignore, IGNORE)
    try:
        if colours is not None:
            by_colour = tokens_by_colour(manifest, colours)
            table = {colour: numbers[token] for colour, token in by_colour.items()}
            return LabelCoding(colours=table, threshold=threshold)
        pairs = ((token, value) for token, of_token in (values or {}).items() for value in of_token)
        by_value = _turned(manifest, "values", pairs)
        return LabelCoding(values={v: numbers[token] for v, token in by_value.items()}, band=band)
    except ValueError as error:
        raise ManifestError(f"manifest {manifest.name}: layout: {error}") from error


def _turned(manifest: Manifest, key: str, pairs: Iterable[tuple[str, _Key]]) -> dict[_Key, str]:
    table: dict[_Key, str] = {}
    for token, code in pairs:
        if token not in manifest.classes and token not in manifest.ignore:
            expected = f"one of {', '.join([*manifest.classes, *manifest.ignore])}"
            raise ManifestError(
                f"manifest {manifest.name}: layout.{key}: {token!r} is no class, expected {expected}"
            )
        if table.setdefault(code, token) != token:
            raise ManifestError(
                f"manifest {manifest.name}: layout.{key}: {code} means {table[code]!r} and {token!r}"
            )
    return table
