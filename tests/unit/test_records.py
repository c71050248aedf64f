"""Records: complete or refused, written whole or not at all, compared within their tolerance."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest

from iclbook import records
from iclbook.dual import cost
from iclbook.records import RecordError, Results


@dataclass(frozen=True)
class Toy:
    """An experiment that takes no time."""

    sizes: tuple[int, ...] = (1, 2)
    shift: float = 0.0
    threads: int = 1

    def run(self):
        curve = [size + self.shift for size in self.sizes]
        return Results(
            {"curve": {"value": curve, "tolerance": 0.1}, "word": {"value": "a", "tolerance": 0}},
            {"time": {"value": 0.5, "unit": "s"}},
        )


@dataclass(frozen=True)
class Reads:
    """An experiment that is given paths."""

    folders: tuple[str, ...] = ("mini",)
    threads: int = 1

    def run(self):
        return Results({"folders": {"value": len(self.folders), "tolerance": 0}})


@pytest.fixture
def toy(monkeypatch):
    monkeypatch.setitem(records.EXPERIMENTS, "toy", f"{__name__}:Toy")
    return records.run("toy", name="one")


def change(record, **deterministic):
    results = {
        name: entry | {"value": deterministic.get(name, entry["value"])}
        for name, entry in record.results.deterministic.items()
    }
    return dataclasses.replace(
        record, results=dataclasses.replace(record.results, deterministic=results)
    )


def test_what_is_written_is_read_again(toy, tmp_path):
    path = records.write(toy, tmp_path)
    assert path == tmp_path / "toy" / "one.json"
    assert records.load("toy", "one", tmp_path) == toy == records.validate(path)
    assert records.all_records(tmp_path) == [toy]
    assert toy["curve"] == [1.0, 2.0]
    assert toy["time"] == 0.5
    assert toy.provenance["cores"] >= 1


def test_a_run_takes_its_options_from_the_caller(toy):
    other = records.run("toy", {"sizes": [3], "shift": 0.5}, name="two")
    assert other["curve"] == [3.5]
    assert other.config == {"sizes": [3], "shift": 0.5, "threads": 1}
    assert other.config_sha256 != toy.config_sha256


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: records.run("toy", {"size": 1}, name="one"), "no option size; it has shift"),
        (lambda: records.run("toi", name="one"), "no experiment 'toi'; known: .*dual-cost, .*toy"),
        (lambda: records.run("toy", name="Not a name"), "name is 'Not a name'"),
        (lambda: records.load("dual-cost", "cpus"), "no record dual-cost/cpus; known: cpu$"),
        (lambda: records.load("toy", "none"), "no record toy/none; known: none$"),
        (
            lambda: records.load("gpt-rate", "smollm2-mr-seed-9"),
            r"known: smollm2-mr-seed-\d-\w+, .*, and \d+ more$",
        ),
    ],
)
def test_unknown_names_are_answered_with_the_known_ones(toy, call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_missing_result_is_answered_with_those_that_there_are(toy):
    with pytest.raises(KeyError, match=r"no 'curves'; it has \['curve', 'word', 'time'\]"):
        toy["curves"]


def test_a_file_under_another_name_is_no_record(toy, tmp_path):
    path = records.write(toy, tmp_path)
    path.rename(path.with_name("two.json"))
    with pytest.raises(RecordError, match=r"two\.json: holds the record toy/one"):
        records.load("toy", "two", tmp_path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda text: text[: len(text) // 2], "not JSON .* broken or half written"),
        (lambda text: "", "not JSON"),
        (lambda text: "[]", "not a JSON object"),
        (lambda text: text.replace('"schema": 2', '"schema": 7'), "schema is 7, .* reads 2"),
        (lambda text: "[" * 100_000, "nested too deeply"),
        (lambda text: text.replace("[1.0, 2.0]", "[1.0, NaN]"), "holds NaN"),
        (lambda text: text.replace("[1.0, 2.0]", "[]"), r"curve\.value is an empty list"),
        (lambda text: text.replace('"shift": 0.0', '"shift": null'), r"config\.shift is missing"),
        (lambda text: text.replace('"unit": "s"', '"unit": ""'), r"time\.unit is ''; name a unit"),
        (lambda text: text.replace('"tolerance": 0.1', '"tolerance": -1'), "tolerance is -1"),
        (lambda text: text.replace('"cpu":', '"gpu":'), "provenance lacks cpu"),
        (lambda text: text.replace('"created":', '"note": "x", "created":'), "the unknown note"),
        (lambda text: text.replace('"shift": 0.0', '"shift": 9.0'), "edited by hand"),
        (lambda text: text.replace("[1.0, 2.0]", "[1.0, 2.5]"), "edited by hand"),
        (lambda text: text.replace('"value": 0.5', '"value": 0.4'), "edited by hand"),
        (lambda text: text.replace('"cores": ', '"cores": 1'), "edited by hand"),
    ],
)
def test_a_broken_file_is_named_with_field_and_fix(toy, tmp_path, spoil, message):
    path = records.write(toy, tmp_path)
    whole = path.read_text()
    path.write_text(spoil(whole))
    assert path.read_text() != whole
    with pytest.raises(RecordError, match=message) as caught:
        records.load("toy", "one", tmp_path)
    assert str(caught.value).startswith(str(path))


def test_a_record_must_fit_its_experiment(toy, tmp_path, monkeypatch):
    path = records.write(dataclasses.replace(toy, config={"sizes": [1], "old": 1}), tmp_path)
    assert records.load("toy", "one", tmp_path).config["old"] == 1
    with pytest.raises(RecordError, match="fields differ in old, shift, threads; remove the file"):
        records.validate(path)
    monkeypatch.delitem(records.EXPERIMENTS, "toy")
    with pytest.raises(RecordError, match=r"experiment 'toy' is unknown; known: .*dual-cost"):
        records.validate(path)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1}, []])
def test_an_incomplete_record_is_refused_and_the_old_one_stays(toy, tmp_path, value):
    path = records.write(toy, tmp_path)
    before = path.read_text()
    with pytest.raises(RecordError, match=r"results\.deterministic\.curve"):
        records.write(change(toy, curve=value), tmp_path)
    assert path.read_text() == before


def test_an_interrupted_write_leaves_the_old_record(toy, tmp_path, monkeypatch):
    path = records.write(toy, tmp_path)
    before = path.read_text()

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        records.write(change(toy, curve=[5.0, 6.0]), tmp_path)
    assert path.read_text() == before
    assert [file.name for file in path.parent.iterdir()] == ["one.json"]


@pytest.mark.parametrize(
    ("new", "agree"),
    [
        ({"curve": [1.05, 2.0]}, True),
        ({"curve": [1.0, 2.2]}, False),
        ({"curve": [1.0, 2.0, 3.0]}, False),
        ({"curve": "gone"}, False),
        ({"word": "b"}, False),
    ],
)
def test_a_rerun_agrees_within_its_tolerance(toy, new, agree):
    found = records.compare(toy, change(toy, **new))
    assert all(item.agrees for item in found) is agree
    assert [item.name for item in found] == ["curve", "word", "time"]


def test_measured_results_are_shown_and_never_compared(toy):
    slow = dataclasses.replace(
        toy,
        results=dataclasses.replace(toy.results, measured={"time": {"value": 99.0, "unit": "s"}}),
    )
    time = records.compare(toy, slow)[-1]
    assert (time.old, time.new, time.unit, time.agrees) == (0.5, 99.0, "s", True)


def test_only_runs_of_one_configuration_are_compared(toy):
    with pytest.raises(ValueError, match="one configuration"):
        records.compare(toy, records.run("toy", {"shift": 1.0}, name="two"))
    fewer = dataclasses.replace(toy, results=Results({}, toy.results.measured))
    with pytest.raises(ValueError, match="deterministic results differ in curve, word"):
        records.compare(toy, fewer)


def test_values_that_are_not_defined_are_compared_as_such(toy):
    absent = change(toy, curve=[1.0, None])
    assert records.compare(absent, absent)[0].agrees
    assert not records.compare(toy, absent)[0].agrees
    assert not records.compare(absent, toy)[0].agrees
    assert records.compare(absent, change(toy, curve=[1.05, None]))[0].agrees


def test_a_broken_record_is_told_and_the_others_are_read(toy, tmp_path):
    records.write(toy, tmp_path)
    broken = tmp_path / "toy" / "zwei.json"
    broken.write_text("{")
    with pytest.raises(RecordError, match=r"zwei\.json: line 1: not JSON"):
        records.all_records(tmp_path)
    told = []
    assert records.all_records(tmp_path, told.append) == [toy]
    assert [str(error).startswith(str(broken)) for error in told] == [True]


def test_the_advice_fits_the_folder(toy, tmp_path, monkeypatch):
    for folder, advice in (("own", "Remove the file, and give the command"), ("store", "from git")):
        path = tmp_path / folder / "toy" / "one.json"
        path.parent.mkdir(parents=True)
        path.write_text("{")
        monkeypatch.setattr(records.store, "STORE", tmp_path / "store")
        with pytest.raises(RecordError, match=advice):
            records.load("toy", "one", tmp_path / folder)


def test_left_over_drafts_are_removed_and_those_of_others_stay(toy, tmp_path):
    path = records.write(toy, tmp_path)
    old, new = (path.with_name(f"{name}.json{name}.tmp") for name in ("old", "new"))
    for draft in (old, new):
        draft.write_text("half")
    two_hours_ago = time.time() - 7200
    os.utime(old, (two_hours_ago, two_hours_ago))
    records.write(toy, tmp_path)
    assert sorted(file.name for file in path.parent.iterdir()) == [new.name, "one.json"]


def test_a_record_does_not_tell_where_files_are(monkeypatch, tmp_path):
    monkeypatch.setitem(records.EXPERIMENTS, "reads", f"{__name__}:Reads")
    for name in ("user/models", "user/here/models", "shared/models"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path / "user" / "here")
    places = ("user/models", "user/here/models", "shared/models", "none")
    config = {"folders": [*(f"{tmp_path}/{place}" for place in places), "mini"]}
    folders = records.run("reads", config, name="one").config["folders"]
    assert folders == ["~/models", "./models", "../../shared/models", f"{tmp_path}/none", "mini"]
    assert records.run("reads", {"folders": folders}, name="one").config["folders"] == folders


def test_reading_records_imports_no_experiment():
    code = (
        "import sys; from iclbook import records; records.load('dual-cost', 'cpu');"
        "print([m for m in sys.modules if m.startswith(('iclbook.dual', 'torch', 'matplotlib'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ---- the records of the book ---------------------------------------------------------------------


@pytest.mark.parametrize("path", records.store.paths(), ids=records.store.label)
def test_every_stored_record_is_valid(path):
    record = records.validate(path)
    assert json.loads(path.read_text())["sha256"] == record.sha256


def test_the_cost_record_is_computed_again(monkeypatch):
    stored = records.load("dual-cost", "cpu")
    monkeypatch.setattr(cost, "_seconds", lambda forms, repeats: [1.0 for _ in forms])
    again = records.run("dual-cost", stored.config, name="again")
    differing = [item.name for item in records.compare(stored, again) if not item.agrees]
    assert differing == []


def test_counted_and_timed_costs_have_one_row_a_width():
    found = records.run("dual-cost", {"lengths": [2, 4, 8], "widths": [2, 3]}, name="small")
    assert found["reading_crossover"] == [1.0, 1.5]
    assert found["causal_crossover"] == [2.0, 3.0]
    assert found["reading_operations_attention"] == [[8, 16, 32], [12, 24, 48]]
    assert found["reading_operations_weights"] == [[4, 4, 4], [9, 9, 9]]
    assert found["state_bytes"] == [32, 72]
    assert found["reading_difference"] < 1e-12
    for form in ("attention", "weights"):
        rows = found[f"causal_seconds_{form}"]
        assert [len(row) for row in rows] == [3, 3]
        assert all(seconds > 0 for row in rows for seconds in row)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lengths": [8, 4]}, "increasing lengths"),
        ({"widths": []}, "at least one"),
        ({"lengths": [0]}, "an entry of lengths is 0"),
        ({"repeats": 0}, "repeats is 0"),
        ({"dtype": "int64"}, "dtype is 'int64'"),
        ({"threads": 2}, "threads is 2; expected 1"),
    ],
)
def test_a_wrong_option_stops_the_run_before_it_starts(options, message):
    with pytest.raises(ValueError, match=message):
        records.run("dual-cost", options, name="wrong")


def test_crossing_is_where_the_curves_meet():
    lengths, rising = [10, 20, 40, 80], [1.0, 2.0, 4.0, 8.0]
    assert cost.crossing(lengths, rising, [4.0] * 4) == pytest.approx(40)
    assert cost.crossing(lengths, rising, [8**0.5] * 4) == pytest.approx(20 * 2**0.5)
    assert cost.crossing(lengths, rising, [9.0] * 4) is None
    assert cost.crossing(lengths, rising, [0.5] * 4) is None
