"""The command line: what it prints, and its exit codes."""

import dataclasses
import subprocess
import sys
from dataclasses import dataclass

import pytest

import iclbook
from iclbook import records
from iclbook.__main__ import main


@dataclass(frozen=True)
class Coin:
    """An experiment whose result a test can change."""

    threads: int = 1

    def run(self):
        return records.Results(
            {"side": {"value": SIDE[0], "tolerance": 0.5}},
            {"time": {"value": 1.0, "unit": "s"}, "times": {"value": [1.0, 2.0], "unit": "s"}},
        )


@dataclass(frozen=True)
class Biased(Coin):
    """The same with a setting more."""

    bias: float = 0.5


SIDE = [0]


@pytest.fixture
def cli(monkeypatch, tmp_path, capsys):
    """Run the command line on an own store; return exit code, output and errors."""
    monkeypatch.setitem(records.EXPERIMENTS, "coin", f"{__name__}:Coin")
    SIDE[0] = 0

    def run(*arguments):
        code = main(["records", "--store", str(tmp_path), *arguments])
        return code, *capsys.readouterr()

    return run


def test_the_program_names_its_version_and_its_commands():
    def program(*arguments):
        command = [sys.executable, "-m", "iclbook", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert program("--version").strip() == f"iclbook {iclbook.__version__}"
    assert "records" in program()


def test_the_book_s_own_records_are_listed(capsys):  # test_records.py validates each
    assert main(["records", "list"]) == 0
    assert "dual-cost/cpu" in capsys.readouterr().out


def test_a_run_is_written_listed_and_repeated(cli, tmp_path):
    assert "no records" in cli("list")[1]
    code, out, _ = cli("rerun", "coin/heads", "--write")
    assert code == 0
    assert f"written: {tmp_path / 'coin' / 'heads.json'}" in out
    assert cli("list")[1].startswith("coin/heads")
    code, out, _ = cli("rerun", "coin")
    assert code == 0
    assert "same     side: change 0, allowed 0.5" in out
    assert "measured time: then 1.0 s, now 1.0 s" in out
    assert "measured times: now / then is 1.00 in the median" in out


def test_a_changed_result_fails_unless_it_is_to_be_written(cli):
    cli("rerun", "coin/heads", "--write")
    SIDE[0] = 1
    code, out, _ = cli("rerun", "coin/heads")
    assert code == 1
    assert "DIFFERS  side: change 1, allowed 0.5" in out
    assert cli("rerun", "coin/heads", "--write")[0] == 0
    assert cli("rerun", "coin/heads")[0] == 0


def test_a_broken_record_fails_and_is_named(cli, tmp_path):
    cli("rerun", "coin/heads", "--write")
    cli("rerun", "coin/tails", "--write")
    path = tmp_path / "coin" / "heads.json"
    path.write_text(path.read_text()[:100])
    code, out, err = cli("validate")
    assert code == 1
    assert out == "good    coin/tails\n"
    assert err.startswith(f"broken  coin/heads: {path}: line")
    code, out, err = cli("list")
    assert code == 1
    assert out.startswith("coin/tails")
    assert f"broken: {path}: line" in err
    assert "half written. Remove the file, and give the command that made it again." in err


def test_a_broken_record_is_made_anew_when_asked(cli, tmp_path):
    cli("rerun", "coin/heads", "--write")
    path = tmp_path / "coin" / "heads.json"
    path.write_text(path.read_text()[:100])
    assert cli("rerun", "coin/heads")[0] == 1
    code, out, _ = cli("rerun", "coin/heads", "--write")
    assert code == 0
    assert "cannot be read and is made anew" in out
    assert cli("validate")[0] == 0


def test_a_bad_name_is_refused_before_the_run(cli, monkeypatch):
    monkeypatch.setattr(Coin, "run", lambda self: pytest.fail("the experiment has been run"))
    code, _, err = cli("rerun", "coin/Heads up", "--write")
    assert code == 1
    assert "name is 'Heads up'" in err


def test_a_missing_store_is_named(capsys, tmp_path):
    assert main(["records", "--store", str(tmp_path / "none"), "list"]) == 1
    assert "is no folder" in capsys.readouterr().err


def rewrite(path, **provenance):
    """Write a record again with another provenance."""
    record = records.Record.from_json(path.read_text())
    record = dataclasses.replace(record, provenance=record.provenance | provenance)
    path.write_text(record.to_json())


def test_list_says_which_sources_have_changed_and_which_are_not_known(cli, tmp_path):
    cli("rerun", "coin/heads", "--write")
    path = tmp_path / "coin" / "heads.json"
    assert "changed" not in cli("list")[1]
    rewrite(path, sources={"iclbook/validate.py": "0" * 64, "iclbook/gone.py": "1" * 64})
    assert "(changed since: validate.py, gone.py)" in cli("list")[1]
    rewrite(path, sources={f"iclbook/{name}.py": "0" * 64 for name in "abcde"})
    assert "(changed since: a.py, b.py, c.py and 2 more)" in cli("list")[1]
    rewrite(path, sources={"iclbook/validate.py": None})
    assert "(not known: validate.py)" in cli("list")[1]
    rewrite(path, sources=None)
    assert "(sources not known)" in cli("list")[1]


def test_several_records_are_repeated_at_a_time(cli):
    for name in ("heads", "tails", "edge"):
        cli("rerun", f"coin/{name}", "--write")
    SIDE[0] = 1
    code, out, _ = cli("rerun", "coin/heads", "coin/tails")
    assert code == 1
    assert out.endswith("2 records, 0 as they were\n")
    code, out, _ = cli("rerun", "coin/heads", "coin/nothing", "coin/tails", "--write")
    assert code == 0
    assert out.endswith("3 records, 3 written\n")
    code, out, _ = cli("rerun", "coin/heads", "coin/tails", "coin/edge")
    assert code == 1
    assert out.endswith("3 records, 2 as they were\n")


def test_one_that_fails_does_not_stop_the_others(cli, tmp_path):
    for name in ("heads", "tails"):
        cli("rerun", f"coin/{name}", "--write")
    (tmp_path / "coin" / "heads.json").write_text("{")
    code, out, err = cli("rerun", "coin/heads", "coin/tails")
    assert code == 1
    assert err.startswith("error: coin/heads: ")
    assert out.endswith("2 records, 1 as they were\n")


def test_those_that_took_little_time_are_repeated(cli, tmp_path):
    for name, changes in (
        ("short", {"seconds": 2.0}),
        ("long", {"seconds": 200.0}),
        ("last-part", {"seconds": 2.0, "resumed": True}),
        ("unsure", {"seconds": 2.0, "resumed": None}),
    ):
        cli("rerun", f"coin/{name}", "--write")
        rewrite(tmp_path / "coin" / f"{name}.json", **changes)
    (tmp_path / "coin" / "broken.json").write_text("{")
    code, out, err = cli("rerun", "--under", "60")
    assert code == 0
    assert [line for line in out.splitlines() if "running" in line] == ["running coin/short ..."]
    assert "left out: " in err
    assert cli("rerun", "coin/long", "--under", "60")[0] == 1
    assert cli("rerun", "coin/long", "--under", "600")[0] == 0
    assert cli("rerun", "coin", "--under", "60")[0] == 0
    assert "give --under SECONDS" in cli("rerun")[2]


def test_settings_that_an_experiment_no_longer_has_are_named(cli, monkeypatch):
    cli("rerun", "coin/heads", "--write")
    monkeypatch.setitem(records.EXPERIMENTS, "coin", f"{__name__}:Biased")
    assert "configuration" in cli("rerun", "coin/heads")[2]
    code, out, _ = cli("rerun", "coin/heads", "--write")
    assert code == 0
    assert "not compared: " in out
    assert cli("rerun", "coin/heads")[0] == 0


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("coin/heads", "no record coin/heads; known: none"),
        ("coin", "which record of 'coin' you mean; known: none"),
        ("dice/one", "no experiment 'dice'; known: coin, doubts-causality"),
        ("dice", "no experiment 'dice'; known: coin, doubts-causality"),
    ],
)
def test_an_unknown_record_is_answered_with_the_known_ones(cli, name, message):
    code, _, err = cli("rerun", name)
    assert code == 1
    assert message in err
