"""The training of the bundled model: a loop that can be stopped and goes on where it stopped.

The loss is plain next-token prediction. The learning rate rises, stays, and falls linearly to zero
over the last part of the steps. So a training that is still before its fall is the beginning of a
shorter and of a longer one alike, and may be continued with another number of steps.
"""

import math
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from iclbook import states
from iclbook.threads import check_threads, limited
from iclbook.validate import check_choice, check_count, check_number

FREE = ("steps", "threads", "device")
"""Settings that may change when a training goes on."""


@dataclass(frozen=True)
class Schedule:
    """How a model is trained.

    Attributes
    ----------
    steps, every : int
        Optimiser steps; steps between two measurements, after which the state is written.
    lr, warmup : float, int
        Learning rate, reached after `warmup` steps.
    decay : float
        Weight decay of the matrices inside the layers.
    threads : int
        CPU threads.
    precision : str
        Of products of matrices: ``"bfloat16"`` or ``"float32"``; the weights stay in float32.
    fall : float
        Share of the steps, the last of them, in which the learning rate falls.
    optimiser : str
        Of the matrices inside the layers: ``"muon"``, or ``"adam"`` as for all else.
    """

    steps: int
    every: int
    lr: float
    warmup: int
    decay: float
    threads: int
    precision: str = "float32"
    fall: float = 0.3
    optimiser: str = "muon"

    def __post_init__(self):
        for name in ("steps", "every", "warmup"):
            check_count(name, getattr(self, name))
        check_threads(self.threads)
        check_number("lr", self.lr, low=0.0, open_low=True)
        check_number("fall", self.fall, low=0.0, high=1.0)
        check_number("decay", self.decay, low=0.0)
        check_choice("precision", self.precision, ("bfloat16", "float32"))
        check_choice("optimiser", self.optimiser, ("muon", "adam"))
        if self.steps % self.every:
            raise ValueError(f"every is {self.every}; expected a divisor of {self.steps} steps.")

    @classmethod
    def of(cls, settings, **others) -> "Schedule":
        """The schedule of some settings: what they have by these names, and what is given here."""
        named = {
            x.name: getattr(settings, x.name) for x in fields(cls) if hasattr(settings, x.name)
        }
        return cls(**named | others)

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        falling = (self.steps - step) / (self.fall * self.steps) if self.fall else 1.0
        return self.lr * min(1.0, (step + 1) / self.warmup, falling)


@contextmanager
def workplace(threads: int) -> Iterator[Path]:
    """Set the CPU threads of torch; give the folder ``ICLBOOK_CHECKPOINTS``, or a temporary one.

    Raises
    ------
    ValueError
        If this torch cannot train the model.
    """
    import torch

    if not hasattr(torch.optim, "Muon"):
        raise ValueError(
            f"torch is {torch.__version__}; training the small model needs its optimiser Muon, in "
            "version 2.9 or newer. Using the model does not."
        )
    with limited(threads), tempfile.TemporaryDirectory() as scratch:
        yield Path(os.environ.get(states.CHECKPOINTS) or scratch)


def train(
    net,
    how: Schedule,
    settings: dict[str, Any],
    batch: Callable[[int], list],
    look: Callable[[int], dict[str, Any]],
    path: Path,
    targets: Callable[[np.ndarray], np.ndarray] | None = None,
    speeds: Mapping[str, float] | None = None,
) -> dict[str, list]:
    """Train a language model from the start, or from the state in a file.

    Prints a line at every measurement.

    Parameters
    ----------
    net : transformers.PreTrainedModel
        Changed in place.
    how : Schedule
        The settings of the training.
    settings : dict
        What else, by name, must be the same for a state to be continued. ``FREE`` need not be.
    batch : callable
        Step to a list of arrays of token ids (rows, length). Each passes through the net alone.
    look : callable
        Step to measurements by name: numbers, or lists of such. Called before training and every
        `how.every` steps.
    path : Path
        Of the state, see :mod:`iclbook.states`.
    targets : callable, optional
        Rows of token ids (rows, length) to a bool array of this shape: which tokens are predicted.
        Default: all, but for the first of a row, which is given.
    speeds : mapping, optional
        Last part of a parameter's name to how many times the learning rate it learns with; not for
        the matrices inside the layers.

    Returns
    -------
    dict
        ``step``, ``loss``, ``seconds`` and what `look` returned: lists with an entry a measurement,
        the first before training. ``loss`` is the mean since the last measurement, at first that of
        a batch, in nats a token; the seconds are those of training since then.

    Raises
    ------
    ValueError
        If the state is broken, belongs to other settings, or cannot be written.
    FloatingPointError
        If the loss is no longer finite.
    """
    same = {name: v for name, v in (settings | asdict(how)).items() if name not in FREE}
    optimisers = _optimisers(net, how, speeds or {})
    seen = _resume(path, same, how, net, optimisers)

    def measure(step, **found):
        for name, value in ({"step": step} | found | look(step)).items():
            seen.setdefault(name, []).append(value)
        state = {
            "steps": how.steps,
            "net": net.state_dict(),
            "optimisers": [optimiser.state_dict() for optimiser in optimisers],
            "seen": seen,
        }
        states.save(path, same, state)
        print(*(f"{name} {np.round(v[-1], 3)}" for name, v in seen.items()), sep="  ", flush=True)

    if not seen:
        loss = mean_loss(net, batch(0), how.precision, targets)
        measure(0, loss=loss, seconds=0.0)
    while (done := seen["step"][-1]) < how.steps:
        begin = time.perf_counter()
        part = range(done, done + how.every)
        losses = [_step(net, optimisers, batch(step), how, step, targets) for step in part]
        seconds = time.perf_counter() - begin
        measure(done + how.every, loss=float(np.mean(losses)), seconds=seconds)
    return seen


def mean_loss(
    net,
    batch: list[np.ndarray] | np.ndarray,
    precision: str,
    targets: Callable[[np.ndarray], np.ndarray] | None = None,
) -> float:
    """Loss of arrays of token ids (rows, length), in nats a token; the first of a row is given.

    Each array passes through the net alone. `targets` as in :func:`train`.
    """
    import torch

    wanted = _wanted(batch, targets)
    with torch.inference_mode():
        total = sum(_loss(net, *rows, precision).item() for rows in zip(batch, wanted, strict=True))
    return total / _count(wanted)


def _wanted(batch, targets):
    """The next token behind each but the last; -1 where it is not predicted."""
    if targets is None:
        return [rows[:, 1:] for rows in batch]
    return [np.where(targets(rows)[:, 1:], rows[:, 1:], -1) for rows in batch]


def _count(wanted):
    """How many tokens are predicted."""
    return sum(int(np.count_nonzero(rows >= 0)) for rows in wanted)


def _loss(net, rows, wanted, precision):
    """Next-token loss of rows, summed."""
    import torch

    ids, wanted = (torch.from_numpy(x).to(net.device) for x in (rows, wanted))
    with torch.autocast(net.device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        logits = net(input_ids=ids).logits[:, :-1]
    return torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1),
        wanted.flatten(),
        reduction="sum",
        ignore_index=-1,
    )


def _step(net, optimisers, batch, how, step, targets):
    """One step of the optimisers; return the loss before it."""
    import torch

    wanted = _wanted(batch, targets)
    count, total = _count(wanted), 0.0
    for rows in zip(batch, wanted, strict=True):
        loss = _loss(net, *rows, how.precision) / count
        loss.backward()
        total += loss.item()
    if not math.isfinite(total):
        raise FloatingPointError(f"the loss is {total} at step {step}; try a smaller lr")
    torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = how.rate(step) * group.get("speed", 1.0)
        optimiser.step()
    net.zero_grad()
    return total


def _optimisers(net, how, speeds):
    """Muon or AdamW for the matrices inside the layers, AdamW for all else; one learning rate."""
    import torch

    inner, rest = [], {}
    for name, parameter in net.named_parameters():
        if parameter.ndim == 2 and ".layers." in name:
            inner.append(parameter)
        else:
            rest.setdefault(speeds.get(name.rpartition(".")[2], 1.0), []).append(parameter)
    groups = [{"params": those, "speed": speed} for speed, those in rest.items()]
    rest = torch.optim.AdamW(groups, lr=how.lr, betas=(0.9, 0.98), weight_decay=0.0)
    given = dict(lr=how.lr, weight_decay=how.decay)
    if how.optimiser == "adam":
        return torch.optim.AdamW(inner, betas=(0.9, 0.98), **given), rest
    return torch.optim.Muon(inner, adjust_lr_fn="match_rms_adamw", **given), rest


def _resume(path, same, how, net, optimisers):
    """Load the state if there is one; return what was seen, at first nothing."""
    state = states.load(path, same)
    if state is None:
        return {}
    before, done = state["steps"], state["seen"]["step"][-1]
    if before != how.steps and done > (1 - how.fall) * min(before, how.steps):
        raise ValueError(
            f"steps is {how.steps}, but {path} was trained for {before} steps and is at step "
            f"{done}, where the learning rate falls; expected {before}, or another folder."
        )
    net.load_state_dict(state["net"])
    for optimiser, values in zip(optimisers, state["optimisers"], strict=True):
        optimiser.load_state_dict(values)
    return state["seen"]
