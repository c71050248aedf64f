"""What a model has to have before it is used: every weight, finite, and a row for every token.

Each check raises a ValueError that names the model, what was found and what was expected.
"""

import re

from torch import nn
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

BUFFERS = re.compile(r"(^|\.)(rotary_emb\.inv_freq|(attn|attention|self_attn)\.(masked_)?bias)$")
"""Constants that older versions wrote beside the weights: rotation angles, causal masks."""


def check_sizes(name: str, config: PretrainedConfig) -> None:
    """Layers, heads, width and vocabulary have to be there."""
    for size in ("num_hidden_layers", "num_attention_heads", "hidden_size", "vocab_size"):
        value = getattr(config, size, 1)  # a family without it has no attention
        if not isinstance(value, int) or value < 1:
            raise ValueError(
                f"model {name!r} has {size} {value!r} in its config.json; expected 1 or more."
            )


def check_complete(name: str, info: dict) -> None:
    """Each weight has to come from the files, and each weight of the files to have a place."""
    faults = {
        "lacks weights that it needs": sorted(info["missing_keys"]),
        "has weights that it has no place for": sorted(
            key for key in info["unexpected_keys"] if not BUFFERS.search(key)
        ),
        "has weights of another shape": sorted(str(key[0]) for key in info["mismatched_keys"]),
    }
    told = [
        f"{fault}: {', '.join(keys[:5])}{f' and {len(keys) - 5} more' if len(keys) > 5 else ''}"
        for fault, keys in faults.items()
        if keys
    ]
    if told:
        raise ValueError(
            f"model {name!r} {'; it '.join(told)}. Missing numbers would be random. Expected a "
            f"whole causal language model, as AutoModelForCausalLM saves it; a classifier or a "
            f"bare encoder has no head for the next token."
        )


def check_finite(name: str, net: nn.Module) -> None:
    """No weight may be NaN or infinite."""
    for key, parameter in net.named_parameters():
        if parameter.numel() and not all(end.isfinite() for end in parameter.detach().aminmax()):
            raise ValueError(
                f"weight {key!r} of model {name!r} holds NaN or infinite numbers as "
                f"{parameter.dtype}; expected finite ones. If the files are sound, ask for dtype "
                f"float32 (float16 ends at 65,504)."
            )


def check_vocabulary(name: str, net: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Every token of a prompt needs an embedding."""
    rows = net.get_input_embeddings().weight.shape[0]
    unused = set(tokenizer.all_special_ids) - {tokenizer.bos_token_id}  # never in a prompt
    largest = max((i for i in tokenizer.get_vocab().values() if i not in unused), default=0)
    if largest >= rows:
        raise ValueError(
            f"the tokenizer of model {name!r} has token ids up to {largest}, but the model has "
            f"{rows} embeddings; expected ids below {rows}. Put the tokenizer that the model was "
            f"trained with beside the weights."
        )
