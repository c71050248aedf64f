"""What ``python -m iclbook run`` is going to do: from its options to groups of cells.

The options hold words such as ``all``, ``search`` and ``paper``; here they become tasks, learning
rates and seeds.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path, PurePath

from iclbook import console, published
from iclbook.gpt.model.packaged import PACKAGED
from iclbook.gpt.study.estimate import Estimate, check
from iclbook.gpt.study.names import short_names
from iclbook.gpt.study.rate import (
    MINI_GRID,
    PAPER_GRID,
    PRETRAINED_GRID,
    PRETRAINED_ROWS,
    Rate,
)
from iclbook.gpt.study.run import Group
from iclbook.gpt.study.setup import Setup
from iclbook.gpt.text import tasks
from iclbook.records.options import given

AUTHORS = {"fairseq-dense-1.3B": "1.3B", "fairseq-dense-2.7B": "2.7B"}
"""The models of Dai et al. (2023): last part of the hub's id or of a folder, and size."""


def groups(options: argparse.Namespace) -> list[Group]:
    """The groups that the options ask for, each once.

    Raises
    ------
    ValueError, TypeError
        If an option is not sound, whatever the models and tasks hold.
    """
    shared = given(options, fields(Setup))
    if "settings" in shared:
        shared["settings"] = tuple(shared["settings"])
    if shared.get("demonstrations") and (shared.keys() & {"k", "scheme"} or options.seeds != ["0"]):
        raise ValueError(
            "--demonstrations names the rows and their order; leave out --k, --seeds and --scheme"
        )
    kept = dict(control=getattr(options, "control", ""), arrays=options.save_arrays)
    found = []
    for model in options.model:
        bundled, wanted = _bundled(model), []
        selection = getattr(options, "selection", Rate.selection if bundled else PRETRAINED_ROWS)
        for name in options.tasks:
            everything = tasks.MINI if bundled else tasks.SIX
            wanted += everything if name == "all" else [name]
        for task in wanted:
            for seed in _seeds(options, model, task):
                setup = Setup(**(shared | {"model": model, "task": task, "seed": seed}))
                rates = _rates(options.lr, model, task) if "ft" in setup.settings else ()
                found.append(Group(setup, *rates, selection=selection, **kept))
    return list(dict.fromkeys(found))


def _bundled(model: str) -> bool:
    """Whether a model is the bundled one, at any step of its training or untrained."""
    return model.split("@")[0] == "mini"


def _seeds(options: argparse.Namespace, model: str, task: str) -> tuple[int, ...]:
    """Seeds of the draw."""
    words = options.seeds
    if words == ["paper"]:
        if getattr(options, "scheme", "") != "authors":
            raise ValueError("--seeds paper are seeds of the authors' draw; add --scheme authors")
        return (_published_choice("seed", model, task),)
    try:
        return tuple(int(word) for word in words)
    except ValueError:
        raise ValueError(
            f"--seeds is {' '.join(words)!r}; expected whole numbers, or paper"
        ) from None


def _rates(words: Sequence[str], model: str, task: str) -> tuple[tuple[float, ...], bool]:
    """Learning rates, and whether the best of them is to be found."""
    if words == ["search"]:
        return MINI_GRID if _bundled(model) else PRETRAINED_GRID, True
    if words == ["grid"]:
        return PAPER_GRID, True
    if words == ["paper"]:
        return (_published_choice("lr", model, task),), False
    try:
        return tuple(float(word) for word in words), False
    except ValueError:
        raise ValueError(
            f"--lr is {' '.join(words)!r}; expected numbers, or one of search, grid, paper"
        ) from None


def _published_choice(quantity: str, model: str, task: str) -> int | float:
    """The seed or rate of the paper's table 9; for another model or task, an error."""
    table = published.table("dai2023-9")
    size = AUTHORS.get(PurePath(model.partition("@")[0]).name)
    if size is None or task not in table.columns:
        raise ValueError(
            f"--{'seeds' if quantity == 'seed' else quantity} paper: the paper names this for its "
            f"own models (an id or a folder that ends in {' or '.join(AUTHORS)}) and the tasks "
            f"{', '.join(table.columns)}; not for {model} and {task}"
        )
    return table.value(task, model=size, quantity=quantity)


def at_hand(found: Sequence[Group]) -> list[Group]:
    """The groups that can be looked at without fetching a packaged model; of others it is said."""
    sizes = {name: model.to_fetch for name, model in PACKAGED.items()}
    for name in dict.fromkeys(group.setup.model for group in found):
        if size := sizes.get(name):
            print(f"{name}: no estimate, as its tokenizer is not here; a run fetches {size}")
    return [group for group in found if not sizes.get(group.setup.model)]


def with_rows(found: Sequence[Group]) -> list[Group]:
    """The groups without the tasks whose rows are nowhere; these are named in one line.

    It is for tasks that nobody named. If a place was asked for, its lack of rows is an error, and
    so are other faults of rows: see `sound`.
    """
    lacking = []
    for setup in (group.setup for group in found if not group.setup.data):
        if setup.task not in lacking:
            try:
                setup.rows()
            except (ConnectionError, ImportError):
                lacking.append(setup.task)
            except console.ERRORS:
                continue
    if lacking:
        print(
            "left out, as there is no hub here, and no rows of them in the package: "
            f"{', '.join(lacking)}; to have them, name a data folder with --data",
            file=sys.stderr,
        )
    return [group for group in found if group.setup.task not in lacking]


def writable(option: str, folder: Path) -> None:
    """Make the folder of an option, and a file in it, before anything is computed for it.

    Raises
    ------
    OSError
        If that cannot be done; the message names the option.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"{option} {folder}: nothing can be written there ({error.strerror})"
        ) from error


def sound(found: Sequence[Group]) -> dict[Group, Estimate]:
    """The groups that can run, each with its estimate; of the others it is said what is wrong."""
    estimates, faults = {}, {}
    for group in found:
        model = group.setup.model
        try:
            if model in faults:
                continue
            try:
                group.setup.card()
            except Exception as error:
                faults[model] = error
                raise
            estimates[group] = check(group)
        except Exception as error:  # whatever a model or a file holds
            what = model if model in faults else group.label
            print(f"error: {what}: {said(error)}", file=sys.stderr)
    return estimates


def said(error: Exception) -> str:
    """An error in one line, with its kind if the message was not written for a reader."""
    expected = isinstance(error, (*console.ERRORS, TypeError))
    return console.said(error) if expected else f"{type(error).__name__}: {error}"


def show(estimates: dict[Group, Estimate], out: Path, workers: int) -> None:
    """One line a group: what it reads, and what it takes."""
    short = short_names(group.setup.model for group in estimates)
    wide = max(map(len, short.values()))
    print(
        f"{'model':{wide}} {'task':14} {'rows':8} {'draw':>8} {'items':>6} {'k used':>7} "
        f"{'context':>8} {'queries':>8} {'memory':>9} {'files':>9} {'time':>8}"
        "   (tokens; estimates)"
    )
    for group, found in estimates.items():
        setup = group.setup
        drawn = PurePath(setup.demonstrations).stem or f"seed {setup.seed}"
        print(
            f"{short[setup.model]:{wide}} {PurePath(setup.task).stem:14} "
            f"{found.source['source']:8} {drawn[:8]:>8} "
            f"{found.items:6d} {found.k_used:3d}/{found.k:3d} {found.context:8d} "
            f"{found.queries:8d} {found.memory / 1e6:6.0f} MB {found.disk / 1e6:6.0f} MB "
            f"{found.seconds:6.0f} s"
        )
    total = sum(found.seconds for found in estimates.values()) / max(workers, 1)
    most = max(found.memory for found in estimates.values()) * max(workers, 1)
    groups_of = "group" if len(estimates) == 1 else "groups"
    print(
        f"{len(estimates)} {groups_of} of cells, about {total:.0f} s and {most / 1e9:.1f} GB of "
        f"memory, records in {out}"
    )
