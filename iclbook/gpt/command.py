"""Commands of the language experiments: ``run``, ``table``, ``tasks``, ``models``."""

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

COMMANDS = {
    "run": "compare in-context learning with finetuning on a language model",
    "table": "print the paper's tables beside yours",
    "tasks": "list the tasks, or show one prompt of each",
    "models": "list model families and names that are known to work",
}
"""Each command, and what it does."""


def add_parser(commands, name: str, asked: bool) -> None:
    """Add the parser of one command, with its options if it is the one that is asked for."""
    parser = commands.add_parser(name, help=COMMANDS[name], description=COMMANDS[name])
    if asked:
        {"run": _add_run, "table": _add_table, "tasks": _add_tasks, "models": _add_models}[name](
            parser
        )


def _add_run(parser: argparse.ArgumentParser) -> None:
    from iclbook.gpt.setup import Setup

    parser.set_defaults(command=_run)
    default = Setup()
    parser.add_argument(
        "--model",
        nargs="+",
        default=["mini"],
        metavar="NAME",
        help="mini, folders, or ids of the hub, also id@revision (%(default)s)",
    )
    parser.add_argument(
        "--tasks",
        nargs="+",
        default=["all"],
        metavar="TASK",
        help="names, TOML files, or all: the six of the paper, or their small "
        "versions for the model mini (%(default)s)",
    )
    parser.add_argument(
        "--data", metavar="DIR", help="folder of data sets; default: ICLBOOK_DATA, else the hub"
    )
    parser.add_argument("--k", type=int, default=default.k, help="demonstrations (%(default)s)")
    parser.add_argument(
        "--seeds",
        nargs="+",
        default=["0"],
        metavar="SEED",
        help="draws of demonstrations; or paper: the one that it chose for the model and task "
        "(%(default)s)",
    )
    parser.add_argument(
        "--lr",
        nargs="+",
        default=["search"],
        metavar="RATE",
        help="learning rates; or search: the best of eight on other items; or "
        "grid: the best of the paper's 36; or paper: those it chose (%(default)s)",
    )
    parser.add_argument(
        "--items",
        type=int,
        default=default.items,
        help="evaluate at most so many items, 0 for all (%(default)s)",
    )
    for name, what in (
        ("preset", "what is measured: book, dai-code"),
        ("wording", "of the templates: code, paper"),
        ("scheme", "of the draw: book, authors"),
        ("rule", "gd, lcgd-paper, lcgd-code"),
        ("parameters", "what is finetuned: kv, all, v:LAYER"),
        ("loss", "on all tokens, or the label"),
        ("optimiser", "sgd, adam"),
        ("device", "auto, cpu, cuda, cuda:1"),
        ("dtype", "auto, float32, bfloat16, float16"),
    ):
        parser.add_argument(
            f"--{name}", default=getattr(default, name), help=f"{what} (%(default)s)"
        )
    parser.add_argument(
        "--long-labels", action="store_true", help="allow label words of several tokens"
    )
    parser.add_argument(
        "--ft-all-k",
        action="store_true",
        help="finetune on all k demonstrations, also those that do not fit the window",
    )
    parser.add_argument(
        "--settings",
        nargs="+",
        default=list(default.settings),
        help="of zsl, ft and icl (all three)",
    )
    parser.add_argument(
        "--epochs", type=int, default=default.epochs, help="of the finetuning (%(default)s)"
    )
    parser.add_argument(
        "--batch",
        type=int,
        default=default.batch,
        help="of the finetuning, 0 for all at once (%(default)s)",
    )
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count() or 1, help="CPU threads (%(default)s)"
    )
    parser.add_argument(
        "--workers", type=int, default=0, help="processes; 0: this one alone (%(default)s)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("records"), help="folder of the records (%(default)s)"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything, print tokens, memory and time, and stop",
    )


def _run(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from iclbook.gpt import study

    groups = _groups(options)
    if options.data:
        _use_folder(options.data, groups)
    _print_plan(groups, options)
    if options.dry_run:
        return 0
    executor = None
    if options.workers:
        executor = ProcessPoolExecutor(options.workers, mp_context=get_context("spawn"))
    failed = []
    bar = tqdm(total=len(groups), unit="group", file=sys.stderr, disable=None)
    try:
        for group, outcome in study.run(groups, options.out, executor, bar.write):
            bar.update()
            if isinstance(outcome, Exception):
                failed.append(group)
                print(f"error: {group.label}: {outcome}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    finally:
        bar.close()
        if executor is not None:
            executor.shutdown(cancel_futures=True)
    print(f"records: {options.out}; tables: python -m iclbook table --out {options.out}")
    return 1 if failed else 0


def _use_folder(folder: str, groups: list) -> None:
    """Take the rows of every task that is no mini task and has no files from this folder."""
    from iclbook.gpt import tasks

    named = {group.setup.task for group in groups if group.setup.task in tasks.TASKS}
    for task in sorted(named - set(tasks.MINI)):
        if not (Path(folder) / task).is_dir():
            raise ValueError(f"--data {folder} has no folder {task!r}; expected one a task")
    os.environ["ICLBOOK_DATA"] = folder


def _groups(options: argparse.Namespace) -> list:
    """The groups that the options ask for."""
    from iclbook.gpt import study, tasks
    from iclbook.gpt.setup import Setup
    from iclbook.records.options import given

    shared = given(options, Setup) | {"settings": tuple(options.settings)}
    groups = []
    for model in dict.fromkeys(options.model):
        wanted = []
        for name in options.tasks:
            everything = tasks.MINI if model.split("@")[0] == "mini" else tasks.SIX
            wanted += everything if name == "all" else [name]
        for task in dict.fromkeys(wanted):
            for seed in _seeds(options.seeds, model, task):
                setup = Setup(**(shared | {"model": model, "task": task, "seed": seed}))
                groups.append(study.Group(setup, *_rates(options.lr, model, task)))
    return groups


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
    from iclbook.gpt.experiment import PAPER_GRID, SHORT_GRID

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
    from iclbook import published

    table = published.table("dai2023-9")
    size = next((size for size in ("1.3B", "2.7B") if size.lower() in model.lower()), None)
    if size is None or task not in table.columns:
        raise ValueError(
            f"--{'seeds' if quantity == 'seed' else quantity} paper: the paper names this for its "
            f"models of 1.3B and 2.7B and the tasks {', '.join(table.columns)}; not for {model} "
            f"and {task}"
        )
    return table.value(task, model=size, quantity=quantity)


def _print_plan(groups: list, options: argparse.Namespace) -> None:
    """One line a group: what it reads, and what it takes."""
    from iclbook.gpt import study

    estimates = [study.check(group) for group in groups]
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
    print(f"{len(groups)} {groups_of} of cells, about {total:.0f} s, records in {options.out}")


def _add_table(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_table)
    parser.add_argument(
        "--out", type=Path, default=Path("records"), help="folder of the records (%(default)s)"
    )
    parser.add_argument(
        "--format", choices=("text", "csv", "latex", "html"), default="text", help="(%(default)s)"
    )
    parser.add_argument(
        "--position",
        choices=("last", "label"),
        default=None,
        help="where similarities are read; default: the preset's first",
    )


def _table(options: argparse.Namespace) -> int:
    from iclbook.gpt import render, report

    if not options.out.is_dir():
        raise ValueError(f"--out {options.out} is no folder; name the one that `run` wrote to")
    print(render.render(report.tables(options.out, position=options.position), options.format))
    return 0


def _add_tasks(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_tasks)
    parser.add_argument("names", nargs="*", metavar="TASK", help="show these with an example")
    parser.add_argument("--data", metavar="DIR", help="folder of data sets")
    parser.add_argument("--wording", default="code", help="code, paper (%(default)s)")


def _tasks(options: argparse.Namespace) -> int:
    from iclbook.gpt import data, tasks
    from iclbook.gpt.setup import find_task

    if not options.names:
        for task in tasks.TASKS.values():
            print(f"{task.name:12} {' / '.join(task.labels):45} {task.template[-60:]!r}")
        return 0
    for name in options.names:
        task = find_task(name, options.wording)
        rows = data.load(task, options.data)
        print(rows.summary)
        print(json.dumps(task.prompt(rows.train[0]) + task.answer(rows.train[0]["label"])))
    return 0


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_models)


def _models(options: argparse.Namespace) -> int:
    from iclbook.gpt.sources import known

    for model in known():
        window = f"{model.window:,} tokens"
        print(f"{model.name:36} {model.family:9} {model.parameters:>5} {window:>15}  {model.note}")
    return 0
