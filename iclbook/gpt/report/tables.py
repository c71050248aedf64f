"""Tables of recorded cells: one a metric, laid out as in the paper.

The rows are those of Dai et al. (2023), tables 1 to 5; beside each of ours stand its chance level
and its random baselines. A number is a mean over demonstration sets; behind it half the width of a
95% interval with the set as the unit. A similarity of a task that the model cannot do in context is
a dash: how alike two ways of failing are says nothing about learning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from iclbook import published
from iclbook.gpt.metrics import METRICS
from iclbook.gpt.report.block import Block
from iclbook.gpt.report.recorded import place, recorded_blocks
from iclbook.gpt.report.render import PAPER, Table, Value
from iclbook.gpt.study.presets import PRESETS
from iclbook.validate import check_choice

_ROWS = {
    "zsl": "ZSL",
    "ft": "FT",
    "icl": "ICL",
    "before": "before FT",
    "after": "after FT",
}
"""What the rows of the published tables are called in ours."""


def of_stores(*stores: Path | str, position: str | None = None, **only) -> list[Table]:
    """The tables of every block of recorded cells, the paper's rows above.

    Parameters
    ----------
    *stores : path
        Folders of records.
    position : str, optional
        ``"last"`` or ``"label"``: where similarities are read; by default the preset's first.
    **only
        ``models``, ``tasks``, ``k`` (which cells) and ``broken``, see `recorded_blocks`.

    Raises
    ------
    ValueError
        If there are no finished cells, or there is no such position.
    """
    return [
        Table(
            f"{part.title}: {block.label}",
            tuple(block.cells),
            (*_published(part.published, tuple(block.cells)), *part.rows),
            part.digits,
            part.notes,
            _published_means(part.published, tuple(block.cells)),
            {"model": block.model, "settings": block.settings, "sets": _sets(block)},
        )
        for block in recorded_blocks(*stores, **only)
        for part in _parts(block, position)
        if part.shown
    ]


def side_by_side(found: Sequence[Block], position: str | None = None) -> list[Table]:
    """The tables of all these blocks, their rows under the paper's.

    A small task stands in the column of the task whose place it takes. Row labels are
    ``"model: row"``. A note that holds for some of the models only begins with their names.

    Parameters
    ----------
    found : sequence of Block
        See `iclbook.gpt.report.recorded.recorded_blocks`.
    position : str, optional
        As for `of_stores`.

    Raises
    ------
    ValueError
        If there are no blocks.
    """
    if not found:
        raise ValueError("there are no blocks; expected some of recorded_blocks.")
    tasks = {task.removeprefix("mini-") for block in found for task in block.cells}
    columns = tuple(sorted(tasks, key=place))
    result = []
    for parts in zip(*(_parts(block, position) for block in found)):
        if not any(part.shown for part in parts):
            continue
        rows, notes, first = [], {}, parts[0]
        for block, part in zip(found, parts):
            own = [task.removeprefix("mini-") for task in block.cells]
            for label, values in part.rows:
                value = dict(zip(own, values))
                rows.append((f"{block.label}: {label}", tuple(map(value.get, columns))))
            lacking = [task for task in columns if task not in own]
            lacks = [f"no records: {', '.join(lacking)}"] if lacking else []
            for note in (*part.notes, *lacks):
                notes.setdefault(note, []).append(block.name)
        rows = (*_published(first.published, columns), *rows)
        means = _published_means(first.published, columns)
        said = tuple(
            note if len(names) == len(found) else f"{', '.join(names)}: {note}"
            for note, names in notes.items()
        )
        result.append(Table(first.title, columns, rows, first.digits, said, means))
    return result


@dataclass(frozen=True)
class _Part:
    """The table of one metric for one block."""

    title: str
    published: int | None
    digits: int
    rows: tuple[tuple[str, tuple], ...]
    notes: tuple[str, ...]

    @property
    def shown(self) -> bool:
        """Whether there is anything to show: a number, or a table of the paper to fill."""
        return self.published is not None or any(v for _, values in self.rows for v in values)


def _parts(block: Block, position: str | None) -> list[_Part]:
    if position is not None:
        check_choice("position", position, ("last", "label"))
    preset = PRESETS[block.preset]
    where = position or preset.positions[0]
    place_read = "last prompt token" if where == "last" else "token of label 0"
    read = f"read at the {place_read}"
    if where not in preset.positions:
        read = f"the preset {preset.name} does not read at the {place_read}"
    parts = []
    for metric in METRICS.values():
        if (layout := metric.layout) is None:
            continue
        home, rows = metric.path(where), layout.rows(preset)
        values = [
            block.row(
                *home,
                *row.path,
                scale=layout.scale if row.scaled else 1.0,
                similarity=layout.similarity,
                interval=row.drawn,
            )
            for row in rows
        ]
        notes = [read] if metric.placed else []
        if layout.few:
            notes += block.few(layout.few, *home, *rows[0].path)
        notes += block.notes(similarity=layout.similarity)
        if not metric.needs and all(v is None for row in values for v in row):
            notes.append("records from before this was measured")
        if lacking := set(metric.needs) - set(block.settings_run):
            notes.append(f"not run, and needed here: {', '.join(sorted(lacking))}")
        parts.append(
            _Part(
                f"{layout.published}. {layout.title(preset)}"
                if layout.published
                else layout.title(preset),
                layout.published,
                layout.digits,
                tuple((row.label, found) for row, found in zip(rows, values)),
                tuple(notes),
            )
        )
    return parts


def _sets(block: Block) -> dict[str, int]:
    return {task: len(cells) for task, cells in block.cells.items()}


def _published(number: int | None, columns: tuple[str, ...]) -> tuple:
    """The rows of a table of the paper, for the tasks that it has."""
    found = []
    for label, values in _published_rows(number).items():
        shown = [values.get(task.removeprefix("mini-")) for task in columns]
        found.append((label, tuple(None if v is None else Value(float(v)) for v in shown)))
    return tuple(found)


def _published_means(number: int | None, columns: tuple[str, ...]) -> dict[str, float]:
    """The means over tasks that the paper prints, of unrounded values, if it is about these."""
    rows = _published_rows(number)
    tasks = {task.removeprefix("mini-") for task in columns}
    if any(tasks != set(values) - {"average"} for values in rows.values()):
        return {}
    return {label: values["average"] for label, values in rows.items() if "average" in values}


def _published_rows(number: int | None) -> dict[str, dict[str, float]]:
    """Values by task, of each row of a table of the paper."""
    if number is None:
        return {}
    table, found = published.table(f"dai2023-{number}"), {}
    for row in table.rows:
        if "model" in row:
            what = [str(v) for k, v in row.items() if k not in ("model", "values", "quantity")]
            name = " ".join(what)
            label = f"GPT {row['model']} {PAPER}: {_ROWS.get(name, name) or table.title}"
            found[label] = dict(zip(table.columns, row["values"]))
    return found
