"""Intervals: t over seeds, bootstrap over the items of one demonstration set."""

import numpy as np
import pytest

from iclbook.gpt.metrics import bootstrap, seed_interval


def test_the_interval_over_seeds_is_students():
    mean, low, high = seed_interval(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    half = 2.7764451 * np.sqrt(2.5) / np.sqrt(5)  # t quantile for 4 degrees of freedom
    assert (mean, low, high) == pytest.approx((3, 3 - half, 3 + half))


def test_one_seed_has_no_interval():
    assert seed_interval(np.array([0.7])) == (0.7, None, None)


def test_the_bootstrap_finds_the_standard_error_of_a_mean():
    values = (np.arange(400) < 280).astype(float)
    low, high = bootstrap(values, np.random.default_rng(0))
    half = 1.96 * np.sqrt(0.7 * 0.3 / 400)
    assert (low, high) == pytest.approx((0.7 - half, 0.7 + half), abs=0.005)
    assert (low, high) == bootstrap(values, np.random.default_rng(0))


def test_a_mean_over_a_random_subset():
    """40 of 400 items are in the denominator: the interval is that of 40 items."""
    values, among = (np.arange(400) % 2).astype(float), (np.arange(400) < 40).astype(float)
    low, high = bootstrap(values, np.random.default_rng(0), among=among)
    half = 1.96 * np.sqrt(0.25 / 40)
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.02)
    # A single item: most draws without it are left out, the others have its value.
    one = (np.arange(400) == 1).astype(float)
    assert bootstrap(values, np.random.default_rng(0), among=one) == (1, 1)


def test_bad_input_is_refused(plain_python):
    with pytest.raises(ValueError, match="not finite"):
        seed_interval(np.array([1.0, np.nan]))
    with pytest.raises(ValueError, match="not all zero"):
        bootstrap(np.ones(3), np.random.default_rng(0), among=np.zeros(3))
