"""Overlap of next-token distributions and order sensitivity, worked by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iclbook.gpt.metrics import order_sensitivity, token_overlap, union_cosine

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


@given(st.permutations(range(6)), st.permutations(range(6)))
def test_overlaps_do_not_depend_on_the_order_of_the_list(a, b):
    ids, other = np.array([a[:4]]), np.array([b[:4]])
    p = np.array([[0.5, 0.2, 0.1, 0.05]])
    assert token_overlap(ids, other) == token_overlap(ids, other[:, ::-1])
    found = union_cosine((ids, p), (other, p))
    assert union_cosine((ids[:, ::-1], p[:, ::-1]), (other, p)) == pytest.approx(found)
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
