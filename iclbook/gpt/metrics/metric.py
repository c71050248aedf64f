"""What a metric is: one entry that says what it needs, how it is computed, and its rows in a table.

A metric of your own is one more `Metric`, given to `register`: cells then observe what it needs,
records hold what it computes, and tables show its rows, if it has any.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

SETTINGS = ("zsl", "ft", "icl")
"""Zero-shot, finetuned on the demonstrations, and with the demonstrations in context."""


@dataclass(frozen=True)
class Comparison:
    """The settings of one cell on the same items, and all that a metric may ask for.

    Attributes
    ----------
    settings : dict of str to Observations
        By `SETTINGS`, those that there are.
    preset : Preset
        Which variant of every choice (`iclbook.gpt.study.presets`).
    training_queries : sequence of array, shape (L, T, d_q), optional
        Queries recorded during finetuning, one array a demonstration.
    bos, separator : int
        Numbers of tokens at the start of the context and after each demonstration.
    device : str
        Where similarities are computed.
    position : str
        Where a metric that is read at a position looks: ``"last"`` or ``"label"``; else empty.
    """

    settings: Mapping[str, Any]
    preset: Any
    training_queries: Sequence[np.ndarray] | None = None
    bos: int = 1
    separator: int = 1
    device: str = "cpu"
    position: str = ""

    @property
    def gold(self) -> Int[np.ndarray, " n"]:
        """Gold labels of the items."""
        return next(iter(self.settings.values())).gold

    def right(self, setting: str) -> Bool[np.ndarray, " n"]:
        """Which items a setting gets right."""
        return self.settings[setting].predicted == self.gold

    def arrays(self, kind: str) -> list[np.ndarray] | None:
        """What was observed at the position zero-shot, in context and finetuned; None if not."""
        found = [getattr(self.settings[s], kind).get(self.position) for s in ("zsl", "icl", "ft")]
        return None if any(array is None for array in found) else found


@dataclass(frozen=True)
class Row:
    """A row of a table: its label, and where its number is below the metric's entry.

    Attributes
    ----------
    label : str
    path : tuple of str
    drawn : bool
        Whether the number depends on the demonstrations, and so has an interval over sets of them.
    scaled : bool
        Whether the table's scale applies.
    """

    label: str
    path: tuple[str, ...]
    drawn: bool = True
    scaled: bool = True


@dataclass(frozen=True)
class Layout:
    """How a metric stands in a table.

    Attributes
    ----------
    title : function of a Preset to str
    rows : function of a Preset to tuple of Row
        Chance levels and baselines among them, in reading order.
    published : int, optional
        Which table of Dai et al. (2023) shows it.
    scale : float
        What numbers are multiplied by, 100 for percent.
    digits : int
        Behind the decimal point.
    similarity : bool
        A similarity is a dash where the model cannot do the task in context.
    few : str
        What it says of the demonstration sets that have a value, where some have none.
    """

    title: Callable[[Any], str]
    rows: Callable[[Any], tuple[Row, ...]]
    published: int | None = None
    scale: float = 1.0
    digits: int = 3
    similarity: bool = True
    few: str = ""


@dataclass(frozen=True)
class Metric:
    """A metric.

    Attributes
    ----------
    name : str
        Its entry in a record.
    compute : function of (Comparison, numpy.random.Generator) to dict or None
        Plain numbers, chance levels and baselines among them; None if it cannot be computed from
        what was observed.
    needs : dict of str to frozenset of str
        The settings that it compares, and what has to be observed of each besides the answers
        (see `iclbook.gpt.reading.observe`). Empty: the answers of any setting.
    placed : bool
        Whether it is read at each of the preset's positions.
    layout : Layout, optional
        Its table.
    """

    name: str
    compute: Callable[[Comparison, np.random.Generator], dict | None]
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    placed: bool = False
    layout: Layout | None = None

    def path(self, position: str) -> tuple[str, ...]:
        """Where its entry is in a record."""
        return ("positions", position, self.name) if self.placed else (self.name,)

    def entries(self, given: Comparison, seed: int) -> dict[str, dict]:
        """Its entries by position (by "" if it has none); empty if a setting is missing.

        Each position has random numbers of its own, whatever other metrics there are.
        """
        if not set(self.needs) <= set(given.settings):
            return {}
        found = {}
        for place in given.preset.positions if self.placed else ("",):
            rng = np.random.default_rng([seed, zlib.crc32(f"{self.name} {place}".encode())])
            entry = self.compute(replace(given, position=place), rng)
            if entry is not None:
                found[place] = entry
        return found


def of_three(*kinds: str, **more: set[str]) -> dict[str, frozenset[str]]:
    """The needs of a metric that compares all settings: these of each, and more of some."""
    return {setting: frozenset({*kinds, *more.get(setting, ())}) for setting in SETTINGS}
