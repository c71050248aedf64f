"""Values to point at: a drawn figure that says its numbers where the reader points.

The picture stays what it is. Beside it a page is given the places of all points of its lines, and
what they are. A mouse, a finger or the arrow keys find the nearest one.

The trap: Jupyter cuts a figure's empty margin off when it stores it, so places are taken within
what is left.
"""

import html
import json
import re
from collections.abc import Callable, Iterator

import numpy as np
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from iclbook.controls import show

MOST_POINTS = 1000
"""More points than this cannot be told apart in a picture of this size."""


def point_at(figure: Figure) -> None:
    """Let the reader point at a figure's lines; call it in the cell behind that of the figure.

    The tag ``remove-input`` on that cell leaves one line of text under the figure.
    Lines that only mark a level (``axhline``, ``axvline``) are left out, and so is what lies
    outside of the axes.

    Parameters
    ----------
    figure : Figure
        With axes whose labels or titles name what they show.

    Raises
    ------
    ValueError
        If no line has a point, or all together more than :data:`MOST_POINTS`.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    stored = figure.get_tightbbox(canvas.get_renderer()).padded(rcParams["savefig.pad_inches"])
    points = [
        (
            round(100 * (place[0] / figure.dpi - stored.x0) / stored.width, 2),
            round(100 * (stored.y1 - place[1] / figure.dpi) / stored.height, 2),
            text,
        )
        for axes in figure.axes
        for place, text in _points(axes)
    ]
    if not points:
        raise ValueError("the figure has no line with points; draw some with axis.plot")
    if len(points) > MOST_POINTS:
        raise ValueError(f"{len(points)} points, the limit is {MOST_POINTS}; draw fewer of them")
    data = html.escape(json.dumps(points, ensure_ascii=False))
    show(
        f'<p class="pointing" data-points="{data}" hidden></p>',
        f"{len(points)} values to point at",
    )


def _points(axes: Axes) -> Iterator[tuple[np.ndarray, str]]:
    """Each point's place in pixels, and what it is."""
    y_name = _plain(axes.get_ylabel() or axes.get_title(loc="left") or axes.get_title()) or "y"
    where = _horizontal(axes)
    names = {c[0]: c.get_label() for c in axes.containers if isinstance(c, ErrorbarContainer)}
    for line in axes.get_lines():
        if line.get_transform() != axes.transData:
            continue
        label = _plain(names.get(line, line.get_label()))
        name = "" if label.startswith("_") else f"{label}: "
        for x, y in np.asarray(line.get_xydata(), dtype=float):
            place = axes.transData.transform((x, y))
            if np.isfinite(place).all() and axes.bbox.contains(*place):
                yield place, f"{name}{where(x)}, {y_name} {y:.4g}"


def _horizontal(axes: Axes) -> Callable[[float], str]:
    """What a place on the horizontal axis is called: its nearest tick if ticks have names."""
    texts = [_plain(label.get_text()) for label in axes.get_xticklabels()]
    ticks, name = axes.get_xticks(), _plain(axes.get_xlabel()) or "x"
    fixed = isinstance(axes.xaxis.get_major_locator(), FixedLocator)
    if fixed and texts and re.match(r"[^\W\d]", texts[0]):
        return lambda x: texts[int(np.abs(ticks - x).argmin())]
    return lambda x: f"{name} {x:.4g}"


def _plain(text: str) -> str:
    """A label without the marks of mathematics."""
    return re.sub(r"[$\\{}]", "", str(text)).strip()
