"""How many threads the libraries use, and what is rounded how."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from iclbook import threads
from iclbook.rounding import finite, rounded


def test_the_libraries_use_so_many_threads_and_then_as_many_as_before():
    before = torch.get_num_threads()
    with threads.limited(2):
        assert torch.get_num_threads() == 2
        assert {pool["num_threads"] for pool in threadpool_info()} == {2}
        with threads.limited(1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == before


@pytest.mark.parametrize("count", [0, threads.MOST + 1, 100_000])
def test_numbers_that_would_end_the_interpreter_are_refused(count):
    with pytest.raises(ValueError, match=f"threads is {count}; expected"):
        threads.check_threads(count)
    with pytest.raises(ValueError, match="threads is"), threads.limited(count):
        pass


@pytest.mark.parametrize(
    "arguments",
    [
        ("regression", "garg", "--threads", "100000"),
        ("regression", "one-layer", "--threads", "100000"),
        ("pretrain", "--threads", "100000"),
    ],
)
def test_the_command_line_names_the_bound(arguments, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "iclbook", *arguments], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert f"error: threads is 100000; expected 1 to {threads.MOST}" in done.stderr


@pytest.mark.parametrize(
    ("said", "found"), [("1", 1), ("3", 3), ("4,2", 4), (str(10**6), threads.MOST)]
)
def test_the_environment_decides_the_default(monkeypatch, said, found):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads.default() == found


@pytest.mark.parametrize("said", ["", "0", "many", "-1"])
def test_without_a_number_the_default_is_a_thread_a_core(monkeypatch, said):
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert 1 <= threads.default() <= threads.MOST


def test_rounded_numbers_are_plain():
    value = {
        "tensor": torch.tensor([[1 / 3, 2.0]], requires_grad=True),
        "array": np.array([1, 2]),
        "one": np.float32(0.1),
        "whole": 7,
        "switch": np.bool_(True),
        "none": None,
        "text": "a",
        "tuple": (math.pi,),
    }
    found = rounded(value, 3)
    assert found["tensor"] == [[0.333, 2.0]]
    assert found["array"] == [1, 2]
    assert found["one"] == 0.1
    assert type(found["one"]) is float
    assert (found["whole"], found["switch"], found["none"], found["text"]) == (7, True, None, "a")
    assert found["tuple"] == [3.142]


def test_small_numbers_keep_their_digits_if_asked_to():
    assert rounded(1.23456e-9) == 0.0
    assert rounded([1.23456e-9, 123456.0], 3, significant=True) == [1.23e-9, 123000.0]


def test_what_is_not_a_number_is_none_where_that_is_said():
    assert finite({"a": [1.0, math.nan], "b": math.inf, "c": "x"}) == {
        "a": [1.0, None],
        "b": None,
        "c": "x",
    }
    assert math.isnan(rounded(math.nan))
