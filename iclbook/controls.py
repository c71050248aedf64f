"""Controls of a page: one slider, or a picture that the reader can move.

Both have two forms. In a live notebook they are widgets. When the environment variable
``ICLBOOK_STATIC`` is ``1`` they are plain HTML that needs no kernel, with the same numbers as a
text table. The static form is what the book stores and compares.

The trap: the HTML is not compared when notebooks are tested, the text table is. Whatever a
picture claims must therefore stand in the table.
"""

import base64
import html
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

MAX_FRAMES_BYTES = 300_000
"""Size limit of the HTML that :func:`play` stores in a page."""

_WEB = resources.files("iclbook") / "web"


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
    show(_frames_html(frames, rows, sentences, label, start), _table_text(rows))


def explorable(
    name: str,
    state: Mapping[str, Any],
    *,
    table: Sequence[Mapping[str, Any]],
    picture: Figure | None = None,
    alt: str = "",
) -> None:
    """Display a picture that the reader can move, computed in the browser.

    Parameters
    ----------
    name : str
        Which explorable, for example ``"fast-weights"``; each is a script in ``web/``.
    state : mapping
        Where it starts: numbers, strings, lists and dicts only.
    table : sequence of dict
        Rows of the same start in numbers; shown where scripts do not run.
    picture : Figure, optional
        The same start drawn; shown where scripts do not run, and in print.
    alt : str
        One sentence that says what the picture shows.

    Raises
    ------
    ValueError
        If there is no such explorable, the state cannot be written as JSON, or a picture has no
        sentence.
    """
    known = sorted(path.name[:-3] for path in _WEB.iterdir() if path.name.endswith(".js"))
    known.remove("components")
    if name not in known:
        raise ValueError(f"no explorable {name!r}; known: {', '.join(known)}")
    try:
        data = json.dumps(state, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"state of explorable {name!r} must be JSON without NaN ({error}); use .tolist()"
        ) from error
    rows = [_row(row) for row in table]
    still = ""
    if picture is not None:
        if not alt.strip():
            raise ValueError(f"the picture of explorable {name!r} needs alt, what it shows")
        source = base64.b64encode(_png(picture, colours=64)).decode()
        said = html.escape(alt)
        still = f'<img class="still" src="data:image/png;base64,{source}" alt="{said}">\n'
    body = (
        f'<div class="explorable" data-explorable="{name}" data-state="{html.escape(data)}">\n'
        f"{still}{_table_html(rows, 'The starting numbers as a table', is_open=True)}\n</div>"
    )
    show(body, _table_text(rows), f"{name}.js")


def show(body: str, text: str, script: str = "") -> None:
    """Display HTML that needs no kernel, with the same content as plain text.

    Parameters
    ----------
    body : str
        HTML, styled by ``web/components.css``.
    text : str
        What the tests compare, and what is shown where there is no HTML.
    script : str
        A file of ``web/`` that it needs beside ``components.js``.
    """
    if not _is_static():  # the page brings its own style and scripts; a notebook has none
        scripts = "\n".join(_web(file) for file in ("components.js", script) if file)
        body = f"<style>{_web('components.css')}</style>\n{body}\n<script>{scripts}</script>"
    display({"text/html": body, "text/plain": text}, raw=True)


def _is_static() -> bool:
    return os.environ.get("ICLBOOK_STATIC") == "1"


def _web(name: str) -> str:
    return (_WEB / name).read_text(encoding="utf-8")


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
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # once; to save it would be to draw it twice, for its layout
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    plt.close(figure)
    if colours is not None:
        picture = picture.quantize(colours, dither=Image.Dither.NONE)
    raw = io.BytesIO()
    picture.save(raw, format="png", optimize=True)
    return raw.getvalue()


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


def _table_html(
    rows: list[dict[str, str]], summary: str = "The numbers as a table", *, is_open: bool = False
) -> str:
    columns = _check_columns(rows)
    head = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in columns)
    lines = [
        "<tr>" + "".join(f"<td>{html.escape(row[name])}</td>" for name in columns) + "</tr>"
        for row in rows
    ]
    return (
        f'<details class="numbers"{" open" if is_open else ""}><summary>{summary}</summary>\n'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>{''.join(lines)}</tbody></table></details>"
    )


def _table_text(rows: list[dict[str, str]]) -> str:
    columns = _check_columns(rows)
    width = {name: max(len(name), *(len(row[name]) for row in rows)) for name in columns}
    lines = ["  ".join(name.rjust(width[name]) for name in columns)]
    lines += ["  ".join(row[name].rjust(width[name]) for name in columns) for row in rows]
    return "\n".join(lines)
