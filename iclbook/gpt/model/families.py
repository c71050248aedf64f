"""Families of causal language models: one entry each says all that the engine needs to know.

A family is what transformers calls ``model_type``. An entry says where the attention block of every
layer is and the linear map that ends it, where queries, keys and values sit, the norm that queries
pass before they are rotated, the scale of the scores, the window of tokens that a layer sees, what
is added to scores by distance (ALiBi), and how attention is taken over while we read.

Most families call a pluggable attention function (transformers' attention interface). Of the others
a method of the attention block is replaced while we read (`iclbook.gpt.reading.takeover`). Families
without an entry can work as well: `iclbook.gpt.model.structure` looks for the same parts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from operator import attrgetter
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig

from iclbook.gpt.model.projections import Projections, features, in_groups, in_rows, separate

Block = nn.Module
"""The attention block of a layer, as transformers builds it."""


def everything(net: nn.Module, block: Block) -> None:
    """Every token sees all tokens before it, whatever the configuration says of windows."""


def sliding(net: nn.Module, block: Block) -> int | None:
    """The window of the configuration, in all layers or in those that it calls sliding."""
    kinds = getattr(net.config, "layer_types", None)
    if kinds and kinds[block.layer_idx] != "sliding_attention":
        return None
    return net.config.sliding_window


@dataclass(frozen=True)
class Family:
    """One family of models.

    Attributes
    ----------
    name : str
        ``model_type`` of the configuration.
    layers, attention, output : str
        Paths: from the model to its list of layers, from a layer to its attention block, from the
        block to the linear map that ends it.
    parts : function of a block
        Where its queries, keys and values are, see `iclbook.gpt.model.projections`.
    query_norm : str, optional
        Path from the block to the norm that queries pass before rotation, if the model has one.
    scale : function of a block
        What it multiplies q·k by.
    window : function of the model and a block
        How many tokens the block sees, the query's own among them; None for all.
    softcap : str, optional
        Attribute of the block with a bound c: a score s becomes c tanh(s / c).
    alibi : function of the model and a length, optional
        What a key at each of so many positions adds to a score, (heads, length), up to a number
        that all keys share; or None for a model that has no such bias.
    positions : str
        How tokens know where they are: ``rotary``, ``learned``, ``sinusoidal``, ``ALiBi``.
    replaced : {None, "_attn", "forward"}
        The method of the block that is replaced while we read; None if the block calls
        transformers' attention interface.
    context : function of a configuration
        How many tokens the model reads.
    separator : str
        What stands between demonstrations.
    """

    name: str
    layers: str = "model.layers"
    attention: str = "self_attn"
    output: str = "o_proj"
    parts: Callable[[Block], Projections] = separate
    query_norm: str | None = None
    scale: Callable[[Block], float] = attrgetter("scaling")
    window: Callable[[nn.Module, Block], int | None] = everything
    softcap: str | None = None
    alibi: Callable[[nn.Module, int], Tensor | None] | None = None
    positions: str = "rotary"
    replaced: str | None = None
    context: Callable[[PretrainedConfig], int] = attrgetter("max_position_embeddings")
    separator: str = "\n"

    @property
    def rotary(self) -> bool:
        """Whether queries and keys are rotated by their positions."""
        return "rotary" in self.positions

    def attentions(self, net: nn.Module) -> list[Block]:
        """The attention block of each layer."""
        return [attrgetter(self.attention)(layer) for layer in attrgetter(self.layers)(net)]

    def outputs(self, net: nn.Module) -> list[nn.Module]:
        """The linear map that ends each attention block; the residual is added after it."""
        return [attrgetter(self.output)(block) for block in self.attentions(net)]

    def projections(self, net: nn.Module) -> list[Projections]:
        """Queries, keys and values of each layer."""
        return [self.parts(block) for block in self.attentions(net)]

    def scales(self, net: nn.Module) -> list[float]:
        """What each layer multiplies q·k by."""
        return [float(self.scale(block)) for block in self.attentions(net)]

    def windows(self, net: nn.Module) -> list[int | None]:
        """How many tokens each layer sees, the query's own among them; None for all."""
        return [self.window(net, block) for block in self.attentions(net)]

    def softcaps(self, net: nn.Module) -> list[float | None]:
        """The bound of each layer's scores; None for none."""
        return [getattr(block, self.softcap or "", None) for block in self.attentions(net)]

    def distances(self, net: nn.Module, length: int) -> Tensor | None:
        """ALiBi: what a key at each position adds to a score, (heads, length), in float32 or more.

        The last position has 0: only differences count. None for a model that has no such bias.
        """
        bias = None if self.alibi is None else self.alibi(net, length)
        if bias is None:
            return None
        bias = bias.to(torch.promote_types(bias.dtype, torch.float32))
        return bias - bias[:, -1:]


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
