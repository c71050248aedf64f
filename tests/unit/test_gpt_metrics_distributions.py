"""Overlap of next-token distributions and order sensitivity, worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iclbook.gpt.metrics import (
    additive_cosine,
    likeliest,
    order_sensitivity,
    token_overlap,
    union_cosine,
)

A = np.array([[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]])
B = np.array([[4, 3, 2, 1], [1, 9, 2, 8], [5, 6, 7, 8]])


def test_token_overlap_is_the_share_of_common_tokens():
    assert token_overlap(A, B).tolist() == [1, 0.5, 0]


def test_union_cosine_worked_by_hand():
    p, q = np.tile([0.4, 0.2, 0.2, 0.1], (3, 1)), np.tile([0.4, 0.2, 0.2, 0.1], (3, 1))
    # Same tokens the other way round; tokens 1 and 2 shared, at 0.4 * 0.4 and 0.2 * 0.2; none.
    expected = [(0.04 + 0.04 + 0.04 + 0.04) / 0.25, (0.16 + 0.04) / 0.25, 0]
    assert union_cosine((A, p), (B, q)) == pytest.approx(np.array(expected))
    assert union_cosine((A, p), (A, 3 * p)) == pytest.approx(np.ones(3))


def test_additive_cosine_worked_by_hand():
    p = np.tile([0.4, 0.2, 0.2, 0.1], (3, 1))
    # All four shared, the other way round; tokens 1 and 2 shared and two missing; none shared.
    both = 0.16 + 0.04
    expected = [0.16 / 0.25, (0.16 + 0.04) / np.sqrt(both * both + 2), 0]
    assert additive_cosine((A, p), (B, p)) == pytest.approx(np.array(expected))
    assert additive_cosine((A, p), (A, 3 * p)) == pytest.approx(np.ones(3))


def test_additive_cosine_uses_the_probabilities_of_each_own_side():
    p, q = np.array([[0.6, 0.3, 0.1, 0.0]]), np.array([[0.2, 0.5, 0.2, 0.1]])
    a, b = np.array([[1, 2, 3, 4]]), np.array([[2, 9, 1, 8]])
    # Token 1 has 0.6 and 0.2, token 2 has 0.3 and 0.2.
    expected = (0.12 + 0.06) / np.sqrt((0.36 + 0.09) * (0.04 + 0.04) + 2)
    assert additive_cosine((a, p), (b, q)) == pytest.approx(np.array([expected]))


def test_likeliest_tokens_best_first_and_without_some():
    p = np.array([[0.1, 0.4, 0.2, 0.3], [0.25, 0.25, 0.5, 0.0]])
    ids, probs = likeliest(p, 3)
    assert ids.tolist() == [[1, 3, 2], [2, 0, 1]]
    assert probs.tolist() == [[0.4, 0.3, 0.2], [0.5, 0.25, 0.25]]
    ids, probs = likeliest(p, 2, without=[1, 2])
    assert ids.tolist() == [[3, 0], [0, 3]]
    assert probs.tolist() == [[0.3, 0.1], [0.25, 0.0]]
    assert p[0, 1] == 0.4
    with pytest.raises(ValueError, match="k is 3; expected 1 to 2"):
        likeliest(p, 3, without=[1, 2])


@given(st.permutations(range(6)), st.permutations(range(6)))
def test_overlaps_do_not_depend_on_the_order_of_the_list(a, b):
    ids, other = np.array([a[:4]]), np.array([b[:4]])
    p = np.array([[0.5, 0.2, 0.1, 0.05]])
    assert token_overlap(ids, other) == token_overlap(ids, other[:, ::-1])
    found = union_cosine((ids, p), (other, p))
    assert union_cosine((ids[:, ::-1], p[:, ::-1]), (other, p)) == pytest.approx(found)
    additive = additive_cosine((ids, p), (other, p))
    assert additive_cosine((other[:, ::-1], p[:, ::-1]), (ids, p)) == pytest.approx(additive)
    full = np.zeros((2, 6))
    full[0, a[:4]] = full[1, b[:4]] = p
    assert found[0] == pytest.approx(full[0] @ full[1] / (p**2).sum())


def test_order_sensitivity_sums_standard_deviations():
    rows = np.array([[[0.5, 0.5], [0.1, 0.9]], [[0.5, 0.5], [0.5, 0.5]]], dtype=np.float32)
    assert order_sensitivity(rows) == pytest.approx(np.array([0, 0.4]))


def test_bad_input_is_refused(plain_python):
    with pytest.raises(ValueError, match="twice"):
        token_overlap(np.array([[1, 1]]), np.array([[1, 2]]))
    with pytest.raises(ValueError, match="2 or more"):
        order_sensitivity(np.ones((1, 2, 2)))
    with pytest.raises(ValueError, match="one probability an id"):
        union_cosine((A, np.ones((3, 3))), (B, np.ones((3, 4))))
