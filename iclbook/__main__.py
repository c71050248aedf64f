"""The command line.

``python -m iclbook records list|validate|rerun NAME [--write]`` looks after the recorded runs. They
are those of the package; ``--store FOLDER`` names another folder.

``python -m iclbook regression EXPERIMENT [--OPTION VALUE ...]`` runs an experiment of Part II with
settings of your own and keeps it as a record.

``python -m iclbook run|table|tasks|models|pretrain`` are the language experiments.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import iclbook
from iclbook import records
from iclbook.gpt import command as gpt
from iclbook.mini import command as mini
from iclbook.records import options as settings
from iclbook.records import provenance, store

PARTS = {"regression": "run an experiment of Part II"}
"""Commands that run experiments; the names of these begin with the command."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code, 0 when all is well."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = (
        _runner(*arguments[:2]) if arguments[:1] in ([p] for p in PARTS) else _parser(arguments[:1])
    )
    options = parser.parse_args(arguments)
    if not hasattr(options, "command"):
        parser.print_help()
        return 0
    try:
        return options.command(options)
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (nothing more can be written)
        return 0
    except (ValueError, FloatingPointError, OSError, ImportError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser(asked: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser; what is slow to import, only for the command that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m iclbook", description=iclbook.__doc__)
    parser.add_argument("--version", action="version", version=f"iclbook {iclbook.__version__}")
    topics = parser.add_subparsers(title="commands")
    topic = topics.add_parser("records", help="list, check and repeat the recorded runs")
    topic.set_defaults(command=_list)
    topic.add_argument(
        "--store", type=Path, default=records.STORE, help="folder of the records (%(default)s)"
    )
    verbs = topic.add_subparsers(title="verbs")
    verbs.add_parser("list", help="show all records").set_defaults(command=_list)
    verbs.add_parser("validate", help="check all records").set_defaults(command=_validate)
    rerun = verbs.add_parser("rerun", help="run a recorded experiment again and compare")
    rerun.add_argument(
        "name", help="EXPERIMENT/NAME; the /NAME may be left out if there is only one"
    )
    rerun.add_argument(
        "--write", action="store_true", help="keep the new run, also under a name that is new"
    )
    rerun.set_defaults(command=_rerun)
    for part, what in PARTS.items():
        topics.add_parser(part, help=what)
    for group in (gpt, mini):
        for name in group.COMMANDS:
            group.add_parser(topics, name, [name] == list(asked))
    return parser


def _runner(part: str, asked: str = "") -> argparse.ArgumentParser:
    """The parser of one part. Only the experiment that is asked for is imported."""
    parser = argparse.ArgumentParser(prog="python -m iclbook", description=PARTS[part])
    topic = parser.add_subparsers().add_parser(part, description=PARTS[part])
    verbs = topic.add_subparsers(title="experiments", required=True)
    for experiment in sorted(records.EXPERIMENTS):
        if not experiment.startswith(f"{part}-"):
            continue
        short = experiment.removeprefix(f"{part}-")
        kind = records.find(experiment) if short == asked else None
        verb = verbs.add_parser(short, description=kind and kind.__doc__.splitlines()[0])
        if kind:
            verb.add_argument("--name", default="own", help="of the record (%(default)s)")
            verb.add_argument(
                "--store", type=Path, default=Path("records"), help="folder (%(default)s)"
            )
            settings.add_options(verb, kind)
            verb.set_defaults(command=_run, experiment=experiment, kind=kind)
    return parser


def _run(options: argparse.Namespace) -> int:
    config = settings.given(options, options.kind)
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


def _list(options: argparse.Namespace) -> int:
    if not options.store.is_dir():
        raise ValueError(f"--store {options.store} is no folder; name one that holds records")
    found = records.all_records(options.store)
    if not found:
        print("no records; make one with: python -m iclbook records rerun EXPERIMENT/NAME --write")
    for record in found:
        origin = record.provenance
        module = records.find(record.experiment).__module__
        changed = origin["sources_sha256"] != provenance.sources_sha256(module)
        print(
            f"{store.label_of(record):24} {origin['created'][:10]}  {origin['seconds']:7.1f} s  "
            f"{len(record.results.deterministic)} deterministic, "
            f"{len(record.results.measured)} measured  on {origin['cpu']}"
            + ("  (sources have changed since)" if changed else "")
        )
    return 0


def _validate(options: argparse.Namespace) -> int:
    broken = 0
    for path in store.paths(options.store):
        try:
            records.validate(path)
            print(f"good    {store.label(path)}")
        except records.RecordError as error:
            broken += 1
            print(f"broken  {store.label(path)}: {error}", file=sys.stderr)
    return 1 if broken else 0


def _rerun(options: argparse.Namespace) -> int:
    experiment, name = _split(options.name, options.store)
    records.find(experiment)
    is_new = options.write and not (options.store / experiment / f"{name}.json").exists()
    try:
        old = None if is_new else records.load(experiment, name, options.store)
    except records.RecordError as error:
        if not options.write:
            raise
        print(f"the old record cannot be read and is made anew from the defaults: {error}")
        old = None
    print(f"running {experiment}/{name} ...", flush=True)
    new = records.run(experiment, old.config if old else None, name=name)
    agree = _show(records.compare(old, new)) if old else True
    if options.write:
        print(f"written: {records.write(new, options.store)}")
        return 0
    print("all deterministic results agree" if agree else "deterministic results have changed")
    return 0 if agree else 1


def _split(name: str, folder: Path) -> tuple[str, str]:
    experiment, _, run = name.partition("/")
    if run:
        return experiment, run
    records.find(experiment)
    names = [path.stem for path in store.paths(folder) if path.parent.name == experiment]
    if len(names) != 1:
        known = ", ".join(f"{experiment}/{n}" for n in names) or "none"
        raise ValueError(f"say which record of {experiment!r} you mean; known: {known}")
    return experiment, names[0]


def _show(differences: list[records.Difference]) -> bool:
    for item in differences:
        if item.unit is None:
            mark = "same" if item.agrees else "DIFFERS"
            print(f"{mark:8} {item.name}: change {item.change:.3g}, allowed {item.tolerance:.3g}")
            continue
        then, now = np.asarray(item.old), np.asarray(item.new)
        if then.ndim == 0:
            text = f"then {item.old} {item.unit}, now {item.new} {item.unit}"
        else:
            low, middle, high = np.quantile(now / then, [0, 0.5, 1])
            text = f"now / then is {middle:.2f} in the median, {low:.2f} to {high:.2f}"
        print(f"measured {item.name}: {text}")
    return all(item.agrees for item in differences)


if __name__ == "__main__":
    sys.exit(main())
