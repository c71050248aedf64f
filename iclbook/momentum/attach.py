"""Momentum put into a model of transformers, and taken out again.

Any family whose blocks compute attention by transformers' attention interface has it by one call;
no code of a model is copied. The call does not change a weight: a model that was trained without
momentum can be tried with it.
"""

import sys
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel

from iclbook.momentum.attention import BASES, PREFIX, remember
from iclbook.momentum.mixing import Mixing, Momentum


def add_momentum(
    net: PreTrainedModel,
    eta: float | Sequence[float] | np.ndarray,
    *,
    learned: bool = False,
    normalised: bool = False,
    nesterov: bool = False,
) -> None:
    """Let every attention block add the decaying sum of its past values (`Momentum`).

    Parameters
    ----------
    net : transformers.PreTrainedModel
        Changed in place. Momentum that it has already is replaced.
    eta : float or array, shape (layers,) or (layers, heads)
        Between 0 and 1.
    learned : bool
        Whether eta is where learning begins: every layer, or every head of each, has a parameter.
    normalised, nesterov : bool
        As `Momentum` takes them.

    Raises
    ------
    ValueError
        If eta has another shape or is not between 0 and 1, or as `add_mixing`.
    """
    layers, heads = len(attention_blocks(net)), net.config.num_attention_heads
    eta = np.asarray(eta, dtype=float)
    if eta.shape not in ((), (layers,), (layers, heads)):
        raise ValueError(
            f"eta has shape {eta.shape}; expected a number, ({layers},) for the layers of this "
            f"model, or ({layers}, {heads}) for their heads."
        )
    outside = eta[~((eta > 0) & (eta < 1))]
    if outside.size:
        raise ValueError(
            f"eta is {outside.flat[0]:g}; expected a number between 0 and 1, both excluded: at 1 "
            "and above the sum over past values grows with the text, and at 0 it is none, which "
            "is the model without momentum."
        )
    by_layer = np.broadcast_to(eta, (layers,)) if eta.ndim < 2 else eta
    rows = torch.tensor(by_layer.reshape(layers, -1))

    def make(layer: int) -> Momentum:
        return Momentum(rows[layer], learned=learned, normalised=normalised, nesterov=nesterov)

    add_mixing(net, make)


def add_mixing(net: PreTrainedModel, make: Callable[[int], Mixing]) -> None:
    """Let every attention block add what its mixing makes of the values.

    Parameters
    ----------
    net : transformers.PreTrainedModel
        Changed in place: each block has its mixing as the module ``momentum``, moved to the block's
        device and precision.
    make : callable
        The number of a layer to its mixing.

    Raises
    ------
    ValueError
        If the family does not use the attention interface, or the model computes attention in
        another way than ``sdpa`` or ``eager``.
    """
    blocks = attention_blocks(net)
    remove_mixing(net)
    base = net.config._attn_implementation
    if base not in BASES:
        raise ValueError(
            f"the model computes attention by {base!r}; expected one of {', '.join(BASES)}: load "
            "it with attn_implementation='sdpa'."
        )
    for layer, block in enumerate(blocks):
        weight = next(block.parameters())
        block.momentum = make(layer).to(weight.device, weight.dtype)
        block.register_forward_pre_hook(remember, with_kwargs=True)
    net.config._attn_implementation = PREFIX + base


def remove_mixing(net: PreTrainedModel) -> None:
    """Take out what `add_momentum` or `add_mixing` put in, if they did."""
    net.config._attn_implementation = net.config._attn_implementation.removeprefix(PREFIX)
    for block in attention_blocks(net):
        if hasattr(block, "momentum"):
            del block.momentum
            hooks = block._forward_pre_hooks
            for number in [n for n, hook in hooks.items() if hook is remember]:
                del hooks[number], block._forward_pre_hooks_with_kwargs[number]


def attention_blocks(net: PreTrainedModel) -> list[nn.Module]:
    """The blocks that call the attention interface, one a layer, the first layer first.

    Raises
    ------
    ValueError
        If there are none.
    """
    blocks = [
        module
        for module in net.modules()
        if hasattr(module, "layer_idx")
        and hasattr(module, "is_causal")
        and hasattr(sys.modules[type(module).__module__], "ALL_ATTENTION_FUNCTIONS")
    ]
    if not blocks:
        raise ValueError(
            f"models of family {net.config.model_type!r} compute attention by code of their own; "
            "expected one that uses transformers' attention interface, such as gpt2, gpt_neox, "
            "opt, llama, qwen2 or mistral."
        )
    return sorted(blocks, key=lambda block: block.layer_idx)
