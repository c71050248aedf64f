"""Linear attention is a weight update: both forms against loops and a training step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from iclbook.dual import (
    FastWeights,
    causal_linear_attention_parallel,
    causal_linear_attention_recurrent,
    crossover,
    delta_w,
    linear_attention,
    operation_counts,
    train,
    update_as_demonstrations,
)

sizes = st.integers(1, 7)
widths = st.integers(1, 300)
seeds = st.integers(0, 2**32 - 1)


def demonstrations(seed: int, N: int, d_k: int, d_v: int):
    """Random keys, values and a generator to draw more from."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, d_k)), rng.normal(size=(N, d_v)), rng


def attention_by_loops(K, V, q):
    """sum_i v_i (k_i . q), one number at a time; also counts the multiply-adds."""
    out, count = np.zeros(V.shape[1]), 0
    for k, v in zip(K, V, strict=True):
        score = 0.0
        for a, b in zip(k, q, strict=True):
            score += a * b
            count += 1
        for j in range(len(v)):
            out[j] += score * v[j]
            count += 1
    return out, count


def weights_by_loops(W, q):
    """W q, one number at a time; also counts the multiply-adds."""
    out, count = np.zeros(len(W)), 0
    for j, row in enumerate(W):
        for a, b in zip(row, q, strict=True):
            out[j] += a * b
            count += 1
    return out, count


@given(seed=seeds, N=sizes, d_k=sizes, d_v=sizes)
def test_linear_attention_equals_a_double_loop(seed, N, d_k, d_v):
    K, V, rng = demonstrations(seed, N, d_k, d_v)
    q = rng.normal(size=d_k)
    assert_allclose(linear_attention(K, V, q), attention_by_loops(K, V, q)[0], atol=1e-12)


@given(seed=seeds, N=sizes, d_k=sizes, d_v=sizes, m=sizes)
def test_linear_attention_is_a_weight_update(seed, N, d_k, d_v, m):
    """(W_ZSL + Delta W_ICL) q = W_ZSL q + attention over the demonstrations."""
    K, V, rng = demonstrations(seed, N, d_k, d_v)
    W, Q = rng.normal(size=(d_v, d_k)), rng.normal(size=(m, d_k))
    expected = [W @ q + attention_by_loops(K, V, q)[0] for q in Q]
    assert_allclose(Q @ (W + delta_w(K, V)).T, expected, atol=1e-12)
    assert_allclose(Q @ W.T + linear_attention(K, V, Q), expected, atol=1e-12)


@given(seed=seeds, N=sizes, d_k=sizes, d_v=sizes)
def test_delta_w_is_a_sum_of_outer_products(seed, N, d_k, d_v):
    K, V, _ = demonstrations(seed, N, d_k, d_v)
    expected = np.zeros((d_v, d_k))
    for i in range(N):
        for r in range(d_v):
            for c in range(d_k):
                expected[r, c] += V[i, r] * K[i, c]
    assert_allclose(delta_w(K, V), expected, atol=1e-12)


@given(seed=seeds, N=sizes, n=sizes, d_k=sizes, d_v=sizes)
def test_updates_of_two_sets_of_demonstrations_add_up(seed, N, n, d_k, d_v):
    K, V, rng = demonstrations(seed, N, d_k, d_v)
    more_K, more_V = rng.normal(size=(n, d_k)), rng.normal(size=(n, d_v))
    both = delta_w(np.concatenate([K, more_K]), np.concatenate([V, more_V]))
    assert_allclose(both, delta_w(K, V) + delta_w(more_K, more_V), atol=1e-12)


@given(seed=seeds, N=sizes, d_k=sizes, d_v=sizes)
def test_one_step_of_gradient_descent_is_attention(seed, N, d_k, d_v):
    """Targets W k + v and a step of length N, which undoes the mean: values are errors."""
    K, V, rng = demonstrations(seed, N, d_k, d_v)
    W, q = rng.normal(size=(d_v, d_k)), rng.normal(size=d_k)
    run = train(K, K @ W.T + V, W, eta=float(N), steps=1)
    assert_allclose(run.weights[1], W + delta_w(K, V), atol=1e-11)
    assert_allclose(run.weights[1] @ q, W @ q + linear_attention(K, V, q), atol=1e-11)
    assert_allclose(run.dual_values(), V, atol=1e-11)


@given(seed=seeds, N=sizes, d_k=sizes, d_v=sizes, start=st.sampled_from([0.0, 1.0]))
def test_causal_forms_and_fast_weights_agree_token_by_token(seed, N, d_k, d_v, start):
    K, V, rng = demonstrations(seed, N, d_k, d_v)
    Q, W = rng.normal(size=(N, d_k)), start * rng.normal(size=(d_v, d_k))
    parallel = causal_linear_attention_parallel(Q, K, V)
    recurrent = causal_linear_attention_recurrent(Q, K, V)
    state = FastWeights(W)
    for t in range(N):
        expected, _ = attention_by_loops(K[: t + 1], V[: t + 1], Q[t])
        assert_allclose(parallel[t], expected, atol=1e-12)
        assert_allclose(recurrent[t], expected, atol=1e-12)
        state.write(K[t], V[t])
        assert_allclose(state.read(Q[t]), W @ Q[t] + expected, atol=1e-12)
        assert_allclose(state.W, W + delta_w(K[: t + 1], V[: t + 1]), atol=1e-12)


def test_fast_weights_keep_their_own_copy():
    W = np.zeros((2, 3))
    FastWeights(W).write(np.ones(3), np.ones(2))
    assert not W.any()


@given(seed=seeds, d_k=sizes, d_v=sizes, data=st.data())
def test_an_update_comes_back_as_the_fewest_demonstrations(seed, d_k, d_v, data):
    rank = data.draw(st.integers(1, min(d_k, d_v)))
    K, V, rng = demonstrations(seed, rank, d_k, d_v)
    W = delta_w(K, V)
    keys, values = update_as_demonstrations(W)
    assert len(keys) == len(values) == np.linalg.matrix_rank(W) == rank
    assert_allclose(delta_w(keys, values), W, atol=1e-12)
    assert_allclose(keys @ keys.T, np.eye(rank), atol=1e-12)
    q = rng.normal(size=d_k)
    assert_allclose(linear_attention(keys, values, q), W @ q, atol=1e-11)


# Costs


@given(N=sizes, d_k=sizes, d_v=sizes)
def test_operation_counts_of_one_query_equal_counted_multiply_adds(N, d_k, d_v):
    K, V, rng = demonstrations(0, N, d_k, d_v)
    q = rng.normal(size=d_k)
    counts = operation_counts(N, d_k, d_v)
    assert counts.attention == attention_by_loops(K, V, q)[1]
    assert counts.weights == weights_by_loops(delta_w(K, V), q)[1]


@given(N=sizes, d_k=sizes, d_v=sizes)
def test_operation_counts_of_a_sequence_equal_counted_multiply_adds(N, d_k, d_v):
    K, V, rng = demonstrations(0, N, d_k, d_v)
    Q = rng.normal(size=(N, d_k))
    counts = operation_counts(N, d_k, d_v, causal=True)
    assert counts.attention == sum(attention_by_loops(K, V, q)[1] for q in Q)
    writes = sum(1 for v in V for _ in v for _ in range(d_k))
    reads = sum(weights_by_loops(delta_w(K, V), q)[1] for q in Q)
    assert counts.weights == writes + reads


@given(d_k=widths, d_v=widths, causal=st.booleans())
def test_both_forms_cost_the_same_at_the_crossover(d_k, d_v, causal):
    N = crossover(d_k, d_v, causal=causal)
    assert_allclose(N * (d_k + d_v), d_k * d_v * (2 if causal else 1))
    before, after = int(np.ceil(N)) - 1, int(np.floor(N)) + 1
    if before:
        counts = operation_counts(before, d_k, d_v, causal=causal)
        assert counts.attention < counts.weights
    counts = operation_counts(after, d_k, d_v, causal=causal)
    assert counts.attention > counts.weights


def test_crossover_of_equal_widths_is_half_the_width():
    assert crossover(64, 64) == 32
    assert crossover(64, 64, causal=True) == 64
    counts = operation_counts(32, 64, 64)
    assert counts.attention == counts.weights == 4096


# Bad input

K, V, Q = (np.random.default_rng(0).normal(size=s) for s in [(5, 3), (5, 2), (5, 3)])
THREE = {
    "linear_attention": linear_attention,
    "parallel": lambda K, V, q: causal_linear_attention_parallel(q, K, V),
    "recurrent": lambda K, V, q: causal_linear_attention_recurrent(q, K, V),
}


def with_nan(A):
    A = A.copy()
    A[1, 1] = np.nan
    return A


@pytest.mark.usefixtures("plain_python")
class TestBadInput:
    @pytest.mark.parametrize("function", [*THREE.values(), lambda K, V, q: delta_w(K, V)])
    @pytest.mark.parametrize(
        ("k", "v", "error", "words"),
        [
            (K.T, V, ValueError, ["V has shape (5, 2)", "(3, d_v)", "transposed"]),
            (K, V.T, ValueError, ["V has shape (2, 5)", "(5, d_v)", "transposed"]),
            (K, V[:4], ValueError, ["V has shape (4, 2)", "(5, d_v)"]),
            (K[0], V, ValueError, ["K has shape (3,)", "(N, d_k)"]),
            (
                K[:0],
                V[:0],
                ValueError,
                ["K is empty", "(0, 3)", "at least one entry on every axis"],
            ),
            (K.astype(int), V, TypeError, ["K holds int64", "K.astype(float)"]),
            (K, V.astype(int), TypeError, ["V holds int64", "V.astype(float)"]),
            (K.tolist(), V, TypeError, ["K is a list", "np.asarray(K, dtype=float)"]),
            (with_nan(K), V, ValueError, ["K has a NaN", "(1, 1)", "finite"]),
            (K, with_nan(V), ValueError, ["V has a NaN", "(1, 1)", "finite"]),
        ],
        ids=lambda x: None,
    )
    def test_demonstrations(self, function, k, v, error, words):
        with pytest.raises(error) as caught:
            function(k, v, Q)
        for word in words:
            assert word in str(caught.value)

    @pytest.mark.parametrize("name", THREE)
    @pytest.mark.parametrize(
        ("q", "error", "words"),
        [
            (Q.T, ValueError, ["has shape (3, 5)", "transposed"]),
            (Q[:, :2], ValueError, ["has shape (5, 2)", "3)"]),
            (Q.astype(int), TypeError, ["holds int64", "astype(float)"]),
            (Q.tolist(), TypeError, ["is a list", "np.asarray("]),
            (with_nan(Q), ValueError, ["NaN", "(1, 1)"]),
            (np.float64(1.0), TypeError, ["is a float64", "NumPy array"]),
        ],
        ids=lambda x: None,
    )
    def test_queries(self, name, q, error, words):
        with pytest.raises(error) as caught:
            THREE[name](K, V, q)
        argument = "q" if name == "linear_attention" else "Q"
        for word in [f"{argument} ", *words]:
            assert word in str(caught.value)

    def test_numbers_whose_products_overflow(self):
        with pytest.raises(ValueError, match=r"K and V are too large: .*float64.*Scale them down"):
            delta_w(1e200 * K, 1e200 * V)
        with pytest.raises(ValueError, match=r"K, V and q are too large: .*Scale them down"):
            linear_attention(1e200 * K, V, 1e200 * Q)

    @pytest.mark.parametrize("name", ["parallel", "recurrent"])
    def test_causal_attention_wants_one_query_a_token(self, name):
        with pytest.raises(ValueError, match=r"Q has shape \(4, 3\); expected \(5, 3\)"):
            THREE[name](K, V, Q[:4])

    def test_fast_weights(self):
        with pytest.raises(TypeError, match=r"W holds int64.*astype\(float\)"):
            FastWeights(np.zeros((2, 3), dtype=int))
        state = FastWeights(np.zeros((2, 3)))
        with pytest.raises(ValueError, match=r"k has shape \(2,\); expected \(3,\)"):
            state.write(V[0], K[0])
        with pytest.raises(ValueError, match=r"v has shape \(3,\); expected \(2,\)"):
            state.write(K[0], K[0])
        with pytest.raises(ValueError, match=r"q has shape \(5, 3\); expected \(3,\)"):
            state.read(Q)
        assert not state.W.any()

    def test_the_zero_update_needs_no_demonstrations(self):
        with pytest.raises(ValueError, match="zero matrix; expected an update of rank 1"):
            update_as_demonstrations(np.zeros((2, 3)))

    @pytest.mark.parametrize(
        ("arguments", "error", "words"),
        [
            ((0, 4, 4), ValueError, "N is 0; expected 1 or more"),
            ((3, -4, 4), ValueError, "d_k is -4; expected 1 or more"),
            ((3, 4, 4.0), TypeError, r"d_v is 4\.0 \(float\); expected a whole number"),
            ((True, 4, 4), TypeError, r"N is True \(bool\); expected a whole number"),
        ],
    )
    def test_counts(self, arguments, error, words):
        with pytest.raises(error, match=words):
            operation_counts(*arguments)
        if not words.startswith("N"):
            with pytest.raises(error, match=words):
                crossover(*arguments[1:])
