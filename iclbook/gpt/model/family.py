"""What the engine needs to know of a family of causal language models.

A family is what transformers calls ``model_type``. It says where the attention block of every
layer is and the linear map that ends it, where queries, keys and values sit, the norm that queries
pass before they are rotated, the scale of the scores, the window of tokens that a layer sees, what
is added to scores by distance (ALiBi), and how attention is taken over while we read.

Most families call a pluggable attention function (transformers' attention interface). Of the others
a method of the attention block is replaced while we read (`iclbook.gpt.reading.takeover`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter

import torch
from torch import Tensor, nn
from transformers import PretrainedConfig

from iclbook.gpt.model.projections import Projections, separate

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
