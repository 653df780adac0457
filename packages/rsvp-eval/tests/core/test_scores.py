"""Values of subsets come from sums of statistics."""

from __future__ import annotations

import numpy as np
import pytest

from rsvp_eval.scores import Scores, mean


def test_the_value_of_a_mean_is_the_mean_of_those_chosen():
    scores = Scores.of_means("ss", np.array([0.0, 0.5, 1.0]), "spec")
    assert scores.values() == {"ss": 0.5}
    assert scores.values(np.array([True, False, False])) == {"ss": 0.0}
    assert scores.values(np.array([2, 2, 1])) == {"ss": pytest.approx(2.5 / 3)}


def test_no_sample_has_no_value():
    scores = Scores.of_means("ss", np.zeros(0), "spec")
    assert np.isnan(scores.values()["ss"])


def test_means_of_many_resamplings_at_once():
    sums = np.array([[3.0, 1.0, 2.0], [9.0, 3.0, 3.0]])
    np.testing.assert_array_equal(mean(sums), [[1.5, 0.5], [3.0, 1.0]])
