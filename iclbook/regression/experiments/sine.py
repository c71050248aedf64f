"""The sine study of von Oswald et al. 2023 (figure 4): the recorded experiment ``regression-sine``.

First the control is trained: embedding and MLP below a fixed layer that does one step of gradient
descent. Then the model, in which everything is trained, is trained from the same initial embedding
and MLP, and compared with the trained control every so many steps.

With the environment variable ``ICLBOOK_CHECKPOINTS`` set to a folder, a stopped run goes on where
it was. The seconds of the provenance are then those of the last run, not of the whole training.
"""

from dataclasses import dataclass

import torch
from torch import nn

from iclbook.records import Results
from iclbook.regression.compare import align
from iclbook.regression.descent import half_mse
from iclbook.regression.resume import checkpoint, train_in_parts
from iclbook.regression.sine import SineLaw, SineModel, kernel, on_grid, share_of_guess
from iclbook.regression.tasks import Tasks
from iclbook.regression.train import Training
from iclbook.rounding import rounded
from iclbook.threads import check_threads
from iclbook.validate import check_count

EVALUATION_SEED = 10_000
"""Seed of the evaluation tasks; training seeds are small."""


@dataclass(frozen=True)
class Sine:
    """Train control and model on one law of sine tasks.

    Attributes
    ----------
    tied : bool
        The authors' generator, with amplitude tied to phase; else the family as it was meant.
    N : int
        Context pairs.
    eta : float
        Learning rate of the control's construction.
    steps, batch, clip : int, int, float
        Of both trainings.
    lr, control_lr : float
        Adam's, for the model and for the control.
    every : int
        Steps between two evaluations.
    tasks : int
        Evaluation tasks.
    seed, threads : int
        Of weights and training tasks; CPU threads.
    """

    tied: bool = True
    N: int = 10
    eta: float = 0.1
    steps: int = 20_000
    batch: int = 2048
    clip: float = 100.0
    lr: float = 1e-3
    control_lr: float = 3e-4
    every: int = 1000
    tasks: int = 10_000
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("every", "tasks"):
            check_count(name, getattr(self, name))
        check_threads(self.threads)

    def run(self) -> Results:
        """Train both, and compare."""
        law = SineLaw(self.N, tied=self.tied)
        tests = law.sample(self.tasks, torch.Generator().manual_seed(EVALUATION_SEED))
        size = "x".join(str(n) for n in (self.steps, self.batch, self.seed))
        label = f"sine-{'tied' if self.tied else 'free'}-{size}"

        control, control_seen = self._train(
            law, self.control_lr, self.eta, f"{label}-control", lambda model: _losses(model, tests)
        )
        model, model_seen = self._train(
            law, self.lr, None, f"{label}-model", lambda model: _losses(model, tests, control)
        )
        found = {"step": (list(range(0, self.steps + 1, self.every)), 0)}
        found["zero_loss"] = (rounded(tests.y_q.square().mean() / 2, 6), 1e-4)
        both = (("control", control, control_seen), ("model", model, model_seen))
        for name, net, seen in both:
            for what in sorted(seen[0]):
                tolerance = 0.1 if what == "cosine" else 0.003 if "loss" in what else 0.02
                values = rounded([row[what] for row in seen], 6)
                found[f"{name}_{what}"] = (values, tolerance)
            for what, value in _dissected(net, law, tests).items():
                found[f"{name}_{what}"] = (value, 0.003 if "loss" in what else 0.3)
        return Results({name: {"value": v, "tolerance": t} for name, (v, t) in found.items()})

    def _train(self, law, lr, eta, name, look):
        """A trained model, and what `look` saw every so many steps."""
        how = Training(law, self.steps, self.batch, lr=lr, clip=self.clip, seed=self.seed)
        weights, tasks = how.generators()
        model = SineModel(eta, self.N if eta else None, generator=weights)
        seen = train_in_parts(
            model,
            how,
            tasks,
            every=self.every,
            look=lambda step, model: look(model),
            path=checkpoint(name),
        )
        return model, seen


def _losses(model: nn.Module, tests: Tasks, control: nn.Module | None = None) -> dict[str, float]:
    """Losses before and after the attention layer, and the comparison with the control."""
    with torch.no_grad():
        seen = {
            "loss_before": float(half_mse(model.before(tests), tests)),
            "loss": float(half_mse(model(tests), tests)),
        }
    if control is None:
        return seen
    beside = align(model, control, tests)
    return seen | {
        "cosine": beside.cosine,
        "difference": beside.model_difference,
        "prediction_difference": beside.prediction_difference,
    }


def _dissected(model: SineModel, law: SineLaw, tests: Tasks) -> dict[str, list | float]:
    """The loss on the other law, predictions, the kernel, and how much of the guess is used."""
    other = SineLaw(law.N, tied=not law.tied)
    others = other.sample(len(tests), torch.Generator().manual_seed(EVALUATION_SEED))
    curves, grid = torch.linspace(-5, 5, 51), torch.linspace(-5, 5, 26)
    first = Tasks(tests.X[:3], tests.y[:3], tests.x_q[:3], tests.y_q[:3])
    with torch.no_grad():
        share, fit = share_of_guess(model, grid)
        found = {
            "loss_on_other_law": half_mse(model(others), others),
            "before": on_grid(model.before, first, curves)[0],
            "after": on_grid(model, first, curves),
            "kernel": kernel(model, grid, grid),
        }
    return rounded(found | {"share_of_guess": share, "share_of_guess_fit": fit})
