"""The recorded experiment of in-context updates beside those of finetuning, on a small scale."""

import numpy as np
import pytest

from iclbook.gpt.study.updates import Updates, pairs_of
from iclbook.gpt.text.tasks import MINI

SMALL = dict(tasks=("mini-sst2", "mini-subj"), seeds=(0, 1), k=3, questions=1, lr=0.3)


@pytest.fixture(scope="module")
def results():
    found = Updates(**SMALL).run().deterministic
    return {name: np.array(entry["value"]) for name, entry in found.items()}


def test_every_pair_of_sets_is_compared(results):
    assert results["cosines"].shape == results["without_means"].shape == (2, 2, 2, 2)
    assert results["noise"].shape == (2, 2)
    assert (abs(results["cosines"]) <= 1).all()
    assert results["cosines"].std() > 1e-3
    assert results["entries"] == 32 * 32
    assert results["k_used"].tolist() == [[3, 3], [3, 3]]


def test_updates_of_one_kind_are_alike_and_equal_to_themselves(results):
    for name in ("in_context_alike", "finetuned_alike"):
        alike, pairs = results[name], pairs_of((2, 2))
        np.testing.assert_allclose(alike[pairs["same"]], 1, atol=1e-4)
        assert alike[pairs["task"]].mean() > alike[pairs["other"]].mean()


def test_levels_by_layer_are_those_of_the_pairs(results):
    by_layer, pairs = results["by_layer"].item(), pairs_of((2, 2))
    for kind, chosen in pairs.items():
        assert len(by_layer[kind]) == 3
        np.testing.assert_allclose(
            np.mean(by_layer[kind]), results["cosines"][chosen].mean(), atol=2e-4
        )


def test_wrong_labels_change_what_is_trained_on_and_not_what_is_in_context(results):
    wrong = Updates(**SMALL, labels="wrong").run().deterministic
    np.testing.assert_array_equal(wrong["in_context_alike"]["value"], results["in_context_alike"])
    assert abs(np.array(wrong["cosines"]["value"]) - results["cosines"]).max() > 1e-3


def test_without_other_words_it_is_the_six_bundled_tasks():
    assert Updates().tasks == tuple(MINI)


def test_pairs_are_of_one_set_of_one_task_or_of_two():
    pairs = pairs_of((3, 2))
    assert {name: int(chosen.sum()) for name, chosen in pairs.items()} == {
        "same": 6,
        "task": 6,
        "other": 24,
    }
    assert (sum(chosen.astype(int) for chosen in pairs.values()) == 1).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(tasks=("mini-sst2",)), r"expected two or more different tasks"),
        (dict(tasks=("mini-sst2", "mini-sst2")), r"expected two or more different tasks"),
        (dict(seeds=()), r"one or more seeds"),
        (dict(labels="none"), r"labels"),
        (dict(k=0), r"k is 0"),
        (dict(lr=-1.0), r"lr"),
    ],
)
def test_settings_that_make_no_sense(settings, message):
    with pytest.raises(ValueError, match=message):
        Updates(**(SMALL | settings))


def test_a_rate_that_is_not_recorded_is_asked_for():
    with pytest.raises(ValueError, match=r"no search is recorded for mini, mini-sst2, seed 77"):
        Updates(**(SMALL | dict(lr=0.0, seeds=(77,)))).run()


def test_a_rate_that_is_too_large_is_said():
    with pytest.raises(ValueError, match=r"diverged at rate 1e\+30; choose a smaller lr"):
        Updates(**(SMALL | dict(lr=1e30))).run()
