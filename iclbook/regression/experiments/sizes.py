"""One trained layer beside one step for several sizes: ``regression-one-layer-sizes``.

Von Oswald et al. 2023 train with as many context pairs N as input entries d, and report that layer
and step agree for several N = d. The losses of the step have closed forms.

The trap: in narrow tasks a layer more often learns the wrong route (see
:mod:`iclbook.regression.landscape`) and stays there, so single seeds mislead.
"""

from dataclasses import dataclass

from iclbook.records import Results
from iclbook.regression.compare import balance
from iclbook.regression.experiments.one_layer import tasks_for_testing, watch
from iclbook.regression.tasks import TaskLaw
from iclbook.regression.train import Training
from iclbook.rounding import rounded
from iclbook.threads import check_threads
from iclbook.validate import check_count, check_seeds

TOLERANCES = {
    "loss": 0.02,
    "reference_loss": 1e-5,
    "prediction_difference": 0.05,
    "cosine": 0.05,
    "interpolated_loss": 0.02,
    "wrong": 0.1,
}
"""How far a rerun may be at its end."""


@dataclass(frozen=True)
class Sizes:
    """Train one layer for each size N = d and each seed, and compare it with one step of GD.

    Attributes
    ----------
    sizes : tuple of int
        N = d.
    seeds : tuple of int
        One layer each, for each size.
    steps, batch : int
        Of each training.
    tests : int
        Tasks for the comparison.
    threads : int
        CPU threads.
    """

    sizes: tuple[int, ...] = (2, 5, 10, 20)
    seeds: tuple[int, ...] = (0, 1, 2)
    steps: int = 5000
    batch: int = 2048
    tests: int = 10_000
    threads: int = 1

    def __post_init__(self) -> None:
        for size in self.sizes:
            check_count("an entry of sizes", size)
        for name in ("steps", "batch", "tests"):
            check_count(name, getattr(self, name))
        check_seeds(self.seeds)
        check_threads(self.threads)

    def run(self) -> Results:
        """Train and compare; tables have a row a size and a column a seed."""
        ends = {name: [] for name in TOLERANCES} | {"product": []}
        for size in self.sizes:
            law = TaskLaw(d=size, N=size)
            tests = tasks_for_testing(law, self.tests)
            row = {name: [] for name in ends}
            for seed in self.seeds:
                how = Training(law=law, steps=self.steps, batch=self.batch, seed=seed)
                model, (end,) = watch(how, tests, (self.steps,))
                end["product"] = balance(*model.products(), size)[0][0, 0, -1, -1].item()
                for name, column in row.items():
                    column.append(rounded(end[name]))
            for name, column in row.items():
                ends[name].append(column)
        tolerances = TOLERANCES | {"product": 0.1}
        return Results({n: {"value": v, "tolerance": tolerances[n]} for n, v in ends.items()})
