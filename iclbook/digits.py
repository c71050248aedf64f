"""The handwritten digits of Part I: real images, small enough to train on in a second.

1,797 images of 8 x 8 pixels from scikit-learn (Pedregosa et al. 2011), part of the UCI set of
Alpaydin and Kaynak (1998). They come with scikit-learn, so no download is needed.
"""

from dataclasses import dataclass
from importlib.metadata import distribution

import numpy as np
from jaxtyping import Float, Int

from iclbook.validate import check_array, check_count

FILE = "sklearn/datasets/data/digits.csv.gz"


@dataclass(frozen=True)
class Digits:
    """Training and test images, ready for a linear layer.

    Attributes
    ----------
    X, X_test : arrays (n, 65) and (n_test, 65)
        Pixels between 0 and 1, and a constant 1 as the last entry: the bias.
    Y : array (n, 10)
        Targets: 1 at the label, 0 elsewhere.
    labels, labels_test : arrays (n,) and (n_test,)
        The digits 0 to 9.
    """

    X: Float[np.ndarray, "n 65"]
    Y: Float[np.ndarray, "n 10"]
    labels: Int[np.ndarray, "n"]
    X_test: Float[np.ndarray, "n_test 65"]
    labels_test: Int[np.ndarray, "n_test"]

    def accuracy(self, W: Float[np.ndarray, "10 65"]) -> float:
        """Share of the test images for which the largest entry of W x is at the label.

        Raises
        ------
        TypeError, ValueError
            If W is no finite array of this shape.
        """
        check_array("W", W, 10, self.X_test.shape[1])
        return float(((self.X_test @ W.T).argmax(axis=1) == self.labels_test).mean())


def load_digits(n_train: int = 1000, seed: int = 0) -> Digits:
    """Load the digits in a random order and split them.

    Parameters
    ----------
    n_train : int
        Training images, 1 to 1796; the others are for testing.
    seed : int
        Seed of the order.

    Raises
    ------
    TypeError, ValueError
        If a number is no whole number, or `n_train` leaves no image on one of the two sides.
    """
    check_count("n_train", n_train)
    check_count("seed", seed, low=0)
    # What sklearn.datasets.load_digits reads; to import that takes two seconds.
    table = np.loadtxt(distribution("scikit-learn").locate_file(FILE), delimiter=",")
    pixels, labels = table[:, :-1], table[:, -1].astype(int)
    if n_train >= len(pixels):
        raise ValueError(f"n_train is {n_train}; expected 1 to {len(pixels) - 1}.")
    X = np.hstack([pixels / 16, np.ones((len(pixels), 1))])
    order = np.random.default_rng(seed).permutation(len(X))
    train, test = order[:n_train], order[n_train:]
    return Digits(X[train], np.eye(10)[labels[train]], labels[train], X[test], labels[test])
