"""A number of recorded cells beside the same number of their controls.

A similarity of in-context learning and finetuning means something only if it falls when the
finetuning sees wrong labels or another task, and when the network was never trained. So the four
stand side by side, for every task of a model, with chance levels and random baselines behind them.
"""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iclbook import figures
from iclbook.gpt.model.sources import UNTRAINED
from iclbook.gpt.report.recorded import ANOTHER_TASK, CONTROLS, Block
from iclbook.gpt.report.render import Table, Value
from iclbook.gpt.study.cell import WRONG_LABELS

ROWS = {
    "": "finetuned",
    WRONG_LABELS: "on wrong labels",
    ANOTHER_TASK: "on another task",
    UNTRAINED: "untrained network",
}
"""What the cells and their controls are called in tables and figures."""

_MARKS = {
    "": ("trained", "o"),
    WRONG_LABELS: ("demonstration", "v"),
    ANOTHER_TASK: ("query", "s"),
    UNTRAINED: ("zero_shot", "D"),
}
_LINES = ("-", ":")  # of the references, in their order
_SPREAD = 0.36  # of the marks of one task


def beside_controls(
    title: str,
    blocks: Mapping[str, Block],
    *path: str,
    references: Mapping[str, tuple[str, ...]] | None = None,
    digits: int = 2,
) -> Table:
    """One row for the cells of a model and for each control, one column a task.

    A dash stands where nothing is recorded, and where the model cannot do the task in context; an
    untrained network can do none, and is shown all the same.

    Parameters
    ----------
    title : str
    blocks : dict of str to Block
        A model's entry in `iclbook.gpt.report.recorded.controlled_blocks`.
    *path : str
        Where the number is in the results.
    references : dict of str to path, optional
        Further rows, read in the cells themselves: chance, random baselines.
    digits : int
        Behind the decimal point.

    Raises
    ------
    ValueError
        If the cells themselves are missing, or there is no such entry in the results.
    """
    if "" not in blocks:
        raise ValueError(f"there are only controls: {', '.join(blocks)}; run the cells themselves.")
    own = blocks[""]
    rows = [(ROWS[name], _row(own, blocks.get(name), name != UNTRAINED, path)) for name in CONTROLS]
    for label, where in (references or {}).items():
        rows.append((label, _row(own, own, True, where)))
    notes = (*own.notes(similarity=True), *_missing(blocks))
    about = {"model": own.model, "settings": own.settings}
    return Table(title, tuple(own.cells), tuple(rows), digits, notes, about=about)


def _row(
    own: Block, block: Block | None, similarity: bool, path: tuple[str, ...]
) -> tuple[Value | None, ...]:
    """The values of a block for the tasks of the model's own."""
    values = {}
    if block is not None:
        values = dict(zip(block.cells, block.row(*path, similarity=similarity)))
    return tuple(values.get(task) for task in own.cells)


def _missing(blocks: Mapping[str, Block]) -> tuple[str, ...]:
    """Which other tasks were taken, and what is not recorded."""
    own, notes = blocks[""], []
    if ANOTHER_TASK in blocks:
        cells = blocks[ANOTHER_TASK].cells
        found = [task for task in own.cells if task in cells]
        other = [f"{cells[task][0].config['control']} for {task}" for task in found]
        notes.append(f"another task: {', '.join(other)}")
    for name in CONTROLS[1:]:
        lacking = [t for t in own.cells if name not in blocks or t not in blocks[name].cells]
        if lacking:
            notes.append(f"{ROWS[name]}, not recorded: {', '.join(lacking)}")
    return tuple(notes)


def draw(tables: Mapping[str, Table], ylabel: str) -> Figure:
    """Tables of `beside_controls` as dots, one panel a model.

    Bars are 95% intervals over demonstration sets; references are short lines, the first full. A
    dash stands where the cells themselves have no value.

    Parameters
    ----------
    tables : dict of str to Table
        By model.
    ylabel : str
    """
    with plt.rc_context(
        {
            "font.size": 13,
            "axes.labelsize": 13,
            "axes.titlesize": 14,
            "xtick.labelsize": 13,
            "ytick.labelsize": 12,
            "legend.fontsize": 12,
        }
    ):
        figure, axes = plt.subplots(
            len(tables), 1, sharey=True, figsize=(8.6, 0.9 + 2.4 * len(tables)), squeeze=False
        )
        for axis, (model, table) in zip(axes[:, 0], tables.items()):
            _panel(axis, table)
            axis.set(title=model, ylabel=ylabel)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _panel(axis: Axes, table: Table) -> None:
    marks = {ROWS[name]: mark for name, mark in _MARKS.items()}
    places = np.linspace(-_SPREAD, _SPREAD, len(marks))
    axis.axhline(0, color=figures.COLOURS["neutral"], lw=0.8)
    styles = iter(_LINES)
    for label, values in table.rows:
        known = [(x, value) for x, value in enumerate(values) if value is not None]
        at = np.array([x for x, _ in known])
        means = [value.mean for _, value in known]
        if label in marks:
            colour, mark = marks[label]
            shift = places[list(marks).index(label)]
            halves = [value.half or 0 for _, value in known]
            axis.errorbar(
                at + shift, means, halves, fmt=mark, color=figures.COLOURS[colour], label=label
            )
        else:
            axis.hlines(
                means, at - 0.45, at + 0.45, ls=next(styles), lw=2,
                color=figures.COLOURS["difference"], label=label,
            )  # fmt: skip
    for x, value in enumerate(dict(table.rows)[ROWS[""]]):
        if value is None:
            axis.text(x, 0, "–", ha="center", va="bottom")
    names = [task.removeprefix("mini-") for task in table.columns]
    axis.set_xticks(range(len(names)), names)
    axis.set_xlim(-0.6, len(names) - 0.4)
