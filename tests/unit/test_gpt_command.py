"""The commands ``run``, ``tasks`` and ``models``: options, bad input, and what ends up on disk."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from iclbook import records
from iclbook.__main__ import _parser, main
from iclbook.gpt.model.device import DTYPES
from iclbook.gpt.study import plan
from iclbook.gpt.study.rate import MINI_GRID, PRETRAINED_GRID, PRETRAINED_ROWS, Rate
from iclbook.gpt.text import tasks
from tests.unit.tiny_study import setup_of, tiny_model

FEW = ("--k", 2, "--items", 5)
NAMES = ("ZSL", "FT", "ICL")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    with tiny_model(tmp_path_factory) as folder:
        yield folder


@pytest.fixture
def command(capsys):
    """Run a command; its exit code, output and errors."""

    def call(*arguments) -> tuple[int, str, str]:
        try:
            code = main([str(a) for a in arguments])
        except SystemExit as stop:
            code = stop.code
        return code, *capsys.readouterr()

    return call


def planned(*arguments):
    """Groups that a command line asks for."""
    return plan.groups(_parser(["run"]).parse_args(["run", *map(str, arguments)]))


def configs(out, experiment="gpt-cell") -> list[dict]:
    return [r.config for r in records.all_records(out) if r.experiment == experiment]


def test_the_commands_work_together(tiny, tmp_path, command):
    out = tmp_path / "records"
    asked = ("run", "--model", tiny, "--tasks", "sst2", "--k", 4, "--items", 10)
    code, text, _ = command(*asked, "--out", out, "--dry-run")
    assert code == 0
    assert "4/  4" in text
    assert not out.exists()
    code, text, errors = command(*asked, "--lr", 0.01, "--out", out)
    assert code == 0, errors
    assert "python -m iclbook table" in text
    code, text, _ = command("table", "--out", out)
    assert code == 0
    assert "1. accuracy (%): tiny, k = 4" in text
    (config,) = configs(out)
    assert config["lr"] == 0.01
    assert config["threads"] == int(os.environ["OMP_NUM_THREADS"])


@pytest.mark.parametrize(
    "settings", [("zsl",), ("icl",), ("zsl", "icl"), ("zsl", "ft")], ids="-".join
)
def test_some_settings_run_resume_and_are_tabled(tiny, tmp_path, command, settings):
    asked = ("run", "--model", tiny, "--tasks", "sst2", *FEW, "--out", tmp_path)
    asked = (*asked, "--settings", *settings, *(("--lr", 0.1) if "ft" in settings else ()))
    assert command(*asked)[0] == 0
    files = sorted(tmp_path.rglob("*.json"))
    assert len(files) == 1  # no search for a rate where nothing is finetuned
    before = files[0].stat().st_mtime_ns
    assert command(*asked, "--threads", 2)[0] == 0
    assert files[0].stat().st_mtime_ns == before
    code, text, errors = command("table", "--out", tmp_path)
    assert code == 0, errors
    accuracy = text.partition("\n\n")[0].splitlines()
    rows = dict(line.split(maxsplit=1) for line in accuracy if line.startswith(NAMES))
    assert {name for name in NAMES if "–" not in rows[name]} == {*map(str.upper, settings)}


def test_the_help_says_what_options_take(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    text = command("run", "--help")[1]
    (dtype,) = (line for line in text.splitlines() if line.strip().startswith("--dtype"))
    assert all(name in dtype for name in DTYPES)
    assert "(['" not in text  # a default is a word, not a Python list


@pytest.mark.parametrize("name", ["run", "table"])
def test_the_guide_names_every_option_and_no_other(name):
    page = (Path(__file__).parents[2] / "book" / "how-to-run.md").read_text(encoding="utf-8")
    guide = page.partition("(own-model)=")[2].partition("(papers-models)=")[0]
    actions = _parser([name])._subparsers._group_actions[0].choices[name]._actions
    options = {option for action in actions for option in action.option_strings}
    lines = [line for line in guide.splitlines() if line.startswith("| `--")]
    assert options - {"-h", "--help"} - set(re.findall(r"--[a-z-]+", guide)) == set()
    if name == "run":
        assert set(re.findall(r"--[a-z-]+", "".join(x.split("|")[1] for x in lines))) <= options


def test_the_search_picks_the_cell(tiny, tmp_path, command):
    asked = ("run", "--model", tiny, "--tasks", "sst2", *FEW, "--settings", "ft")
    code, _, errors = command(*asked, "--selection", 20, "--out", tmp_path)
    assert code == 0, errors
    (search,), (cell,) = (
        [r for r in records.all_records(tmp_path) if r.experiment == name]
        for name in ("gpt-rate", "gpt-cell")
    )
    assert search["rates"] == list(PRETRAINED_GRID)
    assert search["items"] == 20
    assert cell.config["lr"] == search["best"]


@pytest.mark.parametrize(
    ("model", "rates", "rows"),
    [
        ("mini", MINI_GRID, Rate.selection),
        ("mini@4000", MINI_GRID, Rate.selection),
        ("smollm2@untrained", PRETRAINED_GRID, PRETRAINED_ROWS),
    ],
)
def test_the_search_depends_on_the_model(model, rates, rows):
    group = planned("--model", model)[0]
    assert (group.rates, group.search, group.selection) == (rates, True, rows)
    (asked,) = {g.selection for g in planned("--model", model, "--selection", 20)}
    assert asked == 20


def test_words_become_rates_seeds_and_tasks(tiny):
    grid = planned("--model", tiny, "--tasks", "all", "--lr", "grid", "--seeds", 0, 1)
    assert [g.setup.task for g in grid[::2]] == list(tasks.SIX)
    assert len(grid[0].rates) == 36
    assert grid[0].search
    assert [g.setup.task for g in planned("--settings", "icl")] == list(tasks.MINI)
    assert len(planned("--settings", "zsl", "--seeds", 0, 1, 2)) == len(tasks.MINI)
    (twice,) = planned("--tasks", "sst2", "sst2", "--lr", 0.1, 0.1, "--settings", "ft", "ft")
    assert twice.rates == (0.1,)
    assert planned("--tasks", "sst2", "--long-labels")[0].setup.long_labels
    assert not planned("--tasks", "sst2", "--long-labels", "false")[0].setup.long_labels


@pytest.mark.parametrize(
    "model", ["KoboldAI/fairseq-dense-1.3B", "KoboldAI/fairseq-dense-1.3B@refs/pr/1", "converted"]
)
def test_the_choices_of_the_paper_go_with_its_models(tmp_path, model):
    if model == "converted":
        model = tmp_path / "fairseq-dense-1.3B"
    words = ("--seeds", "paper", "--lr", "paper", "--scheme", "authors")
    found = planned("--model", model, "--tasks", "sst2", "mr", *words)
    assert [(g.setup.task, g.setup.seed, g.rates) for g in found] == [
        ("sst2", 2, (0.0005,)),
        ("mr", 5, (0.003,)),
    ]


@pytest.mark.parametrize(
    "model",
    ["facebook/opt-1.3b", "EleutherAI/gpt-neo-1.3B", "my-11.3B", "fairseq-dense-1.3B-finetuned"],
)
@pytest.mark.parametrize("option", ["--lr", "--seeds"])
def test_the_choices_of_the_paper_go_with_no_other_model(model, option):
    with pytest.raises(ValueError, match=rf"{option} paper: .*not for {model}"):
        planned("--model", model, "--tasks", "sst2", "--scheme", "authors", option, "paper")


def test_given_demonstrations_are_an_option(tiny, tmp_path, command):
    given = tmp_path / "given.jsonl"
    rows = setup_of(tiny, k=3).rows()[1]
    given.write_text("\n".join(map(json.dumps, rows)))
    asked = ("run", "--model", tiny, "--tasks", "sst2", "--items", 5, "--settings", "icl")
    asked = (*asked, "--demonstrations", given, "--out", tmp_path / "records")
    code, text, errors = command(*asked)
    assert code == 0, errors
    assert "3/  3" in text
    code, _, errors = command(*asked, "--seeds", 1)
    assert code == 1
    assert "leave out --k, --seeds and --scheme" in errors


def test_a_bad_model_does_not_stop_the_sound_ones(tiny, tmp_path, command):
    bad = tmp_path / "bad"
    bad.mkdir()
    for file in Path(tiny).iterdir():
        content = file.read_bytes()
        (bad / file.name).write_bytes(content[:100] if file.suffix == ".safetensors" else content)
    out = tmp_path / "records"
    asked = ("run", "--model", "./nowhere", bad, tiny, "--tasks", "sst2", "mr", *FEW)
    code, _, errors = command(*asked, "--settings", "zsl", "--out", out)
    assert code == 1
    assert errors.count("looks like a folder") == 1
    assert "it is damaged or cut short" in errors
    place = records.portable(tiny)
    assert sorted((c["model"], c["task"]) for c in configs(out)) == [(place, "mr"), (place, "sst2")]


def test_all_tasks_are_those_that_can_be_had(tiny, tmp_path, command, monkeypatch):
    """Without hub and folder these are the package's; a task that is named has to be there."""

    def unreachable(task):
        raise ConnectionError(f"no hub for {task.name}")

    monkeypatch.delenv("ICLBOOK_DATA")
    monkeypatch.setattr("iclbook.gpt.text.hub.fetch", unreachable)
    asked = ("run", "--model", tiny, *FEW, "--settings", "zsl", "--out", tmp_path)
    code, _, errors = command(*asked)
    assert code == 0
    assert "left out" in errors
    assert ": cb, sst2, sst5, agnews; to have them, name a data folder with --data" in errors
    assert sorted(config["task"] for config in configs(tmp_path)) == ["mr", "subj"]
    for named in (("--tasks", "mr", "sst2"), ("--data", "hub")):
        code, _, errors = command(*asked, *named)
        assert code == 1
        assert "no hub for sst2" in errors
        assert "left out" not in errors


def test_models_whose_folders_end_alike_are_told_apart(tiny, tmp_path, command):
    models = [tmp_path / run / "checkpoint-500" for run in ("run-c", "run-d")]
    for model in models:
        model.parent.mkdir()
        model.symlink_to(tiny)
    asked = ("run", "--model", *models, "--tasks", "sst2", *FEW, "--settings", "zsl", "--dry-run")
    _, text, _ = command(*asked)
    assert "run-c/checkpoint-500 " in text
    assert "run-d/checkpoint-500 " in text


@pytest.mark.parametrize("option", ["--out", "--save-arrays"])
def test_a_folder_that_cannot_be_written_is_found_before_any_work(tmp_path, command, option):
    taken = tmp_path / "taken"
    taken.write_text("a file")
    asked = ("run", "--model", "./nowhere", "--tasks", "sst2", *FEW, "--out", tmp_path / "records")
    code, _, errors = command(*asked, option, taken)
    assert code == 1
    assert f"{option} {taken}: nothing can be written there" in errors
    assert "nowhere'" not in errors


def test_a_broken_record_is_named_and_the_others_are_tabled(tiny, tmp_path, command):
    asked = ("run", "--model", tiny, "--tasks", "sst2", *FEW, "--settings", "zsl")
    assert command(*asked, "--out", tmp_path)[0] == 0
    sound = next(tmp_path.rglob("*.json"))
    sound.with_name("half.json").write_text(sound.read_text()[:200])
    code, text, errors = command("table", "--out", tmp_path)
    assert code == 1
    assert "1. accuracy (%): tiny" in text
    assert "left out: " in errors
    assert "half.json: line " in errors
    sound.unlink()
    code, _, errors = command("table", "--out", tmp_path)
    assert code == 1
    assert "half.json: line " in errors


def test_the_data_folder_is_an_option(tiny, tmp_path, command, monkeypatch):
    monkeypatch.delenv("ICLBOOK_DATA")
    (tmp_path / "sst2").mkdir()
    for split in ("train", "validation"):
        lines = [json.dumps({"text": f"{split} {i}", "label": i % 2}) for i in range(5)]
        (tmp_path / "sst2" / f"{split}.jsonl").write_text("\n".join(lines))
    asked = ("run", "--model", tiny, "--tasks", "sst2", *FEW, "--settings", "zsl", "--dry-run")
    assert command(*asked, "--data", tmp_path)[0] == 0
    code, _, errors = command(*asked, "--data", tmp_path / "other")
    assert code == 1
    assert "other" in errors
    assert "ICLBOOK_DATA" not in os.environ


def test_processes_run_the_groups(tiny, tmp_path, command):
    asked = ("run", "--model", tiny, "--tasks", "sst2", "mr", *FEW, "--settings", "zsl")
    code, text, errors = command(*asked, "--workers", 1, "--out", tmp_path)
    assert code == 0, errors
    assert text.count(", ZSL ") == 2
    assert len(configs(tmp_path)) == 2


def test_help_imports_nothing_slow():
    look = (
        "import sys; from iclbook.__main__ import main\n"
        "try: main(['run', '--help'])\n"
        "except SystemExit: print([m for m in ('torch', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("[]\n")
    assert "--long-labels [BOOL]" in done.stdout
    assert "Allow label words of several tokens" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "--tasks", "sst3"), "Did you mean"),
        (("run", "--lr", "fast"), "expected numbers, or one of search, grid, paper"),
        (("run", "--seeds", "one"), "expected whole numbers, or paper"),
        (("run", "--seeds", "paper"), "add --scheme authors"),
        (("run", "--lr", "nan"), "lr is nan"),
        (("run", "--settings", "zsl", "few"), "settings is 'few'"),
        (("run", "--device", "abacus"), "device is 'abacus'"),
        (("run", "--dtype", "int3"), "dtype is 'int3'"),
        (("run", "--threads", 100_000), "threads is 100000"),
        (("run", "--workers", -1), "--workers is -1"),
        (("run", "--model", "./nowhere"), "looks like a folder"),
        (("tasks", "sst3"), "Did you mean"),
    ],
)
def test_the_command_line_says_what_is_wrong(tmp_path, monkeypatch, command, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, _, errors = command(*arguments)
    assert code == 1
    assert message in errors
    assert not list(tmp_path.rglob("*.json"))


def test_a_task_file_with_a_wrong_type_is_named(tmp_path, command, plain_python):
    own = tmp_path / "own.toml"
    own.write_text('name = "own"\ntemplate = 3\nlabels = ["a", "b"]\n')
    code, _, errors = command("tasks", own)
    assert code == 1
    assert f"error: {own}: template" in errors
    code, _, errors = command("run", "--tasks", own, "--dry-run")
    assert code == 1
    assert "template" in errors


def test_tasks_and_models_are_listed(tiny, command):
    _, text, _ = command("tasks")
    assert all(name in text for name in tasks.TASKS)
    _, text, _ = command("tasks", "mr")
    assert "training rows" in text
    assert "Sentiment:" in text
    _, text, _ = command("models")
    assert "KoboldAI/fairseq-dense-1.3B" in text
