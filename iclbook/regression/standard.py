"""One layer of attention as language models have it: softmax, and LayerNorm before it.

A softmax head gives each context token a positive share of its attention. While logits are small
that is ``1/N`` plus a linear term; the constant part, an *offset*, is the mean of all targets.
Two heads of opposite sign cancel it (von Oswald et al. 2023, appendix A.9).

The prediction needs the query token only, so only that token is updated.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from iclbook.regression.attention import SelfAttention, check_width, tasks_last
from iclbook.regression.tasks import TaskLaw, Tasks
from iclbook.validate import check_count, check_number


class StandardLayer(SelfAttention):
    """One layer of self-attention with softmax, with LayerNorm, or with both.

    Parameters
    ----------
    width : int
        D, the width of a token.
    heads : int
        How many.
    softmax : bool
        Softmax of the logits, divided by sqrt(D); else linear attention.
    layer_norm : bool
        Keys, values and queries are made from normalised tokens; the token that is updated is not
        normalised. Scale and offset of the normalisation are trained too.
    generator : torch.Generator, optional
        For the initial weights.
    """

    def __init__(
        self,
        width: int,
        *,
        heads: int = 1,
        softmax: bool = True,
        layer_norm: bool = False,
        blind: bool = False,
        generator: torch.Generator | None = None,
    ):
        super().__init__(width, heads=heads, softmax=softmax, generator=generator)
        self.norm = nn.LayerNorm(width) if layer_norm else None
        self.blind = blind

    def forward(self, tasks: Tasks) -> Float[Tensor, "B d_out"]:
        """Predict the query targets."""
        weights, E = self._weights(tasks)
        rows = self.products()[0][0, :, tasks.X.shape[-1] :]  # what of A reaches the target
        values = (rows.flatten(0, 1) @ E.flatten(1)).unflatten(1, E.shape[1:])
        return -(weights[:, None] * values.unflatten(0, rows.shape[:2])).sum(dim=(0, 2)).mT

    def attention(self, tasks: Tasks) -> Float[Tensor, "B H N"]:
        """How much each head attends from the query to each context token."""
        return self._weights(tasks)[0].permute(2, 0, 1)

    def _weights(self, tasks: Tasks) -> tuple[Tensor, Tensor]:
        """Attention weights (H, N, B), and the tokens (D, N, B) that they weigh."""
        check_width(self.P.shape[-1], tasks)
        E, e = tasks_last(tasks)
        if self.norm is not None:
            E, e = self.norm(E.permute(2, 1, 0)).permute(2, 1, 0), self.norm(e.T).T
        M = self.products()[1][0]
        asked = (M / math.sqrt(len(E)) if self.softmax else M) @ e  # (H, D, B)
        seen = tasks.X.shape[-1] if self.blind else len(E)
        weights = (E[:seen] * asked[:, :seen, None]).sum(dim=1)
        return (weights.softmax(dim=1) if self.softmax else weights), E


def smoother(tasks: Tasks, sharpness: float | int, heads: int = 1) -> Float[Tensor, "B d_out"]:
    """What symmetric softmax heads average: targets, with weights softmax(sharpness x_i . x_q).

    With two heads, the difference between the averages of sharpness and minus sharpness.

    Raises
    ------
    ValueError
        If there are other than one or two heads, or the sharpness is not above zero.
    """
    check_number("sharpness", sharpness, low=0.0, open_low=True)
    if check_count("heads", heads) > 2:
        raise ValueError(f"heads is {heads}; expected 1 or 2.")
    logits = sharpness * (tasks.X @ tasks.x_q[..., None])  # (B, N, 1)
    weights = logits.softmax(dim=1)
    if heads == 2:
        weights = weights - (-logits).softmax(dim=1)
    return (weights * tasks.y).sum(dim=1)


def smoother_loss(tasks: Tasks, sharpness: float | int, heads: int = 1) -> tuple[float, float]:
    """The factor on :func:`smoother` that fits the query targets best, and its half MSE."""
    average = smoother(tasks, sharpness, heads)
    factor = (average * tasks.y_q).sum() / average.square().sum()
    errors = factor * average - tasks.y_q
    return float(factor), float(errors.square().sum(dim=1).mean() / 2)


def centred_loss(law: TaskLaw) -> float:
    r"""Least expected half squared error of a step with centred inputs :math:`x_i - \bar{x}`.

    That is what two opposite heads come to with small logits: softmax sees only differences of
    logits. With :math:`S = \frac{1}{N} \sum_i (x_i - \bar{x})(x_i - \bar{x})^\top` the error is

    .. math::
        \frac{d s}{2} \left(1 - d\,\mathrm{E}[S]^2 / \operatorname{tr} \mathrm{E}[S S]\right),

    and

    .. math::
        \mathrm{E}[S] &= s\,\frac{N - 1}{N} I, \\
        \mathrm{E}[S S] &= s^2\,\frac{N - 1}{N^2} \Big(N + d + (k - 3) \frac{N - 1}{N}\Big) I.

    Notes
    -----
    s and k are the variance and the kurtosis of an input entry; N has to be 2 or more.
    """
    s, k = law.moments
    N = check_count("N", law.N, low=2)
    spread = N + law.d + (k - 3) * (N - 1) / N
    return law.teacher_scale**2 * law.d * s / 2 * (1 - (N - 1) / spread)
