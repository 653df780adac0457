"""Token for token what the reference gives."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from rsvp_eval.tokenizer import clean, ptb

BEHAVIOURS = json.loads((Path(__file__).parent / "behaviours.json").read_text(encoding="utf-8"))


def differences(captions, tokens):
    """Captions of which :func:`ptb` gives other tokens: (caption, the reference's, ours)."""
    ours = ptb(captions)
    assert len(ours) == len(tokens) == len(captions) > 0
    return [found for found in zip(captions, tokens, ours, strict=True) if found[1] != found[2]][:20]


def test_the_recorded_behaviours_are_the_references(reference):
    recorded = [pair for pairs in BEHAVIOURS.values() for pair in pairs]
    assert reference([caption for caption, _ in recorded]) == [tokens for _, tokens in recorded]


def test_captions_of_coco(reference, coco):
    captions = list(map(clean, coco[::30]))
    assert len(captions) > 20_000
    assert differences(captions, reference(captions)) == []


def test_odd_captions_of_coco(reference, coco):
    captions = [c for c in map(clean, coco) if any(x in c for x in "'\"()&/;:!0123456789") or not c.isascii()]
    assert len(captions) > 5_000
    assert differences(captions, reference(captions)) == []


def test_captions_of_remote_sensing_sets(reference, remote_sensing):
    captions = list(map(clean, remote_sensing))
    assert len(captions) > 10_000
    assert differences(captions, reference(captions)) == []


@pytest.mark.parametrize("seed", range(2))
def test_hard_strings(reference, hard_strings, seed):
    captions = hard_strings(seed, 12_000)
    assert differences(captions, reference(captions)) == []


def test_each_character_of_the_basic_plane(reference):
    breaks = "\n\r\v\f\x85\u2028\u2029"
    characters = [chr(c) for c in range(0x10000) if not 0xD800 <= c < 0xE000 and chr(c) not in breaks]
    captions = [f"{c} x{c}y 5{c}5 {c}{c}" for c in characters]
    assert differences(captions, reference(captions)) == []


def test_what_pycocoevalcap_returns(folder, program, coco):
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer

    if not os.access(folder / "tokenizer", os.W_OK):
        pytest.skip("the reference writes to its own folder, which is not allowed here")
    # An initial at the end is read otherwise according to the next caption.
    captions = [c for c in map(clean, coco[:4000]) if not c.rstrip(" .")[-2:-1].isspace()]
    assert len(captions) > 3_900
    found = PTBTokenizer().tokenize({i: [{"caption": c}] for i, c in enumerate(captions)})
    assert [found[i] for i in range(len(captions))] == [[tokens] for tokens in ptb(captions)]


@pytest.mark.slow
def test_all_captions_of_coco(reference, coco):
    captions = list(map(clean, coco))
    assert len(captions) == 616_767
    assert differences(captions, reference(captions)) == []


@pytest.mark.slow
def test_many_hard_strings(reference, hard_strings):
    captions = hard_strings(100, 400_000)
    assert differences(captions, reference(captions)) == []
