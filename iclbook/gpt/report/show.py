"""Pictures that chapters of Part III draw more than once."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iclbook import figures
from iclbook.columns import fixed

MARKERS = "osv^Dx"
"""One for each class; filled and empty in turn."""

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


def update_and_clouds(
    update: Float[np.ndarray, "d_v d_k"],
    clouds: Sequence[Float[np.ndarray, "n 2"]],
    gold: Int[np.ndarray, " n"],
    labels: Sequence[str],
    top: float,
) -> Figure:
    """Draw a weight update, and what queries get from it by linear and by softmax attention.

    Parameters
    ----------
    update : (d_v, d_k) array
    clouds : two (n, 2) arrays
        The answers in a plane: linear attention, softmax attention.
    gold : (n,) int array
        The class of each query.
    labels : sequence of str
        Names of the classes.
    top : float
        End of the update's colour scale.
    """
    figure, axes = plt.subplots(1, 3, figsize=(6.9, 2.6))
    axes[0].imshow(update, cmap=figures.SIGNED, vmin=-top, vmax=top)
    axes[0].set(xlabel="key", ylabel="value", xticks=[], yticks=[])
    for axis, cloud in zip(axes[1:], clouds, strict=True):
        for g, marker in zip(np.unique(gold), MARKERS):
            axis.plot(
                *cloud[gold == g].T,
                marker,
                ms=4,
                color=figures.COLOURS["difference"],
                label=labels[g],
                fillstyle="none" if g % 2 else "full",
            )
        axis.set(xlim=(-14, 14), ylim=(-14, 14), xticks=[], yticks=[])
    for axis, title in zip(axes, ("update, per token", "linear attention", "softmax attention")):
        axis.set_title(title)
    axes[2].legend(loc="upper right", fontsize=8)
    return figure
