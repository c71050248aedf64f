"""How alike are two sets of vectors? Measures that do not mistake scale for difference.

Used in the chapter "Softmax" to compare the update of softmax attention with linear attention,
which lives on another scale. The scale, or the map, is fitted on some queries and judged on others.
"""

import numpy as np
from jaxtyping import Float

from iclbook.validate import check_array


def _check_pair(A, B) -> None:
    check_array("A", A, "m", "d")
    check_array("B", B, *A.shape)


def cosines(A: Float[np.ndarray, "m d"], B: Float[np.ndarray, "m d"]) -> Float[np.ndarray, "m"]:
    """Cosine of each row of A with the same row of B.

    Raises
    ------
    ValueError
        If the shapes differ, or a row is zero (it has no direction).
    """
    _check_pair(A, B)
    lengths = np.linalg.norm(A, axis=1) * np.linalg.norm(B, axis=1)
    if not lengths.all():
        raise ValueError(
            f"row {int(np.argmin(lengths))} of A or B is zero; expected vectors with a direction."
        )
    return (A * B).sum(axis=1) / lengths


def best_scale(A: Float[np.ndarray, "m d"], B: Float[np.ndarray, "m d"]) -> float:
    """The scalar s for which s B is closest to A in least squares."""
    _check_pair(A, B)
    if not B.any():
        raise ValueError("B is zero; expected vectors that can be scaled to A.")
    return float((A * B).sum() / (B * B).sum())


def best_map(X: Float[np.ndarray, "m d"], A: Float[np.ndarray, "m d_out"]) -> np.ndarray:
    """The matrix W (d_out, d) for which the rows W x are closest to A in least squares."""
    check_array("X", X, "m", "d")
    check_array("A", A, len(X), "d_out")
    return np.linalg.lstsq(X, A, rcond=None)[0].T


def relative_error(A: Float[np.ndarray, "m d"], B: Float[np.ndarray, "m d"]) -> float:
    """:math:`|A - B| / |A|` in the Frobenius norm: 0 is equal, 1 is as bad as answering zero."""
    _check_pair(A, B)
    if not A.any():
        raise ValueError("A is zero; expected vectors that an error can be relative to.")
    return float(np.linalg.norm(A - B) / np.linalg.norm(A))
