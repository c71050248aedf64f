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
    from iclbook.gpt.study.setup import Setup

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
        ("dtype", "auto, float32, float64, bfloat16, float16"),
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

    from iclbook.gpt.study import plan
    from iclbook.gpt.study.run import run_study

    groups = plan.groups(options)
    if options.data:
        plan.use_folder(options.data, groups)
    plan.show(groups, options.out)
    if options.dry_run:
        return 0
    executor = None
    if options.workers:
        executor = ProcessPoolExecutor(options.workers, mp_context=get_context("spawn"))
    failed = []
    bar = tqdm(total=len(groups), unit="group", file=sys.stderr, disable=None)
    try:
        for group, outcome in run_study(groups, options.out, executor, bar.write):
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
    from iclbook.gpt.report import render
    from iclbook.gpt.report.tables import of_stores

    if not options.out.is_dir():
        raise ValueError(f"--out {options.out} is no folder; name the one that `run` wrote to")
    print(render.render(of_stores(options.out, position=options.position), options.format))
    return 0


def _add_tasks(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_tasks)
    parser.add_argument("names", nargs="*", metavar="TASK", help="show these with an example")
    parser.add_argument("--data", metavar="DIR", help="folder of data sets")
    parser.add_argument("--wording", default="code", help="code, paper (%(default)s)")


def _tasks(options: argparse.Namespace) -> int:
    from iclbook.gpt.study.setup import find_task
    from iclbook.gpt.text import data, tasks

    if not options.names:
        for task in tasks.TASKS.values():
            print(f"{task.name:12} {' / '.join(task.labels):45} {task.template[-60:]!r}")
        return 0
    for name in options.names:
        task = find_task(name, options.wording)
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
