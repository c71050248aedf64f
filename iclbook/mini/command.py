"""The command ``pretrain``: make the bundled model anew, or one with settings of your own."""

import argparse
import os
from pathlib import Path

COMMANDS = {"pretrain": "train the small model that comes with the book"}
"""The command, and what it does."""

EXPERIMENT = "mini-pretraining"


def add_parser(commands, name: str = "pretrain", asked: bool = True) -> None:
    """Add the parser of the command, with its options if it is the one that is asked for."""
    parser = commands.add_parser(name, help=COMMANDS[name], description=COMMANDS[name])
    if not asked:
        return
    from iclbook import records
    from iclbook.records import options as settings

    parser.set_defaults(command=pretrain)
    parser.add_argument(
        "--folder",
        type=Path,
        default=Path("pretraining"),
        help="gets the model, its record, and the state from which a stopped training goes on "
        "(%(default)s)",
    )
    settings.add_options(parser, records.find(EXPERIMENT))


def pretrain(options: argparse.Namespace) -> int:
    """Train, or go on; write ``FOLDER/model`` and ``FOLDER/mini-pretraining/own.json``."""
    from iclbook import records
    from iclbook.mini.pretrain import CHECKPOINTS, save
    from iclbook.records import options as settings

    os.environ[CHECKPOINTS] = str(options.folder)
    given = settings.given(options, records.find(EXPERIMENT))
    record = records.run(EXPERIMENT, given, name="own")
    save(options.folder / "mini" / f"step-{record['step'][-1]}", options.folder / "model")
    print(f"written: {options.folder / 'model'}")
    print(f"written: {records.write(record, options.folder)}")
    return 0
