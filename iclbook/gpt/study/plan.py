"""What ``python -m iclbook run`` is going to do: from its options to groups of cells.

The options hold words such as ``all``, ``search`` and ``paper``; here they become tasks, learning
rates and seeds.
"""

import argparse
import os
from dataclasses import fields
from pathlib import Path

from iclbook import published
from iclbook.gpt.study.cell import PAPER_GRID, SHORT_GRID
from iclbook.gpt.study.estimate import check
from iclbook.gpt.study.run import Group
from iclbook.gpt.study.setup import Setup
from iclbook.gpt.text import tasks
from iclbook.records.options import given


def use_folder(folder: str, groups: list[Group]) -> None:
    """Take the rows of every task that is no mini task and has no files from this folder."""
    named = {group.setup.task for group in groups if group.setup.task in tasks.TASKS}
    for task in sorted(named - set(tasks.MINI)):
        if not (Path(folder) / task).is_dir():
            raise ValueError(f"--data {folder} has no folder {task!r}; expected one a task")
    os.environ["ICLBOOK_DATA"] = folder


def groups(options: argparse.Namespace) -> list[Group]:
    """The groups that the options ask for."""
    shared = given(options, fields(Setup)) | {"settings": tuple(options.settings)}
    found = []
    for model in dict.fromkeys(options.model):
        wanted = []
        for name in options.tasks:
            everything = tasks.MINI if model.split("@")[0] == "mini" else tasks.SIX
            wanted += everything if name == "all" else [name]
        for task in dict.fromkeys(wanted):
            for seed in _seeds(options.seeds, model, task):
                setup = Setup(**(shared | {"model": model, "task": task, "seed": seed}))
                found.append(Group(setup, *_rates(options.lr, model, task)))
    return found


def _seeds(words: list[str], model: str, task: str) -> tuple[int, ...]:
    """Seeds of the draw."""
    if words == ["paper"]:
        return (_published_choice("seed", model, task),)
    try:
        return tuple(int(word) for word in words)
    except ValueError:
        raise ValueError(
            f"--seeds is {' '.join(words)!r}; expected whole numbers, or paper"
        ) from None


def _rates(words: list[str], model: str, task: str) -> tuple[tuple[float, ...], bool]:
    """Learning rates, and whether the best of them is to be found."""
    if words == ["search"]:
        return SHORT_GRID, True
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
    size = next((size for size in ("1.3B", "2.7B") if size.lower() in model.lower()), None)
    if size is None or task not in table.columns:
        raise ValueError(
            f"--{'seeds' if quantity == 'seed' else quantity} paper: the paper names this for its "
            f"models of 1.3B and 2.7B and the tasks {', '.join(table.columns)}; not for {model} "
            f"and {task}"
        )
    return table.value(task, model=size, quantity=quantity)


def show(groups: list[Group], out: Path) -> None:
    """One line a group: what it reads, and what it takes."""
    estimates = [check(group) for group in groups]
    print(
        f"{'model':12} {'task':14} {'seed':>4} {'items':>6} {'k used':>7} {'context':>8} "
        f"{'queries':>8} {'memory':>9} {'files':>9} {'time':>8}   (tokens; estimates)"
    )
    for group, found in zip(groups, estimates):
        setup = group.setup
        print(
            f"{Path(setup.model).name:12} {Path(setup.task).stem:14} {setup.seed:4d} "
            f"{found.items:6d} {found.k_used:3d}/{found.k:3d} {found.context:8d} "
            f"{found.queries:8d} {found.memory / 1e6:6.0f} MB {found.disk / 1e6:6.0f} MB "
            f"{found.seconds:6.0f} s"
        )
    total = sum(found.seconds for found in estimates)
    groups_of = "group" if len(groups) == 1 else "groups"
    print(f"{len(groups)} {groups_of} of cells, about {total:.0f} s, records in {out}")
