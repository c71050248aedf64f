"""What is left of a claim beside its control: a rule, and the numbers that it is applied to.

A claim has an *effect*, which is above zero if the claim is true, and a *control*: the same number
where the thing that the claim speaks of is missing. Both are known for the same units (seeds, or
pairs of a model and a task), and so is their difference.

The trap: an interval that holds zero is no evidence of nothing. A claim fails its control only if
the control has the effect too, or scores clearly higher.

Chapter: "What do we know?"
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from iclbook.columns import DASH, fixed
from iclbook.gpt.metrics import seed_interval
from iclbook.gpt.report.block import Block, entry
from iclbook.records import Record

HOLDS, LIMIT, FAILS, OPEN = "holds", "holds with a limit", "fails its control", "not settled"
"""The words of a verdict."""

FEWEST = 3
"""Units that it takes to settle anything."""

Interval = tuple[float, float | None, float | None]
"""Mean, low and high end; a single unit has no ends."""


@dataclass(frozen=True)
class Finding:
    """A claim's effect beside its control, unit by unit.

    Attributes
    ----------
    effects, controls : tuple of float
        One number a unit, in the same order.
    unit : str
        What an interval is about, in the plural.
    """

    effects: tuple[float, ...]
    controls: tuple[float, ...]
    unit: str

    @classmethod
    def of(cls, effects: Iterable[float], controls: Iterable[float], unit: str) -> "Finding":
        """Of two rows of numbers.

        Raises
        ------
        ValueError
            If the rows differ in length, or have no numbers.
        """
        rows = [tuple(float(value) for value in row) for row in (effects, controls)]
        if len(rows[0]) != len(rows[1]) or not rows[0]:
            raise ValueError(
                f"{len(rows[0])} effects and {len(rows[1])} controls; expected one of each for "
                f"every unit ({unit}), and at least one unit."
            )
        return cls(*rows, unit)

    @property
    def effect(self) -> Interval:
        """Mean over units with a 95% interval."""
        return seed_interval(np.array(self.effects))

    @property
    def control(self) -> Interval:
        """The same of the control."""
        return seed_interval(np.array(self.controls))

    @property
    def difference(self) -> Interval:
        """Effect less control, unit by unit."""
        return seed_interval(np.array(self.effects) - np.array(self.controls))

    @property
    def word(self) -> str:
        """``holds``: effect and difference are clear of zero. ``fails its control``: one of them is
        clearly below zero, or effect and control are clear of zero and their difference is not.
        Else, and with fewer than `FEWEST` units, ``not settled``."""
        if len(self.effects) < FEWEST:
            return OPEN
        if _below(self.effect) or _below(self.difference):
            return FAILS
        if _above(self.effect) and _above(self.difference):
            return HOLDS
        if _above(self.effect) and _above(self.control):
            return FAILS
        return OPEN

    def __str__(self) -> str:
        """As ``0.31 ± 0.05, control 0.02 ± 0.03, difference 0.29 ± 0.06 (6 pairs)``."""
        count = f"{len(self.effects)} {self.unit}"
        count = count.removesuffix("s") if len(self.effects) == 1 else count
        return (
            f"{told(self.effect)}, control {told(self.control)}, "
            f"difference {told(self.difference)} ({count})"
        )


def told(interval: Interval, digits: int = 2) -> str:
    """An interval as text, such as ``0.31 ± 0.05``."""
    mean, low, high = interval
    middle = fixed(mean, digits).replace("-", "−")
    return middle if low is None else f"{middle} ± {fixed((high - low) / 2, digits)}"


def verdict(findings: Mapping[str, Finding]) -> str:
    """The verdict on a claim from what was found in each kind of model.

    Parameters
    ----------
    findings : dict of str to Finding
        By kind of model; may be empty.

    Returns
    -------
    str
        ``holds`` if it does in every kind, ``holds with a limit`` if it does in some, else ``fails
        its control`` if it does in some, else ``not settled``. A dash without findings.
    """
    words = [finding.word for finding in findings.values()]
    if not words:
        return DASH
    if HOLDS in words:
        return HOLDS if set(words) == {HOLDS} else LIMIT
    return FAILS if FAILS in words else OPEN


def against(
    found: Mapping[str, Mapping[str, Block]],
    control: str,
    number: Callable[[Record], float | None],
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

    Returns
    -------
    Finding or None
        One unit for each model and task that it can do in context, the mean over the draws of
        demonstrations that both sides have at the same rate, on the same items; None if there is
        no such unit.
    """
    units = []
    for blocks in found.values():
        own, other = blocks.get(""), blocks.get(control)
        for task in own.cells.keys() & other.cells.keys() if own and other else ():
            if own.can_do(task):
                sides = [_numbers(block.cells[task], number) for block in (own, other)]
                both = [(sides[0][at], sides[1][at]) for at in sides[0] if at in sides[1]]
                units += [np.mean(both, axis=0)] if both else []
    return Finding.of(*zip(*sorted(map(tuple, units))), "pairs") if units else None


def _numbers(cells: Iterable[Record], number: Callable) -> dict[tuple, float]:
    """A number of each cell that has one, by what two cells have to share to be compared."""
    found = {}
    for cell in cells:
        value = number(cell)
        if value is not None and np.isfinite(value):
            about = (cell.config["seed"], cell.config["lr"], cell["items"])
            found[*about, entry(cell, ("inputs", "dtype"))] = float(value)
    return found


def _above(interval: Interval) -> bool:
    return interval[1] is not None and interval[1] > 0


def _below(interval: Interval) -> bool:
    return interval[2] is not None and interval[2] < 0
