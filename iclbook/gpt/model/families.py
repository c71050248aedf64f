"""Families of causal language models that have an entry.

Families without one can work as well: `iclbook.gpt.model.structure` looks for the same parts.
"""

from difflib import get_close_matches
from functools import partial
from operator import attrgetter
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from iclbook.gpt.model.family import Block, Family, sliding
from iclbook.gpt.model.projections import Projections, features, in_groups, in_rows


def _gpt_neo_window(net: nn.Module, block: Block) -> int | None:
    return net.config.window_size if block.attention_type == "local" else None


def _thirds(name: str, block: Block) -> Projections:
    module = getattr(block, name)
    return in_rows(module, features(module) // 3, getattr(block, "clip_qkv", None))


def _neox(block: Block) -> Projections:
    return in_groups(block.query_key_value, block.config.num_attention_heads, block.head_size)


def _phi3(block: Block) -> Projections:
    return in_rows(block.qkv_proj, block.num_key_value_heads * block.head_dim)


def _bigcode(block: Block) -> Projections:
    if block.multi_query:
        return in_rows(block.c_attn, block.head_dim)
    return in_groups(block.c_attn, block.num_heads, block.head_dim)


def _falcon(block: Block) -> Projections:
    module = block.query_key_value
    if block.multi_query and not block.new_decoder_architecture:
        return in_rows(module, block.head_dim)
    groups = block.num_kv_heads if block.new_decoder_architecture else block.num_heads
    return in_groups(module, groups, block.head_dim)


def _bloom_alibi(net: nn.Module, length: int) -> Tensor:
    ones = torch.ones(1, length, device=net.device)
    return net.transformer.build_alibi_tensor(ones, net.config.n_head, net.dtype)[:, 0]


def _mpt_alibi(net: nn.Module, length: int) -> Tensor:
    build = net.transformer.build_mpt_alibi_tensor
    return build(net.config.n_heads, length, device=net.device)[:, 0]


def _falcon_alibi(net: nn.Module, length: int) -> Tensor | None:
    from transformers.models.falcon.modeling_falcon import build_alibi_tensor

    if not net.config.alibi:
        return None
    ones = torch.ones(1, length, device=net.device, dtype=torch.long)
    bias = build_alibi_tensor(ones, net.config.num_attention_heads, net.dtype)[:, 0]
    return bias * net.transformer.h[0].self_attention.inv_norm_factor


_gpt2 = partial(
    Family, layers="transformer.h", attention="attn", output="c_proj", positions="learned"
)

_ALL = (
    _gpt2("gpt2", parts=partial(_thirds, "c_attn")),
    _gpt2("gpt_bigcode", parts=_bigcode),
    _gpt2(
        "gpt_neo",
        attention="attn.attention",
        output="out_proj",
        scale=lambda block: 1.0,
        window=_gpt_neo_window,
        replaced="_attn",
    ),
    _gpt2(
        "gptj",
        output="out_proj",
        scale=lambda block: 1 / float(block.scale_attn),
        positions="rotary",
        replaced="_attn",
    ),
    Family(
        "gpt_neox",
        layers="gpt_neox.layers",
        attention="attention",
        output="dense",
        parts=_neox,
    ),
    Family("opt", layers="model.decoder.layers", output="out_proj", positions="learned"),
    Family(
        "xglm",
        output="out_proj",
        positions="sinusoidal",
        replaced="forward",
        separator="</s>",
    ),
    Family(
        "bloom",
        layers="transformer.h",
        attention="self_attention",
        output="dense",
        parts=lambda b: in_groups(b.query_key_value, b.num_heads, b.head_dim),
        scale=attrgetter("inv_norm_factor"),
        alibi=_bloom_alibi,
        positions="ALiBi",
        replaced="forward",
        context=lambda config: getattr(config, "seq_length", 2048),  # of its training
    ),
    Family(
        "falcon",
        layers="transformer.h",
        attention="self_attention",
        output="dense",
        parts=_falcon,
        scale=attrgetter("inv_norm_factor"),
        alibi=_falcon_alibi,
        positions="rotary or ALiBi",
        replaced="forward",
    ),
    Family(
        "mpt",
        layers="transformer.blocks",
        attention="attn",
        output="out_proj",
        parts=partial(_thirds, "Wqkv"),
        scale=attrgetter("softmax_scale"),
        alibi=_mpt_alibi,
        positions="ALiBi",
        replaced="forward",
        context=attrgetter("max_seq_len"),
    ),
    Family("llama"),
    Family("mistral", window=sliding),
    Family("qwen2", window=sliding),
    Family("qwen3", window=sliding, query_norm="q_norm"),
    Family("gemma2", window=sliding, softcap="attn_logit_softcapping"),
    Family("gemma3_text", window=sliding, query_norm="q_norm"),
    Family("olmo2", query_norm="q_norm"),
    Family("smollm3", window=sliding),
    Family("starcoder2", window=sliding),
    Family("granite"),
    Family("cohere", query_norm="q_norm"),
    Family("stablelm", query_norm="q_layernorm"),
    Family("phi", output="dense", query_norm="q_layernorm"),
    Family("phi3", parts=_phi3, window=sliding),
)
FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}
"""The families that have an entry, by name."""

FOUND: WeakKeyDictionary[nn.Module, Family] = WeakKeyDictionary()
"""Models of families without an entry whose parts were found: loaded ones that were tried, and
skeletons without numbers, of which only sizes are asked."""


def family_of(net: nn.Module) -> Family:
    """The family of a loaded model.

    Raises
    ------
    ValueError
        If it has no entry in `FAMILIES`, and the model was not tried when it was loaded.
    """
    return FOUND.get(net) or family_named(net.config.model_type)


def family_named(name: str) -> Family:
    """The family of this name.

    Raises
    ------
    ValueError
        If it is not one of `FAMILIES`; the message lists them.
    """
    if name not in FAMILIES:
        near = get_close_matches(name, FAMILIES, 1, cutoff=0.8)
        hint = f" Near: {near[0]}." if near else ""
        raise ValueError(
            f"The model is of family {name!r}, which has no entry in "
            f"iclbook.gpt.model.families; expected one of {', '.join(FAMILIES)}.{hint}"
        )
    return FAMILIES[name]
