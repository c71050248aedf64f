"""The queries of all layers, read off a model while it runs.

A query is taken after its bias (and the norm that some families give it), *before* rotation, and
times the scale of the scores: a product of two queries compares contents, not positions. Heads
stand side by side.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn

from iclbook.gpt.model.families import family_of
from iclbook.gpt.model.projections import Projection


def query_readers(net: nn.Module) -> list[tuple[nn.Module, Callable[[Tensor], Tensor]]]:
    """For each layer, the module that computes its queries, and how to take them from its output.

    The second is a function from the module's output (..., features) to queries (..., d_q).
    """
    family = family_of(net)
    blocks, scales = family.attentions(net), family.scales(net)
    readers = []
    for block, scale, parts in zip(blocks, scales, family.projections(net), strict=True):
        norm = getattr(block, family.query_norm or "", None)
        readers.append((parts["q"].module, partial(_queries, parts["q"], norm, scale)))
    return readers


def _queries(q: Projection, norm: nn.Module | None, scale: float, output: Tensor) -> Tensor:
    return normed(q.of_output(output), norm) * scale


def normed(rows: Tensor, norm: nn.Module | None) -> Tensor:
    """Queries or keys (batch, tokens, width) behind the norm that a family gives them.

    The norm has one weight an entry of a head, of all heads, or is a list of norms, one a head.
    """
    if norm is None:
        return rows
    if hasattr(norm, "norms"):  # takes and returns (batch, heads, tokens, size)
        heads = rows.unflatten(-1, (len(norm.norms), -1)).transpose(1, 2)
        return norm(heads).transpose(1, 2).flatten(2)
    return norm(rows.unflatten(-1, (-1, *norm.weight.shape))).flatten(2)


@contextmanager
def recorded_queries(net: nn.Module) -> Iterator[list[Tensor]]:
    """Record the queries of every layer in each forward pass inside the block.

    Yields
    ------
    list of Tensor (batch, tokens, d_q)
        One a layer: always those of the latest forward pass, without gradients.
    """
    readers = query_readers(net)
    latest: list[Tensor] = [None] * len(readers)

    @torch.no_grad()
    def keep(layer, read, module, args, output):
        latest[layer] = read(output)

    hooks = [
        module.register_forward_hook(partial(keep, layer, read))
        for layer, (module, read) in enumerate(readers)
    ]
    try:
        yield latest
    finally:
        for hook in hooks:
            hook.remove()
