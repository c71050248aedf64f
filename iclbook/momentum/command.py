"""Commands of Part IV: ``momentum`` trains, ``momentum-pretrained`` reads with a trained model."""

import argparse
from itertools import product
from pathlib import Path

from iclbook import records
from iclbook.records import options as settings

COMMANDS = {
    "momentum": "train small models with and without momentum attention, and compare them",
    "momentum-pretrained": "put momentum attention into a pretrained model",
}
"""Each command, and what it does; the experiments have the same names."""

VARIED = ("variant", "eta", "seed")
"""Settings of a training that have options for several values."""


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
        for option, kind, default, text in (
            (
                "--variants",
                str,
                ["plain", "momentum"],
                "of iclbook.momentum.variants",
            ),
            ("--etas", float, [0.5], "between 0 and 1; of all variants but plain"),
            ("--seeds", int, [0, 1, 2, 3, 4], "of weights and batches"),
        ):
            shown = " ".join(map(str, default))
            parser.add_argument(
                option, type=kind, nargs="+", default=default, help=f"{text} (default {shown})"
            )
    else:
        parser.set_defaults(command=_read)
        parser.add_argument("--name", default="own", help="of the record (%(default)s)")


def _train(options: argparse.Namespace) -> int:
    """Train what is not in the store yet, a record each, and print all that is there."""
    from iclbook.momentum import paired

    given = settings.given(options, options.fields)
    asked = product(options.seeds, options.variants, options.etas)
    plain = ("plain", options.etas[0])
    cells = [(s, v, e) for s, v, e in asked if v != "plain" or (v, e) == plain]
    kind = records.experiment_class("momentum")
    one = kind(**given)
    trainings = [kind(variant=v, eta=e, seed=s, **given) for s, v, e in cells]  # checked first
    for training in trainings:
        path = options.store / "momentum" / f"{name_of(training)}.json"
        if path.exists():
            print(f"there already: {path}")
            continue
        print(f"{training.variant}, eta {training.eta:g}, seed {training.seed}", flush=True)
        config = given | {name: getattr(training, name) for name in VARIED}
        record = records.run("momentum", config, name=name_of(training))
        print(f"written: {records.write(record, options.store)}", flush=True)
    print(*paired.lines(paired.recorded(one.text, one.start, options.store)), sep="\n")
    return 0


def name_of(training) -> str:
    """The name of a training's record."""
    rate = "" if training.variant == "plain" else f"-{training.eta:g}".replace(".", "p")
    text = "bundled" if training.start == "bundled" else Path(training.text).name.lower()
    return f"{text}-{training.variant}{rate}-seed-{training.seed}"


def _read(options: argparse.Namespace) -> int:
    name = "momentum-pretrained"
    path = options.store / name / f"{options.name}.json"
    if path.exists():
        raise ValueError(f"{path} exists; choose another --name, or remove the file")
    record = records.run(name, settings.given(options, options.fields), name=options.name)
    accuracies = record["accuracy"]
    for eta, value, accuracy in zip(record["etas"], record["perplexity"], accuracies, strict=True):
        shares = "  ".join(
            f"{task} {sum(draws) / len(draws):.3f}"
            for task, draws in zip(record.config["tasks"], accuracy, strict=True)
        )
        print(f"eta {eta:<6g} perplexity {value:<8.4g} in context: {shares}")
    print(f"written: {records.write(record, options.store)}")
    return 0
