"""Where queries, keys and values sit inside a weight matrix.

Some families have three matrices, some one fused matrix whose output features are split in a way of
their own. A `Projection` says which output features of which module are queries, keys or values;
weights, biases and the module's outputs are all sliced by that one statement.

============= ======================================================================
`separate`    three modules
`in_rows`     outputs are q | k | v, with possibly fewer heads in k and v
`in_groups`   outputs are (group, heads of the group + 2, head size): within a group
              its queries, one key, one value
============= ======================================================================
"""

from dataclasses import dataclass

from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D


@dataclass(frozen=True, eq=False)
class Entries:
    """Some entries of one parameter.

    Attributes
    ----------
    parameter : nn.Parameter
    shape : tuple of int
        The shape under which the parameter is looked at.
    index : tuple
        The entries, as an index into that shape.
    """

    parameter: nn.Parameter
    shape: tuple[int, ...]
    index: tuple

    def of(self, tensor: Tensor) -> Tensor:
        """The entries of a tensor that is shaped as the parameter: a view, not a copy."""
        return tensor.view(self.shape)[self.index]


@dataclass(frozen=True, eq=False)
class Projection:
    """Queries, keys or values of one layer: some output features of one linear module.

    Attributes
    ----------
    module : nn.Module
        A Linear or a Conv1D.
    shape : tuple of int
        The shape under which the output features are looked at.
    index : tuple
        The features, as an index into that shape, one entry an axis.
    clip : float, optional
        The block brings the features into [-clip, clip].
    """

    module: nn.Module
    shape: tuple[int, ...]
    index: tuple
    clip: float | None = None

    @property
    def width(self) -> int:
        """How many features."""
        return self.entries()[0].of(self.module.weight).numel() // inputs(self.module)

    def of_output(self, output: Tensor) -> Tensor:
        """The features from the module's output (..., features), as (..., width)."""
        features = output.unflatten(-1, self.shape)[(..., *self.index)].flatten(output.ndim - 1)
        return features if self.clip is None else features.clamp(-self.clip, self.clip)

    def entries(self) -> tuple[Entries, ...]:
        """The entries of the weight, and of the bias where there is one."""
        weight, bias, width = self.module.weight, self.module.bias, inputs(self.module)
        if isinstance(self.module, Conv1D):  # (inputs, outputs)
            shape, index = (width, *self.shape), (slice(None), *self.index)
        else:
            shape, index = (*self.shape, width), self.index
        entries = (Entries(weight, shape, index),)
        if bias is not None:
            entries += (Entries(bias, self.shape, self.index),)
        return entries


Projections = dict[str, Projection]
"""Queries, keys and values of one layer, by the names ``"q"``, ``"k"`` and ``"v"``."""


def separate(block: nn.Module) -> Projections:
    """Three modules, ``q_proj``, ``k_proj`` and ``v_proj``."""
    modules = {part: getattr(block, f"{part}_proj") for part in "qkv"}
    return {
        part: Projection(module, (features(module),), (slice(None),))
        for part, module in modules.items()
    }


def in_rows(module: nn.Module, kv: int, clip: float | None = None) -> Projections:
    """One module with outputs q | k | v, of which k and v have `kv` features each."""
    total = features(module)
    rows = dict(q=slice(0, total - 2 * kv), k=slice(total - 2 * kv, total - kv))
    rows["v"] = slice(total - kv, total)
    return {part: Projection(module, (total,), (index,), clip) for part, index in rows.items()}


def in_groups(module: nn.Module, groups: int, size: int) -> Projections:
    """One module with outputs (groups, heads a group + 2, head size): key and value at the end."""
    shape = (groups, features(module) // (groups * size), size)
    inner = dict(q=slice(0, shape[1] - 2), k=shape[1] - 2, v=shape[1] - 1)
    every = slice(None)
    return {part: Projection(module, shape, (every, at, every)) for part, at in inner.items()}


def features(module: nn.Module) -> int:
    """How many output features a linear module has."""
    return module.weight.shape[1 if isinstance(module, Conv1D) else 0]


def inputs(module: nn.Module) -> int:
    """How many input features a linear module has."""
    return module.weight.shape[0 if isinstance(module, Conv1D) else 1]
