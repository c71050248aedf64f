"""What a record of a study is called, and what makes it the same result as another one.

A result is what its settings and the content of its inputs make it: weights, task, rows. Where the
inputs lie, and on how many threads they are worked on, is no part of it.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import PurePath

from iclbook import records
from iclbook.gpt.study.setup import PLACES, Setup


def identity(setup: Setup) -> dict:
    """Settings and inputs of an experiment that decide its result."""
    kept = {name: value for name, value in asdict(setup).items() if name not in PLACES}
    return kept | {"inputs": setup.inputs()}


def record_name(setup: Setup) -> str:
    """Name of a record: model, task, seed, rate, control, and a hash of all that decides it."""
    task = setup.task
    parts = [
        PurePath(setup.model).name,
        PurePath(task).stem if task.endswith(".toml") else task,
        PurePath(setup.demonstrations).stem or f"seed-{setup.seed}",
    ]
    if getattr(setup, "lr", 0):
        parts.append(f"rate-{setup.lr:g}")
    parts.append(getattr(setup, "control", ""))
    hashed = records.config_hash(identity(setup))[:8]
    return "-".join(filter(None, (*map(slug, parts), hashed)))


def slug(text: str) -> str:
    """Lower-case letters, digits and hyphens; the point of a number, as in 1.3B, becomes a p."""
    text = re.sub(r"(?<=\d)\.(?=\d)", "p", text.lower())
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")[:60].strip("-")


def short_names(models: Iterable[str]) -> dict[str, str]:
    """For each model the end of its path that no other one shares.

    ``run-c/checkpoint-500`` and ``run-d/checkpoint-500`` keep two parts, ``./my-model`` one.
    """
    parts = {model: PurePath(model).parts for model in models}
    short = {}
    for model, own in parts.items():
        others = [other for other in parts.values() if other != own]
        length = 1
        while length < len(own) and any(other[-length:] == own[-length:] for other in others):
            length += 1
        short[model] = "/".join(own[-length:])
    return short
