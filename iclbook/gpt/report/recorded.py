"""Recorded cells, put together in blocks: one model with one set of settings, tasks and seeds.

A number of a task is a mean over seeds, with a 95% interval that has the seed as its unit. A
similarity of a task that the model cannot do in context is no number: how alike two ways of failing
are says nothing about learning.
"""

import json
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from iclbook import published, records
from iclbook.gpt.metrics import seed_interval
from iclbook.gpt.metrics.prediction import LEAST
from iclbook.gpt.report.render import Value
from iclbook.gpt.study.setup import Setup
from iclbook.records import Record

WITHIN = ("task", "seed", "lr", "threads", "device", "dtype", "items", "data", "arrays")
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
        """An entry of the results of each seed, where it and its ``value`` are numbers."""
        found = []
        for record in self.cells[task]:
            value = {k: v["value"] for k, v in record.results.deterministic.items()}
            for key in path:
                value = value.get(key) if isinstance(value, dict) else None
                if isinstance(value, dict) and value.get("value", 0) is None:
                    value = None  # what has no value has no chance level or count to show either
            if isinstance(value, int | float):
                found.append(float(value))
        return found

    def accuracies(self, task: str, setting: str) -> list[float]:
        """Of each seed, in ``zsl``, ``ft`` or ``icl``."""
        return self.seeds(task, "accuracy", setting, "accuracy")

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
        counts = {task: len(self.seeds(task, "rec2ftp", "value")) for task in self.cells}
        few = [
            f"{task} {count} of {len(self.cells[task])}"
            for task, count in counts.items()
            if self.can_do(task) and count < len(self.cells[task])
        ]
        return (f"sets with {LEAST} mended items or more: {', '.join(few)}",) if few else ()

    def can_do(self, task: str) -> bool:
        """Whether the model does the task in context, better than its own label frequencies."""
        return sum(self.seeds(task, "accuracy", "icl", "counts")) > len(self.cells[task]) / 2


def recorded_blocks(*stores: Path | str) -> list[Block]:
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


def find_block(model: str, *stores: Path | str) -> Block:
    """The cells of one model with the default settings.

    Raises
    ------
    ValueError
        If there are none.
    """
    label = f"{Path(model).name}, k = {Setup().k}"
    for found in recorded_blocks(*stores):
        if found.label == label:
            return found
    raise ValueError(
        f"no finished cells of {label!r} in {', '.join(map(str, stores))}; make some with: "
        f"python -m iclbook run --model {model} --seeds 0 1 2 3 4 --out my-records"
    )


def _of_rates(cells: list[Record]) -> list[Block]:
    swept = len({(r.config["task"], r.config["seed"]) for r in cells}) < len(cells)
    groups = defaultdict(lambda: defaultdict(list))
    for record in sorted(cells, key=lambda r: (place(r.config["task"]), r.config["seed"])):
        rate = f", rate {record.config['lr']:g}" if swept else ""
        groups[rate][record.config["task"]].append(record)
    config = cells[0].config
    label = f"{Path(config['model']).name}, k = {config['k']}{_unusual(config)}"
    return [Block(label + rate, config["preset"], dict(group)) for rate, group in groups.items()]


def place(task: str) -> tuple[int, str]:
    """A key that sorts tasks as the paper does, others by name behind them."""
    order, plain = published.table("dai2023-1").columns, task.removeprefix("mini-")
    return (order.index(plain) if plain in order else len(order), task)


def _unusual(config: dict) -> str:
    """Settings that differ from the defaults, in words."""
    default = json.loads(json.dumps(asdict(Setup())))
    skipped = {*WITHIN, "model", "k"}
    return "".join(
        f", {name} {' '.join(value) if isinstance(value := config[name], list) else value}"
        for name in default
        if name not in skipped and config[name] != default[name]
    )
