"""Running an experiment of a part from the command line."""

from dataclasses import dataclass

import pytest

from iclbook import records
from iclbook.__main__ import main


@dataclass(frozen=True)
class Sum:
    """Add numbers up."""

    numbers: tuple[float, ...] = (1.0, 2.0)
    sign: int = 1
    label: str = "sum"
    double: bool = False
    threads: int = 1

    def run(self):
        """Return the sum."""
        if self.sign not in (-1, 1):
            raise ValueError(f"sign is {self.sign}; expected -1 or 1")
        total = self.sign * sum(self.numbers) * (2 if self.double else 1)
        return records.Results({self.label: {"value": total, "tolerance": 0}}, {})


@pytest.fixture
def run(monkeypatch, tmp_path, capsys):
    """Run ``python -m iclbook regression sum ...`` in an empty folder."""
    monkeypatch.setitem(records.EXPERIMENTS, "regression-sum", f"{__name__}:Sum")
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        try:
            code = main(["regression", "sum", *arguments])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


def test_fields_are_options_and_the_run_becomes_a_record(run, tmp_path):
    code, out, _ = run("--numbers", "2", "3.5", "--sign", "-1", "--double", "true")
    assert code == 0
    assert "sum: -11" in out
    record = records.load("regression-sum", "own", tmp_path / "records")
    assert record["sum"] == -11.0
    assert record.config["numbers"] == [2.0, 3.5]


def test_a_finished_run_is_not_overwritten(run, tmp_path):
    assert run()[0] == 0
    path = tmp_path / "records" / "regression-sum" / "own.json"
    before = path.read_bytes()
    code, _, errors = run("--sign", "-1")
    assert code == 1
    assert "choose another --name" in errors
    assert path.read_bytes() == before
    assert run("--sign", "-1", "--name", "minus")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--sign", "0"), "sign is 0; expected -1 or 1"),
        (("--sign", "one"), "invalid int value: 'one'"),
        (("--double", "yes"), "expected true or false"),
        (("--colour", "red"), "unrecognized arguments: --colour red"),
        (("--name", "A b"), "name is 'A b'"),
    ],
)
def test_bad_input_is_named_and_nothing_is_written(run, tmp_path, arguments, says):
    code, _, errors = run(*arguments)
    assert code != 0
    assert says in errors
    assert not list(tmp_path.rglob("*.json"))


def test_help_lists_the_options_with_their_defaults(run):
    code, out, _ = run("--help")
    assert code == 0
    assert "Add numbers up." in out
    assert "--numbers" in out
    assert "default 1.0 2.0" in out


def test_an_unknown_experiment_is_answered_with_those_there_are(capsys):
    with pytest.raises(SystemExit):
        main(["regression", "nothing"])
    assert "invalid choice: 'nothing'" in capsys.readouterr().err
