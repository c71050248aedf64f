"""Self-attention over regression tokens: linear or softmax, in the plain and in the fast form.

A token is ``e_j = (x_j, y_j)`` of width D = d + d_out; the query token is ``(x_q, 0)``. One layer
of linear self-attention updates every token by ``e_j <- e_j + sum_h P_h V_h K_h^T q_{h,j}`` with
``K = W_K E``, ``V = W_V E``, ``q_j = W_Q e_j`` and E the context tokens (von Oswald et al. 2023,
section 2). The prediction is minus the target entries of the updated query token.

Only two products of the four matrices matter, ``A_h = P_h W_V,h`` and ``M_h = W_K,h^T W_Q,h``:
a layer multiplies every token with ``T = I + sum_h A_h G M_h``, where ``G = E E^T`` is the Gram
matrix of the context. The fast form uses that. The four matrices remain the parameters, because
training the products instead would change the saddle points of the loss, and so how training goes.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from iclbook.regression.tasks import Tasks
from iclbook.validate import check_count, check_number

INIT_SCALE = 0.002
"""Variance scale of the initial weights at depth 1, as the authors' code has it (not its text)."""


def context_tokens(tasks: Tasks) -> Float[Tensor, "B N D"]:
    """The context as tokens (x_i, y_i), one a row."""
    return torch.cat([tasks.X, tasks.y], dim=-1)


def query_token(tasks: Tasks) -> Float[Tensor, "B D"]:
    """The query as a token (x_q, 0)."""
    return torch.cat([tasks.x_q, torch.zeros_like(tasks.y_q)], dim=-1)


class SelfAttention(nn.Module):
    """Layers of self-attention over regression tokens, without MLP or normalisation.

    Parameters
    ----------
    width : int
        D, the width of a token: d + d_out.
    layers, heads : int
        How many.
    tied : bool
        One set of weights for all layers (the paper's recurrent, or looped, model).
    softmax : bool
        Softmax attention with logits divided by sqrt(D); default is linear attention.
    clip : float, optional
        Tokens are clipped to [-clip, clip] after each layer (the paper clips at 10 in deep models).
    generator : torch.Generator, optional
        For the initial weights: truncated normal of standard deviation sqrt(0.002 / (layers D)).

    Attributes
    ----------
    W_K, W_Q, W_V, P : parameters (L, H, D, D)
        L is 1 if tied, else the number of layers.
    """

    def __init__(
        self,
        width: int,
        *,
        layers: int = 1,
        heads: int = 1,
        tied: bool = False,
        softmax: bool = False,
        clip: float | None = None,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        D = check_count("width", width, low=2)
        self.layers = check_count("layers", layers)
        self.softmax = softmax
        self.clip = None if clip is None else check_number("clip", clip, low=0.0, open_low=True)
        shape = (1 if tied else layers, check_count("heads", heads), D, D)
        for name in ("W_K", "W_Q", "W_V", "P"):
            self.register_parameter(name, nn.Parameter(torch.empty(shape)))
        std = math.sqrt(INIT_SCALE / (layers * D)) / 0.87962566  # of the truncated normal
        for W in self.parameters():
            nn.init.trunc_normal_(W, std=std, a=-2 * std, b=2 * std, generator=generator)

    def products(self) -> tuple[Float[Tensor, "L H D D"], Float[Tensor, "L H D D"]]:
        """What the layers do, ``A = P W_V`` and ``M = W_K^T W_Q``, for each layer and head."""
        return self.P @ self.W_V, self.W_K.mT @ self.W_Q

    def forward(self, tasks: Tasks) -> Float[Tensor, "B d_out"]:
        """Predict the query targets, by the fast form where there is one."""
        if self.softmax or self.clip is not None:
            return self.forward_plain(tasks)
        A, M = self.products()
        if len(A) < self.layers:
            A, M = A.expand(self.layers, -1, -1, -1), M.expand(self.layers, -1, -1, -1)
        return predict(A, M, tasks)

    def forward_plain(self, tasks: Tasks) -> Float[Tensor, "B d_out"]:
        """Predict token by token, as the definition says."""
        E = torch.cat([context_tokens(tasks), query_token(tasks)[:, None]], dim=1)
        for layer in range(self.layers):
            index = min(layer, len(self.P) - 1)
            E = E + self._update(E, *(W[index] for W in (self.W_K, self.W_Q, self.W_V, self.P)))
            if self.clip is not None:
                E = E.clamp(-self.clip, self.clip)
        return -E[:, -1, tasks.X.shape[-1] :]

    def _update(self, E: Tensor, W_K: Tensor, W_Q: Tensor, W_V: Tensor, P: Tensor) -> Tensor:
        context = E[:, None, :-1]  # keys and values come from the context only
        K, V, Q = context @ W_K.mT, context @ W_V.mT, E[:, None] @ W_Q.mT  # (B, H, tokens, D)
        scores = Q @ K.mT
        if self.softmax:
            scores = (scores / math.sqrt(E.shape[-1])).softmax(dim=-1)
        return (scores @ V @ P.mT).sum(dim=1)


def predict(
    A: Float[Tensor, "L H D D"], M: Float[Tensor, "L H D D"], tasks: Tasks
) -> Float[Tensor, "B d_out"]:
    """Predict with layers that are given by their products A = P W_V and M = W_K^T W_Q.

    The last layer moves the query token only, so it needs no new Gram matrix; a single layer needs
    none at all.
    """
    E, e_q, d = context_tokens(tasks), query_token(tasks), tasks.X.shape[-1]
    G = E.mT @ E if len(A) > 1 else None
    eye = torch.eye(E.shape[-1], dtype=E.dtype)
    for A_l, M_l in zip(A[:-1], M[:-1], strict=True):
        T = eye + (A_l[None] @ G[:, None] @ M_l[None]).sum(dim=1)
        e_q = (T @ e_q[..., None])[..., 0]
        G = T @ G @ T.mT
    rows, keys = A[-1, :, d:], M[-1]  # (H, d_out, D): the target rows; (H, D, D)
    asked = torch.einsum("hij,bj->bhi", keys, e_q)
    if G is None:
        values = torch.einsum("bni,hoi->bnho", E, rows)
        seen = torch.einsum("bni,bnho->bhoi", E, values)  # G times the target rows
    else:
        seen = torch.einsum("bij,hoj->bhoi", G, rows)
    return -e_q[:, d:] - torch.einsum("bhoi,bhi->bo", seen, asked)
