"""Decaying sums of past values: s_t = sum over i < t of eta^(t-i) v_i.

The newest value weighs eta, and a token's own value is not in its sum. The same numbers come from
the definition, from the recurrence s_t = eta (s_{t-1} + v_{t-1}), and from parts of the text: each
is summed by one small matrix product, and what came before it enters as one vector.

The trap: dividing by powers of eta would make an ordinary running sum of this one, but they
underflow after some dozens of tokens. No form here divides.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

PART = 32
"""Tokens of a part: few enough for small matrices, and enough for few parts."""


def explicit_sum(
    values: Float[Tensor, "batch tokens heads size"], eta: Float[Tensor, " etas"]
) -> Float[Tensor, "batch tokens heads size"]:
    """The definition: each token's weights on all earlier ones, a matrix (tokens, tokens) a head.

    Parameters
    ----------
    values : tensor
    eta : tensor
        One for all heads, or one a head.
    """
    tokens, heads = values.shape[1:3]
    at = torch.arange(tokens, device=eta.device)
    weights = powers(eta, at[:, None] - at, 1).to(values.dtype)
    return torch.einsum("hti,bihf->bthf", weights.expand(heads, -1, -1), values)


def decayed_sum(
    values: Float[Tensor, "batch tokens heads size"],
    eta: Float[Tensor, " etas"],
    before: Float[Tensor, "batch heads size"] | None = None,
    part: int = PART,
) -> tuple[Float[Tensor, "batch tokens heads size"], Float[Tensor, "batch heads size"]]:
    """The same sums in parts; up to thousands of tokens the cost grows as their number.

    From part to part the sums go by a matrix (parts, parts), which is small beside the rest.

    Parameters
    ----------
    values : tensor
    eta : tensor
        One for all heads, or one a head.
    before : tensor, optional
        The sum at the first token, from what came before it; zero if nothing did.
    part : int
        Tokens of a part.

    Returns
    -------
    sums : tensor
        The sum at every token.
    after : tensor
        The sum at the token that would follow: `before` of a next call.
    """
    batch, tokens, heads, size = values.shape
    if before is None:
        before = values.new_zeros(batch, heads, size)
    if tokens == 1:  # the recurrence
        return before[:, None], eta[:, None].to(values.dtype) * (before + values[:, 0])
    part = min(part, tokens)
    parts = -(-tokens // part)
    if len(eta) == 1:  # heads that decay alike are one, side by side
        values, before = values.reshape(batch, tokens, 1, -1), before.reshape(batch, 1, -1)
    if parts * part > tokens:
        values = pad(values, (0, 0, 0, 0, 0, parts * part - tokens))
    at, start = (torch.arange(n, device=eta.device) for n in (part + 1, parts))
    weights = powers(eta, at[:, None] - at[:-1], 1).to(values.dtype)
    inside = weights @ values.unflatten(1, (parts, part)).transpose(2, 3)
    # [batch, part, head, token of the part and one more, size]
    given = torch.cat([before[:, None], inside[:, :-1, :, -1]], dim=1)
    weights = powers(eta, part * (start[:, None] - start), 0).to(values.dtype)
    carried = torch.einsum("hnm,bmhf->bnhf", weights, given)[:, :, :, None]
    falling = (eta[:, None] ** at)[..., None].to(values.dtype)
    sums = torch.addcmul(inside[..., :-1, :], falling[:, :-1], carried)
    last = tokens - (parts - 1) * part
    after = inside[:, -1, :, last] + falling[:, last] * carried[:, -1, :, 0]
    sums = sums.transpose(2, 3).reshape(batch, parts * part, heads, size)[:, :tokens]
    return sums, after.reshape(batch, heads, size)


def powers(
    eta: Float[Tensor, " etas"], lags: Int[Tensor, "rows columns"], least: int
) -> Float[Tensor, "etas rows columns"]:
    """The powers of eta by these lags, zero where the lag is below the least."""
    return torch.where(lags >= least, eta[:, None, None] ** lags.clamp(min=0), 0)
