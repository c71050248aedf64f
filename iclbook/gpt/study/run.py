"""Studies: many cells, and where a stopped study goes on.

Each cell is a record in the folder of the study. A cell whose record is there is not run again, so
the same command continues a study that was stopped. A record counts if its settings and the hashes
of its inputs are those that are asked for: other weights, rows or words under an old name are
another cell. Cells that share a model, a task and a seed share everything but the finetuning; such
a group is what an executor gets.
"""

import errno
import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath

from iclbook import records
from iclbook.gpt.study.cell import Cell
from iclbook.gpt.study.names import record_name
from iclbook.gpt.study.rate import Rate
from iclbook.gpt.study.setup import Setup

CELL, RATE = "gpt-cell", "gpt-rate"
"""The experiments' names in the registry of records."""

Progress = Callable[[str], object]


@dataclass(frozen=True)
class Group:
    """The cells of one model, task and seed.

    Attributes
    ----------
    setup : Setup
        What they share.
    rates : tuple of float
        Learning rates; of no use, and dropped, if nothing is finetuned.
    search : bool
        Whether the best of the rates is looked for first, and only that one gets a cell.
    selection : int
        How many training rows decide in the search.
    control : str
        What the cells are finetuned on for comparison, see `iclbook.gpt.study.cell.Cell`.
    arrays : str
        Folder in which each cell keeps what it observed; empty for none.
    """

    setup: Setup
    rates: tuple[float, ...] = ()
    search: bool = False
    selection: int = Rate.selection
    control: str = ""
    arrays: str = ""

    def __post_init__(self) -> None:
        finetunes = "ft" in self.setup.settings
        if finetunes and not self.rates:
            raise ValueError(f"rates is empty; finetuning of {self.label} needs one or more.")
        object.__setattr__(self, "rates", tuple(dict.fromkeys(self.rates)) if finetunes else ())
        object.__setattr__(self, "search", self.search and finetunes)

    @property
    def label(self) -> str:
        """Model, task, and seed or file of demonstrations."""
        setup = self.setup
        drawn = PurePath(setup.demonstrations).name or f"seed {setup.seed}"
        return f"{setup.model} {PurePath(setup.task).stem} {drawn}"

    @property
    def rate_search(self) -> Rate:
        """The experiment that looks for the best of the rates."""
        return Rate(**asdict(self.setup), rates=self.rates, selection=self.selection)

    def cells(self, rates: Sequence[float]) -> list[Cell]:
        """A cell for each rate, or one without finetuning."""
        shared = asdict(self.setup) | {"control": self.control, "arrays": self.arrays}
        return [Cell(**shared, lr=lr) for lr in rates] if self.rates else [Cell(**shared)]


def run_study(
    groups: Sequence[Group],
    out: Path,
    executor: Executor | None = None,
    progress: Progress = lambda line: None,
) -> Iterator[tuple[Group, list[Path] | Exception]]:
    """Run the cells that have no record yet.

    Parameters
    ----------
    groups : sequence of Group
        See `iclbook.gpt.study.estimate.check`, which finds bad input before any work.
    out : Path
        Folder of the records.
    executor : concurrent.futures.Executor, optional
        Who runs the groups (`iclbook.gpt.study.workers.Workers` are processes that may fail); by
        default this process, one after another.
    progress : callable
        Gets a line for each cell: as it ends in this process, from an executor as its group ends.

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
            yield group, _usable(_tried(group, out, progress), out)
        return
    futures = {executor.submit(_told, group, out): group for group in groups}
    for future in as_completed(futures):
        error = future.exception()
        lines, outcome = ([], error) if error else future.result()
        for line in lines:
            progress(line)
        yield futures[future], _usable(outcome, out)


def _told(group: Group, out: Path) -> tuple[list[str], list[Path] | Exception]:
    """What a process sends back: lines, and an outcome that passes between processes."""
    lines: list[str] = []
    outcome = _tried(group, out, lines.append)
    try:
        pickle.loads(pickle.dumps(outcome))
    except Exception:
        outcome = RuntimeError(f"{type(outcome).__name__}: {outcome}")
    return lines, outcome


def _tried(group: Group, out: Path, progress: Progress) -> list[Path] | Exception:
    """A group's records or its error: whatever a model or a file does must not stop the others."""
    try:
        return run_group(group, out, progress)
    except Exception as error:
        return error


def _usable(outcome, out: Path):
    if isinstance(outcome, OSError) and outcome.errno == errno.ENOSPC:
        raise OSError(
            errno.ENOSPC,
            f"no space left for the records in {out}. Finished cells are kept: make room and "
            "give the same command again",
        ) from outcome
    return outcome


def run_group(group: Group, out: Path, progress: Progress = lambda line: None) -> list[Path]:
    """Run the cells of a group that have no record yet; return the records' files."""
    rates, written = group.rates, []
    if group.search:
        label = f"{group.label}, {len(rates)} learning rates"
        path = _run_once(RATE, group.rate_search, label, out, progress)
        rates = (records.load(RATE, path.stem, out)["best"],)
        written.append(path)
    for cell in group.cells(rates):
        label = group.label + (f", rate {cell.lr:g}" if cell.lr else "")
        written.append(_run_once(CELL, cell, label, out, progress))
    return written


def _run_once(experiment: str, task: Cell | Rate, label: str, out: Path, progress) -> Path:
    name, inputs = record_name(task), task.inputs()
    path = out / experiment / f"{name}.json"
    arrays = getattr(task, "arrays", "")
    complete = not arrays or (Path(arrays).expanduser() / name).is_dir()
    if path.is_file():
        try:
            record = records.load(experiment, name, out)
        except records.RecordError:
            progress(f"{label}: the record is broken and is made anew")
        else:
            if record["inputs"] == inputs and complete:
                progress(f"{label}: done before")
                return path
    begin = time.perf_counter()
    record = records.run(experiment, asdict(task), name=name)
    if record["inputs"] != inputs:
        raise ValueError(
            f"{label}: the model, the task or its rows changed while they were read; give the same "
            "command again"
        )
    path = records.write(record, out)
    progress(f"{label}: {time.perf_counter() - begin:.1f} s{_seen(record)}")
    return path


def _seen(record: records.Record) -> str:
    """What came out, in a few words."""
    if record.experiment == RATE:
        return f", best {record['best']:g}"
    known = record.results.deterministic
    accuracies = known["accuracy"]["value"] if "accuracy" in known else {}
    words = [f"{name.upper()} {found['accuracy']:.3f}" for name, found in accuracies.items()]
    return "".join(f", {word}" for word in words + ["diverged"] * record["diverged"])
