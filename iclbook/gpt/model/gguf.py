"""Models in one GGUF file, as llama.cpp keeps them: dequantised once, into a folder of the cache.

Numbers are rounded to a few bits there. transformers' own reader makes float32 of them, and the
tokenizer from the same file; from then on it is a folder with safetensors like any other.
"""

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from iclbook.gpt.model.cache import check_room, made_once
from iclbook.gpt.model.complete import check_complete
from iclbook.gpt.model.weights import sha256

MAGIC = b"GGUF"
NEEDS = ("gguf", "accelerate")
SOURCE = "source.json"
"""In the folder: which file its weights are from."""


def converted(path: Path) -> Path:
    """The folder that a GGUF file of the user's was converted to, now or earlier.

    Parameters
    ----------
    path : Path
        Of the file; its content decides which folder it is.

    Raises
    ------
    ValueError
        As `convert`, or if there is no such file.
    OSError
        If the folder cannot be written.
    """
    if not path.is_file():
        raise ValueError(f"model is {str(path)!r}, a GGUF file that does not exist.")
    name = f"{path.stem}-{sha256(path)[:12]}"
    return made_once(name, lambda draft: convert(path, draft, {}))


def convert(path: Path, folder: Path, about: Mapping[str, Any]) -> None:
    """Write model and tokenizer of a GGUF file into a folder, as float32.

    Parameters
    ----------
    path : Path
        Of the file.
    folder : Path
        Gets ``model.safetensors``, ``config.json``, the tokenizer's files, and ``source.json``.
    about : mapping
        What else is known of the file, for ``source.json``.

    Raises
    ------
    ValueError
        If the file is damaged, lacks a tokenizer or weights, or its architecture or quantisation
        is not known.
    ModuleNotFoundError
        If what reads such files is not installed.
    """
    for package in NEEDS:
        if importlib.util.find_spec(package) is None:
            raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    kinds, numbers = _check(path)
    check_room(folder, 4 * numbers)
    place = dict(pretrained_model_name_or_path=path.parent, gguf_file=path.name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(**place)
        net, info = AutoModelForCausalLM.from_pretrained(
            **place, dtype=torch.float32, output_loading_info=True
        )
    except (ValueError, KeyError, NotImplementedError, RuntimeError) as error:
        raise ValueError(
            f"GGUF file {path.name!r} cannot be turned into a model: {error} Expected an "
            f"architecture that transformers reads from GGUF (llama, qwen2, gemma3, gpt2 ...)."
        ) from error
    check_complete(path.name, info)
    _forget_quantisation(net)
    net.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    source = {"file": path.name, "sha256": sha256(path), "quantisation": kinds, **about}
    (folder / SOURCE).write_text(json.dumps(source, indent=1) + "\n", encoding="utf-8")


def _check(path: Path) -> tuple[list[str], int]:
    """Look at the head of the file; return the kinds of numbers in it, and how many there are."""
    from gguf import GGUFReader, dequantize

    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise ValueError(f"{str(path)!r} is no GGUF file; expected one that begins with GGUF.")
    try:
        reader = GGUFReader(path)
    except (ValueError, IndexError, OverflowError) as error:
        unknown = "GGMLQuantizationType" in str(error)
        reason = "has a quantisation that is not known" if unknown else "is damaged or cut short"
        raise ValueError(
            f"GGUF file {path.name!r} ({path.stat().st_size:,} bytes) {reason} ({error})."
        ) from error
    if "tokenizer.ggml.tokens" not in reader.fields:
        raise ValueError(
            f"GGUF file {path.name!r} has no tokenizer; expected tokenizer.ggml.tokens in it."
        )
    one_of_each = {tensor.tensor_type: tensor for tensor in reader.tensors}
    for kind, tensor in one_of_each.items():
        try:
            dequantize(tensor.data[:1], kind)
        except NotImplementedError as error:
            raise ValueError(
                f"GGUF file {path.name!r} has a quantisation, {kind.name}, that package gguf "
                f"cannot undo; expected another one, as Q4_K_M, Q8_0 or F16."
            ) from error
    numbers = sum(int(tensor.n_elements) for tensor in reader.tensors)
    return sorted(kind.name for kind in one_of_each), numbers


def _forget_quantisation(net: torch.nn.Module) -> None:
    """The numbers are plain now; transformers would refuse to write them."""
    del net.config.quantization_config
    net.hf_quantizer = None
    net.is_quantized = False
