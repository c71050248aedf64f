"""Pictures that chapters of Part III draw more than once."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from iclbook import figures
from iclbook.columns import fixed

WRITTEN = 48
"""The numbers of a grid are written into it if there are at most so many."""


def grid(
    axis: Axes, values: Float[np.ndarray, "rows columns"], title: str, low: float, high: float
) -> None:
    """Draw one number a layer and head, or a task and task, as a grid of squares.

    Parameters
    ----------
    axis : matplotlib axes
    values : (rows, columns) array
    title : str
    low, high : float
        Ends of the colour scale; where `low` is negative it is the one of signed values.
    """
    colours = figures.SIGNED if low < 0 else figures.UNSIGNED
    axis.imshow(values, cmap=colours, vmin=low, vmax=high)
    if values.size <= WRITTEN:
        for (row, column), value in np.ndenumerate(values):
            axis.text(column, row, fixed(value), ha="center", va="center", fontsize=8)
    axis.set_title(title, fontsize=9.5)
    axis.set(xticks=range(values.shape[1]), yticks=range(values.shape[0]))
