"""Run a recorded experiment, and compare two runs of it."""

import dataclasses
import json
import math
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iclbook import states
from iclbook.records.provenance import provenance
from iclbook.records.record import NAME, Record, check
from iclbook.records.registry import experiment_class
from iclbook.records.sources import hashes
from iclbook.threads import limited


def run(experiment: str, config: Mapping[str, Any] | None = None, *, name: str) -> Record:
    """Run an experiment and return its record; :func:`iclbook.records.write` stores it.

    Parameters
    ----------
    experiment : str
        A name of ``EXPERIMENTS``.
    config : mapping, optional
        Fields that shall differ from the experiment's defaults; lists become tuples.
    name : str
        The record's name, for example ``"cpu"``.

    Raises
    ------
    ValueError
        If the experiment or a field of the configuration is unknown, or the result is
        incomplete.
    """
    if not NAME.fullmatch(name):
        raise ValueError(f"name is {name!r}; use lower-case letters, digits and '-'")
    kind = experiment_class(experiment)
    known = {field.name for field in dataclasses.fields(kind)}
    given = dict(config or {})
    if set(given) - known:
        raise ValueError(
            f"{experiment} has no option {', '.join(sorted(set(given) - known))}; "
            f"it has {', '.join(sorted(known))}"
        )
    given = {key: tuple(v) if isinstance(v, list) else v for key, v in given.items()}
    task = kind(**given)
    sources = hashes(kind.__module__)
    begin = time.perf_counter()
    with limited(task.threads), states.watched() as resumed:
        results = task.run()
    seconds = time.perf_counter() - begin
    record = Record(
        experiment=experiment,
        name=name,
        config=portable(json.loads(json.dumps(dataclasses.asdict(task)))),
        results=results,
        provenance=provenance(
            kind.__module__,
            sources,
            seconds,
            device=getattr(task, "hardware", "cpu"),
            resumed=bool(resumed),
        ),
    )
    check(record)
    return record


def portable(value: Any) -> Any:
    """Settings without the folders in which this machine keeps its files.

    Paths of files that exist become relative to the current folder, or ``~/...`` within home; so do
    those with something behind an ``@``, such as ``FOLDER@untrained``.
    """
    if isinstance(value, dict):
        return {name: portable(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [portable(entry) for entry in value]
    if not isinstance(value, str) or not os.path.isabs(value):
        return value
    if not os.path.exists(value):
        place, at, behind = value.rpartition("@")
        return portable(place) + at + behind if os.path.exists(place) else value
    for folder, prefix in ((os.getcwd(), "./"), (os.path.expanduser("~"), "~/")):
        if Path(value).is_relative_to(folder):
            return prefix + Path(value).relative_to(folder).as_posix()
    with suppress(ValueError):  # on another drive
        return Path(os.path.relpath(value)).as_posix()
    return value


@dataclass(frozen=True)
class Difference:
    """One result in two runs.

    Attributes
    ----------
    name : str
        Of the result.
    old, new : object
        Its values.
    unit : str or None
        For a measured result.
    tolerance, change : float or None
        For a deterministic result: what is allowed, and the largest absolute change (infinite
        if shapes differ; 0 or infinite for text).
    """

    name: str
    old: Any
    new: Any
    unit: str | None = None
    tolerance: float | int | None = None
    change: float | None = None

    @property
    def agrees(self) -> bool:
        """Whether the runs agree; a measured result always does."""
        return self.change is None or self.change <= self.tolerance


def compare(old: Record, new: Record) -> list[Difference]:
    """Compare two runs, result by result: deterministic first, then measured.

    Raises
    ------
    ValueError
        If the runs differ in experiment or configuration, or name different results.
    """
    if (old.experiment, old.config_sha256) != (new.experiment, new.config_sha256):
        raise ValueError(
            f"{old.experiment}/{old.name} and {new.experiment}/{new.name} are different runs; "
            "compare records of one experiment with one configuration"
        )
    for kind in ("deterministic", "measured"):
        a, b = getattr(old.results, kind), getattr(new.results, kind)
        if a.keys() != b.keys():
            raise ValueError(
                f"{kind} results differ in {', '.join(sorted(a.keys() ^ b.keys()))}; "
                "the experiment has changed: rerun it with --write"
            )
    deterministic = [
        Difference(
            name,
            entry["value"],
            new[name],
            tolerance=entry["tolerance"],
            change=_change(entry["value"], new[name]),
        )
        for name, entry in old.results.deterministic.items()
    ]
    measured = [
        Difference(name, entry["value"], new[name], unit=entry["unit"])
        for name, entry in old.results.measured.items()
    ]
    return deterministic + measured


def _change(old: Any, new: Any) -> float:
    """Largest absolute change of a number; infinite where shape, text or None changes."""
    if old == new:
        return 0.0
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        return max(_change(old[name], new[name]) for name in old)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return max(map(_change, old, new))
    if isinstance(old, int | float) and isinstance(new, int | float):
        return float(abs(old - new))
    return math.inf
