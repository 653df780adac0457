"""Releases damaged in any way are built or refused, with reasons, and nothing else happens.

What must hold is written in ``hostile_trial``; ``make fuzz`` tries the same for as long as one likes.
"""

from __future__ import annotations

import os

import pytest
from hostile_damage import KINDS, Damage
from hostile_parsers import LABELS
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_builder.demo import WRITERS

FEW = int(os.environ.get("RSVP_HOSTILE_EXAMPLES", "5"))
"""Damaged releases of each source."""

SOURCES = sorted({source for source, _ in LABELS.values()} - {"DOTA-v1.0"} | {"UAVid"})
"""At least one of each grammar; the scenes of DOTA's are large, and tried by ``make test-slow``."""

DAMAGES = st.builds(Damage, st.sampled_from(KINDS), st.integers(0, 999), st.integers(0, 1 << 30))


def check(client, source, damages):
    answer = client.ask(source, damages)
    assert "failed" not in answer, f"{answer['failed']}\n{answer['trace']}"
    assert answer["told"].startswith(("built", "refused"))


@pytest.mark.parametrize("source", SOURCES)
def test_a_damaged_release_is_built_or_refused(source, client):
    @settings(max_examples=FEW)
    @given(st.lists(DAMAGES, min_size=1, max_size=2))
    def trial(damages):
        check(client, source, damages)

    trial()


@pytest.mark.slow
@pytest.mark.parametrize("source", sorted(WRITERS))
def test_a_damaged_release_of_any_source_is_built_or_refused(source, client):
    @settings(max_examples=40)
    @given(st.lists(DAMAGES, min_size=1, max_size=4))
    def trial(damages):
        check(client, source, damages)

    trial()


def test_the_trial_finds_what_it_looks_for(client):
    """A worker that dies, and a source that nobody has, are failures and not silence."""
    assert "failed" in client.ask("no such source", [Damage("flip", 0, 0)])
    assert "failed" not in client.ask("UCAS-AOD", [Damage("flip", 0, 0)])
