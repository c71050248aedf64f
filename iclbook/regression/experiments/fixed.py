"""One layer that sees the same tasks at every step: the experiment ``regression-one-layer-fixed``.

Von Oswald et al. 2023 (appendix A.12, figure 16) train on fixed sets of tasks, all of a set in
every step. Small sets are learned by heart; from some thousand tasks on the layer learns the rule.

The trap: with the same tasks in every step there is no noise, so a layer settles early and training
longer changes nothing. What it settles on is the best layer for this set, which for a small set is
a bad one for all other tasks.
"""

from dataclasses import dataclass

import torch

from iclbook.records import Results
from iclbook.regression.attention import SelfAttention
from iclbook.regression.compare import align
from iclbook.regression.descent import best_rate, descend, half_mse
from iclbook.regression.experiments.one_layer import tasks_for_testing
from iclbook.regression.tasks import TaskLaw, Tasks
from iclbook.regression.train import Training, train
from iclbook.rounding import rounded
from iclbook.threads import check_threads
from iclbook.validate import check_count, check_seeds

CEILING = 1e3
"""Larger losses on new tasks are recorded as this."""


@dataclass(frozen=True)
class FixedLaw:
    """A law that gives the same tasks every time."""

    tasks: Tasks

    def sample(self, B: int, generator: torch.Generator) -> Tasks:
        """All of the tasks, whatever is asked for."""
        return self.tasks


@dataclass(frozen=True)
class FixedTasks:
    """Train one layer on each of several fixed sets of tasks, with each seed.

    Attributes
    ----------
    counts : tuple of int
        Tasks in a set; all of them make up every batch.
    seeds : tuple of int
        One layer each, for each set: seeds of the set and of the initial weights.
    steps, look_every : int
        Of each training, and how often to look at it.
    tests : int
        New tasks for the comparison.
    threads : int
        CPU threads.
    """

    counts: tuple[int, ...] = (128, 512, 2048, 8192)
    seeds: tuple[int, ...] = (0, 1, 2)
    steps: int = 5000
    look_every: int = 250
    tests: int = 10_000
    threads: int = 1

    def __post_init__(self) -> None:
        for count in self.counts:
            check_count("an entry of counts", count)
        for name in ("steps", "look_every", "tests"):
            check_count(name, getattr(self, name))
        check_seeds(self.seeds)
        check_threads(self.threads)

    def run(self) -> Results:
        """Train and compare; tables have a row a set, a column a seed, and curves along these."""
        at = tuple(range(0, self.steps + 1, self.look_every))
        seen = [[self._train(n, seed, at) for seed in self.seeds] for n in self.counts]
        found = {"step": (list(at), 0)}
        for name, tolerance in {"known": 0.02, "new": 5.0, "cosine": 0.1}.items():
            curves = [[[look[name] for look in run] for run in row] for row in seen]
            # The middle of a training is not comparable between processors, its end is.
            found[f"{name}_curve"] = (curves, CEILING)
            found[name] = ([[curve[-1] for curve in row] for row in curves], tolerance)
        found["reference_loss"] = (seen[0][0][0]["reference"], 1e-5)
        return Results({n: {"value": v, "tolerance": t} for n, (v, t) in found.items()})

    def _train(self, count: int, seed: int, at: tuple[int, ...]) -> list[dict[str, float]]:
        """Losses on the known and on new tasks, and the cosine with gradient descent."""
        law = TaskLaw()
        tests = tasks_for_testing(law, self.tests)
        weights, tasks = Training(seed=seed).generators()
        known = law.sample(count, tasks)
        model = SelfAttention(law.d + 1, generator=weights)
        reference, looks = descend(tests, best_rate(law)), []

        def look(_: int, model: SelfAttention) -> None:
            with torch.no_grad():
                loss = float(half_mse(model(known), known))
            new = align(model, reference, tests)
            found = {
                "known": loss,
                "new": min(new.loss, CEILING),
                "cosine": new.cosine,
                "reference": new.reference_loss,
            }
            looks.append({name: rounded(value, 4) for name, value in found.items()})

        how = Training(law=FixedLaw(known), steps=self.steps, batch=count, seed=seed)
        train(model, how, tasks, at=at, look=look)
        return looks
