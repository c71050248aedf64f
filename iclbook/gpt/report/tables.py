"""Tables of recorded cells: accuracy, Rec2FTP, SimAOU, SimAM and Kendall, laid out as in the paper.

The rows are those of Dai et al. (2023), tables 1 to 5; beside each of ours stand its chance level
and its random baselines. A number is a mean over seeds; behind it half the width of a 95% interval
with the seed as the unit. A similarity of a task that the model cannot do in context is a dash: how
alike two ways of failing are says nothing about learning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from iclbook import published
from iclbook.gpt.metrics import PRESETS
from iclbook.gpt.report.recorded import Block, place, recorded_blocks
from iclbook.gpt.report.render import Table, Value

_ROWS = {
    "zsl": "ZSL",
    "ft": "FT",
    "icl": "ICL",
    "before": "before FT",
    "after": "after FT",
}
"""What the rows of the published tables are called in ours."""

_UNTRAINED = {"isotropic": "random query", "uniform": "random weights"}
"""What stands in the place of finetuning in the random rows of Kendall's tau."""


def of_stores(*stores: Path | str, position: str | None = None) -> list[Table]:
    """Tables 1 to 5 of the paper for every block of recorded cells, the paper's rows above.

    Parameters
    ----------
    *stores : path
        Folders of records.
    position : str, optional
        ``"last"`` or ``"label"``: where similarities are read; by default the preset's first.

    Raises
    ------
    ValueError
        If there are no finished cells.
    """
    found = []
    for block in recorded_blocks(*stores):
        columns = tuple(block.cells)
        found += [
            Table(
                f"{part.title}: {block.label}",
                columns,
                (*_published(part.number, columns), *part.rows),
                part.digits,
                part.notes,
                _published_means(part.number, columns),
            )
            for part in _parts(block, position)
            if any(value is not None for _, values in part.rows for value in values)
        ]
    return found


def side_by_side(found: Sequence[Block], position: str | None = None) -> list[Table]:
    """Tables 1 to 5 of the paper, each with the rows of all these blocks under the paper's.

    A small task stands in the column of the task whose place it takes. Row labels are
    ``"model: row"``.

    Parameters
    ----------
    found : sequence of Block
        See `iclbook.gpt.report.recorded.recorded_blocks`.
    position : str, optional
        As for `tables`.

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
        rows, notes = [], []
        for block, part in zip(found, parts):
            own = [task.removeprefix("mini-") for task in block.cells]
            for label, values in part.rows:
                value = dict(zip(own, values))
                rows.append((f"{block.label}: {label}", tuple(map(value.get, columns))))
            notes += [f"{block.label}: {note}" for note in part.notes]
        rows = (*_published(parts[0].number, columns), *rows)
        means = _published_means(parts[0].number, columns)
        result.append(Table(parts[0].title, columns, rows, parts[0].digits, tuple(notes), means))
    return result


@dataclass(frozen=True)
class _Part:
    """One of the paper's tables for one block."""

    number: int
    title: str
    digits: int
    rows: tuple[tuple[str, tuple], ...]
    notes: tuple[str, ...]


def _parts(block: Block, position: str | None) -> list[_Part]:
    preset = PRESETS[block.preset]
    where = position or preset.positions[0]
    at = ("positions", where)
    aou = (*at, "simaou", preset.updates[0])
    random = preset.random[0]
    after = (*at, "simam", "after")
    kendall = (*at, "kendall")
    accuracy = [
        (name.upper(), block.row("accuracy", name, "accuracy", scale=100.0, similarity=False))
        for name in ("zsl", "ft", "icl")
    ]
    # No demonstrations, so no interval over sets of them.
    accuracy[0] = ("ZSL", tuple(v and Value(v.mean) for v in accuracy[0][1]))
    read = f"read at the {'last prompt token' if where == 'last' else 'token of label 0'}"
    layout = [
        ("accuracy (%)", 1, accuracy, ()),
        (
            "Rec2FTP (%)",
            1,
            [
                ("Rec2FTP", block.row("rec2ftp", "value", scale=100.0)),
                ("chance", block.row("rec2ftp", "chance", scale=100.0)),
                ("mended items (number)", block.row("rec2ftp", "count")),
            ],
            block.few_mended(),
        ),
        (
            f"SimAOU, {preset.updates[0]}",
            3,
            [
                (f"random update, {random}", block.row(*aou, "references", random, "mean")),
                ("chance", block.row(*aou, "references", "chance", "mean")),
                ("FT update", block.row(*aou, "mean")),
            ],
            (read,),
        ),
        (
            "SimAM",
            3,
            [
                ("before FT", block.row(*at, "simam", "before", "mean")),
                ("after FT", block.row(*after, "mean")),
                ("difference", block.row(*at, "simam", "difference", "mean")),
            ],
            (read,),
        ),
        (
            "Kendall's tau",
            3,
            [
                (_UNTRAINED[random], block.row(*kendall, "references", random, "mean")),
                ("FT", block.row(*kendall, "mean")),
            ],
            (read,),
        ),
    ]
    return [
        _Part(
            number,
            f"{number}. {title}",
            digits,
            tuple(rows),
            (*notes, *block.notes(similarity=number > 1)),
        )
        for number, (title, digits, rows, notes) in enumerate(layout, start=1)
    ]


def _published(number: int, columns: tuple[str, ...]) -> tuple:
    """The rows of a table of the paper, for the tasks that it has."""
    found = []
    for label, values in _published_rows(number).items():
        shown = [values.get(task.removeprefix("mini-")) for task in columns]
        found.append((label, tuple(None if v is None else Value(float(v)) for v in shown)))
    return tuple(found)


def _published_means(number: int, columns: tuple[str, ...]) -> dict[str, float]:
    """The means over tasks that the paper prints, of unrounded values, if it is about these."""
    rows = _published_rows(number)
    tasks = {task.removeprefix("mini-") for task in columns}
    if any(tasks != set(values) - {"average"} for values in rows.values()):
        return {}
    return {label: values["average"] for label, values in rows.items() if "average" in values}


def _published_rows(number: int) -> dict[str, dict[str, float]]:
    """Values by task, of each row of a table of the paper."""
    table = published.table(f"dai2023-{number}")
    found = {}
    for row in table.rows:
        if "model" in row:
            what = [str(v) for k, v in row.items() if k not in ("model", "values", "quantity")]
            name = " ".join(what)
            label = f"GPT {row['model']} (paper): {_ROWS.get(name, name) or table.title}"
            found[label] = dict(zip(table.columns, row["values"]))
    return found
