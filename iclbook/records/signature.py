"""The settings of an experiment, read from its source: names, types and defaults.

Importing an experiment may import torch, which takes seconds and may not be installed. Its help
page and the check of its records need no more than what its class says.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iclbook.records.registry import target
from iclbook.records.sources import locate, parse

KINDS = {"bool": bool, "float": float, "int": int, "str": str}
"""What an experiment's fields, or the entries of their tuples, may be."""


@dataclass(frozen=True)
class Field:
    """One setting.

    Attributes
    ----------
    name : str
        Of the field.
    kind : type
        ``bool``, ``float``, ``int`` or ``str``.
    several : bool
        Whether it is a tuple of such.
    default : object
        The value that it has if none is given.
    text : str
        What the class says about it, in its section Attributes.
    """

    name: str
    kind: type
    several: bool
    default: Any
    text: str = ""


def fields(experiment: str) -> list[Field]:
    """The settings of an experiment, in order.

    Parameters
    ----------
    experiment : str
        A name of ``EXPERIMENTS``, or ``module:class``.

    Raises
    ------
    ValueError
        If there is no such experiment.
    TypeError
        If a field is no number, text or switch, nor a tuple of such.
    """
    return list(_fields(*_place(experiment)).values())


def summary(experiment: str) -> str:
    """The first line of what the class of an experiment says about itself."""
    module, name = _place(experiment)
    return (ast.get_docstring(_Names(module).classes[name]) or "").partition("\n")[0]


def _place(experiment: str) -> list[str]:
    return (experiment if ":" in experiment else target(experiment)).split(":")


def _fields(module: str, name: str) -> dict[str, Field]:
    names = _Names(module)
    if name not in names.classes:
        return _fields(*names.imported[name]) if name in names.imported else {}
    found = {}
    for base in names.classes[name].bases:
        found |= _fields(module, ast.unparse(base))
    texts = _described(ast.get_docstring(names.classes[name]) or "")
    for node in names.classes[name].body:
        if isinstance(node, ast.AnnAssign) and node.value is not None:
            field = node.target.id
            kind, several = _kind(field, node.annotation)
            text = texts.get(field, "")
            found[field] = Field(field, kind, several, names.value(node.value), text)
    return found


def _described(docstring: str) -> dict[str, str]:
    """What a docstring of numpydoc's form says about each name."""
    found, names = {}, []
    for line in docstring.splitlines():
        if line.startswith(" "):
            found |= {name: f"{found.get(name, '')} {line.strip()}".lstrip() for name in names}
        else:
            names = line.partition(" : ")[0].split(", ")
    return {name: text.replace("``", "") for name, text in found.items()}


def _kind(field: str, annotation: ast.expr) -> tuple[type, bool]:
    several = isinstance(annotation, ast.Subscript) and ast.unparse(annotation.value) == "tuple"
    text = ast.unparse(annotation.slice.elts[0] if several else annotation)
    if text not in KINDS:
        raise TypeError(f"field {field} is a {text}; an option is an int, float, str or bool")
    return KINDS[text], several


class _Names(Mapping):
    """What the names of a module stand for, without importing it: constants on demand."""

    def __init__(self, module: str):
        self.classes, self.constants, self.imported = {}, {}, {}
        for node in parse(_file(module)).body:
            if isinstance(node, ast.ClassDef):
                self.classes[node.name] = node
            elif isinstance(node, ast.Assign):
                self.constants |= {t.id: node.value for t in node.targets if hasattr(t, "id")}
            elif isinstance(node, ast.ImportFrom):
                self.imported |= {
                    alias.asname or alias.name: (node.module, alias.name) for alias in node.names
                }

    def value(self, node: ast.expr) -> Any:
        """Value of an expression made of literals, constants, tuples and ranges."""
        code = compile(ast.Expression(node), "<default>", "eval")
        return eval(code, {"__builtins__": {"range": range, "tuple": tuple}}, self)

    def __getitem__(self, name: str) -> Any:
        if name in self.constants:
            return self.value(self.constants[name])
        if name in self.imported:
            module, original = self.imported[name]
            return _Names(module)[original]
        raise KeyError(name)

    def __iter__(self):
        return iter((*self.constants, *self.imported))

    def __len__(self) -> int:
        return len(self.constants) + len(self.imported)


def _file(module: str) -> Path:
    path = locate(module)
    if path is None:
        raise ValueError(f"the experiments' module {module} is missing; install iclbook again")
    return path
