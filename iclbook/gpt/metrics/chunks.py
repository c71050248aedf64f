"""Observations in blocks of items: memory stays small, whatever the number of items.

At the scale of the papers one setting's outputs are (2000, 24, 2048) numbers, memory-mapped. Every
similarity is a mean over items, so a block of items at a time is enough. Blocks are computed in
float64: an update may be 1e-4 of the vector that it updates.
"""

import mmap
from collections.abc import Iterator

import numpy as np

NUMBERS = {"cpu": 2**20, "cuda": 2**24}
"""How many numbers of one array a block holds, by kind of device."""


def check_alike(**arrays) -> tuple[int, ...]:
    """Return the shape that all `arrays` share.

    Raises
    ------
    TypeError
        If one is no NumPy array of floating-point numbers.
    ValueError
        If the shapes differ, or an axis is empty.
    """
    (first, shape), *_ = ((name, np.shape(array)) for name, array in arrays.items())
    for name, array in arrays.items():
        if not isinstance(array, np.ndarray) or not np.issubdtype(array.dtype, np.floating):
            raise TypeError(
                f"{name} is {getattr(array, 'dtype', type(array).__name__)}; expected a NumPy "
                f"array of floating-point numbers, as `observe` returns it."
            )
        if array.shape != shape:
            raise ValueError(
                f"{name} has shape {array.shape}, but {first} has {shape}; expected observations "
                f"of the same items, at the same position, of the same model."
            )
    if 0 in shape:
        raise ValueError(f"{first} is empty (shape {shape}); expected at least one item.")
    return shape


def chunks(*arrays: np.ndarray, device: str = "cpu", numbers: int | None = None) -> Iterator[tuple]:
    """Walk through arrays along their first axis.

    Parameters
    ----------
    *arrays : numpy.ndarray
        Shapes (n, ...), perhaps memory-mapped.
    device : str
        Where the blocks are computed on.
    numbers : int, optional
        How many numbers of the largest array a block holds at most (but at least one item).

    Yields
    ------
    rows : slice
        The items of this block.
    *tensors : torch.Tensor
        The blocks, float64, on the device.
    """
    import torch

    numbers = numbers or NUMBERS.get(device.split(":")[0], NUMBERS["cpu"])
    step = max(1, numbers // max(array[0].size for array in arrays))
    for start in range(0, len(arrays[0]), step):
        rows = slice(start, min(start + step, len(arrays[0])))
        yield (rows, *(torch.from_numpy(_copy(a, rows)).to(device).double() for a in arrays))


def _copy(array: np.ndarray, rows: slice) -> np.ndarray:
    """Some rows; of a memory map, nothing else stays in memory."""
    block = np.array(array[rows])
    mapped = getattr(array, "_mmap", None)
    if hasattr(mapped, "madvise"):  # not on Windows
        mapped.madvise(mmap.MADV_DONTNEED)
    return block


def to_numpy(tensor) -> np.ndarray:
    """A tensor's numbers on this machine's memory."""
    return tensor.cpu().numpy()
