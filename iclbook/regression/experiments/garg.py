"""A small causal transformer beside least squares and ridge: the experiment ``regression-garg``.

Garg et al. 2022 train a GPT-2 of 9.5 million parameters on prompts x_1, y_1, x_2, y_2, ... of
linear regression tasks with standard normal x and w, and score every prediction on the way. Here
the same task is small enough for a processor. With label noise the same run asks the question of
Akyurek et al. 2023: which ridge regression is the trained model closest to?

The trap: x and y are separate tokens, so the model has to learn to copy before it can regress.
The loss stays near that of predicting zero for the first hundred or so steps.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from iclbook.records import Results
from iclbook.regression.optimal import one_step, ridge
from iclbook.regression.tasks import Tasks
from iclbook.regression.train import Diverged
from iclbook.threads import check_threads
from iclbook.validate import check_count, check_number

LEARNT = 0.03
"""Tolerance on a trained model's errors: rounding on another processor changes the whole run."""


class CausalTransformer(nn.Module):
    """Predict every y_i of a prompt x_1, y_1, x_2, y_2, ... from what stands before it.

    Parameters
    ----------
    d, N : int
        Width of the inputs, and examples in a prompt.
    layers, width, heads : int
        Of the encoder; the MLP is twice as wide.
    """

    def __init__(self, d: int, N: int, *, layers: int, width: int, heads: int):
        super().__init__()
        self.embed = nn.Linear(d, width)
        self.positions = nn.Parameter(0.02 * torch.randn(2 * N - 1, width))
        block = nn.TransformerEncoderLayer(
            width, heads, 2 * width, 0.0, "gelu", batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, layers, enable_nested_tensor=False)
        self.read = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 1))
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(2 * N - 1))

    def forward(self, X: Float[Tensor, "B N d"], y: Float[Tensor, "B N"]) -> Float[Tensor, "B N"]:
        """Predictions at the x tokens; a y token is (y, 0, ..., 0), as in the paper's code."""
        targets = torch.zeros_like(X)
        targets[..., 0] = y
        tokens = torch.stack([X, targets], dim=2).flatten(1, 2)[:, :-1]  # the last y is not read
        hidden = self.blocks(self.embed(tokens) + self.positions, self.mask, is_causal=True)
        return self.read(hidden[:, ::2])[..., 0]


@dataclass(frozen=True)
class GargSmall:
    """Train the transformer, and compare it with estimators for every context length.

    Attributes
    ----------
    d, N : int
        Width of the inputs; examples in a prompt, so contexts of 0 to N - 1.
    layers, width, heads : int
        Of the transformer.
    noise : float
        Standard deviation of the label noise in the context; scored on labels without noise.
    lams : tuple of float
        Ridge regressions to measure the distance to; 0 is least squares, whose error has no finite
        mean where noise meets a context of d examples: leave it out there.
    steps, batch, lr : int, int, float
        Adam, the learning rate rising to lr and falling again to almost zero.
    tests : int
        Prompts to score on.
    seed, threads : int
        Of everything random; CPU threads.
    """

    d: int = 4
    N: int = 9
    layers: int = 3
    width: int = 64
    heads: int = 4
    noise: float = 0.0
    lams: tuple[float, ...] = (0.0, 1 / 16, 1 / 4, 1.0, 4.0)
    steps: int = 6000
    batch: int = 64
    lr: float = 2e-3
    tests: int = 8192
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("d", "N", "layers", "width", "heads", "steps", "batch", "tests"):
            check_count(name, getattr(self, name))
        check_threads(self.threads)
        check_number("noise", self.noise, low=0.0)
        check_number("lr (learning rate)", self.lr, low=0.0, open_low=True)
        for lam in self.lams:
            check_number("an entry of lams", lam, low=0.0)

    def run(self) -> Results:
        """Train, score, and compare; errors are mean squared errors over d, one a context."""
        return self._compare(*self._train())

    def _train(self) -> tuple[CausalTransformer, list[float]]:
        """The trained model, and its mean error over d in each twentieth of the run."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            model = CausalTransformer(
                self.d, self.N, layers=self.layers, width=self.width, heads=self.heads
            )
        generator = torch.Generator().manual_seed(2 * self.seed + 1)
        optimiser = torch.optim.Adam(model.parameters(), lr=self.lr, fused=True)
        rates = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, self.lr, total_steps=self.steps + 1, pct_start=0.1
        )
        course = []
        for step in range(self.steps):
            X, y, clean = self._prompts(self.batch, generator)
            loss = (model(X, y) - clean).square().mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            rates.step()
            course.append(float(loss.detach()) / self.d)
            if not math.isfinite(course[-1]):
                raise Diverged(
                    f"training diverged: the loss is {loss.item()} at step {step} of {self.steps} "
                    f"(lr = {self.lr:g}). Use a smaller learning rate."
                )
        parts = torch.tensor(course).tensor_split(min(20, self.steps))
        return model.eval(), [float(part.mean()) for part in parts]

    def _prompts(self, B: int, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Inputs (B, N, d), targets as the model sees them, and targets without noise (B, N)."""
        X = torch.randn(B, self.N, self.d, generator=generator)
        W = torch.randn(B, self.d, 1, generator=generator)
        clean = (X @ W)[..., 0]
        return X, clean + self.noise * torch.randn(clean.shape, generator=generator), clean

    def _compare(self, model: CausalTransformer, course: list[float]) -> Results:
        generator = torch.Generator().manual_seed(2 * self.seed + 1000)
        X, y, clean = self._prompts(self.tests, generator)
        with torch.no_grad():
            ours = torch.cat([model(*part) for part in zip(X.split(512), y.split(512))]).double()
        X, y, clean = X.double(), y.double(), clean.double()
        contexts = [
            Tasks(X[:, :k], y[:, :k, None], X[:, k], clean[:, k, None]) for k in range(1, self.N)
        ]
        known = {f"{lam:g}": [ridge(tasks, lam) for tasks in contexts] for lam in self.lams}
        averages = [one_step(tasks) for tasks in contexts]

        def error(predictions: list[Tensor], wanted: Tensor) -> list[float]:
            """Mean squared distance over d, for contexts of 1 to N - 1."""
            gap = torch.cat(predictions, dim=1) - wanted[:, 1:]
            return (gap.square().mean(dim=0) / self.d).tolist()

        trained = (ours - clean).square().mean(dim=0) / self.d
        exact = {
            "averaging": error(averages, clean),
            "ridge": [error(known[lam], clean) for lam in known],
        }
        learnt = {
            "transformer": trained.tolist(),
            "distance_to_averaging": error(averages, ours),
            "distance_to_ridge": [error(known[lam], ours) for lam in known],
            "course": course,
        }
        return Results(
            {name: {"value": value, "tolerance": 1e-4} for name, value in exact.items()}
            | {name: {"value": value, "tolerance": LEARNT} for name, value in learnt.items()}
            | {"parameters": {"value": sum(W.numel() for W in model.parameters()), "tolerance": 0}}
        )
