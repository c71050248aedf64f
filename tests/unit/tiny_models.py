"""Tiny random checkpoints of every family, saved to disk as a hub folder would hold them.

Two layers, width 32, four heads. The weights are drawn larger than usual, so that attention is
not flat and the next-token distribution depends on the prompt.
"""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

from iclbook.gpt.model.load import LanguageModel, load_model

WINDOW = 512
LOCAL = 24  # tokens that a windowed layer sees

_FUSED = dict(n_embd=32, n_layer=2, n_head=4, n_positions=WINDOW)
_BART = dict(
    d_model=32, ffn_dim=64, num_layers=2, attention_heads=4, max_position_embeddings=WINDOW
)
_LLAMA = dict(
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    max_position_embeddings=WINDOW,
)
_GROUPED = _LLAMA | dict(num_key_value_heads=2)
_FALCON = dict(
    hidden_size=32, num_hidden_layers=2, num_attention_heads=4, max_position_embeddings=WINDOW
)
_MIXED = ["sliding_attention", "full_attention"]

FAMILIES = {
    "gpt2": _FUSED,
    "gpt_neo": dict(
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        max_position_embeddings=WINDOW,
        attention_types=[[["global", "local"], 1]],
        window_size=LOCAL,
    ),
    "gpt_neox": _LLAMA | dict(rotary_pct=0.5),
    "opt": dict(
        hidden_size=32,
        word_embed_proj_dim=32,
        ffn_dim=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=WINDOW,
    ),
    "xglm": _BART,
    "llama": _GROUPED,
    "qwen2": _GROUPED | dict(use_sliding_window=True, sliding_window=LOCAL, max_window_layers=1),
    "qwen3": _GROUPED | dict(head_dim=8),
    "mistral": _GROUPED | dict(sliding_window=LOCAL),
    "phi": _LLAMA | dict(qk_layernorm=True),
    "phi3": _GROUPED | dict(sliding_window=LOCAL),
    "gemma2": _GROUPED
    | dict(head_dim=8, sliding_window=LOCAL, attn_logit_softcapping=2.0, query_pre_attn_scalar=8),
    "gemma3_text": _GROUPED
    | dict(head_dim=8, sliding_window=LOCAL, layer_types=_MIXED, query_pre_attn_scalar=16),
    "olmo2": _GROUPED,
    "smollm3": _GROUPED
    | dict(
        no_rope_layers=[1, 0],
        use_sliding_window=True,
        sliding_window=LOCAL,
        layer_types=_MIXED,
    ),
    "starcoder2": _GROUPED | dict(sliding_window=LOCAL),
    "granite": _GROUPED | dict(attention_multiplier=0.3, residual_multiplier=0.5),
    "cohere": _GROUPED | dict(use_qk_norm=True, logit_scale=1.0),
    "stablelm": _GROUPED | dict(qk_layernorm=True),
    "gpt_bigcode": _FUSED,
    "gpt_bigcode heads": _FUSED | dict(multi_query=False),
    "gptj": _FUSED | dict(rotary_dim=4),
    "bloom": dict(hidden_size=32, n_layer=2, n_head=4, seq_length=WINDOW),
    "falcon": _FALCON | dict(multi_query=True),
    "falcon heads": _FALCON | dict(multi_query=False, alibi=True, bias=True, parallel_attn=False),
    "falcon groups": _FALCON | dict(new_decoder_architecture=True, num_kv_heads=2),
    "mpt": dict(
        d_model=32,
        n_heads=4,
        n_layers=2,
        max_seq_len=WINDOW,
        attn_config=dict(clip_qkv=2.0),
    ),
}
"""Settings of a tiny model of each family; several where a family has several shapes."""

WINDOWS = {
    "gpt_neo": [None, LOCAL],
    "qwen2": [None, LOCAL],
    "mistral": [LOCAL, LOCAL],
    "phi3": [LOCAL, LOCAL],
    "gemma2": [LOCAL, None],
    "gemma3_text": [LOCAL, None],
    "smollm3": [LOCAL, None],
    "starcoder2": [LOCAL, LOCAL],
}
"""How many tokens the layers of some of them see."""

GROUPS = {
    name: 1 if name in ("gpt_bigcode", "falcon") else 2
    for name, settings in FAMILIES.items()
    if name in ("gpt_bigcode", "falcon", "falcon groups") or settings.get("num_key_value_heads")
}
"""How many heads of keys and values some of them have; the others have 4, one a head."""

BOS = {"opt": "</s>", "xglm": "<s>", "llama": "<s>", "mistral": "<s>", "phi3": "<s>"}
"""Families whose tokenizer puts a token before the text; the others add none."""

_TEXTS = [
    "Sentence: a warm , funny and moving film Label: Positive Negative terrible bad neutral good",
    "Review: the plot is thin and the jokes are old Sentiment: great objective subjective",
    "Classify the news articles into the categories of World, Sports, Business, and Technology.",
    "Article: shares of the company rose as the new phone went on sale Answer: True False Neither",
]


def tiny_tokenizer(family: str) -> PreTrainedTokenizerFast:
    """Byte-level BPE: GPT-2's own from the folder in ICLBOOK_TOKENIZER, else one of 400 tokens."""
    folder = os.environ.get("ICLBOOK_TOKENIZER")
    if folder:
        files = [str(Path(folder) / name) for name in ("vocab.json", "merges.txt")]
        tokenizer = Tokenizer(models.BPE.from_file(*files))
    else:
        tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    if not folder:
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=1000, initial_alphabet=alphabet, show_progress=False
        )
        tokenizer.train_from_iterator(_TEXTS * 20, trainer)
    tokenizer.add_special_tokens(
        [AddedToken(t, special=True) for t in ("<s>", "<pad>", "</s>", "<|endoftext|>")]
    )
    if family in BOS:
        bos = BOS[family]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, tokenizer.token_to_id(bos))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS.get(family, "<|endoftext|>"),
        eos_token="</s>" if family in BOS else "<|endoftext|>",
        pad_token="<pad>",
    )


def save_tiny(family: str, folder: Path | str, **overrides) -> Path:
    """Save a tiny random model of `family` with its tokenizer; the folder, ready to be loaded.

    `overrides` are entries of the configuration, for example ``n_positions=64``.
    """
    folder = Path(folder)
    tokenizer = tiny_tokenizer(family)
    ids = dict(
        vocab_size=len(tokenizer),
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    if family == "xglm":
        ids["pad_token_id"] = 1  # also a row of its table of positions
    settings = FAMILIES.get(family, _GROUPED) | ids | overrides
    config = AutoConfig.for_model(family.split()[0], **settings)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(sum(map(ord, family)))
        net = AutoModelForCausalLM.from_config(config)
        with torch.no_grad():
            for name, parameter in net.named_parameters():
                if parameter.ndim == 2:
                    parameter.normal_(std=0.25)
                elif name.endswith("bias"):
                    parameter.normal_(std=0.1)
    net.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    # A plain fast tokenizer keeps what it puts before a text; classes of a family rebuild it.
    path = folder / "tokenizer_config.json"
    settings = json.loads(path.read_text())
    path.write_text(json.dumps(settings | {"tokenizer_class": "PreTrainedTokenizerFast"}))
    return folder


@contextmanager
def eager(net) -> Iterator[None]:
    """Let a model compute attention by its own eager code, which gives attention maps."""
    before, hooks = net.config._attn_implementation, []
    net.config._attn_implementation = "eager"
    if getattr(net.config, "alibi", False):
        # Falcon's eager code adds ALiBi a second time: its mask has it already.
        hooks = [
            layer.self_attention.register_forward_pre_hook(
                lambda block, args, kwargs: (args, kwargs | dict(alibi=kwargs["alibi"] * 0)),
                with_kwargs=True,
            )
            for layer in net.transformer.h
        ]
    try:
        yield
    finally:
        net.config._attn_implementation = before
        for hook in hooks:
            hook.remove()


@cache
def loaded(family: str) -> LanguageModel:
    """A tiny model that was saved and loaded back, one for all tests: do not change it."""
    with tempfile.TemporaryDirectory() as folder:
        return load_model(str(save_tiny(family, folder)))
