"""Looks of the experiment on orders: put together, and found at equal distance."""

import numpy as np
import pytest

from iclbook import records
from iclbook.gpt.report.orders import as_far, pick, recorded_looks


def look(method, moved, rate=None, epochs=None, seed=0):
    return {"method": method, "rate": rate, "epochs": epochs, "seed": seed, "moved": moved}


IN_CONTEXT = [look("icl", 0.8), look("icl", 1.2, seed=1)]  # 0.75 of the way is 0.75


def descents(*moved, method="sgd-1"):
    """One rate each, with two draws that are alike."""
    return [
        look(method, m, rate=0.1 * (i + 1), epochs=1, seed=seed)
        for i, m in enumerate(moved)
        for seed in (0, 1)
    ]


@pytest.mark.parametrize(
    ("moved", "slower", "rate"),
    [
        ((0.2, 0.76, 0.9), 0, 0.2),  # the smallest that goes far enough
        ((0.76, 0.2, 0.9), 0, 0.1),
        ((0.2, 0.74, 0.5), 0, 0.2),  # none does: the farthest
        ((0.2, 0.76, 0.9), 1, 0.1),
        ((0.76, 0.2, 0.9), 1, 0.1),  # there is none below
    ],
)
def test_the_rate_that_goes_about_as_far(moved, slower, rate):
    looks = IN_CONTEXT + descents(*moved) + descents(2.0, 2.0, method="adam-1")
    found = as_far(looks, 1, slower=slower)
    np.testing.assert_allclose(found["rate"], [rate] * 2)
    assert list(found["seed"]) == [0, 1]
    assert as_far(looks, 1, method="adam-1")["moved"].tolist() == [2.0, 2.0]


def test_what_is_not_recorded_is_said():
    with pytest.raises(ValueError, match=r"'adam-1'.*there is icl None None, sgd-1 0\.1 1"):
        as_far(IN_CONTEXT + descents(1.0), 1, method="adam-1")


def test_looks_of_one_task_are_put_together():
    """Those of the book."""
    looks = recorded_looks(records.STORE)["mini", "mini-mr"]
    assert set(pick(looks, method="icl")["seed"]) == {0, 1, 2}
    assert np.shape(pick(looks, method="icl")["by_item"])[0] == 3
    assert not recorded_looks()
