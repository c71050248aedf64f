"""Iterating one layer: the same weights again and again, each update of the targets damped.

Von Oswald et al. 2023, appendix A.6, apply a trained layer many times more often than it was
trained for. As in their code only the target entries are updated, here by ``damping`` times what
the layer says.
"""

import warnings

import torch
from jaxtyping import Float
from torch import Tensor

from iclbook.regression.attention import check_products, context_tokens, query_token
from iclbook.regression.descent import UnstableWarning
from iclbook.regression.spectrum import largest_damping, spectrum
from iclbook.regression.tasks import Tasks
from iclbook.validate import check_count, check_number


def iterate(
    A: Float[Tensor, "1 H D D"],
    M: Float[Tensor, "1 H D D"],
    tasks: Tasks,
    steps: int,
    *,
    damping: float = 1.0,
) -> Float[Tensor, "K B d_out"]:
    """Predict after 0, 1, ... steps of a layer that is given by its products A and M.

    Returns
    -------
    tensor (steps + 1, B, d_out)
        Infinite where the targets grew beyond what the numbers can hold.

    Raises
    ------
    ValueError
        If these are several layers or for other tokens, or the number of steps or the damping is
        out of range.

    Warns
    -----
    UnstableWarning
        If the damping is too weak for the largest eigenvalue of some context, with the bound.
    """
    check_count("steps", steps)
    check_number("damping", damping, low=0.0, open_low=True)
    if len(A) != 1:
        raise ValueError(f"A has {len(A)} layers; expected one layer, of shape (1, H, D, D).")
    check_products(A, M, tasks)
    d = tasks.X.shape[-1]
    _warn_if_unstable(A, M, tasks, damping)
    E, e = context_tokens(tasks), query_token(tasks)[:, None]
    A, M = A[0].to(E.dtype), M[0].to(E.dtype)
    E, seen = torch.cat([E, e], dim=1), [-e[:, 0, d:]]
    for _ in range(steps):
        G = E[:, :-1].mT @ E[:, :-1]
        update = sum(E @ M_h.mT @ G @ A_h[d:].mT for A_h, M_h in zip(A, M, strict=True))
        E = torch.cat([E[..., :d], E[..., d:] + damping * update], dim=-1)
        seen.append(-E[:, -1, d:])
    return torch.stack(seen)


def _warn_if_unstable(A: Tensor, M: Tensor, tasks: Tasks, damping: float) -> None:
    """Read the rate eta/N off the layer, as if it were one step of gradient descent."""
    N, d = tasks.X.shape[1:]
    on_targets = A[0, :, d:, d:].diagonal(dim1=-2, dim2=-1).mean(dim=-1)
    on_inputs = M[0, :, :d, :d].diagonal(dim1=-2, dim2=-1).mean(dim=-1)
    rate = -float((on_targets * on_inputs).sum())
    if rate <= 0:
        return
    largest = spectrum(tasks)[:, -1]
    bound = largest_damping(rate * N, N, float(largest.max()))
    if damping >= bound:
        beyond = int((damping * rate * largest >= 2).sum())
        warnings.warn(
            f"the damping {damping:g} is too weak for {beyond} of {len(tasks)} contexts, whose "
            f"errors will grow; below {bound:.2f} all of them are stable.",
            UnstableWarning,
            stacklevel=3,
        )
