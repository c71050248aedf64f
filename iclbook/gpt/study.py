"""Studies: many cells, and where a stopped study goes on.

Each cell is a record in the folder of the study. A cell whose record is there is not run again, so
the same command continues a study that was stopped. Cells that share a model, a task and a seed
share everything but the finetuning; such a group is what an executor gets.
"""

import errno
import functools
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from iclbook import records
from iclbook.gpt import models
from iclbook.gpt.experiment import MEMORY_MAPPED, Cell, Rate, observed_bytes
from iclbook.gpt.finetune import trainable
from iclbook.gpt.metrics import PRESETS
from iclbook.gpt.score import BATCH_TOKENS
from iclbook.gpt.setup import Setup

CELL, RATE = "gpt-cell", "gpt-rate"
"""The experiments' names in the registry of records."""


@dataclass(frozen=True)
class Group:
    """The cells of one model, task and seed.

    Attributes
    ----------
    setup : Setup
        What they share.
    rates : tuple of float
        Learning rates.
    search : bool
        Whether the best of the rates is looked for first, and only that one gets a cell.
    """

    setup: Setup
    rates: tuple[float, ...]
    search: bool = False

    @property
    def label(self) -> str:
        """Model, task and seed."""
        return f"{Path(self.setup.model).name} {Path(self.setup.task).stem} seed {self.setup.seed}"


def run(
    groups: Sequence[Group],
    out: Path,
    executor: Executor | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Iterator[tuple[Group, list[Path] | Exception]]:
    """Run the cells that have no record yet.

    Parameters
    ----------
    groups : sequence of Group
        See `check`, which finds bad input before any work.
    out : Path
        Folder of the records.
    executor : concurrent.futures.Executor, optional
        Who runs the groups; by default this process, one after another.
    progress : callable
        Gets a line for each cell (only in this process).

    Yields
    ------
    (Group, list of Path or Exception)
        Each group as it ends, with its records, or with what went wrong. The others go on.

    Raises
    ------
    OSError
        If there is no space left for a record; what is written stays.
    """
    if executor is None:
        for group in groups:
            yield group, _tried(group, out, progress)
        return
    futures = {executor.submit(_tried, group, out): group for group in groups}
    for future in as_completed(futures):
        yield futures[future], future.result()


def _tried(group: Group, out: Path, progress=lambda line: None) -> list[Path] | Exception:
    try:
        return run_group(group, out, progress)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise OSError(
                errno.ENOSPC,
                f"no space left for the records in {out}. Finished cells are kept: make room and "
                "give the same command again",
            ) from error
        return error
    except (ValueError, RuntimeError) as error:
        return error


def run_group(group: Group, out: Path, progress=lambda line: None) -> list[Path]:
    """Run the cells of a group that have no record yet; return the records' files."""
    config, rates, written = asdict(group.setup), group.rates, []
    if group.search:
        search = Rate(**config, rates=rates)
        path = _run_once(RATE, search, f"{group.label}, {len(rates)} learning rates", out, progress)
        rates = (records.load(RATE, path.stem, out)["best"],)
        written.append(path)
    for lr in rates:
        cell = Cell(**config, lr=lr)
        written.append(_run_once(CELL, cell, f"{group.label}, rate {lr:g}", out, progress))
    return written


def _run_once(experiment: str, task: Cell | Rate, label: str, out: Path, progress) -> Path:
    name = record_name(task)
    path = out / experiment / f"{name}.json"
    if path.is_file():
        try:
            records.load(experiment, name, out)
            progress(f"{label}: done before")
            return path
        except records.RecordError:
            progress(f"{label}: the record is broken and is made anew")
    begin = time.perf_counter()
    record = records.run(experiment, asdict(task), name=name)
    path = records.write(record, out)
    text = f"{label}: {time.perf_counter() - begin:.1f} s"
    if experiment == CELL:
        text += (
            ", diverged"
            if record["diverged"]
            else "".join(
                f", {short} {record[f'{short.lower()}_accuracy']:.3f}"
                for short in ("ZSL", "FT", "ICL")
            )
        )
    progress(text)
    return path


def record_name(task: Cell | Rate) -> str:
    """The name of a cell's record: what it is, and a hash of all its settings."""
    config = asdict(task)
    model, name = (
        Path(config[key]).stem if "/" in config[key] else config[key] for key in ("model", "task")
    )
    parts = [model, name, f"seed-{task.seed}"]
    if isinstance(task, Cell):
        parts.append(f"rate-{task.lr:g}".replace(".", "p"))
    parts.append(records.config_hash(config)[:8])
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")


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
        Bytes: weights, a float32 copy of what is trained with its gradients, keys and values of a
        batch, and observations that are not in files.
    disk : int
        Bytes of observations in temporary files.
    seconds : float
        From the operations, at the rate at which this machine multiplies matrices. Recording,
        metrics and loading come on top.
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
    for rate in group.rates:
        setup.finetuning(rate)
    card, device = setup.card(), models.choose_device(setup.device)
    rows, demos, items = setup.rows()
    prepared = setup.prompts(card, rows, demos, items)
    context, queries = len(prepared.context), sum(map(len, prepared.queries))
    training = sum(map(len, prepared.finetuning)) * setup.epochs
    passes = len(group.rates) if not group.search else 1
    forward = context + (2 + passes) * queries + 4 * training * passes
    if group.search:
        deciding = len(items)
        if preset.select == "training":
            deciding = min(Rate.selection, len(rows.train))
        forward += len(group.rates) * (4 * training + deciding * queries / len(items))
    dtype = models.choose_dtype(setup.dtype, device, card.config)
    size, trained = dtype.itemsize, 0
    if "ft" in setup.settings:
        chosen = trainable(card.skeleton, setup.parameters)
        trained = sum(entries.of(entries.parameter).numel() for entries in chosen)
    observed = observed_bytes(card.config, prepared, preset)
    filed = observed > MEMORY_MAPPED
    memory = card.n_parameters * size + trained * (size if size >= 4 else size + 4)  # two copies
    memory += max(
        trained * size,  # gradients
        card.cache_bytes(context + BATCH_TOKENS[device.type], size),
    )
    return Estimate(
        items=len(items),
        k=prepared.k,
        k_used=prepared.k_used,
        context=context,
        queries=queries,
        training=training,
        n_parameters=card.n_parameters,
        memory=memory + (0 if filed else observed),
        disk=observed if filed else 0,
        seconds=2 * card.n_parameters * forward / (speed or matrix_speed(device.type, dtype)),
        source=rows.origin,
    )


@functools.lru_cache
def matrix_speed(device: str, dtype: torch.dtype, seconds: float = 0.2) -> float:
    """Half of the floating-point operations a second that matrix products reach here."""
    size = 1024 if device == "cpu" else 4096
    a = torch.randn(size, size, device=device).to(dtype)
    count, begin = 0, time.perf_counter()
    while time.perf_counter() - begin < seconds:
        (a @ a).sum().item()
        count += 1
    return count * size**3 / (time.perf_counter() - begin)
