"""Momentum, its variants, and what could do the same without being momentum.

=============== ==============================================================================
``plain``       attention alone
``momentum``    the decaying sum of past values, as published
``mean``        that times 1 - eta
``nesterov``    that, one token ahead
``learned``     that with a learned eta for each head, which begins at the given one
``convolution`` a learned weighted sum of the last four values for each head: begins at their
                momentum, and may become anything
``shuffled``    the weights of momentum on the last 64 values, for each head in an order drawn at
                random: a mixing of the same size without decay
=============== ==============================================================================
"""

import numpy as np
import torch
from transformers import PreTrainedModel

from iclbook.momentum.attach import add_mixing, add_momentum
from iclbook.momentum.mixing import Taps
from iclbook.validate import check_choice

VARIANTS = ("plain", "momentum", "mean", "nesterov", "learned", "convolution", "shuffled")
SHORT, LONG = 4, 64
"""Values that the convolution and the shuffled sum reach back."""


def add_variant(net: PreTrainedModel, variant: str, eta: float, seed: int) -> None:
    """Put a variant into a model.

    Parameters
    ----------
    net : transformers.PreTrainedModel
        Changed in place.
    variant : str
        One of ``VARIANTS``.
    eta : float
        Between 0 and 1; ``plain`` does not look at it.
    seed : int
        Of the order in which ``shuffled`` has its weights.

    Raises
    ------
    ValueError
        If there is no such variant, or as `iclbook.momentum.attach.add_momentum`.
    """
    check_choice("variant", variant, VARIANTS)
    layers, heads = net.config.num_hidden_layers, net.config.num_attention_heads
    if variant in ("momentum", "mean", "nesterov"):
        add_momentum(net, eta, normalised=variant == "mean", nesterov=variant == "nesterov")
    if variant == "learned":
        add_momentum(net, np.full((layers, heads), eta), learned=True)
    if variant == "convolution":
        add_mixing(net, lambda layer: Taps(torch.tensor(_rows(eta, heads, SHORT)), learned=True))
    if variant == "shuffled":
        random = np.random.default_rng([seed, 64])
        orders = [random.permuted(_rows(eta, heads, LONG), axis=1) for _ in range(layers)]
        add_mixing(net, lambda layer: Taps(torch.tensor(orders[layer])))


def _rows(eta: float, heads: int, lags: int) -> np.ndarray:
    """The weights of momentum on the last values, a row a head."""
    return np.tile(eta ** np.arange(1.0, lags + 1), (heads, 1))
