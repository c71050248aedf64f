"""Studies: names of records, going on where a study stopped, and processes that end early."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from iclbook import records
from iclbook.gpt.study import run as study
from iclbook.gpt.study.names import record_name, short_names, slug
from iclbook.gpt.study.run import Group, run_study
from iclbook.gpt.study.workers import Workers
from tests.unit import worker_tasks
from tests.unit.tiny_models import save_tiny
from tests.unit.tiny_study import cell_of, setup_of, tiny_model


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    with tiny_model(tmp_path_factory) as folder:
        yield folder


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("fairseq-dense-1.3B", "fairseq-dense-1p3b"),
        ("Qwen2.5-0.5B", "qwen2p5-0p5b"),
        ("rate-0.05", "rate-0p05"),
        ("mini@500", "mini-500"),
        ("a b.c", "a-b-c"),
    ],
)
def test_names_keep_the_size_of_a_model(name, expected):
    assert slug(name) == expected
    assert records.record.NAME.fullmatch(slug(name))


def test_a_record_is_named_after_what_it_is(tiny):
    name = record_name(cell_of(tiny, lr=0.05))
    assert name.startswith("tiny-sst2-seed-0-rate-0p05-")
    assert records.record.NAME.fullmatch(name)


def test_models_are_called_by_as_much_of_their_paths_as_tells_them_apart():
    assert short_names(["run-c/checkpoint-500", "run-d/checkpoint-500", "./other", "own/gpt2"]) == {
        "run-c/checkpoint-500": "run-c/checkpoint-500",
        "run-d/checkpoint-500": "run-d/checkpoint-500",
        "./other": "other",
        "own/gpt2": "gpt2",
    }
    assert short_names(["a/x", "b/a/x"]) == {"a/x": "a/x", "b/a/x": "b/a/x"}


def test_a_study_goes_on_where_it_stopped(tiny, tmp_path, monkeypatch):
    groups = [Group(setup_of(tiny, seed=seed, items=5), (0.01, 0.1)) for seed in (0, 1)]
    real, calls = records.run, []

    def stops(kind, config, *, name):
        calls.append(config["seed"])
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(kind, config, name=name)

    monkeypatch.setattr(records, "run", stops)
    with pytest.raises(KeyboardInterrupt):
        list(run_study(groups, tmp_path))
    assert len(list(tmp_path.glob("*/*.json"))) == 1
    lines = []
    done = dict(run_study(groups, tmp_path, progress=lines.append))
    assert [len(paths) for paths in done.values()] == [2, 2]
    assert sum("done before" in line for line in lines) == 1
    assert len(list(tmp_path.glob("*/*.json"))) == 4
    broken = next(iter(done.values()))[0]
    broken.write_text(broken.read_text()[:100])
    list(run_study(groups, tmp_path, progress=lines.append))
    assert records.validate(broken)
    assert sum("made anew" in line for line in lines) == 1


def test_another_content_under_the_same_names_is_another_cell(tmp_path, tiny):
    model, data = tmp_path / "model", tmp_path / "data"
    (data / "sst2").mkdir(parents=True)

    def study_of() -> list[str]:
        lines = []
        setup = setup_of(str(model), k=2, items=4, data=str(data), settings=("icl",))
        list(run_study([Group(setup)], tmp_path / "records", progress=lines.append))
        return lines

    def write_rows(word):
        rows = [{"text": f"{word} {i}", "label": i % 2} for i in range(8)]
        for split in ("train", "validation"):
            lines = [json.dumps(row | {"text": f"{split} {row['text']}"}) for row in rows]
            (data / "sst2" / f"{split}.jsonl").write_text("\n".join(lines))

    save_tiny("gpt2", model)
    write_rows("warm")
    assert "done before" not in study_of()[0]
    assert "done before" in study_of()[0]
    write_rows("cold")
    assert "done before" not in study_of()[0]
    save_tiny("gpt2", model, n_head=2)
    assert "done before" not in study_of()[0]
    write_rows("warm")
    save_tiny("gpt2", model)
    assert "done before" in study_of()[0]
    assert len(list((tmp_path / "records").glob("*/*.json"))) == 3


def test_an_input_that_changes_during_the_run_is_an_error(tiny, tmp_path, monkeypatch):
    real = records.run

    def touched(kind, config, *, name):
        record = real(kind, config, name=name)
        record.results.deterministic["inputs"]["value"]["rows"] = "other"
        return record

    monkeypatch.setattr(records, "run", touched)
    ((_, outcome),) = run_study([Group(setup_of(tiny, settings=("zsl",)))], tmp_path)
    assert "changed while they were read" in str(outcome)
    assert not list(tmp_path.rglob("*.json"))


def test_every_cell_has_its_line(tiny, tmp_path):
    swept = Group(setup_of(tiny, items=5), (0.01, 1e30))
    groups, lines = [swept, Group(setup_of(tiny, settings=("icl",)))], []
    with ThreadPoolExecutor(1) as executor:
        done = dict(run_study(groups, tmp_path, executor, lines.append))
    assert all(path.is_file() for paths in done.values() for path in paths)
    words = ("FT 0.", "diverged", "ICL 0.")
    assert all(word in line for line, word in zip(lines, words, strict=True))
    assert lines[0].startswith(f"{tiny} sst2 seed 0, rate 0.01: ")
    assert "rate" not in lines[2]


def test_one_failing_group_does_not_stop_the_others(tiny, tmp_path, monkeypatch):
    class Odd(Exception):  # cannot pass between processes
        def __init__(self, first, second):
            super().__init__(f"{first} {second}")

    def breaks(group, *_):
        raise Odd("strange", "weights")

    groups = [Group(setup_of(tiny, k=10**6), (0.01,)), Group(setup_of(tiny, settings=("zsl",)))]
    first, second = (outcome for _, outcome in run_study(groups, tmp_path))
    assert isinstance(first, ValueError)
    assert len(second) == 1
    monkeypatch.setattr(study, "run_group", breaks)
    with ThreadPoolExecutor(1) as executor:
        outcomes = [outcome for _, outcome in run_study(groups, tmp_path, executor)]
    assert [str(outcome) for outcome in outcomes] == ["Odd: strange weights"] * 2


def test_no_space_left_stops_the_study(tiny, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(records, "write", full)
    with pytest.raises(OSError, match="make room and give the same command again"):
        list(run_study([Group(setup_of(tiny, settings=("zsl",)))], tmp_path))


def test_rates_belong_to_finetuning(tiny):
    with pytest.raises(ValueError, match="rates is empty"):
        Group(setup_of(tiny))
    assert Group(setup_of(tiny, settings=("icl",)), (0.1, 0.2), search=True) == Group(
        setup_of(tiny, settings=("icl",))
    )
    assert Group(setup_of(tiny), (0.1, 0.1)).rates == (0.1,)


def test_a_process_that_ends_early_costs_its_own_work_only():
    with Workers(1) as workers:
        good, bad, killed, after = (
            workers.submit(worker_tasks.square, 3),
            workers.submit(worker_tasks.refuse, 4),
            workers.submit(worker_tasks.die),
            workers.submit(worker_tasks.square, 5),
        )
        assert good.result() == 9
        with pytest.raises(ValueError, match="no 4"):
            bad.result()
        if sys.platform != "win32":
            with pytest.raises(RuntimeError, match=r"ended by SIGKILL \(out of memory\?\)"):
                killed.result()
        assert after.result() == 25


@pytest.fixture
def program(tmp_path):
    """A running program, and the numbers of its two busy workers."""
    script, files = tmp_path / "program.py", [tmp_path / name for name in ("a", "b")]
    script.write_text(worker_tasks.STUDY)
    root = str(Path(__file__).parents[2])
    running = subprocess.Popen(
        [sys.executable, str(script), *map(str, files)],
        env=os.environ | {"PYTHONPATH": root},
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for(lambda: all(file.exists() and file.read_text() for file in files))
    yield running, [int(file.read_text()) for file in files]
    running.kill()
    running.wait()


def wait_for(condition, seconds=60.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def lives(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return not Path(f"/proc/{number}/stat").read_text().split(") ")[1].startswith("Z")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads the processes of Linux")
@pytest.mark.parametrize("signals", [[signal.SIGINT] * 2, [signal.SIGKILL]], ids=["ctrl-c", "kill"])
def test_no_worker_outlives_its_program(program, signals):
    running, workers = program
    for number in signals:
        if number == signal.SIGINT:  # reaches the whole group, as from a terminal
            os.killpg(running.pid, number)
        else:
            running.send_signal(number)
        time.sleep(0.1)
    assert running.wait(timeout=30) in (130, -signal.SIGINT, -signal.SIGKILL, 1)
    wait_for(lambda: not any(map(lives, workers)))
