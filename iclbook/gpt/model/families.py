"""Where the parts of a model sit, for each family of causal language models.

A family is what transformers calls ``model_type``. The engine needs little of it: the attention
block of every layer, the linear map that ends the block (its output is what observations record),
the norm that queries pass before they are rotated, the scale of the scores, and the window of
tokens that a layer sees. Where queries, keys and values sit inside the weight matrices is told by
`iclbook.gpt.model.layout`.

Most families call a pluggable attention function (transformers' attention interface). GPT-Neo and
XGLM compute attention inside the block; of these the block itself is replaced while we read.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from operator import attrgetter

from torch import nn


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
    query_norm : str, optional
        Path from the block to the norm that queries pass before rotation, if the model has one.
    rotary : bool
        Whether queries and keys are rotated by their positions.
    pluggable : bool
        Whether the block calls transformers' attention interface.
    separator : str
        What stands between demonstrations.
    """

    name: str
    layers: str = "model.layers"
    attention: str = "self_attn"
    output: str = "o_proj"
    query_norm: str | None = None
    rotary: bool = True
    pluggable: bool = True
    separator: str = "\n"

    def attentions(self, net: nn.Module) -> list[nn.Module]:
        """The attention block of each layer."""
        return [attrgetter(self.attention)(layer) for layer in attrgetter(self.layers)(net)]

    def outputs(self, net: nn.Module) -> list[nn.Module]:
        """The linear map that ends each attention block; the residual is added after it."""
        return [attrgetter(self.output)(block) for block in self.attentions(net)]

    def scales(self, net: nn.Module) -> list[float]:
        """What each layer multiplies q·k by: 1/sqrt(head size); 1 for GPT-Neo."""
        return [float(getattr(block, "scaling", 1.0)) for block in self.attentions(net)]

    def windows(self, net: nn.Module) -> list[int | None]:
        """How many tokens each layer sees, the query's own among them; None for all."""
        config = net.config
        if self.name == "gpt_neo":
            kinds, local = config.attention_layers, config.window_size
            return [local if kind == "local" else None for kind in kinds]
        window = getattr(config, "sliding_window", None)
        kinds = getattr(config, "layer_types", None) or ["sliding_attention"] * len(
            self.attentions(net)
        )
        return [window if kind == "sliding_attention" else None for kind in kinds]


_ALL = (
    Family("gpt2", layers="transformer.h", attention="attn", output="c_proj", rotary=False),
    Family(
        "gpt_neo",
        layers="transformer.h",
        attention="attn.attention",
        output="out_proj",
        rotary=False,
        pluggable=False,
    ),
    Family("gpt_neox", layers="gpt_neox.layers", attention="attention", output="dense"),
    Family("opt", layers="model.decoder.layers", output="out_proj", rotary=False),
    Family("xglm", output="out_proj", rotary=False, pluggable=False, separator="</s>"),
    Family("llama"),
    Family("qwen2"),
    Family("qwen3", query_norm="q_norm"),
    Family("mistral"),
    Family("phi", output="dense", query_norm="q_layernorm"),
    Family("phi3"),
)
FAMILIES: dict[str, Family] = {family.name: family for family in _ALL}
"""The families that are known and tested, by name."""


def family_of(net: nn.Module) -> Family:
    """The family of a loaded model.

    Raises
    ------
    ValueError
        If the family is not one of `FAMILIES`.
    """
    return family_named(net.config.model_type)


def family_named(name: str) -> Family:
    """The family of this name.

    Raises
    ------
    ValueError
        If it is not one of `FAMILIES`; the message lists them.
    """
    if name not in FAMILIES:
        near = get_close_matches(name, FAMILIES, 1)
        hint = f" Near: {near[0]}." if near else ""
        raise ValueError(
            f"The model is of family {name!r}, which the book does not know; expected one of "
            f"{', '.join(FAMILIES)}.{hint} A new family needs an entry in "
            f"iclbook.gpt.model.families and one in iclbook.gpt.model.layout."
        )
    return FAMILIES[name]
