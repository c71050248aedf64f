"""A number of recorded cells beside the same number of their controls.

A similarity of in-context learning and finetuning means something only if it falls when the
finetuning sees wrong labels or another task, and when the network was never trained. So the four
stand side by side, for every task of a model, with chance levels and random baselines behind them.

The trap: cells may be recorded before all of their controls are. What stands in one column is
about the same draws of demonstrations, the same items and the same precision.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from iclbook import figures
from iclbook.gpt.model.sources import UNTRAINED
from iclbook.gpt.report.block import Block, entry
from iclbook.gpt.report.controlled import ANOTHER_TASK, CONTROLS
from iclbook.gpt.report.render import Table, Value
from iclbook.gpt.study.cell import WRONG_LABELS
from iclbook.records import Record

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

    A column is about the draws of demonstrations that the cells and their controls have in common;
    a control with no such draw, of other items or in another precision is left out. A dash stands
    where nothing is recorded, and where the model cannot do the task in context; an untrained
    network can do none, and is shown all the same.

    Parameters
    ----------
    title : str
    blocks : dict of str to Block
        A model's entry in `iclbook.gpt.report.controlled.controlled_blocks`.
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
    own, kept = blocks[""], paired(blocks)
    rows = [(ROWS[name], _row(own, kept.get(name), name != UNTRAINED, path)) for name in CONTROLS]
    for label, where in (references or {}).items():
        rows.append((label, _row(own, kept[""], True, where)))
    notes = (*own.notes(similarity=True), *_shared(own, kept[""]), *_missing(blocks, kept))
    about = {"model": own.model, "settings": own.settings}
    return Table(title, tuple(own.cells), tuple(rows), digits, notes, about=about)


def _row(
    own: Block, block: Block | None, similarity: bool, path: tuple[str, ...]
) -> tuple[Value | None, ...]:
    """The values of a block for the tasks of the model's own, or for those that it can do."""
    values = {}
    if block is not None:
        values = dict(zip(block.cells, block.row(*path, similarity=False)))
    shown = [task for task in own.cells if own.can_do(task) or not similarity]
    return tuple(values.get(task) if task in shown else None for task in own.cells)


def paired(blocks: Mapping[str, Block]) -> dict[str, Block]:
    """The blocks with those cells of each task that are about the same draws and items.

    Parameters
    ----------
    blocks : dict of str to Block
        A model's entry in `iclbook.gpt.report.controlled.controlled_blocks`, or a part of it with
        the cells themselves. A control that shares no draw of a task with them loses the task.
    """
    cells = {name: {} for name in CONTROLS if name in blocks}
    for task in blocks[""].cells:
        found = {name: _by_draw(blocks[name].cells.get(task, ())) for name in cells}
        draws, compared = set(found[""]), []
        for name, own in found.items():
            if draws & own.keys():
                draws &= own.keys()
                compared.append(name)
        for name in compared:
            cells[name][task] = [found[name][draw] for draw in sorted(draws)]
    return {name: replace(blocks[name], cells=own) for name, own in cells.items() if own}


def _by_draw(cells: Sequence[Record]) -> dict[tuple, Record]:
    """Cells by what two of them have to share to be compared."""
    return {
        (
            cell.config["seed"],
            entry(cell, ("inputs", "demonstrations")) or "",
            cell["items"],
            entry(cell, ("inputs", "dtype")) or "",
        ): cell
        for cell in cells
    }


def _shared(own: Block, kept: Block) -> tuple[str, ...]:
    """A note on the tasks of which not every draw is compared."""
    few = [
        f"{task} {len(kept.cells[task])} of {len(cells)}"
        for task, cells in own.cells.items()
        if len(kept.cells[task]) < len(cells)
    ]
    return (f"demonstration sets that the controls have too: {', '.join(few)}",) if few else ()


def _missing(blocks: Mapping[str, Block], kept: Mapping[str, Block]) -> tuple[str, ...]:
    """Which other tasks were taken, and what is not recorded or cannot be compared."""
    own, notes = blocks[""], []
    if ANOTHER_TASK in kept:
        cells = kept[ANOTHER_TASK].cells
        other = [f"{cells[task][0].config['control']} for {task}" for task in cells]
        notes.append(f"another task: {', '.join(other)}")
    for name in CONTROLS[1:]:
        there, compared = (
            set(found[name].cells if name in found else ()) for found in (blocks, kept)
        )
        for word, lacking in (
            ("not recorded", own.cells.keys() - there),
            ("left out, as no draw has the same items and precision", there - compared),
        ):
            if tasks := [task for task in own.cells if task in lacking]:
                notes.append(f"{ROWS[name]}, {word}: {', '.join(tasks)}")
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
