"""Outputs are compared as ``tools/comparison.py`` says: rounding passes, nothing else does."""

import re

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.comparison import (
    NUMBER,
    Tolerance,
    changed_numbers,
    digits,
    is_near,
    settled,
    text_places,
    units_between,
)
from tools.notebooks import chapters, read

V4 = nbformat.v4
TABLE = """\
loss            GD     GD++   trained
N = 10      0.4123   0.1302    0.1311
N = 20     -0.2062  1.50e-3      True
"""


def stream(text, name="stdout"):
    return V4.new_output("stream", name=name, text=text)


def result(text):
    return V4.new_output("execute_result", {"text/plain": text}, execution_count=1)


def glued(text):
    return V4.new_output("display_data", {"application/papermill.record/text/plain": text})


KINDS = pytest.mark.parametrize("kind", [stream, result, glued])


def accepted(stored, computed, tolerance=Tolerance()):  # noqa: B008
    """Whether new outputs pass for stored ones; texts stand for outputs."""
    stored, computed = (
        [stream(text) if isinstance(text, str) else text for text in
         (outputs if isinstance(outputs, list) else [outputs])] for outputs in (stored, computed))
    return settled(stored, computed, tolerance)[0] == stored


@KINDS
@pytest.mark.parametrize(("stored", "computed"), [
    ("0.87", "0.88"), ("-0.87", "-0.86"), ("0.10", "0.11"), ("12.3%", "12.4%"),
    ("1.50e-3", "1.49e-3"), ("1,234.5", "1,234.6"), ("+0.50", "+0.51"), ("−0.50", "−0.51"),
    ("0.50 ± 0.12", "0.51 ± 0.13"), ("[0.50, 1]", "[0.51, 1]"), ("'0.87'", "'0.88'"),
    ("at 0.50.", "at 0.51."), ("f(0.50)=1", "f(0.51)=1"), ("0.30-0.50", "0.30-0.51"),
    ("-0.00", "0.00"), ("+0.00", "-0.00"), ("[-0.00  0.50]", "[0.00  0.50]"),
    ("a   9.99  b", "a  10.00  b"), ("9.99  b", "10.00 b"), (" 9.99\n10.00", "10.00\n10.00"),
])
def test_rounding_passes_both_ways(kind, stored, computed):
    assert accepted([kind(stored)], [kind(computed)])
    assert accepted([kind(computed)], [kind(stored)])


@KINDS
@pytest.mark.parametrize(("stored", "computed"), [
    ("0.87", "0.89"), ("0.87", "0.870"), ("0.87", "0.9"), ("0.87", "1"), ("0.5", "0.6"),
    ("0.09", "0.10"), ("0.00", "0.01"), ("0.01", "-0.01"), ("0.87", "-0.87"), ("+0.50", "0.50"),
    ("-0.50", "−0.50"), ("257", "258"), ("3%", "4%"), ("12.3%", "12.3"), ("12.3%", "12.4"),
    ("1,234", "1,235"), ("1234.5", "1,234.5"), ("1.50e-3", "1.50e-4"), ("1.50e-3", "1.50e+3"),
    ("1e-12", "2e-12"), ("9.99e-1", "1.00e+0"), ("True", "False"), ("0.87", "nan"),
    ("nan", "0.87"), ("0.87", "inf"), ("inf", "-inf"), ("sst2 0.50", "sst5 0.50"),
    ("GPT 1.3B", "GPT 1.4B"), ("3.11.2", "3.11.3"), ("v1.25", "v1.26"), ("1.25", "01.25"),
    ("a 0.50", "b 0.51"), ("# 0.50", "0.51 #"), ("0.50 0.60", "0.50"), ("0.50", "0.50\n0.50"),
    ("a  b 0.50", "a b 0.51"), ("a  0.50", "a 0.50"), ("a  0.50", "a 0.51"), ("0.50\n", "0.51"),
    ("0.50 0.51", "0.51 0.50"), ("0.51, 0.52, 0.53", "0.52, 0.53, 0.54"), ("1.", "2."),
    ("(1, 0.50)", "(2, 0.50)"), ("12-0.50", "13-0.50"), ("0.30-0.50", "0.30+0.50"),
    ("\u0661.25", "\u0661.27"),
])
def test_what_is_not_rounding_fails_both_ways(kind, stored, computed):
    assert not accepted([kind(stored)], [kind(computed)])
    assert not accepted([kind(computed)], [kind(stored)])


@pytest.mark.parametrize(("old", "new"), [
    ("loss", "cost"), ("10", "11"), ("0.4123", "0.4125"), ("-0.2062", "0.2062"),
    ("-0.2062", " 0.2062"), ("1.50e-3", "1.52e-3"), ("1.50e-3", "1.50e-2"), ("True", "False"),
    ("0.4123   0.1302", "0.1302   0.4123"), ("0.1302    0.1311", "0.1311    0.1302"),
    ("  GD     GD++", "GD++       GD"), ("0.1311", " 0.131"), ("0.1311", "   nan"),
    ("N = 10      0.4123   0.1302    0.1311\n", ""), ("\n", "\n\n"), ("trained\n", "trained"),
])
def test_a_mutation_of_a_table_is_caught(old, new):
    assert old in TABLE
    assert not accepted(TABLE, TABLE.replace(old, new, 1))


def test_two_numbers_of_a_cell_may_differ_wherever_they_stand():
    stored = [stream("0.50 0.60\n"), glued("'0.70'"), result("0.80")]
    computed = [stream("0.51 0.60\n"), glued("'0.71'"), result("0.80")]
    assert accepted(stored, computed)
    computed[2] = result("0.81")
    outputs, refusal = settled(stored, computed, Tolerance())
    assert outputs == computed
    assert refusal == "3 numbers differ by a unit or so of their last digit; at most 2 may"


def test_minus_zeros_do_not_count():
    assert accepted("0.50 0.60 -0.00 -0.0", "0.51 0.61 0.00 0.0")


def test_only_what_is_near_is_settled():
    stored, computed = ([stream("0.50\n"), result(text)] for text in ("word", "other"))
    computed[0] = stream("0.51\n")
    outputs, _ = settled(stored, computed, Tolerance())
    assert outputs == [stored[0], computed[1]]
    assert computed[0].text == "0.51\n"


@pytest.mark.parametrize("computed", [
    [stream("0.51"), stream("0.51")], [stream("0.51", "stderr")], [result("0.51")], [],
])
def test_other_outputs_are_left_to_nbval(computed):
    outputs, refusal = settled([stream("0.50")], computed, Tolerance())
    assert (outputs, refusal) == (computed, "")


def test_pictures_and_html_take_no_part():
    def shown(number):
        return V4.new_output("display_data", {
            "text/plain": "0.50", "text/html": f"{number} 0.61 0.71", "image/svg+xml": number,
            "application/json": {"a": number}})

    outputs, refusal = settled([shown("0.50")], [shown("0.51")], Tolerance())
    assert (outputs, refusal) == ([shown("0.51")], "")


def test_a_reason_widens_and_a_tag_narrows():
    wider = Tolerance.of({"compare": {"units": 3, "numbers": 4}, "unchecked_reason": "chaos"})
    assert accepted("0.50 0.0 0.1 0.70", "0.53 0.1 0.3 0.72", wider)
    assert accepted("0.00", "-0.01", wider)
    assert not accepted("0.50", "0.54", wider)
    assert not accepted("-0.01", "0.01", wider)
    assert not accepted("0.5 0.6 0.7", "0.6 0.7 0.5", wider)
    assert not accepted("0.1 0.2 0.3 0.4 0.5", "0.2 0.3 0.4 0.5 0.6", wider)
    assert Tolerance.of({"compare": {"units": 2}, "unchecked_reason": "x"}) == Tolerance(2, 2, True)
    exact = Tolerance.of({"tags": ["compare-exactly"]})
    assert not accepted("0.50", "0.51", exact)
    assert not accepted("-0.00", "0.00", exact)
    assert accepted("0.50", "0.50", exact)
    assert Tolerance.of({"tags": ["hide-input"]}) == Tolerance(1, 2, False)


@pytest.mark.parametrize(("metadata", "complaint"), [
    ({"compare": {"units": 2}}, "unchecked_reason"),
    ({"compare": {"units": 0}, "unchecked_reason": "x"}, "whole numbers from 1"),
    ({"compare": {"units": 1.5}, "unchecked_reason": "x"}, "whole numbers from 1"),
    ({"compare": {"numbers": True}, "unchecked_reason": "x"}, "whole numbers from 1"),
    ({"compare": {"digits": 1}, "unchecked_reason": "x"}, "{'digits': 1}"),
    ({"compare": {}, "unchecked_reason": "x"}, "whole numbers from 1"),
    ({"compare": "loosely", "unchecked_reason": "x"}, "loosely"),
    ({"compare": {"units": 2}, "tags": ["compare-exactly"], "unchecked_reason": "x"}, "keep one"),
])
def test_what_a_cell_may_not_ask_for_is_named(metadata, complaint):
    with pytest.raises(ValueError, match=complaint):
        Tolerance.of(metadata)


# -- what the chapters print -----------------------------------------------------------------------

WORD = re.compile(r"[^\W\d_]+")
INTEGER = re.compile(r"(?<![\w.,])\d+(?![\w.,%])")


def mutations(text):
    """Yield texts that differ from ``text`` in one number, integer, sign, word or line."""
    for found in NUMBER.finditer(text):
        for units in (-2, 2) if abs(digits(found[0])) > 1 else (2,):
            yield replaced(text, found, shifted(found[0], units))
        if digits(found[0]):
            sign = found[0][0] in "-−"
            yield replaced(text, found, found[0][1:] if sign else f"-{found[0].lstrip('+')}")
    for found in INTEGER.finditer(text):
        yield replaced(text, found, str(int(found[0]) + 1))
    for found in WORD.finditer(text):
        yield replaced(text, found, found[0][:-1] + ("y" if found[0][-1] == "x" else "x"))
    lines = text.splitlines(keepends=True)
    yield from ("".join(lines[:i] + lines[i + 1:]) for i in range(len(lines)))


def replaced(text, found, new):
    return text[:found.start()] + new + text[found.end():]


def shifted(number, units):
    """Return a printed number ``units`` of its last digit further from zero."""
    sign, mantissa, exponent = re.fullmatch(r"([-+−]?)([^eE]+)(.*)", number).groups()
    decimals = len(mantissa.partition(".")[2])
    return sign + printed(abs(digits(number)) + units, decimals) + exponent


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_no_mutation_of_a_chapter_passes(path):
    texts = {node[key] for cell in read(path).cells
             for places in text_places(cell.get("outputs", [])).values() for node, key in places}
    tried = [(text, mutated) for text in texts for mutated in mutations(text)]
    assert tried
    stored, computed = [result("")], [result("")]  # made once: nbformat examines what it makes

    def passes(text, mutated):
        stored[0].data["text/plain"], computed[0].data["text/plain"] = text, mutated
        return accepted(stored, computed)

    passed = [pair for pair in tried if passes(*pair)]
    assert not passed, f"{len(passed)} of {len(tried)} pass, such as {passed[0]}"


# -- properties ------------------------------------------------------------------------------------

VALUES = st.integers(-10**6, 10**6)
DECIMALS = st.integers(1, 5)
WORDS = st.text(alphabet=st.sampled_from("ab =:(),%±\n"), max_size=6).map(lambda t: f" {t} ")


def printed(digits, decimals, style=""):
    """Return ``digits`` units of the last of ``decimals`` decimals as Python prints them."""
    whole, rest = divmod(abs(digits), 10**decimals)
    sign = "-" if digits < 0 else "+" if style == "+" else ""
    return f"{sign}{whole}.{rest:0{decimals}d}"


@given(VALUES, VALUES, DECIMALS)
def test_units_are_counted_and_the_order_does_not_matter(first, second, decimals):
    a, b = printed(first, decimals), printed(second, decimals)
    expected = abs(first - second) if first * second >= 0 else None
    assert units_between(a, b) == units_between(b, a) == expected


@given(VALUES, DECIMALS, st.integers(2, 50), st.booleans())
def test_two_units_are_never_near(value, decimals, units, up):
    other = value + units if up else value - units
    assert not is_near(printed(value, decimals), printed(other, decimals), Tolerance())


@given(VALUES, DECIMALS)
def test_a_unit_is_near_where_it_is_at_most_a_tenth(value, decimals):
    near = is_near(printed(value, decimals), printed(value + 1, decimals), Tolerance())
    assert near == (min(abs(value), abs(value + 1)) >= 10)


@given(st.lists(st.tuples(WORDS, VALUES, DECIMALS), min_size=1, max_size=6), st.data())
def test_only_the_numbers_that_changed_are_found(pieces, data):
    where = data.draw(st.integers(0, len(pieces) - 1))
    texts = ["".join(word + printed(value + step * (index == where), decimals)
                     for index, (word, value, decimals) in enumerate(pieces)) for step in (0, 1)]
    _, value, decimals = pieces[where]
    assert changed_numbers(*texts) == [(printed(value, decimals), printed(value + 1, decimals))]


@given(st.lists(st.tuples(WORDS, VALUES, DECIMALS), min_size=1, max_size=4), st.data())
def test_a_changed_character_of_the_text_is_caught(pieces, data):
    text = "".join(word + printed(value, decimals) for word, value, decimals in pieces)
    letters = [index for index, letter in enumerate(text) if not letter.isdigit()]
    where = data.draw(st.sampled_from(letters))
    new = data.draw(st.sampled_from([c for c in "cd; \n.0" if c != text[where]]))
    assert not accepted(text, text[:where] + new + text[where + 1:])


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_integers_are_compared_exactly(first, second):
    assert accepted(f"n: {first}", f"n: {second}") == (first == second)
    assert accepted(f"n: {first:,} 0.50", f"n: {second:,} 0.51") == (first == second)


@given(st.integers(-999, 999).filter(lambda v: abs(v) >= 100), st.integers(-9, 9),
       st.integers(-9, 9))
def test_exponents_never_change(value, first, second):
    a, b = (f"{value / 100:.2f}e{exponent:+03d}" for exponent in (first, second))
    assert accepted(a, b) == (first == second)
