"""Self-attention over regression tokens: the fast form is the plain form, the plain one is right.

The oracle below follows the definition of von Oswald et al. 2023 number by number.
"""

import itertools
import math

import pytest
import torch

from iclbook.regression.attention import SelfAttention, predict
from iclbook.regression.tasks import TaskLaw, Tasks

WEIGHTS = ("W_K", "W_Q", "W_V", "P")


def make(d, d_out, generator, **kind):
    """A layer with weights of order one, in double precision."""
    model = SelfAttention(d + d_out, **kind).double()
    with torch.no_grad():
        for W in model.parameters():
            W.copy_(torch.randn(W.shape, generator=generator, dtype=torch.float64))
            W *= 0.5 / math.sqrt(d + d_out)
    return model


def oracle(model, tasks, index):
    """The prediction for one task, from sums over entries in plain Python."""
    d, D = tasks.X.shape[2], tasks.X.shape[2] + tasks.y.shape[2]
    rows = [[*x, *y] for x, y in zip(tasks.X[index].tolist(), tasks.y[index].tolist())]
    rows.append([*tasks.x_q[index].tolist(), *[0.0] * (D - d)])

    def times(W, e):
        return [sum(W[i][j] * e[j] for j in range(D)) for i in range(D)]

    for layer in range(model.layers):
        of_layer = [getattr(model, name)[min(layer, len(model.P) - 1)].tolist() for name in WEIGHTS]
        moved = []
        for e in rows:
            new = list(e)
            for W_K, W_Q, W_V, P in zip(*of_layer):
                q = times(W_Q, e)
                keys = [times(W_K, c) for c in rows[:-1]]
                scores = [sum(a * b for a, b in zip(k, q)) for k in keys]
                if model.softmax:
                    weights = [math.exp(score / math.sqrt(D)) for score in scores]
                    scores = [weight / sum(weights) for weight in weights]
                values = [times(W_V, c) for c in rows[:-1]]
                mixed = [sum(s * v[i] for s, v in zip(scores, values)) for i in range(D)]
                new = [a + b for a, b in zip(new, times(P, mixed))]
            if model.clip is not None:
                new = [min(max(a, -model.clip), model.clip) for a in new]
            moved.append(new)
        rows = moved
    return [-a for a in rows[-1][d:]]


@pytest.mark.parametrize(
    "kind",
    [
        {},
        {"heads": 2},
        {"layers": 2, "tied": True},
        {"layers": 3, "heads": 2},
        {"softmax": True, "heads": 2},
        {"layers": 2, "softmax": True},
        {"layers": 3, "tied": True, "clip": 0.5},
    ],
    ids=str,
)
def test_predictions_are_those_of_the_definition(kind):
    generator = torch.Generator().manual_seed(3)
    model = make(3, 2, generator, **kind)
    tasks = TaskLaw(d=3, d_out=2, N=4, inputs="normal").sample(2, generator, torch.float64)
    expected = [oracle(model, tasks, index) for index in range(2)]
    expected = torch.tensor(expected, dtype=torch.float64)
    with torch.no_grad():
        for form in (model, model.forward_plain):
            assert torch.allclose(form(tasks), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize(("layers", "heads"), list(itertools.product([1, 2, 3, 5], [1, 2, 3])))
def test_the_fast_form_and_its_gradients_are_those_of_the_plain_form(layers, heads, tied):
    generator = torch.Generator().manual_seed(100 * layers + 10 * heads + tied)
    for _ in range(3):
        d, d_out, N = torch.randint(1, 9, (3,), generator=generator).tolist()
        model = make(d, d_out, generator, layers=layers, heads=heads, tied=tied)
        law = TaskLaw(d=d, d_out=d_out, N=N, inputs="normal", scale=0.5)
        tasks = law.sample(6, generator, torch.float64)
        results = []
        for form in (model, model.forward_plain):
            x_q = tasks.x_q.clone().requires_grad_()
            prediction = form(Tasks(tasks.X, tasks.y, x_q, tasks.y_q))
            loss = (prediction - tasks.y_q).square().mean()
            asked = [x_q, *model.parameters()]
            results.append([prediction.detach(), *torch.autograd.grad(loss, asked)])
        for fast, plain in zip(*results):
            assert (fast - plain).abs().max() <= 1e-10 * plain.abs().max()


def test_it_does_not_matter_how_tasks_lie_in_memory():
    generator = torch.Generator().manual_seed(0)
    model = make(4, 1, generator, layers=2)
    tasks = TaskLaw(d=4).sample(5, generator, torch.float64)
    copies = Tasks(*(part.clone(memory_format=torch.contiguous_format) for part in parts(tasks)))
    with torch.no_grad():
        assert torch.allclose(model(tasks), model(copies), rtol=1e-13)


def parts(tasks):
    return tasks.X, tasks.y, tasks.x_q, tasks.y_q


def test_only_the_products_matter():
    generator = torch.Generator().manual_seed(0)
    model = make(4, 1, generator)
    tasks = TaskLaw(d=4).sample(5, generator, torch.float64)
    before = model(tasks).detach()
    R, S = torch.randn(2, 5, 5, generator=generator, dtype=torch.float64)
    with torch.no_grad():
        model.W_K.copy_(R @ model.W_K)
        model.W_Q.copy_(torch.linalg.inv(R).mT @ model.W_Q)
        model.W_V.copy_(2.0 * S @ model.W_V)
        model.P.copy_(model.P @ torch.linalg.inv(S))
        A, M = model.products()
        assert torch.allclose(model(tasks), 2 * before, rtol=1e-8)
        assert torch.allclose(predict(A / 8, 4 * M, tasks), before, rtol=1e-8)


@pytest.mark.parametrize(("tied", "count"), [(False, 3), (True, 1)])
def test_the_four_matrices_are_the_parameters(tied, count):
    model = SelfAttention(11, layers=3, heads=2, tied=tied)
    shapes = {name: tuple(W.shape) for name, W in model.named_parameters()}
    assert shapes == dict.fromkeys(WEIGHTS, (count, 2, 11, 11))


def test_initial_weights_have_the_spread_of_the_authors_code():
    model = SelfAttention(60, layers=4, generator=torch.Generator().manual_seed(0))
    std = math.sqrt(0.002 / (4 * 60))
    for W in model.parameters():
        assert float(W.detach().std()) == pytest.approx(std, rel=0.02)
        assert float(W.detach().abs().max()) <= 2 * std / 0.87962566 + 1e-9


@pytest.mark.usefixtures("plain_python")
class TestBadInput:
    @pytest.mark.parametrize("softmax", [False, True])
    def test_tokens_of_another_width(self, softmax):
        tasks = TaskLaw(d=5).sample(2, torch.Generator())
        message = r"for tokens of width 11; these tasks .* 5 \+ 1\. Make .* width = 6"
        with pytest.raises(ValueError, match=message):
            SelfAttention(11, softmax=softmax)(tasks)

    @pytest.mark.parametrize(("a", "m"), [((1, 1, 6, 6), (2, 1, 6, 6)), ((0, 1, 6, 6),) * 2])
    def test_products_that_do_not_fit_together(self, a, m):
        tasks = TaskLaw(d=5).sample(2, torch.Generator())
        with pytest.raises(ValueError, match=r"A and M have shapes .*; expected \(L, H, D, D\)"):
            predict(torch.zeros(a), torch.zeros(m), tasks)

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            ({"width": 1}, "width is 1; expected 2 or more"),
            ({"layers": 0}, "layers is 0"),
            ({"heads": 0}, "heads is 0"),
            ({"clip": -1.0}, "clip is -1.0"),
        ],
    )
    def test_sizes_that_cannot_be(self, bad, message):
        with pytest.raises(ValueError, match=message):
            SelfAttention(**({"width": 11} | bad))
