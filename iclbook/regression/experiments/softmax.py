"""Softmax heads and LayerNorm, many seeds: the recorded experiment ``regression-softmax``.

One layer is trained in five variants, and compared with one step of gradient descent. What each
head reads is recorded on the way, because it decides how far a single head comes.
"""

import math
from dataclasses import dataclass

import torch

from iclbook.records import Results
from iclbook.regression.compare import align
from iclbook.regression.descent import apply, best_rate, descend, half_mse
from iclbook.regression.resume import checkpoint, train_in_parts
from iclbook.regression.standard import StandardLayer
from iclbook.regression.tasks import TaskLaw, Tasks
from iclbook.regression.train import Training
from iclbook.rounding import rounded
from iclbook.threads import check_threads
from iclbook.validate import check_choice, check_count, check_seeds

VARIANTS = {
    "one": {},
    "one-blind": {"blind": True},
    "two": {"heads": 2},
    "two-blind": {"heads": 2, "blind": True},
    "norm": {"softmax": False, "layer_norm": True},
}
"""Arguments of each variant's :class:`~iclbook.regression.standard.StandardLayer`."""

EVALUATION_SEED = 10_000
"""Seed of the evaluation tasks; training seeds are small."""


@dataclass(frozen=True)
class Softmax:
    """Train each variant from several seeds.

    Attributes
    ----------
    variants : tuple of str
        Names from ``VARIANTS``.
    seeds : tuple of int
        One training each, for each variant.
    d, N : int
        Width of the inputs and number of context pairs.
    steps, batch : int
        Of each training.
    every : int
        Steps between two looks.
    tasks : int
        Evaluation tasks.
    scales : tuple of float
        Factors on the inputs, for the test out of distribution.
    threads : int
        CPU threads.
    """

    variants: tuple[str, ...] = tuple(VARIANTS)
    seeds: tuple[int, ...] = tuple(range(8))
    d: int = 10
    N: int = 10
    steps: int = 4000
    batch: int = 2048
    every: int = 200
    tasks: int = 10_000
    scales: tuple[float, ...] = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0)
    threads: int = 1

    def __post_init__(self) -> None:
        for variant in self.variants:
            check_choice("an entry of variants", variant, VARIANTS)
        for name in ("every", "tasks"):
            check_count(name, getattr(self, name))
        check_seeds(self.seeds)
        check_threads(self.threads)

    def run(self) -> Results:
        """Train all, and compare with gradient descent at its best learning rate."""
        law = TaskLaw(self.d, self.N)
        tests = self._tests(1.0)
        W = descend(tests, best_rate(law))
        scaled = [self._tests(scale) for scale in self.scales]
        descents = [apply(descend(other, best_rate(law)), other.x_q) for other in scaled]
        found = {
            "step": (list(range(0, self.steps + 1, self.every)), 0),
            "zero_loss": (rounded(half_mse(torch.zeros_like(tests.y_q), tests)), 1e-4),
            "gd_loss": (rounded(half_mse(apply(W, tests.x_q), tests)), 1e-4),
            "gd_scaled_loss": (
                [rounded(half_mse(p, other)) for p, other in zip(descents, scaled, strict=True)],
                1e-3,
            ),
        }
        for variant in self.variants:
            runs = [self._train(variant, seed, law, tests) for seed in self.seeds]
            for name in runs[0][1][0]:
                found[f"{variant}_{name}"] = ([[at[name] for at in seen] for _, seen in runs], 0.1)
            beside = [align(model, W, tests) for model, _ in runs]
            for name in ("cosine", "model_difference", "prediction_difference"):
                values = rounded([getattr(one, name) for one in beside])
                found[f"{variant}_{name}"] = (values, 0.1)
            with torch.no_grad():
                losses = [[rounded(half_mse(m(other), other)) for other in scaled] for m, _ in runs]
            found[f"{variant}_scaled_loss"] = (losses, 1.0)
        return Results({k: {"value": v, "tolerance": tol} for k, (v, tol) in found.items()})

    def _tests(self, scale: float) -> Tasks:
        generator = torch.Generator().manual_seed(EVALUATION_SEED)
        return TaskLaw(self.d, self.N, scale=scale).sample(self.tasks, generator)

    def _train(self, variant: str, seed: int, law: TaskLaw, tests: Tasks):
        how = Training(law, self.steps, self.batch, seed=seed)
        weights, tasks = how.generators()
        model = StandardLayer(self.d + 1, **VARIANTS[variant], generator=weights)

        def look(_step: int, model: StandardLayer) -> dict[str, float | list[float]]:
            with torch.no_grad():
                return {"loss": rounded(half_mse(model(tests), tests))} | roles(model)

        path = checkpoint(f"softmax-{variant}-{self.steps}x{self.batch}x{seed}")
        return model, train_in_parts(model, how, tasks, every=self.every, look=look, path=path)


def roles(model: StandardLayer) -> dict[str, list[float]]:
    """What each head reads: inputs or targets, as keys and as values.

    Returns
    -------
    dict
        One number a head. ``target_value`` and ``input_value``: how much of y_i, and of x_i, it
        adds to the prediction. ``target_key`` and ``input_key``: how strongly its logits react to
        y_i, and to x_i (largest singular value), per unit of the query's input.
    """
    A, M = (part[0].detach() for part in model.products())
    d = A.shape[-1] - 1
    M = M / math.sqrt(d + 1) if model.softmax else M
    found = {
        "target_value": A[:, d, d],
        "input_value": A[:, d, :d].norm(dim=-1),
        "target_key": M[:, d, :d].norm(dim=-1),
        "input_key": torch.linalg.matrix_norm(M[:, :d, :d], ord=2),
    }
    return rounded(found, 4)
