"""What is added to attention at every token, made of the values of earlier ones.

A `Mixing` sits in each attention block of a model, see `iclbook.momentum.attach`. `Momentum` is the
rule of Dai et al. (2023), `Taps` a sum over a few last values with weights of any kind: a short
convolution. Chapter: "Momentum attention".
"""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float
from torch import Tensor, nn

from iclbook.momentum.sums import decayed_sum

Values = Float[Tensor, "batch tokens heads size"]
Sum = Float[Tensor, "batch heads size"]


class Mixing(nn.Module, ABC):
    """Sums of past values, and what of them is added to attention.

    Attributes
    ----------
    by_head : bool
        Whether query heads that share their values have sums of their own.
    memory : object
        Of the running forward pass: set and used by `iclbook.momentum.attention`.
    """

    by_head: bool
    memory = None

    @abstractmethod
    def sums(self, values: Values, before: Sum | None) -> tuple[Values, Sum | None]:
        """The sum at every token, and at the one that would follow.

        The latter is None if the mixing keeps none: then it is given all values of a cache again.
        """

    def read(self, sums: Values, values: Values) -> Values:
        """What is added to attention."""
        return sums


class Momentum(Mixing):
    """The decaying sum s_t = sum over i < t of eta^(t-i) v_i of past values.

    Parameters
    ----------
    eta : tensor, shape (1,) or (heads,)
        Between 0 and 1.
    learned : bool
        Whether it is a parameter: its logit is.
    normalised : bool
        Multiplies by 1 - eta, so that the weights of a long text sum to eta and not to
        eta / (1 - eta).
    nesterov : bool
        Looks one token ahead, as Nesterov's momentum does in the form of PyTorch's optimisers: the
        token's own value is in its sum, eta (s_t + v_t).
    """

    def __init__(
        self,
        eta: Float[Tensor, " etas"],
        *,
        learned: bool = False,
        normalised: bool = False,
        nesterov: bool = False,
    ):
        super().__init__()
        self.by_head = len(eta) > 1
        self.normalised, self.nesterov = normalised, nesterov
        self.fixed = None if learned else tuple(eta.tolist())
        if learned:
            self.logit = nn.Parameter(eta.logit())

    def eta(self, like: Tensor) -> Float[Tensor, " etas"]:
        """The rates, where a tensor is and at least in single precision."""
        dtype = torch.promote_types(like.dtype, torch.float32)
        if self.fixed is None:
            return self.logit.to(dtype).sigmoid()
        return torch.tensor(self.fixed, dtype=dtype, device=like.device)

    def sums(self, values: Values, before: Sum | None) -> tuple[Values, Sum]:
        """The decaying sum at every token, and at the one that would follow."""
        return decayed_sum(values, self.eta(values), before)

    def read(self, sums: Values, values: Values) -> Values:
        """The sum, one token ahead or times 1 - eta if that was asked for."""
        eta = self.eta(values)[:, None].to(values.dtype)
        if self.nesterov:
            sums = eta * (sums + values)
        return (1 - eta) * sums if self.normalised else sums


class Taps(Mixing):
    """A weighted sum over the last values, the newest first; a learned one is a short convolution.

    Parameters
    ----------
    weights : tensor, shape (heads, lags)
        Weights of the values 1, 2, ... tokens ago, a row a head; one row is for all heads.
    learned : bool
        Whether they are parameters.
    """

    def __init__(self, weights: Float[Tensor, "rows lags"], *, learned: bool = False):
        super().__init__()
        self.by_head = len(weights) > 1
        weights = weights[:, None]  # as a convolution takes them
        if learned:
            self.weights = nn.Parameter(weights)
        else:
            self.register_buffer("weights", weights)

    def sums(self, values: Values, before: Sum | None) -> tuple[Values, None]:
        """The weighted sum at every token; its past is read from the values of a cache."""
        rows, lags = len(self.weights), self.weights.shape[-1]
        x = values if rows > 1 else values.flatten(2).unsqueeze(2)
        x = x.permute(0, 3, 2, 1)  # [batch, size, head, token]
        behind = nn.functional.pad(x.flatten(0, 1), (lags, 0))
        kernel = self.weights.flip(2).to(values.dtype)  # torch's convolution is a correlation
        found = nn.functional.conv1d(behind, kernel, groups=rows)[..., :-1]
        return found.unflatten(0, x.shape[:2]).permute(0, 3, 2, 1).reshape(values.shape), None
