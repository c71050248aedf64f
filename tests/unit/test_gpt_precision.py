"""What a precision costs: a tiny cell in three of them."""

from dataclasses import asdict

import pytest

from iclbook.gpt.study.precision import Precision
from tests.unit.tiny_study import cell_of, results_of, tiny_model

DTYPES = ("float64", "float32", "bfloat16")
SMALL = dict(task="sst2", k=3, items=15, lr=0.05)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    with tiny_model(tmp_path_factory) as folder:
        yield folder


@pytest.fixture(scope="module")
def found(tiny):
    return results_of(Precision(model=tiny, **SMALL, dtypes=DTYPES))


@pytest.mark.parametrize("setting", ["zsl", "ft", "icl"])
def test_fewer_digits_cost_more(found, setting):
    largest, median = found["largest"], found["median"]
    assert list(largest) == list(median) == ["float32", "bfloat16"]
    assert 0 < largest["float32"][setting] < 1e-4 < largest["bfloat16"][setting] < 1
    for dtype in largest:
        assert median[dtype][setting] < largest[dtype][setting]
    assert found["changed"]["float32"][setting] == 0


def test_each_precision_has_the_numbers_of_its_cell(tiny, found):
    assert found["items"] == 15
    assert found["model_origin"]["dtype"] == "float64"
    cells = {d: results_of(cell_of(tiny, **SMALL, dtype=d)) for d in DTYPES}
    for dtype, cell in cells.items():
        for setting, accuracy in found["accuracy"][dtype].items():
            assert accuracy == pytest.approx(cell["accuracy"][setting]["accuracy"], rel=1e-3)
        similar = cell["positions"]["label"]["simaou"]["normalised"]["mean"]
        assert found["similarities"][dtype]["simaou"] == pytest.approx(similar, rel=1e-3)
    for setting, changed in found["changed"]["bfloat16"].items():
        answers = [cells[d][f"{setting}_predicted"] for d in ("float64", "bfloat16")]
        assert changed == sum(a != b for a, b in zip(*answers))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(dtypes=("float32",)), "expected two or more different ones"),
        (dict(dtypes=("float32", "float32")), "expected two or more different ones"),
        (dict(dtypes=("float32", "int8")), "dtype is 'int8'"),
        (dict(k=0), "k is 0"),
        (dict(lr=-1.0), "lr"),
    ],
)
def test_settings_that_make_no_sense(settings, message):
    with pytest.raises(ValueError, match=message):
        Precision(**(asdict(Precision()) | settings))


def test_a_rate_that_is_too_large_is_said(tiny):
    with pytest.raises(ValueError, match=r"in float32 it diverged at rate 1e\+30"):
        Precision(model=tiny, **(SMALL | dict(lr=1e30))).run()
