r"""Blocks that add attention first and an MLP after it, taken apart.

Such a block makes :math:`r + \operatorname{MLP}(\operatorname{norm}(r))` of r, the residual stream
after attention. Most families of today have it, some with a norm behind the MLP as well. Others add
attention and MLP side by side, or norm what the MLP gives and not what it reads: those are refused.
"""

from dataclasses import dataclass
from operator import attrgetter

from torch import nn
from transformers.pytorch_utils import Conv1D

from iclbook.gpt.model.families import family_of

NORMS = ("pre_feedforward_layernorm", "post_attention_layernorm", "ln_2")
"""How families call the norm between r and the MLP; the first of these that a block has."""


@dataclass(frozen=True, eq=False)
class Block:
    """One block.

    Attributes
    ----------
    whole, norm, mlp : nn.Module
        The block; its norm, which reads r; its MLP, which reads z = norm(r).
    """

    whole: nn.Module
    norm: nn.Module
    mlp: nn.Module

    @property
    def first(self) -> list[nn.Module]:
        """The linear maps that read z: all of the MLP but its last; two if it is gated."""
        return [m for m in self.mlp.modules() if isinstance(m, nn.Linear | Conv1D)][:-1]


def blocks_of(net: nn.Module) -> list[Block]:
    """The blocks of a model, the first layer first.

    Raises
    ------
    ValueError
        If they are of another kind.
    """
    layers = list(attrgetter(family_of(net).layers)(net))
    first, side_by_side = layers[0], getattr(net.config, "use_parallel_residual", False)
    norm = next((name for name in NORMS if hasattr(first, name)), None)
    normed_after = norm != NORMS[0] and hasattr(first, "post_feedforward_layernorm")
    if side_by_side or normed_after or norm is None or not hasattr(first, "mlp"):
        raise ValueError(
            f"the blocks of a model of family {net.config.model_type!r} are not known to be of the "
            "form r + MLP(norm(r)), where r is the sum of a block's input and its attention; "
            "expected a model of another family, such as smollm2, gemma3-270m or mini."
        )
    return [Block(layer, getattr(layer, norm), layer.mlp) for layer in layers]
