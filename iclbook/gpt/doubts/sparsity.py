"""How many entries of a matrix are nearly zero.

Shen et al. (2024) count them: matrices of a construction, such as the one that does a step of
gradient descent, are nearly empty, and those of a pretrained model are not.

The trap: the count depends on the basis. One and the same layer can be written with matrices that
are nearly empty and with matrices that are full.

Chapter: "Is the setting the wild one?"
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from iclbook.gpt.model.load import LanguageModel

LEVELS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Sizes up to which an entry may count as nearly zero."""


def below(
    matrix: Float[np.ndarray, "..."], levels: Sequence[float] = LEVELS, relative: bool = False
) -> Float[np.ndarray, " levels"]:
    """Share of a matrix's entries whose size is at most each level.

    Parameters
    ----------
    matrix : array
        Of any shape.
    levels : sequence of float
    relative : bool
        Measure sizes by the root mean square of the entries, so that the scale plays no part.
    """
    sizes = np.abs(np.asarray(matrix, dtype=float)).ravel()
    if relative:
        sizes = sizes / np.sqrt((sizes**2).mean())
    return np.array([(sizes <= level).mean() for level in levels])


def projections(model: LanguageModel) -> dict[str, list[np.ndarray]]:
    """The matrices that make queries, keys and values: ``q``, ``k``, ``v`` to one a layer."""
    layers = model.family.projections(model.net)
    found = {part: [] for part in "qkv"}
    for layer in layers:
        for part, matrices in found.items():
            projection = layer[part]
            weight = projection.entries()[0].of(projection.module.weight)
            matrices.append(weight.detach().float().cpu().numpy())
    return found
