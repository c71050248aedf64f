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

from iclbook.gpt.model.layout import projections
from iclbook.gpt.model.queries import query_readers
from iclbook.gpt.reading.context import Context, Pack

PLACED = ("hidden", "scores", "context_scores", "queries")
"""What can be kept of a place."""


class Watch:
    """Keeps what happens at the recorded places of a batch, layer by layer, on the device."""

    def __init__(self, net, family, positions, label_tokens: int, want: frozenset[str]):
        self.net, self.family, self.positions = net, family, positions
        # How far behind the last token of the prompt each place is.
        self.shift = torch.tensor([label_tokens * (p == "label") for p in positions])
        self.shift = self.shift.to(net.device)
        self.windows = family.windows(net)
        self.kept = {name: [] for name in want if name in PLACED}
        self.pack = None  # the context itself is not observed

    def sizes(self, context: int, longest: int) -> dict[str, tuple[int, ...]]:
        """Shape of one item's part of each array that is wanted."""
        config, layers = self.net.config, len(self.windows)
        q = projections(self.net)[0]["q"]
        every = {
            "hidden": (layers, config.hidden_size),
            "scores": (layers, config.num_attention_heads, longest),
            "context_scores": (layers, context),
            "queries": (layers, np.empty(q.shape)[q.index].size),
        }
        return {name: every[name] for name in self.kept}

    def begin(self, pack: Pack, context: Context) -> None:
        """A new batch: where its places are in the row."""
        self.pack, self.context = pack, context
        self.places = pack.ends[:, None] + self.shift  # (B, P)
        self.own = pack.lengths.to(self.shift.device)[:, None] + self.shift
        for kept in self.kept.values():
            kept.clear()

    def scores(self, layer: int, q: Tensor, k: Tensor, scale: float) -> None:
        """Queries (N, heads, d) and keys (N, groups, d) as attention uses them."""
        at = q[self.places].float() * scale  # (B, P, heads, d)
        at = at.unflatten(2, (k.shape[1], -1))  # heads that share keys stand side by side
        position, window = self.pack.positions[self.places], self.windows[layer]
        if "scores" in self.kept:
            values = torch.einsum("bpgrd,btgd->bpgrt", at, k[self.pack.index].float())
            column = torch.arange(values.shape[-1], device=at.device)
            hidden = column >= self.own[..., None]
            if window is not None:
                hidden |= column < self.own[..., None] - window
            values = values.flatten(2, 3).masked_fill(hidden[:, :, None], 0.0)
            self.kept["scores"].append(values)
        if "context_scores" in self.kept:
            values = at.new_zeros(*self.places.shape, self.context.length)
            if self.context.length:
                keys = self.context.keys[layer][0].float()
                values = torch.einsum("bpgd,gcd->bpc", at.sum(3), keys)
            if window is not None:
                column = torch.arange(self.context.length, device=at.device)
                values.masked_fill_(position[..., None] - column >= window, torch.nan)
            self.kept["context_scores"].append(values)

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
            self.kept[name].append(read(output[0][self.places]).float())

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
