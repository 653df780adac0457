"""Backoff, Retry-After, rate limits and pauses, against times reckoned by hand."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rsvp_builder.captioning.backoff import delay, retry_after
from rsvp_builder.captioning.limits import Bucket, Limits, span_s
from rsvp_builder.captioning.pace import Pace


@given(st.integers(1, 10_000), st.floats(0, 100), st.floats(0, 1000), st.integers())
def test_delay_is_bounded(attempt: int, first: float, longest: float, seed: int) -> None:
    wait = delay(attempt, first, longest, random.Random(seed))
    assert 0 <= wait <= longest
    assert wait <= first * 2.0 ** min(attempt - 1, 1000)


def test_delay_has_full_jitter_and_repeats_by_seed() -> None:
    waits = [delay(4, 1.0, 60.0, rng) for rng in [random.Random(3)] for _ in range(2000)]
    # Uniform in [0, 8]: mean 4, standard deviation 8 / sqrt(12).
    assert abs(statistics.mean(waits) - 4) < 0.2
    assert abs(statistics.stdev(waits) - 8 / 12**0.5) < 0.1
    again = random.Random(3)
    assert waits == [delay(4, 1.0, 60.0, again) for _ in range(2000)]


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "tomorrow"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_as_a_date() -> None:
    told = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    seconds = retry_after({"retry-after": told})
    assert seconds is not None
    assert 88 <= seconds <= 90


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1.0), ("20ms", 0.02), ("6m0s", 360.0), ("1h2m3.5s", 3723.5), ("1d", 86400.0), ("0s", 0.0),
        ("2m59.56s", 179.56), ("12", 12.0), ("0.5", 0.5), ("", None), ("soon", None), ("-1", 0.0),
        ("nan", None), ("5x", None),
    ],
)  # fmt: skip
def test_spans(text: str, seconds: float | None) -> None:
    assert span_s(text) == pytest.approx(seconds)


def test_a_time_since_1970_is_a_span_too() -> None:
    seconds = span_s(str(time.time() + 30))
    assert seconds is not None
    assert 28 < seconds <= 30


def told(limit: int, left: int, reset: str, kind: str = "requests") -> dict[str, str]:
    return {
        f"x-ratelimit-limit-{kind}": str(limit),
        f"x-ratelimit-remaining-{kind}": str(left),
        f"x-ratelimit-reset-{kind}": reset,
    }


def test_nothing_waits_without_limits() -> None:
    limits = Limits()
    for _ in range(1000):
        assert limits.wait(1e9, 0.0) == 0
        limits.take(1e9, 0.0)


def test_the_refill_follows_remaining_and_reset() -> None:
    limits = Limits()
    taken = limits.take(100, 0.0)
    # 10,000 a day: one request refills in 8.64 s. Nothing of this looks like a limit a minute.
    limits.follow(told(10_000, 0, "24h0m0s"), taken, 0.0)
    assert limits.wait(100, 0.0) == pytest.approx(8.64)
    assert limits.wait(100, 8.0) == pytest.approx(0.64)
    assert limits.wait(100, 8.64) == pytest.approx(0, abs=1e-9)


def test_what_was_taken_later_is_not_counted_as_left() -> None:
    limits = Limits()
    first = limits.take(10, 0.0)
    for _ in range(5):
        limits.take(10, 0.0)
    limits.follow(told(60, 3, "57s"), first, 0.0)
    # Three are left, but five went out after this one: two are missing, and one for the next.
    assert limits.wait(10, 0.0) == pytest.approx(3.0)


def test_the_last_answer_is_believed() -> None:
    limits = Limits()
    limits.follow(told(60, 3, "57s"), limits.take(10, 0.0), 0.0)
    for _ in range(3):
        last = limits.take(10, 0.0)
    assert limits.wait(10, 0.0) == pytest.approx(1.0)
    # Nothing was taken since, so what it tells is the truth, whoever else asked meanwhile.
    limits.follow(told(60, 30, "30s"), last, 0.0)
    assert limits.wait(10, 0.0) == 0
    assert limits.told["requests"].level == 30


def test_a_request_beyond_the_limit_waits_for_a_full_bucket_only() -> None:
    limits = Limits()
    taken = limits.take(1, 0.0)
    limits.follow(told(1000, 500, "30s", "tokens"), taken, 0.0)
    assert limits.wait(5000, 0.0) == pytest.approx(30)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-remaining-requests": "0"},
        told(0, 0, "1s"),
        {**told(5, 0, "1s"), "x-ratelimit-limit-requests": "many"},
        {**told(5, 0, "1s"), "x-ratelimit-remaining-requests": "nan"},
    ],
)
def test_headers_that_make_no_sense_are_left_alone(headers: dict[str, str]) -> None:
    limits = Limits()
    limits.follow(headers, limits.take(1, 0.0), 0.0)
    assert limits.wait(1, 0.0) == 0


def test_limits_of_the_user() -> None:
    limits = Limits.of_user(600, None, 0.0)
    sent = 0
    now = 0.0
    while now < 60:
        if limits.wait(1, now) <= 0:
            limits.take(1, now)
            sent += 1
        else:
            now += limits.wait(1, now)
    assert 600 <= sent <= 611


@given(
    st.floats(1, 1000),
    st.lists(st.tuples(st.floats(0, 5), st.floats(0.1, 50)), min_size=1, max_size=60),
)
def test_a_bucket_never_gives_more_than_it_holds(limit: float, steps: list[tuple[float, float]]) -> None:
    """Whatever is asked when: in any time at most the limit and the refill of that time."""
    bucket = Bucket(limit, limit, limit / 60, 0.0)
    now, total = 0.0, 0.0
    for pause, need in steps:
        now += pause
        wait = bucket.wait(need, now)
        now += wait
        bucket.refill(now)
        bucket.level -= need
        # A need above the limit is let in with a full bucket, which it overdraws.
        total += min(need, limit)
        if need > limit:
            bucket.level = 0.0
        assert total <= limit + now * limit / 60 + 1e-6 * (1 + total)


def run(work: Any) -> Any:
    return asyncio.run(work)


def make_pace(most: int = 4, **more: Any) -> Pace:
    given: dict[str, Any] = {"first_s": 0.05, "longest_s": 0.2, "rng": random.Random(1)}
    return Pace(most, Limits(), **(given | more))


def test_no_more_in_flight_than_allowed_and_in_order() -> None:
    async def work() -> None:
        pace = make_pace(3)
        entered: list[int] = []
        together: list[int] = []

        async def one(number: int) -> None:
            permit = await pace.enter(1)
            entered.append(number)
            together.append(pace.in_flight)
            await asyncio.sleep(0.001)
            pace.leave()
            pace.answered(permit, {})

        await asyncio.gather(*(one(number) for number in range(30)))
        assert entered == list(range(30))
        assert max(together) == 3
        assert pace.in_flight == 0

    run(work())


def test_a_refusal_pauses_everybody_and_a_probe_goes_first() -> None:
    async def work() -> None:
        pace = make_pace(4)
        permits = [await pace.enter(1) for _ in range(4)]
        began = time.monotonic()
        for permit in permits:  # they were in flight together: one strike, the longest wait counts
            pace.leave()
            pace.refused(
                permit, {"retry-after-ms": "80"} if permit is permits[1] else {"retry-after-ms": "10"}
            )
        assert pace.strikes == 1
        assert pace.paused_s > 0.05
        probe = await pace.enter(1)
        assert time.monotonic() - began >= 0.079
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await pace.enter(1)
        pace.leave()
        pace.answered(probe, {})
        assert pace.strikes == 0
        # Two at once now; it had been four.
        first, _ = await pace.enter(1), await pace.enter(1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await pace.enter(1)
        for _ in range(2):
            pace.leave()
        for _ in range(6):  # 2, 2.5, 2.9, 3.24, 3.55, 3.83, 4
            pace.answered(first, {})
        for _ in range(4):
            await asyncio.wait_for(pace.enter(1), 1)

    run(work())


def test_pauses_grow_until_an_answer() -> None:
    async def work() -> None:
        class Most(random.Random):
            def uniform(self, a: float, b: float) -> float:
                return b

        pace = make_pace(4, first_s=0.001, longest_s=0.01, rng=Most())
        pauses = []
        for _ in range(6):
            permit = await pace.enter(1)
            pace.leave()
            pauses.append(pace.refused(permit, {}))
        assert pauses == pytest.approx([0.001, 0.002, 0.004, 0.008, 0.01, 0.01])
        assert pace.strikes == 6
        permit = await pace.enter(1)
        pace.leave()
        pace.answered(permit, {})
        permit = await pace.enter(1)
        assert pace.refused(permit, {}) == pytest.approx(0.001)

    run(work())


def test_one_silent_request_pauses_nobody_three_do() -> None:
    async def work() -> None:
        pace = make_pace(4)
        permits = [await pace.enter(1) for _ in range(4)]
        pace.silent(permits[0])
        pace.silent(permits[1])
        assert (pace.strikes, pace.paused_s) == (0, 0.0)
        pace.silent(permits[2])
        assert pace.strikes == 1
        pace.silent(permits[3])
        assert pace.strikes == 1

    run(work())


def test_an_entry_that_is_given_up_takes_nothing() -> None:
    async def work() -> None:
        pace = make_pace(1)
        await pace.enter(1)
        waiting = asyncio.create_task(pace.enter(1))
        await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        pace.leave()
        await asyncio.wait_for(pace.enter(1), 1)
        assert pace.in_flight == 1

    run(work())
