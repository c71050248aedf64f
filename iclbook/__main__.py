"""The command line.

``python -m iclbook records list|validate|rerun NAME [--write]`` looks after the recorded runs. They
are those of the package; ``--store FOLDER`` names another folder.

``python -m iclbook regression EXPERIMENT [--OPTION VALUE ...]`` runs an experiment of Part II with
settings of your own and keeps it as a record; ``python -m iclbook doubts EXPERIMENT ...`` one of
Part V.

``python -m iclbook run|table|tasks|models|pretrain`` are the language experiments, ``momentum``,
``momentum-pretrained`` and ``momentum-cost`` those of Part IV.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import iclbook
from iclbook import console, records
from iclbook.gpt import command as gpt
from iclbook.mini import command as mini
from iclbook.momentum import command as momentum
from iclbook.records import command as recorded
from iclbook.records import options as settings
from iclbook.records import signature

PARTS = {
    "doubts": "run an experiment of Part V",
    "regression": "run an experiment of Part II",
}
"""Commands that run experiments; the names of these begin with the command."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code, 0 when all is well."""
    return console.answered(_answer, sys.argv[1:] if arguments is None else arguments)


def _answer(arguments: Sequence[str]) -> int:
    parser = (
        _runner(*arguments[:2]) if arguments[:1] in ([p] for p in PARTS) else _parser(arguments[:1])
    )
    options = parser.parse_args(arguments)
    if not hasattr(options, "command"):
        parser.print_help()
        return 0
    return options.command(options)


def _parser(asked: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser; what is slow to import, only for the command that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m iclbook", description=iclbook.__doc__)
    parser.add_argument("--version", action="version", version=f"iclbook {iclbook.__version__}")
    topics = parser.add_subparsers(title="commands")
    recorded.add_parser(topics)
    for part, what in PARTS.items():
        topics.add_parser(part, help=what)
    for group in (gpt, mini, momentum):
        for name in group.COMMANDS:
            group.add_parser(topics, name, [name] == list(asked))
    return parser


def _runner(part: str, asked: str = "") -> argparse.ArgumentParser:
    """The parser of one part, with the options of the experiment that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m iclbook", description=PARTS[part])
    topic = parser.add_subparsers().add_parser(part, description=PARTS[part])
    verbs = topic.add_subparsers(title="experiments", required=True)
    for experiment in sorted(records.EXPERIMENTS):
        if not experiment.startswith(f"{part}-"):
            continue
        short = experiment.removeprefix(f"{part}-")
        chosen = short == asked
        verb = verbs.add_parser(short, description=signature.summary(experiment) if chosen else "")
        if chosen:
            verb.add_argument("--name", default="own", help="of the record (%(default)s)")
            verb.add_argument(
                "--store", type=Path, default=Path("records"), help="folder (%(default)s)"
            )
            settings.add_options(verb, records.fields(experiment))
            verb.set_defaults(command=_run, experiment=experiment)
    return parser


def _run(options: argparse.Namespace) -> int:
    config = settings.given(options, records.fields(options.experiment))
    path = options.store / options.experiment / f"{options.name}.json"
    if path.exists():
        raise ValueError(f"{path} exists; choose another --name, or remove the file")
    print(f"running {options.experiment} ...", flush=True)
    record = records.run(options.experiment, config, name=options.name)
    for name, result in record.results.deterministic.items():
        print(f"{name}: {_short(result['value'])}")
    print(f"written: {records.write(record, options.store)}")
    return 0


def _short(value: object) -> str:
    text = np.array2string(np.asarray(value), precision=4, threshold=20, separator=", ")
    return text.replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main())
