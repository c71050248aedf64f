"""The command ``pretrain``: make the bundled model anew, or one that reads English."""

import argparse
import os
from pathlib import Path

COMMANDS = {"pretrain": "train the small model that comes with the book, or one on English text"}
"""The command, and what it does."""

EXPERIMENT, ENGLISH = "mini-pretraining", "english-pretraining"


def add_parser(commands, name: str = "pretrain", asked: bool = True) -> None:
    """Add the parser of the command, with its options if it is the one that is asked for."""
    parser = commands.add_parser(
        name, help=COMMANDS[name], description=COMMANDS[name], conflict_handler="resolve"
    )
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
    bundled, english = records.fields(EXPERIMENT), records.fields(ENGLISH)
    shared = {field.name: field.default for field in bundled}
    other = [
        f"--{field.name.replace('_', '-')} {field.default}"
        for field in english
        if field.default != shared.get(field.name)
    ]
    parser.epilog = f"Defaults of the model on English text, with --corpus: {', '.join(other)}."
    parser.add_argument("--corpus", metavar="DIR", help="train on English: a folder of text files")
    parser.add_argument(
        "--data", metavar="DIR", help="with --corpus: folder of data sets, for unlabelled texts"
    )
    settings.add_options(parser, english)
    settings.add_options(parser, bundled)


def pretrain(options: argparse.Namespace) -> int:
    """Train, or go on; write ``FOLDER/model`` and ``FOLDER/EXPERIMENT/NAME.json``.

    Raises
    ------
    ValueError
        If an option belongs to the other model, or a folder is not sound.
    """
    from iclbook import records, states
    from iclbook.mini import text
    from iclbook.records import options as settings

    experiment, other = (ENGLISH, EXPERIMENT) if options.corpus else (EXPERIMENT, ENGLISH)
    given = settings.given(options, records.fields(experiment))
    foreign = settings.given(options, records.fields(other)).keys() - given.keys()
    if options.data and not options.corpus:
        foreign.add("data")
    if foreign:
        names = ", ".join("--" + name.replace("_", "-") for name in sorted(foreign))
        raise ValueError(
            f"{names} {'is' if len(foreign) == 1 else 'are'} for the model "
            + (
                "that comes with the book; leave out --corpus."
                if options.corpus
                else "that reads English; name its text with --corpus."
            )
        )
    os.environ[states.CHECKPOINTS] = str(options.folder)
    if options.corpus:
        os.environ[text.CORPUS] = options.corpus
    if options.data:
        os.environ[text.DATA] = options.data
    record = records.run(experiment, given, name=options.name)
    print(f"written: {options.folder / 'model'}")
    print(f"written: {records.write(record, options.folder)}")
    return 0
