"""Prices: shipped, overridden, told; what a request costs."""

from datetime import date

import pytest

from rsvp_builder.captioning.outcome import Usage
from rsvp_builder.captioning.prices import (
    MARGIN,
    PriceError,
    UnknownModelError,
    _shipped,
    cost,
    price_of,
    worst_usd,
)
from rsvp_builder.captioning.tokens import UNKNOWN_RULE, PatchRule, TileRule

MINE = """
checked = 2026-10-01
source = "our invoice"
[models."gpt-4o"]
input = 2.0
output = 8.0
[models."ours/vl-7b"]
input = 0.1
cached = 0.05
output = 0.2
batch = 0.25
image = { kind = "patch", size = 28, most = 16384 }
"""


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    return path


def test_the_shipped_file_is_dated_and_says_that_it_is_unverified():
    shipped = _shipped()
    assert shipped.unverified
    assert date(2026, 1, 1) < shipped.checked
    assert {"gpt-4-vision-preview", "gpt-4o", "gpt-4o-mini", "gpt-4.1", "o4-mini"} <= set(shipped.models)
    for name, model in shipped.models.items():
        assert model.image is not None, name
        assert 0 < model.input < model.output, name
        assert model.cached is None or model.cached < model.input, name
    price = price_of("gpt-4o")
    assert (price.unverified, price.checked) == (True, shipped.checked)


def test_snapshots_cost_what_their_model_costs_unless_listed():
    assert price_of("gpt-4o-2024-11-20").input_usd == price_of("gpt-4o").input_usd == 2.5
    assert price_of("gpt-4o-2024-05-13").input_usd == 5.0
    assert price_of("gpt-4.1-mini-2025-04-14").image_rule == PatchRule(factor=1.62)


def test_an_unknown_model_is_told_what_to_do():
    with pytest.raises(UnknownModelError) as told:
        price_of("gpt-4o-mni")
    for part in ("unknown model 'gpt-4o-mni'", "Did you mean gpt-4o-mini", "--input-usd", "--prices"):
        assert part in str(told.value)


def test_the_users_file_comes_first_and_the_shipped_one_behind(mine):
    price = price_of("gpt-4o", mine)
    assert (price.input_usd, price.cached_usd, price.output_usd, price.batch) == (2.0, 2.0, 8.0, 1.0)
    assert (price.checked, price.unverified, price.origin) == (date(2026, 10, 1), False, str(mine))
    ours = price_of("ours/vl-7b", mine)
    assert (ours.cached_usd, ours.batch) == (0.05, 0.25)
    assert ours.image_rule == PatchRule(size=28, most=16384)
    assert price_of("gpt-4.1", mine).unverified
    with pytest.raises(UnknownModelError, match="Did you mean ours/vl-7b"):
        price_of("ours/vl-8b", mine)


def test_told_prices_win(mine):
    price = price_of("ours/vl-7b", mine, input_usd=1.0, output_usd=3.0)
    assert (price.input_usd, price.cached_usd, price.output_usd, price.batch) == (1.0, 1.0, 3.0, 0.25)
    assert price.image_rule == PatchRule(size=28, most=16384)
    assert price_of("gpt-4o", None, 1.0, 3.0).image_rule == TileRule(base=85, tile=170)
    unknown = price_of("Qwen/Qwen3-VL", None, 0.0, 0.0)
    assert unknown.free
    assert (unknown.batch, unknown.image_rule) == (1.0, UNKNOWN_RULE)
    assert not price.free


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ((1.0, None), "--output-usd is missing"),
        ((None, 1.0), "--input-usd is missing"),
        ((-1.0, 1.0), "--input-usd is -1.0"),
        ((1.0, float("nan")), "--output-usd is nan"),
    ],
)
def test_told_prices_that_are_none(told, message):
    with pytest.raises(PriceError, match=message):
        price_of("gpt-4o", None, *told)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("checked = ", "not valid TOML"),
        ("[models]", "checked: Field required"),
        ("checked = 2026-01-01\n[models.a]\ninput = 1\noutput = 2\nbach = 1", "models.a.bach: Extra inputs"),
        ("checked = 2026-01-01\n[models.a]\ninput = -1\noutput = 2", r"models.a.input: .*\(read -1\)"),
        ("checked = 2026-01-01\n[models.a]\ninput = inf\noutput = 2", "models.a.input: .*finite"),
        (
            'checked = 2026-01-01\n[models.a]\ninput = 1\noutput = 2\nimage = { kind = "tiles" }',
            "models.a.image: .*'tile', 'patch'",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_told_where(tmp_path, text, message):
    path = tmp_path / "p.toml"
    path.write_text(text)
    with pytest.raises(PriceError, match=message) as told:
        price_of("gpt-4o", path)
    assert str(path) in str(told.value)


def test_a_missing_or_binary_file_is_told(tmp_path):
    with pytest.raises(PriceError, match="cannot be read"):
        price_of("gpt-4o", tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PriceError, match="not valid TOML"):
        price_of("gpt-4o", tmp_path / "b.toml")


def test_cost_of_an_answer():
    price = price_of("gpt-4o")
    # 600 fresh at 2.50, 400 cached at 1.25, 200 out at 10.00, a million.
    assert cost(price, Usage(1000, 200, 400), batch=False) == pytest.approx(0.0015 + 0.0005 + 0.002)
    # In a batch: all fresh, at half the price.
    assert cost(price, Usage(1000, 200, 400), batch=True) == pytest.approx((0.0025 + 0.002) / 2)
    assert cost(price, Usage(10, 0, 500), batch=False) == pytest.approx(10 * 1.25e-6)
    assert cost(price_of("x", None, 0, 0), Usage(1000, 200, 0), batch=False) == 0


def test_worst_case_is_more_than_any_answer_within_the_estimate():
    price = price_of("gpt-4o")
    assert MARGIN >= 1536 / 1449
    worst = worst_usd(price, 1000, 512, batch=False)
    assert worst == pytest.approx((1100 * 2.5 + 512 * 10) / 1e6)
    assert worst_usd(price, 1000, 512, batch=True) == pytest.approx(worst / 2)
    assert worst > cost(price, Usage(1000, 512, 0), batch=False)
