"""One trained layer beside one step of gradient descent: the experiment ``regression-one-layer``.

The first experiment of von Oswald et al. 2023 (their figures 2 and 9, appendices A.3 and A.11), for
several seeds: how alike the two are during training, what the trained layers do on tasks that they
were not trained on, and what their weights look like.

The trap: now and then a layer gets stuck for most of the training (see
:mod:`iclbook.regression.experiments.plateau`), and a mean over seeds would hide two groups. All
results are kept seed by seed.
"""

from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

from iclbook.records import Results
from iclbook.regression.attention import SelfAttention
from iclbook.regression.compare import align, balance, interpolate
from iclbook.regression.descent import apply, best_rate, descend, gdpp_products, half_mse
from iclbook.regression.landscape import routes
from iclbook.regression.tasks import TaskLaw, Tasks
from iclbook.regression.train import Training, train
from iclbook.rounding import rounded
from iclbook.threads import check_threads
from iclbook.validate import check_count, check_seeds

TEST_SEED = 1_000_003
"""Seed of the tasks for testing: no training uses it."""

TOLERANCES = {
    "loss": 0.01,
    "reference_loss": 1e-5,
    "prediction_difference": 0.02,
    "cosine": 0.02,
    "model_difference": 0.1,
    "interpolated_loss": 0.01,
    "right": 0.2,
    "wrong": 0.2,
}
"""How far a rerun may be at its end: training on another processor rounds differently."""

PLACES = {"inputs": 2.0, "teacher": 0.2, "mixture": 5.0, "noise": 0.02}
"""Tests away from the training law, each with the tolerance of a trained layer's losses."""


@dataclass(frozen=True)
class OneLayer:
    """Train one layer for each of several seeds, and compare each with one step of GD at eta*.

    Attributes
    ----------
    d, N : int
        Width of the inputs and number of context pairs.
    seeds : tuple of int
        One layer each.
    steps, batch : int
        Of each training, with the settings of the authors' code.
    tests : int
        Tasks for every comparison, the same for all.
    input_scales, teacher_scales, mixture_scales : tuples of float
        Factors on inputs and teacher, and on inputs from the mixture of laws.
    noisy : tuple of int
        How many of the targets in the context are replaced by noise.
    threads : int
        CPU threads.
    """

    d: int = 10
    N: int = 10
    seeds: tuple[int, ...] = tuple(range(10))
    steps: int = 5000
    batch: int = 2048
    tests: int = 10_000
    input_scales: tuple[float, ...] = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0)
    teacher_scales: tuple[float, ...] = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
    mixture_scales: tuple[float, ...] = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0)
    noisy: tuple[int, ...] = (0, 2, 4, 6, 8)
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "tests"):
            check_count(name, getattr(self, name))
        check_seeds(self.seeds)
        check_threads(self.threads)
        for place in PLACES:
            self._laws(self.law, place)  # raises for what no law allows

    @property
    def law(self) -> TaskLaw:
        """The law of the training tasks."""
        return TaskLaw(d=self.d, N=self.N)

    def run(self) -> Results:
        """Train, compare, test; tables have a row a seed."""
        law, at = self.law, moments(self.steps)
        tests = tasks_for_testing(law, self.tests)
        runs = []
        for seed in self.seeds:
            how = Training(law=law, steps=self.steps, batch=self.batch, seed=seed)
            model, seen = watch(how, tests, at)
            runs.append({"seen": seen, "ends": self._ends(model, law), "model": model})
        found = {"step": (list(at), 0)}
        for name, tolerance in TOLERANCES.items():
            rows = [rounded([look[name] for look in run["seen"]]) for run in runs]
            # The middle of a training is not comparable between processors, its end is.
            found[f"{name}_curve"] = (rows, 10.0)
            found[name] = ([row[-1] for row in rows], tolerance)
        for place, tolerance in PLACES.items():
            found[place] = ([run["ends"][place] for run in runs], tolerance)
            found[f"{place}_gd"] = (self._descent(law, place), 1e-3)
        balanced = [balance(*run["model"].products(), law.d) for run in runs]
        product = [(A[0, 0, -1, -1] * M[0, 0, :-1, :-1]).detach() for A, M in balanced]
        found["product_diagonal"] = ([rounded(B.diagonal(), 4) for B in product], 0.05)
        found["product_off_diagonal"] = (
            [rounded((B - B.diag().diag()).abs().max()) for B in product],
            0.05,
        )
        pictures = {n: [rounded(look[n], 4) for look in runs[0]["seen"]] for n in ("a", "M")}
        found |= {name: (value, 10.0) for name, value in pictures.items()}  # of the first seed
        return Results({n: {"value": v, "tolerance": t} for n, (v, t) in found.items()})

    def _laws(self, law: TaskLaw, place: str) -> list[TaskLaw]:
        """The laws of a test, the training law changed in one respect."""
        changes = {
            "inputs": [{"scale": a} for a in self.input_scales],
            "teacher": [{"teacher_scale": a} for a in self.teacher_scales],
            "mixture": [{"inputs": "mixture", "scale": a} for a in self.mixture_scales],
            "noise": [{"noisy": m} for m in self.noisy],
        }
        return [replace(law, **change) for change in changes[place]]

    def _ends(self, model: SelfAttention, law: TaskLaw) -> dict[str, list[float]]:
        """Losses of a trained layer under each law."""
        found = {}
        with torch.no_grad():
            for place in PLACES:
                batches = (tasks_for_testing(other, self.tests) for other in self._laws(law, place))
                found[place] = [rounded(half_mse(model(b), b)) for b in batches]
        return found

    def _descent(self, law: TaskLaw, place: str) -> list[float]:
        """The same for one step of gradient descent, at the rate for the training law."""
        eta, losses = best_rate(law), []
        for other in self._laws(law, place):
            batch = tasks_for_testing(other, self.tests)
            losses.append(rounded(half_mse(apply(descend(batch, eta), batch.x_q), batch)))
        return losses


def moments(steps: int) -> tuple[int, ...]:
    """The steps to look at: every 100 up to 2,000, then every 500, and the last."""
    return tuple(s for s in range(steps + 1) if s == steps or s % (100 if s <= 2000 else 500) == 0)


def watch(
    how: Training, tests: Tasks, at: tuple[int, ...], heads: int = 1
) -> tuple[SelfAttention, list[dict]]:
    """Train one layer, and compare it with one step of GD at eta* before the given steps.

    Returns
    -------
    model : SelfAttention
        The trained layer.
    seen : list of dict
        For each look the fields of :class:`iclbook.regression.compare.Alignment`; for one head also
        ``interpolated_loss``, ``right`` and ``wrong`` (traces of the two routes, see
        :mod:`iclbook.regression.landscape`), and ``a`` and ``M``, levelled to equal norms.
    """
    weights, tasks = how.generators()
    d, N = how.law.d, how.law.N
    model = SelfAttention(d + 1, heads=heads, generator=weights)
    eta = best_rate(how.law)
    reference = descend(tests, eta)
    step = gdpp_products(d, N, torch.tensor([eta]), torch.zeros(1))
    seen = []

    def look(_: int, model: SelfAttention) -> None:
        found = asdict(align(model, reference, tests))
        if heads == 1:
            with torch.no_grad():
                half_way = float(half_mse(interpolate(model, *step, d)(tests), tests))
                A, M = (part[0, 0] for part in model.products())
                right, wrong = (float(B.trace()) for B in routes(A[-1], M))
            found |= {"interpolated_loss": min(half_way, 1e3), "right": right, "wrong": wrong}
            found |= dict(zip(("a", "M"), _levelled(A[-1], M), strict=True))
        seen.append(found)

    train(model, how, tasks, at=at, look=look)
    return model, seen


def tasks_for_testing(law: TaskLaw, count: int) -> Tasks:
    """Tasks for testing, the same in every call."""
    return law.sample(count, torch.Generator().manual_seed(TEST_SEED))


def _levelled(a: Tensor, M: Tensor) -> tuple[Tensor, Tensor]:
    """The same layer with the free factor chosen such that a and M have equal norms."""
    c = (M.norm() / a.norm()).sqrt()
    return a * c, M / c
