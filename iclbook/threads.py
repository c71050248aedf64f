"""How many CPU threads the numerical libraries use: bounded, and the same for all of them."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from iclbook.validate import check_count

MOST = max(64, os.cpu_count() or 1)
"""More threads are refused: the libraries end the interpreter if the system cannot start them."""


def check_threads(threads) -> int:
    """Return a number of threads that any machine can start.

    Raises
    ------
    TypeError
        If it is no whole number.
    ValueError
        If it is below 1 or above ``MOST``.
    """
    if check_count("threads", threads) > MOST:
        raise ValueError(
            f"threads is {threads}; expected 1 to {MOST}. More than the {os.cpu_count() or 1} "
            "processor cores of this machine do not make it faster."
        )
    return int(threads)


def default() -> int:
    """What ``OMP_NUM_THREADS`` says, else as many threads as this process may use cores.

    Threads wait for each other actively: where other programs keep the cores busy, several threads
    take many times the processor time of one.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    if wanted.isdecimal() and int(wanted):
        return min(int(wanted), MOST)
    mine = getattr(os, "sched_getaffinity", None)  # Linux; a container may have few of the cores
    return min(len(mine(0)) if mine else os.cpu_count() or 1, MOST)


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """Let NumPy, SciPy and torch use so many threads inside of a ``with`` block.

    torch has to be imported before, or it is not limited.
    """
    from threadpoolctl import threadpool_limits

    check_threads(threads)
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else None
    try:
        if torch:
            torch.set_num_threads(threads)
        with threadpool_limits(threads):
            yield
    finally:
        if torch:
            torch.set_num_threads(before)
