"""Attention over a shared context and over one's own tokens, computed apart and merged.

Softmax attention over two sets of keys is a weighted mean of the attention over each, and the
weight is a logistic function of the difference of their log normalisers. So keys and values of the
demonstrations are read where they lie, by all queries at once, and are never copied to each query.
"""

import torch
from torch import Tensor

_ROWS = 1 << 24  # entries of a block of scores in the plain form


def attend(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    scale: float,
    *,
    causal: bool = False,
    mask: Tensor | None = None,
    bias: Tensor | None = None,
    softcap: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Softmax attention with its log normaliser.

    Parameters
    ----------
    q : (batch, heads, t, d)
    k, v : (batch, groups, s, d)
        `heads` is a multiple of `groups`; query heads that follow each other share a group.
    scale : float
        Multiplies q·k.
    causal : bool
        Query i sees keys 0..i (t equals s).
    mask : (batch or 1, 1, t, s) of bool, optional
        True where a query sees a key. A query that sees no key gets 0 and a normaliser of -inf.
    bias : (batch or 1, heads, 1, s), optional
        Added to the scores of each key, whatever the query.
    softcap : float, optional
        A score s becomes softcap * tanh(s / softcap), before the bias.

    Returns
    -------
    out : (batch, heads, t, d)
    lse : (batch, heads, t), float32 or float64
        Logarithm of the sum of exponentials of the scores.
    """
    batch, heads, t, d = q.shape
    groups = k.shape[1]
    fast = mask is None and bias is None and softcap is None
    if groups < heads and not causal and fast:  # the heads of a group as further queries
        out, lse = attend(q.reshape(batch, groups, -1, d), k, v, scale)
        return out.reshape(q.shape), lse.reshape(batch, heads, t)
    if groups < heads:
        k, v = (x.repeat_interleave(heads // groups, dim=1) for x in (k, v))
    if fast and q.device.type == "cpu":
        return torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            q, k, v, 0.0, causal, scale=scale
        )
    if fast and q.device.type == "cuda":
        if q.dtype in (torch.float16, torch.bfloat16) and d % 8 == 0 and d <= 256:
            kernel = torch.ops.aten._scaled_dot_product_flash_attention
            out, lse, *_ = kernel(q, k, v, 0.0, causal, scale=scale)
            return out, lse
        if d % 8 == 0 and q.dtype != torch.float64:
            kernel = torch.ops.aten._scaled_dot_product_efficient_attention
            out, lse, *_ = kernel(q, k, v, None, True, 0.0, causal, scale=scale)
            return out, lse[..., :t]
    if causal:
        mask = torch.ones(t, t, dtype=torch.bool, device=q.device).tril()[None, None]
    return _plain(q, k, v, scale, mask, bias, softcap)


def _plain(q: Tensor, k: Tensor, v: Tensor, scale: float, mask, bias, softcap):
    """Attention by its definition, in float32 or more, some queries at a time."""
    rows = max(1, _ROWS // (k.shape[2] * q.shape[0] * q.shape[1]))
    outs, lses = [], []
    for start in range(0, q.shape[2], rows):
        part = slice(start, start + rows)
        scores = cap((precise(q[:, :, part]) * scale) @ precise(k).mT, softcap)
        if bias is not None:
            scores = scores + bias
        if mask is not None:
            scores = scores.masked_fill(~mask[:, :, part], -torch.inf)
        lse = scores.logsumexp(-1)
        weights = (scores - lse.unsqueeze(-1)).exp().nan_to_num_(0.0)
        outs.append(weights.to(v.dtype) @ v)
        lses.append(lse)
    return torch.cat(outs, 2), torch.cat(lses, 2)


def precise(x: Tensor) -> Tensor:
    """The numbers in float32, or in float64 if they are that already."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def cap(scores: Tensor, softcap: float | None) -> Tensor:
    """Scores brought smoothly into (-softcap, softcap); as they are without a softcap."""
    return scores if softcap is None else softcap * (scores / softcap).tanh()


def merge(first: tuple[Tensor, Tensor], second: tuple[Tensor, Tensor]) -> Tensor:
    """Attention over two sets of keys from the attention over each.

    Parameters
    ----------
    first, second : tuple of (..., d) and (...)
        Output and log normaliser, as `attend` gives them.

    Returns
    -------
    Tensor of shape (..., d)
    """
    (a, lse_a), (b, lse_b) = first, second
    weight = (lse_a - lse_b).sigmoid().unsqueeze(-1).to(a.dtype)
    return torch.lerp(b, a, weight)
