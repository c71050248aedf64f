"""Tables of recorded cells: accuracy, Rec2FTP, SimAOU, SimAM and Kendall, laid out as in the paper.

The rows are those of Dai et al. (2023), tables 1 to 5; beside each of ours stand its chance level
and its random baselines. A number is a mean over seeds; behind it half the width of a 95% interval
with the seed as the unit. A similarity of a task that the model cannot do in context is a dash: how
alike two ways of failing are says nothing about learning.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from iclbook import published, records
from iclbook.gpt.metrics import PRESETS, seed_interval
from iclbook.gpt.metrics.prediction import LEAST
from iclbook.gpt.render import Table, Value
from iclbook.gpt.setup import Setup
from iclbook.records import Record

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

WITHIN = ("task", "seed", "lr", "threads", "device", "dtype", "items")
"""Settings in which the cells of one block may differ."""


@dataclass(frozen=True)
class Block:
    """The cells of one model with one set of settings.

    Attributes
    ----------
    label : str
        The model, k, and settings that are not the defaults.
    preset : str
    cells : dict of str to list of Record
        By task, in the paper's order; one record a seed.
    """

    label: str
    preset: str
    cells: dict[str, list[Record]]

    def seeds(self, task: str, *path: str) -> list[float]:
        """An entry of the results of each seed, where it is a number.

        Entries of Rec2FTP are those of the seeds that have one.
        """
        found = []
        for record in self.cells[task]:
            value = {k: v["value"] for k, v in record.results.deterministic.items()}
            if path[0] == "rec2ftp" and value.get("rec2ftp", {}).get("value", "n/a") == "n/a":
                continue  # so few mended items that it is no number
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
            if isinstance(value, int | float):
                found.append(float(value))
        return found

    def row(self, *path: str, scale: float = 1.0, similarity: bool = True) -> tuple:
        """One value a task: mean and interval over seeds; None if there is no number."""
        values = []
        for task in self.cells:
            found = [scale * value for value in self.seeds(task, *path)]
            if not found or (similarity and not self.can_do(task)):
                values.append(None)
                continue
            mean, low, high = seed_interval(np.array(found))
            values.append(Value(mean, None if low is None else (high - low) / 2))
        return tuple(values)

    def notes(self, similarity: bool) -> tuple[str, ...]:
        """What has to be said of its tasks: demonstrations that do not fit, and dashes."""
        fit, cannot = [], [task for task in self.cells if not self.can_do(task)]
        for task, cells in self.cells.items():
            used = sorted({record["k_used"] for record in cells})
            if used[0] < cells[0].config["k"]:
                fit.append(f"{task} {'–'.join(map(str, sorted({used[0], used[-1]})))}")
        found = [f"demonstrations that fit the window: {', '.join(fit)}"] if fit else []
        if similarity and cannot:
            found.append(
                "in context no better than its own label frequencies, so no similarities: "
                + ", ".join(cannot)
            )
        return tuple(found)

    def few_mended(self) -> tuple[str, ...]:
        """A note on the tasks whose Rec2FTP not every seed has."""
        few = [
            f"{task} {len(self.seeds(task, 'rec2ftp', 'value'))} of {len(cells)}"
            for task, cells in self.cells.items()
            if self.can_do(task) and len(self.seeds(task, "rec2ftp", "value")) < len(cells)
        ]
        return (f"sets with {LEAST} mended items or more: {', '.join(few)}",) if few else ()

    def can_do(self, task: str) -> bool:
        """Whether the model does the task in context, better than its own label frequencies."""
        return sum(self.seeds(task, "accuracy", "icl", "counts")) > len(self.cells[task]) / 2


def blocks(*stores: Path | str) -> list[Block]:
    """The cells in folders of records, in blocks; diverged ones are left out.

    If a seed was run with several learning rates, each rate is a block of its own.

    Raises
    ------
    ValueError
        If there are no finished cells.
    """
    found = defaultdict(list)
    for record in (record for store in stores for record in records.all_records(store)):
        if record.experiment == "gpt-cell" and not record["diverged"]:
            shared = {k: v for k, v in record.config.items() if k not in WITHIN}
            found[json.dumps(shared, sort_keys=True)].append(record)
    if not found:
        raise ValueError(
            f"no finished cells in {', '.join(map(str, stores))}; make some with: "
            "python -m iclbook run"
        )
    return [block for cells in found.values() for block in _of_rates(cells)]


def block(model: str, *stores: Path | str) -> Block:
    """The cells of one model with the default settings.

    Raises
    ------
    ValueError
        If there are none.
    """
    label = f"{Path(model).name}, k = {Setup().k}"
    for found in blocks(*stores):
        if found.label == label:
            return found
    raise ValueError(
        f"no finished cells of {label!r} in {', '.join(map(str, stores))}; make some with: "
        f"python -m iclbook run --model {model} --seeds 0 1 2 3 4 --out my-records"
    )


def _of_rates(cells: list[Record]) -> list[Block]:
    swept = len({(r.config["task"], r.config["seed"]) for r in cells}) < len(cells)
    groups = defaultdict(lambda: defaultdict(list))
    for record in sorted(cells, key=lambda r: (_place(r.config["task"]), r.config["seed"])):
        rate = f", rate {record.config['lr']:g}" if swept else ""
        groups[rate][record.config["task"]].append(record)
    config = cells[0].config
    label = f"{Path(config['model']).name}, k = {config['k']}{_unusual(config)}"
    return [Block(label + rate, config["preset"], dict(group)) for rate, group in groups.items()]


def _place(task: str) -> tuple[int, str]:
    order, plain = published.table("dai2023-1").columns, task.removeprefix("mini-")
    return (order.index(plain) if plain in order else len(order), task)


def _unusual(config: dict) -> str:
    """Settings that differ from the defaults, in words."""
    default = json.loads(json.dumps(asdict(Setup())))
    skipped = {*WITHIN, "model", "k"}
    return "".join(
        f", {name} {config[name]}"
        for name in default
        if name not in skipped and config[name] != default[name]
    )


def tables(*stores: Path | str, position: str | None = None) -> list[Table]:
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
    for block in blocks(*stores):
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
        See `blocks`.
    position : str, optional
        As for `tables`.

    Raises
    ------
    ValueError
        If there are no blocks.
    """
    if not found:
        raise ValueError("there are no blocks; expected at least one of those that `blocks` finds.")
    tasks = {task.removeprefix("mini-") for block in found for task in block.cells}
    columns = tuple(sorted(tasks, key=_place))
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
    place = ("positions", where)
    aou = (*place, "simaou", preset.updates[0])
    random = preset.random[0]
    after = (*place, "simam", "after")
    kendall = (*place, "kendall")
    accuracy = [
        (name.upper(), block.row(f"{name}_accuracy", scale=100.0, similarity=False))
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
                ("before FT", block.row(*place, "simam", "before", "mean")),
                ("after FT", block.row(*after, "mean")),
                ("difference", block.row(*place, "simam", "difference", "mean")),
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
