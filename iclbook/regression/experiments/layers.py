"""Several layers of linear self-attention: the recorded experiments with two and five layers.

Each seed trains one model and compares it, every so many steps, with as many steps of gradient
descent and of GD++ (von Oswald et al. 2023, figure 3 and appendix A.10). Both have the best rates
for contexts that are not those of the evaluation. (In the authors' code they are the same.)

GD has one rate for all steps. GD++ has one pair of eta and gamma for a model with tied weights,
and a pair a layer for a model with a set of weights a layer. For the latter there is no best pair:
the longer one searches, the lower the loss on the contexts of the search, and the larger the loss
on a few others. The search stops after :data:`SEARCH` iterations.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from iclbook.records import Results
from iclbook.regression.attention import SelfAttention, predict
from iclbook.regression.compare import Products, align, balance, interpolate
from iclbook.regression.descent import gdpp_products, half_mse
from iclbook.regression.resume import checkpoint, train_in_parts
from iclbook.regression.spectrum import spectrum, tune_on_spectrum
from iclbook.regression.tasks import TaskLaw, Tasks
from iclbook.regression.train import Training
from iclbook.rounding import rounded
from iclbook.threads import check_threads
from iclbook.validate import check_count, check_seeds

EVALUATION_SEED, SEARCH_SEED = 10_000, 20_000
"""Seeds of the evaluation tasks and of the tasks on which rates are tuned."""

SEARCH = 50
"""Iterations of the search for the rates of GD++."""

SCALES = (0.5, 0.75, 1.0, 1.1, 1.25)
"""Factors on the inputs of the evaluation; 1 is what the models are trained on."""

CEILING = 1e6
"""Larger losses, also infinite ones, are recorded as this."""


@dataclass(frozen=True)
class TwoLayers:
    """Train models with several layers, and compare them with GD and GD++.

    Attributes
    ----------
    layers : int
        Of the model, and steps of GD and GD++.
    tied : bool
        One set of weights for all layers, or one a layer.
    N : int
        Context pairs.
    seeds : tuple of int
        One model each.
    steps, batch, lr, clip
        Of the training; the authors' notebook clips at 0.001 up to two layers, at 10 beyond.
    every : int
        Steps between two evaluations.
    tasks : int
        Evaluation tasks, and contexts on which rates are tuned.
    threads : int
        CPU threads.
    """

    layers: int = 2
    tied: bool = True
    N: int = 10
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    steps: int = 5000
    batch: int = 2048
    lr: float = 1e-3
    clip: float = 1e-3
    every: int = 100
    tasks: int = 10_000
    threads: int = 1

    token_clip = None  # tokens are as they are

    def __post_init__(self) -> None:
        for name in ("layers", "every", "tasks"):
            check_count(name, getattr(self, name))
        check_seeds(self.seeds)
        check_threads(self.threads)

    @property
    def law(self) -> TaskLaw:
        """The law of the tasks."""
        return TaskLaw(N=self.N)

    def references(self) -> dict[str, tuple[Tensor, Tensor]]:
        """The rates (eta, gamma) of ``gd`` and ``gdpp``, one of each a layer."""
        lam = spectrum(self.law.sample(self.tasks, torch.Generator().manual_seed(SEARCH_SEED)))
        gd = tune_on_spectrum(lam, self.layers, self.law, with_gamma=False)
        shared = tune_on_spectrum(
            lam, self.layers, self.law, eta=gd[0][0], gamma=gd[0][0] / self.N**2
        )
        if self.tied:
            return {"gd": gd[:2], "gdpp": shared[:2]}
        search = {"tied": False, "eta": shared[0], "gamma": shared[1], "steps": SEARCH}
        return {"gd": gd[:2], "gdpp": tune_on_spectrum(lam, self.layers, self.law, **search)[:2]}

    def run(self) -> Results:
        """Train a model a seed, and compare."""
        tests = self._tests()
        rates = self.references()
        references = {
            name: Products(*gdpp_products(self.law.d, self.N, *pair)).float()
            for name, pair in rates.items()
        }
        curves, trained = [], []
        for seed in self.seeds:
            model, seen = self._train(seed, tests, references)
            curves.append(seen)
            trained.append(self._inspect(model, tests, references["gdpp"]))

        found = {"step": (list(range(0, self.steps + 1, self.every)), 0)}
        for name in curves[0][0]:
            found[f"curve_{name}"] = ([[row[name] for row in seen] for seen in curves], 0.05)
        for name in trained[0]:
            found[f"trained_{name}"] = ([row[name] for row in trained], 0.02)
        for name, (eta, gamma) in rates.items():
            model = references[name]
            tolerance = 0.01 if self.tied or name == "gd" else 10.0
            found[f"{name}_eta"] = (eta.tolist(), tolerance)
            found[f"{name}_gamma"] = (gamma.tolist(), tolerance)
            found[f"{name}_readouts"] = (_readouts(model, tests), 0.01)
            found[f"{name}_scales"] = (self._scales(model), 0.5)
        found["scales"] = (list(SCALES), 0)
        return Results(
            {name: {"value": rounded(v), "tolerance": tol} for name, (v, tol) in found.items()}
        )

    def _tests(self, scale: float = 1.0) -> Tasks:
        law = TaskLaw(N=self.N, scale=scale)
        return law.sample(self.tasks, torch.Generator().manual_seed(EVALUATION_SEED))

    def _train(self, seed: int, tests: Tasks, references: dict[str, Products]):
        how = Training(self.law, self.steps, self.batch, lr=self.lr, clip=self.clip, seed=seed)
        weights, tasks = how.generators()
        model = SelfAttention(
            self.law.d + 1,
            layers=self.layers,
            tied=self.tied,
            clip=self.token_clip,
            generator=weights,
        )
        kind = "tied" if self.tied else "untied"
        seen = train_in_parts(
            model,
            how,
            tasks,
            every=self.every,
            look=lambda step, model: _beside(model, references, tests),
            path=checkpoint(f"layers-{self.layers}-{kind}-N{self.N}-seed{seed}"),
        )
        return model, seen

    def _inspect(self, model: SelfAttention, tests: Tasks, gdpp: Products) -> dict:
        """The trained weights, and what they do."""
        d = self.law.d
        A, M = balance(*(part.detach() for part in model.products()), d)
        eta = -A[:, 0, d, d] * self.N
        gamma = -A[:, 0].diagonal(dim1=-2, dim2=-1)[:, :d].mean(dim=1)
        off = max(
            float((W - torch.diag_embed(W.diagonal(dim1=-2, dim2=-1))).abs().max()) for W in (A, M)
        )
        spelled = gdpp_products(d, self.N, eta.expand(self.layers), gamma.expand(self.layers))
        own = align(model, Products(*spelled), tests)
        A_all, M_all = (W.expand(self.layers, -1, -1, -1) for W in (A, M))
        with torch.no_grad():
            half_way = interpolate(model, gdpp.A, gdpp.M, d)(tests)
        return {
            "loss": own.loss,
            "eta": eta.tolist(),
            "gamma": gamma.tolist(),
            "off_diagonal": off,
            "interpolated": _capped(half_mse(half_way, tests)),
            "readouts": _readouts(Products(A_all, M_all), tests),
            "scales": self._scales(model),
            "read_off_loss": _capped(own.reference_loss),
            "read_off_cosine": own.cosine,
        }

    def _scales(self, model: torch.nn.Module) -> list[float]:
        with torch.no_grad():
            tests = (self._tests(scale) for scale in SCALES)
            return [_capped(half_mse(model(t), t)) for t in tests]


@dataclass(frozen=True)
class FiveLayers(TwoLayers):
    """The same with five layers, and the settings of deeper models."""

    layers: int = 5
    seeds: tuple[int, ...] = (0,)
    lr: float = 5e-4
    clip: float = 10.0


@dataclass(frozen=True)
class FiveOwnLayers(FiveLayers):
    """Five layers with weights of their own, and tokens clipped as the paper does.

    Without the clipping one task with large tokens is enough to end a training. The fast form
    knows no clipping, so the batch is smaller than the paper's.

    Attributes
    ----------
    token_clip : float
        Tokens are clipped to this size after each layer.
    """

    tied: bool = False
    steps: int = 50_000
    batch: int = 256
    every: int = 1000
    token_clip: float = 10.0


def _beside(
    model: SelfAttention, references: dict[str, Products], tests: Tasks
) -> dict[str, float]:
    """The model's loss, and its likeness to each reference."""
    seen = {}
    for name, reference in references.items():
        found = align(model, reference, tests)
        seen["loss"] = found.loss
        seen[f"{name}_cosine"] = found.cosine
        seen[f"{name}_difference"] = found.model_difference
        seen[f"{name}_predictions"] = found.prediction_difference
    return seen


def _readouts(model: Products, tests: Tasks) -> list[float]:
    """The loss if the prediction is read after 1, 2, ... layers."""
    with torch.no_grad():
        return [
            _capped(half_mse(predict(model.A[:k], model.M[:k], tests), tests))
            for k in range(1, len(model.A) + 1)
        ]


def _capped(loss: float | Tensor) -> float:
    return float(loss) if loss < CEILING else CEILING  # not a number is not less
