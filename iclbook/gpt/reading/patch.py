"""The exact weight update of a context, read off block by block (Dherin et al. 2025).

In a block that adds attention first and the MLP after it, let z be the MLP's input and r the
residual stream after attention, at the last token: z_C and r_C behind a context C, z_0 and r_0
without it. Put the patch ``W (z_C - z_0) z_0^T / |z_0|^2`` on every first matrix W of the MLP, and
r_C - r_0 as a bias on its last one, and the block without the context gives what it gives with it.
Block by block, that holds for the whole model (arXiv 2507.16003; for gated MLPs and whole models
2512.11255).

The trap: a patch is made for one question. All patched matrices read the same z, so patching them
is the same as handing the MLP ``z + (z_C - z_0) (z_0·z) / |z_0|^2``: that is how one question's
patch is tried on another here.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from iclbook.gpt.model.load import LanguageModel
from iclbook.gpt.reading.context import Context, Pack, Tail
from iclbook.gpt.reading.takeover import reading
from iclbook.gpt.text.prompts import Prompts


@dataclass(frozen=True, eq=False)
class Patches:
    """One patch a question, for all layers.

    Attributes
    ----------
    before : (n, L, D)
        z_0, what the MLP reads without the context, all blocks below being patched.
    change : (n, L, D)
        z_C - z_0.
    bias : (n, L, D)
        r_C - r_0.
    logits : (n, V)
        Of the next token, with the context.
    """

    before: Tensor
    change: Tensor
    bias: Tensor
    logits: Tensor


def read_patches(model: LanguageModel, prompts: Prompts, items: Sequence[int]) -> Patches:
    """Read questions with and without the context, and make each one's patch.

    Parameters
    ----------
    model : LanguageModel
        One with blocks as above.
    prompts : Prompts
        The demonstrations, and the questions.
    items : sequence of int
        Which questions.

    Raises
    ------
    ValueError
        If the model's blocks are of another kind.
    """
    keep = _Keep()
    logits = _read(model, prompts.context, prompts, items, keep)
    make = _Make(keep.found["z"], keep.found["r"])
    _read(model, prompts.zero_shot, prompts, items, make)
    z_0, r_0 = (torch.stack(make.found[name], 1) for name in "zr")
    z_C, r_C = (torch.stack(keep.found[name], 1) for name in "zr")
    return Patches(z_0, z_C - z_0, r_C - r_0, logits)


def read_patched(
    model: LanguageModel,
    prompts: Prompts,
    items: Sequence[int],
    patches: Patches,
    weights: Float[np.ndarray, "n m"],
    *,
    matrices: bool = True,
    bias: bool = True,
) -> Float[np.ndarray, "n V"]:
    """Logits of the next token without a context, each question with a mixture of patches.

    Parameters
    ----------
    model, prompts, items
        As for `read_patches`.
    patches : Patches
        m of them, of these questions or of others.
    weights : (n, m) array
        How much of each patch each question gets: the unit matrix for its own.
    matrices, bias : bool
        Whether to patch the first matrices, and the bias of the last one.

    Raises
    ------
    ValueError
        If there is not one row of weights a question and one column a patch.
    """
    expected = len(items), len(patches.before)
    if weights.shape != expected:
        raise ValueError(
            f"weights has shape {weights.shape}; expected {expected}: one row a question, one "
            "column a patch."
        )
    mixture = torch.as_tensor(weights, dtype=model.dtype, device=model.device)
    use = _Use(patches, mixture, matrices, bias)
    return _read(model, prompts.zero_shot, prompts, items, use).cpu().numpy()


class _Keep:
    """Keeps r and z at the last tokens, and changes nothing."""

    def __init__(self):
        self.found = {"r": [], "z": []}

    def residual(self, layer: int, r: Tensor) -> None:
        self.found["r"].append(r)

    def entering(self, layer: int, z: Tensor) -> Tensor:
        """What the MLP reads in place of z."""
        self.found["z"].append(z)
        return z

    def leaving(self, layer: int) -> Tensor | float:
        """What is added to the MLP's output."""
        return 0.0


class _Make(_Keep):
    """Patches each block so that it gives what it gave in context."""

    def __init__(self, z_C: list[Tensor], r_C: list[Tensor]):
        super().__init__()
        self.z_C, self.r_C = z_C, r_C

    def entering(self, layer: int, z: Tensor) -> Tensor:
        super().entering(layer, z)
        return self.z_C[layer]

    def leaving(self, layer: int) -> Tensor:
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

    def leaving(self, layer: int) -> Tensor | float:
        return self.mixture @ self.patches.bias[:, layer] if self.bias else 0.0


def _read(model: LanguageModel, before, prompts: Prompts, items: Sequence[int], hand: _Keep):
    """Logits at the last tokens of questions behind `before`, with a hand in every block."""
    net, layers = model.net, _blocks(model)
    with reading(net):
        context = Context(net, before)
        queries = [prompts.queries[item] for item in items]
        pack = Pack(queries, Tail(), context.length, net.device)
        with _hands(layers, pack.ends, hand):
            return context.read(pack, pack.ends)


def _blocks(model: LanguageModel) -> list[tuple[nn.Module, nn.Module]]:
    """The norm before the MLP, and the MLP, of each layer."""
    config, layers = model.net.config, list(attrgetter(model.family.layers)(model.net))
    serial = not getattr(config, "use_parallel_residual", False)
    named = all(hasattr(layers[0], name) for name in ("post_attention_layernorm", "mlp"))
    if not serial or not named or hasattr(layers[0], "pre_feedforward_layernorm"):
        raise ValueError(
            f"the blocks of {model.name} are not of the form r + MLP(norm(r)) with the names of "
            "Llama; expected a model such as smollm2."
        )
    return [(layer.post_attention_layernorm, layer.mlp) for layer in layers]


@contextmanager
def _hands(blocks, ends: Tensor, hand: _Keep) -> Iterator[None]:
    """Let `hand` look and change at the places `ends`, in every block."""
    hooks = []

    def changed(x: Tensor, rows: Tensor) -> Tensor:
        x = x.clone()
        x[0, ends] = rows
        return x

    for layer, (norm, mlp) in enumerate(blocks):

        def residual(module, args, layer=layer):
            hand.residual(layer, args[0][0, ends])

        def entering(module, args, layer=layer):
            return (changed(args[0], hand.entering(layer, args[0][0, ends])),)

        def leaving(module, args, output, layer=layer):
            return changed(output, output[0, ends] + hand.leaving(layer))

        hooks += [
            norm.register_forward_pre_hook(residual),
            mlp.register_forward_pre_hook(entering),
            mlp.register_forward_hook(leaving),
        ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
