"""What a reader's function returns, read as numbers whatever its form.

Numbers may come as an array, a list, a tensor or a column, in single or double precision.
"""

import numpy as np


def as_numbers(value):
    """`value` as an array of real numbers, or None if it cannot be read as one."""
    try:
        array = np.asarray(_without_gradients(value))
    except Exception:  # rows of unequal length
        return None
    return array.astype(float) if array.dtype.kind in "iuf" else None


def _without_gradients(value):
    """Tensors as arrays, also inside of lists."""
    if isinstance(value, (list, tuple)):
        return [_without_gradients(entry) for entry in value]
    return value.detach().cpu().numpy() if hasattr(value, "detach") else value


def shaped_like(value, want):
    """The numbers of `value`; a row or a column is a vector where a vector is wanted."""
    numbers = as_numbers(value)
    if numbers is None or np.ndim(want) > 1:
        return numbers
    flat = max(numbers.shape, default=1) == numbers.size == np.size(want)
    return numbers.reshape(np.shape(want)) if flat else numbers


def agree(value, want, tolerance: float) -> bool:
    """Whether two results hold the same finite numbers, up to rounding and to their form."""
    a, b = shaped_like(value, want), as_numbers(want)
    if a is None or a.shape != b.shape or not np.isfinite(b).all():
        return False
    size = np.abs(b).max(initial=0)
    return np.allclose(a, b, rtol=tolerance, atol=max(1e-9, tolerance * size))


def in_words(value) -> str:
    """A value in words: its type, and its shape if it has one."""
    if value is None or value is Ellipsis:
        return "nothing in some cases"
    name = {"ndarray": "array", "Tensor": "tensor"}.get(type(value).__name__, type(value).__name__)
    words = f"{'an' if name[0] in 'aeio' else 'a'} {name}"
    numbers = as_numbers(value)
    if numbers is not None:
        return f"{words} of shape {numbers.shape}" if numbers.ndim else "a number"
    if isinstance(value, np.ndarray) and value.ndim:
        return f"{words} of shape {value.shape} with entries of type {value.dtype}"
    return words
