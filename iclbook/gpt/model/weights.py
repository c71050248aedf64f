"""Files with weights: which they are, and whether they can be read. Pickles are never opened."""

import hashlib
import json
from pathlib import Path

from safetensors import SafetensorError, safe_open

PICKLED = ("*.bin", "*.pt", "*.pth", "*.ckpt")
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
POINTER = b"version https://git-lfs"


def weight_files(folder: Path) -> list[Path]:
    """The files with the weights of a model in a folder: one, or those that an index names.

    Raises
    ------
    ValueError
        If there are none, or the index names pickles or files that are not there.
    """
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    if (folder / INDEX).is_file():
        names = indexed(folder / INDEX, str(folder))
        lacking = [name for name in names if not (folder / name).is_file()]
        if lacking:
            raise ValueError(
                f"folder {str(folder)!r} lacks {', '.join(lacking)}, which {INDEX} names; copy or "
                f"download the missing files."
            )
        return [folder / name for name in names]
    pickled = sorted(path.name for kind in PICKLED for path in folder.glob(kind))
    if pickled:
        raise ValueError(pickled_message(str(folder), pickled))
    other = sorted(path.name for path in folder.glob("*.safetensors"))
    found = f"only {', '.join(other)}" if other else "no *.safetensors"
    raise ValueError(
        f"folder {str(folder)!r} has no weights of a whole model; expected {WEIGHTS}, or {INDEX} "
        f"with the files that it names; found {found}."
    )


def indexed(index: Path, name: str) -> list[str]:
    """The files that an index of weights names.

    Raises
    ------
    ValueError
        If it is no index, or one of them is no safetensors file.
    """
    try:
        found = json.loads(index.read_text(encoding="utf-8"))
        names = sorted({str(name) for name in found["weight_map"].values()})
        found["metadata"]  # transformers wants it
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{index} is no index of weights ({error!r}); expected JSON with metadata and a "
            f"weight_map. Copy or download it again."
        ) from error
    pickled = [name for name in names if not name.endswith(".safetensors")]
    if pickled:
        raise ValueError(pickled_message(name, pickled))
    return names


def check_weights(path: Path) -> None:
    """Look at the head of a safetensors file."""
    start = path.open("rb").read(len(POINTER))
    reason = "it is empty"
    if start == POINTER:
        reason = (
            "it is a pointer of Git LFS, not the weights themselves; fetch them with `git lfs pull`"
        )
    elif start:
        try:
            with safe_open(path, "np"):
                return
        except (SafetensorError, OSError) as error:
            reason = f"it is damaged or cut short ({error})"
    raise ValueError(
        f"weights file {str(path)!r} ({path.stat().st_size:,} bytes) cannot be read: {reason}. "
        f"Copy or download it again."
    )


def sha256(path: Path) -> str:
    """Hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def pickled_message(name: str, files: list[str]) -> str:
    """What is said of a model with pickles."""
    return (
        f"model {name!r} has pickled weights ({', '.join(files)}); the book reads safetensors "
        f"files alone, because a pickle can run any code. On the hub, look for a revision with "
        f"converted weights (often {name.partition('@')[0]}@refs/pr/1). Or convert it once, if you "
        f"trust where it comes from: AutoModelForCausalLM.from_pretrained(..., "
        f"use_safetensors=False).save_pretrained(FOLDER), and the tokenizer too; then use FOLDER "
        f"as the model."
    )
