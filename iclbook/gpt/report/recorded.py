"""Recorded cells, put together in blocks: one model with one set of settings, tasks and seeds.

A number of a task is a mean over demonstration sets, with a 95% interval that has the set as its
unit. A similarity of a task that the model cannot do in context is no number: how alike two ways of
failing are says nothing about learning.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from iclbook import published, records
from iclbook.gpt.metrics import METRICS
from iclbook.gpt.metrics.metric import SETTINGS
from iclbook.gpt.model.sources import EMBEDDINGS, NORMS, UNTRAINED, without_variant
from iclbook.gpt.report.render import Value
from iclbook.gpt.study.cell import NO_TASKS, NOISE, OTHER_DRAW, WRONG_LABELS, Cell
from iclbook.gpt.study.names import short_names
from iclbook.gpt.study.presets import PRESETS
from iclbook.gpt.study.setup import PLACES, Setup
from iclbook.records import Record, RecordError
from iclbook.validate import check_choice

WITHIN = ("task", "seed", "lr", "threads", "device")
"""Settings in which the cells of one block may differ. A demonstration set counts once in a block:
of several of its cells, on other threads or another device, the latest does."""


ANOTHER_TASK = "another-task"
"""The control that is finetuned on demonstrations of another task, whichever that is."""

CONTROLS = ("", WRONG_LABELS, ANOTHER_TASK, UNTRAINED)
"""What a comparison is held against; the first is the comparison itself."""

EVERY_CONTROL = (*CONTROLS[:2], OTHER_DRAW, ANOTHER_TASK, NOISE, UNTRAINED, EMBEDDINGS, NORMS)
"""These and those of the chapter "Would an untrained network score the same?"."""

INPUTS = {"model": "weights", "dtype": "dtype"}
"""Inputs of a cell that are those of its whole block, and what they are called."""


@dataclass(frozen=True)
class Block:
    """The cells of one model with one set of settings.

    Attributes
    ----------
    model : str
        Short, but another for each model.
    settings : str
        k, and settings that are not the defaults.
    preset : str
    cells : dict of str to list of Record
        By task, in the paper's order; one record a demonstration set.
    """

    model: str
    settings: str
    preset: str
    cells: dict[str, list[Record]]

    @property
    def name(self) -> str:
        """Its model, and whether that was finetuned on conversations."""
        trained = not self.origin.get("untrained")
        instruct = trained and (self.origin.get("source") or {}).get("kind") == "instruct"
        return f"{self.model} (instruct)" if instruct else self.model

    @property
    def label(self) -> str:
        """Name and settings."""
        return f"{self.name}, {self.settings}"

    @property
    def origin(self) -> dict:
        """What its records say of the model: sizes, and the file that the weights are from."""
        return _entry(self.first, ("model_origin",)) or {}

    def values(self, task: str, *path: str) -> list[float]:
        """An entry of the results of each demonstration set, where it is a number.

        Raises
        ------
        ValueError
            If no result of the block has such an entry.
        """
        found = []
        for record in self.cells[task]:
            value = _entry(record, path)
            if isinstance(value, int | float):
                found.append(float(value))
        if not found:
            self._check_path(path)
        return found

    def differences(
        self, task: str, larger: tuple[str, ...], smaller: tuple[str, ...]
    ) -> list[float]:
        """One entry less another one, of each demonstration set that has numbers for both."""
        pairs = [(_entry(cell, larger), _entry(cell, smaller)) for cell in self.cells[task]]
        return [a - b for a, b in pairs if a is not None and b is not None]

    def _check_path(self, path: tuple[str, ...]) -> None:
        """Refuse a path that leads to nothing in any record of the block."""
        homes = [metric.path(at) for metric in METRICS.values() for at in ("last", "label")]
        home = next((home for home in homes if path[: len(home)] == home), ())
        every = [record for cells in self.cells.values() for record in cells]
        level = [{k: v["value"] for k, v in r.results.deterministic.items()} for r in every]
        for depth, key in enumerate(path):
            keys = {k for entry in level if isinstance(entry, dict) for k in entry}
            if key not in keys:
                if depth < len(home) or key in SETTINGS:
                    return  # a setting that was not run, or a metric that needs one
                raise ValueError(
                    f"{'.'.join(path)}: {key!r} is no entry of the results of {self.label}; "
                    f"expected one of {', '.join(sorted(keys)) or 'none: this is a number'}."
                )
            level = [entry[key] for entry in level if isinstance(entry, dict) and key in entry]
            if all(entry is None for entry in level):
                return

    def row(
        self, *path: str, scale: float = 1.0, similarity: bool = True, interval: bool = True
    ) -> tuple[Value | None, ...]:
        """One value a task: mean and interval over sets; None if there is no number.

        Parameters
        ----------
        *path : str
            Where the number is in the results.
        scale : float
        similarity : bool
            None for tasks that the model cannot do.
        interval : bool
            Whether it has an interval.

        Raises
        ------
        ValueError
            As `values`.
        """
        row = []
        for task in self.cells:
            found = [scale * value for value in self.values(task, *path)]
            if not found or (similarity and not self.can_do(task)):
                row.append(None)
                continue
            value = Value.over_seeds(found)
            row.append(value if interval else Value(value.mean))
        return tuple(row)

    def sets(self) -> str:
        """How many demonstration sets its tasks have, in words."""
        counts = sorted({len(cells) for cells in self.cells.values()})
        noun = "demonstration set" if counts[-1] == 1 else "demonstration sets"
        return f"{' to '.join(map(str, dict.fromkeys((counts[0], counts[-1]))))} {noun}"

    def items(self) -> str:
        """How many items its tasks have, in words: those of most tasks, then the others."""
        counts = {task: cells[0]["items"] for task, cells in self.cells.items()}
        usual = max(counts.values(), key=list(counts.values()).count)
        others = [f"{task} {count}" for task, count in counts.items() if count != usual]
        return f"{usual} items" + (f" ({', '.join(others)})" if others else "")

    def notes(self, similarity: bool) -> tuple[str, ...]:
        """What has to be said of its tasks: sets, demonstrations that do not fit, and dashes."""
        fit, cannot = [], [task for task in self.cells if self.can_do(task) is False]
        for task, cells in self.cells.items():
            used = sorted({record["k_used"] for record in cells})
            if used[0] < cells[0]["k"] and self.settings_run != ("zsl",):
                fit.append(f"{task} {'–'.join(map(str, sorted({used[0], used[-1]})))}")
        found = [f"{self.sets()}, {self.items()}"]
        found += [f"demonstrations that fit the window: {', '.join(fit)}"] if fit else []
        if similarity and cannot:
            found.append(
                "in context no better than its own label frequencies, so no similarities: "
                + ", ".join(cannot)
            )
        return tuple(found)

    def few(self, what: str, *path: str) -> tuple[str, ...]:
        """A note on the tasks for which not every demonstration set has a value."""
        counts = {task: len(self.values(task, *path)) for task in self.cells}
        few = [
            f"{task} {count} of {len(self.cells[task])}"
            for task, count in counts.items()
            if self.can_do(task) and count < len(self.cells[task])
        ]
        return (f"{what}: {', '.join(few)}",) if few else ()

    def can_do(self, task: str) -> bool | None:
        """Whether the model does the task in context, better than its own label frequencies.

        None if it was not asked to.
        """
        if "icl" not in self.settings_run:
            return None
        counts = self.values(task, "accuracy", "icl", "counts")
        return sum(counts) > len(self.cells[task]) / 2

    @property
    def settings_run(self) -> tuple[str, ...]:
        """Which of ``zsl ft icl`` were run."""
        return tuple(self.first.config["settings"])

    @property
    def first(self) -> Record:
        """One of its cells; all have the same settings and model."""
        return next(iter(self.cells.values()))[0]


def _entry(record: Record, path: tuple[str, ...]):
    """An entry of a record's results; None if it is not there."""
    value = {k: v["value"] for k, v in record.results.deterministic.items()}
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, dict) and value.get("value", 0) is None:
            return None  # what has no value has no chance level or count to show either
    return value


def recorded_blocks(
    *stores: Path | str,
    models: Collection[str] = (),
    tasks: Collection[str] = (),
    k: Collection[int] = (),
    broken: Callable[[RecordError], object] | None = None,
) -> list[Block]:
    """The cells in folders of records, in blocks; diverged ones are left out.

    If a demonstration set was run with several learning rates, each rate is a block of its own.

    Parameters
    ----------
    *stores : path
        Folders of records.
    models, tasks, k : collection, optional
        Only cells of these.
    broken : callable, optional
        Gets the error of each file that cannot be read, which is then left out.

    Raises
    ------
    ValueError
        If there are no finished cells; a `RecordError` if a file cannot be read and nobody is told.
    """
    found = defaultdict(list)
    every = [
        record
        for store in stores
        for record in records.all_records(store, broken)
        if record.experiment == "gpt-cell" and not record["diverged"]
    ]
    short = short_names(record.config["model"] for record in every)
    usual = _usual()
    for record in every:
        model, task = record.config["model"], record.config["task"]
        asked = ((models, {model, short[model]}), (tasks, {task}), (k, {record["k"]}))
        if all(names & set(wanted) for wanted, names in asked if wanted):
            skipped = {*WITHIN, *PLACES}
            config = usual | record.config  # older records do not name every setting
            shared = {name: v for name, v in config.items() if name not in skipped}
            shared |= {"model": model, "k": record["k"]}
            shared |= {f"inputs {name}": _input(record, name) for name in INPUTS}
            found[json.dumps(shared, sort_keys=True)].append(record)
    if not found:
        raise ValueError(
            f"no finished cells in {', '.join(map(str, stores))}"
            + (f" of those asked for; there are {_there(every, short)}" if every else "")
            + "; make some with: python -m iclbook run"
        )
    return _told_apart([block for cells in found.values() for block in _of_rates(cells, short)])


def _input(record: Record, name: str) -> str | None:
    """A hash of what a cell read; None in records that do not say it."""
    return (_entry(record, ("inputs",)) or {}).get(name)


def _there(every: list[Record], short: dict[str, str]) -> str:
    """Models, tasks and numbers of demonstrations of cells, in words."""
    models = sorted({short[record.config["model"]] for record in every})
    tasks = sorted({record.config["task"] for record in every}, key=place)
    counts = sorted({record["k"] for record in every})
    return f"models {', '.join(models)}, tasks {', '.join(tasks)}, k {', '.join(map(str, counts))}"


def _told_apart(blocks: list[Block]) -> list[Block]:
    """Blocks of one label get the inputs in their settings in which they differ."""
    told = []
    for block in blocks:
        same = [other for other in blocks if other.label == block.label]
        differ = [n for n in INPUTS if len({_input(other.first, n) for other in same}) > 1]
        words = [f", {INPUTS[n]} {(_input(block.first, n) or 'unknown')[:8]}" for n in differ]
        told.append(replace(block, settings=block.settings + "".join(words)))
    return told


def controlled_blocks(
    *stores: Path | str, controls: Sequence[str] = CONTROLS
) -> dict[str, dict[str, Block]]:
    """The cells with the default settings, and their controls, by model and by control.

    Tasks stand together whatever the number of items; of one task with several, the most count.

    Parameters
    ----------
    *stores : path
        Folders of records.
    controls : sequence of str
        `CONTROLS`, or some of `EVERY_CONTROL`.

    Returns
    -------
    dict of str to dict of str to Block
        By model as its cells name it, drawn weights or not; then by control, those there are.

    Raises
    ------
    ValueError
        As `recorded_blocks`.
    """
    alike = defaultdict(lambda: defaultdict(list))
    for block in recorded_blocks(*stores):
        config = block.first.config
        control = config.get("control", "")
        free = {"preset": Setup.preset, "items": config["items"], "control": control}
        if block.settings != f"k = {Setup.k}{_unusual(free)}":
            continue
        model, variant = without_variant(config["model"])
        if variant:
            control = f"{variant}{control}"
        elif control not in ("", *NO_TASKS):
            control = ANOTHER_TASK
        alike[model][control].append(block)
    return {
        model: {name: _together(name, found[name]) for name in controls if name in found}
        for model, found in alike.items()
    }


def _together(control: str, blocks: list[Block]) -> Block:
    """One block of several: of each task the cells with the most items."""
    if len(blocks) == 1:
        return blocks[0]
    cells = {}
    for block in sorted(blocks, key=lambda b: b.first.config["items"] or math.inf):
        cells |= block.cells
    settings = f"k = {Setup().k}" + f", control {control}" * bool(control)
    ordered = {task: cells[task] for task in sorted(cells, key=place)}
    return replace(blocks[0], settings=settings, cells=ordered)


def find_block(model: str, *stores: Path | str, control: str = "") -> Block:
    """The cells of one model with the default settings, or a control of them.

    Parameters
    ----------
    model : str
    *stores : path
        Folders of records.
    control : str
        One of `CONTROLS`.

    Raises
    ------
    ValueError
        If there are none, or no such control.
    """
    check_choice("control", control, CONTROLS)
    name, option = model, ""
    if control == UNTRAINED:
        name += UNTRAINED
    elif control:
        option = f" --control {WRONG_LABELS if control == WRONG_LABELS else 'TASK'}"
    drawn = UNTRAINED if name.endswith(UNTRAINED) else control
    found = controlled_blocks(*stores).get(name.removesuffix(UNTRAINED), {})
    if drawn in found:
        return found[drawn]
    raise ValueError(
        f"no finished cells of {name!r} with the default settings{option and f' and{option}'} in "
        f"{', '.join(map(str, stores))}; make some with: "
        f"python -m iclbook run --model {name}{option} --seeds 0 1 2 3 4 --out my-records"
    )


def _of_rates(cells: list[Record], short: dict[str, str]) -> list[Block]:
    latest, newest = {}, {}
    for record in sorted(cells, key=lambda r: r.provenance["created"]):
        task, seed, lr = (record.config[key] for key in ("task", "seed", "lr"))
        read = _input(record, "task") or "", _input(record, "rows") or ""
        latest[task, read, seed, _input(record, "demonstrations") or "", lr] = record
        newest[task] = read
    swept = len({key[:-1] for key in latest}) < len(latest)
    groups = defaultdict(lambda: defaultdict(list))
    for key, record in sorted(latest.items(), key=lambda item: (place(item[0][0]), item[0])):
        task, read, *_, lr = key
        label = f", rate {lr:g}" if swept else ""
        if read != newest[task]:
            label += f", before the task changed ({records.config_hash({'read': read})[:8]})"
        groups[label][task].append(record)
    config = cells[0].config
    settings = f"k = {cells[0]['k']}{_unusual(config)}"
    return [
        Block(short[config["model"]], settings + label, config["preset"], dict(group))
        for label, group in groups.items()
    ]


def place(task: str) -> tuple[int, str]:
    """A key that sorts tasks as the paper does, others by name behind them."""
    order, plain = published.table("dai2023-1").columns, task.removeprefix("mini-")
    return (order.index(plain) if plain in order else len(order), task)


def _usual() -> dict:
    """The default settings, as a record has them."""
    return json.loads(json.dumps(asdict(Cell())))


def _unusual(config: dict) -> str:
    """Settings that differ from the defaults, in words."""
    default = _usual()
    default["ft_all_k"] = PRESETS[config["preset"]].all_k
    skipped, found = {*WITHIN, *PLACES, "k"}, ""
    for name in default:
        if name not in skipped and config.get(name, default[name]) != default[name]:
            value = config[name]
            found += f", {name} {' '.join(value) if isinstance(value, list) else value}"
    return found
