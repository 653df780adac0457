"""How many tokens a request will count, before it is sent.

Pictures follow the rules that OpenAI publishes in its guide on images ("Calculating costs"), with the
numbers of each model in ``prices.toml``. Text is estimated from above without a tokenizer: vocabularies
are not installed with the toolkit, and ``tiktoken`` fetches its own from the net.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class TileRule(BaseModel):
    """A fixed number of tokens for a picture, and more for each tile that covers it.

    With high detail it is shrunk, never enlarged, to fit into a square, then until its shorter side is
    no longer than ``short``; tiles are counted on what is left. With low detail only ``base`` counts.

    Attributes:
        kind: tells this rule from the others.
        base: tokens of any picture.
        tile: tokens of one tile.
        fit: side of the square, in pixels.
        short: longest that the shorter side may be, in pixels.
        size: side of a tile, in pixels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["tile"] = "tile"
    base: int = Field(ge=0)
    tile: int = Field(ge=0)
    fit: int = Field(2048, ge=1)
    short: int = Field(768, ge=1)
    size: int = Field(512, ge=1)


class PatchRule(BaseModel):
    """A number of tokens for each patch that covers a picture; detail makes no difference.

    A picture of more than ``most`` patches is shrunk until one of its sides is a whole number of patches
    and all of them are no more than ``most``.

    Attributes:
        kind: tells this rule from the others.
        size: side of a patch, in pixels.
        most: most patches of a picture; None where there is no bound.
        factor: tokens of a patch.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["patch"] = "patch"
    size: int = Field(32, ge=1)
    most: int | None = Field(1536, ge=1)
    factor: float = Field(1.0, gt=0, allow_inf_nan=False)


ImageRule = Annotated[TileRule | PatchRule, Field(discriminator="kind")]

UNKNOWN_RULE = PatchRule(size=14, most=None)
"""For a model whose rule is not known: a token for each patch of a ViT with patches of 14 pixels, merged
and bounded by nothing. Open models that merge patches (Qwen2-VL: 28 pixels) count a quarter of it."""

_PIECE = re.compile(r"[A-Za-z]+|[0-9]+|\s+|[^\sA-Za-z0-9]")


def image_tokens(width: int, height: int, detail: str, rule: TileRule | PatchRule) -> int:
    """Tokens of one picture.

    Args:
        width: in pixels.
        height: in pixels.
        detail: ``low``, ``high`` or ``auto``, which is counted as ``high``.
        rule: of the model.

    Raises:
        ValueError: the picture has no pixels.
    """
    if width < 1 or height < 1:
        raise ValueError(f"a picture of {width} x {height} pixels")
    if isinstance(rule, PatchRule):
        # Decimal factors such as 1.62 are not exact: 100 * 1.62 must not count as 163.
        return math.ceil(round(_patches(width, height, rule) * rule.factor, 6))
    if detail == "low":
        return rule.base
    return rule.base + rule.tile * _tiles(width, height, rule)


def _tiles(width: int, height: int, rule: TileRule) -> int:
    longer = max(width, height)
    if longer > rule.fit:
        width, height = _scaled(width, rule.fit, longer), _scaled(height, rule.fit, longer)
    shorter = min(width, height)
    if shorter > rule.short:
        width, height = _scaled(width, rule.short, shorter), _scaled(height, rule.short, shorter)
    return -(-width // rule.size) * -(-height // rule.size)


def _scaled(side: int, to: int, of: int) -> int:
    """``side * to / of`` to the nearest pixel, at least one.

    The guide does not say how sides are rounded. To the nearest agrees with two pictures that users had
    billed for gpt-4.1 (2049 x 513: eight tiles, 2050 x 513: four), up or down agrees with one of them.
    """
    return max(1, (2 * side * to + of) // (2 * of))


def _patches(width: int, height: int, rule: PatchRule) -> int:
    size, most = rule.size, rule.most
    count = -(-width // size) * -(-height // size)
    if most is None or count <= most:
        return count
    shrink = math.sqrt(size * size * most / (width * height))
    columns, rows = width * shrink / size, height * shrink / size
    # Both sides shrink once more, by the factor that makes one of them whole; the other is covered.
    if math.floor(columns) / columns <= math.floor(rows) / rows:
        whole = max(1, math.floor(columns))
        return min(most, whole * -(-height * whole // width))
    whole = max(1, math.floor(rows))
    return min(most, whole * -(-width * whole // height))


def text_tokens(text: str) -> int:
    """Tokens of a text, estimated from above.

    Words count a token for every three letters begun, numbers one for every three digits, each sign one,
    each run of white space one unless it is the single blank in front of a word, and what is not ASCII one
    for each byte. English prose, JSON and code come out at 1.1 to 1.9 times of what OpenAI's vocabularies
    (cl100k_base, o200k_base) make; strings of letters that are no words may come out below.
    """
    tokens = 0
    for match in _PIECE.finditer(text):
        piece = match[0]
        if piece.isascii() and piece.isalnum():
            tokens += -(-len(piece) // 3)
        elif piece.isspace():
            following = text[match.end() : match.end() + 1]
            tokens += 0 if piece == " " and following and not following.isdigit() else 1
        else:
            tokens += len(piece.encode(errors="surrogatepass"))
    return tokens
