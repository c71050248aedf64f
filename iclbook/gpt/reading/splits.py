"""What every head does at the last token of many questions, split into demonstrations and rest.

Softmax attention over the whole prompt is a mixture of attention over the demonstrations' tokens
and attention over the others (`iclbook.dual.softmax_split`). Here both parts are kept, with the
query and the weight of the mixture, for questions that are read together behind one context.

The trap: many heads give most of their attention to the first token of a text, whatever it is. It
counts to the demonstrations, unless the model begins its texts with BOS.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.context import Context, Pack, Tail
from iclbook.gpt.reading.merge import attend, merge, precise
from iclbook.gpt.reading.score import chosen_items
from iclbook.gpt.reading.takeover import forward, reading
from iclbook.gpt.text.prompts import Prompts


@dataclass(frozen=True, eq=False)
class Splits:
    """The last token of n questions in context, in every layer and head.

    Attributes
    ----------
    q : (n, L, H, d)
        The query, as it meets the keys.
    demonstrations, own : (n, L, H, d)
        Attention over the demonstrations' tokens alone, and over all others alone.
    share : (n, L, H)
        How much of the attention the demonstrations have.
    first : (n, L, H)
        How much the first token of the whole prompt has.
    """

    q: Float[np.ndarray, "n L H d"]
    demonstrations: Float[np.ndarray, "n L H d"]
    own: Float[np.ndarray, "n L H d"]
    share: Float[np.ndarray, "n L H"]
    first: Float[np.ndarray, "n L H"]

    @property
    def update(self) -> Float[np.ndarray, "n L H d"]:
        """What the demonstrations add to the answer over the other tokens."""
        return self.share[..., None] * (self.demonstrations - self.own)

    @property
    def answer(self) -> Float[np.ndarray, "n L H d"]:
        """The head's answer."""
        return self.own + self.update


def read_splits(
    model: LanguageModel, prompts: Prompts, items: Sequence[int] | np.ndarray | None = None
) -> Splits:
    """Read questions in context.

    Parameters
    ----------
    model : LanguageModel
        One whose heads see all tokens, with scores q·k alone.
    prompts : Prompts
        With one demonstration or more.
    items : sequence of int, optional
        Which questions; all by default.

    Raises
    ------
    ValueError
        If the model has windows, a softcap or ALiBi, or there are no demonstrations.
    """
    net, family = model.net, model.family
    chosen = chosen_items(prompts, items)
    plain = not any(family.windows(net)) and not any(family.softcaps(net)) and family.alibi is None
    if not plain:
        raise ValueError(
            f"the heads of {model.name} have windows, a softcap or ALiBi; expected a model whose "
            "heads see all tokens by q·k alone, such as smollm2."
        )
    if not prompts.demos:
        raise ValueError("prompts has no demonstrations (k_used is 0); there is nothing to split.")
    with reading(net):
        context = Context(net, prompts.context)
        queries = [prompts.queries[item] for item in chosen]
        pack = Pack(queries, Tail(), context.length, net.device)
        splitter = _Splitter(context, pack, len(prompts.bos))
        forward(net, splitter, pack.tokens[None], pack.positions[None], pack.ends)
    return Splits(*(torch.stack(kept, 1).cpu().numpy() for kept in splitter.kept.values()))


class _Splitter:
    """Attends as `Context.read` does, and keeps the parts of the last tokens' answers."""

    def __init__(self, context: Context, pack: Pack, bos: int):
        self.context, self.pack, self.bos = context, pack, bos
        self.windows, self.softcaps = context.windows, context.softcaps
        self.kept = {name: [] for name in ("q", "demonstrations", "own", "share", "first")}

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
        pack, bos = self.pack, self.bos
        blocks = [x[0].transpose(0, 1)[pack.index].transpose(1, 2) for x in (q, k, v)]
        own = tuple(
            x.transpose(1, 2).flatten(0, 1)[pack.slots] for x in attend(*blocks, scale, causal=True)
        )
        keys, values = self.context.keys[layer], self.context.values[layer]
        if bos:
            begin = self._over(q, keys[:, :, :bos], values[:, :, :bos], scale)
            own = merge(begin, own), torch.logaddexp(begin[1], own[1])
        far = self._over(q, keys[:, :, bos:], values[:, :, bos:], scale)
        here = q[0].transpose(0, 1)[pack.ends]  # (n, H, d)
        (far_out, far_lse), (own_out, own_lse) = ([x[pack.ends] for x in y] for y in (far, own))
        key = keys[0, :, 0].repeat_interleave(here.shape[1] // keys.shape[1], dim=0)
        first = scale * (precise(here) * precise(key)).sum(-1)
        found = (
            here,
            far_out,
            own_out,
            (far_lse - own_lse).sigmoid(),
            (first - torch.logaddexp(far_lse, own_lse)).exp(),
        )
        for kept, part in zip(self.kept.values(), found, strict=True):
            kept.append(precise(part))
        return merge(far, own)[None]

    @staticmethod
    def _over(q: Tensor, keys: Tensor, values: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        """Attention of all tokens over some keys: output (N, heads, d) and normaliser."""
        out, lse = attend(q, keys, values, scale)
        return out[0].transpose(0, 1), lse[0].T
