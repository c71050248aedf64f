"""Attention with what a mixing adds, as an attention function of transformers.

A model computes attention as it did before, by ``sdpa`` or by its own code (``eager``), and each
block adds what its `Mixing` makes of the values. The function is given queries, keys, values and a
mask. Two things it has to find out:

- *Padding.* The mask tells which tokens are real. Padding is neither summed nor does it count as a
  step, so that a padded text has the sums of the text alone, wherever its padding stands.
- *What came before.* With a cache of keys and values the sum of all earlier tokens is kept in the
  cache's layer, together with the values that it belongs to. If something has changed these since
  (a beam search that reorders, a crop), it is summed again.

The trap: a layer with a window keeps the last values only. Its sum reaches further back and is kept
as well, but once lost it cannot be summed again: then the cache is refused.
"""

import sys
from functools import partial

import torch
from jaxtyping import Bool
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.cache_utils import Cache, DynamicLayer, DynamicSlidingWindowLayer
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

from iclbook.momentum.mixing import Mixing

PREFIX = "momentum-"
"""In front of the name of the attention that a mixing adds to."""

BASES = ("sdpa", "eager")


class Memory:
    """The sums that one layer of a cache keeps.

    Attributes
    ----------
    sums : tensor, or None
        At the first token that is new to the cache; None if it is not known.
    """

    def __init__(self, cache: Cache, layer: int):
        self._layers, self._layer = getattr(cache, "layers", ()), layer
        self.sums = None
        if layer < len(self._layers):
            of, kept = self._layers[layer], getattr(self._layers[layer], "momentum", None)
            if kept is not None and kept[0] is of.values:
                self.sums = kept[1]

    def check(self, held: int) -> None:
        """Check a layer that was just given new values and now holds so many.

        Raises
        ------
        ValueError
            If it does not keep values one behind the other, or earlier ones are gone while their
            sum is not known.
        """
        layer = self._layers[self._layer] if self._layer < len(self._layers) else None
        if type(layer) not in (DynamicLayer, DynamicSlidingWindowLayer):
            raise ValueError(
                f"the cache keeps its values in a {type(layer).__name__}; expected a DynamicCache, "
                "which transformers makes by default. Leave out cache_implementation, or pass "
                "past_key_values=DynamicCache(config=net.config)."
            )
        if self.sums is None and layer.get_seq_length() > held:
            raise ValueError(
                f"the cache was reordered, cropped or filled by other attention, and holds {held} "
                f"of {layer.get_seq_length()} values: the sum of the others is lost. Use a "
                "DynamicCache() without a configuration, which keeps all, or use_cache=False."
            )

    def keep(self, sums: Tensor | None) -> None:
        """Keep the sums at the token that follows."""
        layer = self._layers[self._layer]
        layer.momentum = (layer.values, sums)


def remember(block: nn.Module, args, kwargs) -> None:
    """Before a block runs, give its mixing the memory of the cache that the block is given."""
    cache = next((x for x in (*args, *kwargs.values()) if isinstance(x, Cache)), None)
    block.momentum.memory = None if cache is None else Memory(cache, block.layer_idx)


def attend(
    base: str,
    block: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **kwargs,
) -> tuple[Tensor, Tensor | None]:
    """Attention of a block, with what its mixing adds; shapes as transformers has them.

    Raises
    ------
    ValueError
        If the block has no mixing, does not read from left to right, or its text is several texts
        one behind the other.
    """
    mixing = getattr(block, "momentum", None)
    if not isinstance(mixing, Mixing):
        raise ValueError(
            f"attention {PREFIX + base!r} was asked for, but {type(block).__name__} adds nothing "
            "to it; expected a call of iclbook.momentum.attach.add_momentum, which sets it as well."
        )
    causal = kwargs.get("is_causal")
    if not (getattr(block, "is_causal", True) if causal is None else causal):
        raise ValueError(
            f"{type(block).__name__} reads its text in both directions; expected attention to "
            "earlier tokens alone, because a sum of past values needs a past."
        )
    of = AttentionInterface()
    own = getattr(sys.modules[type(block).__module__], "eager_attention_forward", None)
    found, maps = of.get_interface(base, own)(block, query, key, value, attention_mask, **kwargs)
    return found + _added(mixing, query, value, attention_mask), maps


def _added(mixing: Mixing, query: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """What a mixing adds at each query, (batch, tokens, heads, size)."""
    memory, mixing.memory = mixing.memory, None
    before, new = None, query.shape[2]
    if memory is not None:
        memory.check(value.shape[2])
        before = memory.sums
    x = value if before is None else value[:, :, -new:]
    x = x.transpose(1, 2)
    groups = query.shape[1] // value.shape[1]  # query heads that share their values
    if mixing.by_head and groups > 1:
        x = x.repeat_interleave(groups, dim=2)
    real = None if mask is None else _real(mask, new)[:, -x.shape[1] :]
    sums, after = _sums(mixing, x, real, before)
    if memory is not None:
        memory.keep(after)
    added = mixing.read(sums, x)[:, -new:]
    shared = groups > 1 and not mixing.by_head
    return added.repeat_interleave(groups, dim=2) if shared else added


def _sums(mixing: Mixing, x: Tensor, real: Bool[Tensor, "batch tokens"] | None, before):
    """Sums over real tokens: they are moved together, summed, and put back."""
    if real is None or real.all():
        return mixing.sums(x, before)
    order = (~real).to(torch.uint8).argsort(dim=1, stable=True)[..., None, None]
    together = x.masked_fill(~real[..., None, None], 0).gather(1, order.expand_as(x))
    sums, after = mixing.sums(pad(together, (0, 0, 0, 0, 0, 1)), before)
    if after is not None:
        count = real.sum(1)[:, None, None, None]
        after = sums.gather(1, count.expand(len(sums), 1, *sums.shape[2:]))[:, 0]
    return sums.gather(1, order.argsort(dim=1).expand_as(x)), after


def _real(mask: Tensor, new: int) -> Bool[Tensor, "batch tokens"]:
    """Which tokens are no padding: those that some query may see.

    Raises
    ------
    ValueError
        If a real token may not see the real one before it: another text begins there.
    """
    seen = mask if mask.dtype == torch.bool else mask > torch.finfo(mask.dtype).min / 2
    seen = seen.any(dim=1)
    real = seen.any(dim=1)
    offset = seen.shape[2] - new
    sees = seen.diagonal(offset - 1, 1, 2)  # of each token that has one before it
    pair = real[:, 1:] & real[:, :-1]
    if (pair[:, pair.shape[1] - sees.shape[1] :] & ~sees).any():
        raise ValueError(
            "several texts stand one behind the other in a row (their positions begin anew); "
            "expected one text a row, because sums of past values would run from one into the "
            "next. Give each text a row of its own and pad them."
        )
    return real


for _base in BASES:
    AttentionInterface.register(PREFIX + _base, partial(attend, _base))
    AttentionMaskInterface.register(PREFIX + _base, ALL_MASK_ATTENTION_FUNCTIONS[_base])
