"""The context read once, and many queries read against it in one row without padding.

Queries are laid end to end in a batch of one row, each with the positions that it would have
behind the context. Linear maps and norms then see real tokens only. Attention is the one place
where tokens meet: there, every token reads the shared keys and values of the context, and the
earlier tokens of its own query (`iclbook.gpt.reading.merge` merges the two). The result is that of
reading each prompt by itself, to rounding.

The trap: no part of a model may look at its neighbours in the row by another way than attention. In
the families of `iclbook.gpt.model.families` none does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from iclbook.gpt.model.families import family_of
from iclbook.gpt.reading.merge import attend, merge
from iclbook.gpt.reading.takeover import forward


@dataclass(frozen=True)
class Tail:
    """Tokens that stand behind every query: one or several continuations of it.

    Attributes
    ----------
    branches : tuple of tuple of int
        The continuations. Each sees the query and its own earlier tokens, not the other branches.
    """

    branches: tuple[tuple[int, ...], ...] = ()

    @property
    def tokens(self) -> list[int]:
        """All tokens, branch by branch."""
        return [token for branch in self.branches for token in branch]

    @property
    def depths(self) -> list[int]:
        """How far each token is behind the query's end."""
        return [depth for branch in self.branches for depth in range(len(branch))]

    @property
    def numbers(self) -> list[int]:
        """The branch that each token is in, counted from 1 (the query itself is branch 0)."""
        return [i for i, branch in enumerate(self.branches, 1) for _ in branch]


class Pack:
    """Queries laid end to end.

    Parameters
    ----------
    queries : sequence of sequence of int
        Token ids of each query.
    tail : Tail
        What stands behind each of them.
    start : int
        Position of the first token of each query: the length of the context.
    device : torch.device

    Attributes
    ----------
    tokens, positions : (N,)
        The row.
    ends : (B,)
        Where in the row the last token of each query is; its tail follows.
    index : (B, T)
        Where in the row the t-th token of each query and its tail is (repeated at the right).
    slots : (N,)
        The inverse: where in the flattened `index` each token of the row is.
    """

    def __init__(self, queries: Sequence, tail: Tail, start: int, device):
        behind = len(tail.tokens)
        self.lengths = torch.tensor([len(query) for query in queries])
        totals = self.lengths + behind
        longest, offsets = int(totals.max()), totals.cumsum(0) - totals
        column = torch.arange(longest)
        inside = column < totals[:, None]
        self.index = (offsets[:, None] + column.minimum(totals[:, None] - 1)).to(device)
        self.slots = inside.flatten().nonzero()[:, 0].to(device)
        self.ends = (offsets + self.lengths - 1).to(device)
        self.start = start

        row = [token for query in queries for token in (*query, *tail.tokens)]
        self.tokens = torch.tensor(row, device=device)
        depth = column.expand(len(queries), -1).clone()  # of padding too: it has to be finite
        branch = torch.zeros_like(depth)
        if behind:
            where = self.lengths[:, None] + torch.arange(behind)
            depth.scatter_(1, where, self.lengths[:, None] + torch.tensor(tail.depths))
            branch.scatter_(1, where, torch.tensor(tail.numbers).expand(len(queries), -1))
        self.depth, self._branch = depth.to(device), branch.to(device)
        self.positions = start + self.depth.flatten()[self.slots]
        self._forked = len(tail.branches) > 1

    def own_mask(self, window: int | None) -> Tensor | None:
        """Which tokens of its own query each token sees, (B or 1, 1, T, T); None if all earlier."""
        longest = self.index.shape[1]
        if not self._forked and (window is None or longest <= window):
            return None
        column = torch.arange(longest, device=self.index.device)
        seen = column <= column[:, None]
        if self._forked:
            key, query = self._branch[:, None, :], self._branch[:, :, None]
            seen = seen & ((key == 0) | (key == query))
        if window is not None:
            seen = seen & (self.depth[:, :, None] - self.depth[:, None, :] < window)
        return seen.expand(-1, longest, longest)[:, None] if seen.ndim == 3 else seen[None, None]


class Filler:
    """Reads one row of `length` tokens and keeps each layer's keys and values."""

    def __init__(self, net: nn.Module, length: int):
        family = family_of(net)
        self.windows, self.softcaps = family.windows(net), family.softcaps(net)
        self.distances = family.distances(net, length) if length else None
        self.keys, self.values = {}, {}

    def attend(self, layer: int, q, k, v, scale: float) -> Tensor:
        """Causal attention of one row; keys and values are kept."""
        self.keys[layer], self.values[layer] = k, v
        length, window = q.shape[2], self.windows[layer]
        options = dict(softcap=self.softcaps[layer])
        if self.distances is not None:
            options["bias"] = self.distances[None, :, None]
        if window is None or length <= window:
            out, _ = attend(q, k, v, scale, causal=True, **options)
        else:
            at = torch.arange(length, device=q.device)
            behind = at[:, None] - at
            seen = ((behind >= 0) & (behind < window))[None, None]
            out, _ = attend(q, k, v, scale, mask=seen, **options)
        return out.transpose(1, 2)


class Context:
    """Keys and values of a context, in every layer, and what is needed to read on behind it.

    Parameters
    ----------
    net : PreTrainedModel
        Has to be in a `reading` block, here and in `read`.
    tokens : sequence of int
        The context; may be empty.

    Attributes
    ----------
    length : int
        How many tokens the context has.
    keys, values : dict of layer to (1, groups, length, head size)
        Empty if the context is.
    """

    def __init__(self, net: nn.Module, tokens: Sequence[int]):
        self.net, self.length = net, len(tokens)
        filler = Filler(net, self.length)
        self.windows, self.softcaps = filler.windows, filler.softcaps
        self.keys, self.values = filler.keys, filler.values
        if tokens:
            row = torch.tensor([list(tokens)], device=net.device)
            forward(net, filler, row, torch.arange(self.length, device=net.device)[None], 1)

    def read(self, pack: Pack, logits_at: Tensor, watch=None) -> Tensor:
        """Logits of a pack of queries at some places.

        Parameters
        ----------
        pack : Pack
            With `start` equal to this context's length.
        logits_at : (K,) of int
            Places in the row.
        watch : object with a method ``scores(layer, q, k, scale, distances)``, optional
            Called in every layer with the queries (N, heads, d), the keys (N, groups, d), and what
            a key at each position adds to a score, (heads, positions) or None.

        Returns
        -------
        Tensor of shape (K, vocabulary)
        """
        reader = _Reader(self, pack, watch)
        return forward(self.net, reader, pack.tokens[None], pack.positions[None], logits_at)[0]


class _Reader:
    """Reads a pack behind a context."""

    def __init__(self, context: Context, pack: Pack, watch):
        self.context, self.pack, self.watch = context, pack, watch
        self.windows, self.softcaps = context.windows, context.softcaps
        self.masks = {window: self._masks(window) for window in set(self.windows)}
        length = context.length + pack.index.shape[1]
        self.distances = family_of(context.net).distances(context.net, length)

    def _masks(self, window: int | None):
        """Own mask, first context token that any query sees, and the mask behind that one."""
        pack, length = self.pack, self.context.length
        own = pack.own_mask(window)
        if window is None or not length or int(pack.positions.max()) < window:
            return own, 0, None
        first = min(length, max(0, int(pack.positions.min()) - window + 1))
        at = torch.arange(first, length, device=pack.positions.device)
        return own, first, (pack.positions[:, None] - at < window)[None, None]

    def attend(self, layer: int, q, k, v, scale: float) -> Tensor:
        rows = [x[0].transpose(0, 1) for x in (q, k, v)]  # (N, heads, d)
        if self.watch is not None:
            self.watch.scores(layer, rows[0], rows[1], scale, self.distances)
        own_mask, first, mask = self.masks[self.windows[layer]]
        length, softcap = self.context.length, self.softcaps[layer]
        own_bias = far_bias = None
        if self.distances is not None:
            own_bias = self.distances[:, length + self.pack.depth].transpose(0, 1)[:, :, None]
            far_bias = self.distances[None, :, None, first:length]
        blocks = [x[self.pack.index].transpose(1, 2) for x in rows]  # (B, heads, T, d)
        causal = own_mask is None
        own = attend(*blocks, scale, causal=causal, mask=own_mask, bias=own_bias, softcap=softcap)
        out, lse = (x.transpose(1, 2).flatten(0, 1)[self.pack.slots] for x in own)
        if first == length:
            return out[None]
        keys, values = (x[layer][:, :, first:] for x in (self.context.keys, self.context.values))
        far, far_lse = attend(q, keys, values, scale, mask=mask, bias=far_bias, softcap=softcap)
        return merge((far[0].transpose(0, 1), far_lse[0].T), (out, lse))[None]
