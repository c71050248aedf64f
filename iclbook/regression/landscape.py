r"""The expected loss of one linear layer, exactly, and training on it.

A layer of linear self-attention with one head predicts :math:`-a^\top G M e_q`, where a is the last
row of :math:`A = P W_V` and :math:`G = E E^\top`. Split a into :math:`(a_x, a_y)`, M into its block
:math:`M_{xx}` and the row m that meets the target, and let S be the sum of :math:`x_i x_i^\top`.
The prediction is then linear in x_q with the weights

.. math::
    B S w - M_{xx}^\top S a_x - a_y (w^\top S w)\,m,
    \qquad B = -(a_y M_{xx}^\top + m a_x^\top).

Only the first term helps. It has two routes: *values from targets, keys from inputs*
(:math:`a_y M_{xx}`, gradient descent), and *values from inputs, keys from targets*
(:math:`m a_x^\top`, of rank one, a dead end).
Since w and x have known moments, the expected loss is a polynomial, and training on it is training
with infinitely large batches. Derived in the chapter "Does training find it?", which proves that no
layer is better than the first route at its best; "Why does training stop half way?" has the second.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from iclbook.regression.attention import SelfAttention
from iclbook.regression.tasks import TaskLaw
from iclbook.regression.train import Training
from iclbook.validate import check_count


def routes(
    a: Float[Tensor, "*S D"], M: Float[Tensor, "*S D D"]
) -> tuple[Float[Tensor, "*S d d"], Float[Tensor, "*S d d"]]:
    r"""The two parts of B.

    :math:`-a_y M_{xx}^\top` is gradient descent, :math:`-m a_x^\top` is of rank one.
    """
    a_x, a_y, M_xx, m = _blocks(a, M)
    return -a_y[..., None, None] * M_xx.mT, -m[..., :, None] * a_x[..., None, :]


def population_loss(
    a: Float[Tensor, "*S D"], M: Float[Tensor, "*S D D"], law: TaskLaw
) -> Float[Tensor, "*S"]:
    """Expected half squared error of a one-head linear layer, for targets of width 1.

    Parameters
    ----------
    a, M : tensors
        Last row of :math:`A = P W_V`, and :math:`M = W_K^\top W_Q`; any number of leading axes.
    law : TaskLaw
        Law of the tasks: independent symmetric inputs, no noise, a teacher of scale 1.

    Raises
    ------
    ValueError
        If the law is another one.
    """
    s, k = law.moments
    d, N = law.d, law.N
    if law.noisy or law.teacher_scale != 1 or law.d_out != 1:
        raise ValueError(
            f"the expected loss is known for noisy = 0, teacher_scale = 1, d_out = 1; got {law}."
        )
    if a.shape[-1] != d + 1 or M.shape[-2:] != (d + 1, d + 1):
        raise ValueError(
            f"a and M have shapes {tuple(a.shape)} and {tuple(M.shape)}; expected (..., {d + 1}) "
            f"and (..., {d + 1}, {d + 1}), for tokens of d = {d} inputs and a target."
        )
    a_x, a_y, M_xx, m = _blocks(a, M)
    B = sum(routes(a, M))
    S_S = N * s**2 * (N + d + k - 2)  # E[S S] = S_S I
    S_trace = N * s**2 * (N * d + k - 1)  # E[S tr S] = S_trace I
    trace_trace = d * S_trace  # E[(tr S)^2]
    odd = d - 2 * N * s * B.diagonal(dim1=-2, dim2=-1).sum(dim=-1) + S_S * B.square().sum((-2, -1))

    z = (M_xx.mT @ a_x[..., None])[..., 0]
    rows = M_xx.square().sum(dim=-1)
    moved = (N + 1) * z.square().sum(dim=-1)
    moved = moved + rows.sum(dim=-1) * a_x.square().sum(dim=-1)
    moved = N * s**2 * (moved + (k - 3) * (rows * a_x.square()).sum(dim=-1))  # E|M_xx^T S a_x|^2
    crossed = 2 * a_y * S_trace * (z * m).sum(dim=-1)
    squared = a_y.square() * m.square().sum(dim=-1) * (trace_trace + 2 * d * S_S)
    return s / 2 * (odd + moved + crossed + squared)


def train_on_population(
    how: Training, runs: int, *, init: float = 1.0, every: int = 50
) -> tuple[Float[Tensor, "T runs"], Float[Tensor, "T runs"], Float[Tensor, "T runs"]]:
    """Train many layers at once on the expected loss: batches without noise.

    Each run starts from its own weights, drawn as in :class:`SelfAttention` times `init`, and has
    its own clipping, so the runs do not touch each other.

    Returns
    -------
    loss, right, wrong : tensors (1 + steps // every, runs)
        Expected loss, and the traces of the two :func:`routes`, before every so many steps.
    """
    check_count("runs", runs)
    generator, _ = how.generators()
    D = how.law.d + 1
    layers = [SelfAttention(D, generator=generator) for _ in range(runs)]
    weights = [
        (init * torch.cat([getattr(layer, name)[0] for layer in layers])).detach().requires_grad_()
        for name in ("W_K", "W_Q", "W_V", "P")
    ]
    optimiser = torch.optim.Adam(weights, lr=how.lr, betas=how.betas, fused=True)
    seen = []
    for step in range(how.steps + 1):
        W_K, W_Q, W_V, P = weights
        a, M = (P[:, -1:] @ W_V)[:, 0], W_K.mT @ W_Q
        loss = population_loss(a, M, how.law)
        if step % every == 0:
            with torch.no_grad():
                traces = [B.diagonal(dim1=-2, dim2=-1).sum(dim=-1) for B in routes(a, M)]
            seen.append([loss.detach(), *traces])
        optimiser.zero_grad()
        loss.sum().backward()
        norms = sum(W.grad.square().sum((1, 2), keepdim=True) for W in weights).sqrt()
        for W in weights:
            W.grad *= (how.clip / (norms + 1e-6)).clamp(max=1)
        optimiser.step()
    return tuple(torch.stack(part) for part in zip(*seen, strict=True))


def _blocks(a: Tensor, M: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return a[..., :-1], a[..., -1], M[..., :-1, :-1], M[..., -1, :-1]
