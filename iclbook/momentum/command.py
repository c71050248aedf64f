"""Commands of Part IV.

``momentum`` trains, ``momentum-pretrained`` reads with a trained model, ``momentum-cost`` measures.
"""

import argparse
from dataclasses import asdict
from importlib import import_module
from itertools import product
from pathlib import Path

from iclbook import records
from iclbook.records import options as settings
from iclbook.records.rerun import portable
from iclbook.records.store import read

COMMANDS = {
    "momentum": "train small models with and without momentum attention, and compare them",
    "momentum-pretrained": "put momentum attention into a pretrained model",
    "momentum-cost": "time and memory of a training step with momentum attention and without",
}
"""Each command, and what it does; the experiments have the same names."""

VARIED = {"variant": ["plain", "momentum"], "eta": [0.5], "seed": [0, 1, 2, 3, 4]}
"""Settings of a training that have options for several values, and the values by default."""


def add_parser(commands, name: str, asked: bool) -> None:
    """Add the parser of one command, with its options if it is the one that is asked for."""
    parser = commands.add_parser(name, help=COMMANDS[name], description=COMMANDS[name])
    if not asked:
        return
    fields = [field for field in records.fields(name) if field.name not in VARIED]
    parser.set_defaults(fields=fields)
    parser.add_argument(
        "--store", type=Path, default=Path("records"), help="folder of the records (%(default)s)"
    )
    settings.add_options(parser, fields)
    if name == "momentum":
        parser.set_defaults(command=_train)
        for field in records.fields(name):
            if field.name in VARIED:
                default = VARIED[field.name]
                shown = " ".join(map(str, default))
                parser.add_argument(
                    f"--{field.name}s",
                    type=field.kind,
                    nargs="+",
                    metavar=field.kind.__name__.upper(),
                    default=default,
                    help=f"{field.text} (default {shown})",
                )
    else:
        parser.set_defaults(command=_record, experiment=name)
        parser.add_argument("--name", default="own", help="of the record (%(default)s)")


def _train(options: argparse.Namespace) -> int:
    """Train what is not in the store yet, a record each, and print all that is there."""
    from iclbook.momentum import paired
    from iclbook.momentum.training import name_of

    given = settings.given(options, options.fields)
    asked = product(options.seeds, options.variants, options.etas)
    plain = ("plain", options.etas[0])
    cells = [(s, v, e) for s, v, e in asked if v != "plain" or (v, e) == plain]
    kind = records.experiment_class("momentum")
    one = kind(**given)
    trainings = [kind(variant=v, eta=e, seed=s, **given) for s, v, e in cells]  # checked first
    found = [options.store / "momentum" / f"{name_of(training)}.json" for training in trainings]
    there = [_there(path, training) for path, training in zip(found, trainings, strict=True)]
    for training, path, done in zip(trainings, found, there, strict=True):
        if done:
            print(f"there already: {path}")
            continue
        print(f"{training.variant}, eta {training.eta:g}, seed {training.seed}", flush=True)
        config = given | {name: getattr(training, name) for name in VARIED}
        record = records.run("momentum", config, name=name_of(training))
        print(f"written: {records.write(record, options.store)}", flush=True)
    print(*paired.lines(paired.recorded(one.text, one.start, options.store)), sep="\n")
    return 0


def _there(path: Path, training) -> bool:
    """Whether a training is recorded; refuse a record of other settings."""
    from iclbook.momentum.paired import APART

    if not path.exists():
        return False
    config = read(path).config
    for name, asked in portable(asdict(training)).items():
        if name not in APART and config[name] != asked:
            raise ValueError(
                f"{path} was trained with {name} {config[name]!r}, and {asked!r} is asked for; "
                "name another --store, or remove the file."
            )
    return True


def _record(options: argparse.Namespace) -> int:
    """Make one record and print it."""
    name = options.experiment
    path = options.store / name / f"{options.name}.json"
    if path.exists():
        raise ValueError(f"{path} exists; choose another --name, or remove the file")
    record = records.run(name, settings.given(options, options.fields), name=options.name)
    lines = import_module(records.experiment_class(name).__module__).lines
    print(*lines(record), sep="\n")
    print(f"written: {records.write(record, options.store)}")
    return 0
