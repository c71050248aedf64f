"""A block of recorded cells: one model with one set of settings, on several tasks and draws.

A number of a task is a mean over demonstration sets, with a 95% interval that has the set as its
unit. A similarity of a task that the model cannot do in context is no number: how alike two ways of
failing are says nothing about learning.
"""

from dataclasses import dataclass

from iclbook.gpt.metrics import METRICS
from iclbook.gpt.metrics.metric import SETTINGS
from iclbook.gpt.report.render import Value
from iclbook.records import Record, Results


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
        return entry(self.first, ("model_origin",)) or {}

    def values(self, task: str, *path: str) -> list[float]:
        """An entry of the results of each demonstration set, where it is a number.

        Raises
        ------
        ValueError
            If no result of the block has such an entry.
        """
        found = []
        for record in self.cells[task]:
            value = entry(record, path)
            if isinstance(value, int | float):
                found.append(float(value))
        if not found:
            self._check_path(path)
        return found

    def differences(
        self, task: str, larger: tuple[str, ...], smaller: tuple[str, ...]
    ) -> list[float]:
        """One entry less another one, of each demonstration set that has numbers for both."""
        pairs = [(entry(cell, larger), entry(cell, smaller)) for cell in self.cells[task]]
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


def entry(record: Record, path: tuple[str, ...]):
    """An entry of a record's results; None if it is not there.

    Parameters
    ----------
    record : Record
    path : tuple of str
    """
    return found_in(record.results, path)


def found_in(results: Results, path: tuple[str, ...]):
    """The same of results that are not recorded yet."""
    value = {k: v["value"] for k, v in results.deterministic.items()}
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, dict) and value.get("value", 0) is None:
            return None  # what has no value has no chance level or count to show either
    return value
