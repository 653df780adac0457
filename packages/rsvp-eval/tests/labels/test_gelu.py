"""GELU is exact to float32."""

from __future__ import annotations

import math

import numpy as np

from rsvp_eval.metrics.ss.gelu import gelu


def exact(x):
    return np.array([0.5 * v * math.erfc(-v / math.sqrt(2)) for v in x.astype(np.float64)])


def test_equals_the_definition_to_float32():
    x = np.concatenate([np.linspace(-12, 12, 100_003), [0.0, -0.0, 1e-30, -1e-30]]).astype(np.float32)
    y = x.copy()
    gelu(y)
    assert (np.abs(y - exact(x)) <= 3e-7 * np.maximum(1, np.abs(x))).all()


def test_large_numbers_stay_or_vanish():
    x = np.array([-1e30, -40.0, 40.0, 1e30], dtype=np.float32)
    gelu(x)
    np.testing.assert_allclose(x[2:], [40.0, 1e30], rtol=1e-6)
    assert abs(x[1]) < 1e-5
    assert np.isfinite(x).all()


def test_any_shape_in_place():
    x = np.random.default_rng(0).normal(size=(3, 17, 1111)).astype(np.float32)
    y = x.copy()
    gelu(y)
    np.testing.assert_allclose(y.ravel(), exact(x.ravel()), atol=2e-6)
