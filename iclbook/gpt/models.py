"""Language models: from a folder, from the hub, or the small one that comes with the book.

Weights are read from safetensors files only, and code from a hub repository is never run.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import torch
from huggingface_hub import hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging

from iclbook.gpt.families import Family, family_named
from iclbook.validate import check_choice

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")


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
    source, folder, revision
        What transformers loads; the folder, if it is one.
    config : PretrainedConfig
    tokenizer : PreTrainedTokenizerBase
    family : Family
    """

    source: str
    folder: Path | None
    revision: str | None
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

    @property
    def n_parameters(self) -> int:
        """Number of parameters."""
        with torch.device("meta"):
            net = AutoModelForCausalLM.from_config(self.config)
        return sum(parameter.numel() for parameter in net.parameters())

    def cache_bytes(self, tokens: int, size: int) -> int:
        """Bytes of the keys and values of so many tokens, `size` bytes a number."""
        config = self.config
        heads = config.num_attention_heads
        kv = getattr(config, "num_key_value_heads", None) or heads
        width = getattr(config, "head_dim", None) or config.hidden_size // heads
        return 2 * config.num_hidden_layers * kv * width * tokens * size


@dataclass(frozen=True)
class Known:
    """A model that is known to suit the book's experiments."""

    name: str
    family: str
    parameters: str
    window: int
    note: str = ""


_PAPER = (
    "the {} model of Dai et al. (2023), converted from fairseq; if its main branch holds pickled "
    "weights only, convert it once (the error message says how)"
)
_KNOWN = (
    Known("mini", "gpt2", "0.5M", 512, "comes with the book, works without a network"),
    Known("openai-community/gpt2", "gpt2", "124M", 1024),
    Known("openai-community/gpt2-medium", "gpt2", "355M", 1024),
    Known("openai-community/gpt2-large", "gpt2", "774M", 1024),
    Known("openai-community/gpt2-xl", "gpt2", "1.6B", 1024),
    Known("KoboldAI/fairseq-dense-125M", "xglm", "125M", 2048, "the papers' family, small"),
    Known("KoboldAI/fairseq-dense-1.3B", "xglm", "1.3B", 2048, _PAPER.format("smaller")),
    Known("KoboldAI/fairseq-dense-2.7B", "xglm", "2.7B", 2048, _PAPER.format("larger")),
    Known("EleutherAI/gpt-neo-125m", "gpt_neo", "125M", 2048, "every second layer sees 256 tokens"),
    Known("EleutherAI/gpt-neo-1.3B", "gpt_neo", "1.3B", 2048),
    Known("EleutherAI/pythia-160m", "gpt_neox", "160M", 2048, "154 checkpoints, as revisions"),
    Known("EleutherAI/pythia-1.4b", "gpt_neox", "1.4B", 2048, "154 checkpoints, as revisions"),
    Known("facebook/opt-125m", "opt", "125M", 2048),
    Known("facebook/opt-1.3b", "opt", "1.3B", 2048),
    Known("meta-llama/Llama-3.2-1B", "llama", "1.2B", 131072, "gated: accept its licence first"),
    Known("Qwen/Qwen2.5-0.5B", "qwen2", "0.5B", 32768),
    Known("Qwen/Qwen3-0.6B-Base", "qwen3", "0.6B", 32768),
    Known("mistralai/Mistral-7B-v0.1", "mistral", "7.2B", 32768, "each layer sees 4,096 tokens"),
    Known("microsoft/phi-1_5", "phi", "1.4B", 2048),
    Known("microsoft/Phi-3-mini-4k-instruct", "phi3", "3.8B", 4096),
)
SHORT = {
    known.name.split("/")[-1]: known.name
    for known in _KNOWN
    if known.name.startswith("openai-community/")
}
"""Names without an owner that the hub used to have, such as ``gpt2-xl``."""


def known() -> list[Known]:
    """Models that suit the book; any other of the known families can be loaded as well."""
    return list(_KNOWN)


def load(name: str, device: str = "auto", dtype: str = "auto") -> LanguageModel:
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
    folder, family = found.folder, found.family
    kept = choose_dtype(dtype, where, found.config)
    with _quiet():
        try:
            net = AutoModelForCausalLM.from_pretrained(
                found.source,
                use_safetensors=True,
                dtype=kept,
                revision=found.revision,
                trust_remote_code=False,
            )
        except OSError as error:
            if "safetensors" in str(error):
                raise ValueError(_pickled_message(name)) from error
            raise
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
    source, revision = _source(name)
    folder = Path(source) if Path(source).is_dir() else None
    if folder:
        _check_folder(folder)
    else:
        _check_hub(name, source, revision)
    safe = dict(revision=revision, trust_remote_code=False)
    config = AutoConfig.from_pretrained(source, **safe)
    family = family_named(config.model_type)
    tokenizer = AutoTokenizer.from_pretrained(source, **safe)
    return Card(source, folder, revision, config, tokenizer, family)


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


def _source(name: str) -> tuple[str, str | None]:
    """What transformers is to load: folder or hub id, and revision."""
    if name == "mini" or name.startswith("mini@"):
        from iclbook.mini import checkpoint  # the bundled model is needed by no other one

        return str(checkpoint(*name.split("@")[1:])), None
    if Path(name).expanduser().is_dir():
        return str(Path(name).expanduser()), None
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ValueError(
            f"model is {name!r}, which looks like a folder but does not exist here. Expected a "
            f"folder with config.json, weights (*.safetensors) and tokenizer, a hub id, or 'mini'."
        )
    source, _, revision = name.partition("@")
    return SHORT.get(source, source), revision or None


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ValueError(
            f"folder {str(folder)!r} has no config.json; expected what `save_pretrained` writes: "
            f"config.json, *.safetensors and the tokenizer's files."
        )
    if not any(folder.glob("*.safetensors")):
        pickled = sorted(path.name for kind in PICKLED for path in folder.glob(kind))
        if pickled:
            raise ValueError(_pickled_message(str(folder), pickled))
        raise ValueError(f"folder {str(folder)!r} has no weights; expected *.safetensors.")
    if not any(folder.glob("tokenizer*")) and not any(folder.glob("vocab*")):
        raise ValueError(
            f"folder {str(folder)!r} has no tokenizer; expected tokenizer.json or the like beside "
            f"the weights. Save it there with `tokenizer.save_pretrained(folder)`."
        )


def _pickled_message(name: str, files: list[str] | None = None) -> str:
    seen = f" ({', '.join(files)})" if files else ""
    return (
        f"model {name!r} has pickled weights only{seen}; the book reads safetensors files alone, "
        f"because a pickle can run any code. On the hub, look for a revision with converted "
        f"weights (often {name.partition('@')[0]}@refs/pr/1). Or convert it once, if you trust "
        f"where it comes from: AutoModelForCausalLM.from_pretrained(..., use_safetensors=False)"
        f".save_pretrained(FOLDER), and the tokenizer too; then use FOLDER as the model."
    )


def _check_hub(name: str, source: str, revision: str | None) -> None:
    """Ask the hub, or its cache on this machine, for the configuration alone."""
    names = [known.name for known in _KNOWN]
    near = get_close_matches(source, [*names, *SHORT], 3, cutoff=0.5)
    hint = f" Near: {', '.join(near)}." if near else " `python -m iclbook models` lists some."
    try:
        hf_hub_download(source, "config.json", revision=revision)
    except GatedRepoError as error:
        raise ValueError(
            f"model {source!r} is gated. Accept its licence on https://huggingface.co/{source}, "
            f"make a token with read access under https://huggingface.co/settings/tokens, and "
            f"give it in the variable HF_TOKEN (or by `hf auth login`)."
        ) from error
    except RevisionNotFoundError as error:
        raise ValueError(f"model {source!r} has no revision {revision!r}.") from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ValueError(
            f"model is {name!r}, which the hub does not have (or keeps private); expected 'mini', "
            f"a folder or a hub id.{hint}"
        ) from error
    except (LocalEntryNotFoundError, OfflineModeIsEnabled, ConnectionError) as error:
        raise OSError(
            f"model {source!r} is not on this machine and the hub cannot be reached.{hint} "
            f"Without a network: use 'mini'; or download it elsewhere with `hf download {source} "
            f"--local-dir FOLDER` and give the folder as the model; or copy the hub's cache."
        ) from error
    except EntryNotFoundError as error:
        raise ValueError(
            f"hub repository {source!r} has no config.json; it holds no transformers model."
        ) from error


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
