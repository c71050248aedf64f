"""Ordinary tokens at full size: the recorded experiment ``regression-copying``.

Two layers learn to copy targets next to inputs, and then to do a step of gradient descent (von
Oswald et al. 2023, figure 5). Loss and copy metric are recorded on the way.
"""

from dataclasses import dataclass

import torch

from iclbook.records import Results
from iclbook.regression.copying import CopyingModel, copy_metric, ordinary_tokens
from iclbook.regression.descent import best_rate, expected_loss, half_mse
from iclbook.regression.resume import checkpoint, train_in_parts
from iclbook.regression.tasks import TaskLaw, Tasks
from iclbook.regression.train import Training
from iclbook.rounding import rounded
from iclbook.threads import check_threads
from iclbook.validate import check_count, check_seeds

EVALUATION_SEED = 10_000
"""Seed of the evaluation tasks; training seeds are small."""


@dataclass(frozen=True)
class Copying:
    """Train the two-layer model on ordinary tokens.

    Attributes
    ----------
    d, N : int
        Width of the inputs and number of context pairs.
    position_width : int
        Entries of a position code.
    steps, batch, lr, clip : int, int, float, float
        Of the training.
    every : int
        Steps between two looks.
    tasks, probes : int
        Evaluation tasks for the loss, and for the copy metric.
    seeds : tuple of int
        One training each.
    threads : int
        CPU threads.
    """

    d: int = 10
    N: int = 10
    position_width: int = 10
    steps: int = 10_000
    batch: int = 512
    lr: float = 1e-3
    clip: float = 10.0
    every: int = 250
    tasks: int = 10_000
    probes: int = 200
    seeds: tuple[int, ...] = (0, 1)
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("every", "tasks", "probes"):
            check_count(name, getattr(self, name))
        check_seeds(self.seeds)
        check_threads(self.threads)

    def run(self) -> Results:
        """Train, and look at loss, copy metric and the first layer's attention."""
        law = TaskLaw(self.d, self.N)
        generator = torch.Generator().manual_seed(EVALUATION_SEED)
        tests, probes = law.sample(self.tasks, generator), law.sample(self.probes, generator)
        runs = [self._train(seed, law, tests, probes) for seed in self.seeds]
        with torch.no_grad():
            maps = [model.attention(ordinary_tokens(tests)).mean(dim=0) for model, _ in runs]
        found = {
            "step": (list(range(0, self.steps + 1, self.every)), 0),
            "zero_loss": (rounded(expected_loss(law, 0.0)), 1e-6),
            "gd_loss": (rounded(expected_loss(law, best_rate(law))), 1e-6),
            "attention": (rounded(maps, 3), 1),
        }
        for name in runs[0][1][0]:
            # the moment of the transition moves from machine to machine, and the curves with it
            values = [[at[name] for at in seen] for _, seen in runs]
            found[name] = (values, 0.25 if name == "loss" else 1.0)
        return Results({k: {"value": v, "tolerance": tol} for k, (v, tol) in found.items()})

    def _train(self, seed: int, law: TaskLaw, tests: Tasks, probes: Tasks):
        how = Training(law, self.steps, self.batch, self.lr, clip=self.clip, seed=seed)
        weights, tasks = how.generators()
        model = CopyingModel(self.d, self.N, position_width=self.position_width, generator=weights)

        def look(_step: int, model: CopyingModel) -> dict[str, float]:
            with torch.no_grad():
                loss = float(half_mse(model(tests), tests))
            return rounded({"loss": loss} | vars(copy_metric(model, probes)))

        path = checkpoint(f"copying-{self.d}x{self.N}-{self.steps}x{self.batch}x{seed}")
        return model, train_in_parts(model, how, tasks, every=self.every, look=look, path=path)
