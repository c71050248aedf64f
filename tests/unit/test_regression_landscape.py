"""The expected loss of one linear layer: against samples, its saddle, and training on it."""

from dataclasses import replace

import pytest
import torch

from iclbook.regression.attention import predict
from iclbook.regression.descent import best_rate, expected_loss, gdpp_products
from iclbook.regression.landscape import population_loss, routes, train_on_population
from iclbook.regression.tasks import TaskLaw
from iclbook.regression.train import Training


def layer(d, seed, size=0.3):
    generator = torch.Generator().manual_seed(seed)
    draw = torch.randn(2, d + 1, d + 1, generator=generator, dtype=torch.float64)
    return size * draw[0, -1], size * draw[1]


@pytest.mark.parametrize(
    "law",
    [TaskLaw(), TaskLaw(d=3, N=7), TaskLaw(d=4, N=2, inputs="normal", scale=0.5)],
    ids=["paper", "narrow", "normal"],
)
def test_it_is_the_mean_of_the_sampled_loss(law):
    a, M = layer(law.d, seed=1)
    A = torch.zeros_like(M)
    A[-1] = a
    tasks = law.sample(100_000, torch.Generator().manual_seed(2), torch.float64)
    errors = (predict(A[None, None], M[None, None], tasks) - tasks.y_q)[:, 0].square() / 2
    standard_error = float(errors.std()) / len(errors) ** 0.5
    assert abs(float(errors.mean() - population_loss(a, M, law))) < 5 * standard_error


def test_one_step_of_gradient_descent_has_its_closed_form():
    law = TaskLaw(d=5, N=8)
    eta = best_rate(law)
    A, M = gdpp_products(5, 8, torch.tensor([eta], dtype=torch.float64), torch.zeros(1))
    loss = population_loss(A[0, 0, -1], M[0, 0], law)
    assert float(loss) == pytest.approx(expected_loss(law, eta))


def test_the_dead_end_is_a_saddle_with_one_way_down():
    law = TaskLaw(d=4, N=6)
    best = best_rate(law) / law.N
    a, M = torch.zeros(5, dtype=torch.float64), torch.zeros(5, 5, dtype=torch.float64)
    a[0], M[-1, 0] = 1.0, -best  # values from the first input, keys from the target
    right, wrong = routes(a, M)
    assert not right.any()
    assert torch.linalg.matrix_rank(wrong) == 1

    def loss(point):
        return population_loss(point[:5], point[5:].reshape(5, 5), law)

    point = torch.cat([a, M.flatten()])
    assert torch.autograd.functional.jacobian(loss, point).abs().max() < 1e-12
    curvature = torch.linalg.eigvalsh(torch.autograd.functional.hessian(loss, point))
    assert (curvature < -1e-9).sum() == 1
    nothing, zero = expected_loss(law, 0.0), expected_loss(law, best * law.N)
    assert float(loss(point)) == pytest.approx(nothing - (nothing - zero) / law.d)


def test_layers_trained_on_it_find_gradient_descent():
    law = TaskLaw(d=3, N=4)
    loss, right, wrong = train_on_population(Training(law=law, steps=600, lr=4e-3), 3, every=100)
    assert loss.shape == right.shape == wrong.shape == (7, 3)
    assert loss[-1].min() == pytest.approx(expected_loss(law, best_rate(law)), rel=0.01)


def test_runs_do_not_touch_each_other():
    how = Training(law=TaskLaw(d=3, N=4), steps=60)
    alone, together = (train_on_population(how, runs, every=20)[0] for runs in (1, 4))
    torch.testing.assert_close(alone[:, 0], together[:, 0])


def test_bad_input_is_refused():
    a, M = layer(3, seed=0)
    with pytest.raises(ValueError, match="shapes"):
        population_loss(a, M, TaskLaw())
    with pytest.raises(ValueError, match="noisy = 0"):
        population_loss(a, M, TaskLaw(d=3, noisy=1))
    with pytest.raises(ValueError, match="closed forms need"):
        population_loss(a, M, TaskLaw(d=3, inputs="mixture"))


def mean_over_signs(d, N, heads, seed):
    """Half squared errors of a random layer on tasks and on their mirror images, and its B."""
    generator = torch.Generator().manual_seed(seed)
    A, M = 0.3 * torch.randn(2, 1, heads, d + 1, d + 1, generator=generator, dtype=torch.float64)
    tasks = TaskLaw(d=d, N=N).sample(200_000, generator, torch.float64)
    mirrored = replace(tasks, y=-tasks.y, y_q=-tasks.y_q)
    errors = [(predict(A, M, t) - t.y_q)[:, 0].square() / 2 for t in (tasks, mirrored)]
    return sum(errors) / 2, sum(sum(routes(A[0, :, -1], M[0]))), A, M, tasks


@pytest.mark.parametrize("heads", [1, 3])
def test_no_layer_is_better_than_one_step(heads):
    """Theorem "No layer does better than one step": bowl plus even terms, for several heads too."""
    d, N = 3, 5
    law = TaskLaw(d=d, N=N)
    s, k = law.moments
    rate, best = best_rate(law) / N, expected_loss(law, best_rate(law))
    losses, B, A, M, tasks = mean_over_signs(d, N, heads, seed=heads)
    p, p_mirrored = (predict(A, M, replace(tasks, y=sign * tasks.y)) for sign in (1, -1))
    even = ((p + p_mirrored) / 2)[:, 0].square() / 2
    odd = ((p - p_mirrored) / 2 - tasks.y_q)[:, 0].square() / 2
    torch.testing.assert_close(losses, odd + even)  # crossed terms cancel task by task
    curvature = s**3 * N * (N + d + k - 2)
    bowl = best + curvature / 2 * (B - rate * torch.eye(d)).square().sum()
    assert float(odd.mean()) == pytest.approx(float(bowl), rel=0.02)
    assert bowl > best
    if heads == 1:
        exact = population_loss(A[0, 0, -1], M[0, 0], law)
        assert float(losses.mean()) == pytest.approx(float(exact), rel=0.02)


def test_a_random_layer_is_never_below_one_step():
    law = TaskLaw(d=3, N=4)
    a, M = (
        torch.stack(part) for part in zip(*(layer(3, seed) for seed in range(300)), strict=True)
    )
    assert (population_loss(a, M, law) > expected_loss(law, best_rate(law))).all()


def test_the_second_route_has_rank_one_and_the_first_has_not():
    first, second = routes(*layer(4, seed=3))
    assert torch.linalg.matrix_rank(first) == 4
    assert torch.linalg.matrix_rank(second) == 1
