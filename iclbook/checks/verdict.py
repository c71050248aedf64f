"""How an exercise answer is marked: run it, compare it, and recognise known misconceptions.

An exercise gives a correct solution, a few *cases* (arguments to call the answer with) and a list
of *mistakes*: what a reader computes who holds a certain misconception, with the hint for it. The
answer is compared with all of them. A message says where to look and never what to write.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import Parameter, signature

import numpy as np


@dataclass(frozen=True)
class Verdict:
    """What a check answers; shown as its message.

    Attributes
    ----------
    ok : bool
        Whether the answer is right.
    message : str
        Praise, or where to look next.
    """

    ok: bool
    message: str

    def __repr__(self) -> str:
        return f"{'Right.' if self.ok else 'Not yet.'} {self.message}"

    def __bool__(self) -> bool:
        return self.ok


@dataclass(frozen=True)
class Mistake:
    """A misconception: `answer` computes what follows from it, `hint` says what to look at."""

    answer: Callable
    hint: str


def mark(
    answer: Callable,
    *,
    right: Callable,
    cases: Sequence[tuple],
    mistakes: Sequence[Mistake],
    praise: str,
    hint: str,
) -> Verdict:
    """Compare a reader's function with the right one and with the known mistakes.

    Parameters
    ----------
    answer : callable
        The reader's function. Anything else gets a message that says so.
    right : callable
        A correct solution; its parameter names tell how `answer` is called.
    cases : sequence of tuples
        Arguments of each call. A mistake is recognised only if it fits all of them; where it
        stops with an error (a shape that does not fit), the answer has to stop too.
    mistakes : sequence of Mistake
        The misconceptions, the most specific first.
    praise, hint : str
        Said when the answer is right, and when it is wrong in an unknown way.
    """
    if answer is None or answer is Ellipsis:
        return Verdict(False, "There is no answer here so far: hand the check your function.")
    call = ", ".join(signature(right).parameters)
    if not callable(answer):
        return Verdict(
            False,
            f"The check was given {_kind(answer)}; it expects your function itself, "
            f"without calling it. It calls it as f({call}).",
        )
    if not _accepts(answer, len(cases[0])):
        return Verdict(False, f"Your function should take the arguments ({call}), in this order.")
    got = [_run(answer, case) for case in cases]
    if all(value is None or value is Ellipsis for value in got):
        return Verdict(
            False, "Your function returns nothing so far: fill in the dots and return the result."
        )
    wanted = [right(*case) for case in cases]
    for value, want in zip(got, wanted, strict=True):
        if not isinstance(value, Exception) and not _is_numeric(value):
            return Verdict(False, f"Your function returns {_kind(value)}; expected {_kind(want)}.")
    if _same(got, wanted):
        return Verdict(True, praise)
    for mistake in mistakes:
        if _same(got, [_run(mistake.answer, case) for case in cases]):
            return Verdict(False, mistake.hint)
    for value, want in zip(got, wanted, strict=True):
        if isinstance(value, Exception):
            return Verdict(False, f"Your function stopped with {type(value).__name__}: {value}")
        if not np.isfinite(value).all():
            return Verdict(False, "Your result holds NaN or infinite numbers: look for a 0/0.")
        if np.shape(value) != np.shape(want):
            return Verdict(
                False, f"Your function returns {_kind(value)}; expected {_kind(want)}. {hint}"
            )
    return Verdict(False, hint)


def _run(function: Callable, case: tuple):
    """What `function` returns for copies of these arguments, or the exception that stops it."""
    try:
        return function(*(_copy(value) for value in case))
    except Exception as error:  # whatever the reader's code does wrong, they get a message
        return error


def _same(got: list, wanted: list) -> bool:
    """Whether two lists of results agree: equal numbers, or both stopped, but not everywhere."""
    stopped = [isinstance(value, Exception) for value in got]
    return (
        not all(stopped)
        and stopped == [isinstance(value, Exception) for value in wanted]
        and all(
            np.shape(a) == np.shape(b) and np.allclose(a, b, rtol=1e-6, atol=1e-9)
            for a, b, stop in zip(got, wanted, stopped, strict=True)
            if not stop
        )
    )


def _is_numeric(value) -> bool:
    """Whether `value` is an array of real numbers, or can be read as one."""
    try:
        return np.asarray(value).dtype.kind in "iuf"
    except Exception:  # rows of unequal length, a tensor that still wants gradients
        return False


def _copy(value):
    return value.copy() if isinstance(value, np.ndarray) else value


def _accepts(function: Callable, count: int) -> bool:
    """Whether `function` can be called with `count` positional arguments."""
    try:
        parameters = signature(function).parameters.values()
    except (TypeError, ValueError):  # some built-ins have no signature: let the call decide
        return True
    if any(p.kind is Parameter.VAR_POSITIONAL for p in parameters):
        return True
    positional = [
        p
        for p in parameters
        if p.kind in (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    ]
    needed = sum(p.default is Parameter.empty for p in positional)
    return needed <= count <= len(positional)


def _kind(value) -> str:
    """A value in words: its type, and its shape if it has one."""
    if isinstance(value, np.ndarray) and value.ndim:
        entries = "" if _is_numeric(value) else f" with entries of type {value.dtype}"
        return f"an array of shape {value.shape}{entries}"
    if _is_numeric(value) and np.ndim(value) == 0:
        return "a number"
    return f"a {type(value).__name__}"
