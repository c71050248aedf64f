"""Kendall's tau-b of many pairs of rows at once.

Knight's method (1966): sort by x, then count how many swaps it takes to sort y. The count goes
through all rows at once, bit by bit of the ranks, so its loop runs log2(N) times and never over
pairs of tokens, items or layers.
"""

import numpy as np
from jaxtyping import Float


def tau_b(
    x: Float[np.ndarray, "B N"], y: Float[np.ndarray, "B N"], *, device: str = "cpu"
) -> Float[np.ndarray, "B"]:
    """Kendall's tau-b of row b of `x` with row b of `y`, as `scipy.stats.kendalltau` has it.

    Parameters
    ----------
    x, y : array, shape (B, N)
        Finite numbers. NaN in either leaves that pair of entries out.
    device : str
        Where to compute.

    Returns
    -------
    tau : array, shape (B,)
        NaN where fewer than two entries are left, or one row is constant.

    Raises
    ------
    ValueError
        If the shapes differ or an entry is infinite.
    """
    import torch

    if x.shape != y.shape or x.ndim != 2:
        raise ValueError(f"x has shape {x.shape}, y has {y.shape}; expected the same (B, N).")
    if np.isinf(x).any() or np.isinf(y).any():
        raise ValueError("x or y has an infinite entry; expected finite numbers, or NaN to mask.")
    return tau_of_tensors(*(torch.from_numpy(np.array(a)).to(device) for a in (x, y))).cpu().numpy()


def tau_of_tensors(x, y):
    """`tau_b` of two tensors, shape (B, N), without checks; returns float64, shape (B,)."""
    import torch

    left_out = x.isnan() | y.isnan()
    count = (~left_out).sum(1)
    # Left-out entries go to the end of both orders, where they swap with nobody.
    x, y = (a.double().masked_fill(left_out, torch.inf) for a in (x, y))
    inside = torch.arange(x.shape[1], device=x.device) < count[:, None]
    y, by_y = y.sort(dim=1)
    y_ties = _pairs(_same_as_before(y), inside)
    x, by_x = x.gather(1, by_y).sort(dim=1, stable=True)  # by x, then by y
    y = y.gather(1, by_x)
    same_x = _same_as_before(x)
    x_ties, both_ties = _pairs(same_x, inside), _pairs(same_x & _same_as_before(y), inside)

    pairs = count * (count - 1) // 2
    balance = pairs - x_ties - y_ties + both_ties - 2 * _swaps(y)
    tau = balance / (pairs - x_ties).double().sqrt() / (pairs - y_ties).double().sqrt()
    return tau.clamp(-1, 1)  # 0/0 is NaN, and stays NaN


def _same_as_before(values):
    """Whether each entry equals the one before it; shape (B, N)."""
    import torch

    return torch.nn.functional.pad(values[:, 1:] == values[:, :-1], (1, 0))


def _pairs(same, inside):
    """Number of pairs within runs of equal entries: each entry pairs with its run so far."""
    import torch

    place = torch.arange(same.shape[1], device=same.device).expand(same.shape)
    start = place.masked_fill(same, 0).cummax(1).values
    return ((place - start) * inside).sum(1)


def _swaps(values):
    """Number of pairs that stand in the wrong order, from the ranks' bits, the highest first.

    Ranks 0 ... 2^m - 1 fall into a lower and an upper half; each lower one swaps with the upper
    ones before it. Then both halves, each still in its order, are treated likewise.
    """
    import torch

    B, N = values.shape
    size = 1 << (N - 1).bit_length()
    place = torch.arange(size, device=values.device, dtype=torch.int32)
    rank = place.repeat(B, 1)
    # Equal entries keep their order, so they do not swap.
    rank[:, :N].scatter_(1, values.argsort(dim=1, stable=True), rank[:, :N].clone())
    count = rank.new_zeros(B, dtype=torch.int64)
    half = size // 2
    while half:
        groups = rank.view(B, -1, 2 * half)
        upper = (groups & half) // half
        uppers = upper.cumsum(-1, dtype=torch.int32)  # up to and with this entry
        count += (uppers * (1 - upper)).sum((1, 2))
        to = torch.where(upper.bool(), half - 1 + uppers, place[: 2 * half] - uppers)
        rank = torch.empty_like(groups).scatter_(-1, to.long(), groups)
        half //= 2
    return count
