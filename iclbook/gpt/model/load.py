"""Language models: from a folder, PyPI or the hub, or the small one that comes with the book.

Weights are read from safetensors files only (GGUF files are converted to them first), and code from
a hub repository is never run. A model is refused unless every one of its weights is in the files,
finite, and no other is.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import torch
import transformers
from packaging.version import Version
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from iclbook.gpt.model.complete import (
    check_complete,
    check_finite,
    check_sizes,
    check_vocabulary,
)
from iclbook.gpt.model.device import DTYPES, choose_device, choose_dtype
from iclbook.gpt.model.families import FAMILIES, FOUND
from iclbook.gpt.model.family import Family
from iclbook.gpt.model.roles import kept_weights
from iclbook.gpt.model.sources import Location, locate
from iclbook.gpt.model.structure import guesses
from iclbook.gpt.model.weights import sha256, weight_files
from iclbook.validate import check_choice

OLDEST = "5.5"
"""The oldest transformers with which all families give the numbers of their own forward pass."""


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
        Plain values for a record: id or folder, whether its weights are drawn and not read (then
        which are kept all the same, and which draw it is), revision, sha256 of the weights
        (folders), the GGUF file that they are from, dtype, device, number of parameters, layers,
        heads, width, window.
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
    location : Location
        Folder or hub repository.
    config : PretrainedConfig
    tokenizer : PreTrainedTokenizerBase
    family : Family
    """

    location: Location
    config: PretrainedConfig
    tokenizer: PreTrainedTokenizerBase
    family: Family

    @property
    def window(self) -> int:
        """How many tokens the model reads."""
        return _window(self.config, self.family)

    @property
    def separator(self) -> str:
        """What stands between demonstrations."""
        return self.family.separator

    @cached_property
    def skeleton(self) -> PreTrainedModel:
        """The network without numbers in it, on torch's device ``meta``."""
        net = _skeleton(self.config)
        if self.family.name not in FAMILIES:
            FOUND[net] = self.family
        return net

    @cached_property
    def n_parameters(self) -> int:
        """Number of parameters."""
        return sum(parameter.numel() for parameter in self.skeleton.parameters())

    def cache_bytes(self, tokens: int, size: int) -> int:
        """Bytes of the keys and values of so many tokens, `size` bytes a number."""
        layers = self.family.projections(self.skeleton)
        return sum(parts[part].width for parts in layers for part in "kv") * tokens * size


def load_model(name: str, device: str = "auto", dtype: str = "auto") -> LanguageModel:
    """Load a model and its tokenizer.

    Parameters
    ----------
    name : str
        As `iclbook.gpt.model.sources.locate` takes it.
    device : str
        As PyTorch names it; ``auto`` takes a GPU if there is one.
    dtype : str
        ``float32``, ``float64``, ``float16``, ``bfloat16``; ``auto`` is float32 on a CPU and
        elsewhere the precision in which the weights are stored. Some families round to float32
        inside whatever is asked for (llama in its norms, bloom in its softmax); GPT-2, OPT and
        XGLM do not.

    Returns
    -------
    LanguageModel

    Raises
    ------
    ValueError
        If the model does not exist (near names are suggested), is gated, has pickled, damaged,
        missing, unexpected or infinite weights, fewer embeddings than its tokenizer has tokens, is
        no causal language model, or is of a family without an entry and differs from its own
        forward pass when it is tried; or if the device does not exist.
    ImportError
        If transformers is too old.
    OSError
        If the model is not on this machine and PyPI or the hub cannot be reached.
    """
    check_choice("dtype", dtype, ("auto", *DTYPES))
    where = choose_device(device)
    found = card(name)
    folder, family = found.location.folder, found.family
    kept = choose_dtype(dtype, where, found.config)
    net = (_drawn if found.location.untrained else _read)(name, found, kept)
    net.eval().to(where)
    check_finite(name, net)
    check_vocabulary(name, net, found.tokenizer)
    if any(family.softcaps(net)):  # which torch's own kernels do not know
        net.set_attn_implementation("eager")
    if family.name not in FAMILIES:
        from iclbook.gpt.reading.trial import try_families  # it reads, and stands above this

        family = try_families(net)
    origin = {
        "id": name if folder is None else folder.name,
        "untrained": found.location.untrained,
        "revision": getattr(net.config, "_commit_hash", None),
        "sha256": {path.name: sha256(path) for path in weight_files(folder)} if folder else None,
        "source": found.location.source,
        "family": family.name,
        "dtype": str(kept).removeprefix("torch."),
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else where.type,
        "n_parameters": sum(parameter.numel() for parameter in net.parameters()),
        "layers": net.config.num_hidden_layers,
        "heads": net.config.num_attention_heads,
        "width": net.config.hidden_size,
        "window": found.window,
    }
    return LanguageModel(net, found.tokenizer, family, name, origin | found.location.drawn)


def _read(name: str, found: Card, dtype: torch.dtype) -> PreTrainedModel:
    """The network with the weights of its files."""
    with _quiet():
        net, info = AutoModelForCausalLM.from_pretrained(
            found.location.place,
            use_safetensors=True,
            dtype=dtype,
            output_loading_info=True,
            **found.location.options,
        )
    check_complete(name, info)
    return net


def _drawn(name: str, found: Card, dtype: torch.dtype) -> PreTrainedModel:
    """The network with the weights that a training would start from, the same for each draw.

    Those that the model's variant keeps are read.
    """
    with torch.random.fork_rng():
        torch.manual_seed(found.location.draw)
        net = AutoModelForCausalLM.from_config(found.config, dtype=torch.float32).to(dtype)
    if kept := kept_weights(net, found.location.kept):
        read = _read(name, found, dtype)
        with torch.no_grad():
            for key in kept:
                net.get_parameter(key).copy_(read.get_parameter(key))
    return net


def card(name: str) -> Card:
    """What there is to know of a model without loading its weights.

    Raises
    ------
    ValueError, OSError, ImportError
        As `load_model`.
    """
    if Version(transformers.__version__) < Version(OLDEST):
        raise ImportError(
            f"transformers is {transformers.__version__}; expected {OLDEST} or newer, because "
            f'older ones compute some models differently. Run: pip install "transformers>={OLDEST}"'
        )
    location = locate(name)
    try:
        config = AutoConfig.from_pretrained(location.place, **location.options)
        tokenizer = AutoTokenizer.from_pretrained(location.place, **location.options)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"configuration or tokenizer of model {name!r} cannot be read: {error}"
        ) from error
    check_sizes(name, config)
    return Card(location, config, tokenizer, _family(name, config))


def _family(name: str, config: PretrainedConfig) -> Family:
    """The entry of the family; without one, what the structure says, if it says something."""
    if config.model_type in FAMILIES:
        return FAMILIES[config.model_type]
    try:
        return next(guesses(_skeleton(config)))
    except ValueError as error:
        raise ValueError(f"model {name!r} cannot be used. {error}") from error


def _skeleton(config: PretrainedConfig) -> PreTrainedModel:
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def _window(config: PretrainedConfig, family: Family) -> int:
    """How many tokens the model reads, where all of them are rotated alike."""
    rope = getattr(config, "rope_parameters", None) or {}
    if rope.get("rope_type") in ("longrope", "dynamic"):  # rotation depends on the whole length
        return int(rope.get("original_max_position_embeddings") or family.context(config))
    return int(family.context(config))


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
