"""The experiments of "Does training find it?", and the closed forms that stand beside them."""

import math
from dataclasses import replace

import pytest
import torch

from iclbook.regression.descent import apply, best_rate, descend, expected_loss
from iclbook.regression.experiments.one_layer import TOLERANCES, OneLayer, moments, watch
from iclbook.regression.experiments.plateau import VARIANTS, Plateau
from iclbook.regression.experiments.sizes import Sizes
from iclbook.regression.tasks import TaskLaw
from iclbook.regression.train import Training

SMALL = OneLayer(
    seeds=(0, 1),
    steps=20,
    batch=16,
    tests=300,
    input_scales=(1.0, 2.0),
    teacher_scales=(0.5, 1.0),
    mixture_scales=(1.0,),
    noisy=(0, 4),
)


@pytest.mark.parametrize("noisy", [0, 3, 8])
def test_replaced_targets_cost_what_the_closed_form_says(noisy):
    law = TaskLaw(d=4, N=8, noisy=noisy, teacher_scale=1.5, scale=1.2)
    tasks = law.sample(100_000, torch.Generator().manual_seed(1), torch.float64)
    errors = (apply(descend(tasks, 5.0), tasks.x_q) - tasks.y_q).square() / 2
    standard_error = float(errors.std()) / math.sqrt(len(tasks))
    assert abs(float(errors.mean()) - expected_loss(law, 5.0)) < 5 * standard_error


def test_the_best_rate_is_the_minimum_with_and_without_noise():
    for law in (TaskLaw(), TaskLaw(noisy=6, teacher_scale=2.0)):
        eta = best_rate(law)
        around = [expected_loss(law, eta * c) for c in (0.99, 1.0, 1.01)]
        assert min(around) == around[1]
    assert best_rate(TaskLaw(noisy=6)) < best_rate(TaskLaw())
    assert best_rate(TaskLaw()) == pytest.approx(6.0606, abs=1e-4)


def test_laplace_inputs_are_finite():
    inputs = TaskLaw(d=1, N=1, inputs="laplace").sample(2**21, torch.Generator().manual_seed(0)).X
    assert torch.isfinite(inputs).all()


@pytest.fixture(scope="module")
def found():
    return SMALL.run().deterministic


def test_the_record_has_a_row_for_each_seed(found):
    steps = found["step"]["value"]
    assert steps == [0, 20]
    for name in TOLERANCES:
        curves = found[f"{name}_curve"]["value"]
        assert [len(row) for row in curves] == [2, 2]
        assert found[name]["value"] == [row[-1] for row in curves]
    assert [len(row) for row in found["inputs"]["value"]] == [2, 2]
    assert len(found["inputs_gd"]["value"]) == 2
    assert [len(row) for row in found["product_diagonal"]["value"]] == [10, 10]
    assert [len(M) for M in found["M"]["value"]] == [11, 11]


def test_the_training_law_is_one_point_of_every_test(found):
    trained = found["loss"]["value"]
    assert [row[0] for row in found["inputs"]["value"]] == pytest.approx(trained, abs=1e-5)
    assert [row[0] for row in found["noise"]["value"]] == pytest.approx(trained, abs=1e-5)
    assert [row[1] for row in found["teacher"]["value"]] == pytest.approx(trained, abs=1e-5)


def test_width_and_context_can_be_chosen():
    small = replace(SMALL, d=3, N=5, seeds=(4,), noisy=(0, 4), steps=2)
    found = small.run().deterministic
    assert [len(row) for row in found["product_diagonal"]["value"]] == [3]
    assert found["reference_loss"]["value"] != SMALL.run().deterministic["reference_loss"]["value"]


def test_seeds_that_get_stuck_are_followed():
    few = Plateau(seeds=(0, 1), steps=50, batch=8, tests=50, follow=4, look_every=2)
    found = few.run().deterministic
    assert found["step"]["value"] == [0, 50]
    for variant in VARIANTS:
        assert [len(row) for row in found[variant]["value"]] == [2, 2]
    assert found["code"]["value"] != found["text-std"]["value"]
    assert found["stuck_seeds"]["value"] == [0, 1]  # nobody learns in 50 steps
    assert [len(row) for row in found["stuck_loss"]["value"]] == [3, 3]


def test_sizes_have_a_row_each():
    found = Sizes(sizes=(2, 3), seeds=(0, 1), steps=4, batch=8, tests=50).run().deterministic
    assert all([len(row) for row in entry["value"]] == [2, 2] for entry in found.values())
    with pytest.raises(ValueError, match="an entry of sizes is 0"):
        Sizes(sizes=(0,))


def test_the_moments_end_with_the_training():
    assert moments(5000)[:2] == (0, 100)
    assert moments(5000)[-2:] == (4500, 5000)
    assert moments(250) == (0, 100, 200, 250)


def test_watching_does_not_change_the_training():
    law = TaskLaw(d=3, N=4)
    how = Training(law=law, steps=30, batch=32)
    tests = law.sample(100, torch.Generator().manual_seed(5))
    often, rarely = (watch(how, tests, at)[0] for at in ((0, 10, 20, 30), (30,)))
    for a, b in zip(often.parameters(), rarely.parameters(), strict=True):
        assert torch.equal(a, b)


def test_two_heads_have_no_products_to_show():
    law = TaskLaw(d=3, N=4)
    tests = law.sample(100, torch.Generator().manual_seed(5))
    _, seen = watch(Training(law=law, steps=2, batch=8), tests, (0, 2), heads=2)
    assert len(seen) == 2
    assert "right" not in seen[0]


def test_bad_options_are_refused():
    with pytest.raises(ValueError, match="seeds is empty"):
        OneLayer(seeds=())
    with pytest.raises(ValueError, match="N is 0"):
        OneLayer(N=0)
    with pytest.raises(ValueError, match="noisy is 6; expected at most the N = 5"):
        OneLayer(N=5)
    with pytest.raises(ValueError, match=r"scale is 0\.0"):
        replace(SMALL, input_scales=(0.0,))
