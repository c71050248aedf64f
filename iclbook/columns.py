"""Printed tables: what a chapter shows under its code, in columns that line up."""

import math
from collections.abc import Mapping, Sequence
from numbers import Integral, Real

DASH = "–"


def fixed(value: Real | None, digits: int = 2, sign: str = "") -> str:
    """A number as text, with so many decimals.

    Parameters
    ----------
    value : number or None
        What is None or NaN has no value, and becomes a dash.
    digits : int
        Decimals.
    sign : str
        ``"+"`` to show the sign of positive numbers too.

    Returns
    -------
    str
        A minus stands before no zero: -0.001 with two decimals is 0.00.
    """
    if value is None or math.isnan(value):
        return DASH
    return f"{round(float(value), digits) + 0.0:{sign}.{digits}f}"


def table(head: Sequence, rows: Sequence[Sequence], digits: int = 2) -> None:
    """Print rows under a head: the first column to the left, the others to the right.

    Parameters
    ----------
    head : sequence
        Names of the columns.
    rows : sequence of sequences
        Texts and whole numbers as they are; other numbers, and None, as `fixed` writes them.
    digits : int
        Decimals.

    Raises
    ------
    ValueError
        If a row is longer or shorter than the head.
    """
    lines = [[_cell(value, digits) for value in row] for row in rows]
    lines.insert(0, [str(name) for name in head])
    for line in lines:
        if len(line) != len(head):
            raise ValueError(f"a row has {len(line)} cells, the head {len(head)}: {line}")
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        cells = [text.rjust(width) for text, width in zip(others, widths[1:], strict=True)]
        print("  ".join([first.ljust(widths[0]), *cells]).rstrip())


def checks(results: Mapping[str, object]) -> None:
    """Print what was checked, and whether it holds.

    Parameters
    ----------
    results : mapping of str to what is true or false
        By what is claimed; booleans of NumPy and torch count too.

    Raises
    ------
    ValueError
        If nothing was checked.
    """
    if not results:
        raise ValueError("results must have an entry for each check, got none")
    rows = [[claim, "yes" if holds else "NO"] for claim, holds in results.items()]
    table(["check", "holds"], rows)


def _cell(value: str | Real | None, digits: int) -> str:
    return str(value) if isinstance(value, str | Integral) else fixed(value, digits)
