"""Regression tasks: each law gives what it says, and bad sizes are refused by name."""

import math

import pytest
import torch

from iclbook.regression.tasks import INPUT_LAWS, TaskLaw, Tasks


def random(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("inputs", INPUT_LAWS)
@pytest.mark.parametrize("d_out", [1, 3])
def test_one_linear_teacher_stands_behind_context_and_query(inputs, d_out):
    law = TaskLaw(d=4, N=7, d_out=d_out, inputs=inputs)
    tasks = law.sample(20, random(), torch.float64)
    assert tasks.X.shape == (20, 7, 4)
    assert tasks.y.shape == (20, 7, d_out)
    assert len(tasks) == 20
    W = torch.linalg.lstsq(tasks.X, tasks.y).solution  # more examples than inputs
    assert torch.allclose(tasks.X @ W, tasks.y, rtol=1e-9)
    assert torch.allclose((tasks.x_q[:, None] @ W)[:, 0], tasks.y_q, rtol=1e-7, atol=1e-9)
    assert len(torch.unique(W[:, 0, 0])) == 20  # a teacher of its own for each task


@pytest.mark.parametrize("inputs", ["uniform", "normal", "laplace"])
@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_moments_are_those_of_the_samples(inputs, scale):
    law = TaskLaw(d=5, N=9, inputs=inputs, scale=scale)
    x = law.sample(40_000, random(), torch.float64).X
    s, k = law.moments
    count = x.numel()
    assert abs(float(x.mean())) < 5 * math.sqrt(s / count)
    assert float(x.square().mean()) == pytest.approx(s, abs=5 * s * math.sqrt((k - 1) / count))
    assert float(x.pow(4).mean() / s**2) == pytest.approx(k, rel=0.02)
    if inputs == "uniform":
        assert float(x.abs().max()) <= scale / 2


def test_exponential_inputs_have_mean_and_variance_one():
    x = TaskLaw(inputs="exponential").sample(20_000, random(), torch.float64).X
    assert float(x.min()) >= 0
    assert float(x.mean()) == pytest.approx(1, abs=0.005)
    assert float(x.var()) == pytest.approx(1, abs=0.02)


def test_mixture_contexts_have_the_scale_as_their_norm_and_come_from_three_laws():
    tasks = TaskLaw(inputs="mixture", scale=1.5).sample(3000, random(), torch.float64)
    norms = tasks.X.norm(dim=(1, 2))
    assert torch.allclose(norms, torch.full_like(norms, 1.5))
    share_positive = float((tasks.X > 0).all(dim=(1, 2)).double().mean())
    assert share_positive == pytest.approx(1 / 3, abs=0.04)  # those that are exponential


def test_scales_multiply_the_same_draws():
    plain = TaskLaw().sample(5, random(), torch.float64)
    large = TaskLaw(scale=2.0).sample(5, random(), torch.float64)
    strong = TaskLaw(teacher_scale=3.0).sample(5, random(), torch.float64)
    assert torch.equal(large.X, 2 * plain.X)
    assert torch.allclose(large.y_q, 2 * plain.y_q)
    assert torch.equal(strong.X, plain.X)
    assert torch.allclose(strong.y, 3 * plain.y)


def test_noisy_replaces_so_many_context_targets_and_nothing_else():
    tasks = TaskLaw(N=12, noisy=4, scale=0.01).sample(2000, random(), torch.float64)
    W = torch.linalg.lstsq(tasks.X[:, 4:10], tasks.y[:, 4:10]).solution
    assert float(tasks.y[:, :4].var()) == pytest.approx(1, abs=0.05)
    assert float(tasks.y[:, 4:].abs().max()) < 0.2  # inputs are that small
    assert float(tasks.y_q.abs().max()) < 0.2
    assert W.shape == (2000, 10, 1)


def test_a_seed_gives_the_same_tasks_again():
    first, again, other = (TaskLaw().sample(4, random(seed)) for seed in (1, 1, 2))
    assert torch.equal(first.X, again.X)
    assert torch.equal(first.y, again.y)
    assert not torch.equal(first.X, other.X)
    assert first.X.dtype == torch.float32


@pytest.mark.usefixtures("plain_python")
class TestBadInput:
    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            ({"d": 0}, "d is 0; expected 1 or more"),
            ({"N": 0}, "N is 0; expected 1 or more"),
            ({"d_out": -1}, "d_out is -1"),
            ({"inputs": "gauss"}, "'gauss'; expected one of 'uniform', 'normal', 'exponential'"),
            ({"scale": 0.0}, "scale is 0.0"),
            ({"teacher_scale": float("nan")}, "teacher_scale is nan"),
            ({"noisy": 11}, "noisy is 11; expected at most the N = 10"),
        ],
    )
    def test_a_law_that_cannot_be(self, bad, message):
        with pytest.raises(ValueError, match=message):
            TaskLaw(**bad)

    def test_sizes_are_whole_numbers(self):
        with pytest.raises(TypeError, match=r"N is 2.5 \(float\); expected a whole number"):
            TaskLaw(N=2.5)

    def test_no_tasks(self):
        with pytest.raises(ValueError, match=r"B \(number of tasks\) is 0"):
            TaskLaw().sample(0, random())

    @pytest.mark.parametrize("inputs", ["exponential", "mixture"])
    def test_no_closed_form_for_these_inputs(self, inputs):
        with pytest.raises(ValueError, match="the closed forms need independent entries"):
            _ = TaskLaw(inputs=inputs).moments

    @pytest.mark.parametrize(
        ("part", "shape"), [("y", (3, 5, 1)), ("x_q", (3, 5)), ("x_q", (1, 4)), ("y_q", (3, 2))]
    )
    def test_parts_that_do_not_fit_together(self, part, shape):
        shapes = {"X": (3, 6, 4), "y": (3, 6, 1), "x_q": (3, 4), "y_q": (3, 1)} | {part: shape}
        with pytest.raises(ValueError, match=f"{part} has shape .*; expected .*, to go with X"):
            Tasks(**{name: torch.zeros(size) for name, size in shapes.items()})

    def test_one_context_alone(self):
        with pytest.raises(ValueError, match=r"X has shape \(6, 4\); expected \(B, N, d\)"):
            Tasks(torch.zeros(6, 4), torch.zeros(6, 1), torch.zeros(4), torch.zeros(1))
