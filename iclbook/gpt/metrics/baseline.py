"""Random directions without the random vectors.

A proper random baseline replaces an update by an isotropic one of the same norm. Its cosine with
anything depends on two of its coordinates only, and those can be drawn by themselves: two normal
numbers, and one chi-square number for the norm of all the others. Exact, and the same on every
machine and device.
"""

import numpy as np
from jaxtyping import Float, Int


def random_direction(
    rng: np.random.Generator, dims: Int[np.ndarray, "*shape"]
) -> tuple[Float[np.ndarray, "*shape"], Float[np.ndarray, "*shape"]]:
    """First two coordinates of uniformly random unit vectors, in any orthonormal basis.

    Parameters
    ----------
    rng : numpy.random.Generator
    dims : int array
        Dimension of each vector, 1 or more.

    Returns
    -------
    first, second : array
        The second is 0 in one dimension.
    """
    draws = rng.standard_normal((*dims.shape, 2))
    draws[..., 1] *= dims > 1
    rest = 2 * rng.standard_gamma(np.maximum(dims - 2, 0) / 2)
    draws /= np.sqrt(np.square(draws).sum(-1) + rest)[..., None]
    return draws[..., 0], draws[..., 1]
