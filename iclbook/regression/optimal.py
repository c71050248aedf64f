"""What the best layer would do: closed forms and small estimators of the follow-up papers.

One step of gradient descent was found by training. Is it the best that a layer can do? Each
paper has one formula:

- Ahn et al. 2023: one linear layer at its best does one *preconditioned* step.
- Mahankali et al. 2023: with equal directions and label noise it is a plain step.
- Garg et al. 2022, figure 2: a deep transformer follows least squares as the context grows.
- Akyurek et al. 2023, section 4: with label noise it follows ridge regression.
- Cheng et al. 2024: attention with a kernel does gradient descent on functions.

The trap: these papers measure the *mean squared* error, or that error divided by d, and draw
standard normal inputs; the chapters before this one measure half of it on a uniform law.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from iclbook.regression.tasks import TaskLaw, Tasks
from iclbook.validate import check_array, check_count, check_number


@dataclass(frozen=True)
class SkewedLaw(TaskLaw):
    """Normal inputs with a variance for each direction, and noise on the context targets.

    Attributes
    ----------
    variances : tuple of float
        The d eigenvalues of the input covariance; one each unless given.
    noise : float
        Standard deviation of the noise on the context targets; the query target has none.
    """

    inputs: str = "normal"
    variances: tuple[float, ...] = ()
    noise: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("noise", self.noise, low=0.0)
        if not self.variances:
            object.__setattr__(self, "variances", (1.0,) * self.d)
        for variance in self.variances:
            check_number("an entry of variances", variance, low=0.0, open_low=True)
        if len(self.variances) != self.d:
            raise ValueError(
                f"variances has {len(self.variances)} entries; expected d = {self.d}, one for "
                "each direction."
            )

    def sample(
        self, B: int, generator: torch.Generator, dtype: torch.dtype = torch.float32
    ) -> Tasks:
        """Draw B tasks."""
        tasks = super().sample(B, generator, dtype)
        if not self.noise:
            return tasks
        noise = torch.randn(tasks.y.shape, generator=generator, dtype=dtype)
        return Tasks(tasks.X, tasks.y + self.noise * noise, tasks.x_q, tasks.y_q)

    def _inputs(self, B: int, generator: torch.Generator, dtype: torch.dtype) -> Tensor:
        return (
            super()._inputs(B, generator, dtype) * torch.tensor(self.variances, dtype=dtype).sqrt()
        )


def optimal_rates(variances: Sequence[float], N: int, noise: float = 0.0) -> Float[np.ndarray, "d"]:
    r"""Learning rate of the best single step in each direction, for teachers of variance 1.

    .. math::
        a_i = 1 \Big/ \Big(\frac{N + 1}{N} \lambda_i
        + \frac{1}{N} (\sum_k \lambda_k + \sigma^2)\Big)

    with :math:`\lambda_i` the variances and :math:`\sigma` the noise. Without noise it is the
    result of Ahn et al. 2023, with all variances equal to 1 that of Mahankali et al. 2023 (whose
    rate is a/N); both at once: derived in the chapter "What should a trained layer do?".
    """
    variances = _variances(variances)
    return 1 / _curvature(variances, N, noise)


def common_rate(variances: Sequence[float], N: int, noise: float = 0.0) -> float:
    """The best learning rate if all directions have to share it: plain gradient descent."""
    variances = _variances(variances)
    spread = (variances**2 * _curvature(variances, N, noise)).sum()
    return float((variances**2).sum() / spread)


def step_error(
    rates: float | Float[np.ndarray, "d"],
    variances: Sequence[float],
    N: int,
    noise: float = 0.0,
) -> float:
    r"""Mean squared error after one step from zero, with a rate for each direction or for all.

    .. math::
        \sum_i \lambda_i - 2 a_i \lambda_i^2 + a_i^2 \lambda_i^2 \Big(\frac{N + 1}{N} \lambda_i
        + \frac{1}{N} (\sum_k \lambda_k + \sigma^2)\Big)
    """
    variances = _variances(variances)
    curvature = _curvature(variances, N, noise)
    return float((variances - variances**2 * rates * (2 - rates * curvature)).sum())


def _variances(variances: Sequence[float]) -> Float[np.ndarray, "d"]:
    variances = np.asarray(variances, dtype=float)
    check_array("variances", variances, "d")
    if (variances <= 0).any():
        raise ValueError(f"variances is {variances}; expected numbers above zero.")
    return variances


def _curvature(variances: Float[np.ndarray, "d"], N: int, noise: float) -> Float[np.ndarray, "d"]:
    check_count("N", N)
    check_number("noise", noise, low=0.0)
    return (N + 1) / N * variances + (variances.sum() + noise**2) / N


def one_step(tasks: Tasks, rates: float | Float[np.ndarray, "d"] = 1.0) -> Float[Tensor, "B d_out"]:
    r"""Predictions after one step from zero, by directions.

    :math:`\frac{1}{N} \sum_i y_i\,(x_i \cdot a x_q)`.

    With the rate 1 this is the averaging estimator of Garg et al. 2022.
    """
    asked = tasks.x_q * torch.as_tensor(rates, dtype=tasks.X.dtype)
    scores = tasks.X @ asked[..., None]  # (B, N, 1)
    return (tasks.y * scores).mean(dim=1)


def ridge(tasks: Tasks, lam: float) -> Float[Tensor, "B d_out"]:
    r"""Predictions of ridge regression, :math:`x_q \cdot (X^\top X + \lambda I)^{-1} X^\top y`.

    With lam = 0: least squares, of minimal norm where the context leaves a choice. For teachers
    and noise that are normal, with variances 1 and lam, no estimator has a smaller mean squared
    error (Akyurek et al. 2023, section 4).
    """
    check_number("lam", lam, low=0.0)
    X = tasks.X
    if lam == 0:
        W = torch.linalg.pinv(X) @ tasks.y
    else:
        eye = torch.eye(X.shape[-1], dtype=X.dtype)
        W = torch.linalg.solve(X.mT @ X + lam * eye, X.mT @ tasks.y)
    return (tasks.x_q[:, None] @ W)[:, 0]


def ridge_risk(X: Float[Tensor, "B N d"], lam: float, noise: float) -> Float[Tensor, "B"]:
    r"""Expected squared error of ridge regression for each context, divided by d.

    The mean over teachers (variance 1), label noise and standard normal queries. With g the
    eigenvalues of :math:`X^\top X` it is the mean of
    :math:`(\lambda^2 + \sigma^2 g) / (g + \lambda)^2`, whose minimum lies at
    :math:`\lambda = \sigma^2` whatever g is.
    """
    check_number("lam", lam, low=0.0, open_low=True)
    g = torch.linalg.eigvalsh(X.mT @ X).clamp(min=0)
    return ((lam**2 + noise**2 * g) / (g + lam) ** 2).mean(dim=-1)


def least_squares_error(d: int, k: int) -> float:
    """Mean squared error over d of minimum-norm least squares after k noiseless examples.

    :math:`1 - k/d` up to k = d, then 0: each example takes one unknown direction away.
    """
    return max(0.0, 1 - check_count("k", k, low=0) / check_count("d", d))


def averaging_error(d: int, k: int) -> float:
    r"""Mean squared error over d of :math:`\frac{1}{k} \sum_i y_i x_i` for standard normal inputs.

    :math:`(d + 1)/k`: `step_error` with the rate 1 in all directions.
    """
    return (check_count("d", d) + 1) / check_count("k", k)


def functional_step_weights(
    K: Float[Tensor, "B N N"], k_q: Float[Tensor, "B N"], rate: float, steps: int
) -> Float[Tensor, "B N"]:
    r"""The weight of each target in the prediction after steps of functional gradient descent.

    From f = 0 each step adds :math:`\eta \sum_i (y_i - f(x_i))\,k(x_i, \cdot)`; the prediction is
    linear in y, with the weights :math:`\eta \sum_l (I - \eta K)^l k_q` (Cheng et al. 2024).
    """
    check_count("steps", steps)
    check_number("rate", rate, low=0.0, open_low=True)
    left, weights = k_q, torch.zeros_like(k_q)
    for _ in range(steps):
        weights = weights + rate * left
        left = left - rate * (K @ left[..., None])[..., 0]
    return weights


def gp_risk(
    weights: Float[Tensor, "B N"],
    K: Float[Tensor, "B N N"],
    k_q: Float[Tensor, "B N"],
    k_qq: Float[Tensor, "B"],
) -> Float[Tensor, ""]:
    r"""Mean squared error of ``weights . y`` if the targets are a Gaussian process.

    Kernel K on the context, k_q between context and query, k_qq at the query. No labels are
    drawn: :math:`k_{qq} - 2 c \cdot k_q + c^\top K c`, exact for each context.
    """
    explained = 2 * k_q - (K @ weights[..., None])[..., 0]
    return (k_qq - (weights * explained).sum(dim=-1)).mean()
