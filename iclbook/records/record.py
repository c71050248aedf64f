"""What a record holds, and the check that it is complete."""

import dataclasses
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

SCHEMA = 2
"""Version of the file format; a reader of another version refuses the file."""

PROVENANCE = {
    "created": str,
    "seconds": float,
    "resumed": (bool, type(None)),
    "device": str,
    "cpu": str,
    "cores": int,
    "versions": dict,
    "iclbook": str,
    "sources": (dict, type(None)),
    "git_commit": (str, type(None)),
    "git_clean": (bool, type(None)),
}
"""Fields that say where a record comes from, with their types; None where it is not known.

``seconds`` is how long the run took, its last part alone if it was ``resumed`` from a kept state.
``sources`` are the hashes of the files that decide the results, see
:mod:`iclbook.records.sources`; ``git_clean`` is whether all of these were as in ``git_commit``.
"""

NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class RecordError(ValueError):
    """A record that is broken or incomplete; the message names the field and the fix."""


@dataclass(frozen=True)
class Results:
    """What a run found.

    Attributes
    ----------
    deterministic : dict
        Name to ``{"value": ..., "tolerance": ...}``; the tolerance is absolute, for each entry.
    measured : dict
        Name to ``{"value": ..., "unit": ...}``.

    Values are numbers, strings, or (nested) lists and dicts of them; None where one is not defined.
    """

    deterministic: dict[str, dict[str, Any]] = field(default_factory=dict)
    measured: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Record:
    """One finished run. ``record[name]`` is the value of a result.

    Attributes
    ----------
    experiment, name : str
        The record is ``store/<experiment>/<name>.json``.
    config : dict
        The configuration that the run had.
    results : Results
        What it found.
    provenance : dict
        When, where and with what it ran; see ``PROVENANCE`` in the module.
    """

    experiment: str
    name: str
    config: dict[str, Any]
    results: Results
    provenance: dict[str, Any]

    def __getitem__(self, result: str) -> Any:
        both = self.results.deterministic | self.results.measured
        if result not in both:
            raise KeyError(f"{self.experiment}/{self.name} has no {result!r}; it has {list(both)}")
        return both[result]["value"]

    @property
    def config_sha256(self) -> str:
        """Hash of the configuration, whatever the order of its fields."""
        return config_hash(self.config)

    @property
    def sha256(self) -> str:
        """Hash of all that the record holds; it shows whether the file was edited."""
        return config_hash(vars(self) | {"results": vars(self.results)})

    def to_json(self) -> str:
        """Return the text of the record's file.

        Raises
        ------
        RecordError
            If the record is incomplete.
        """
        check(self)
        content = {"schema": SCHEMA, "sha256": self.sha256} | dataclasses.asdict(self)
        text = json.dumps(content, indent=1, allow_nan=False, ensure_ascii=False)
        # Lists of numbers on one line: a change of one curve is a change of one line.
        flat = re.sub(r"\[\s+([^\[\]{}]*?)\s+\]", lambda m: f"[{_one_line(m[1])}]", text)
        return flat + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Record":
        """Read a record from the text of its file.

        Raises
        ------
        RecordError
            If the text is not a complete record of this version.
        """
        try:
            content = json.loads(text, parse_constant=_refuse)
        except json.JSONDecodeError as error:
            raise RecordError(
                f"line {error.lineno}: not JSON ({error.msg}); the file is broken or half written"
            ) from error
        except RecursionError:
            raise RecordError("not a record: its brackets are nested too deeply") from None
        if not isinstance(content, dict):
            raise RecordError("not a JSON object, so not a record")
        if content.get("schema") != SCHEMA:
            raise RecordError(
                f"schema is {content.get('schema')!r}, this version of iclbook reads {SCHEMA}"
            )
        fields = {f.name for f in dataclasses.fields(cls)}
        _same_fields(content, fields | {"schema", "sha256"}, "record")
        _same_fields(content["results"], {"deterministic", "measured"}, "results")
        given = {name: content[name] for name in fields}
        record = cls(**(given | {"results": Results(**content["results"])}))
        check(record)
        if content["sha256"] != record.sha256:
            raise RecordError("sha256 is not that of the content: the file was edited by hand")
        return record


def config_hash(config: Any) -> str:
    """Hash of a configuration or other plain values, whatever the order of the fields."""
    return hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()


def check(record: Record) -> None:
    """Raise unless a record is complete.

    Raises
    ------
    RecordError
        Naming the field and what it should be.
    """
    for label in ("experiment", "name"):
        value = getattr(record, label)
        if not isinstance(value, str) or not NAME.fullmatch(value):
            raise RecordError(f"{label} is {value!r}; use lower-case letters, digits and '-'")
    if not isinstance(record.config, dict) or not record.config:
        raise RecordError("config is empty; give the configuration of the run")
    _check_value(record.config, "config")
    _same_fields(record.provenance, PROVENANCE.keys(), "provenance")
    for label, kind in PROVENANCE.items():
        if not isinstance(record.provenance[label], kind):
            raise RecordError(f"provenance.{label} is {record.provenance[label]!r}; wrong type")
    _check_value(record.provenance, "provenance")
    results = record.results
    for group, kind in ((results.deterministic, "deterministic"), (results.measured, "measured")):
        if not isinstance(group, dict):
            raise RecordError(f"results.{kind} must be a JSON object, got {group!r}")
        for name, entry in group.items():
            where = f"results.{kind}.{name}"
            extra = "tolerance" if kind == "deterministic" else "unit"
            _same_fields(entry, {"value", extra}, where)
            _check_value(entry["value"], f"{where}.value")
            if kind == "measured" and (not isinstance(entry["unit"], str) or not entry["unit"]):
                raise RecordError(f"{where}.unit is {entry['unit']!r}; name a unit, such as 's'")
            if kind == "deterministic" and not _is_tolerance(entry["tolerance"]):
                raise RecordError(f"{where}.tolerance is {entry['tolerance']!r}; use 0 or more")
    if not results.deterministic and not results.measured:
        raise RecordError("results are empty: the run is not finished")
    if results.deterministic.keys() & results.measured.keys():
        raise RecordError("a name stands in results.deterministic and results.measured; rename one")


def _is_tolerance(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _same_fields(content: Any, wanted: Any, where: str) -> None:
    if not isinstance(content, Mapping):
        raise RecordError(f"{where} must be a JSON object, got {content!r}")
    for problem, names in (
        ("lacks", set(wanted) - set(content)),
        ("has the unknown", set(content) - set(wanted)),
    ):
        if names:
            raise RecordError(f"{where} {problem} {', '.join(sorted(names))}")


def _check_value(value: Any, where: str) -> None:
    if isinstance(value, dict):
        for name, entry in value.items():
            _check_value(entry, f"{where}.{name}")
    elif isinstance(value, list):
        if not value:
            raise RecordError(f"{where} is an empty list; leave it out or fill it")
        for index, entry in enumerate(value):
            usual = math.isfinite(entry) if type(entry) is float else type(entry) in (int, str)
            if not usual:  # most are: they take neither a call nor a name
                _check_value(entry, f"{where}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        raise RecordError(f"{where} is {value}; a record holds finite numbers: mend the run")
    elif value is not None and not isinstance(value, str | bool | int | float):
        raise RecordError(f"{where} is a {type(value).__name__}; use numbers, strings and lists")
    elif value is None and where.startswith("config"):
        raise RecordError(f"{where} is missing (null); a run has a value for each setting")


def _refuse(constant: str) -> None:
    raise RecordError(f"the file holds {constant}; a record holds finite numbers")


def _one_line(items: str) -> str:
    return re.sub(r"\s*\n\s*", " ", items)
