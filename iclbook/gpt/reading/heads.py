"""One prompt in every attention head: queries, keys and values as the attention itself uses them.

Biases are in, queries and keys are rotated where the model rotates, and heads that share keys and
values each get a copy. That is all that a head works with, so what it does can be computed again,
token by token, outside of the model. It works for every family of `iclbook.gpt.model.families`.

The trap: a sum of outer products of values and *rotated* keys stands in the frame of the tokens'
positions. Two such matrices can be compared if the queries that they meet stand at the same
position, for which prompts can be read from any position on (`start`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.context import Filler
from iclbook.gpt.reading.merge import precise
from iclbook.gpt.reading.takeover import forward, reading
from iclbook.validate import check_count


@dataclass(frozen=True, eq=False)
class Heads:
    """What every head of every layer works with, for one prompt of T tokens.

    Attributes
    ----------
    q, k, v : (L, H, T, d)
        Queries, keys and values.
    out : (L, H, T, d)
        What each head answers, before the linear map that ends the attention block.
    inputs : (L, T, D)
        What the projections of each layer read.
    scales : tuple of float
        What each layer multiplies q·k by; 1 where it has scaled the queries already.
    windows : tuple of int or None
        How many tokens each layer sees, the asking one among them; None for all.
    softcaps : tuple of float or None
        The bound c of each layer that makes c tanh(s / c) of a score s.
    distances : (H, T), optional
        What ALiBi adds to the score of the last token with each.
    """

    q: Float[np.ndarray, "L H T d"]
    k: Float[np.ndarray, "L H T d"]
    v: Float[np.ndarray, "L H T d"]
    out: Float[np.ndarray, "L H T d"]
    inputs: Float[np.ndarray, "L T D"]
    scales: tuple[float, ...]
    windows: tuple[int | None, ...]
    softcaps: tuple[float | None, ...]
    distances: Float[np.ndarray, "H T"] | None = None

    def seen(self, layer: int, tokens: Sequence[int] | np.ndarray) -> np.ndarray:
        """Those of `tokens` that the last token sees in a layer; all, if it has no window."""
        length, window = self.q.shape[2], self.windows[layer]
        chosen = np.arange(length)[np.asarray(tokens, dtype=np.int64)]
        return chosen if window is None else chosen[chosen >= length - window]

    def query(self, layer: int, head: int) -> Float64[np.ndarray, " d"]:
        """The query of the last token, as it meets the keys."""
        return self.q[layer, head, -1].astype(np.float64)

    def memory(
        self, layer: int, head: int, tokens: Sequence[int] | np.ndarray
    ) -> tuple[Float64[np.ndarray, "n d"], Float64[np.ndarray, "n d"]]:
        """Keys and values of those of `tokens` that the last token sees."""
        chosen = self.seen(layer, tokens)
        return tuple(x[layer, head, chosen].astype(np.float64) for x in (self.k, self.v))

    def scores(
        self, layer: int, head: int, tokens: Sequence[int] | np.ndarray
    ) -> Float64[np.ndarray, " n"]:
        """Scores of the last token with those of `tokens` that it sees, as they enter softmax."""
        keys, _ = self.memory(layer, head, tokens)
        found, c = self.scales[layer] * keys @ self.query(layer, head), self.softcaps[layer]
        if c is not None:
            found = c * np.tanh(found / c)
        if self.distances is not None:
            found += self.distances[head, self.seen(layer, tokens)]
        return found

    def update(self, tokens: Sequence[int] | np.ndarray) -> Float64[np.ndarray, "L H d d"]:
        r"""The sum of outer products :math:`v k^\top` over `tokens`, for every head.

        Tokens outside of a layer's window are left out there.
        """
        sums = []
        for layer, (keys, values) in enumerate(zip(self.k, self.v, strict=True)):
            chosen = self.seen(layer, tokens)
            k, v = (x[:, chosen].astype(np.float64) for x in (keys, values))
            sums.append(v.transpose(0, 2, 1) @ k)
        return np.array(sums)


def read_heads(
    model: LanguageModel,
    tokens: Sequence[int],
    *,
    start: int = 0,
    inputs: Float[np.ndarray, "L T D"] | None = None,
) -> Heads:
    """Read one prompt, and keep what every head works with.

    Parameters
    ----------
    model : LanguageModel
    tokens : sequence of int
        The whole prompt.
    start : int
        Position of its first token. A model with rotary positions computes the same from every
        start, with keys and queries in another frame.
    inputs : (L, T, D) array, optional
        What the projections of each layer are to read, in place of what the layers below hand
        them: ``Heads.inputs`` of another pass, for example before finetuning.

    Returns
    -------
    Heads

    Raises
    ------
    ValueError
        If the prompt is empty, does not fit the model's window from `start` on, or `inputs` is of
        another shape.
    """
    check_count("start", start, low=0)
    length, net = len(tokens), model.net
    if not 0 < length <= model.window - start:
        raise ValueError(
            f"the prompt has {length} tokens from position {start} on; {model.name} reads "
            f"{model.window}. Expected 1 to {model.window - start} tokens."
        )
    wanted = (net.config.num_hidden_layers, length, net.config.hidden_size)
    if inputs is not None and inputs.shape != wanted:
        raise ValueError(
            f"inputs has shape {inputs.shape}; expected {wanted}: layers, tokens of the prompt, "
            f"width. Use the `inputs` of the same prompt."
        )
    recorder = _Recorder(net, length)
    row = torch.tensor([list(tokens)], device=net.device)
    positions = torch.arange(start, start + length, device=net.device)[None]
    with reading(net), recorder.hooks(model, inputs):
        forward(net, recorder, row, positions, 1)
    heads = recorder.queries[0].shape[1]
    repeated = (
        [x[layer].repeat_interleave(heads // x[layer].shape[1], dim=1) for layer in sorted(x)]
        for x in (recorder.queries, recorder.keys, recorder.values)
    )
    q, k, v = (_stack(x) for x in repeated)
    return Heads(
        q,
        k,
        v,
        out=_stack([x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in recorder.outputs]),
        inputs=_stack(recorder.inputs),
        scales=tuple(recorder.scales),
        windows=tuple(recorder.windows),
        softcaps=tuple(recorder.softcaps),
        distances=None if recorder.distances is None else _stack([recorder.distances]),
    )


def _stack(layers: Sequence[Tensor]) -> np.ndarray:
    """Tensors of one batch row each, one a layer, as one array."""
    return precise(torch.cat(list(layers))).cpu().numpy()


class _Recorder(Filler):
    """Reads a prompt as a context is read, and keeps queries, inputs and outputs as well."""

    def __init__(self, net: nn.Module, length: int):
        super().__init__(net, length)
        self.queries, self.scales, self.inputs, self.outputs = {}, [], [], []

    def attend(self, layer: int, q, k, v, scale: float) -> Tensor:
        self.queries[layer] = q
        self.scales.append(float(scale))
        return super().attend(layer, q, k, v, scale)

    @contextmanager
    def hooks(self, model: LanguageModel, inputs: np.ndarray | None) -> Iterator[None]:
        """Keep what goes into each attention block and into its last linear map."""
        net, hooks = model.net, []
        for layer, parts in enumerate(model.family.projections(net)):
            if inputs is not None:
                given = torch.from_numpy(inputs[layer][None]).to(net.device, net.dtype)
                modules = {part.module for part in parts.values()}
                hooks += [m.register_forward_pre_hook(_handing(given)) for m in modules]
            hooks.append(parts["k"].module.register_forward_pre_hook(_keeping(self.inputs)))
        outputs = model.family.outputs(net)
        hooks += [m.register_forward_pre_hook(_keeping(self.outputs)) for m in outputs]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _handing(given: Tensor):
    return lambda module, args: (given,)


def _keeping(kept: list[Tensor]):
    return lambda module, args: kept.append(args[0])
