"""Printed tables line up, and numbers in them are rounded in one way."""

import numpy as np
import pytest

from iclbook.columns import checks, fixed, table


@pytest.mark.parametrize(
    ("value", "digits", "sign", "text"),
    [
        (0.456, 2, "", "0.46"),
        (-0.456, 1, "", "-0.5"),
        (-0.001, 2, "", "0.00"),
        (-0.001, 2, "+", "+0.00"),
        (0.25, 2, "+", "+0.25"),
        (7, 2, "", "7.00"),
        (np.float32(0.1), 2, "", "0.10"),
        (None, 2, "", "–"),
        (float("nan"), 2, "+", "–"),
    ],
)
def test_fixed(value, digits, sign, text):
    assert fixed(value, digits, sign) == text


def test_a_table_lines_up(capsys):
    table(["task", "score", "n"], [["sst2", 0.456, 12], ["a long name", None, np.int64(7)]], 1)
    assert capsys.readouterr().out.splitlines() == [
        "task         score   n",
        "sst2           0.5  12",
        "a long name      –   7",
    ]


def test_a_row_has_a_cell_for_each_column():
    with pytest.raises(ValueError, match="a row has 1 cells, the head 2"):
        table(["task", "score"], [["sst2"]])


def test_checks_are_shown_as_a_table_and_a_failure_stands_out(capsys):
    checks({"same weights": np.bool_(True), "same": 1 < 0})
    assert capsys.readouterr().out.splitlines() == [
        "check         holds",
        "same weights    yes",
        "same             NO",
    ]


def test_no_check_at_all_is_refused():
    with pytest.raises(ValueError, match="got none"):
        checks({})
