"""Keeping what happens at the recorded places of a batch, while the model runs.

Only the scores of the recorded places are computed; attention itself runs in the fast kernel. A
batch lies end to end in one row (`iclbook.gpt.reading.context.Pack`), so a place is an index into
that row.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np
import torch
from torch import Tensor

from iclbook.gpt.model.queries import query_readers
from iclbook.gpt.reading.context import Context, Pack
from iclbook.gpt.reading.merge import cap, precise

PLACED = ("hidden", "scores", "context_scores", "queries")
"""What can be kept of a place."""


class Watch:
    """Keeps what happens at the recorded places of a batch, layer by layer, on the device."""

    def __init__(self, net, family, positions, label_tokens: int, want: frozenset[str]):
        self.net, self.family, self.positions = net, family, positions
        # How far behind the last token of the prompt each place is.
        self.shift = torch.tensor([label_tokens * (p == "label") for p in positions])
        self.shift = self.shift.to(net.device)
        self.windows, self.softcaps = family.windows(net), family.softcaps(net)
        self.kept = {name: [] for name in want if name in PLACED}
        self.pack = None  # the context itself is not observed

    def sizes(self, context: int, longest: int) -> dict[str, tuple[int, ...]]:
        """Shape of one item's part of each array that is wanted."""
        config, layers = self.net.config, len(self.windows)
        every = {
            "hidden": (layers, config.hidden_size),
            "scores": (layers, config.num_attention_heads, longest),
            "context_scores": (layers, context),
            "queries": (layers, self.family.projections(self.net)[0]["q"].width),
        }
        return {name: every[name] for name in self.kept}

    def begin(self, pack: Pack, context: Context) -> None:
        """A new batch: where its places are in the row."""
        self.pack, self.context = pack, context
        self.places = pack.ends[:, None] + self.shift  # (B, P)
        self.own = pack.lengths.to(self.shift.device)[:, None] + self.shift
        for kept in self.kept.values():
            kept.clear()

    def scores(self, layer: int, q: Tensor, k: Tensor, scale: float, distances) -> None:
        """Queries (N, heads, d), keys (N, groups, d), ALiBi (heads, positions) of a layer."""
        at = precise(q[self.places]) * scale  # (B, P, heads, d)
        at = at.unflatten(2, (k.shape[1], -1))  # heads that share keys stand side by side
        if "scores" in self.kept:
            self.kept["scores"].append(self._own(layer, at, k, distances))
        if "context_scores" in self.kept:
            self.kept["context_scores"].append(self._far(layer, at, distances))

    def _own(self, layer: int, at: Tensor, k: Tensor, distances: Tensor | None) -> Tensor:
        """Scores with the tokens of the query itself, (B, P, heads, T)."""
        window = self.windows[layer]
        values = torch.einsum("bpgrd,btgd->bpgrt", at, precise(k[self.pack.index]))
        values = cap(values.flatten(2, 3), self.softcaps[layer])
        if distances is not None:
            keys = distances[:, self.pack.start + self.pack.depth].transpose(0, 1)[:, None]
            values = values + keys - self._here(distances)[..., None]
        column = torch.arange(values.shape[-1], device=at.device)
        hidden = column >= self.own[..., None]
        if window is not None:
            hidden |= column < self.own[..., None] - window
        return values.masked_fill(hidden[:, :, None], 0.0)

    def _far(self, layer: int, at: Tensor, distances: Tensor | None) -> Tensor:
        """Scores with the tokens of the context, summed over heads, (B, P, c)."""
        length, window, softcap = self.context.length, self.windows[layer], self.softcaps[layer]
        if not length:
            return at.new_zeros(*self.places.shape, 0)
        keys = precise(self.context.keys[layer][0])
        if softcap is None:
            values = torch.einsum("bpgd,gcd->bpc", at.sum(3), keys)
        else:
            values = cap(torch.einsum("bpgrd,gcd->bpgrc", at, keys), softcap).sum((2, 3))
        if distances is not None:
            here = self._here(distances).sum(-1, keepdim=True)
            values = values + distances[:, :length].sum(0) - here
        if window is not None:
            column = torch.arange(length, device=at.device)
            position = self.pack.positions[self.places]
            values.masked_fill_(position[..., None] - column >= window, torch.nan)
        return values

    def _here(self, distances: Tensor) -> Tensor:
        """ALiBi of the places themselves, (B, P, heads): a score with oneself has none."""
        return distances[:, self.pack.positions[self.places]].movedim(0, -1)

    @contextmanager
    def hooks(self) -> Iterator[None]:
        """Look at attention outputs and queries while the model runs."""
        hooks = []
        if "hidden" in self.kept:
            take = partial(self._keep, "hidden", lambda rows: rows)
            hooks += [m.register_forward_hook(take) for m in self.family.outputs(self.net)]
        if "queries" in self.kept:
            hooks += [
                module.register_forward_hook(partial(self._keep, "queries", read))
                for module, read in query_readers(self.net)
            ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _keep(self, name: str, read, module, args, output: Tensor) -> None:
        if self.pack is not None:
            self.kept[name].append(precise(read(output[0][self.places])))

    def collect(self) -> dict[tuple[str, str], np.ndarray]:
        """The batch's arrays by name and position, one row an item."""
        found = {}
        for name, kept in self.kept.items():
            values = torch.stack(kept, 2)  # (B, P, L, ...)
            for p, position in enumerate(self.positions):
                here = values[:, p]
                if name == "scores":
                    here = _align_right(here, self.own[:, p])
                found[name, position] = here.cpu().numpy()
        return found


def _align_right(values: Tensor, lengths: Tensor) -> Tensor:
    """Move the first `lengths` entries of the last axis to the right, zeros to the left."""
    width = int(lengths.max())
    column = torch.arange(width, device=values.device) - (width - lengths[:, None])
    column = column[:, None, None].expand(*values.shape[:-1], width)
    return values.gather(-1, column.clamp(min=0)).masked_fill_(column < 0, 0.0)
