"""The measures of likeness, against values worked out by hand."""

import math

import pytest
import torch
from torch import nn

from iclbook.regression.attention import SelfAttention
from iclbook.regression.compare import Products, align, balance, interpolate, sensitivity
from iclbook.regression.descent import apply, construction, descend, gdpp_products
from iclbook.regression.tasks import TaskLaw, Tasks


class Fixed(nn.Module):
    """Predicts with the same weights for all tasks."""

    def __init__(self, W):
        super().__init__()
        self.W = torch.tensor(W)

    def forward(self, tasks):
        return tasks.x_q @ self.W.mT


def by_hand():
    """Two tasks with two inputs and one target; their contexts are not looked at."""
    empty = torch.zeros(2, 1, 2), torch.zeros(2, 1, 1)
    return Tasks(*empty, torch.tensor([[1.0, 2.0], [3.0, 0.0]]), torch.tensor([[1.0], [0.0]]))


def constructed(d, N, eta, *, factor=1.0, **kind):
    """A layer that holds the construction, with the free factor moved from keys to values."""
    model = SelfAttention(d + 1, **kind).double()
    with torch.no_grad():
        for name, W in construction(d, N, eta).items():
            getattr(model, name).copy_(W)
        model.W_Q /= factor
        model.P *= factor
    return model


def test_hand_worked_alignment():
    tasks = by_hand()
    reference = torch.tensor([[[0.0, 1.0]], [[1.0, 0.0]]])  # predicts 2 and 3
    found = align(Fixed([[1.0, 0.0]]), reference, tasks)  # predicts 1 and 3
    assert found.loss == pytest.approx((0**2 + 3**2) / 4)
    assert found.reference_loss == pytest.approx((1**2 + 3**2) / 4)
    assert found.prediction_difference == pytest.approx(0.5)
    assert found.cosine == pytest.approx(0.5)  # orthogonal, and equal
    assert found.model_difference == pytest.approx(math.sqrt(2) / 2)


def test_a_model_can_be_the_reference():
    tasks = by_hand()
    found = align(Fixed([[1.0, 0.0]]), Fixed([[-2.0, 0.0]]), tasks)
    assert found.cosine == pytest.approx(-1)
    assert found.model_difference == pytest.approx(3)
    assert found.prediction_difference == pytest.approx((3 + 9) / 2)


def test_sensitivity_is_the_derivative_and_leaves_the_model_alone():
    tasks = TaskLaw(d=3, N=4).sample(5, torch.Generator().manual_seed(0), torch.float64)
    model = SelfAttention(4, layers=2, generator=torch.Generator().manual_seed(1)).double()
    found = sensitivity(model, tasks)
    h = 1e-5
    for axis in range(3):
        nudge = h * torch.eye(3, dtype=torch.float64)[axis]
        up, down = (Tasks(tasks.X, tasks.y, tasks.x_q + s * nudge, tasks.y_q) for s in (1, -1))
        slope = (model(up) - model(down)).detach()[:, 0] / (2 * h)
        assert torch.allclose(found[:, axis], slope, rtol=1e-5, atol=1e-9)
    assert all(W.grad is None for W in model.parameters())
    assert not tasks.x_q.requires_grad


def test_the_construction_is_aligned_with_gradient_descent_and_others_are_not():
    tasks = TaskLaw(d=4, N=6).sample(200, torch.Generator().manual_seed(0), torch.float64)
    W = descend(tasks, 5.0)
    same = align(constructed(4, 6, 5.0, factor=3.0), W, tasks)
    assert same.loss == pytest.approx(same.reference_loss, rel=1e-12)
    assert same.cosine == pytest.approx(1, abs=1e-7)
    assert same.prediction_difference < 1e-12
    assert same.model_difference < 1e-12
    half = align(constructed(4, 6, 2.5), W, tasks)  # the cosine does not see the rate
    assert half.cosine == pytest.approx(1, abs=1e-7)
    assert half.model_difference == pytest.approx(float(W.norm(dim=(1, 2)).mean()) / 2)
    untrained = SelfAttention(5, generator=torch.Generator().manual_seed(0)).double()
    assert align(untrained, W, tasks).cosine < 0.9


def test_balancing_gives_the_keys_mean_one_and_changes_nothing():
    tasks = TaskLaw(d=4, N=6).sample(5, torch.Generator().manual_seed(0), torch.float64)
    A, M = (part.detach() for part in constructed(4, 6, 5.0, factor=-7.0).products())
    A_balanced, M_balanced = balance(A, M, d=4)
    assert torch.allclose(M_balanced[0, 0].diag(), torch.tensor([1.0, 1, 1, 1, 0]).double())
    assert float(A_balanced[0, 0, 4, 4]) == pytest.approx(-5 / 6)
    expected = apply(descend(tasks, 5.0), tasks.x_q)
    assert torch.allclose(Products(A_balanced, M_balanced)(tasks), expected, rtol=1e-12)


def test_half_way_between_two_rates_is_the_mean_rate():
    tasks = TaskLaw(d=4, N=6).sample(5, torch.Generator().manual_seed(0), torch.float64)
    rates = torch.full((1,), 2.0, dtype=torch.float64), torch.zeros(1, dtype=torch.float64)
    between = interpolate(constructed(4, 6, 6.0, factor=0.1), *gdpp_products(4, 6, *rates), d=4)
    assert torch.allclose(between(tasks), apply(descend(tasks, 4.0), tasks.x_q), rtol=1e-12)


def test_a_tied_model_is_interpolated_in_all_its_layers():
    tasks = TaskLaw(d=4, N=6).sample(5, torch.Generator().manual_seed(0), torch.float64)
    rates = torch.full((3,), 2.0, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    model = constructed(4, 6, 2.0, factor=5.0, layers=3, tied=True)
    between = interpolate(model, *gdpp_products(4, 6, *rates), d=4)
    assert torch.allclose(between(tasks), model(tasks), rtol=1e-12)


def test_heads_cannot_be_interpolated():
    A, M = constructed(4, 6, 2.0).products()
    with pytest.raises(ValueError, match=r"the model has 2 heads; .* one head"):
        interpolate(SelfAttention(5, heads=2), A, M, d=4)
