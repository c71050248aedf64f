"""What the two forms of linear attention cost: the recorded experiment ``dual-cost``.

The chapter "Attention is training" counts operations: N (d_k + d_v) to read one query from N
stored tokens, d_k d_v to read it from the weights, equal at N* = d_k d_v / (d_k + d_v). Here both
are timed, in seconds of processor time, which other programs disturb little. *Reading* is many
queries against one stored context, so that the time is arithmetic and not Python; this is where
N* applies. *Causal* is a whole sequence, all scores at once against one token after the other, as
a program would do it.

The trap: operations are not equally fast. All scores at once are products of large matrices. Token
by token, NumPy is called for each token, and the whole state passes through memory each time. So
the measured crossover of the causal forms lies far above the counted one.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from iclbook.dual.attention import (
    causal_linear_attention_parallel,
    causal_linear_attention_recurrent,
    crossover,
    delta_w,
    operation_counts,
)
from iclbook.dual.compare import relative_error
from iclbook.records import Results
from iclbook.rounding import rounded
from iclbook.validate import check_count

SHORTEST = 2e-3
"""A timed sample repeats its work until it lasts this many seconds."""


@dataclass(frozen=True)
class DualCost:
    """Time and count both forms of linear attention, with keys and values of one width d.

    Attributes
    ----------
    lengths : tuple of int
        Tokens in the context, increasing.
    widths : tuple of int
        d = d_k = d_v.
    queries : int
        Queries read together; the times are for one.
    repeats : int
        Samples of each time; the median is kept.
    seed, dtype
        Of the random numbers, and of the arrays.
    threads : int
        1: the times are processor time, in which several threads would add up.
    """

    lengths: tuple[int, ...] = (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
    widths: tuple[int, ...] = (32, 64, 128, 256)
    queries: int = 256
    repeats: int = 5
    seed: int = 0
    dtype: str = "float64"
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("lengths", "widths"):
            for value in getattr(self, name):
                check_count(f"an entry of {name}", value)
        for name in ("queries", "repeats"):
            check_count(name, getattr(self, name))
        if not self.lengths or not self.widths or list(self.lengths) != sorted(set(self.lengths)):
            raise ValueError(
                f"lengths is {self.lengths} and widths is {self.widths}; expected at least one "
                "of each, and increasing lengths."
            )
        if self.threads != 1:
            raise ValueError(f"threads is {self.threads}; expected 1.")
        if self.dtype not in ("float32", "float64"):
            raise ValueError(f"dtype is {self.dtype!r}; expected 'float32' or 'float64'.")

    def run(self) -> Results:
        """Count, time and compare the two forms; each table has a row a width."""
        reading, causal, errors = [], [], {"reading": [], "causal": []}
        for d in self.widths:
            cells = [self._measure(N, d) for N in self.lengths]
            reading.append([cell[0] for cell in cells])
            causal.append([cell[1] for cell in cells])
            errors["reading"] += [cell[2] for cell in cells]
            errors["causal"] += [cell[3] for cell in cells]

        size = np.dtype(self.dtype).itemsize
        tolerance = 1e-12 if self.dtype == "float64" else 1e-4
        exact = {
            "cache_bytes": [[2 * N * d * size for N in self.lengths] for d in self.widths],
            "state_bytes": [d * d * size for d in self.widths],
            "score_bytes": [N * N * size for N in self.lengths],
        }
        timed = {}
        for kind, times in (("reading", reading), ("causal", causal)):
            whole = kind == "causal"
            exact[f"{kind}_crossover"] = [crossover(d, d, causal=whole) for d in self.widths]
            for index, form in enumerate(("attention", "weights")):
                exact[f"{kind}_operations_{form}"] = [
                    [getattr(operation_counts(N, d, d, causal=whole), form) for N in self.lengths]
                    for d in self.widths
                ]
                timed[f"{kind}_seconds_{form}"] = [[cell[index] for cell in row] for row in times]
        deterministic = {name: {"value": value, "tolerance": 0} for name, value in exact.items()}
        for kind, found in errors.items():
            deterministic[f"{kind}_difference"] = {"value": max(found), "tolerance": tolerance}
        measured = {name: {"value": value, "unit": "s"} for name, value in timed.items()}
        return Results(deterministic, measured)

    def _measure(self, N: int, d: int) -> tuple[list[float], list[float], float, float]:
        """Times of reading and causal form, and the relative difference of their outputs."""
        rng = np.random.default_rng([self.seed, N, d])
        K, V, Q = (rng.standard_normal((n, d)).astype(self.dtype) for n in (N, N, self.queries))
        W = delta_w(K, V)
        forms = (lambda: (Q @ K.T) @ V, lambda: Q @ W.T)
        seconds = [s / self.queries for s in _seconds(forms, self.repeats)]
        reading = rounded(seconds, 4, significant=True)
        reading_error = relative_error(forms[0](), forms[1]())

        queries = rng.standard_normal((N, d)).astype(self.dtype)
        forms = (
            lambda: causal_linear_attention_parallel(queries, K, V),
            lambda: causal_linear_attention_recurrent(queries, K, V),
        )
        causal = rounded(_seconds(forms, self.repeats), 4, significant=True)
        return reading, causal, reading_error, relative_error(forms[0](), forms[1]())


def crossing(
    lengths: Sequence[int], attention: Sequence[float], weights: Sequence[float]
) -> float | None:
    """The length at which the time as attention passes the time as weights.

    Interpolated between the neighbouring lengths, on logarithmic axes.

    Returns
    -------
    float or None
        None if attention is not cheaper at the shortest length or not dearer at the longest.
    """
    gap = np.log(np.asarray(attention) / np.asarray(weights))
    if gap[0] >= 0 or gap[-1] <= 0:
        return None
    last = int(np.flatnonzero(gap < 0)[-1])  # from here on attention is dearer
    x = np.log(np.asarray(lengths, dtype=float))
    share = -gap[last] / (gap[last + 1] - gap[last])
    return float(np.exp(x[last] + share * (x[last + 1] - x[last])))


def _seconds(forms: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Median processor seconds of each form, sampled in turn: a disturbance meets all of them."""
    loops = []
    for form in forms:
        form()  # warm
        begin = time.process_time()
        form()
        loops.append(max(1, round(SHORTEST / max(time.process_time() - begin, 1e-7))))
    samples = [[] for _ in forms]
    for _ in range(repeats):
        for form, number, times in zip(forms, loops, samples, strict=True):
            begin = time.process_time()
            for _ in range(number):
                form()
            times.append((time.process_time() - begin) / number)
    return [float(np.median(times)) for times in samples]
