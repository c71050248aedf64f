"""How often a layer gets stuck, and what decides it: ``regression-one-layer-plateau``.

Many seeds, the beginning of training only. Each variant changes one setting of the authors' code:
the size of the initial weights and the clipping norm as the text has them, and the number of heads
(von Oswald et al. 2023, appendices A.11 and A.12).
"""

import math
from dataclasses import dataclass

import torch

from iclbook.records import Results
from iclbook.regression.attention import INIT_SCALE, SelfAttention
from iclbook.regression.descent import half_mse
from iclbook.regression.experiments.one_layer import tasks_for_testing
from iclbook.regression.tasks import TaskLaw
from iclbook.regression.train import Training, train
from iclbook.validate import check_count

EVERY = 50
"""Steps between two looks."""

VARIANTS = ("code", "text-std", "text-clip", "two-heads")


@dataclass(frozen=True)
class Plateau:
    """Train many layers for a while, and note their losses.

    Attributes
    ----------
    seeds : int
        Seeds 0 to seeds - 1, the same for each variant.
    steps, batch, tests : int
        Of each training; tasks to score on.
    threads : int
        CPU threads.
    """

    seeds: int = 40
    steps: int = 600
    batch: int = 512
    tests: int = 2000
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("seeds", "steps", "batch", "tests", "threads"):
            check_count(name, getattr(self, name))

    def run(self) -> Results:
        """Train; one table a variant, with a row a seed and a column a look."""
        torch.set_num_threads(self.threads)
        at = tuple(range(0, self.steps + 1, EVERY))
        found = {"step": {"value": list(at), "tolerance": 0}}
        for variant in VARIANTS:
            losses = [self._losses(variant, seed, at) for seed in range(self.seeds)]
            # Which seeds get stuck is decided by rounding: a rerun may differ in some.
            found[variant] = {"value": losses, "tolerance": 0.3}
        return Results(found)

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
                losses.append(round(float(half_mse(model(tests), tests)), 4))

        train(model, how, tasks, at=at, look=look)
        return losses
