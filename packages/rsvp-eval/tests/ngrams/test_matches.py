"""The kernel and the path in Python count alike, to the bit."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rsvp_eval.captions import Captions
from rsvp_eval.metrics.document_frequency import count_documents
from rsvp_eval.metrics.matches import match, matches
from rsvp_eval.native import kernels

PROPERTY = settings(deadline=None, derandomize=True, max_examples=100)
CAPTION = st.lists(st.sampled_from("abc"), max_size=12).map(" ".join)
SAMPLES = st.lists(st.tuples(CAPTION, st.lists(CAPTION, min_size=1, max_size=3)), max_size=8)

pytestmark = pytest.mark.skipif(
    kernels() is None, reason="the kernels were not built here (no compiler) or RSVP_EVAL_NATIVE=0 is set"
)


def assert_same(one, other):
    np.testing.assert_array_equal(one.correct, other.correct)
    np.testing.assert_array_equal(one.clipped, other.clipped)
    np.testing.assert_array_equal(one.plain, other.plain)


def both(captions, table=None):
    kernel = match(captions, table)
    assert_same(kernel, match(captions, table, native=False))
    return kernel


def test_generated_captions(generated, captions_of):
    found = both(captions_of(*generated))
    assert found.correct.any()
    assert found.clipped.any()


def test_captions_of_coco(coco, captions_of):
    both(captions_of(*coco))


@PROPERTY
@given(SAMPLES, SAMPLES)
def test_any_captions_and_any_table(samples, counted):
    captions, others = Captions(None), Captions(None)
    for prediction, references in samples:
        captions.add(prediction, references)
    for prediction, references in counted:
        others.add(prediction, references)
    both(captions)
    if counted:
        both(captions, count_documents(others))


def test_more_n_grams_than_the_first_table_of_the_kernel_holds(captions_of):
    """Its table starts with 65,536 places and doubles; numbers may not change while it grows."""
    rng = random.Random(1)
    texts = [" ".join(f"w{rng.randrange(30_000)}" for _ in range(20)) for _ in range(4000)]
    captions = captions_of(texts, [[text, texts[i - 1]] for i, text in enumerate(texts)])
    found = both(captions)
    np.testing.assert_array_equal(found.correct[:, 3], 17)


def test_very_long_captions(captions_of):
    rng = random.Random(2)
    long = " ".join(rng.choices("abcdefgh", k=40_000))
    both(captions_of([long, "a b c", "c"], [["a b", long[:9001]], [long], ["c d", "e"]]))


def test_a_table_without_a_word_of_the_captions(captions_of):
    both(captions_of(["a b"], [["a b c"]]), count_documents(captions_of(["x"], [["x y"]])))


def test_samples_taken_in_later_are_counted(captions_of):
    captions = captions_of(["a b"], [["a b"]])
    assert len(matches(captions).correct) == 1
    captions.add("c d", ["c"])
    assert matches(captions).correct.tolist() == [[2, 1, 0, 0], [1, 0, 0, 0]]
    assert matches(captions) is matches(captions)
    table = count_documents(captions)
    assert matches(captions, table) is matches(captions, table)


def test_the_kernel_can_be_switched_off():
    code = "from rsvp_eval.native import kernels; print(kernels())"
    environment = {**os.environ, "RSVP_EVAL_NATIVE": "0"}
    found = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert found.stdout == "None\n"
