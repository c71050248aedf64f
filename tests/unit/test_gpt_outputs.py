"""The recorded experiment of output distributions, in context and finetuned, on a small scale."""

import numpy as np
import pytest
from tiny_finetuning import make_prompts
from tiny_models import loaded

from iclbook.gpt.doubts.alike import METRICS, Seen, alike, see
from iclbook.gpt.doubts.outputs import VERSUS, Outputs, another_order, chosen

SMALL = dict(
    seeds=(0, 1),
    n_demos=(1, 3),
    rates=(0.003, 0.01),
    value_rates=(0.3, 1e30),
    epochs=(1, 3),
    items=6,
)


@pytest.fixture(scope="module")
def results():
    found = Outputs(**SMALL).run().deterministic
    return {name: entry["value"] for name, entry in found.items()}


def test_every_draw_number_rate_and_epoch_is_there(results):
    assert set(results["accuracy"]) == {"icl", "other", "order", "zsl"}
    assert set(results["in_context"]) == {
        f"{name}/{metric}" for name in ("order", "other", "item", "zsl") for metric in METRICS
    }
    for name in ("all", "middle", "deep"):
        assert np.shape(results["grid"][name]["icl/overlap"]) == (2, 2, 2, 2)
        assert set(results["chosen"][name]) == {
            "accuracy",
            "loss",
            *(f"{other}/{metric}" for other in VERSUS for metric in METRICS),
        }
    assert results["layers"] == {"middle": 1, "deep": 2}
    assert results["items"] == 6


def test_one_demonstration_has_no_other_order(results):
    for values in (results["accuracy"]["order"], results["in_context"]["order/overlap"]):
        assert all(one is None and several is not None for one, several in values)


def test_zero_shot_does_not_depend_on_the_draw(results):
    assert len(set(np.ravel(results["accuracy"]["zsl"]))) == 1


def test_finetuning_starts_at_zero_shot():
    tiny = Outputs(
        **(SMALL | dict(rates=(1e-9,), value_rates=(1e-9,), epochs=(1,), parameters=("all",)))
    )
    found = {name: entry["value"] for name, entry in tiny.run().deterministic.items()}
    np.testing.assert_array_equal(found["chosen"]["all"]["zsl/overlap"], 1)
    for metric in METRICS:
        expected = np.array(found["in_context"][f"zsl/{metric}"])
        np.testing.assert_allclose(found["chosen"]["all"][f"icl/{metric}"], expected, atol=2e-4)
    np.testing.assert_array_equal(found["chosen"]["all"]["accuracy"], found["accuracy"]["zsl"])


def test_a_finetuning_that_diverged_counts_nowhere(results):
    values = np.array(results["grid"]["deep"]["icl/overlap"], float)
    assert np.isnan(values[..., 1, 1]).all()
    assert np.isfinite(values[..., 0, :]).all()
    assert np.isfinite(np.array(results["chosen"]["deep"]["icl/overlap"], float)).all()


def test_the_rate_is_chosen_on_the_other_items():
    # Even items like the first rate, odd items the second, and each is judged at the other's.
    loss = np.array([[[1.0, 5.0, 1.0, 5.0]], [[2.0, 3.0, 2.0, 3.0]]])
    score = np.array([[[0.1, 0.2, 0.1, 0.2]], [[0.7, 0.9, 0.7, 0.9]]])
    assert chosen({"loss": loss, "score": score})["score"] == pytest.approx((0.7 + 0.2) / 2)
    lost = np.full_like(loss, np.nan)
    assert np.isnan(chosen({"loss": lost, "score": lost})["score"])


def test_without_labels_two_settings_that_agree_on_labels_alone_share_nothing():
    def setting(ids, others):
        p = np.full((1, 2), 0.5)
        return Seen(
            (np.array([ids]), p), (np.array([others]), p), np.array([True]), np.array([0.7])
        )

    a, b = setting([1, 2], [3, 4]), setting([2, 1], [5, 6])
    found = {name: values.item() for name, values in alike(a, b).items()}
    assert found["overlap"] == 1
    assert found["union_cosine"] == pytest.approx(1)
    assert found["without_labels"] == 0
    assert all(values.item() == pytest.approx(1) for values in alike(a, a).values())


def test_at_the_next_item_every_part_moves_along():
    ids, p = np.array([[1, 2], [3, 4], [5, 6]]), np.arange(6.0).reshape(3, 2)
    moved = Seen((ids, p), (ids, p), np.array([True, False, False]), np.arange(3.0)).rolled()
    assert moved.top[0].tolist() == moved.others[0].tolist() == [[5, 6], [1, 2], [3, 4]]
    assert moved.right.tolist() == [False, True, False]
    assert moved.loss.tolist() == [2, 0, 1]


@pytest.mark.parametrize("seed", range(8))
def test_another_order_is_another(seed):
    order = another_order(2, seed)
    assert order.tolist() == [1, 0]
    assert sorted(another_order(4, seed)) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(n_demos=(4, 2)), r"n_demos is \(4, 2\); expected one or more, each one larger"),
        (dict(epochs=()), r"epochs is \(\)"),
        (dict(parameters=("kv",)), r"parameters"),
        (dict(parameters=()), r"at least one of each"),
        (dict(value_rates=(1.0,)), r"2 rates and 1 value_rates"),
        (dict(rates=(0.0, 1.0)), r"rates"),
        (dict(items=1), r"items"),
        (dict(seeds=()), r"seeds is empty"),
        (dict(seeds=(0, 0)), r"seeds names 0 more than once"),
    ],
)
def test_settings_that_make_no_sense(settings, message):
    with pytest.raises(ValueError, match=message):
        Outputs(**(SMALL | settings))


def test_label_words_of_several_tokens_cannot_be_seen():
    prompts = make_prompts(labels=((7,), (8, 9)))
    with pytest.raises(ValueError, match=r"label word \(8, 9\) has 2 tokens; expected one each"):
        see(loaded("llama"), prompts, context=False)


def test_demonstrations_that_do_not_fit_are_said():
    with pytest.raises(ValueError, match=r"demonstrations of mini-agnews fit the window of mini"):
        Outputs(**(SMALL | dict(seeds=(0,), n_demos=(60,)))).run()
