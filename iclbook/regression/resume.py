"""Long trainings in parts: what was found is kept, and a stopped run goes on where it was."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

from iclbook import states
from iclbook.regression.train import Diverged, Training, adam, train
from iclbook.validate import check_count


def checkpoint(name: str) -> Path | None:
    """The checkpoint file of this name, or None if no folder is set."""
    folder = os.environ.get(states.CHECKPOINTS)
    return Path(folder) / f"{name}.pt" if folder else None


def train_in_parts(
    model: nn.Module,
    how: Training,
    tasks: torch.Generator,
    *,
    every: int,
    look: Callable[[int, nn.Module], Any],
    path: Path | None = None,
) -> list[Any]:
    """Train a model in place, look at it after every so many steps, and keep a checkpoint.

    Parameters
    ----------
    model, how, tasks
        As in :func:`iclbook.regression.train.train`.
    every : int
        Steps in a part; has to divide ``how.steps``.
    look : callable, (step, model) -> plain data
        Called before the first step and after every part. Numbers, strings, lists and dicts only.
    path : Path, optional
        The checkpoint, written after every part. If it is there, training goes on from it.

    Returns
    -------
    list
        What ``look`` returned, 1 + how.steps / every entries.

    Raises
    ------
    ValueError
        If the steps do not divide, or the checkpoint is broken, belongs to another training, or
        cannot be written.
    Diverged
        If the loss is no longer finite; the message names the part and the step in it.
    """
    if how.steps % check_count("every", every):
        raise ValueError(f"every is {every}; expected a divisor of the {how.steps} steps.")
    optimiser = adam(model, how)
    state = states.load(path, vars(how)) if path else None
    if state is None:
        done, seen = 0, [look(0, model)]
    else:
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        tasks.set_state(state["tasks"])
        done, seen = state["done"], state["seen"]
    part = dataclasses.replace(how, steps=every)
    while done < how.steps:
        try:
            train(model, part, tasks, optimiser=optimiser)
        except Diverged as error:
            raise Diverged(f"in the part that began at step {done}: {error}") from None
        done += every
        seen.append(look(done, model))
        if path:
            state = {
                "model": model.state_dict(),
                "optimiser": optimiser.state_dict(),
                "tasks": tasks.get_state(),
                "done": done,
                "seen": seen,
            }
            states.save(path, vars(how), state)
    return seen
