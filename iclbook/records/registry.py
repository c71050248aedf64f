"""The experiments that have records: a name, and where its class stands.

An experiment is a frozen dataclass. Its fields are the configuration, with defaults; its method
``run`` does the work. Classes are imported when they are asked for, so that reading a record
imports no library that only its experiment needs.
"""

from importlib import import_module
from typing import Protocol

from iclbook.records.record import Results

EXPERIMENTS = {"dual-cost": "iclbook.dual.cost:DualCost"}
"""Name of each experiment to ``module:class``."""


class Experiment(Protocol):
    """What a recorded experiment offers, besides the fields of its configuration."""

    threads: int
    """How many CPU threads the numerical libraries may use."""

    def run(self) -> Results:
        """Compute the results."""


def find(experiment: str) -> type[Experiment]:
    """Return the class of an experiment.

    Raises
    ------
    ValueError
        If there is no such experiment.
    """
    if experiment not in EXPERIMENTS:
        raise ValueError(f"no experiment {experiment!r}; known: {', '.join(sorted(EXPERIMENTS))}")
    module, name = EXPERIMENTS[experiment].split(":")
    return getattr(import_module(module), name)
