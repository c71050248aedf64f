"""Figures: one style, one colour for each role, and the controls of a page.

A chapter calls :func:`use_style` once. It takes its colours from :data:`COLOURS`, so that a
role looks the same in every figure, table and explorable of the book. Numbers that the prose
quotes go through :func:`glue`.

:func:`play` and :func:`explorable` have two forms. In a live notebook they are widgets. When
the environment variable ``ICLBOOK_STATIC`` is ``1`` they are plain HTML that needs no kernel,
with the same numbers as a text table. The static form is what the book stores and compares.

The trap: the HTML is not compared when notebooks are tested, the text table is. Whatever a
figure claims must therefore stand in the table.
"""

import base64
import html
import io
import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image

COLOURS = {
    "trained": "#0072B2",  # gradient descent, weights, weight updates
    "attention": "#D55E00",  # attention, the dual form
    "query": "#007A5A",  # the query, the test point
    "demonstration": "#AA4499",  # a demonstration, a stored training example
    "zero_shot": "#6E6E6E",  # what is there before any example
    "difference": "#222222",  # an error, a gap between two results
    "neutral": "#9A9A9A",  # axes, guides, baselines
}
"""Colour of each role: distinct under the common colour blindnesses, 3:1 or more on white."""

SIGNED = "RdBu_r"
"""Colour map for signed values: red raises, blue lowers, white is zero."""

UNSIGNED = "Greys"
"""Colour map for values that have no sign: white is nothing."""

MAX_FRAMES_BYTES = 300_000
"""Size limit of the HTML that :func:`play` stores in a page."""

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
    limit: float | None = None,
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
            axis.set_title(titles[index], fontsize=8.5, loc="center", pad=3)
    if suptitle:
        figure.suptitle(suptitle, fontsize=10.5)
    return figure


def glue(name: str, text: str) -> None:
    """Store a value under a name, so that the prose can quote it.

    In the Markdown, ``{glue}`name``` (a role) prints the text as it is given here, without
    quotes; ``{glue}`other_chapter.ipynb::name``` takes it from another chapter. Nothing is
    displayed under the cell. ``{glue:text}`name``` prints the same for text that is no number.

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


def play(
    draw: Callable[[Any], Figure],
    values: Sequence,
    *,
    label: str,
    table: Callable[[Any], Mapping[str, Any]],
    alt: Callable[[Any], str],
    start: int = 0,
) -> None:
    """Display one slider and the figure that belongs to its value.

    Live it is an ipywidgets slider. In the static form every frame is drawn beforehand, and
    the page switches between them without a kernel.

    Parameters
    ----------
    draw : callable, value -> Figure
        Draws and returns a matplotlib figure. Give all frames the same size and limits.
    values : sequence
        What the slider runs through, 2 to 40 values.
    label : str
        The slider's name, for example ``"number of features"``.
    table : callable, value -> dict
        The numbers of this frame: column name to ``str`` (as it is), ``int`` or ``float``
        (printed with four significant digits). The same columns for every value.
    alt : callable, value -> str
        One sentence that says what this frame shows.
    start : int
        Index of the value shown first.

    Raises
    ------
    TypeError
        If ``draw`` does not return a figure or ``table`` no mapping.
    ValueError
        If there are too few or too many values, ``start`` is out of range, the table's columns
        change, or the frames are larger than :data:`MAX_FRAMES_BYTES`.
    """
    values = list(values)
    if not 2 <= len(values) <= 40:
        raise ValueError(f"values must hold 2 to 40 entries, got {len(values)}; thin them out")
    if not 0 <= start < len(values):
        raise ValueError(f"start must be an index from 0 to {len(values) - 1}, got {start}")
    if not _is_static():
        display(_live_player(draw, values, label, alt, start))
        return
    rows = [{label: _text(value)} | _row(table(value)) for value in values]
    sentences = [str(alt(value)) for value in values]
    frames = [_png(draw(value), colours=64) for value in values]
    _display_static(_frames_html(frames, rows, sentences, label, start), rows)


def explorable(name: str, state: Mapping[str, Any], *, table: Sequence[Mapping[str, Any]]) -> None:
    """Display a picture that the reader can move, computed in the browser.

    Parameters
    ----------
    name : str
        Which explorable, for example ``"fast-weights"``; they live in ``web/components.js``.
    state : mapping
        Where it starts: numbers, strings, lists and dicts only.
    table : sequence of dict
        Rows of the same start in numbers; shown where scripts do not run.

    Raises
    ------
    ValueError
        If ``components.js`` has no such explorable, or the state cannot be written as JSON.
    """
    known = re.findall(r'^\s*register\("([a-z-]+)"', _web("components.js"), flags=re.MULTILINE)
    if name not in known:
        raise ValueError(f"no explorable {name!r}; known: {', '.join(known)}")
    try:
        data = json.dumps(state, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"state of explorable {name!r} must be JSON without NaN ({error}); use .tolist()"
        ) from error
    rows = [_row(row) for row in table]
    body = (
        f'<div class="explorable" data-explorable="{name}" data-state="{html.escape(data)}">\n'
        f"{_table_html(rows)}\n</div>"
    )
    _display_static(body, rows)


def _is_static() -> bool:
    return os.environ.get("ICLBOOK_STATIC") == "1"


def _web(name: str) -> str:
    return resources.files("iclbook").joinpath("web", name).read_text(encoding="utf-8")


def _display_static(body: str, rows: list[dict[str, str]]) -> None:
    if not _is_static():  # the page brings its own style and script; a notebook has none
        body = (
            f"<style>{_web('components.css')}</style>\n{body}\n"
            f"<script>{_web('components.js')}</script>"
        )
    display({"text/html": body, "text/plain": _table_text(rows)}, raw=True)


def _live_player(draw: Callable, values: list, label: str, alt: Callable, start: int) -> Any:
    import ipywidgets

    slider = ipywidgets.SelectionSlider(
        options=[(_text(value), index) for index, value in enumerate(values)],
        index=start,
        description=label,
        continuous_update=False,
        style={"description_width": "initial"},
        layout={"width": "min(100%, 36rem)"},
    )
    picture = ipywidgets.Image(format="png", layout={"max_width": "100%"})
    sentence = ipywidgets.HTML()

    def show(_change: Any = None) -> None:
        value = values[slider.index]
        picture.value = _png(draw(value))
        sentence.value = html.escape(str(alt(value)))

    slider.observe(show, names="index")
    show()
    return ipywidgets.VBox([slider, picture, sentence])


def _png(figure: Figure, colours: int | None = None) -> bytes:
    if not isinstance(figure, Figure):
        raise TypeError(f"draw must return a matplotlib Figure, got {type(figure).__name__}")
    raw = io.BytesIO()
    figure.savefig(raw, format="png", metadata={"Software": None})
    plt.close(figure)
    if colours is None:
        return raw.getvalue()
    small = io.BytesIO()
    picture = Image.open(raw).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
    picture.save(small, format="png", optimize=True)
    return small.getvalue()


def _frames_html(
    frames: list[bytes],
    rows: list[dict[str, str]],
    sentences: list[str],
    label: str,
    start: int,
) -> str:
    size = Image.open(io.BytesIO(frames[0])).size
    parts = ['<figure class="frames">', '<div class="frames-stage">']
    for index, (frame, row, sentence) in enumerate(zip(frames, rows, sentences, strict=True)):
        name, value = html.escape(label), html.escape(row[label])
        parts.append(
            f'<img src="data:image/png;base64,{base64.b64encode(frame).decode()}" '
            f'width="{size[0]}" height="{size[1]}" alt="Figure for {name} {value}" '
            f'data-value="{value}" data-sentence="{html.escape(sentence)}"'
            f"{'' if index == start else ' hidden'}>"
        )
    parts += [
        "</div>",
        f'<label class="frames-control" hidden><span>{html.escape(label)}</span> '
        f'<input type="range" min="0" max="{len(frames) - 1}" step="1" value="{start}"> '
        f"<output>{html.escape(rows[start][label])}</output></label>",
        f'<figcaption aria-live="polite">{html.escape(sentences[start])}</figcaption>',
        _table_html(rows),
        "</figure>",
    ]
    body = "\n".join(parts)
    if len(body) > MAX_FRAMES_BYTES:
        raise ValueError(
            f"the {len(frames)} frames take {len(body) // 1000} kB, the limit is "
            f"{MAX_FRAMES_BYTES // 1000} kB; use fewer values or a smaller figure"
        )
    return body


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool | np.bool_):
        return str(bool(value))
    if isinstance(value, int | np.integer):
        return str(int(value))
    if isinstance(value, float | np.floating):
        return f"{float(value):.4g}"
    raise TypeError(f"a table holds str, int and float, got {type(value).__name__}: {value!r}")


def _row(row: Mapping[str, Any]) -> dict[str, str]:
    if not isinstance(row, Mapping):
        raise TypeError(f"a table row must be a dict, got {type(row).__name__}")
    return {str(name): _text(value) for name, value in row.items()}


def _check_columns(rows: list[dict[str, str]]) -> list[str]:
    if not rows:
        raise ValueError("the table has no rows; give the numbers that the picture shows")
    columns = list(rows[0])
    for row in rows:
        if list(row) != columns:
            raise ValueError(f"table rows must share the columns {columns}, got {list(row)}")
    return columns


def _table_html(rows: list[dict[str, str]]) -> str:
    columns = _check_columns(rows)
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in columns)
    lines = [
        "<tr>" + "".join(f"<td>{html.escape(row[name])}</td>" for name in columns) + "</tr>"
        for row in rows
    ]
    return (
        '<details class="numbers"><summary>The numbers as a table</summary>\n'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>{''.join(lines)}</tbody></table></details>"
    )


def _table_text(rows: list[dict[str, str]]) -> str:
    columns = _check_columns(rows)
    width = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}
    lines = ["  ".join(name.rjust(width[name]) for name in columns)]
    lines += ["  ".join(row[name].rjust(width[name]) for name in columns) for row in rows]
    return "\n".join(lines)
