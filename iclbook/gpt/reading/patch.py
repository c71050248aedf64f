r"""The exact weight update of a context, read off block by block (Dherin et al. 2025).

In a block that adds attention first and the MLP after it, let z be the MLP's input and r the
residual stream after attention, at one token: :math:`z_C` and :math:`r_C` behind a context C,
:math:`z_0` and :math:`r_0` without it. Put the patch :math:`W (z_C - z_0)\,z_0^\top / |z_0|^2` on
every first matrix W of the MLP, and add :math:`r_C - r_0` to the block's output, and the block
without the context gives what it gives with it. Block by block, that holds for the whole model, at
the last token or at every token (arXiv 2507.16003; for gated MLPs and whole models 2512.11255). The
chapter "The exact update" derives it.

The trap: a patch is made for one token of one question. All patched matrices read the same z, so
patching them is the same as handing the MLP :math:`z + (z_C - z_0)\,(z_0 \cdot z) / |z_0|^2`: that
is how one question's patch is tried on another here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from iclbook.gpt.model.blocks import Block, blocks_of
from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.context import Context, Pack, Tail
from iclbook.gpt.reading.merge import precise
from iclbook.gpt.reading.takeover import reading
from iclbook.gpt.reading.trial import ALLOWED, HALF
from iclbook.gpt.text.prompts import Prompts
from iclbook.validate import check_choice

TOKENS = ("last", "all")
"""Where questions are patched: at their last token, or at every token."""


@dataclass(frozen=True, eq=False)
class Patches:
    """Patches for all layers, one for each of m places: a question's last token, or any token.

    Attributes
    ----------
    before : (m, L, D)
        z_0, what the MLP reads without the context, all blocks below being patched.
    change : (m, L, D)
        z_C - z_0.
    bias : (m, L, D)
        r_C - r_0.
    after : (m, L, D)
        What each block puts out with the context.
    logits : (n, V)
        Of the next token, with the context, behind each question.
    """

    before: Tensor
    change: Tensor
    bias: Tensor
    after: Tensor
    logits: Tensor

    def carried(
        self, layer: int, weights: Float[np.ndarray, " m"] | None = None
    ) -> Float[Tensor, "D D"]:
        """M, so that a mixture of the patches (default: their mean) is ``W M`` for every W."""
        m = len(self.before)
        share = self.before.new_tensor(np.full(m, 1 / m) if weights is None else weights)
        z_0 = self.before[:, layer]
        return (self.change[:, layer] * (share / (z_0**2).sum(-1))[:, None]).T @ z_0


class Patched(NamedTuple):
    """What a model gives without the context, but patched."""

    after: Tensor
    """(m, L, D): of each block."""
    logits: Tensor
    """(n, V): of the next token behind each question."""


def read_patches(
    model: LanguageModel, prompts: Prompts, items: Sequence[int], tokens: str = "last"
) -> Patches:
    """Read questions with and without the context, and make the patches.

    Parameters
    ----------
    model : LanguageModel
        One with blocks as above.
    prompts : Prompts
        The demonstrations, and the questions.
    items : sequence of n int
        Which questions.
    tokens : {"last", "all"}
        Where: at the last token of each question (m = n), or at every token, the questions laid
        end to end. What every text begins with (BOS) is never patched.

    Raises
    ------
    ValueError
        If the model's blocks are of another kind, or patched they differ from those in context.
    """
    keep = _Keep()
    logits = _read(model, prompts.context, prompts, items, keep, tokens)
    make = _Make(keep.found["z"], keep.found["r"])
    patched = _read(model, prompts.zero_shot, prompts, items, make, tokens)
    gap = (precise(logits).log_softmax(-1) - precise(patched).log_softmax(-1)).abs().max()
    if not gap <= ALLOWED.get(model.dtype, HALF):
        raise ValueError(
            f"the blocks of {model.name} are not of the form r + MLP(norm(r)): patched, its "
            f"log-probabilities differ by {gap:.1e} from those in context. Choose another model, "
            "such as smollm2."
        )
    z_0, r_0 = (torch.stack(make.found[name], 1) for name in "zr")
    z_C, r_C, after = (torch.stack(keep.found[name], 1) for name in "zrx")
    return Patches(z_0, z_C - z_0, r_C - r_0, after, logits)


def read_patched(
    model: LanguageModel,
    prompts: Prompts,
    items: Sequence[int],
    patches: Patches,
    weights: Float[np.ndarray, "places m"],
    *,
    tokens: str = "last",
    matrices: bool = True,
    bias: bool = True,
) -> Patched:
    """Read questions without the context, each place with a mixture of patches.

    Parameters
    ----------
    model, prompts, items, tokens
        As for `read_patches`.
    patches : Patches
        m of them, of these places or of others.
    weights : (places, m) array
        How much of each patch each place gets: the unit matrix for its own.
    matrices, bias : bool
        Whether to patch the first matrices, and the block's output.

    Raises
    ------
    ValueError
        If there is not one row of weights a place and one column a patch.
    """
    lengths = [len(prompts.queries[item]) for item in items]
    expected = sum(lengths) if tokens == "all" else len(lengths), len(patches.before)
    if weights.shape != expected:
        raise ValueError(
            f"weights has shape {weights.shape}; expected {expected}: one row a place (tokens is "
            f"{tokens!r}), one column a patch."
        )
    mixture = torch.as_tensor(weights, dtype=model.dtype, device=model.device)
    use = _Use(patches, mixture, matrices, bias)
    logits = _read(model, prompts.zero_shot, prompts, items, use, tokens)
    return Patched(torch.stack(use.found["x"], 1), logits)


class _Keep:
    """Keeps r, z and the block's output x at the places, and changes nothing."""

    def __init__(self):
        self.found = {"r": [], "z": [], "x": []}

    def residual(self, layer: int, r: Tensor) -> None:
        self.found["r"].append(r)

    def entering(self, layer: int, z: Tensor) -> Tensor:
        """What the MLP reads in place of z."""
        self.found["z"].append(z)
        return z

    def leaving(self, layer: int, x: Tensor) -> Tensor:
        """What the block puts out in place of x."""
        self.found["x"].append(x + self.added(layer))
        return self.found["x"][-1]

    def added(self, layer: int) -> Tensor | float:
        """What is added to the block's output."""
        return 0.0


class _Make(_Keep):
    """Patches each block so that it gives what it gave in context."""

    def __init__(self, z_C: list[Tensor], r_C: list[Tensor]):
        super().__init__()
        self.z_C, self.r_C = z_C, r_C

    def entering(self, layer: int, z: Tensor) -> Tensor:
        super().entering(layer, z)
        return self.z_C[layer]

    def added(self, layer: int) -> Tensor:
        return self.r_C[layer] - self.found["r"][layer]


class _Use(_Keep):
    """Applies given patches."""

    def __init__(self, patches: Patches, mixture: Tensor, matrices: bool, bias: bool):
        super().__init__()
        self.patches, self.mixture, self.matrices, self.bias = patches, mixture, matrices, bias

    def entering(self, layer: int, z: Tensor) -> Tensor:
        if not self.matrices:
            return z
        before, change = self.patches.before[:, layer], self.patches.change[:, layer]
        return z + self.mixture * (z @ before.T) / (before**2).sum(-1) @ change

    def added(self, layer: int) -> Tensor | float:
        return self.mixture @ self.patches.bias[:, layer] if self.bias else 0.0


def _read(
    model: LanguageModel, before, prompts: Prompts, items: Sequence[int], hand: _Keep, tokens: str
) -> Tensor:
    """Logits at the last tokens of questions behind `before`, with a hand in every block."""
    check_choice("tokens", tokens, TOKENS)
    net, blocks = model.net, blocks_of(model.net)
    with reading(net):
        context = Context(net, before)
        queries = [prompts.queries[item] for item in items]
        pack = Pack(queries, Tail(), context.length, net.device)
        places = pack.ends if tokens == "last" else torch.arange(len(pack.tokens))
        with _hands(blocks, places, hand):
            return context.read(pack, pack.ends)


@contextmanager
def _hands(blocks: Sequence[Block], places: Tensor, hand: _Keep) -> Iterator[None]:
    """Let `hand` look and change at some places of the row, in every block."""
    hooks = []

    def changed(x: Tensor, rows: Tensor) -> Tensor:
        x = x.clone()
        x[0, places] = rows
        return x

    for layer, block in enumerate(blocks):

        def residual(module, args, layer=layer):
            hand.residual(layer, args[0][0, places])

        def entering(module, args, layer=layer):
            return changed(args[0], hand.entering(layer, args[0][0, places])), *args[1:]

        def leaving(module, args, output, layer=layer):
            x, *rest = output if isinstance(output, tuple) else (output,)
            x = changed(x, hand.leaving(layer, x[0, places]))
            return (x, *rest) if isinstance(output, tuple) else x

        hooks += [
            block.norm.register_forward_pre_hook(residual),
            block.mlp.register_forward_pre_hook(entering),
            block.whole.register_forward_hook(leaving),
        ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
