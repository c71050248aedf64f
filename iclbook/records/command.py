"""The command ``records``: list, check and repeat the recorded runs."""

import argparse
import sys
from pathlib import Path

import numpy as np

from iclbook import records
from iclbook.console import ERRORS, said
from iclbook.records import sources, store


def add_parser(commands) -> None:
    """Add the parser of the command and of its verbs."""
    topic = commands.add_parser("records", help="list, check and repeat the recorded runs")
    topic.set_defaults(command=_list)
    topic.add_argument(
        "--store", type=Path, default=records.STORE, help="folder of the records (%(default)s)"
    )
    verbs = topic.add_subparsers(title="verbs")
    verbs.add_parser("list", help="show all records").set_defaults(command=_list)
    verbs.add_parser("validate", help="check all records").set_defaults(command=_validate)
    rerun = verbs.add_parser("rerun", help="run recorded experiments again and compare")
    rerun.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="EXPERIMENT/NAME; the /NAME may be left out if there is only one",
    )
    rerun.add_argument(
        "--under",
        type=float,
        metavar="SECONDS",
        help="all records, or all of the experiments named, that took less",
    )
    rerun.add_argument(
        "--write", action="store_true", help="keep the new runs, also under a name that is new"
    )
    rerun.set_defaults(command=_rerun)


def _list(options: argparse.Namespace) -> int:
    if not options.store.is_dir():
        raise ValueError(f"--store {options.store} is no folder; name one that holds records")
    broken = []
    found = records.all_records(options.store, broken.append)
    if not found and not broken:
        print("no records; make one with: python -m iclbook records rerun EXPERIMENT/NAME --write")
    wide = max((len(store.label_of(record)) for record in found), default=0)
    for record in found:
        origin = record.provenance
        print(
            f"{store.label_of(record):{wide}}  {origin['created'][:10]}  "
            f"{origin['seconds']:7.1f} s  "
            f"{len(record.results.deterministic)} deterministic, "
            f"{len(record.results.measured)} measured  on {origin['cpu']}"
            + _sources(origin["sources"])
        )
    for error in broken:
        print(f"broken: {error}", file=sys.stderr)
    return 1 if broken else 0


def _sources(recorded: dict[str, str | None] | None) -> str:
    """What is to be said of a record's sources; nothing if they are as they were."""
    if recorded is None:
        return "  (sources not known)"
    unknown = [name for name, sha in recorded.items() if sha is None]
    parts = (("changed since", sources.changed(recorded)), ("not known", unknown))
    said = "; ".join(f"{what}: {_some(names)}" for what, names in parts if names)
    return f"  ({said})" if said else ""


def _some(names: list[str], most: int = 3) -> str:
    text = ", ".join(name.removeprefix("iclbook/") for name in names[:most])
    return text + (f" and {len(names) - most} more" if len(names) > most else "")


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
    asked = _asked(options)
    if len(asked) == 1:
        return 0 if _again(*asked[0], options) else 1
    agree = []
    for label in asked:
        try:
            agree.append(_again(*label, options))
        except ERRORS as error:
            agree.append(False)
            print(f"error: {'/'.join(label)}: {said(error)}", file=sys.stderr)
    print(f"{len(asked)} records, {sum(agree)} {'written' if options.write else 'as they were'}")
    return 0 if all(agree) else 1


def _asked(options: argparse.Namespace) -> list[tuple[str, str]]:
    """The records that are to be run again, as (experiment, name)."""
    if options.under is None:
        if not options.names:
            raise ValueError("name one or more records, or give --under SECONDS")
        return [_split(name, options.store) for name in options.names]
    for name in options.names:
        records.target(name.partition("/")[0])
    broken = []
    asked = [
        (record.experiment, record.name)
        for record in records.all_records(options.store, broken.append)
        # the seconds of a resumed run are those of its last part
        if record.provenance["seconds"] < options.under and record.provenance["resumed"] is False
        if not options.names or {record.experiment, store.label_of(record)} & set(options.names)
    ]
    for error in broken:
        print(f"left out: {error}", file=sys.stderr)
    if not asked:
        raise ValueError(f"no record of a whole run that took less than {options.under:g} s")
    return asked


def _again(experiment: str, name: str, options: argparse.Namespace) -> bool:
    """Run one record again; return whether it is as it was, or else written."""
    records.target(experiment)
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
    agree = True
    try:
        agree = _show(records.compare(old, new)) if old else True
    except ValueError as error:
        if not options.write:
            raise
        print(f"not compared: {error}")
    if options.write:
        print(f"written: {records.write(new, options.store)}")
        return True
    print("all deterministic results agree" if agree else "deterministic results have changed")
    return agree


def _split(name: str, folder: Path) -> tuple[str, str]:
    experiment, _, run = name.partition("/")
    if run:
        return experiment, run
    records.target(experiment)
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
