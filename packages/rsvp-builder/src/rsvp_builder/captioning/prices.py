"""What a model costs: from the shipped ``prices.toml``, a file of the user's, or told outright."""

from __future__ import annotations

import math
import re
import tomllib
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rsvp_builder.captioning.outcome import Usage
from rsvp_builder.captioning.tokens import UNKNOWN_RULE, ImageRule, PatchRule, TileRule
from rsvp_builder.errors import RsvpError, UnknownNameError

SHIPPED = "prices.toml"

MARGIN = 1.1
"""Worst cases take a tenth more input than estimated: endpoints add tokens of their own to a message, and
pictures above the cap were billed with up to 6 % more patches than the published rule gives."""

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")


class PriceError(RsvpError):
    """Prices that cannot be used; the message names the file or the option."""


class UnknownModelError(UnknownNameError):
    """A model without a price."""

    def __init__(self, model: str, known: list[str]) -> None:
        super().__init__("model", model, known)
        self.args = (
            f"{self.args[0]} Nothing is sent without a price: give --input-usd and --output-usd (US dollars"
            " per million tokens; 0 for an endpoint of your own), or a file of prices with --prices.",
        )


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ModelPrice(_Strict):
    """One model of a price file.

    Attributes:
        input: US dollars per million tokens of input.
        cached: of input from the endpoint's cache; None for the same as ``input``.
        output: of output.
        batch: share of these that the Batch API costs.
        image: how tokens of a picture are counted; None where that is not known.
    """

    input: float = Field(ge=0)
    cached: float | None = Field(None, ge=0)
    output: float = Field(ge=0)
    batch: float = Field(1.0, ge=0, le=1)
    image: ImageRule | None = None


class PriceFile(_Strict):
    """A price file.

    Attributes:
        checked: the day on which the figures were compared with their source.
        unverified: they were not compared with the seller's own page.
        source: where they come from.
        models: by the name that the endpoint uses.
    """

    checked: date
    unverified: bool = False
    source: str = ""
    models: dict[str, ModelPrice]


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs.

    Attributes:
        model: as asked for.
        input_usd: US dollars per million tokens of input.
        cached_usd: of input from the endpoint's cache.
        output_usd: of output.
        batch: share of these that the Batch API costs.
        image_rule: how tokens of a picture are counted.
        checked: when the figures were compared with their source; None where the user gave them.
        unverified: they were not compared with the seller's own page.
        origin: file or options that they come from.
    """

    model: str
    input_usd: float
    cached_usd: float
    output_usd: float
    batch: float
    image_rule: TileRule | PatchRule
    checked: date | None
    unverified: bool
    origin: str

    @property
    def free(self) -> bool:
        """Whether nothing costs anything."""
        return self.input_usd == self.cached_usd == self.output_usd == 0


def price_of(
    model: str,
    override: Path | None = None,
    input_usd: float | None = None,
    output_usd: float | None = None,
) -> Price:
    """The price of a model: as told, else from the user's file, else from the shipped one.

    Told prices keep the rule for pictures and the batch share where a file knows the model. Otherwise a
    batch is taken to cost as much as online, and pictures are counted from above.

    Args:
        model: as the endpoint calls it.
        override: a file of the form of ``prices.toml``.
        input_usd: US dollars per million tokens of input; with ``output_usd`` only.
        output_usd: of output.

    Raises:
        UnknownModelError: it is in no file and no price is told.
        PriceError: the file cannot be used, or a told price is none.
    """
    files = [(str(override), _read(override))] if override is not None else []
    files.append((f"rsvp-builder's {SHIPPED}", _shipped()))
    known = next(
        (
            (origin, file, file.models[name])
            for name in dict.fromkeys((model, _SNAPSHOT.sub("", model)))
            for origin, file in files
            if name in file.models
        ),
        None,
    )
    if input_usd is None and output_usd is None:
        if known is None:
            raise UnknownModelError(model, sorted({name for _, file in files for name in file.models}))
        origin, file, listed = known
        return Price(
            model=model,
            input_usd=listed.input,
            cached_usd=listed.input if listed.cached is None else listed.cached,
            output_usd=listed.output,
            batch=listed.batch,
            image_rule=listed.image or UNKNOWN_RULE,
            checked=file.checked,
            unverified=file.unverified,
            origin=origin,
        )
    told_input, told_output = _told("--input-usd", input_usd), _told("--output-usd", output_usd)
    return Price(
        model=model,
        input_usd=told_input,
        cached_usd=told_input,
        output_usd=told_output,
        batch=1.0 if known is None else known[2].batch,
        image_rule=UNKNOWN_RULE if known is None else known[2].image or UNKNOWN_RULE,
        checked=None,
        unverified=False,
        origin="--input-usd and --output-usd",
    )


def worst_usd(price: Price, input_tokens: int, max_tokens: int, batch: bool) -> float:
    """The most that one attempt may cost: nothing from the cache, and the longest answer.

    Args:
        price: of the model.
        input_tokens: estimated, pictures included.
        max_tokens: bound on the answer.
        batch: sent through the Batch API.
    """
    most = math.ceil(input_tokens * MARGIN) * price.input_usd + max_tokens * price.output_usd
    return most / 1e6 * (price.batch if batch else 1.0)


def cost(price: Price, usage: Usage, batch: bool) -> float:
    """What an answer cost, in US dollars.

    Input from the cache is counted in ``usage.input_tokens`` too, as the API does. Whether it is cheaper
    in a batch as well differs between models and is unverified: there it counts as fresh.
    """
    cached = 0 if batch else min(usage.cached_tokens, usage.input_tokens)
    amount = (
        (usage.input_tokens - cached) * price.input_usd
        + cached * price.cached_usd
        + usage.output_tokens * price.output_usd
    )
    return amount / 1e6 * (price.batch if batch else 1.0)


def _told(option: str, amount: float | None) -> float:
    if amount is None:
        raise PriceError(f"{option} is missing: --input-usd and --output-usd are given together")
    if not (math.isfinite(amount) and amount >= 0):
        raise PriceError(f"{option} is {amount}; expected US dollars per million tokens, 0 or more")
    return amount


def _shipped() -> PriceFile:
    return _parse(SHIPPED, resources.files(__package__).joinpath(SHIPPED).read_text(encoding="utf-8"))


def _read(path: Path) -> PriceFile:
    try:
        return _parse(str(path), path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PriceError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise PriceError(f"{path}: not valid TOML: {error}") from error


def _parse(name: str, text: str) -> PriceFile:
    try:
        return PriceFile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise PriceError(f"{name}: not valid TOML: {error}") from error
    except ValidationError as error:
        raise PriceError(
            "\n".join(_misfit(name, e["loc"], e["msg"], e["input"]) for e in error.errors())
        ) from error


def _misfit(name: str, location: tuple[int | str, ...], message: str, value: object) -> str:
    key = ".".join(str(part) for part in location) or "(top level)"
    shown = "" if isinstance(value, dict) else f" (read {value!r})"
    return f"{name}: {key}: {message}{shown}"
