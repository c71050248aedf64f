"""Measures that do not mistake scale for difference."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from iclbook.dual import best_map, best_scale, cosines, relative_error

sizes = st.integers(1, 6)
seeds = st.integers(0, 2**32 - 1)


def pair(seed: int, m: int, d: int):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(m, d)), rng.normal(size=(m, d)), rng


@given(seed=seeds, m=sizes, d=sizes)
def test_cosines_are_those_of_each_row(seed, m, d):
    A, B, _ = pair(seed, m, d)
    expected = [a @ b / np.sqrt((a @ a) * (b @ b)) for a, b in zip(A, B, strict=True)]
    assert_allclose(cosines(A, B), expected, atol=1e-12)


@given(seed=seeds, m=sizes, d=sizes, s=st.floats(0.01, 100))
def test_cosines_do_not_see_the_scale(seed, m, d, s):
    A, B, _ = pair(seed, m, d)
    assert_allclose(cosines(s * A, B), cosines(A, B), atol=1e-12)
    assert_allclose(cosines(A, s * A), 1.0)
    assert_allclose(cosines(A, -s * A), -1.0)


@given(seed=seeds, m=sizes, d=sizes, step=st.floats(0.001, 1.0))
def test_no_other_scale_is_closer(seed, m, d, step):
    A, B, _ = pair(seed, m, d)
    s = best_scale(A, B)
    least = relative_error(A, s * B)
    assert least <= 1 + 1e-12
    for other in (s - step, s + step):
        assert relative_error(A, other * B) > least


@given(seed=seeds, m=sizes, d=sizes, s=st.floats(-10, 10).filter(lambda s: abs(s) > 0.01))
def test_a_known_scale_is_found(seed, m, d, s):
    _, B, _ = pair(seed, m, d)
    assert_allclose(best_scale(s * B, B), s, rtol=1e-12)
    assert relative_error(s * B, best_scale(s * B, B) * B) < 1e-12


@given(seed=seeds, m=sizes, d=sizes, d_out=sizes, step=st.floats(0.001, 1.0))
def test_no_other_map_is_closer(seed, m, d, d_out, step):
    X, _, rng = pair(seed, m, d)
    A = rng.normal(size=(m, d_out))
    W = best_map(X, A)
    least = np.linalg.norm(A - X @ W.T)
    for _ in range(5):
        other = W + step * rng.normal(size=W.shape)
        assert np.linalg.norm(A - X @ other.T) >= least - 1e-12


@given(seed=seeds, d=sizes, d_out=sizes, extra=sizes)
def test_a_known_map_is_found(seed, d, d_out, extra):
    rng = np.random.default_rng(seed)
    X, W = rng.normal(size=(2 * d + extra, d)), rng.normal(size=(d_out, d))
    assert_allclose(best_map(X, X @ W.T), W, atol=1e-9)


@given(seed=seeds, m=sizes, d=sizes)
def test_relative_error_has_its_fixed_points(seed, m, d):
    A, B, _ = pair(seed, m, d)
    assert relative_error(A, A) == 0
    assert_allclose(relative_error(A, np.zeros_like(A)), 1.0)
    assert_allclose(relative_error(A, 3 * A), 2.0)
    assert_allclose(relative_error(A, B) ** 2, ((A - B) ** 2).sum() / (A**2).sum())


@pytest.mark.usefixtures("plain_python")
class TestBadInput:
    A = np.random.default_rng(0).normal(size=(4, 3))

    @pytest.mark.parametrize("measure", [cosines, best_scale, relative_error])
    @pytest.mark.parametrize(
        ("a", "b", "error", "words"),
        [
            (A, A.T, ValueError, r"B has shape \(3, 4\); expected \(4, 3\).*transposed"),
            (A, A[:2], ValueError, r"B has shape \(2, 3\); expected \(4, 3\)"),
            (A[0], A[0], ValueError, r"A has shape \(3,\); expected \(m, d\)"),
            (A[:0], A[:0], ValueError, "A is empty"),
            (A.astype(int), A, TypeError, r"A holds int64.*A.astype\(float\)"),
            (A, A.tolist(), TypeError, r"B is a list.*np.asarray\(B"),
            (A * np.nan, A, ValueError, r"A has a NaN or infinite entry.*\(0, 0\)"),
        ],
    )
    def test_pairs(self, measure, a, b, error, words):
        with pytest.raises(error, match=words):
            measure(a, b)

    def test_zero_has_no_direction_and_no_scale(self):
        B = self.A.copy()
        B[2] = 0
        with pytest.raises(ValueError, match="row 2 of A or B is zero"):
            cosines(self.A, B)
        with pytest.raises(ValueError, match="B is zero"):
            best_scale(self.A, 0 * self.A)
        with pytest.raises(ValueError, match="A is zero"):
            relative_error(0 * self.A, self.A)

    def test_a_map_wants_one_answer_a_query(self):
        with pytest.raises(ValueError, match=r"A has shape \(3, 3\); expected \(4, d_out\)"):
            best_map(self.A, self.A[:3])
