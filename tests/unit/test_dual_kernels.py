"""The softmax side: attention, its split, its kernel and random features of the kernel."""

from math import exp, factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.special import expit

from iclbook.dual import (
    delta_w,
    exp_features,
    kernel_attention,
    linear_attention,
    positive_random_features,
    random_directions,
    softmax_attention,
    softmax_split,
)

sizes = st.integers(1, 6)
seeds = st.integers(0, 2**32 - 1)
scales = st.none() | st.floats(0.05, 3.0)


def tokens(seed: int, N: int, d_k: int, d_v: int, m: int):
    """Random keys, values, queries."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(N, d_k)), rng.normal(size=(N, d_v)), rng.normal(size=(m, d_k))


# Softmax attention and its split


@given(
    seed=seeds, n=sizes, N=sizes, d_k=sizes, d_v=sizes, scale=scales, size=st.floats(0.1, 1000.0)
)
def test_the_split_is_exact(seed, n, N, d_k, d_v, scale, size):
    """Attn([X'; X]) = (1 - lam) Attn(X) + lam Attn(X'), whatever the size of the scores."""
    K, V, Q = tokens(seed, n, d_k, d_v, 4)
    K_demo, V_demo, _ = tokens(seed + 1, N, d_k, d_v, 1)
    Q = size * Q
    split = softmax_split(K, V, K_demo, V_demo, Q, scale)
    both = softmax_attention(np.concatenate([K_demo, K]), np.concatenate([V_demo, V]), Q, scale)
    assert split.lam.shape == (4,)
    assert ((split.lam >= 0) & (split.lam <= 1)).all()
    for i in range(4):
        lam = split.lam[i]
        own, demo = split.zero_shot[i], split.demonstrations[i]
        assert_allclose((1 - lam) * own + lam * demo, both[i], rtol=1e-12, atol=1e-12)
    assert_allclose(split.zero_shot, softmax_attention(K, V, Q, scale), atol=1e-12)
    assert_allclose(split.demonstrations, softmax_attention(K_demo, V_demo, Q, scale), atol=1e-12)
    assert_allclose(split.output, both, rtol=1e-12, atol=1e-12)
    assert_allclose(split.update, both - split.zero_shot, rtol=1e-11, atol=1e-12)


@given(seed=seeds, n=sizes, N=sizes)
def test_lambda_is_the_attention_on_the_demonstrations(seed, n, N):
    """Values 1 on demonstrations and 0 elsewhere read the share off softmax attention."""
    K, V, Q = tokens(seed, n + N, 3, 1, 1)
    marks = (np.arange(n + N) < N).astype(float)[:, None]
    split = softmax_split(K[N:], V[N:], K[:N], V[:N], Q[0])
    assert_allclose(split.lam, softmax_attention(K, marks, Q[0])[0], atol=1e-12)
    weights = np.exp(K @ Q[0] / np.sqrt(3))
    assert_allclose(split.lam, weights[:N].sum() / weights.sum(), atol=1e-12)


@pytest.mark.parametrize("score", [-700.0, -350.0, 0.0, 350.0, 700.0])
@pytest.mark.parametrize("other", [-700.0, 0.0, 700.0])
def test_the_split_survives_scores_that_overflow(score, other):
    one, v, w = np.ones((1, 1)), np.array([[1.0, 2.0]]), np.array([[-3.0, 5.0]])
    with np.errstate(all="raise", under="ignore"):
        split = softmax_split(score * one, v, other * one, w, one[0], scale=1.0)
    gap = other - score
    assert_allclose(split.lam, expit(gap))
    assert_allclose(split.output, v[0] + split.lam * (w[0] - v[0]), rtol=1e-12)


def test_equal_scores_share_by_number():
    K = np.zeros((3, 2))
    split = softmax_split(K, K, K[:1], K[:1], np.ones(2))
    assert_allclose(split.lam, 1 / 4)


# Small scores: a mean plus a covariance


def slope(K, V):
    """Covariance of values and keys, ``1/N sum_i (v_i - v_mean)(k_i - k_mean)^T``."""
    pairs = zip(V - V.mean(axis=0), K - K.mean(axis=0), strict=True)
    return sum(np.outer(v, k) for v, k in pairs) / len(K)


def assert_second_order(remainder):
    """Halving the scale divides what is left by four, or by more if the second order vanishes."""
    coarse, fine = (np.linalg.norm(remainder(s)) for s in (2e-3, 1e-3))
    assert fine < 1e-3
    if coarse > 1e-9:
        assert coarse / fine > 3.9


@given(seed=seeds, N=st.integers(2, 8), d_k=sizes, d_v=sizes)
def test_softmax_attention_is_to_first_order_a_mean_and_a_covariance(seed, N, d_k, d_v):
    K, V, Q = tokens(seed, N, d_k, d_v, 20)
    C = slope(K, V)
    assert_second_order(lambda s: softmax_attention(K, V, Q, s) - (V.mean(axis=0) + s * Q @ C.T))


@given(seed=seeds, n=sizes, N=sizes, d_k=sizes, d_v=sizes)
def test_the_update_is_to_first_order_a_constant_and_a_difference_of_covariances(
    seed, n, N, d_k, d_v
):
    K, V, Q = tokens(seed, n + N, d_k, d_v, 20)
    own = K[N:], V[N:]
    constant = V.mean(axis=0) - own[1].mean(axis=0)
    matrix = slope(K, V) - slope(*own)
    assert_second_order(
        lambda s: softmax_split(*own, K[:N], V[:N], Q, s).update - (constant + s * Q @ matrix.T)
    )


@given(seed=seeds, N=sizes, d_k=sizes, d_v=sizes)
def test_the_linear_update_holds_the_means_as_well(seed, N, d_k, d_v):
    K, V, _ = tokens(seed, N, d_k, d_v, 1)
    means = np.outer(V.mean(axis=0), K.mean(axis=0))
    assert_allclose(delta_w(K, V) / N, slope(K, V) + means, rtol=1e-10, atol=1e-12)


# The exponential kernel and its features


@given(seed=seeds, d=st.integers(1, 4), degree=st.integers(0, 6), size=st.floats(0.1, 2.0))
def test_exp_features_are_the_truncated_series(seed, d, degree, size):
    X, Y = (size * A for A in tokens(seed, 3, d, d, 4)[::2])
    products = exp_features(X, degree) @ exp_features(Y, degree).T
    scores = X @ Y.T
    expected = sum(scores**m / factorial(m) for m in range(degree + 1))
    assert_allclose(products, expected, rtol=1e-10, atol=1e-10)
    assert exp_features(X, degree).shape == (3, sum(d**m for m in range(degree + 1)))


@given(seed=seeds, d=st.integers(1, 3))
def test_exp_features_converge_to_the_kernel(seed, d):
    X, _, Y = tokens(seed, 3, d, 1, 3)
    X, Y = (A / np.linalg.norm(A, axis=1, keepdims=True) for A in (X, Y))
    kernel = np.exp(X @ Y.T)
    errors = [np.abs(exp_features(X, D) @ exp_features(Y, D).T - kernel).max() for D in (0, 4, 10)]
    for degree, error in zip((0, 4, 10), errors, strict=True):
        assert error <= exp(1) / factorial(degree + 1) + 1e-12  # Taylor's remainder
    assert errors[2] < 1e-6


def test_exp_features_reach_high_degrees_in_one_dimension():
    x = np.array([[12.0]])
    assert_allclose((exp_features(x, 300)[0] ** 2).sum(), exp(144), rtol=1e-10)


@pytest.mark.parametrize("orthogonal", [False, True])
@pytest.mark.parametrize(("d", "m"), [(1, 1), (3, 2), (4, 4), (4, 10)])
def test_random_features_are_right_on_average(orthogonal, d, m):
    """The mean over many draws lies within five standard errors of exp(x . y)."""
    rng = np.random.default_rng(10 * d + m)
    x, y = 0.6 * rng.normal(size=(2, 1, d))
    draws = [random_directions(m, d, rng, orthogonal=orthogonal) for _ in range(2500)]
    phis = ((positive_random_features(x, D), positive_random_features(y, D)) for D in draws)
    products = [(phi_x @ phi_y.T).item() for phi_x, phi_y in phis]
    standard_error = np.std(products) / np.sqrt(len(products))
    assert abs(np.mean(products) - exp((x @ y.T).item())) < 5 * standard_error


@given(seed=seeds, d=st.integers(1, 3), m=st.integers(1, 4))
def test_variance_of_random_features(seed, d, m):
    """Var[phi(x) . phi(y)] = e^{2 x.y} (e^{|x + y|^2} - 1) / m, over many draws of m directions."""
    rng = np.random.default_rng(seed)
    x, y = 0.25 * rng.uniform(-1, 1, size=(2, d)) / np.sqrt(d)
    x[0] += 0.15  # not opposite to each other: then nothing varies
    y[0] += 0.15
    repeats = 40_000
    Omega = rng.normal(size=(repeats * m, d))
    phi = positive_random_features(np.array([x, y]), Omega) * np.sqrt(repeats)
    measured = (phi[0] * phi[1]).reshape(repeats, m).sum(axis=1).var()
    expected = np.exp(2 * x @ y) * np.expm1((x + y) @ (x + y)) / m
    assert measured == pytest.approx(expected, rel=0.2)


def test_the_error_of_random_features_falls_with_the_root_of_their_number():
    rng = np.random.default_rng(3)
    X, Y = 0.25 * rng.normal(size=(2, 10, 4))
    kernel = np.exp(X @ Y.T)

    def error(m):
        squares = []
        for _ in range(300):
            Omega = random_directions(m, 4, rng)
            products = positive_random_features(X, Omega) @ positive_random_features(Y, Omega).T
            squares.append((products - kernel) ** 2)
        return np.sqrt(np.mean(squares))

    assert error(10) / error(160) == pytest.approx(4.0, rel=0.15)


@given(seed=seeds, n=sizes, d=sizes, m=sizes)
def test_random_features_are_positive_and_follow_their_formula(seed, n, d, m):
    rng = np.random.default_rng(seed)
    X, Omega = rng.normal(size=(n, d)), rng.normal(size=(m, d))
    phi = positive_random_features(X, Omega)
    assert (phi > 0).all()
    for i in range(n):
        for j in range(m):
            expected = exp(Omega[j] @ X[i] - X[i] @ X[i] / 2) / m**0.5
            assert phi[i, j] == pytest.approx(expected, rel=1e-12)


@given(seed=seeds, m=st.integers(1, 12), d=st.integers(1, 5))
def test_orthogonal_directions_are_orthogonal_in_blocks(seed, m, d):
    Omega = random_directions(m, d, np.random.default_rng(seed), orthogonal=True)
    assert Omega.shape == (m, d)
    for start in range(0, m, d):
        block = Omega[start : start + d]
        gram = block @ block.T
        assert_allclose(gram, np.diag(np.diag(gram)), atol=1e-10)


@pytest.mark.parametrize("orthogonal", [False, True])
def test_directions_are_standard_normal(orthogonal):
    """Mean 0, covariance 1 for each row alone, and the fourth moment of a normal."""
    rng = np.random.default_rng(5)
    draws = np.stack([random_directions(3, 3, rng, orthogonal=orthogonal) for _ in range(6000)])
    for row in range(3):
        sample = draws[:, row]
        assert_allclose(sample.mean(axis=0), 0.0, atol=0.07)
        assert_allclose(sample.T @ sample / len(sample), np.eye(3), atol=0.1)
        assert_allclose((sample**4).mean(axis=0), 3.0, rtol=0.15)


def test_orthogonal_directions_lower_the_variance():
    rng = np.random.default_rng(6)
    x = rng.normal(size=(1, 8))
    x /= np.linalg.norm(x)

    def spread(orthogonal):
        phis = (
            positive_random_features(x, random_directions(8, 8, rng, orthogonal=orthogonal))
            for _ in range(3000)
        )
        return np.var([(phi @ phi.T).item() for phi in phis])

    assert spread(True) < spread(False)


# Attention in feature space


@given(seed=seeds, N=sizes, D=sizes, d_v=sizes, m=sizes)
def test_kernel_attention_equals_its_weights_written_out(seed, N, D, d_v, m):
    phi_K, V, phi_q = tokens(seed, N, D, d_v, m)
    phi_K, phi_q = np.abs(phi_K) + 0.1, np.abs(phi_q) + 0.1
    out = kernel_attention(phi_K, V, phi_q)
    for row, q in zip(out, phi_q, strict=True):
        weights = np.array([k @ q for k in phi_K])
        weights /= weights.sum()
        assert_allclose(row, sum(w * v for w, v in zip(weights, V, strict=True)), atol=1e-11)
    Z = linear_attention(phi_K, np.ones((N, 1)), phi_q)
    assert_allclose(out, linear_attention(phi_K, V, phi_q) / Z, atol=1e-11)


@given(seed=seeds, N=sizes, d_v=sizes, m=sizes, scale=st.none() | st.floats(0.2, 1.0))
def test_taylor_features_tend_to_softmax_attention(seed, N, d_v, m, scale):
    K, V, Q = tokens(seed, N, 2, d_v, m)
    K, Q = np.clip(K, -1.2, 1.2), np.clip(Q, -1.2, 1.2)
    root = np.sqrt(1 / np.sqrt(2) if scale is None else scale)
    expected = softmax_attention(K, V, Q, scale)
    out = kernel_attention(exp_features(root * K, 14), V, exp_features(root * Q, 14))
    assert_allclose(out, expected, rtol=1e-4, atol=1e-4)


def test_random_features_tend_to_softmax_attention():
    K, V, Q = tokens(7, 12, 4, 3, 5)
    K, Q, rng = 0.6 * K, 0.6 * Q, np.random.default_rng(8)
    expected = softmax_attention(K, V, Q)
    root = 4**-0.25

    def error(m):
        Omega = random_directions(m, 4, rng)
        phi = [positive_random_features(root * A, Omega) for A in (K, Q)]
        return np.abs(kernel_attention(phi[0], V, phi[1]) - expected).max()

    assert error(100_000) < 0.03 < error(10)


# Bad input

K, V, Q = tokens(0, 5, 3, 2, 4)


@pytest.mark.usefixtures("plain_python")
class TestBadInput:
    @pytest.mark.parametrize("function", [softmax_attention, kernel_attention])
    @pytest.mark.parametrize(
        ("k", "v", "q", "error", "words"),
        [
            (K, V.T, Q, ValueError, r"V has shape \(2, 5\); expected \(5, d_v\).*transposed"),
            (K, V, Q.T, ValueError, r"q has shape \(3, 4\); expected \(m, 3\).*transposed"),
            (K[:0], V[:0], Q, ValueError, "K is empty"),
            (K.astype(int), V, Q, TypeError, r"K holds int64.*K\.astype\(float\)"),
            (K, V.tolist(), Q, TypeError, r"V is a list.*np\.asarray\(V"),
            (K, V, Q * np.nan, ValueError, r"q has a NaN or infinite entry.*\(0, 0\)"),
        ],
        ids=lambda x: None,
    )
    def test_attention(self, function, k, v, q, error, words):
        with pytest.raises(error, match=words):
            function(k, v, q)

    @pytest.mark.parametrize(
        ("scale", "error", "words"),
        [
            (0.0, ValueError, r"scale is 0\.0; expected a number in \(0, inf\)"),
            (-1.0, ValueError, r"scale is -1\.0"),
            (np.nan, ValueError, "scale is nan"),
            ("1", TypeError, "scale is a str; expected a number"),
        ],
    )
    def test_scale(self, scale, error, words):
        with pytest.raises(error, match=words):
            softmax_attention(K, V, Q, scale)
        with pytest.raises(error, match=words):
            softmax_split(K, V, K, V, Q, scale)

    @pytest.mark.parametrize(
        ("changes", "error", "words"),
        [
            ({"K_demo": K[:, :2]}, ValueError, r"K_demo has shape \(5, 2\); expected \(N, 3\)"),
            ({"V_demo": V[:3]}, ValueError, r"V_demo has shape \(3, 2\); expected \(5, 2\)"),
            ({"K_demo": K[:0], "V_demo": V[:0]}, ValueError, "K_demo is empty.*at least one entry"),
            ({"V": V[:3]}, ValueError, r"V has shape \(3, 2\); expected \(5, d_v\)"),
            ({"V_demo": V.astype(int)}, TypeError, r"V_demo holds int64.*astype\(float\)"),
        ],
    )
    def test_split(self, changes, error, words):
        arguments = {"K": K, "V": V, "K_demo": K, "V_demo": V, "q": Q} | changes
        with pytest.raises(error, match=words):
            softmax_split(**arguments)

    def test_numbers_that_overflow_are_named(self):
        with pytest.raises(ValueError, match=r"K and q \(times the scale 0\.5.*Scale them down"):
            softmax_attention(1e200 * K, V, 1e200 * Q)
        with pytest.raises(ValueError, match=r"K_demo and q .* are too large"):
            softmax_split(K, V, 1e200 * K, V, 1e200 * Q)
        with pytest.raises(ValueError, match="X and Omega are too large"):
            positive_random_features(np.full((1, 2), 30.0), np.full((1, 2), 40.0))

    @pytest.mark.parametrize(("d", "degree"), [(10, 8), (10, 5000), (2, 10**9)])
    def test_too_many_features(self, d, degree):
        with pytest.raises(ValueError, match=rf"degree {degree} in {d} dimensions.*Lower"):
            exp_features(np.ones((1, d)), degree)

    def test_degree(self):
        with pytest.raises(ValueError, match="degree is -1; expected 0 or more"):
            exp_features(K, -1)
        with pytest.raises(TypeError, match=r"degree is 2\.0 \(float\)"):
            exp_features(K, 2.0)

    def test_directions(self):
        with pytest.raises(ValueError, match="m is 0; expected 1 or more"):
            random_directions(0, 3, np.random.default_rng(0))
        with pytest.raises(TypeError, match=r"rng is a int; .*np\.random\.default_rng"):
            random_directions(3, 3, 0)
        with pytest.raises(ValueError, match=r"Omega has shape \(3, 5\); expected \(m, 3\)"):
            positive_random_features(K, K.T)

    def test_a_normaliser_that_is_not_positive(self):
        with pytest.raises(ValueError, match=r"query 1 is -.*expected a positive.*even degree"):
            kernel_attention(np.ones((2, 1)), np.ones((2, 1)), np.array([[1.0], [-1.0]]))

    def test_kernel_attention_takes_queries_as_rows(self):
        with pytest.raises(ValueError, match=r"phi_q has shape \(3,\); expected \(m, 3\)"):
            kernel_attention(K, V, Q[0])
