"""What is left of a claim beside its control: one rule for every claim and every metric.

A claim has an *effect*, which is above zero if the claim is true, and a *control*: the same number
where the thing that the claim speaks of is missing. Both are known for the same units (seeds, or
pairs of a model and a task), and so is their difference.

The trap: an interval that holds zero is no evidence of nothing. A claim fails its control only if
what is left beside the control is clearly little, or less than nothing.

Chapters: "Would an untrained network score the same?", "What do we know?"
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from iclbook.columns import DASH, fixed
from iclbook.gpt.metrics import seed_interval

HOLDS, FAILS, OPEN = "holds", "fails its control", "not settled"
"""The words of a verdict."""

FEWEST = 3
"""Units that it takes to settle anything."""

SHARE = 0.5
"""Of the effect: a claim of which clearly less is left beside its control fails."""

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
    def higher(self) -> int:
        """In how many units the effect is larger than the control."""
        return sum(a > b for a, b in zip(self.effects, self.controls))

    @property
    def left(self) -> str:
        """The difference, and in how many units it is above zero, as ``+0.12 ± 0.05, 5/6``."""
        mean, low, high = self.difference
        spread = "" if low is None else f" ± {(high - low) / 2:.2f}"
        middle = fixed(mean, sign="+").replace("-", "−")
        return f"{middle}{spread}, {self.higher}/{len(self.effects)}"

    @property
    def word(self) -> str:
        """What the rule says, see below.

        ``holds``
            Effect and difference are clear of zero: their whole intervals lie above it.
        ``fails its control``
            It does not hold, and the upper end of the difference lies below zero or below `SHARE`
            of the mean effect, or the effect itself lies below zero with its whole interval.
        ``not settled``
            Else, and with fewer than `FEWEST` units.
        """
        if len(self.effects) < FEWEST:
            return OPEN
        (mean, low, high), (_, least, most) = self.effect, self.difference
        if low > 0 and least > 0:
            return HOLDS
        return FAILS if high < 0 or most < max(0.0, SHARE * mean) else OPEN

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
    """The verdict on a claim: what was found in each kind of model, and no word for the whole.

    Parameters
    ----------
    findings : dict of str to Finding
        By kind of model; may be empty.

    Returns
    -------
    str
        As ``holds (linear), not settled (bundled, pretrained)``; a dash without findings.
    """
    words = {
        word: ", ".join(kind for kind, finding in findings.items() if finding.word == word)
        for word in (HOLDS, FAILS, OPEN)
    }
    return ", ".join(f"{word} ({kinds})" for word, kinds in words.items() if kinds) or DASH
