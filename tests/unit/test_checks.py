"""The exercise checks answer back: praise, the right hint, and never a traceback."""

import inspect
import re
import sys
import warnings

import numpy as np
import pytest
import reader_answers_a_real_gpt  # noqa: F401  (registers its answers)
import reader_answers_attention  # noqa: F401  (registers its answers)
import reader_answers_controls  # noqa: F401  (registers its answers)
import reader_answers_deeper  # noqa: F401  (registers its answers)
import reader_answers_distributions  # noqa: F401  (registers its answers)
import reader_answers_emergence  # noqa: F401  (registers its answers)
import reader_answers_exact_update  # noqa: F401  (registers its answers)
import reader_answers_implicit_finetuning  # noqa: F401  (registers its answers)
import reader_answers_layer_causality  # noqa: F401  (registers its answers)
import reader_answers_meet_the_model  # noqa: F401  (registers its answers)
import reader_answers_meta_gradients  # noqa: F401  (registers its answers)
import reader_answers_momentum_attention  # noqa: F401  (registers its answers)
import reader_answers_nonlinear  # noqa: F401  (registers its answers)
import reader_answers_one_layer  # noqa: F401  (registers its answers)
import reader_answers_order  # noqa: F401  (registers its answers)
import reader_answers_prediction  # noqa: F401  (registers its answers)
import reader_answers_representation  # noqa: F401  (registers its answers)
import reader_answers_softmax_and_copying  # noqa: F401  (registers its answers)
import reader_answers_the_plateau  # noqa: F401  (registers its answers)
import reader_answers_the_table  # noqa: F401  (registers its answers)
import reader_answers_the_verdict  # noqa: F401  (registers its answers)
import reader_answers_training_finds_it  # noqa: F401  (registers its answers)
import reader_answers_what_is_optimal  # noqa: F401  (registers its answers)
import torch
from reader_answers import ALMOST, PREDICTIONS, RIGHT, WRONG

from iclbook import checks
from iclbook.checks import Mistake, Verdict, mark
from iclbook.checks.verdict import weigh

NAMES = sorted(set(checks.__all__) - {"Mistake", "Verdict", "mark"})
EXERCISES = [name for name in NAMES if name not in PREDICTIONS]


def single(value):
    """Real numbers in single precision, everything else as it is."""
    real = np.asarray(value).dtype.kind == "f"
    return np.asarray(value, dtype=np.float32) if real else value


# The forms in which a right result may come.
FORMS = {
    "single precision": lambda result: np.asarray(result, dtype=np.float32),
    "list": lambda result: np.asarray(result).tolist(),
    "tuple": lambda result: tuple(result) if np.ndim(result) else result,
    "tensor": lambda result: torch.tensor(np.asarray(result)),
    "tensor with gradients": lambda result: torch.tensor(
        np.asarray(result, dtype=np.float32), requires_grad=True
    ),
    "list of tensors": lambda result: (
        [torch.tensor(float(x), requires_grad=True) for x in result]
        if np.ndim(result) == 1
        else result
    ),
    "column": lambda result: np.reshape(result, (-1, 1)) if np.ndim(result) <= 1 else result,
    "row": lambda result: np.reshape(result, (1, -1)) if np.ndim(result) <= 1 else result,
}

# What a solution is made of. A message may point to it and may not spell it out.
CODE = re.compile(r"np\.|numpy|lambda |return |\*\*|\.T\b|\.sum|@|\w\[|outer\(|exp\(\w+\)|==")
GIVEAWAYS = {
    "trained_entries": ["twice", "groups times", "2 *"],
    "honest_accuracy": ["argmax", "evaluation[", "best on selection"],
    "label_answers": ["argmax", "label_ids]", "column of"],
    "calibrated_answers": ["argmax", "softmax", "log(", "exp("],
    "demonstrations_that_fit": ["cumsum", "cumulative", "bos +", "longest <"],
    "page_loss": ["page[1:]", "[:-1]", "- 1"],
    "rebuild_weights": ["W_0 +", "+ eta", "E^T"],
    "momentum_coefficients": ["(1 - mu)", "1 - mu^", "T - t"],
    "share_of_initial_weights": ["1 - eta", "eta lam", "^T"],
    "dual_output": ["W_0 x", "weights 0", "e_i (x_i"],
    "sign_of_help": ["sign(", "(label", "zero for"],
    "effective_number": ["absolute", "|w|", "abs"],
    "targets": ["W k + v", "v + W k", "K W^T + V"],
    "shortest_context": ["floor", "d_k d_v", "+ 1"],
    "share_of_demonstrations": ["Z' / (Z", "exp("],
    "share_of_copies": ["copies lam", "copies *", "Z' / (Z", "1 - lam +"],
    "positive_features": ["|x|^2 / 2", "sqrt", "exp(-"],
    "another_prompt": ["third power", "cubed", "copies times"],
    "targets_left": ["X X^T", "power", "eta / N"],
    "examples_needed": ["1 / share", "ceil", "d + k - 2", "round up"],
    "step_size_of": ["trace", "[-1", "minus A"],
    "mixed_rate": ["1 / c", "(1 + c", "quarter"],
    "stuck_loss": ["heads / d", "min(", "N + d"],
    "even_part": ["model(", "half the sum", "minus w"],
    "sensitivity_by_differences": ["2 h", "x_q + h", "x_q - h"],
    "rates_under_noise": ["noise^2", "sigma^2", "(N + 1)"],
    "ridge_prediction": ["X^T", "linalg", "inverse"],
    "noise_instead": ["/ norm", "divide by", "before +"],
    "left_of_gain": ["/ (", "icl_calibrated -", "mean("],
    "judge_claim": ["[1] > 0", "-1", "effect[", "/ 2"],
    "kernel_step": ["eta /", "y @", "m @"],
    "guess_without_context": ["0.6", "0.3", "2 / pi"],
    "mean_cosine_of_numbers": ["sign(", "2 P", "- 1"],
    "repeats_until_seen": ["log", "ln", "2.4", "1 / 24"],
    "two_eigenvalues": ["sqrt", "root", "1 / small"],
    "stable_damping": ["2 /", "svd", "eigvals"],
    "opposite_heads": ["exp(", "minus sharp", "subtract", "softmax("],
    "logit_for_share": ["keys - 1", "n - 1", "log(", "1 - share"],
    "other_tokens": ["delete", "- 2", "norms["],
    "causal_gradients": ["U^T", "W_1 x", "transpose"],
    "matched_rate": ["norm", "square root", "plain / causal"],
    "chance_of_noise": ["1 / 2", "half the", "sqrt"],
    "size_for_score": ["- 1", "(1 - 2", "tan", "arctan"],
    "tau_by_pairs": ["N (N - 1)", "minus the", "concordant"],
    "summed_attention": ["axis", "softmax(", "then sum"],
    "blind_agreement": ["p, ", "1 - p", "share *", "1 - share"],
    "chance_bounds": ["max(", "min(", "- zsl_accuracy"],
    "pooled_odds": ["a d", "b c", "maximum", ".sum("],
    "at_depth": ["0.5", "interp", "+ 1) /"],
    "labels_seen": ["steps *", "pages * examples", "multiply"],
    "zeros_of_keys": ["1 - d", "d /", "D^2"],
    "order_gap": ["H_2", "outer(", "x_1 @ x_2", "eta^2"],
    "passes_for": ["ceil", "round up", "sensitivity / target"],
    "share_of_last": ["1 - eta", "minus eta", "power"],
    "sums_ahead": ["eta (s", "s_{t+1}", "shift"],
    "patched": ["z_0 z)", "outer", "(z_0"],
    "mean_patch": ["outer", "average", "/ len"],
    "update_of_finetuning": ["V K", "minus V", "X W"],
    "adaptive_rate": ["N /", "sigma^2", "exp(-"],
    "overlap_without": ["before", "first of all", "delete"],
    "additive_score": ["squares^2", "sqrt", "squares / "],
}

pytestmark = pytest.mark.usefixtures("plain_python")  # a reader has no type checker


def check(exercise: str, answer) -> Verdict:
    return getattr(checks, exercise)(answer)


def definition(exercise: str, monkeypatch) -> dict:
    """What the check hands to `mark`."""
    function = getattr(checks, exercise)
    seen = {}
    with monkeypatch.context() as patch:
        patch.setattr(
            sys.modules[function.__module__], "mark", lambda answer, **given: seen.update(given)
        )
        function(None)
    return seen


def test_every_exercise_has_answers_to_test_it_with():
    assert len(EXERCISES) >= 15
    assert set(PREDICTIONS) <= set(NAMES)
    assert set(RIGHT) == set(WRONG) == set(ALMOST) == set(GIVEAWAYS) == set(EXERCISES)
    assert all(len(RIGHT[exercise]) >= 2 for exercise in EXERCISES)
    assert all(len(WRONG[exercise]) >= 2 for exercise in EXERCISES)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [pytest.param(e, f, id=f.__name__) for e in EXERCISES for f in RIGHT[e]],
)
def test_right_answers_pass_in_every_style(exercise, answer):
    verdict = check(exercise, answer)
    assert verdict
    assert verdict.ok
    assert repr(verdict).startswith("Right. ")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("exercise", EXERCISES)
def test_right_answers_pass_in_other_forms(exercise, form):
    answer = RIGHT[exercise][0]
    verdict = check(exercise, lambda *arguments: FORMS[form](answer(*arguments)))
    assert verdict, verdict


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [pytest.param(e, f, id=f.__name__) for e in EXERCISES for f in RIGHT[e]],
)
def test_right_answers_pass_when_computed_in_single_precision(exercise, answer):
    verdict = check(exercise, lambda *arguments: answer(*map(single, arguments)))
    assert verdict, verdict


@pytest.mark.parametrize(
    ("exercise", "answer", "words"),
    [pytest.param(e, f, words, id=f.__name__) for e in EXERCISES for f, words in WRONG[e]],
)
@pytest.mark.parametrize("form", ["single precision", "column"])
def test_a_misconception_is_recognised_in_other_forms(exercise, answer, words, form):
    verdict = check(exercise, lambda *arguments: FORMS[form](answer(*arguments)))
    assert not verdict
    assert words in verdict.message


@pytest.mark.parametrize(
    ("exercise", "answer", "words"),
    [pytest.param(e, f, words, id=f.__name__) for e in EXERCISES for f, words in ALMOST[e]],
)
def test_an_answer_that_fails_at_an_edge_hears_where(exercise, answer, words):
    verdict = check(exercise, answer)
    assert not verdict
    assert verdict.message.startswith("Right in general, but ")
    assert words in verdict.message


@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_edge_is_one_that_an_answer_falls_from(exercise, monkeypatch):
    messages = [check(exercise, answer).message for answer, _ in ALMOST[exercise]]
    edges = definition(exercise, monkeypatch)["edges"]
    assert edges
    assert all(any(f"but {place} " in message for message in messages) for place in edges)


@pytest.mark.parametrize(
    ("exercise", "answer", "words"),
    [pytest.param(e, f, words, id=f.__name__) for e in EXERCISES for f, words in WRONG[e]],
)
def test_a_misconception_is_recognised(exercise, answer, words):
    verdict = check(exercise, answer)
    assert not verdict
    assert repr(verdict).startswith("Not yet. ")
    assert words in verdict.message


@pytest.mark.parametrize("exercise", EXERCISES)
def test_every_misconception_has_its_own_message_and_its_own_answer(exercise, monkeypatch):
    given = definition(exercise, monkeypatch)
    hints = {mistake.hint for mistake in given["mistakes"]}
    messages = [check(exercise, answer).message for answer, _ in WRONG[exercise]]
    assert len(hints) == len(given["mistakes"])
    assert len(set(messages)) == len(messages)
    assert set(messages) == hints
    assert not hints & {given["hint"], given["praise"]}


@pytest.mark.parametrize("exercise", EXERCISES)
def test_an_unknown_mistake_gets_the_general_hint(exercise, monkeypatch):
    answer = RIGHT[exercise][0]
    verdict = check(exercise, lambda *a: 17.3 - 3 * np.asarray(answer(*a)))
    assert not verdict
    assert verdict.message == definition(exercise, monkeypatch)["hint"]


@pytest.mark.parametrize("exercise", EXERCISES)
def test_no_message_gives_the_answer_away(exercise, monkeypatch):
    given = definition(exercise, monkeypatch)
    hints = [mistake.hint for mistake in given["mistakes"]]
    for message in [given["hint"], *hints, *given["edges"]]:
        assert not CODE.search(message), message
        assert not [words for words in GIVEAWAYS[exercise] if words in message], message


@pytest.mark.parametrize("exercise", EXERCISES)
class TestNeverATraceback:
    def refuse(self, exercise, answer, *words):
        verdict = check(exercise, answer)
        assert isinstance(verdict, Verdict)
        assert not verdict
        for word in words:
            assert word in verdict.message
        assert "Traceback" not in repr(verdict)

    @pytest.mark.parametrize("nothing", [None, ...])
    def test_nothing_handed_in(self, exercise, nothing):
        self.refuse(exercise, nothing, "no answer here so far", "your function")

    @pytest.mark.parametrize("nothing", [None, ...])
    def test_the_stub(self, exercise, nothing):
        self.refuse(exercise, lambda *arguments: nothing, "returns nothing so far", "dots")

    def test_the_stub_with_its_names(self, exercise, monkeypatch):
        names = list(inspect.signature(definition(exercise, monkeypatch)["right"]).parameters)
        scope = {}
        exec(f"def stub({', '.join(names)}):\n    ...", scope)
        self.refuse(exercise, scope["stub"], "returns nothing so far", "dots")

    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            (np.ones((2, 3)), "an array of shape (2, 3)"),
            (1.5, "a number"),
            ("W + 1", "a str"),
            (["a", "b"], "a list"),
            ([[1.0], [2.0, 3.0]], "a list"),
            ([[1.0, 2.0], [3.0, 4.0]], "a list of shape (2, 2)"),
            ({}, "a dict"),
            (torch.ones(2, 5), "a tensor of shape (2, 5)"),
        ],
        ids=lambda x: type(x).__name__,
    )
    def test_a_result_instead_of_a_function(self, exercise, value, kind):
        self.refuse(exercise, value, f"given {kind}", "function itself", "f(")

    @pytest.mark.parametrize(
        "value",
        [
            "a string",
            "7",
            ["a", "b"],
            [[1.0], [2.0, 3.0]],
            {"a": 1},
            np.array(["a", "b"]),
            1j * np.ones(3),
            True,
            object(),
            torch.ones(3, dtype=torch.bool),
            ValueError("returned, not raised"),
            (number for number in range(3)),
        ],
        ids=lambda x: type(x).__name__,
    )
    def test_a_result_of_the_wrong_type(self, exercise, value):
        self.refuse(exercise, lambda *arguments: value, "Your function returns", "expected a")

    @pytest.mark.parametrize(
        ("value", "kind"),
        [
            (np.ones((7, 1, 2)), "an array of shape (7, 1, 2)"),
            (np.ones((7, 1, 2)).tolist(), "a list of shape (7, 1, 2)"),
            (((1.0, 2.0),) * 7, "a tuple of shape (7, 2)"),
            (torch.ones(7, 1, 2), "a tensor of shape (7, 1, 2)"),
            (torch.ones(7, 1, 2, requires_grad=True), "a tensor of shape (7, 1, 2)"),
        ],
        ids=lambda x: type(x).__name__,
    )
    def test_a_result_of_the_wrong_shape(self, exercise, value, kind):
        self.refuse(exercise, lambda *arguments: value, f"returns {kind}", "expected a")

    def test_a_result_in_some_cases_only(self, exercise):
        correct, calls = RIGHT[exercise][0], []

        def now_and_then(*arguments):
            calls.append(1)
            return correct(*arguments) if len(calls) == 1 else None

        self.refuse(exercise, now_and_then, "nothing")

    def test_a_function_of_other_arguments(self, exercise, monkeypatch):
        names = list(inspect.signature(definition(exercise, monkeypatch)["right"]).parameters)
        wanted = f"take the arguments ({', '.join(names)}), in this order"
        self.refuse(exercise, lambda: 1.0, wanted)
        self.refuse(exercise, lambda a, b, c, d, e, f: 1.0, wanted)
        self.refuse(exercise, lambda *, named: 1.0, wanted)

    @pytest.mark.parametrize("error", [ValueError, ZeroDivisionError, NameError, SystemExit])
    def test_a_function_that_raises(self, exercise, error):
        def answer(*arguments):
            raise error("something went wrong")

        self.refuse(exercise, answer, f"stopped with {error.__name__}", "something went wrong")

    def test_a_function_that_ends_the_program(self, exercise):
        self.refuse(exercise, lambda *arguments: sys.exit(), "stopped with SystemExit")

    def test_a_function_that_calls_itself_without_end(self, exercise):
        def answer(*arguments):
            return answer(*arguments)

        self.refuse(exercise, answer, "stopped with RecursionError")

    def test_a_reader_who_loses_patience(self, exercise):
        calls = []

        def answer(*arguments):
            calls.append(1)
            raise KeyboardInterrupt

        self.refuse(exercise, answer, "was interrupted")
        assert len(calls) == 1

    @pytest.mark.filterwarnings("error")
    def test_a_function_that_warns(self, exercise):
        correct = RIGHT[exercise][0]

        def careless(*arguments):
            warnings.warn("one", stacklevel=1)
            np.log(np.zeros(1))
            return correct(*arguments)

        assert check(exercise, careless)

    def test_a_function_that_prints(self, exercise, capsys):
        correct = RIGHT[exercise][0]

        def talkative(*arguments):
            print("so far so good")
            return correct(*arguments)

        assert check(exercise, talkative)
        assert "so far so good" in capsys.readouterr().out
        only_prints = lambda *arguments: print(correct(*arguments))  # noqa: E731
        self.refuse(exercise, only_prints, "prints its result and returns nothing")

    def test_a_function_that_changes_its_arguments_and_returns_nothing(self, exercise):
        def in_place(*arguments):
            for a in arguments:
                if isinstance(a, np.ndarray):
                    a[...] = 1

        self.refuse(exercise, in_place, "returns nothing so far", "return the result")

    def test_a_result_that_was_rounded(self, exercise, monkeypatch):
        correct = RIGHT[exercise][0]
        hint = definition(exercise, monkeypatch)["hint"]
        self.refuse(exercise, lambda *a: 1.004 * np.asarray(correct(*a)), "Do you round", hint)

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_a_result_that_is_not_finite(self, exercise, bad):
        correct = RIGHT[exercise][0]
        self.refuse(exercise, lambda *a: bad + np.abs(np.asarray(correct(*a))), "NaN or infinite")

    def test_a_builtin_and_a_class(self, exercise):
        self.refuse(exercise, print, "returns nothing")
        self.refuse(exercise, type("Answer", (), {}))

    def test_an_answer_cannot_spoil_the_cases(self, exercise):
        correct = RIGHT[exercise][0]

        def vandal(*arguments):
            result = correct(*[np.copy(a) if isinstance(a, np.ndarray) else a for a in arguments])
            for a in arguments:
                if isinstance(a, np.ndarray):
                    a[...] = 0
            return result

        assert check(exercise, vandal)
        assert check(exercise, correct)


# Predictions: what a reader says before an experiment runs


@pytest.mark.parametrize("name", sorted(PREDICTIONS))
class TestPredictions:
    def test_the_right_one_hears_why(self, name):
        given = PREDICTIONS[name]
        verdict = getattr(checks, name)(given.right, *given.measured)
        assert verdict
        assert repr(verdict).startswith("Right. ")
        assert getattr(checks, name)(f" {given.right.upper()} ", *given.measured)

    def test_each_other_one_hears_what_speaks_against_it(self, name):
        given = PREDICTIONS[name]
        why = getattr(checks, name)(given.right, *given.measured).message
        verdicts = [getattr(checks, name)(guess, *given.measured) for guess in given.wrong]
        assert len(verdicts) >= 1
        assert len({verdict.message for verdict in verdicts}) == len(verdicts)
        for guess, verdict in zip(given.wrong, verdicts, strict=True):
            assert not verdict
            assert repr(verdict).startswith(f'It came otherwise. You said "{guess}".')
            assert verdict.message.endswith(why)
            assert len(verdict.message) > len(why) + 40

    @pytest.mark.parametrize("nothing", [None, ...])
    def test_nothing_said(self, name, nothing):
        given = PREDICTIONS[name]
        verdict = getattr(checks, name)(nothing, *given.measured)
        assert not verdict
        assert repr(verdict).startswith("Not yet. First commit yourself")
        assert all(f'"{word}"' in verdict.message for word in [given.right, *given.wrong])

    @pytest.mark.parametrize("other", ["perhaps", "", 3, np.ones(2), ["grows"], len, True])
    def test_something_else_said(self, name, other):
        given = PREDICTIONS[name]
        verdict = getattr(checks, name)(other, *given.measured)
        assert not verdict
        assert "Choose one of" in verdict.message
        assert all(f'"{word}"' in verdict.message for word in [given.right, *given.wrong])

    def test_another_experiment(self, name):
        given = PREDICTIONS[name]
        verdict = getattr(checks, name)(given.right, *given.otherwise)
        assert not verdict
        assert "has it been changed" in verdict.message


def test_a_prediction_is_weighed_by_what_was_measured():
    told = {"expected": "falls", "why": "Because.", "others": {"rises": "No."}}
    assert weigh("falls", happened="falls", **told)
    assert weigh("rises", happened="falls", **told).message == 'You said "rises". No. Because.'
    assert not weigh("rises", happened="rises", **told)


# The marking itself


def double(x):
    return 2 * x


def marked(answer, mistakes=(), cases=((1.0,), (3.0,))):
    return mark(
        answer,
        right=double,
        cases=cases,
        edges={},
        mistakes=mistakes,
        praise="Well done.",
        hint="Look again.",
    )


def test_a_mistake_has_to_fit_every_case():
    square = Mistake(lambda x: x**2 + 1, "No squares.")
    assert marked(lambda x: x**2 + 1, [square]).message == "No squares."
    assert marked(lambda x: 2 * x if x == 1 else 0.0, [square]).message == "Look again."


def test_the_first_fitting_mistake_speaks():
    mistakes = [Mistake(lambda x: x, "first"), Mistake(lambda x: x, "second")]
    assert marked(lambda x: x, mistakes).message == "first"


def test_a_mistake_that_stops_on_a_case_is_recognised_by_the_others():
    """A transposed product fits only where the shapes are square."""

    def stops(x):
        if x == 3:
            raise ValueError("shapes do not fit")
        return -x

    mistakes = [Mistake(stops, "Transposed.")]
    assert marked(stops, mistakes).message == "Transposed."
    assert marked(lambda x: -x, mistakes).message == "Look again."

    def always_stops(x):
        raise ValueError("broken")

    assert "ValueError: broken" in marked(always_stops, mistakes).message
    assert "broken" in marked(always_stops, [Mistake(always_stops, "Never said.")]).message


def test_rounding_is_no_mistake():
    assert marked(lambda x: 2 * x * (1 + 1e-9)).message == "Well done."
    assert marked(lambda x: 2 * x * (1 + 5e-6)).message == "Well done."
    assert not marked(lambda x: 2 * x * (1 + 1e-4))


def test_a_form_is_forgiven_only_where_the_numbers_have_their_places():
    cases = [(np.arange(1.0, 7).reshape(2, 3),), (np.arange(4.0).reshape(1, 4),)]
    assert marked(lambda x: (2 * x).tolist(), cases=cases)
    assert not marked(lambda x: 2 * x.T, cases=cases)
    assert not marked(lambda x: 2 * x.ravel(), cases=cases)
    vectors = [(np.arange(1.0, 5),), (np.arange(9.0),)]
    assert marked(lambda x: 2 * x[:, None], cases=vectors)
    assert "(2, 2)" in marked(lambda x: 2 * x.reshape(2, -1), cases=vectors[:1]).message
    assert "(4, 4)" in marked(lambda x: x + x[:, None], cases=vectors).message


def test_an_edge_is_looked_at_when_the_cases_are_right():
    def at_edges(answer):
        return mark(
            answer,
            right=double,
            cases=[(1.0,), (3.0,)],
            edges={"at zero": (0.0,), "below zero": (-1.0,)},
            mistakes=[Mistake(lambda x: -x, "The sign.")],
            praise="Well done.",
            hint="Look again.",
        ).message

    assert at_edges(double) == "Well done."
    assert at_edges(lambda x: 2 * abs(x)) == (
        "Right in general, but below zero your function gives something else."
    )
    assert at_edges(lambda x: 2 * x * (x / x)) == (
        "Right in general, but at zero your function stops with ZeroDivisionError: "
        "float division by zero."
    )
    assert at_edges(lambda x: 2 * x if x else np.nan).endswith(
        "at zero your result holds NaN or infinite numbers."
    )
    assert at_edges(lambda x: 2 * x if x else None).endswith(
        "at zero your function returns nothing."
    )
    assert at_edges(lambda x: -x) == "The sign."


def test_numbers_of_every_kind_are_read():
    assert marked(lambda x: int(2 * x))
    assert marked(lambda x: np.float32(2 * x))
    assert marked(lambda x: torch.tensor(2 * x))


def test_default_arguments_are_allowed():
    assert marked(lambda x, factor=2: factor * x)
