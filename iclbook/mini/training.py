"""A training loop that can be stopped at any time and goes on where it stopped.

The learning rate rises, stays, and falls linearly to zero over the last part of the steps. So a
training that is still before its fall is the beginning of a shorter and of a longer one alike, and
may be continued with another number of steps.
"""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iclbook.mini.pretrain import _loss, _optimisers
from iclbook.validate import check_choice, check_count, check_number

# Settings that must be the same for a state to be continued.
_SAME = ("every", "lr", "warmup", "decay", "precision")


class OutOfTime(ValueError):
    """A training was stopped by its time limit; its state is kept."""


@dataclass(frozen=True)
class Schedule:
    """How a model is trained.

    Attributes
    ----------
    steps, every : int
        Optimiser steps; steps between two measurements, after which the state is written.
    lr, warmup, fall : float, int, float
        Learning rate, reached after `warmup` steps; share of the steps in which it falls.
    decay : float
        Weight decay of the matrices inside the layers.
    precision : str
        Of products of matrices: ``"bfloat16"`` or ``"float32"``; the weights stay in float32.
    minutes : float
        :func:`train` stops after so many minutes, at the next measurement.
    threads : int
        CPU threads.
    """

    steps: int
    every: int
    lr: float
    warmup: int
    fall: float
    decay: float
    precision: str
    minutes: float
    threads: int

    def __post_init__(self):
        for name in ("steps", "every", "warmup", "threads"):
            check_count(name, getattr(self, name))
        check_number("lr", self.lr, low=0.0, open_low=True)
        check_number("fall", self.fall, low=0.0, high=1.0)
        check_number("decay", self.decay, low=0.0)
        check_number("minutes", self.minutes, low=0.0, open_low=True)
        check_choice("precision", self.precision, ("bfloat16", "float32"))
        if self.steps % self.every:
            raise ValueError(f"every is {self.every}; expected a divisor of {self.steps} steps.")

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        falling = (self.steps - step) / (self.fall * self.steps) if self.fall else 1.0
        return self.lr * min(1.0, (step + 1) / self.warmup, falling)


def train(
    net,
    how: Schedule,
    label: dict[str, Any],
    batch: Callable[[int], list],
    measure: Callable[[], dict[str, float]],
    path: Path,
) -> dict[str, list]:
    """Train a language model from the start, or from the state in a file.

    Prints a line at every measurement.

    Parameters
    ----------
    net : transformers.PreTrainedModel
        Changed in place.
    how : Schedule
        The settings.
    label : dict
        What else must be the same for a state to be continued: plain values.
    batch : callable
        Step to a list of arrays of token ids (rows, length). Each passes through the net alone.
    measure : callable
        Measures the net and returns numbers by name; called at the start and every `how.every`
        steps.
    path : Path
        Of the state; written atomically.

    Returns
    -------
    dict
        ``step``, ``seconds`` and ``processor_seconds`` of training since the last measurement, and
        what `measure` returned: lists with an entry a measurement, the first before training.

    Raises
    ------
    ValueError
        If the state belongs to other settings, or cannot be written.
    OutOfTime
        If there is more to do than time.
    FloatingPointError
        If the loss is no longer finite.
    """
    optimisers = _optimisers(net, how)
    label = label | {name: getattr(how, name) for name in _SAME}
    seen = _resume(path, label, how, net, optimisers)
    begin = time.perf_counter()
    while not seen["step"] or seen["step"][-1] < how.steps:
        done = seen["step"][-1] if seen["step"] else -how.every
        if time.perf_counter() - begin > 60 * how.minutes:
            raise OutOfTime(
                f"stopped after {how.minutes:g} minutes at step {done} of {how.steps}; the state "
                f"is kept in {path}. Run the same again to go on, with fewer steps if you like."
            )
        wall, processor = time.perf_counter(), time.process_time()
        for step in range(max(done, 0), done + how.every):
            _step(net, optimisers, batch(step), how, step)
        new = dict(
            step=done + how.every,
            seconds=time.perf_counter() - wall,
            processor_seconds=time.process_time() - processor,
        )
        for name, value in (new | measure()).items():
            seen.setdefault(name, []).append(value)
        _keep(path, label, how, net, optimisers, seen)
        print(*(f"{name} {values[-1]:.5g}" for name, values in seen.items()), sep="  ", flush=True)
    return seen


def _step(net, optimisers, batch, how, step):
    import torch

    targets = sum(rows.shape[0] * (rows.shape[1] - 1) for rows in batch)
    total = 0.0
    for rows in batch:
        loss = _loss(net, rows, how) / targets
        loss.backward()
        total += loss.item()
    if not math.isfinite(total):
        raise FloatingPointError(f"the loss is {total} at step {step}; try a smaller lr")
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = how.rate(step)
        optimiser.step()
    net.zero_grad()


def _resume(path, label, how, net, optimisers):
    import torch

    if not path.is_file():
        return {"step": []}
    try:
        state = torch.load(path, weights_only=True)
        differ = [name for name in label if state["label"].get(name) != label[name]]
    except Exception as error:  # a broken file can fail anywhere
        raise ValueError(f"{path} is no whole state of a training ({error}); remove it.") from error
    if differ:
        raise ValueError(
            f"{path} is the state of a training with other {', '.join(differ)}; expected the same. "
            "Remove the file, or use another folder."
        )
    done = state["seen"]["step"][-1]
    if (before := state["steps"]) != how.steps and done > (1 - how.fall) * min(before, how.steps):
        raise ValueError(
            f"steps is {how.steps}, but {path} was trained for {before} steps and is at step "
            f"{done}, where the learning rate falls; expected {before}, or another folder."
        )
    net.load_state_dict(state["net"])
    for optimiser, values in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(values)
    return state["seen"]


def _keep(path, label, how, net, optimisers, seen):
    import torch

    state = dict(
        label=label,
        steps=how.steps,
        net=net.state_dict(),
        optimisers=[optimiser.state_dict() for optimiser in optimisers],
        seen=seen,
    )
    draft = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, draft)
        os.replace(draft, path)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        draft.unlink(missing_ok=True)
        raise ValueError(
            f"{path} cannot be written ({error}). An earlier state there is whole: make room, or "
            "name another folder, and run the same again."
        ) from error
