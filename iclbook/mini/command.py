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
        "--out",
        "--folder",
        type=Path,
        dest="folder",
        metavar="DIR",
        default=Path("pretraining"),
        help="gets the model, its record, and the state from which a stopped training goes on "
        "(%(default)s)",
    )
    parser.add_argument("--name", default="own", help="of the record (%(default)s)")
    settings.add_options(parser, records.fields(EXPERIMENT))


def pretrain(options: argparse.Namespace) -> int:
    """Train, or go on; write ``FOLDER/model`` and ``FOLDER/mini-pretraining/NAME.json``.

    Raises
    ------
    ValueError
        If the folder is not sound.
    """
    from iclbook import records, states
    from iclbook.records import options as settings

    given = settings.given(options, records.fields(EXPERIMENT))
    os.environ[states.CHECKPOINTS] = str(options.folder)
    record = records.run(EXPERIMENT, given, name=options.name)
    print(f"written: {options.folder / 'model'}")
    print(f"written: {records.write(record, options.folder)}")
    return 0
