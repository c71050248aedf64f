"""What a group of cells will read, hold and take, found before any weights are loaded."""

import functools
import time
from dataclasses import dataclass

import torch

from iclbook.gpt.metrics import wanted
from iclbook.gpt.metrics.metric import SETTINGS
from iclbook.gpt.model.device import choose_device, choose_dtype
from iclbook.gpt.reading.score import BATCH_TOKENS
from iclbook.gpt.study.cell import MEMORY_MAPPED, observed_bytes
from iclbook.gpt.study.presets import PRESETS
from iclbook.gpt.study.run import Group
from iclbook.gpt.tuning.trainable import trainable

LIBRARIES = 600e6
"""Bytes that a process holds before it reads anything: Python, torch, transformers, their data."""

START, CELL, ITEM = 3.0, 0.5, 4e-3
"""Seconds that a process, a cell, and an item whose settings are compared take besides.

Measured on one core of an ordinary processor: importing and loading; records; metrics.
"""


@dataclass(frozen=True)
class Estimate:
    """What a group will read, hold and take.

    Attributes
    ----------
    items, k, k_used : int
        Evaluation items; demonstrations asked for, and those that fit.
    context, queries, training : int
        Tokens: of the demonstrations, of all queries together, of all training texts together.
    n_parameters : int
        Of the model.
    memory : int
        Bytes: libraries, weights, a float32 copy of what is trained with its gradients, keys and
        values of a batch, and observations that are not in files.
    disk : int
        Bytes of observations in temporary files.
    operations : float
        Of the model's passes.
    seconds : float
        The operations, at the rate at which this machine multiplies matrices, and the rest.
    source : dict
        Where the rows come from.
    """

    items: int
    k: int
    k_used: int
    context: int
    queries: int
    training: int
    n_parameters: int
    memory: int
    disk: int
    operations: float
    seconds: float
    source: dict


def check(group: Group, speed: float | None = None) -> Estimate:
    """Find bad input, and estimate the work, without loading weights.

    Parameters
    ----------
    group : Group
    speed : float, optional
        Floating-point operations a second; by default `matrix_speed` of device and precision.

    Raises
    ------
    ValueError, OSError
        Whatever is wrong with the model's name, the data, the prompts or the settings.
    """
    setup, preset = group.setup, PRESETS[group.setup.preset]
    first, *_ = group.cells(group.rates)
    card, device = setup.card(), choose_device(setup.device)
    rows, demos, items = setup.rows()
    prepared = setup.prompts(card, rows, demos, items)
    context, queries = len(prepared.context), sum(map(len, prepared.queries))
    training, searching, trained = 0, 0, 0
    dtype = choose_dtype(setup.dtype, device, card.config)
    size = dtype.itemsize
    if "ft" in setup.settings:
        usual = setup.training(card, rows, demos, items[:1])
        examples = first.examples(card, usual)
        setup.finetuning(group.rates[0], examples.k_used)
        training, searching = (
            sum(map(len, given.finetuning)) * setup.epochs for given in (examples, usual)
        )
        chosen = trainable(card.skeleton, setup.parameters)
        trained = sum(entries.of(entries.parameter).numel() for entries in chosen)
    cells = 1 if group.search or not group.rates else len(group.rates)
    operations = queries * ("zsl" in setup.settings) + cells * (4 * training)
    operations += cells * queries * ("ft" in setup.settings)
    operations += (context + queries) * ("icl" in setup.settings)
    if group.search:
        deciding = group.rate_search.deciding(rows, demos, items)
        reading = len(deciding) * queries / len(items)
        operations += reading + len(group.rates) * (4 * searching + reading)
    operations *= 2 * card.n_parameters
    wants = wanted(SETTINGS if group.arrays else setup.settings)
    observed = 0
    if any(wants.values()):
        observed = observed_bytes(card.config, prepared, preset, size)
    filed = observed > MEMORY_MAPPED
    memory = LIBRARIES + card.n_parameters * size
    memory += trained * (size if size >= 4 else size + 4)  # two copies
    memory += max(
        trained * size,  # gradients
        card.cache_bytes(context + BATCH_TOKENS[device.type], size),
    )
    rest = START + cells * (CELL + ITEM * len(items) * setup.compares)
    return Estimate(
        items=len(items),
        k=prepared.k,
        k_used=prepared.k_used,
        context=context,
        queries=queries,
        training=training,
        n_parameters=card.n_parameters,
        memory=int(memory + (0 if filed else observed)),
        disk=observed if filed else 0,
        operations=float(operations),
        seconds=operations / (speed or matrix_speed(device.type, dtype)) + rest,
        source=rows.origin,
    )


@functools.lru_cache
def matrix_speed(device: str, dtype: torch.dtype, seconds: float = 0.2) -> float:
    """Half of the floating-point operations a second that matrix products reach here."""
    size = 1024 if device == "cpu" else 4096
    a = torch.randn(size, size, device=device).to(dtype)
    taken, begin = [], time.perf_counter()
    while len(taken) < 2 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        (a @ a).sum().item()
        taken.append(time.perf_counter() - start)
    return size**3 / min(taken)  # the first one also sets things up
