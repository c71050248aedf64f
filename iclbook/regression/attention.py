r"""Self-attention over regression tokens: linear or softmax, in the plain and in the fast form.

A token is :math:`e_j = (x_j, y_j)` of width D = d + d_out; the query token is :math:`(x_q, 0)`.
One layer of linear self-attention updates every token by

.. math::
    e_j \leftarrow e_j + \sum_h P_h V_h K_h^\top q_{h,j}

with :math:`K = W_K E`, :math:`V = W_V E`, :math:`q_j = W_Q e_j` and E the context
tokens (von Oswald et al. 2023, section 2). The prediction is minus the target entries of the
updated query token.

Only two products of the four matrices matter, :math:`A_h = P_h W_{V,h}` and
:math:`M_h = W_{K,h}^\top W_{Q,h}`: a layer multiplies every token with
:math:`T = I + \sum_h A_h G M_h`, where :math:`G = E E^\top` is the Gram matrix of the context. The
fast form uses that. The four matrices remain the parameters, because training the products instead
would change the saddle points of the loss, and so how training goes.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import pad

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
        r""":math:`A = P W_V` and :math:`M = W_K^\top W_Q` of each layer and head."""
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
        check_width(self.P.shape[-1], tasks)
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
    r"""Predict with layers given by their products :math:`A = P W_V`, :math:`M = W_K^\top W_Q`.

    Only the query token of the last layer is read, so the last two layers need no token but that: a
    layer :math:`T = I + \sum_h A_h G M_h` moves the query, and its transpose carries the two
    vectors that the last layer asks of its tokens back to the tokens before. Each costs a product
    of the tokens with one vector. With the tasks on the last axis these run at the speed of memory.
    """
    check_products(A, M, tasks)
    E, e = tasks_last(tasks)
    if len(A) > 2:
        E, e = _advance(A[:-2], M[:-2], E, e)
    if len(A) > 1:
        e = e + _side_by_side(A[-2]) @ _sums(E, _scores(E, M[-2] @ e))
    asked = M[-1] @ e  # (H, D, B)
    rows = A[-1, :, tasks.X.shape[-1] :]  # (H, d_out, D): the target rows
    values = _scores(E, rows.flatten(0, 1))
    if len(A) > 1:
        back, there = _side_by_side(M[-2].mT), A[-2].mT
        asked = asked + torch.stack([back @ _sums(E, _scores(E, there @ ask)) for ask in asked])
        wanted = [back @ _sums(E, _scores(E, there @ row)) for row in rows.flatten(0, 1)]
        values = values + _scores(E, torch.stack(wanted))
    weighed = _scores(E, asked)[:, None] * values.unflatten(0, rows.shape[:2])
    return (-e[tasks.X.shape[-1] :] - weighed.sum(dim=(0, 2))).mT


def check_products(A: Tensor, M: Tensor, tasks: Tasks) -> None:
    """Raise a ValueError if A and M are not the products of layers for these tasks."""
    if A.ndim != 4 or A.shape != M.shape or not len(A):
        raise ValueError(
            f"A and M have shapes {tuple(A.shape)} and {tuple(M.shape)}; expected (L, H, D, D) for "
            "both, with one or more layers L of H heads."
        )
    check_width(A.shape[-1], tasks)


def check_width(width: int, tasks: Tasks) -> None:
    """Raise a ValueError if layers of this width cannot read the tokens of these tasks."""
    d, d_out = tasks.X.shape[-1], tasks.y.shape[-1]
    if width != d + d_out:
        raise ValueError(
            f"the layers are for tokens of width {width}; these tasks have tokens of width "
            f"d + d_out = {d} + {d_out}. Make the layers with width = {d + d_out}."
        )


def tasks_last(tasks: Tasks) -> tuple[Float[Tensor, "D N B"], Float[Tensor, "D B"]]:
    """Context tokens and query token with the tasks on the last axis."""
    E = torch.cat([tasks.X.permute(2, 1, 0), tasks.y.permute(2, 1, 0)])
    return E, torch.cat([tasks.x_q.mT, torch.zeros_like(tasks.y_q.mT)])


def _scores(E: Float[Tensor, "D N B"], vectors: Tensor) -> Float[Tensor, "R N B"]:
    """Inner products of the tokens with vectors: (R, D, B), or (R, D) for the same in all tasks."""
    if vectors.ndim == 2:
        return (vectors @ E.flatten(1)).unflatten(1, E.shape[1:])
    return (E * vectors[:, :, None]).sum(dim=1)


def _sums(E: Float[Tensor, "D N B"], scores: Float[Tensor, "R N B"]) -> Float[Tensor, "RD B"]:
    """Sums of the tokens weighed with scores, the R sums of a task below each other."""
    return (E * scores[:, None]).sum(dim=2).flatten(0, 1)


def _side_by_side(W: Float[Tensor, "H D D"]) -> Float[Tensor, "D HD"]:
    """The matrices of all heads in one."""
    return W.transpose(0, 1).flatten(1)


def _advance(A: Tensor, M: Tensor, E: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
    """Move all tokens through layers; shapes as from `tasks_last`.

    Batched products of small matrices are fast when the sizes are multiples of four, so tokens
    of zeros and entries of zero are added.
    """
    D, N, _ = E.shape
    more_tokens, more_entries = -(N + 1) % 4, -D % 4
    tokens = torch.cat([E, e[:, None]], dim=1).permute(2, 1, 0)
    tokens = pad(tokens, (0, more_entries, 0, more_tokens)).contiguous()
    A, M = (pad(W, (0, more_entries, 0, more_entries)) for W in (A, M))
    is_context = (torch.arange(tokens.shape[1]) < N).to(E.dtype)[:, None]
    for A_l, M_l in zip(A, M, strict=True):
        context = tokens * is_context
        G = context.mT @ context
        heads = zip(A_l, M_l, strict=True)
        tokens = tokens + sum((tokens @ M_h.mT) @ G @ A_h.mT for A_h, M_h in heads)
    tokens = tokens.permute(2, 1, 0)[:D].contiguous()
    return tokens[:, :N], tokens[:, N]
