"""An experiment's configuration as options of the command line, made from its dataclass.

``steps: int = 5000`` becomes ``--steps 5000``, a tuple takes several values, and a switch takes
``true`` or ``false``. The options of an experiment are its fields, so they cannot drift apart.
"""

import argparse
import dataclasses
import typing
from collections.abc import Callable


def add_options(parser: argparse.ArgumentParser, kind: type) -> None:
    """Give a parser one option for each field of a configuration class.

    Raises
    ------
    TypeError
        If a field is no number, text or switch, nor a tuple of such.
    """
    types = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        several = typing.get_origin(types[field.name]) is tuple
        single = typing.get_args(types[field.name])[0] if several else types[field.name]
        parser.add_argument(
            "--" + field.name.replace("_", "-"),
            type=_reader(single, field.name),
            nargs="+" if several else None,
            metavar=single.__name__.upper(),
            default=argparse.SUPPRESS,
            help=f"default {_text(field.default)}",
        )


def given(options: argparse.Namespace, kind: type) -> dict[str, object]:
    """The configuration fields that were given on the command line."""
    names = {field.name for field in dataclasses.fields(kind)}
    return {name: value for name, value in vars(options).items() if name in names}


def _reader(kind: type, name: str) -> Callable[[str], object]:
    if kind is bool:
        return _switch
    if kind in (int, float, str):
        return kind
    raise TypeError(f"field {name} is a {kind}; an option is an int, float, str or bool")


def _switch(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise argparse.ArgumentTypeError(f"{text!r}; expected true or false")
    return text.lower() == "true"


def _text(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)
