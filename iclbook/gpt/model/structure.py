"""Families without an entry: the same parts, found by the names that transformers gives them.

What is found is a guess. `iclbook.gpt.reading.trial` compares it with the model's own forward pass
when the model is loaded, and refuses the model if the two differ.
"""

import sys
from collections.abc import Callable, Iterator

from torch import nn

from iclbook.gpt.model.family import Family, everything, sliding
from iclbook.gpt.model.projections import (
    Projections,
    features,
    in_groups,
    in_rows,
    inputs,
    separate,
)

FUSED = ("qkv_proj", "query_key_value", "Wqkv", "c_attn", "W_pack")
OUTPUT = ("o_proj", "out_proj", "dense", "c_proj", "wo")
NORM = ("q_norm", "q_layernorm", "query_layernorm")
ATTENTIONS = {"full_attention", "sliding_attention"}


def guesses(net: nn.Module) -> Iterator[Family]:
    """What an entry of this model's family could say; several if the order of q, k, v is unclear.

    Raises
    ------
    ValueError
        If the model has no such parts, or something that would be ignored.
    """
    name, config = net.config.model_type, net.config
    layers, attention = _attention(net)
    block = net.get_submodule(f"{layers}.0.{attention}")
    if not hasattr(sys.modules[type(block).__module__], "ALL_ATTENTION_FUNCTIONS"):
        raise _refused(name, f"{type(block).__name__} does not call the attention interface")
    if getattr(block, "scaling", None) is None:
        raise _refused(name, f"{type(block).__name__} has no `scaling`")
    other = set(getattr(config, "layer_types", None) or ()) - ATTENTIONS
    if other:
        raise _refused(name, f"it has layers of the kind {', '.join(sorted(other))}")
    windowed = getattr(config, "sliding_window", None) is not None
    for parts in _layouts(block, config):
        yield Family(
            name,
            layers=layers,
            attention=attention,
            output=_output(block),
            parts=parts,
            query_norm=next((n for n in NORM if hasattr(block, n)), None),
            window=sliding if windowed else everything,
            softcap="attn_logit_softcapping",
        )


def _layouts(block: nn.Module, config) -> Iterator[Callable[[nn.Module], Projections]]:
    """Layouts that the sizes of a block's matrices allow."""
    fused = next((n for n in FUSED if hasattr(block, n)), None)
    if fused is None:
        yield separate
        return
    total, width = features(getattr(block, fused)), inputs(getattr(block, _output(block)))
    size = getattr(block, "head_dim", None) or width // config.num_attention_heads
    kv, left = divmod(total - width, 2)  # features of keys, and as many of values
    if total > width and not left and kv % size == 0:
        yield lambda b: in_rows(getattr(b, fused), kv)
        yield lambda b: in_groups(getattr(b, fused), kv // size, size)


def _attention(net: nn.Module) -> tuple[str, str]:
    """Path to the list of layers, and from each layer to its attention block."""
    name = net.config.model_type
    for layers, found in net.named_modules():
        if not isinstance(found, nn.ModuleList) or not len(found):
            continue
        for attention, block in found[0].named_modules():
            if not _is_attention(block):
                continue
            for number, layer in enumerate(found):
                if not any(path == attention for path, _ in layer.named_modules()):
                    raise _refused(name, f"layer {number} has no attention block {attention!r}")
            return layers, attention
    raise _refused(name, "no attention block with queries, keys, values and an output map is found")


def _is_attention(block: nn.Module) -> bool:
    three = all(hasattr(block, f"{part}_proj") for part in "qkv")
    return (three or any(hasattr(block, n) for n in FUSED)) and _output(block) is not None


def _output(block: nn.Module) -> str | None:
    return next((n for n in OUTPUT if hasattr(block, n)), None)


def _refused(name: str, reason: str) -> ValueError:
    return ValueError(
        f"The model is of family {name!r}, which the book cannot read: {reason}. Choose a model of "
        f"another family; `python -m iclbook models` lists those that are known to work."
    )
