"""Input checks: each names the value, what was expected and how to mend it.

Most functions of the book are one or two lines of algebra. A transposed matrix or an integer
array would slip through most of them and come out as a wrong number, so every public function
looks at its arguments first.
"""

import numpy as np


def check_array(name: str, value, *shape: int | str) -> np.ndarray:
    """Return `value` if it is a finite floating-point array of the wanted shape.

    Parameters
    ----------
    name : str
        What the caller calls the value; it opens every message.
    value : object
        The value to check.
    *shape : int or str
        One entry an axis: a number that the axis must have, or a letter for any size.

    Raises
    ------
    TypeError
        If `value` is no NumPy array, or does not hold floating-point numbers.
    ValueError
        If the shape is wrong, an axis is empty, or an entry is NaN or infinite.
    """
    wanted = "(" + ", ".join(str(s) for s in shape) + ("," if len(shape) == 1 else "") + ")"
    if not isinstance(value, np.ndarray):
        raise TypeError(
            f"{name} is a {type(value).__name__}; expected a NumPy array of shape {wanted}. "
            f"Convert it first, for example with np.asarray({name}, dtype=float)."
        )
    if not np.issubdtype(value.dtype, np.floating):
        raise TypeError(
            f"{name} holds {value.dtype} numbers; expected floating point, because integer "
            f"arithmetic would round or overflow. Use {name}.astype(float)."
        )
    fits = value.ndim == len(shape) and all(
        isinstance(want, str) or have == want for have, want in zip(value.shape, shape, strict=True)
    )
    if not fits:
        hint = ""
        if value.ndim == 2 and len(shape) == 2:
            hint = " Is it transposed? Rows are examples (or outputs), columns are features."
        raise ValueError(f"{name} has shape {value.shape}; expected {wanted}.{hint}")
    if value.size == 0:
        raise ValueError(
            f"{name} is empty (shape {value.shape}); expected at least one entry on every axis."
        )
    if not np.isfinite(value).all():
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(value))[0])
        raise ValueError(
            f"{name} has a NaN or infinite entry, the first at index {where}; expected finite "
            f"numbers. If it comes from training, try a smaller learning rate."
        )
    return value


def check_number(name: str, value, *, low: float, high: float = np.inf, open_low=False) -> float:
    """Return `value` as a float if it lies in [low, high), or in (low, high) when `open_low`.

    Raises
    ------
    TypeError
        If `value` is no real number.
    ValueError
        If it is NaN or lies outside the interval.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{name} is a {type(value).__name__}; expected a number.")
    inside = low < value < high if open_low else low <= value < high
    if not inside:
        left = "(" if open_low else "["
        raise ValueError(f"{name} is {value}; expected a number in {left}{low:g}, {high:g}).")
    return float(value)


def check_count(name: str, value, *, low: int = 1) -> int:
    """Return `value` as an int if it is a whole number of at least `low`.

    Raises
    ------
    TypeError
        If `value` is no whole number.
    ValueError
        If it is below `low`.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(
            f"{name} is {value!r} ({type(value).__name__}); expected a whole number, {low} or more."
        )
    if value < low:
        raise ValueError(f"{name} is {value}; expected {low} or more.")
    return int(value)


def check_seeds(value) -> tuple[int, ...]:
    """Return `value` as a tuple if it holds one seed or more, each of them once.

    Raises
    ------
    TypeError
        If it is no tuple or list, or a seed is no whole number.
    ValueError
        If there is none, one is below 0, or one is there twice.
    """
    if not isinstance(value, tuple | list):
        raise TypeError(f"seeds is {value!r}; expected several whole numbers, such as (0, 1, 2).")
    seeds = tuple(check_count("an entry of seeds", seed, low=0) for seed in value)
    if not seeds:
        raise ValueError("seeds is empty; expected at least one.")
    if len(set(seeds)) < len(seeds):
        twice = next(seed for seed in seeds if seeds.count(seed) > 1)
        raise ValueError(f"seeds names {twice} more than once; expected each seed once.")
    return seeds


def check_choice(name: str, value, choices) -> str:
    """Return `value` if it is one of `choices`.

    Raises
    ------
    ValueError
        If it is not; the message lists the choices.
    """
    if value not in choices:
        raise ValueError(f"{name} is {value!r}; expected one of {', '.join(map(repr, choices))}.")
    return value
