"""The input checks themselves, and what `import iclbook` brings along."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import iclbook
from iclbook.validate import check_array, check_count, check_number, check_seeds

shapes = st.lists(st.integers(1, 4), min_size=1, max_size=4)


@given(shape=shapes, dtype=st.sampled_from([np.float16, np.float32, np.float64]))
def test_a_good_array_is_handed_back_as_it_is(shape, dtype):
    A = np.ones(shape, dtype=dtype)
    assert check_array("A", A, *shape) is A
    assert check_array("A", A, *"abcd"[: len(shape)]) is A


@given(shape=shapes, data=st.data())
def test_every_other_shape_is_refused_and_named(shape, data):
    A = np.ones(shape)
    axis = data.draw(st.integers(0, len(shape) - 1))
    wanted = list(shape)
    wanted[axis] += data.draw(st.integers(1, 3))
    with pytest.raises(ValueError, match="expected") as caught:
        check_array("A", A, *wanted)
    assert f"A has shape {tuple(shape)}" in str(caught.value)
    assert f"expected {tuple(wanted)}" in str(caught.value)
    with pytest.raises(ValueError, match="expected"):
        check_array("A", A, *wanted, 1)


@given(shape=shapes, data=st.data(), bad=st.sampled_from([np.nan, np.inf, -np.inf]))
def test_a_bad_entry_is_found_wherever_it_is(shape, data, bad):
    A = np.ones(shape)
    where = tuple(data.draw(st.integers(0, size - 1)) for size in shape)
    A[where] = bad
    with pytest.raises(ValueError, match="NaN or infinite") as caught:
        check_array("A", A, *shape)
    assert f"index {where}" in str(caught.value)


@pytest.mark.parametrize(
    "value", [[1.0, 2.0], (1.0, 2.0), 1.0, "1.0", None, {"a": 1.0}, np.float64(1.0)]
)
def test_only_arrays_are_arrays(value):
    with pytest.raises(TypeError, match=rf"A is a {type(value).__name__}; expected a NumPy array"):
        check_array("A", value, "n")


@pytest.mark.parametrize("dtype", [int, bool, complex, object, "U1"])
def test_only_floating_point_counts(dtype):
    with pytest.raises(TypeError, match=r"A holds .*A\.astype\(float\)"):
        check_array("A", np.ones(3).astype(dtype), "n")


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_an_empty_array_is_refused(shape):
    with pytest.raises(ValueError, match="A is empty"):
        check_array("A", np.ones(shape), *"nd"[: len(shape)])


@given(value=st.floats(-10, 10), low=st.floats(-5, 0), high=st.floats(1, 5), opened=st.booleans())
def test_numbers_inside_pass_and_outside_are_named(value, low, high, opened):
    inside = (low < value if opened else low <= value) and value < high
    if inside:
        assert check_number("x", value, low=low, high=high, open_low=opened) == value
    else:
        with pytest.raises(ValueError, match="expected a number in") as caught:
            check_number("x", value, low=low, high=high, open_low=opened)
        assert f"x is {value};" in str(caught.value)


@pytest.mark.parametrize("value", [1, 1.5, np.float32(1.5), np.float64(1.5), np.int64(1)])
def test_every_kind_of_real_number_is_one(value):
    number = check_number("x", value, low=0.0)
    assert number == value
    assert type(number) is float


@pytest.mark.parametrize("value", [True, "1", None, 1j, np.ones(1)])
def test_nothing_else_is_a_number(value):
    with pytest.raises(TypeError, match=rf"x is a {type(value).__name__}; expected a number"):
        check_number("x", value, low=0.0)


def test_nan_is_not_inside_any_interval():
    with pytest.raises(ValueError, match="x is nan"):
        check_number("x", np.nan, low=-np.inf)


@given(value=st.integers(-5, 5), low=st.integers(-1, 2))
def test_counts_start_where_they_should(value, low):
    if value >= low:
        assert check_count("n", value, low=low) == value
        assert type(check_count("n", np.int64(value), low=low)) is int
    else:
        with pytest.raises(ValueError, match=f"n is {value}; expected {low} or more"):
            check_count("n", value, low=low)


@pytest.mark.parametrize("value", [True, 1.0, "1", None])
def test_nothing_else_is_a_count(value):
    with pytest.raises(TypeError, match="expected a whole number, 1 or more"):
        check_count("n", value)


def test_seeds_are_several_whole_numbers_each_once():
    assert check_seeds([3, np.int64(0)]) == (3, 0)
    for value, error, message in (
        (5, TypeError, r"seeds is 5; expected several"),
        ((0.5,), TypeError, "an entry of seeds is 0.5"),
        ((), ValueError, "seeds is empty"),
        ((-1,), ValueError, "an entry of seeds is -1"),
        ((2, 1, 2), ValueError, "names 2 more than once"),
    ):
        with pytest.raises(error, match=message):
            check_seeds(value)


def loaded_after(statement: str, *modules: str) -> str:
    """Which of these modules a fresh interpreter has after a statement."""
    script = f"import sys; {statement}; print([m for m in {modules} if m in sys.modules])"
    root = Path(iclbook.__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-c", script], cwd=root, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_importing_the_package_brings_nothing_heavy_along():
    heavy = ("numpy", "torch", "matplotlib", "sklearn", "ipywidgets", "jaxtyping", "beartype")
    assert loaded_after("import iclbook; iclbook.__version__", *heavy) == "[]"


def test_the_dual_form_and_the_checks_are_numpy_alone():
    heavy = ("torch", "matplotlib", "sklearn", "scipy")
    assert loaded_after("import iclbook.dual, iclbook.checks", *heavy) == "[]"
