"""How often a layer gets stuck, and for how long: ``regression-one-layer-plateau``.

Many seeds, the beginning of training only. Each variant changes one setting of the authors' code:
the size of the initial weights and the clipping norm as the text has them, and the number of heads
(von Oswald et al. 2023, appendices A.11 and A.12). The seeds that get stuck with the settings of
the code are then followed for longer.
"""

import math
from dataclasses import dataclass

import torch

from iclbook.records import Results
from iclbook.regression.attention import INIT_SCALE, SelfAttention
from iclbook.regression.descent import best_rate, expected_loss, half_mse
from iclbook.regression.experiments.one_layer import tasks_for_testing, watch
from iclbook.regression.tasks import TaskLaw
from iclbook.regression.train import Training, train
from iclbook.rounding import rounded
from iclbook.threads import check_threads
from iclbook.validate import check_count, check_seeds

EVERY = 50
"""Steps between two looks at the beginning."""

VARIANTS = ("code", "text-std", "text-clip", "two-heads")


@dataclass(frozen=True)
class Plateau:
    """Train many layers for a while; then follow those that got stuck.

    Attributes
    ----------
    seeds : tuple of int
        One layer each, for each variant.
    steps, batch, tests : int
        Of each training; tasks to score on.
    follow, look_every : int
        Steps for the seeds that got stuck, and how often to look at them.
    threads : int
        CPU threads.
    """

    seeds: tuple[int, ...] = tuple(range(40))
    steps: int = 300
    batch: int = 2048
    tests: int = 4000
    follow: int = 10_000
    look_every: int = 250
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "tests", "follow", "look_every"):
            check_count(name, getattr(self, name))
        check_seeds(self.seeds)
        check_threads(self.threads)

    def run(self) -> Results:
        """Train; one table a variant, with a row a seed and a column a look."""
        law, at = TaskLaw(), tuple(range(0, self.steps + 1, EVERY))
        found = {"step": (list(at), 0)}
        for variant in VARIANTS:
            # Which seeds get stuck is decided by rounding: a rerun may differ in some.
            found[variant] = ([self._losses(variant, seed, at) for seed in self.seeds], 0.3)
        half_way = (expected_loss(law, 0.0) + expected_loss(law, best_rate(law))) / 2
        losses = zip(self.seeds, found["code"][0], strict=True)
        stuck = [seed for seed, row in losses if row[-1] > half_way]
        if stuck:
            found |= {"stuck_seeds": (stuck, max(self.seeds))} | self._follow(law, stuck)
        return Results({n: {"value": v, "tolerance": t} for n, (v, t) in found.items()})

    def _losses(self, variant: str, seed: int, at: tuple[int, ...]) -> list[float]:
        law = TaskLaw()
        tests, losses = tasks_for_testing(law, self.tests), []
        clip = 10.0 if variant == "text-clip" else 1e-3
        how = Training(law=law, steps=self.steps, batch=self.batch, clip=clip, seed=seed)
        weights, tasks = how.generators()
        heads = 2 if variant == "two-heads" else 1
        model = SelfAttention(law.d + 1, heads=heads, generator=weights)
        if variant == "text-std":  # a standard deviation of 0.002, not of sqrt(0.002 / 11)
            with torch.no_grad():
                for W in model.parameters():
                    W *= INIT_SCALE / math.sqrt(INIT_SCALE / (law.d + 1))

        def look(_: int, model: SelfAttention) -> None:
            with torch.no_grad():
                losses.append(rounded(half_mse(model(tests), tests), 6))

        train(model, how, tasks, at=at, look=look)
        return losses

    def _follow(self, law: TaskLaw, seeds: list[int]) -> dict[str, tuple]:
        """Longer trainings of some seeds; pictures of the first."""
        at = tuple(range(0, self.follow + 1, self.look_every))
        tests = tasks_for_testing(law, self.tests)
        looks = []
        for seed in seeds:
            how = Training(law=law, steps=self.follow, batch=self.batch, seed=seed)
            looks.append(watch(how, tests, at)[1])
        found = {
            "stuck_step": (list(at), 0),
            "stuck_reference_loss": (looks[0][0]["reference_loss"], 1e-5),
        }
        for name in ("loss", "cosine", "right", "wrong"):
            found[f"stuck_{name}"] = ([rounded([x[name] for x in row], 4) for row in looks], 10.0)
        for name in ("a", "M"):
            found[f"stuck_{name}"] = ([rounded(x[name], 4) for x in looks[0]], 10.0)
        return found
