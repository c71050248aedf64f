"""Figures: one style, one colour for each role, and the controls of a page.

A chapter calls :func:`use_style` once. It takes its colours from :data:`COLOURS`, so that a
role looks the same in every figure, table and explorable of the book. Numbers that the prose
quotes go through :func:`glue`.

The controls of a page, ``play`` and ``explorable``, live in :mod:`iclbook.controls`, values to
point at in :mod:`iclbook.pointing`.
"""

import math
import re
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.figure import Figure

from iclbook.controls import explorable, play
from iclbook.pointing import point_at

__all__ = [
    "COLOURS",
    "SIGNED",
    "UNSIGNED",
    "explorable",
    "glue",
    "image_row",
    "play",
    "point_at",
    "use_style",
]

COLOURS = {
    "trained": "#0060CC",  # gradient descent, weights, weight updates
    "attention": "#BC5A00",  # attention, the dual form
    "query": "#1F5C2E",  # the query, the test point
    "demonstration": "#A04AA6",  # a demonstration, a stored training example
    "zero_shot": "#707070",  # what is there before any example
    "difference": "#222222",  # an error, a gap between two results
    "neutral": "#9A9A9A",  # axes, guides, baselines
}
"""Colour of each role: told apart with any common colour blindness, readable as text on white."""

SIGNED = "RdBu_r"
"""Colour map for signed values: red raises, blue lowers, white is zero."""

UNSIGNED = "Greys"
"""Colour map for values that have no sign: white is nothing."""

_GLUE_PREFIX = "application/papermill.record/"


def use_style() -> None:
    """Set the book's matplotlib style for all figures that follow."""
    plt.rcParams.update(
        {
            "figure.figsize": (6.4, 3.4),
            "figure.dpi": 130,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "savefig.facecolor": "white",
            "font.family": "sans-serif",
            "font.sans-serif": ["DejaVu Sans"],
            "font.size": 10.5,
            "axes.titlesize": 11,
            "axes.titlelocation": "left",
            "axes.labelsize": 10.5,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": "#555555",
            "axes.linewidth": 0.8,
            "axes.prop_cycle": plt.cycler(
                color=[COLOURS[r] for r in ("trained", "attention", "query", "demonstration")]
                + ["#E69F00", "#56B4E9"]
            ),
            "xtick.labelsize": 9.5,
            "ytick.labelsize": 9.5,
            "xtick.color": "#555555",
            "ytick.color": "#555555",
            "xtick.labelcolor": "#222222",
            "ytick.labelcolor": "#222222",
            "legend.frameon": False,
            "legend.fontsize": 9.5,
            "lines.linewidth": 1.8,
            "grid.color": "#DDDDDD",
            "grid.linewidth": 0.6,
            "image.interpolation": "nearest",
        }
    )


def image_row(
    images: Sequence | np.ndarray,
    titles: Sequence[str] | None = None,
    *,
    columns: int | None = None,
    limit: float | int | None = None,
    suptitle: str | None = None,
) -> Figure:
    """Draw small pictures side by side, all on one colour scale.

    Parameters
    ----------
    images : array of shape (n, height, width) or (n, side * side)
        Flat images are taken to be square. If any value is negative the pictures are drawn on
        the diverging map :data:`SIGNED` centred at zero, otherwise in grey.
    titles : sequence of n str, optional
        A line or two above each picture.
    columns : int, optional
        Pictures in a row; all in one row by default.
    limit : float, optional
        The value at the end of the colour scale; the largest magnitude by default.
    suptitle : str, optional
        One line above all pictures.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If there is no picture, a flat picture is not square, or titles do not match.
    """
    pictures = np.asarray(images, dtype=float)
    if pictures.ndim == 2:
        side = math.isqrt(pictures.shape[1])
        if side * side != pictures.shape[1]:
            raise ValueError(
                f"flat images must be square, got {pictures.shape[1]} pixels each; "
                "reshape them to (n, height, width)"
            )
        pictures = pictures.reshape(-1, side, side)
    if pictures.ndim != 3 or len(pictures) == 0:
        raise ValueError(
            f"images must have shape (n, height, width) with n >= 1, got {pictures.shape}"
        )
    if titles is not None and len(titles) != len(pictures):
        raise ValueError(f"{len(pictures)} images need as many titles, got {len(titles)}")
    columns = min(columns or len(pictures), len(pictures))
    rows = math.ceil(len(pictures) / columns)
    signed = bool((pictures < 0).any())
    top = limit if limit is not None else float(np.abs(pictures).max()) or 1.0
    width = min(6.4, 1.1 * columns)
    lines = 0 if titles is None else max(title.count("\n") + 1 for title in titles)
    height = rows * (width / columns + 0.2 * lines) + (0.3 if suptitle else 0)
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False)
    for index, axis in enumerate(axes.flat):
        axis.set(xticks=[], yticks=[])  # not seen, but drawn, and slowly
        axis.axis("off")
        if index >= len(pictures):
            continue
        axis.imshow(
            pictures[index],
            cmap=SIGNED if signed else UNSIGNED,
            vmin=-top if signed else 0,
            vmax=top,
        )
        if titles is not None:
            axis.set_title(titles[index], fontsize=8.5, loc="center", y=1, pad=3)
    if suptitle:
        figure.suptitle(suptitle, fontsize=10.5)
    return figure


def glue(name: str, text: str) -> None:
    """Store a value under a name, so that the prose can quote it.

    In the Markdown, the role ``{glue}`` with the name prints the text exactly as given here;
    with ``other-chapter.ipynb::name`` it takes the text of another chapter. (``{glue:text}`` would
    parse the text as a number and print 0.930 as 0.93.) Nothing is displayed under the cell.

    Parameters
    ----------
    name : str
        Letters, digits, ``-`` and ``_``.
    text : str
        The text to print. Round numbers yourself, for example ``glue("loss", f"{loss:.3f}")``.

    Raises
    ------
    TypeError
        If the text is not a string.
    ValueError
        If the name has other characters or the text is empty.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise ValueError(f"glue name must be letters, digits, '-' or '_', got {name!r}")
    if not isinstance(text, str):
        raise TypeError(
            f"glue({name!r}, ...) takes a str, got {type(text).__name__}; "
            f'round it yourself, for example glue({name!r}, f"{{value:.3f}}")'
        )
    if not text.strip():
        raise ValueError(f"glue({name!r}, ...) got an empty text; give what the prose shall say")
    display(
        {f"{_GLUE_PREFIX}text/plain": text},
        metadata={"scrapbook": {"name": name, "mime_prefix": _GLUE_PREFIX}},
        raw=True,
    )
