"""The digits of Part I: a split of real images, and clear answers to bad input."""

import numpy as np
import pytest
from sklearn import datasets

from iclbook.digits import load_digits


def test_every_image_is_on_one_side_and_has_a_bias():
    digits = load_digits(1000)
    assert digits.X.shape == (1000, 65)
    assert len(digits.X) + len(digits.X_test) == 1797
    assert (digits.X[:, -1] == 1).all()
    assert digits.X.min() == 0
    assert digits.X.max() == 1
    np.testing.assert_array_equal(digits.Y.argmax(axis=1), digits.labels)
    together = np.vstack([digits.X, digits.X_test])
    other = load_digits(200, seed=5)
    again = np.vstack([other.X, other.X_test])
    np.testing.assert_array_equal(np.sort(together.sum(axis=1)), np.sort(again.sum(axis=1)))


def test_they_are_those_of_scikit_learn():
    digits, (pixels, labels) = load_digits(1000), datasets.load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(pixels))
    np.testing.assert_array_equal(digits.X[:, :-1], pixels[order[:1000]] / 16)
    np.testing.assert_array_equal(digits.labels_test, labels[order[1000:]])


def test_accuracy_counts_the_largest_output():
    digits = load_digits(1000)
    always_three = np.zeros((10, 65))
    always_three[3, -1] = 1.0
    assert digits.accuracy(always_three) == np.mean(digits.labels_test == 3)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: load_digits(0), ValueError, "n_train is 0; expected 1 or more"),
        (lambda: load_digits(1797), ValueError, "n_train is 1797; expected 1 to 1796"),
        (lambda: load_digits(1000.0), TypeError, "n_train is 1000.0 (float)"),
        (lambda: load_digits("a"), TypeError, "n_train is 'a' (str)"),
        (lambda: load_digits(seed=-1), ValueError, "seed is -1; expected 0 or more"),
        (lambda: load_digits().accuracy(np.zeros((65, 10))), ValueError, "W has shape (65, 10)"),
    ],
)
def test_bad_input_is_named(plain_python, call, error, says):
    with pytest.raises(error) as caught:
        call()
    assert says in str(caught.value)
