"""How an exercise answer is marked: run it, compare it, and recognise known misconceptions.

An exercise gives a correct solution, a few *cases* (arguments to call the answer with), its *edges*
(arguments at which an almost right answer fails) and a list of *mistakes*: what a reader computes
who holds a certain misconception, with the hint for it. The answer is compared with all of them. A
message says where to look and never what to write.

Form is never marked (`iclbook.checks.results`). Whatever an answer does, from `sys.exit` to
recursion without end, the reader gets a verdict. A prediction, made before an experiment has run,
is marked by `weigh`.
"""

import contextlib
import copy
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter, signature

import numpy as np

from iclbook.checks.results import agree, as_numbers, in_words, shaped_like

TOLERANCE = 1e-5  # relative to the largest number: single precision, with room for its rounding
NEARLY = 1e-2  # closer than this looks like rounding on the way


@dataclass(frozen=True)
class Verdict:
    """What a check answers; shown as its message.

    Attributes
    ----------
    ok : bool
        Whether the answer is right.
    message : str
        Praise, or where to look next.
    refusal : str
        How the message opens where the answer is not right.
    """

    ok: bool
    message: str
    refusal: str = "Not yet."

    def __repr__(self) -> str:
        return f"{'Right.' if self.ok else self.refusal} {self.message}"

    def __bool__(self) -> bool:
        return self.ok


@dataclass(frozen=True)
class Mistake:
    """A misconception: `answer` computes what follows from it, `hint` says what to look at."""

    answer: Callable
    hint: str


@dataclass(frozen=True)
class _Stopped:
    """What came of a call that did not return: the exception, in words."""

    words: str


def mark(
    answer: Callable,
    *,
    right: Callable,
    cases: Sequence[tuple],
    edges: Mapping[str, tuple],
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
    edges : mapping of str to tuple
        Further arguments, at which an answer that is right in all cases may still fail. The key
        names the place, as in "with a single example": it completes "Right in general, but ...".
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
            f"The check was given {in_words(answer)}; it expects your function itself, "
            f"without calling it. It calls it as f({call}).",
        )
    if not _accepts(answer, len(cases[0])):
        return Verdict(False, f"Your function should take the arguments ({call}), in this order.")
    try:
        got, printed = _run_aloud(answer, [*cases, *edges.values()])
    except KeyboardInterrupt:
        return Verdict(False, "The check was interrupted: your function had not come to an end.")
    at_edges = dict(zip(edges, got[len(cases) :], strict=True))
    got = got[: len(cases)]
    if all(value is None or value is Ellipsis for value in got):
        return Verdict(
            False,
            "Your function prints its result and returns nothing: return it instead."
            if printed
            else "Your function returns nothing so far: fill in the dots and return the result.",
        )
    wanted = [_run(right, case) for case in cases]
    for value, want in zip(got, wanted, strict=True):
        if not isinstance(value, _Stopped) and as_numbers(value) is None:
            return Verdict(
                False, f"Your function returns {in_words(value)}; expected {in_words(want)}."
            )
    if _same(got, wanted):
        for place, value in at_edges.items():
            if not _same([value], [_run(right, edges[place])]):
                return Verdict(False, f"Right in general, but {place} {_what_happens(value)}.")
        return Verdict(True, praise)
    for mistake in mistakes:
        if _same(got, [_run(mistake.answer, case) for case in cases]):
            return Verdict(False, mistake.hint)
    for value, want in zip(got, wanted, strict=True):
        if isinstance(value, _Stopped):
            return Verdict(False, f"Your function stopped with {value.words}")
        if not np.isfinite(as_numbers(value)).all():
            return Verdict(False, "Your result holds NaN or infinite numbers: look for a 0/0.")
        if shaped_like(value, want).shape != np.shape(want):
            return Verdict(
                False, f"Your function returns {in_words(value)}; expected {in_words(want)}. {hint}"
            )
    if _same(got, wanted, NEARLY):
        hint = f"Your numbers agree to about two digits. Do you round on the way? If not: {hint}"
    return Verdict(False, hint)


def weigh(
    guess: str, *, happened: str, expected: str, why: str, others: Mapping[str, str]
) -> Verdict:
    """Answer a prediction that was made before an experiment ran.

    Parameters
    ----------
    guess : str
        What the reader said would happen: one of the words below, in any case.
    happened : str
        What did happen, as the check reads it from the measured numbers: one of the words below.
    expected : str
        What happens when the experiment runs as the chapter has it.
    why : str
        Why it happens: said to everyone.
    others : mapping of str to str
        The other words that one can choose, each with what speaks against it.
    """
    words = sorted([expected, *others])  # the order must not tell
    choice = ", ".join(f'"{word}"' for word in words[:-1]) + f' or "{words[-1]}"'
    if guess is None or guess is Ellipsis:
        return Verdict(False, f"First commit yourself: {choice}?")
    said = guess.strip().casefold() if isinstance(guess, str) else guess
    if not isinstance(said, str) or said not in words:
        return Verdict(False, f"Choose one of {choice}, in quotation marks.")
    if happened != expected:
        return Verdict(
            False,
            f'The experiment came out as "{happened}", and the text speaks of "{expected}": has it '
            "been changed? Run the chapter from the top.",
        )
    if said == expected:
        return Verdict(True, why)
    return Verdict(False, f'You said "{said}". {others[said]} {why}', refusal="It came otherwise.")


def what_became(before: float, after: float, guess: float) -> str:
    """What became of an accuracy: ``stays``, ``guess``, ``below`` a guess, or the number itself."""
    if after > before - 0.1:
        return "stays"
    if abs(after - guess) < 0.1:
        return "guess"
    return "below" if after < guess else f"{after:.2f}"


def _run_aloud(function: Callable, cases: Sequence[tuple]) -> tuple[list, bool]:
    """What `function` returns for each case, and whether it printed; what it printed is shown."""
    with contextlib.redirect_stdout(io.StringIO()) as page:
        try:
            got = [_run(function, case) for case in cases]
        finally:
            printed = page.getvalue()
    print(printed, end="")
    return got, bool(printed)


def _run(function: Callable, case: tuple):
    """What `function` returns for copies of these arguments, or how it stopped."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # numbers are marked, and they tell
            return function(*copy.deepcopy(case))
    except KeyboardInterrupt:  # the reader wants to stop: do not go on with the next case
        raise
    except BaseException as error:  # also sys.exit(): whatever the code does, they get a message
        return _Stopped(f"{type(error).__name__}: {error}".removesuffix(": "))


def _same(got: list, wanted: list, tolerance: float = TOLERANCE) -> bool:
    """Whether two lists of results agree: equal numbers, or both stopped, but not everywhere."""
    stopped = [isinstance(value, _Stopped) for value in got]
    return (
        not all(stopped)
        and stopped == [isinstance(value, _Stopped) for value in wanted]
        and all(
            agree(a, b, tolerance)
            for a, b, stop in zip(got, wanted, stopped, strict=True)
            if not stop
        )
    )


def _what_happens(value) -> str:
    """What an answer gives where it is wrong, in words that follow the place."""
    if isinstance(value, _Stopped):
        return f"your function stops with {value.words}"
    if value is None or value is Ellipsis:
        return "your function returns nothing"
    numbers = as_numbers(value)
    if numbers is None:
        return f"your function returns {in_words(value)}"
    if not np.isfinite(numbers).all():
        return "your result holds NaN or infinite numbers"
    return "your function gives something else"


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
