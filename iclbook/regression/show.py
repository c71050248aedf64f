"""What the chapters of Part II draw again and again: weights as pictures."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from iclbook import figures

Numbers = np.ndarray | Tensor | Sequence
"""An array, a tensor, or nested lists, as records have them."""


def spread(values: Numbers, digits: int) -> list[str]:
    """Mean, lowest and highest of some numbers, as texts with so many decimals."""
    return [f"{f(values):.{digits}f}" for f in (np.mean, np.min, np.max)]


def matrices(named: Mapping[str, np.ndarray | Tensor], d: int, *, height: float = 1.5) -> Figure:
    """Draw matrices that act on tokens side by side, from -1 (blue) to 1 (red).

    Parameters
    ----------
    named : mapping of str to arrays or tensors (D, D)
        Title to matrix.
    d : int
        How many of the D entries are inputs; lines part them from the targets.
    height : float
        Of the figure.
    """
    figure, axes = plt.subplots(1, len(named), figsize=(6.4, height), squeeze=False)
    for axis, (title, W) in zip(axes.flat, named.items(), strict=True):
        axis.imshow(W, cmap=figures.SIGNED, vmin=-1, vmax=1)
        axis.axhline(d - 0.5, color=figures.COLOURS["neutral"], lw=0.8)
        axis.axvline(d - 0.5, color=figures.COLOURS["neutral"], lw=0.8)
        places = [(d - 1) / 2, (d + len(W) - 1) / 2]
        axis.set_xticks(places, ["x", "y"])
        axis.set_yticks(places, ["x", "y"])
        axis.tick_params(length=0)
        axis.set_title(title, fontsize=9.5, loc="center")
        axis.spines[:].set_visible(True)
    return figure


def sheet(axis: Axes, a: Numbers, M: Numbers, title: str) -> None:
    r"""Draw the keys M of a one-head layer and, below a gap, its values a.

    Parameters
    ----------
    axis : matplotlib axes
        Where.
    a, M : (D,) and (D, D)
        Last row of :math:`A = P W_V`, and :math:`M = W_K^\top W_Q`, for tokens with one target.
    title : str
        Above the picture.
    """
    D = len(a)
    gap = np.full((1, D), np.nan)
    axis.imshow(np.vstack([M, gap, [a]]), cmap=figures.SIGNED, vmin=-0.7, vmax=0.7)
    axis.set_xticks([D / 2 - 1, D - 1], ["x", "y"])
    axis.set_yticks([D / 2 - 1, D - 1, D + 1], ["x", "y", "$a$"])
    axis.set_title(title)
