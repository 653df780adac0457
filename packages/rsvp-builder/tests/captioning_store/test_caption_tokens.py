"""Tokens of pictures and texts against figures worked out by hand or published."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.captioning.prices import price_of
from rsvp_builder.captioning.tokens import UNKNOWN_RULE, PatchRule, TileRule, image_tokens, text_tokens

TILES = TileRule(base=85, tile=170)
PATCHES = PatchRule()
SIDES = st.integers(1, 20_000)


@pytest.mark.parametrize(
    ("width", "height", "detail", "tokens"),
    [
        # The three examples of the guide.
        (1024, 1024, "high", 765),  # 768 x 768: four tiles
        (2048, 4096, "high", 1105),  # 1024 x 2048, 768 x 1536: six tiles
        (4096, 8192, "low", 85),
        # By hand.
        (512, 512, "high", 255),
        (513, 512, "high", 425),
        (1, 1, "high", 255),
        (1536, 768, "high", 85 + 170 * 6),  # neither limit is passed: three columns, two rows
        (1537, 769, "high", 85 + 170 * 6),  # shrinks to 1535 x 768
        (8000, 100, "high", 85 + 170 * 4),  # 2048 x 26
        (1024, 1024, "auto", 765),
        # Small pictures are not enlarged: billed to users, less 12 tokens of text (128 x 64).
        (128, 64, "high", 267 - 12),
        # Billed to users for gpt-4.1, less 8 tokens of text: the side of 513 becomes 513, and 512.
        (2049, 513, "high", 1453 - 8),
        (2050, 513, "high", 773 - 8),
    ],
)
def test_tiles(width, height, detail, tokens):
    assert image_tokens(width, height, detail, TILES) == tokens
    assert image_tokens(height, width, detail, TILES) == tokens


@pytest.mark.parametrize(
    ("width", "height", "patches"),
    [
        (1024, 1024, 1024),  # the guide
        (1800, 2400, 1452),  # the guide: 33 x 44
        (1600, 1600, 1521),  # 39 x 39, billed
        (2048, 768, 1536),  # at the bound
        (4000, 1474, 1449),  # 63 x 23, as the calculator of the price list had it (2,348 at 1.62)
        (32, 32, 1),
        (33, 32, 2),
        (1, 1, 1),
    ],
)
def test_patches(width, height, patches):
    assert image_tokens(width, height, "high", PATCHES) == patches
    assert image_tokens(height, width, "high", PATCHES) == patches
    assert image_tokens(width, height, "low", PATCHES) == patches


def test_patches_cost_the_models_factor():
    assert image_tokens(1024, 1024, "high", PatchRule(factor=1.62)) == 1659  # 1658.88
    assert image_tokens(1800, 2400, "high", PatchRule(factor=1.62)) == 2353  # 2352.24
    assert image_tokens(320, 320, "high", PatchRule(factor=1.62)) == 162  # 100 patches, exactly


@pytest.mark.parametrize(
    ("model", "detail", "tokens"),
    [
        ("gpt-4-vision-preview", "high", 765),
        ("gpt-4o-2024-08-06", "high", 765),
        ("gpt-4o-mini", "low", 2833),
        ("gpt-4o-mini", "high", 2833 + 4 * 5667),
        ("gpt-4.1-nano", "high", 2520),  # 1024 * 2.46 = 2519.04
        ("o4-mini", "low", 1762),  # 1024 * 1.72 = 1761.28
    ],
)
def test_shipped_rules(model, detail, tokens):
    assert image_tokens(1024, 1024, detail, price_of(model).image_rule) == tokens


@given(SIDES, SIDES)
def test_no_picture_is_beyond_the_bounds(width, height):
    # 2048 x 768 pixels are four by two tiles.
    assert 85 + 170 <= image_tokens(width, height, "high", TILES) <= 85 + 170 * 8
    assert 1 <= image_tokens(width, height, "high", PATCHES) <= 1536
    assert image_tokens(width, height, "high", UNKNOWN_RULE) == -(-width // 14) * -(-height // 14)


@given(st.integers(1, 2048), st.integers(1, 768))
def test_pictures_that_fit_are_covered_as_they_are(width, height):
    assert image_tokens(width, height, "high", TILES) == 85 + 170 * -(-width // 512) * -(-height // 512)
    assert image_tokens(width, height, "high", PATCHES) == -(-width // 32) * -(-height // 32)


def test_a_picture_without_pixels_is_refused():
    with pytest.raises(ValueError, match="0 x 5"):
        image_tokens(0, 5, "high", TILES)


# Counted on 2026-11-24 with bpe-openai 0.1.4: cl100k_base, o200k_base.
COUNTED = [
    (
        "Describe how the regions relate to each other: where they lie, how they are arranged, and what they"
        " have in common.",
        (25, 25),
    ),
    (
        '{"regions": [{"region": 1, "class": "ground-track-field"}, {"region": 2, "class": "storage-tank"}]}',
        (31, 32),
    ),
    (
        "- <Region 3>: ship, 124.5 x 18.2 m, centre at 41.7 % from the left and 8.03 % from the top; nearest:"
        " <Region 12>, 310 m to the right",
        (52, 52),
    ),
    ("Drei Flugzeuge stehen nördlich der Halle; 40 m² groß, 12° gedreht.", (28, 24)),
    ("图像中有三架飞机停在跑道旁边。", (20, 14)),
]


@pytest.mark.parametrize(("text", "counted"), COUNTED)
def test_text_is_estimated_from_above_and_not_wildly(text, counted):
    assert max(counted) <= text_tokens(text) <= 2.5 * max(counted) + 5


@given(st.text(), st.text())
def test_text_counts_add_up(a, b):
    assert text_tokens("") == 0
    assert text_tokens(a + "\n" + b) <= text_tokens(a) + text_tokens(b) + 2
    assert text_tokens(a + b) >= max(text_tokens(a), text_tokens(b)) - 1
