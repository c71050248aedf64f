"""Commands of the language experiments: ``run``, ``table``, ``tasks``, ``models``."""

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from iclbook import records, threads
from iclbook.records import options as settings
from iclbook.validate import check_count

EXPERIMENTS = ("gpt-cell", "gpt-rate")
"""What `run` runs; its options are their settings."""

PLURAL = ("model", "task", "seed", "lr", "rates", "arrays")
"""Settings that have options of another name, or that take more than one value."""

COMMANDS = {
    "run": "compare in-context learning with finetuning on a language model",
    "table": "print the paper's tables beside yours",
    "tasks": "list the tasks, or show one prompt of each",
    "models": "list model families that work, and models to begin with",
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
    parser.set_defaults(command=_run)
    parser.add_argument(
        "--model",
        nargs="+",
        default=["mini"],
        metavar="NAME",
        help="mini, packaged models such as smollm2, folders, GGUF files, or ids of the hub, also "
        "id@revision; with @untrained behind it, with weights drawn at random, with @untrained:1 "
        "with other ones (default mini)",
    )
    parser.add_argument(
        "--tasks",
        nargs="+",
        default=["all"],
        metavar="TASK",
        help="names, TOML files, or all: the six of the paper, less those whose rows cannot be "
        "had here, or their small versions for the model mini (default all)",
    )
    parser.add_argument(
        "--seeds",
        nargs="+",
        default=["0"],
        metavar="SEED",
        help="draws of demonstrations; or paper: the one that it chose for the model and task "
        "(default 0)",
    )
    parser.add_argument(
        "--lr",
        nargs="+",
        default=["search"],
        metavar="RATE",
        help="learning rates; or search: the best on other items of four for pretrained models, "
        "of eight larger ones for mini; or grid: the best of the paper's 36; or paper: those it "
        "chose (default search)",
    )
    settings.add_options(parser, _fields())
    parser.add_argument(
        "--workers", type=int, default=0, help="processes; 0: this one alone (default %(default)s)"
    )
    parser.add_argument(
        "--save-arrays",
        metavar="DIR",
        default="",
        help="keep what is observed of each item as arrays, in a folder for each record",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("records"),
        help="folder of the records (default %(default)s)",
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything, print tokens, memory and time, and stop; a packaged model is not "
        "fetched for it",
    )


def _fields() -> list[records.Field]:
    """The settings of a cell and of the search that are options under their own names."""
    found = {field.name: field for name in EXPERIMENTS for field in records.fields(name)}
    found["threads"] = replace(found["threads"], default="OMP_NUM_THREADS, else the cores at hand")
    found["selection"] = replace(found["selection"], default="200 for mini, else 60")
    return [field for name, field in found.items() if name not in PLURAL]


def _run(options: argparse.Namespace) -> int:
    from tqdm import tqdm

    from iclbook.gpt.study import plan
    from iclbook.gpt.study.run import run_study
    from iclbook.gpt.study.workers import Workers

    check_count("--workers", options.workers, low=0)
    if "threads" not in options:
        options.threads = max(1, threads.default() // max(options.workers, 1))
    groups = plan.groups(options)
    if options.dry_run:
        groups = plan.at_hand(groups)
        if not groups:
            return 0
    else:
        plan.writable("--out", options.out)
        if options.save_arrays:
            plan.writable("--save-arrays", Path(options.save_arrays).expanduser())
    if "all" in options.tasks:
        groups = plan.with_rows(groups)
    estimates = plan.sound(groups)
    if not estimates:
        return 1
    plan.show(estimates, options.out, options.workers)
    failed = len(groups) - len(estimates)
    if options.dry_run:
        return 1 if failed else 0
    executor = Workers(options.workers) if options.workers else None
    bar = tqdm(total=len(estimates), unit="group", file=sys.stderr, disable=None)
    try:
        for group, outcome in run_study(list(estimates), options.out, executor, bar.write):
            bar.update()
            if isinstance(outcome, Exception):
                failed += 1
                print(f"error: {group.label}: {plan.said(outcome)}", file=sys.stderr)
    except KeyboardInterrupt:
        print("stopped; the same command goes on from here", file=sys.stderr)
        return 130
    finally:
        bar.close()
        if executor is not None:
            executor.shutdown(cancel_futures=True)
    print(f"records: {options.out}; tables: python -m iclbook table --out {options.out}")
    return 1 if failed else 0


def _add_table(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_table)
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("records"),
        help="folder of the records (default %(default)s)",
    )
    parser.add_argument(
        "--format",
        choices=("text", "csv", "latex", "html"),
        default="text",
        help="(default %(default)s)",
    )
    parser.add_argument(
        "--position",
        choices=("last", "label"),
        default=None,
        help="where similarities are read; default: the preset's first",
    )
    parser.add_argument("--model", nargs="+", default=(), metavar="NAME", help="only these models")
    parser.add_argument("--tasks", nargs="+", default=(), metavar="TASK", help="only these tasks")
    parser.add_argument(
        "--k", nargs="+", type=int, default=(), help="only these numbers of demonstrations"
    )


def _table(options: argparse.Namespace) -> int:
    from iclbook.gpt.report import render
    from iclbook.gpt.report.tables import of_stores

    if not options.out.is_dir():
        raise ValueError(f"--out {options.out} is no folder; name the one that `run` wrote to")
    only = {"models": options.model, "tasks": options.tasks, "k": options.k}
    broken = []

    def leave_out(error: Exception) -> None:
        broken.append(error)
        print(f"left out: {error}", file=sys.stderr)

    found = of_stores(options.out, position=options.position, **only, broken=leave_out)
    print(render.render(found, options.format))
    return 1 if broken else 0


def _add_tasks(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_tasks)
    parser.add_argument("names", nargs="*", metavar="TASK", help="show these with an example")
    parser.add_argument("--data", metavar="DIR", help="folder of data sets, or package or hub")
    parser.add_argument("--wording", default="code", help="code, paper (default %(default)s)")


def _tasks(options: argparse.Namespace) -> int:
    from iclbook.gpt.text import data, tasks

    if not options.names:
        for task in tasks.TASKS.values():
            print(f"{task.name:12} {' / '.join(task.labels):45} {task.template[-60:]!r}")
        held = ", ".join(name for name, task in tasks.TASKS.items() if data.packaged(task))
        print(
            "\nRows come from a data folder (--data, ICLBOOK_DATA), else from the hub, else from"
            f"\nthe package: a few hundred of {held}. The bundled language makes those of mini-*."
        )
        return 0
    for name in options.names:
        task = tasks.find_task(name, options.wording)
        rows = data.load_rows(task, options.data)
        print(rows.summary)
        print(json.dumps(task.prompt(rows.train[0]) + task.answer(rows.train[0]["label"])))
    return 0


def _add_models(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_models)


def _models(options: argparse.Namespace) -> int:
    from iclbook.gpt.model.listing import listing

    print(listing())
    return 0
