"""The command line: ``python -m iclbook records list|validate|rerun NAME [--write]``.

Records are those of the package; ``--store FOLDER`` names another folder.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import iclbook
from iclbook import records
from iclbook.records import provenance, store


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return the exit code, 0 when all is well."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if not hasattr(options, "command"):
        parser.print_help()
        return 0
    try:
        return options.command(options)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
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
    return parser


def _list(options: argparse.Namespace) -> int:
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
    old = None if is_new else records.load(experiment, name, options.store)
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
