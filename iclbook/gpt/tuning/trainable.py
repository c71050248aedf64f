"""Which entries of a model's parameters train."""

from torch import nn

from iclbook.gpt.model.blocks import blocks_of
from iclbook.gpt.model.families import family_of
from iclbook.gpt.model.projections import Entries


def check_parameters(parameters: str) -> int | None:
    """Look at the name of a set of parameters; the layer, if it names one.

    Raises
    ------
    ValueError
        If it is none of ``"kv"``, ``"mlp"``, ``"all"`` and ``"v:LAYER"``.
    """
    kind, _, layer = str(parameters).partition(":")
    if kind == "v" and layer.isdecimal():
        return int(layer)
    if parameters not in ("kv", "mlp", "all"):
        raise ValueError(
            f"parameters is {parameters!r}; expected 'kv' (keys and values of every layer), 'mlp' "
            "(the first matrices of every MLP), 'all' (the whole model) or 'v:LAYER' (values of "
            "one layer, for example 'v:0')."
        )
    return None


def trainable(net: nn.Module, parameters: str) -> list[Entries]:
    """The entries of a model's parameters that train; of keys and values also the biases.

    Parameters
    ----------
    net : PreTrainedModel
    parameters : str
        ``"kv"``: keys and values of every layer; ``"v:3"``: the values of layer 3 (the first is 0);
        ``"mlp"``: the first matrices of every MLP, without biases; ``"all"``: the whole model.

    Raises
    ------
    ValueError
        If `parameters` is something else, the model has no such layer, or for ``"mlp"`` it has
        blocks of another kind (`iclbook.gpt.model.blocks`).
    """
    layer = check_parameters(parameters)
    if parameters == "all":
        return [Entries(p, tuple(p.shape), (...,)) for p in net.parameters()]
    if parameters == "mlp":
        return [
            Entries(module.weight, tuple(module.weight.shape), (...,))
            for block in blocks_of(net)
            for module in block.first
        ]
    layers = family_of(net).projections(net)
    if layer is None:
        return [e for parts in layers for part in "kv" for e in parts[part].entries()]
    if layer >= len(layers):
        raise ValueError(
            f"parameters is {parameters!r}, but the model has {len(layers)} layers; expected a "
            f"layer from 0 to {len(layers) - 1}."
        )
    return list(layers[layer]["v"].entries())
