"""The recorded experiment on the order of demonstrations, on a small scale."""

import dataclasses

import numpy as np
import pytest
from tiny_finetuning import make_prompts
from tiny_models import loaded

from iclbook.gpt.doubts.apart import read_apart
from iclbook.gpt.doubts.order import Order, arranged, compared, in_fixed_order, random_orders
from iclbook.gpt.metrics.distributions import order_sensitivity
from iclbook.gpt.reading.observe import observe
from iclbook.gpt.tuning.finetune import Finetuning, finetune

SMALL = dict(task="mini-sst2", seeds=(0,), k=4, items=6, orders=3)


@pytest.fixture(scope="module")
def model():
    return loaded("llama")


@pytest.fixture(scope="module")
def orders():
    queries = ((4, 5), (30, 31, 32), (77,))
    prompts = dataclasses.replace(
        make_prompts(k=5), queries=queries, gold=np.zeros(3, dtype=np.int64)
    )
    return list(random_orders(prompts, 6, seed=0))


def shown(model, prompts, context=False):
    seen = observe(model, prompts, context, positions=("last",), want=("distribution",))
    return seen.distribution


def sensitivity(model, orders, **how):
    """Of finetuning, mean over items."""
    distributions = []
    for prompts in orders:
        with finetune(model, prompts, Finetuning(**how)) as tuned:
            assert not tuned.diverged
            distributions.append(shown(model, prompts))
    return order_sensitivity(np.stack(distributions)).mean()


def points(**settings):
    found = Order(**(SMALL | settings)).run().deterministic["points"]["value"]
    return {(p["method"], p["rate"], p["epochs"]): p for p in found}


def test_orders_have_the_same_demonstrations_with_their_labels(orders):
    pairs = [sorted(zip(p.demos, p.demo_gold, strict=True)) for p in orders]
    assert all(some == pairs[0] for some in pairs)
    assert len({p.demos for p in orders}) > 3
    assert arranged(orders[0], list(range(5))).demos == orders[0].demos


def test_the_fixed_order_depends_on_the_demonstrations_alone(orders):
    fixed = [in_fixed_order(prompts) for prompts in orders]
    assert all((p.demos, p.demo_gold) == (fixed[0].demos, fixed[0].demo_gold) for p in fixed)
    assert sorted(zip(fixed[0].demos, fixed[0].demo_gold)) == sorted(
        zip(orders[0].demos, orders[0].demo_gold)
    )


@pytest.mark.parametrize("optimiser", ["sgd", "adam"])
def test_full_batch_descent_from_one_start_is_exactly_free_of_order(model, orders, optimiser):
    how = dict(lr=0.01, batch="full", epochs=3, optimiser=optimiser)
    assert sensitivity(model, [in_fixed_order(p) for p in orders], **how) == 0.0
    stepwise = sensitivity(model, orders, **(how | dict(batch=1)))
    assert sensitivity(model, orders, **how) < 1e-2 * stepwise  # what is left is rounding


def test_what_steps_feel_is_of_second_order_in_the_rate(model, orders):
    at_rate, at_half = (sensitivity(model, orders, lr=lr) for lr in (0.02, 0.01))
    assert 3.5 < at_rate / at_half < 4.5


def test_apart_at_their_places_and_side_by_side(model, orders):
    alone = dataclasses.replace(orders[0], demos=orders[0].demos[:1], demo_gold=(0,))
    for side_by_side in (False, True):  # one demonstration has nobody to read
        np.testing.assert_allclose(
            read_apart(model, alone, side_by_side), shown(model, alone, True), atol=1e-6
        )
    apart, free = (np.stack([read_apart(model, p, s) for p in orders]) for s in (False, True))
    assert order_sensitivity(free).max() < 1e-5 < 1e-3 < order_sensitivity(apart).max()
    assert abs(apart - np.stack([shown(model, p, True) for p in orders])).max() > 1e-4


def test_a_model_with_biases_by_distance_is_refused(orders):
    with pytest.raises(ValueError, match="biases by distance"):
        read_apart(loaded("bloom"), orders[0], False)


@pytest.mark.parametrize("side_by_side", [False, True])
def test_without_demonstrations_there_is_nothing_to_read_apart(model, orders, side_by_side):
    none = dataclasses.replace(orders[0], demos=(), demo_gold=())
    with pytest.raises(ValueError, match="no demonstrations; expected one or more"):
        read_apart(model, none, side_by_side)


def test_comparison_by_hand():
    zero = np.array([[1.0, 0.0], [0.5, 0.5]])
    two = np.array([[[0.8, 0.2], [0.5, 0.5]], [[0.4, 0.6], [0.5, 0.5]]])
    found = compared(two, np.array([[0, 1], [1, 1]]), zero, np.array([0, 1]))
    np.testing.assert_allclose(found["by_item"], [0.4, 0.0])  # 0.2 for each token
    assert found["sensitivity"] == pytest.approx(0.2)
    assert found["moved"] == pytest.approx(0.4)  # (0.4 + 0.4 + 0) / 2
    assert found["accuracy"] == 0.75
    assert found["against"] == [1, 0]


def test_the_experiment_on_a_small_scale():
    found = points(
        methods=("icl", "side-by-side", "sgd-1", "sgd-full"), rates=(0.1, 0.4), epochs=(1, 2)
    )
    assert len(found) == 1 + 1 + 2 * 2 * 2
    assert found["icl", None, None]["sensitivity"] > 1e-3
    assert found["side-by-side", None, None]["sensitivity"] == 0
    for rate in (0.1, 0.4):
        for epochs in (1, 2):
            assert found["sgd-full", rate, epochs]["sensitivity"] == 0
            assert found["sgd-full", rate, epochs]["moved"] > 0
            assert found["sgd-1", rate, epochs]["sensitivity"] > 0
    icl = found["icl", None, None]
    assert np.mean(icl["by_item"]) == pytest.approx(icl["sensitivity"], rel=1e-3)
    assert all(0 <= against < 3 for against in icl["against"])


def test_a_batch_moves_as_far_in_an_epoch_as_single_steps():
    found = points(methods=("sgd-1", "sgd-2", "sgd-full"), rates=(0.02,), epochs=(1,))
    one, *others = (p["moved"] for p in found.values())
    assert others == pytest.approx([one] * 2, rel=0.1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(orders=1), "orders is 1"),
        (dict(methods=("sgd",)), "methods"),
        (dict(rates=(0.0,)), "rates"),
        (dict(epochs=(0,)), "epochs"),
        (dict(seeds=(0, 0)), "seeds"),
        (dict(loss="none"), "loss"),
    ],
)
def test_settings_that_make_no_sense(settings, message):
    with pytest.raises(ValueError, match=message):
        Order(**(SMALL | settings))


def test_a_rate_that_is_too_large_is_said():
    with pytest.raises(ValueError, match=r"sgd-1 at rate 1e\+30 diverged"):
        points(methods=("sgd-1",), rates=(1e30,), epochs=(1,))
