"""SimAM and Kendall: hand-worked values, invariances, and every tau as SciPy has it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import kendalltau

from iclbook.gpt.metrics import kendall, sim_am, tau_b

MAYBE = st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0, np.nan])


def normal(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def padded(seed, lengths, width, L=2, H=3):
    x = normal(seed, len(lengths), L, H, width)
    return x * (np.arange(width) >= width - np.array(lengths)[:, None])[:, None, None]


LENGTHS = np.array([2, 4, 3])


def test_one_layer_of_two_heads_worked_by_hand():
    z = np.array([[[[0.0, 1, 0], [0, 3, 4]]]])
    i = np.array([[[[0.0, 1, 1], [0, 4, 3]]]])
    f = np.array([[[[0.0, 0, 1], [0, 3, 5]]]])
    found = sim_am(z, i, f, np.array([2]))
    assert found["before"].heads == pytest.approx(np.array([[1 / np.sqrt(2), 24 / 25]]))
    assert found["after"].heads == pytest.approx(
        np.array([[1 / np.sqrt(2), 27 / (5 * np.sqrt(34))]])
    )
    # Changes (0,1) and (-1,1); then (1,-1) and (0,1).
    assert found["difference"].heads == pytest.approx(np.array([[1, -1]]) / np.sqrt(2))
    assert found["difference"].items == pytest.approx(np.zeros((1, 1)))
    without = sim_am(z, i, f, np.array([2]), last_key=False)
    assert without["before"].heads == pytest.approx(np.ones((1, 2)))


def test_wider_padding_head_order_and_positive_scales_change_nothing():
    narrow = [padded(seed, LENGTHS, 4) for seed in (0, 1, 2)]
    wide = [np.pad(x, ((0, 0),) * 3 + ((5, 0),)) for x in narrow]
    turned = [x[:, :, ::-1] for x in narrow]
    scaled = [s * x for s, x in zip((1.0, 2.0, 0.25), narrow)]
    rng = np.random.default_rng
    found, other, heads = (sim_am(*x, LENGTHS, rng=rng(0)) for x in (narrow, wide, turned))
    for name, score in found.items():
        assert other[name].items == pytest.approx(score.items, abs=1e-12)
        for reference, values in score.references.items():
            assert other[name].references[reference] == pytest.approx(values, abs=1e-12)
        assert heads[name].items == pytest.approx(score.items, abs=1e-12)
        assert heads[name].heads[:, ::-1] == pytest.approx(score.heads, abs=1e-12)
    for name in ("before", "after"):
        again = sim_am(*scaled, LENGTHS)[name].items
        assert again == pytest.approx(found[name].items, abs=1e-12)


def test_noise_on_the_map_is_similar_by_itself_and_its_difference_is_not():
    """A finetuning that moves the map at random: SimAM is high, and so is its baseline."""
    lengths = np.full(400, 64)
    z = padded(0, lengths, 64, L=1, H=2)
    i, f = z + 0.5 * padded(1, lengths, 64, 1, 2), z + 0.5 * padded(2, lengths, 64, 1, 2)
    found = sim_am(z, i, f, lengths, rng=np.random.default_rng(0))
    assert found["after"].mean() == pytest.approx(0.8, abs=0.01)
    assert found["after"].mean("isotropic") == pytest.approx(found["after"].mean(), abs=0.01)
    for reference in (None, "isotropic"):
        assert abs(found["difference"].mean(reference)) < 0.02


def test_where_the_context_leaves_a_row_there_is_no_change_to_compare():
    """A first layer with relative positions: its change in context is rounding."""
    z, i, f = (padded(seed, LENGTHS, 4) for seed in (0, 1, 2))
    whole = sim_am(z, i, f, LENGTHS)["difference"]
    i[:, 0] = z[:, 0] * (1 + 1e-6 * normal(3, *z[:, 0].shape))  # a layer
    i[:, 1, 2] = z[:, 1, 2] * (1 + 1e-6)  # a head
    i[0, 1] = z[0, 1]  # an item
    found = sim_am(z, i, f, LENGTHS, rng=np.random.default_rng(0))
    part = found["difference"]
    assert np.isnan(part.items[:, 0]).all()
    assert np.isnan(part.items[0, 1])
    assert np.isfinite(part.items[1:, 1]).all()
    assert np.array_equal(np.isnan(part.references["isotropic"]), np.isnan(part.items))
    assert np.isnan(part.heads[1, 2])
    assert part.mean() == pytest.approx(part.items[1:, 1].mean())
    assert part.layers()[1] != pytest.approx(whole.layers()[1])
    assert found["before"].layers()[0] == pytest.approx(1)
    assert part.summary(np.random.default_rng(0))["undefined"] == 4


def test_blocks_do_not_change_the_result():
    x = [padded(seed, LENGTHS, 4) for seed in (0, 1, 2)]
    whole, small = (
        sim_am(*x, LENGTHS, rng=np.random.default_rng(0), numbers=numbers) for numbers in (None, 1)
    )
    for name, score in whole.items():
        assert np.array_equal(score.items, small[name].items)
        for reference, values in score.references.items():
            assert np.array_equal(values, small[name].references[reference])


def test_lengths_that_do_not_fit_are_refused():
    x = padded(0, LENGTHS, 4)
    with pytest.raises(ValueError, match=r"expected \(3,\) within \[1, 4\]"):
        sim_am(x, x, x, LENGTHS + 1)


@pytest.mark.parametrize("N", [1, 2, 3, 7, 8, 9, 100])
def test_every_tau_is_scipys(N):
    rng = np.random.default_rng(N)
    x = np.concatenate([rng.normal(size=(20, N)), rng.integers(4, size=(20, N)).astype(float)])
    y = np.concatenate([rng.normal(size=(10, N)), rng.integers(3, size=(30, N)).astype(float)])
    found = tau_b(x, y)
    expected = [kendalltau(a, b).statistic if N > 1 else np.nan for a, b in zip(x, y)]
    assert found == pytest.approx(np.array(expected), abs=1e-12, nan_ok=True)


@given(st.integers(2, 12).flatmap(lambda n: arrays(float, (2, 3, n), elements=MAYBE)))
def test_masked_tokens_are_left_out(pair):
    x, y = pair
    found = tau_b(x, y)
    for tau, a, b in zip(found, x, y):
        seen = ~(np.isnan(a) | np.isnan(b))
        expected = kendalltau(a[seen], b[seen]).statistic if seen.sum() > 1 else np.nan
        assert tau == pytest.approx(expected, abs=1e-12, nan_ok=True)


def test_infinite_scores_are_refused():
    with pytest.raises(ValueError, match="infinite"):
        tau_b(np.array([[1.0, np.inf]]), np.array([[1.0, 2.0]]))


def test_kendall_worked_by_hand():
    """BOS, two demonstrations of 2 and 1 tokens with a separator each; one layer of width 1."""
    context = np.array([[[9.0, 1, 2, -9, 3, -9]], [[0.0, 1, np.nan, 0, 3, 0]]])
    trained = [np.array([[[7.0], [1], [3]]]), np.array([[[7.0], [2]]])]
    query = np.array([[[1.0]], [[-1.0]]])
    # Item 0: 1, 2, 3 against 1, 3, 2: two pairs agree, one does not. Item 1: 1, 3 against -1, -2.
    found = kendall(context, trained, query)
    assert found.items == pytest.approx(np.array([[1 / 3], [-1]]))
    assert kendall(context, trained, query, first=1).mean() == pytest.approx(1 / 3)
    hidden = np.where(np.arange(6) > 2, np.nan, context)
    assert kendall(hidden, trained, query).summary(np.random.default_rng(0))["undefined"] == 1


def test_kendall_sees_the_order_of_weights_only():
    rng = np.random.default_rng(0)
    trained = [rng.normal(size=(2, 1 + T, 4)) for T in (5, 8, 6)]
    query = rng.normal(size=(3, 2, 4))
    context = rng.normal(size=(3, 2, 1 + 19 + 3))
    softmax = np.exp(context) / np.exp(context).sum(-1, keepdims=True)
    found = kendall(context, trained, query, rng=rng)
    assert np.array_equal(kendall(softmax, trained, query).items, found.items)
    assert np.array_equal(kendall(context, trained, 3 * query).items, found.items)
    small = kendall(context, trained, query, numbers=1)
    assert np.array_equal(small.items, found.items)
    # Examples beyond those that the window kept are left out.
    more = [*trained, rng.normal(size=(2, 4, 4))]
    assert np.array_equal(kendall(context, more, query).items, found.items)
    # Two tokens of separator and none of BOS: another layout of the same tokens.
    wide = np.concatenate(
        [part for c in np.split(context[..., 1:], (6, 15), axis=-1) for part in (c, c[..., -1:])],
        axis=-1,
    )
    without = [q[:, 1:] for q in trained]
    again = kendall(wide, without, query, bos=0, separator=2)
    assert np.array_equal(again.items, found.items)


def test_kendalls_random_baselines_are_zero_on_average():
    rng = np.random.default_rng(0)
    trained = [rng.normal(size=(1, 1 + 20, 8)) for _ in range(3)]
    query = rng.normal(size=(400, 1, 8))
    products = np.concatenate([q[0, 1:] for q in trained]) @ query[:, 0].T
    context = np.zeros((400, 1, 64))
    for demo in range(3):
        at = 1 + 21 * demo
        context[:, 0, at : at + 20] = products.T[:, 20 * demo : 20 * (demo + 1)]
    found = kendall(context, trained, query, rng=rng)
    assert found.mean() == pytest.approx(1)
    assert abs(found.mean("uniform")) < 0.02
    assert abs(found.mean("isotropic")) < 0.05
    # The proper one is as rough as real queries are: few directions, many tokens.
    spread = {name: values.std() for name, values in found.references.items()}
    assert spread["isotropic"] > 2 * spread["uniform"]


def test_a_context_of_other_demonstrations_is_refused(plain_python):
    trained = [np.zeros((1, 4, 2))]
    with pytest.raises(ValueError, match="the context has 6 tokens"):
        kendall(np.zeros((1, 1, 6)), trained, np.zeros((1, 1, 2)))
    with pytest.raises(ValueError, match="of the same model"):
        kendall(np.zeros((1, 1, 5)), trained, np.zeros((1, 1, 3)))
