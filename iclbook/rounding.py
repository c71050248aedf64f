"""Numbers as records hold them: plain, rounded, and None where there is none."""

import math
from typing import Any


def rounded(value: Any, digits: int = 5, *, significant: bool = False) -> Any:
    """Plain numbers and lists, rounded.

    Parameters
    ----------
    value : number, array, tensor, or lists, tuples and dicts of such
        Whole numbers, texts and None stay as they are.
    digits : int
        Decimals, or digits after leading zeros if `significant`.
    """
    if isinstance(value, dict):
        return {name: rounded(v, digits, significant=significant) for name, v in value.items()}
    if hasattr(value, "tolist"):  # an array, a tensor, or one of its numbers
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [rounded(v, digits, significant=significant) for v in value]
    if not isinstance(value, float):
        return value
    return float(f"{value:.{digits}g}") if significant else round(value, digits)


def finite(value: Any) -> Any:
    """Plain values with None for each number that is NaN or infinite: it is not defined."""
    if isinstance(value, dict):
        return {name: finite(v) for name, v in value.items()}
    if isinstance(value, list):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
