"""Which control kills which metric: recorded cells against their controls, pair by pair.

A metric can only speak of a thing if it falls where the thing is missing. A pair is a model and a
task; in it a cell is compared with the control of the same draw of demonstrations, on the same
items and at the same learning rate, and both are averaged over draws. So a control that was
recorded at another rate is never held against it. What the pairs say together is for the rule of
`iclbook.gpt.report.verdict`.

Chapter: "Would an untrained network score the same?"
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from iclbook.gpt.report.block import Block, entry, found_in
from iclbook.gpt.report.verdict import Finding
from iclbook.records import Record, Results


@dataclass(frozen=True)
class Measure:
    """A number of a cell.

    Attributes
    ----------
    text : str
        In words.
    path : tuple of str
        Where it is in a record; ``{at}`` is the position at which similarities are read.
    less : tuple of str
        Where the number is that is taken off it, if one is.
    similarity : bool
        Whether it says nothing of a task that the model cannot do in context.
    """

    text: str
    path: tuple[str, ...]
    less: tuple[str, ...] = ()
    similarity: bool = True

    def read(self, results: Results, position: str = "last") -> float | None:
        """The number in the results of a cell; None if there is none.

        Parameters
        ----------
        results : Results
        position : str
            ``"last"`` or ``"label"``: where similarities are read.
        """
        numbers = [
            found_in(results, tuple(part.format(at=position) for part in path))
            for path in (self.path, self.less)
            if path
        ]
        if not all(isinstance(number, int | float) for number in numbers):
            return None
        return float(numbers[0]) - sum(map(float, numbers[1:]))


_AT = ("positions", "{at}")
_AOU = (*_AT, "simaou", "normalised")
_ZERO_SHOT = ("accuracy", "zsl", "accuracy")

MEASURES = {
    "normalised": Measure("SimAOU, normalised", (*_AOU, "mean")),
    "less chance": Measure(
        "the same, less its chance level",
        (*_AOU, "mean"),
        less=(*_AOU, "references", "chance", "mean"),
    ),
    "plain": Measure("SimAOU, plain", (*_AT, "simaou", "plain", "mean")),
    "maps": Measure("SimAM", (*_AT, "simam", "after", "mean")),
    "changes": Measure("SimAM of changes", (*_AT, "simam", "difference", "mean")),
    "tau": Measure("Kendall's tau", (*_AT, "kendall", "mean")),
    "recall": Measure("Rec2FTP", ("rec2ftp", "value")),
    "finetuned": Measure(
        "gain in accuracy, finetuned",
        ("accuracy", "ft", "accuracy"),
        less=_ZERO_SHOT,
        similarity=False,
    ),
    "in context": Measure(
        "gain in accuracy, in context",
        ("accuracy", "icl", "accuracy"),
        less=_ZERO_SHOT,
        similarity=False,
    ),
}
"""The metrics of Part III, by name."""


def against(
    found: Mapping[str, Mapping[str, Block]],
    control: str,
    number: Callable[[Record], float | None],
    similarity: bool = True,
) -> Finding | None:
    """Recorded cells of some models beside one control of theirs.

    Parameters
    ----------
    found : dict of str to dict of str to Block
        Some of `iclbook.gpt.report.controlled.controlled_blocks`.
    control : str
        One of `iclbook.gpt.report.controlled.EVERY_CONTROL`.
    number : callable
        The effect in a cell, or None if it has none.
    similarity : bool
        Whether only tasks count that the model can do in context.

    Returns
    -------
    Finding or None
        One unit for each model and task, the mean over the draws of demonstrations that both sides
        have at the same rate, on the same items; None if there is no such unit.
    """
    units = []
    for blocks in found.values():
        own, other = blocks.get(""), blocks.get(control)
        for task in sorted(own.cells.keys() & other.cells.keys()) if own and other else ():
            if similarity and not own.can_do(task):
                continue
            sides = [_by_draw(block.cells[task], number) for block in (own, other)]
            both = [(sides[0][draw], sides[1][draw]) for draw in sides[0] if draw in sides[1]]
            units += [np.mean(both, axis=0)] if both else []
    return Finding.of(*zip(*units), "pairs") if units else None


def _by_draw(cells: Iterable[Record], number: Callable) -> dict[tuple, float]:
    """A number of each cell that has one, by what two cells have to share to be compared."""
    values = {}
    for cell in cells:
        value = number(cell)
        if value is not None and np.isfinite(value):
            shared = cell.config["seed"], cell.config["lr"], cell["items"]
            values[*shared, entry(cell, ("inputs", "dtype"))] = float(value)
    return values


def outcomes(
    found: Mapping[str, Mapping[str, Block]],
    controls: Sequence[str],
    measures: Sequence[Measure],
    position: str = "last",
) -> list[list[Finding | None]]:
    """What each control (columns) does to each metric (rows), see `against`.

    A control of the finetuning leaves the in-context side as it is: there is no outcome where all
    differences are exactly zero.
    """

    def outcome(measure: Measure, control: str) -> Finding | None:
        one = against(
            found, control, lambda cell: measure.read(cell.results, position), measure.similarity
        )
        return None if one is None or one.effects == one.controls else one

    return [[outcome(measure, control) for control in controls] for measure in measures]
