"""A model's attention taken over while we read: stand-ins that ask a reader.

A reader has the attributes ``windows`` and ``softcaps``, one entry a layer, and a method
``attend(layer, q, k, v, scale)`` from (batch, heads, tokens, d) to (batch, tokens, heads, d).
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface

from iclbook.gpt.model.families import family_of
from iclbook.gpt.model.family import Family

_READER: ContextVar = ContextVar("reader")


def forward(net, reader, tokens, positions, logits_at) -> Tensor:
    """Logits of rows of tokens, read inside `reading` with the attention of a reader."""
    token = _READER.set(reader)
    try:
        return net(
            input_ids=tokens, position_ids=positions, use_cache=False, logits_to_keep=logits_at
        ).logits
    finally:
        _READER.reset(token)


HARMLESS = {"position_ids", "cache_position", "use_cache", "output_attentions"}
"""What some families hand to the attention function, without a meaning for it here."""


def _interface(
    module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask,
    *,
    scaling: float | None = None,
    softcap: float | None = None,
    **rest,
):
    """Stand in for a pluggable attention function.

    Raises
    ------
    ValueError
        If it is given what the family's entry does not say, and what would be ignored.
    """
    reader, layer = _READER.get(), module.layer_idx
    window = rest.pop("sliding_window", None)
    ignored = {name for name, given in rest.items() if name not in HARMLESS and _counts(given)}
    if softcap != reader.softcaps[layer]:
        ignored.add("softcap")
    if window != reader.windows[layer]:
        ignored.add("sliding_window")
    if ignored:
        raise ValueError(
            f"layer {layer} of a model of family {module.config.model_type!r} hands "
            f"{', '.join(sorted(ignored))} to its attention, which the book would ignore; its "
            f"results would be wrong. Choose another model (`python -m iclbook models`)."
        )
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return reader.attend(layer, query, key, value, scale), None


def _counts(given) -> bool:
    """Whether an argument says something: not None, False or a dropout of 0."""
    return isinstance(given, Tensor) or given not in (None, False, 0.0)


def _inner(layer: int, scale: float, query, key, value, attention_mask=None):
    """Stand in for the method of a block that gets rotated queries and keys."""
    return _READER.get().attend(layer, query, key, value, scale).transpose(1, 2), None


def _block(
    block: nn.Module,
    family: Family,
    layer: int,
    scale: float,
    hidden_states: Tensor,
    residual: Tensor | None = None,
    alibi: Tensor | None = None,
    position_embeddings: tuple[Tensor, Tensor] | None = None,
    **kwargs,
):
    """Stand in for a whole attention block; masks and biases are the reader's own."""
    parts = family.parts(block)
    outputs = {module: module(hidden_states) for module in {p.module for p in parts.values()}}
    q, k, v = (
        parts[part]
        .of_output(outputs[parts[part].module])
        .unflatten(-1, (-1, block.head_dim))
        .transpose(1, 2)
        for part in "qkv"
    )
    if position_embeddings is not None and alibi is None:
        q, k = sys.modules[type(block).__module__].apply_rotary_pos_emb(q, k, *position_embeddings)
    read = _READER.get().attend(layer, q, k, v, scale).flatten(2)
    out = getattr(block, family.output)(read)
    return (out if residual is None else out + residual), None


def _no_mask(device="cpu", **kwargs) -> Tensor:
    """Stand in for a mask: attention here has its own, and does not look at it."""
    return torch.ones(1, 1, 1, 1, dtype=torch.bool, device=device)


AttentionInterface.register("iclbook", _interface)
AttentionMaskInterface.register("iclbook", _no_mask)


@contextmanager
def reading(net: nn.Module) -> Iterator[None]:
    """Let a model read by this module's attention inside the block, without gradients.

    Raises
    ------
    ValueError
        If the model's family is unknown, or it has momentum, which would be left out.
    """
    family = family_of(net)
    before, training = net.config._attn_implementation, net.training
    if before.startswith("momentum"):
        raise ValueError(
            "the model adds momentum to its attention, which reading it would leave out; expected "
            "plain attention. Call iclbook.momentum.attach.remove_mixing(net) first."
        )
    replaced = family.attentions(net) if family.replaced else []
    net.eval()
    net.config._attn_implementation = "iclbook"
    for layer, (block, scale) in enumerate(zip(replaced, family.scales(net))):
        stand_in = partial(_inner, layer, scale)
        if family.replaced == "forward":
            stand_in = partial(_block, block, family, layer, scale)
        setattr(block, family.replaced, stand_in)
    try:
        with torch.no_grad():
            yield
    finally:
        net.config._attn_implementation = before
        for block in replaced:
            delattr(block, family.replaced)
        net.train(training)
