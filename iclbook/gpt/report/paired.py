"""Which control kills which metric: recorded cells against their controls, pair by pair.

A metric can only speak of a thing if it falls where the thing is missing. A pair is a model and a
task; in it a cell is compared with the control of the same draw of demonstrations, on the same
items and at the same learning rate, and the differences are averaged over draws. So a control that
was recorded at another rate is never held against it.

Chapter: "Would an untrained network score the same?"
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from iclbook.columns import DASH
from iclbook.gpt.report.block import Block, entry
from iclbook.gpt.report.render import Value


@dataclass(frozen=True)
class Measure:
    """A number of a cell.

    Attributes
    ----------
    text : str
        In words.
    path : tuple of str
        Where it is in a record; ``{at}`` is the position at which similarities are read.
    similarity : bool
        Whether it says nothing of a task that the model cannot do in context.
    """

    text: str
    path: tuple[str, ...]
    similarity: bool = True


_AT = ("positions", "{at}")

MEASURES = (
    Measure("SimAOU, normalised", (*_AT, "simaou", "normalised", "mean")),
    Measure("SimAOU, plain", (*_AT, "simaou", "plain", "mean")),
    Measure("SimAM", (*_AT, "simam", "after", "mean")),
    Measure("SimAM of changes", (*_AT, "simam", "difference", "mean")),
    Measure("Kendall's tau", (*_AT, "kendall", "mean")),
    Measure("Rec2FTP", ("rec2ftp", "value")),
    Measure("accuracy, finetuned", ("accuracy", "ft", "accuracy"), False),
    Measure("the same, calibrated", ("calibrated", "ft", "accuracy"), False),
    Measure("accuracy, in context", ("accuracy", "icl", "accuracy"), False),
    Measure("the same, calibrated", ("calibrated", "icl", "accuracy"), False),
)
"""The metrics of Part III."""

Differences = dict[tuple[str, str], float]
"""By model and task: cell less control, mean over draws."""


def differences(
    found: Mapping[str, Mapping[str, Block]], control: str, measure: Measure, position: str = "last"
) -> Differences:
    """By how much cells score higher than a control of theirs.

    Parameters
    ----------
    found : dict of str to dict of str to Block
        As `iclbook.gpt.report.controlled.controlled_blocks` gives it.
    control : str
        One of `iclbook.gpt.report.controlled.EVERY_CONTROL`.
    measure : Measure
    position : str
        ``"last"`` or ``"label"``: where similarities are read.

    Returns
    -------
    dict
        Without the pairs of which a side is not recorded or has no such number, and, of
        similarities, without the tasks that the model cannot do in context.
    """
    path = tuple(part.format(at=position) for part in measure.path)
    pairs = {}
    for model, blocks in found.items():
        if "" not in blocks or control not in blocks:
            continue
        own, other = blocks[""], blocks[control]
        for task in own.cells:
            if task not in other.cells or (measure.similarity and not own.can_do(task)):
                continue
            sides = [_by_draw(block, task, path) for block in (own, other)]
            both = [sides[0][draw] - sides[1][draw] for draw in sides[0] if draw in sides[1]]
            if both:
                pairs[model, task] = float(np.mean(both))
    return pairs


def _by_draw(block: Block, task: str, path: tuple[str, ...]) -> dict[tuple, float]:
    """A number of each cell that has one, by what two cells have to share to be compared."""
    values = {}
    for cell in block.cells[task]:
        value = entry(cell, path)
        if isinstance(value, int | float):
            shared = cell.config["seed"], cell.config["lr"], cell["items"]
            values[*shared, entry(cell, ("inputs", "dtype"))] = float(value)
    return values


ENOUGH = 3
"""Pairs of model and task without which their count settles nothing."""


@dataclass(frozen=True)
class Outcome:
    """What a control does to a metric.

    Attributes
    ----------
    higher, pairs : int
        On how many pairs of model and task the cells score higher than the control, and of how
        many.
    mean : Value or None
        The mean difference, with a 95% interval that has the pair as its unit.
    """

    higher: int
    pairs: int
    mean: Value | None

    @classmethod
    def of(cls, found: Differences) -> "Outcome":
        """Of the differences of some pairs."""
        values = list(found.values())
        mean = Value.over_seeds(values) if values else None
        return cls(sum(value > 0 for value in values), len(values), mean)

    @property
    def verdict(self) -> str:
        """``stands``: the whole interval is above zero. ``killed``: it is below zero, or at most
        half of the pairs are higher, of which there must be `ENOUGH` for that. Else ``open``."""
        if self.pairs < 2:
            return "open" if self.pairs else DASH
        if self.mean.mean > self.mean.half:
            return "stands"
        few = self.pairs >= ENOUGH and 2 * self.higher <= self.pairs
        return "killed" if few or self.mean.mean < -self.mean.half else "open"

    def __str__(self) -> str:
        """As ``+0.12 ± 0.05, 5/6``."""
        if self.mean is None:
            return DASH
        spread = "" if self.mean.half is None else f" ± {self.mean.half:.2f}"
        return f"{self.mean.mean:+.2f}{spread}, {self.higher}/{self.pairs}"


def outcomes(
    found: Mapping[str, Mapping[str, Block]],
    controls: Sequence[str],
    measures: Sequence[Measure] = MEASURES,
    position: str = "last",
) -> list[list[Outcome]]:
    """What each control (columns) does to each metric (rows), see `differences`.

    A control of the finetuning leaves the in-context side as it is: there is no outcome where all
    differences are exactly zero.
    """
    rows = []
    for measure in measures:
        row = []
        for control in controls:
            pairs = differences(found, control, measure, position)
            row.append(Outcome.of(pairs if any(pairs.values()) else {}))
        rows.append(row)
    return rows
