"""Language models: from a folder, from the hub, or the small one that comes with the book.

Weights are read from safetensors files only, and code from a hub repository is never run.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from iclbook.gpt.model.families import Family, family_named
from iclbook.gpt.model.sources import Source, find
from iclbook.validate import check_choice

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass
class LanguageModel:
    """A causal language model with its tokenizer.

    Attributes
    ----------
    net : PreTrainedModel
        In evaluation mode.
    tokenizer : PreTrainedTokenizerBase
    family : Family
    name : str
        As it was asked for.
    origin : dict
        Plain values for a record: id or folder, revision, sha256 of the weights (folders), dtype,
        device, number of parameters, layers, heads, width, window.
    """

    net: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    family: Family
    name: str
    origin: dict

    @property
    def window(self) -> int:
        """How many tokens the model reads."""
        return self.origin["window"]

    @property
    def separator(self) -> str:
        """What stands between demonstrations."""
        return self.family.separator

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.net.device

    @property
    def dtype(self) -> torch.dtype:
        """In what precision the weights are."""
        return self.net.dtype


@dataclass(frozen=True)
class Card:
    """What is known of a model before its weights are loaded.

    Attributes
    ----------
    source : Source
        Folder or hub repository.
    config : PretrainedConfig
    tokenizer : PreTrainedTokenizerBase
    family : Family
    """

    source: Source
    config: PretrainedConfig
    tokenizer: PreTrainedTokenizerBase
    family: Family

    @property
    def window(self) -> int:
        """How many tokens the model reads."""
        return _window(self.config)

    @property
    def separator(self) -> str:
        """What stands between demonstrations."""
        return self.family.separator

    @cached_property
    def skeleton(self) -> PreTrainedModel:
        """The network without numbers in it, on torch's device ``meta``."""
        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(self.config)

    @cached_property
    def n_parameters(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.skeleton.parameters())

    def cache_bytes(self, tokens: int, size: int) -> int:
        """Bytes of the keys and values of so many tokens, `size` bytes a number."""
        config = self.config
        heads = config.num_attention_heads
        kv = getattr(config, "num_key_value_heads", None) or heads
        width = getattr(config, "head_dim", None) or config.hidden_size // heads
        return 2 * config.num_hidden_layers * kv * width * tokens * size


def load_model(name: str, device: str = "auto", dtype: str = "auto") -> LanguageModel:
    """Load a model and its tokenizer.

    Parameters
    ----------
    name : str
        ``mini`` or ``mini@STEP``, a folder, or a hub id, perhaps with a revision: ``id@revision``.
    device : str
        As PyTorch names it; ``auto`` takes a GPU if there is one.
    dtype : str
        ``float32``, ``float16``, ``bfloat16``; ``auto`` is float32 on a CPU and elsewhere the
        precision in which the weights are stored.

    Returns
    -------
    LanguageModel

    Raises
    ------
    ValueError
        If the model does not exist (near names are suggested), is gated, has pickled weights only,
        is of an unknown family, is no causal language model, or if the device does not exist.
    OSError
        If the model is not on this machine and the hub cannot be reached.
    """
    check_choice("dtype", dtype, ("auto", *DTYPES))
    where = choose_device(device)
    found = card(name)
    folder, family = found.source.folder, found.family
    kept = choose_dtype(dtype, where, found.config)
    with _quiet():
        net = AutoModelForCausalLM.from_pretrained(
            found.source.place, use_safetensors=True, dtype=kept, **found.source.options
        )
    net.eval().to(where)
    origin = {
        "id": name if folder is None else folder.name,
        "revision": getattr(net.config, "_commit_hash", None),
        "sha256": _sha256(folder) if folder else None,
        "family": family.name,
        "dtype": str(kept).removeprefix("torch."),
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else where.type,
        "n_parameters": sum(parameter.numel() for parameter in net.parameters()),
        "layers": net.config.num_hidden_layers,
        "heads": net.config.num_attention_heads,
        "width": net.config.hidden_size,
        "window": found.window,
    }
    return LanguageModel(net, found.tokenizer, family, name, origin)


def card(name: str) -> Card:
    """What there is to know of a model without loading its weights.

    Raises
    ------
    ValueError, OSError
        As `load`.
    """
    source = find(name)
    config = AutoConfig.from_pretrained(source.place, **source.options)
    family = family_named(config.model_type)
    tokenizer = AutoTokenizer.from_pretrained(source.place, **source.options)
    return Card(source, config, tokenizer, family)


def choose_dtype(dtype: str, device: torch.device, config: PretrainedConfig) -> torch.dtype:
    """The precision that is asked for; ``auto`` as `load` says."""
    kept = getattr(config, "dtype", None)
    if dtype != "auto":
        return DTYPES[dtype]
    return torch.float32 if device.type == "cpu" or kept not in DTYPES.values() else kept


def choose_device(device: str) -> torch.device:
    """The device of this name; ``auto`` is a GPU if there is one.

    Raises
    ------
    ValueError
        If this machine does not have it.
    """
    if device == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        where = torch.device(device)
        torch.empty(0, device=where)
    except (RuntimeError, AssertionError) as error:
        raise ValueError(
            f"device is {device!r}, which this machine or this PyTorch does not have; expected "
            f"'auto', 'cpu', 'cuda' or 'mps'. ({str(error).splitlines()[0]})"
        ) from error
    return where


def _window(config) -> int:
    """How many tokens the model reads, where all of them are rotated alike."""
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") in ("longrope", "dynamic"):  # rotation depends on the whole length
        original = rope.get("original_max_position_embeddings")
        return int(original or config.max_position_embeddings)
    return int(config.max_position_embeddings)


def _sha256(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars of shards; a chapter's output is the same on every machine."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
