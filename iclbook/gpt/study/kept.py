"""Models and rows, kept from one experiment to the next, so that a sweep loads them once.

They are kept by content: what lies in a file that has changed is read again.
"""

import functools
import os
from pathlib import Path

from iclbook.gpt.model import load
from iclbook.gpt.model.load import Card, LanguageModel
from iclbook.gpt.text.data import Data, load_rows
from iclbook.gpt.text.tasks import Task
from iclbook.records import config_hash
from iclbook.records.sources import sha256

READ = (
    "*.safetensors",
    "*.safetensors.index.json",
    "config.json",
    "tokenizer*",
    "vocab*",
    "merges*",
    "special_tokens_map.json",
    "added_tokens.json",
    "*.model",
)
"""The files of a model's folder that decide what it computes."""


def model(name: str, device: str, dtype: str) -> LanguageModel:
    """A model, kept until another one is asked for."""
    return _model(name, device, dtype, files(name))


def card(name: str) -> Card:
    """What there is to know of a model without its weights."""
    return _card(name, files(name))


def files(name: str) -> tuple[tuple[str, str], ...]:
    """Names and hashes of the files that decide what a model computes; empty for the hub's."""
    folder = _folder(name)
    found = {path for pattern in READ for path in folder.glob(pattern)} if folder else ()
    return tuple((path.name, sha256(path)) for path in sorted(found) if path.is_file())


def rows(task: Task, folder: str, deduplicate: bool) -> tuple[Data, str]:
    """The rows of a task, and a hash of them; `folder` is empty if none is named."""
    return _rows(task, folder, deduplicate, _stamps(task, folder or os.environ.get("ICLBOOK_DATA")))


@functools.lru_cache(maxsize=1)
def _model(name: str, device: str, dtype: str, hashes: tuple) -> LanguageModel:
    return load.load_model(name, device=device, dtype=dtype)


@functools.lru_cache(maxsize=8)
def _card(name: str, hashes: tuple) -> Card:
    return load.card(name)


@functools.lru_cache(maxsize=64)
def _folder(name: str) -> Path | None:
    """Folder of a model; None for one of the hub."""
    return load.card(name).location.folder


@functools.lru_cache(maxsize=8)
def _rows(task: Task, folder: str, deduplicate: bool, stamps: tuple) -> tuple[Data, str]:
    found = load_rows(task, folder or None, deduplicate=deduplicate)
    return found, config_hash({"train": found.train, "evaluation": found.evaluation})


def _stamps(task: Task, folder: str | None) -> tuple[tuple[str, int, int], ...]:
    """Path, time of change and size of the files that the rows of a task may come from."""
    paths = map(Path, task.files or ())
    if folder and not task.files:
        paths = sorted((Path(folder) / task.name).glob("*"))
    return tuple(
        (str(path), path.stat().st_mtime_ns, path.stat().st_size)
        for path in paths
        if path.is_file()
    )
