"""Gradient descent on a context: the construction does it, and its closed forms hold."""

import math
import warnings

import pytest
import torch

from iclbook.regression.attention import SelfAttention, predict
from iclbook.regression.descent import (
    UnstableWarning,
    apply,
    best_rate,
    construction,
    descend,
    expected_loss,
    gdpp_products,
    half_mse,
    largest_stable_rate,
    tune_gdpp,
)
from iclbook.regression.tasks import TaskLaw, Tasks


def random(seed=0):
    return torch.Generator().manual_seed(seed)


def draw(law, B, seed=0):
    return law.sample(B, random(seed), torch.float64)


def through_layers(tasks, index, weights, steps, W_0):
    """Tokens of one task through equal layers, as Proposition 1 has it: query (x_q, -W_0 x_q)."""
    E = torch.cat([tasks.X[index], tasks.y[index]], dim=1)
    e = torch.cat([tasks.x_q[index], -W_0 @ tasks.x_q[index]])[None]
    W_K, W_Q, W_V, P = (weights[name] for name in ("W_K", "W_Q", "W_V", "P"))

    def layer(tokens):
        return tokens + (tokens @ W_Q.mT) @ (E @ W_K.mT).mT @ (E @ W_V.mT) @ P.mT

    for _ in range(steps):
        E, e = layer(E), layer(e)
    return E, e[0]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("from_zero", [True, False])
def test_stacked_constructions_are_steps_of_gradient_descent(seed, from_zero):
    d, d_out, N, steps = (
        int(torch.randint(low, high, (), generator=random(seed + 10 * k)))
        for k, (low, high) in enumerate([(1, 13), (1, 9), (1, 46), (1, 100)])
    )
    steps = 100 if seed == 0 else steps
    tasks = draw(TaskLaw(d=d, d_out=d_out, N=N), 3, seed)
    W_0 = torch.randn(d_out, d, generator=random(seed), dtype=torch.float64) * (not from_zero)
    weights = construction(d, N, 1.0, d_out=d_out, W_0=W_0)
    W = descend(tasks, 1.0, steps, W_0)
    for index in range(3):
        E, e = through_layers(tasks, index, weights, steps, W_0)
        assert (-e[d:] - W[index] @ tasks.x_q[index]).abs().max() < 1e-12
        left = tasks.y[index] - tasks.X[index] @ (W[index] - W_0).mT
        assert (E[:, d:] - left).abs().max() < 1e-12
        assert torch.equal(E[:, :d], tasks.X[index])


def test_the_trainable_layer_can_hold_the_construction():
    tasks = draw(TaskLaw(d=4, d_out=2, N=6), 5)
    model = SelfAttention(6, layers=100, tied=True).double()
    with torch.no_grad():
        for name, W in construction(4, 6, 2.0, d_out=2).items():
            getattr(model, name).copy_(W)
        gap = model(tasks) - apply(descend(tasks, 2.0, 100), tasks.x_q)
    assert gap.abs().max() < 1e-12


def test_a_step_follows_the_gradient_of_the_context_loss():
    tasks = draw(TaskLaw(d=3, d_out=2, N=5), 4)
    W_0 = torch.randn(2, 3, generator=random(), dtype=torch.float64)
    W = W_0.expand(4, 2, 3).clone().requires_grad_()
    loss = (tasks.X @ W.mT - tasks.y).square().sum() / (2 * 5)
    (gradient,) = torch.autograd.grad(loss, W)
    assert torch.allclose(descend(tasks, 0.7, 1, W_0), W_0 - 0.7 * gradient, rtol=1e-12)
    assert torch.equal(descend(tasks, 0.7, 0, W_0), W_0.expand(4, 2, 3))


def test_gdpp_transforms_the_inputs_of_all_tokens():
    eta, gamma, N, d = 2.0, 0.1, 6, 4
    tasks = draw(TaskLaw(d=d, N=N), 3)
    weights = construction(d, N, eta, gamma=gamma)
    A, M = gdpp_products(d, N, torch.tensor([eta] * 2), torch.tensor([gamma] * 2))
    assert torch.allclose(weights["P"] @ weights["W_V"], A[0, 0].double())
    assert torch.allclose(weights["W_K"].mT @ weights["W_Q"], M[0, 0].double())
    zero = torch.zeros(1, d, dtype=torch.float64)
    for index in range(3):
        X, y, x = tasks.X[index], tasks.y[index], tasks.x_q[index]
        E, e = through_layers(tasks, index, weights, 1, zero)
        bend = torch.eye(d) - gamma * X.mT @ X
        assert torch.allclose(E[:, :d], X @ bend, rtol=1e-12)
        assert torch.allclose(e[:d], bend @ x, rtol=1e-12)
        assert torch.allclose(-e[d:], eta / N * y.mT @ X @ x, rtol=1e-12)
    both = predict(A.double(), M.double(), tasks)
    twice = [-through_layers(tasks, i, weights, 2, zero)[1][d:] for i in range(3)]
    assert torch.allclose(both, torch.stack(twice), rtol=1e-6)


class TestClosedForms:
    def test_numbers_of_the_paper(self):
        law = TaskLaw()
        assert best_rate(law) / 10 == pytest.approx(0.60606, abs=1e-5)
        assert expected_loss(law, best_rate(law)) == pytest.approx(0.20623, abs=1e-5)
        assert expected_loss(law, 0.0) == pytest.approx(0.41667, abs=1e-5)
        wide = TaskLaw(scale=2.0)
        assert best_rate(wide) == pytest.approx(best_rate(law) / 4)
        assert expected_loss(wide, best_rate(wide)) == pytest.approx(0.82492, abs=1e-5)

    @pytest.mark.parametrize(
        "law",
        [
            TaskLaw(),
            TaskLaw(d=3, N=8, scale=2.0, teacher_scale=0.5),
            TaskLaw(d=12, N=5, inputs="normal"),
            TaskLaw(d=4, N=20, inputs="laplace"),
        ],
        ids=str,
    )
    def test_loss_against_simulation(self, law):
        tasks = draw(law, 20_000)
        for eta in (0.0, 0.5 * best_rate(law), best_rate(law), 1.5 * best_rate(law)):
            losses = (apply(descend(tasks, eta), tasks.x_q) - tasks.y_q).square()[:, 0] / 2
            standard_error = float(losses.std()) / math.sqrt(len(tasks))
            assert abs(float(losses.mean()) - expected_loss(law, eta)) < 4 * standard_error

    def test_the_best_rate_is_that_of_a_search(self):
        law = TaskLaw(d=5, N=7)
        tasks = draw(law, 50_000)
        for_eta_1 = apply(descend(tasks, 1.0), tasks.x_q)
        best_on_sample = float((for_eta_1 * tasks.y_q).sum() / for_eta_1.square().sum())
        assert best_on_sample == pytest.approx(best_rate(law), rel=0.02)

    def test_half_mse_by_hand(self):
        zeros = torch.zeros(2, 1, 2)
        tasks = Tasks(zeros, zeros, torch.zeros(2, 2), torch.tensor([[1.0, 0.0], [0.0, 2.0]]))
        assert float(half_mse(torch.tensor([[0.0, 0.0], [0.0, 5.0]]), tasks)) == (1 + 9) / 4


@pytest.mark.parametrize(("N", "gamma"), [(10, 0.179), (25, 0.099), (50, 0.056), (100, 0.029)])
def test_the_best_gamma_is_what_trained_layers_have(N, gamma):
    """The four values of von Oswald et al. 2023, A.10, read off trained two-layer models."""
    tasks = TaskLaw(N=N).sample(2000, random(1))
    _, found, loss = tune_gdpp(tasks, layers=2, eta=15.0, gamma=1.5 / N)
    assert found[0] == found[1]
    assert float(found[0]) == pytest.approx(gamma, rel=0.05)
    assert loss < 0.125


def test_gd_without_gamma_stays_gd():
    tasks = draw(TaskLaw(d=3, N=5), 500)
    eta, gamma, loss = tune_gdpp(tasks, layers=2, with_gamma=False)
    assert gamma.tolist() == [0.0, 0.0]
    reached = half_mse(apply(descend(tasks, float(eta[0]), 2), tasks.x_q), tasks)
    assert loss == pytest.approx(float(reached), rel=1e-9)


class TestStability:
    def test_the_bound_parts_shrinking_from_growing_errors(self):
        tasks = draw(TaskLaw(d=3, N=6), 1)
        bound = float(largest_stable_rate(tasks.X))
        lam = float(torch.linalg.eigvalsh(tasks.X[0].mT @ tasks.X[0])[-1])
        assert bound == pytest.approx(2 * 6 / lam)

        def error_after(steps, eta):
            errors = tasks.y - tasks.X @ descend(tasks, eta, steps).mT
            return float(errors.square().sum())

        assert error_after(300, 0.98 * bound) < error_after(100, 0.98 * bound)
        with pytest.warns(UnstableWarning):
            assert error_after(300, 1.05 * bound) > error_after(0, 1.0)

    def test_several_steps_beyond_the_bound_warn_with_the_bound(self):
        tasks = draw(TaskLaw(), 300)
        bounds = largest_stable_rate(tasks.X[:256])
        message = rf"eta = 20 is beyond .* below {float(bounds.median()):.3g} for half"
        with pytest.warns(UnstableWarning, match=message):
            descend(tasks, 20.0, steps=2)

    @pytest.mark.parametrize(("eta", "steps"), [(20.0, 1), (6.06, 5)])
    def test_one_step_and_usual_rates_do_not_warn(self, eta, steps):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            descend(draw(TaskLaw(), 50), eta, steps)


@pytest.mark.usefixtures("plain_python")
class TestBadInput:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ((0, 10, 1.0), "d is 0; expected 1 or more"),
            ((10, 0, 1.0), "N is 0; expected 1 or more"),
            ((10, 10, -1.0), r"eta \(learning rate\) is -1.0"),
        ],
    )
    def test_a_construction_that_cannot_be(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            construction(*arguments)

    def test_first_weights_of_another_shape(self):
        tasks = draw(TaskLaw(d=3), 2)
        with pytest.raises(ValueError, match=r"W_0 has shape \(3, 1\); expected .* = \(1, 3\)"):
            descend(tasks, 1.0, W_0=torch.zeros(3, 1, dtype=torch.float64))

        with pytest.raises(ValueError, match=r"W_0 has shape \(3, 1\); expected .* = \(1, 3\)"):
            construction(3, 5, 1.0, W_0=torch.zeros(3, 1, dtype=torch.float64))

    @pytest.mark.parametrize("eta", [-1.0, float("nan")])
    def test_a_rate_that_is_none(self, eta):
        with pytest.raises(ValueError, match=r"eta \(learning rate\) is"):
            descend(draw(TaskLaw(d=3), 2), eta)

    def test_weights_of_other_tasks(self):
        with pytest.raises(ValueError, match=r"W has shape \(2, 1, 3\); expected .* = \(5, 3\)"):
            apply(torch.zeros(2, 1, 3), torch.zeros(5, 3))

    def test_no_layers_to_tune(self):
        with pytest.raises(ValueError, match="layers is 0; expected 1 or more"):
            tune_gdpp(draw(TaskLaw(d=3), 2), layers=0)

    def test_a_search_that_diverges_says_from_where(self):
        with pytest.raises(FloatingPointError, match=r"diverged from eta = 1e\+200"):
            tune_gdpp(draw(TaskLaw(d=2, N=3), 10), layers=2, eta=1e200)
