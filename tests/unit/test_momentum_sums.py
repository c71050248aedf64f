"""Decaying sums against their definition, and what a mixing makes of them."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from iclbook.momentum.mixing import Momentum, Taps
from iclbook.momentum.sums import decayed_sum, explicit_sum

SHAPES = st.tuples(*(st.integers(1, n) for n in (3, 90, 4, 3)))
ETA = st.floats(1e-6, 1 - 1e-6)


def drawn(shape, seed, etas=None):
    """Values in double precision, and rates: as many as heads if none are given."""
    random = torch.Generator().manual_seed(seed)
    values = torch.randn(shape, generator=random, dtype=torch.float64)
    if etas is None:
        etas = torch.rand(shape[2], generator=random, dtype=torch.float64) * 0.98 + 0.01
    return values, torch.as_tensor(etas, dtype=torch.float64)


def by_hand(values, etas):
    """The recurrence, token by token, in NumPy; one entry more than there are tokens."""
    values = values.detach().numpy()
    etas = np.broadcast_to(etas.detach().numpy(), values.shape[2])[:, None]
    found = [np.zeros_like(values[:, 0])]
    for t in range(values.shape[1]):
        found.append(etas * (found[-1] + values[:, t]))
    return np.stack(found, axis=1)


@given(SHAPES, st.integers(0, 99), st.integers(1, 40), st.none() | ETA)
def test_parts_definition_and_recurrence_agree(shape, seed, part, eta):
    values, etas = drawn(shape, seed, None if eta is None else [eta])
    sums, after = decayed_sum(values, etas, part=part)
    expected = by_hand(values, etas)
    np.testing.assert_allclose(sums, expected[:, :-1], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(after, expected[:, -1], rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(explicit_sum(values, etas), sums, rtol=1e-10, atol=1e-10)


@given(SHAPES, st.integers(0, 99), st.data())
def test_a_text_may_be_summed_in_pieces(shape, seed, data):
    values, etas = drawn(shape, seed)
    whole, end = decayed_sum(values, etas)
    cut = data.draw(st.integers(0, shape[1]))
    found, before = [], None
    for piece in values.split([n for n in (cut, shape[1] - cut) if n], dim=1):
        sums, before = decayed_sum(piece, etas, before)
        found.append(sums)
    np.testing.assert_allclose(torch.cat(found, 1), whole, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(before, end, rtol=1e-10, atol=1e-10)


def test_weights_are_powers_of_the_lag_and_no_token_sees_itself():
    values = torch.zeros(1, 70, 1, 1, dtype=torch.float64)
    values[0, 30] = 1.0
    sums, _ = decayed_sum(values, torch.tensor([0.5], dtype=torch.float64))
    expected = np.where(np.arange(70) > 30, 0.5 ** (np.arange(70) - 30.0), 0)
    np.testing.assert_allclose(sums[0, :, 0, 0], expected, rtol=1e-14)


@pytest.mark.parametrize("eta", [1e-30, 1e-4, 0.999999])
def test_extreme_rates_stay_finite_in_single_precision(eta):
    values, etas = drawn((1, 500, 2, 2), 0, [eta])
    etas.requires_grad_()
    sums, _ = decayed_sum(values.float(), etas.float())
    sums.sum().backward()
    assert torch.isfinite(etas.grad).all()
    expected = by_hand(values, etas)[:, :-1]
    np.testing.assert_allclose(sums.detach(), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("tokens", [1, 4, 7, 8])
def test_gradients(heads, tokens):
    values, etas = drawn((2, tokens, 3, 2), 1, torch.linspace(0.3, 0.8, heads))
    before = torch.randn(2, 3, 2, dtype=torch.float64)
    inputs = [x.requires_grad_() for x in (values, etas, before)]
    assert torch.autograd.gradcheck(lambda *x: decayed_sum(*x, part=4), inputs)


@pytest.mark.parametrize("normalised", [False, True])
@pytest.mark.parametrize("nesterov", [False, True])
def test_what_momentum_adds(normalised, nesterov):
    values, etas = drawn((2, 40, 3, 2), 2)
    mixing = Momentum(etas, normalised=normalised, nesterov=nesterov)
    sums = by_hand(values, etas)
    expected = sums[:, 1:] if nesterov else sums[:, :-1]
    if normalised:
        expected = (1 - etas.numpy()[:, None]) * expected
    found = mixing.read(mixing.sums(values, None)[0], values)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_a_learned_rate_begins_where_it_is_told_and_gets_a_gradient():
    values, etas = drawn((1, 20, 2, 2), 3)
    mixing = Momentum(etas, learned=True)
    np.testing.assert_allclose(mixing.eta(values).detach(), etas, rtol=1e-12)
    assert [name for name, _ in mixing.named_parameters()] == ["logit"]
    assert not list(Momentum(etas).parameters())

    def output(logit):
        mixing.logit.data = logit.data
        return torch.func.functional_call(_Reader(mixing), {"mixing.logit": logit}, (values,))

    assert torch.autograd.gradcheck(output, [mixing.logit.detach().clone().requires_grad_()])


class _Reader(torch.nn.Module):
    def __init__(self, mixing):
        super().__init__()
        self.mixing = mixing

    def forward(self, values):
        return self.mixing.read(self.mixing.sums(values, None)[0], values)


@given(SHAPES, st.integers(1, 7), st.booleans())
def test_taps_are_a_weighted_sum_of_the_last_values(shape, lags, one):
    values, _ = drawn(shape, 4)
    weights = torch.randn(1 if one else shape[2], lags, dtype=torch.float64)
    expected = np.zeros(shape)
    for h in range(shape[2]):
        for lag in range(1, min(lags, shape[1] - 1) + 1):
            w = weights[0 if one else h, lag - 1].item()
            expected[:, lag:, h] += w * values[:, :-lag, h].numpy()
    found, after = Taps(weights).sums(values, None)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-10)
    assert after is None


def test_taps_with_powers_are_momentum_that_forgets():
    values, _ = drawn((2, 60, 3, 2), 5)
    eta = torch.tensor([0.6], dtype=torch.float64)
    taps = Taps(eta[:, None] ** torch.arange(1, 60))
    np.testing.assert_allclose(taps.sums(values, None)[0], explicit_sum(values, eta), atol=1e-12)
