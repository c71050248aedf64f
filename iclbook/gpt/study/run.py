"""Studies: many cells, and where a stopped study goes on.

Each cell is a record in the folder of the study. A cell whose record is there is not run again, so
the same command continues a study that was stopped. Cells that share a model, a task and a seed
share everything but the finetuning; such a group is what an executor gets.
"""

import errno
import re
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

from iclbook import records
from iclbook.gpt.study.cell import Cell, Rate
from iclbook.gpt.study.setup import Setup

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


def run_study(
    groups: Sequence[Group],
    out: Path,
    executor: Executor | None = None,
    progress: Callable[[str], None] = lambda line: None,
) -> Iterator[tuple[Group, list[Path] | Exception]]:
    """Run the cells that have no record yet.

    Parameters
    ----------
    groups : sequence of Group
        See `iclbook.gpt.study.estimate.check`, which finds bad input before any work.
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
