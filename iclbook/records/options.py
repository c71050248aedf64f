"""An experiment's configuration as options of the command line, made from its dataclass.

``steps: int = 5000`` becomes ``--steps 5000``, a tuple takes several values, and a switch takes
``true`` or ``false``, true if nothing follows. The options of an experiment are its fields, so they
cannot drift apart. No experiment is imported for them.
"""

import argparse
from collections.abc import Iterable

from iclbook.records.signature import Field


def add_options(parser: argparse.ArgumentParser, fields: Iterable[Field]) -> None:
    """Give a parser one option for each field of an experiment."""
    for field in fields:
        option = dict(type=field.kind, nargs="+" if field.several else None)
        if field.kind is bool:
            option = dict(type=_switch, nargs="?", const=True)
        parser.add_argument(
            "--" + field.name.replace("_", "-"),
            metavar=field.kind.__name__.upper(),
            default=argparse.SUPPRESS,
            help=f"{field.text} (default {_text(field.default)})".replace("%", "%%").lstrip(),
            **option,
        )


def given(options: argparse.Namespace, fields: Iterable) -> dict[str, object]:
    """The settings that were given on the command line; of each field only the name counts."""
    return {field.name: getattr(options, field.name) for field in fields if field.name in options}


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r}; expected true or false")
    return text.lower() == "true"


def _text(value: object) -> str:
    if not isinstance(value, tuple):
        return str(value) if value != "" else "none"
    if len(value) > 5 and value == tuple(range(len(value))):
        value = (0, 1, "...", value[-1])
    return " ".join(map(str, value))
