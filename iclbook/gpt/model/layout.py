"""Where the queries, keys and values of a model sit inside its weight matrices.

Some families have three matrices, some one fused matrix whose output features are split in a way of
their own. One index function per layout says which output features of which module are q, k and v;
weights, biases and the module's outputs are all sliced by that one statement.

=========== ========================================================================
GPT-2       ``c_attn`` is a Conv1D, stored (inputs, outputs); outputs are q | k | v
GPT-NeoX    ``query_key_value`` has outputs (head, 3, head size): q, k, v within a head
Phi-3       ``qkv_proj`` has outputs q | k | v, with possibly fewer heads in k and v
all others  ``q_proj``, ``k_proj``, ``v_proj``
=========== ========================================================================
"""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from iclbook.gpt.model.families import family_of


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
    """

    module: nn.Module
    shape: tuple[int, ...]
    index: tuple

    def of_output(self, output: Tensor) -> Tensor:
        """The features from the module's output (..., features), as (..., width)."""
        features = output.unflatten(-1, self.shape)[(..., *self.index)]
        return features.flatten(output.ndim - 1)

    def entries(self) -> tuple[Entries, ...]:
        """The entries of the weight, and of the bias where there is one."""
        weight, bias = self.module.weight, self.module.bias
        if isinstance(self.module, Conv1D):  # (inputs, outputs)
            shape, index = (len(weight), *self.shape), (slice(None), *self.index)
        else:
            shape, index = (*self.shape, weight.shape[1]), self.index
        entries = (Entries(weight, shape, index),)
        if bias is not None:
            entries += (Entries(bias, self.shape, self.index),)
        return entries


Layout = Callable[[nn.Module], dict[str, Projection]]


def _separate(attention: nn.Module) -> dict[str, Projection]:
    modules = {part: getattr(attention, f"{part}_proj") for part in "qkv"}
    return {
        part: Projection(module, (module.out_features,), (slice(None),))
        for part, module in modules.items()
    }


def _thirds(attention: nn.Module) -> dict[str, Projection]:
    module = attention.c_attn
    return {
        part: Projection(module, (3, module.nf // 3), (i, slice(None)))
        for i, part in enumerate("qkv")
    }


def _within_heads(attention: nn.Module) -> dict[str, Projection]:
    module, size = attention.query_key_value, attention.head_size
    shape = (module.out_features // (3 * size), 3, size)
    return {
        part: Projection(module, shape, (slice(None), i, slice(None)))
        for i, part in enumerate("qkv")
    }


def _grouped(attention: nn.Module) -> dict[str, Projection]:
    module, features = attention.qkv_proj, attention.qkv_proj.out_features
    kv = attention.num_key_value_heads * attention.head_dim
    q = features - 2 * kv
    rows = dict(q=slice(0, q), k=slice(q, q + kv), v=slice(q + kv, features))
    return {part: Projection(module, (features,), (index,)) for part, index in rows.items()}


LAYOUTS: dict[str, Layout] = {
    "gpt2": _thirds,
    "gpt_neo": _separate,
    "gpt_neox": _within_heads,
    "opt": _separate,
    "xglm": _separate,
    "llama": _separate,
    "qwen2": _separate,
    "qwen3": _separate,
    "mistral": _separate,
    "phi": _separate,
    "phi3": _grouped,
}
"""The index function of each family, by the name that transformers gives it (``model_type``)."""


def projections(net: nn.Module) -> list[dict[str, Projection]]:
    """Queries, keys and values of each layer, by the names ``"q"``, ``"k"`` and ``"v"``.

    Raises
    ------
    ValueError
        If the model's family is unknown.
    """
    family = family_of(net)
    return [LAYOUTS[family.name](attention) for attention in family.attentions(net)]


def check_parameters(parameters: str) -> int | None:
    """Look at the name of a set of parameters; the layer, if it names one.

    Raises
    ------
    ValueError
        If it is none of ``"kv"``, ``"all"`` and ``"v:LAYER"``.
    """
    kind, _, layer = str(parameters).partition(":")
    if kind == "v" and layer.isdecimal():
        return int(layer)
    if parameters not in ("kv", "all"):
        raise ValueError(
            f"parameters is {parameters!r}; expected 'kv' (keys and values of every layer), 'all' "
            "(the whole model) or 'v:LAYER' (values of one layer, for example 'v:0')."
        )
    return None


def trainable(net: nn.Module, parameters: str) -> list[Entries]:
    """The entries of a model's parameters that train, weights with their biases.

    Parameters
    ----------
    net : PreTrainedModel
    parameters : str
        ``"kv"``: keys and values of every layer; ``"v:3"``: the values of layer 3 (the first is 0);
        ``"all"``: the whole model.

    Raises
    ------
    ValueError
        If `parameters` is something else, or the model has no such layer.
    """
    layer = check_parameters(parameters)
    if parameters == "all":
        return [Entries(p, tuple(p.shape), (...,)) for p in net.parameters()]
    layers = projections(net)
    if layer is None:
        return [e for parts in layers for part in "kv" for e in parts[part].entries()]
    if layer >= len(layers):
        raise ValueError(
            f"parameters is {parameters!r}, but the model has {len(layers)} layers; expected a "
            f"layer from 0 to {len(layers) - 1}."
        )
    return list(layers[layer]["v"].entries())
