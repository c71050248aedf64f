"""Cells, and the search for a learning rate: what they compute, and what makes them the same."""

import json
import shutil
from dataclasses import asdict, replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from iclbook.gpt.model.load import load_model
from iclbook.gpt.reading.score import predict
from iclbook.gpt.study import cell, rate
from iclbook.gpt.study.estimate import check
from iclbook.gpt.study.names import record_name
from iclbook.gpt.study.presets import PRESETS
from iclbook.gpt.study.rate import Rate
from iclbook.gpt.study.run import Group
from iclbook.gpt.study.setup import SETTINGS, Setup
from iclbook.gpt.text import prompts, tasks
from iclbook.gpt.tuning.finetune import Finetuning, finetune
from tests.unit.tiny_models import save_tiny
from tests.unit.tiny_study import cell_of, results_of, setup_of, tiny_model

SUBSETS = [chosen for n in (1, 2, 3) for chosen in combinations(SETTINGS, n)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    with tiny_model(tmp_path_factory) as folder:
        yield folder


@pytest.fixture
def own(tmp_path):
    """A task with files of its own: folder, rows as (text, label)."""

    def write(train=40, evaluation=10, template="Review: {text} Mood:", labels=("bad", "good")):
        for name, n in (("train", train), ("held-out", evaluation)):
            rows = [{"text": f"{name} film {i}", "label": i % 2} for i in range(n)]
            (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
        (tmp_path / "own.toml").write_text(
            f'name = "own"\ntemplate = "{template}"\nlabels = {json.dumps(labels)}\n'
            '[files]\ntrain = "train.jsonl"\nevaluation = "held-out.jsonl"\n'
        )
        return str(tmp_path / "own.toml")

    return write


def test_a_cell_is_its_parts_put_together(tiny):
    found = results_of(cell_of(tiny))
    setup = setup_of(tiny)
    model = load_model(tiny)
    rows, demos, items = setup.rows()
    prepared = prompts.build(tasks.get("sst2"), demos, items, model.tokenizer, window=model.window)
    assert found["k"] == found["k_used"] == 4
    assert found["items"] == 20
    assert found["data"]["train_rows"] == len(rows.train)
    gold = np.array([row["label"] for row in items])
    assert found["gold"] == gold.tolist()
    for setting, context in (("zsl", False), ("icl", True)):
        expected = predict(model, prepared, context).argmax(axis=1)
        assert found[f"{setting}_predicted"] == expected.tolist()
        known = found["accuracy"][setting]
        assert known["accuracy"] == pytest.approx((expected == gold).mean())
    with finetune(model, prepared, Finetuning(lr=0.05)):
        expected = predict(model, prepared, False).argmax(axis=1)
    assert found["ft_predicted"] == expected.tolist()
    assert len(found["ft_losses"]) == 4
    for position in ("last", "label"):
        assert {"simaou", "simam", "kendall"} == found["positions"][position].keys()


def forget():
    """Nothing that an earlier test has read is at hand."""
    cell._prompted.cache_clear()
    cell._zero_shot.cache_clear()


def test_a_sweep_reads_the_prompts_once(tiny, monkeypatch):
    forget()
    seen, real = [], cell.observe
    monkeypatch.setattr(
        cell, "observe", lambda *a, **k: (seen.append(k["context"]), real(*a, **k))[1]
    )
    for lr in (0.01, 0.02, 0.03):
        cell_of(tiny, lr).run()
    assert seen == [False, True, False, False, False]


def test_draws_share_the_zero_shot_readings(tiny, monkeypatch):
    forget()
    seen, real = [], cell.observe
    monkeypatch.setattr(
        cell, "observe", lambda *a, **k: (seen.append(k["context"]), real(*a, **k))[1]
    )
    shared = results_of(cell_of(tiny, seed=1)), results_of(cell_of(tiny, seed=2))
    assert seen == [False, True, False, True, False]
    forget()
    assert results_of(cell_of(tiny, seed=2)) == shared[1]
    assert shared[0] != shared[1]


@pytest.mark.parametrize("settings", SUBSETS, ids="-".join)
def test_only_what_the_asked_settings_need_is_computed(tiny, monkeypatch, settings):
    forget()
    done = []
    for name in ("observe", "predict", "finetune"):
        real = getattr(cell, name)
        monkeypatch.setattr(
            cell, name, lambda *a, _real=real, _n=name, **k: (done.append(_n), _real(*a, **k))[1]
        )
    found = results_of(cell_of(tiny, settings=settings))
    assert found["accuracy"].keys() == set(settings)
    assert {n for n in SETTINGS if f"{n}_predicted" in found} == set(settings)
    assert done.count("finetune") == ("ft" in settings)
    compares = len(settings) == 3
    assert done.count("observe") == 3 * compares
    assert done.count("predict") == len(settings) * (not compares)
    assert ("positions" in found) == ("rec2ftp" in found) == compares
    whole = results_of(cell_of(tiny))
    assert all(found[f"{name}_predicted"] == whole[f"{name}_predicted"] for name in settings)


def test_what_no_setting_needs_is_no_part_of_a_cell(tiny):
    icl = record_name(cell_of(tiny, settings=("icl", "zsl", "zsl")))
    assert icl == record_name(cell_of(tiny, lr=7.0, epochs=3, settings=("zsl", "icl")))
    assert "rate" not in icl
    others = ({}, {"seed": 3}, {"k": 9, "lr": 1.0})
    alone = [cell_of(tiny, settings=("zsl",), **other) for other in others]
    assert len({record_name(one) for one in alone}) == 1
    assert alone[1].rows()[1] == []
    assert icl != record_name(cell_of(tiny, settings=("zsl", "icl"), seed=1))
    search = Rate(**asdict(setup_of(tiny)))
    assert record_name(search) == record_name(
        Rate(**asdict(setup_of(tiny, items=5, settings=("ft", "icl"))))
    )
    assert Setup(**asdict(alone[0].shared)) == alone[0].shared


def test_a_diverged_cell_is_recorded_as_such(tiny):
    found = results_of(cell_of(tiny, lr=1e30))
    assert found["diverged"] is True
    assert found["accuracy"].keys() == {"zsl", "icl"}
    assert "positions" not in found
    alone = results_of(cell_of(tiny, lr=1e30, settings=("ft",)))
    assert alone["diverged"] is True
    assert "accuracy" not in alone


def test_all_demonstrations_can_be_finetuned_on(tiny, monkeypatch):
    long = dict(task="cb", k=32, items=5)
    cut = results_of(cell_of(tiny, **long, settings=("ft", "icl")))
    assert cut["k_used"] < 32
    assert len(cut["ft_losses"]) == cut["k_used"]
    for more in (dict(ft_all_k=True), dict(preset="dai-code")):
        whole = results_of(cell_of(tiny, **long, settings=("ft", "icl"), **more))
        assert len(whole["ft_losses"]) == 32
        assert whole["k_used"] == cut["k_used"]
    trained, real = [], rate.finetune
    monkeypatch.setattr(
        rate, "finetune", lambda m, p, *a: (trained.append(p.k_used), real(m, p, *a))[1]
    )
    for preset in ("book", "dai-code"):
        Rate(**asdict(setup_of(tiny, **long, preset=preset)), rates=(0.1,), selection=5).run()
    assert trained == [cut["k_used"], 32]


def test_the_number_of_items_does_not_change_which_demonstrations_fit(tiny):
    used = set()
    for items in (1, 7, 0):
        setup = setup_of(tiny, task="cb", k=32, items=items)
        prepared = setup.prompts(setup.card(), *setup.rows())
        used.add(prepared.k_used)
        assert prepared.k == 32
        assert len(prepared.queries) == (items or 56)
    assert len(used) == 1


def test_the_rate_is_found_on_other_items(tiny):
    rates = (1e-4, 0.3, 1e30)
    found = results_of(Rate(**asdict(setup_of(tiny)), rates=rates, selection=30))
    assert found["items"] == 30
    assert found["rates"] == list(rates)
    assert found["diverged"] == [False, False, True]
    assert found["best"] == rates[int(np.argmax(found["accuracy"]))]
    on_evaluation = Rate(**asdict(setup_of(tiny, preset="dai-code")), rates=rates[:1])
    assert results_of(on_evaluation)["items"] == 20


def test_a_search_needs_rows_and_says_so_before_any_work(tiny, own):
    with pytest.raises(ValueError, match=r"34 training rows besides.*--selection.*--lr") as error:
        check(Group(setup_of(tiny, task=own(train=38), long_labels=True), (0.1,), True), speed=1e9)
    assert "200" in str(error.value)
    setup = setup_of(tiny, task=own(train=34), long_labels=True)
    assert check(Group(setup, (0.1,), True, selection=30), speed=1e9)
    assert check(Group(setup, (0.1,)), speed=1e9)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(k=0), "k is 0"),
        (dict(preset="mine"), "preset is 'mine'"),
        (dict(settings=("zsl", "few")), "settings is 'few'"),
        (dict(settings=()), r"settings is \(\)"),
        (dict(rule="adam"), "rule is 'adam'"),
        (dict(dtype="float99"), "dtype is 'float99'"),
        (dict(device="abacus"), "device is 'abacus'"),
        (dict(threads=10**6), "threads is 1000000"),
        (dict(wording="mine"), "wording is 'mine'"),
        (dict(task="sst3"), "Did you mean"),
        (dict(k=10**6), "training rows"),
        (dict(model="./nowhere"), "looks like a folder"),
        (dict(scheme="authors"), "cannot be reproduced"),
        (dict(data="nowhere"), "nowhere"),
        (dict(demonstrations="nowhere.jsonl"), r"nowhere\.jsonl does not exist"),
    ],
)
def test_bad_settings_are_named_before_any_work(tiny, settings, message):
    with pytest.raises((ValueError, OSError), match=message):
        check(Group(setup_of(tiny, **settings), (0.1,)), speed=1e9)


def test_the_authors_draw_takes_rows_that_are_evaluated_too(tiny, tmp_path):
    folder = tmp_path / "mr"
    folder.mkdir()
    lines = [json.dumps({"text": f"text {i}", "label": i % 2}) for i in range(8530)]
    (folder / "train.jsonl").write_text("\n".join(lines))
    (folder / "validation.jsonl").write_text("\n".join(lines[:20]))
    for preset in ("book", "dai-code"):
        authors = dict(scheme="authors", preset=preset, data=str(tmp_path))
        rows, demos, _ = setup_of(tiny, task="mr", k=32, **authors).rows()
        assert rows.origin["dropped"] == 0
        expected = np.random.default_rng(0).permutation(8530)[:32]
        assert [demo["text"] for demo in demos] == [f"text {i}" for i in expected]


def test_given_demonstrations_are_these_rows_in_this_order(tiny, tmp_path):
    drawn = setup_of(tiny, k=3)
    rows, demos, items = drawn.rows()
    given = tmp_path / "given.jsonl"
    given.write_text("\n".join(json.dumps(row) for row in demos[::-1]))
    setup = setup_of(tiny, k=3, seed=8, demonstrations=str(given))
    assert (setup.k, setup.seed) == (0, 0)
    assert setup.rows()[1] == demos[::-1]
    prepared = setup.prompts(setup.card(), *setup.rows())
    assert prepared.demos == drawn.prompts(drawn.card(), rows, demos[::-1], items).demos
    one = cell_of(tiny, demonstrations=str(given))
    assert results_of(replace(one, settings=("icl",)))["k"] == 3
    name = record_name(one)
    assert "-given-" in name
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    shutil.copy(given, moved)
    assert record_name(replace(one, demonstrations=str(moved / given.name))) == name
    given.write_text("\n".join(json.dumps(row) for row in demos))
    assert record_name(one) != name


def test_what_is_read_decides_what_a_cell_is_not_where_it_lies(tiny, own, tmp_path):
    model = tmp_path / "models" / "tiny"
    shutil.copytree(tiny, model)
    one = cell_of(str(model), task=own(), items=0, settings=("zsl", "icl"))
    name = record_name(one)
    assert name == record_name(replace(one, threads=2, model=tiny))
    copied = tmp_path / "copied"
    copied.mkdir()
    for file in ("own.toml", "train.jsonl", "held-out.jsonl"):
        shutil.copy(tmp_path / file, copied)
    assert name == record_name(replace(one, task=str(copied / "own.toml")))

    names = {name}
    for changed in (
        lambda: own(template="Film: {text} Mood:"),
        lambda: own(labels=("bad", "great")),
        lambda: own(train=41),
        lambda: own(evaluation=11),
        lambda: save_tiny("gpt2", model, n_positions=1000),
        lambda: (model / "tokenizer_config.json").write_text(
            (model / "tokenizer_config.json").read_text() + "\n"
        ),
    ):
        changed()
        names.add(record_name(one))
    names.add(record_name(replace(one, dtype="bfloat16")))
    names.add(record_name(replace(one, items=5)))
    assert len(names) == 9
    own()
    assert record_name(one) not in names - {name}  # the model differs still


def test_rows_and_weights_that_change_are_read_again(tiny, own, tmp_path):
    model = tmp_path / "models" / "tiny"
    shutil.copytree(tiny, model)
    setup = setup_of(str(model), task=own(evaluation=10), long_labels=True, items=0)
    assert len(setup.rows()[2]) == 10
    before = setup.language_model()
    assert setup.language_model() is before
    own(evaluation=12)
    assert len(setup.rows()[2]) == 12
    shutil.rmtree(model)
    save_tiny("opt", model, max_position_embeddings=1000)
    assert setup.language_model().family.name == "opt"
    for folder in ("a", "b"):
        (tmp_path / folder / "sst2").mkdir(parents=True)
        for file in ("train", "validation"):
            line = json.dumps({"text": f"{folder} {file}", "label": 0})
            (tmp_path / folder / "sst2" / f"{file}.jsonl").write_text(line)
        one = setup_of(tiny, k=1, data=str(tmp_path / folder))
        assert one.rows()[1] == [{"text": f"{folder} train", "label": 0}]


def test_what_was_observed_can_be_kept(tiny, tmp_path):
    one = cell_of(tiny, arrays=str(tmp_path / "arrays"), settings=("zsl", "icl"), items=6)
    found = results_of(one)
    folder = tmp_path / "arrays" / record_name(one)
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    names = {path.name for path in folder.iterdir()}
    assert {"icl-context_scores-last.npy", "zsl-hidden-label.npy", "icl-log_probs.npy"} <= names
    assert not any(name.startswith("ft") for name in names)
    assert np.load(folder / "icl-predicted.npy").tolist() == found["icl_predicted"]
    hidden = np.load(folder / "zsl-hidden-last.npy")
    assert hidden.shape == (6, 2, 32)
    assert hidden.dtype == np.float32
    assert record_name(one) == record_name(replace(one, arrays=""))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_estimate_of_what_is_observed_covers_it(tiny, tmp_path, dtype):
    one = cell_of(tiny, arrays=str(tmp_path / "arrays"), items=6, dtype=dtype)
    one.run()
    kept = ("hidden", "scores", "context_scores", "queries")
    files = (tmp_path / "arrays").rglob("*.npy")
    taken = sum(np.load(f).nbytes for f in files if f.name.split("-")[1] in kept)
    rows, demos, items = one.rows()
    prepared = one.prompts(one.card(), rows, demos, items)
    size = one.language_model().dtype.itemsize
    most = cell.observed_bytes(one.card().config, prepared, PRESETS[one.preset], size)
    assert 0.6 * most <= taken <= most


def test_observations_in_files_are_the_same_numbers(tiny, monkeypatch):
    lr = 1e-6  # so small a change that 16-bit numbers would lose it
    in_memory = results_of(cell_of(tiny, lr))
    monkeypatch.setattr(cell, "MEMORY_MAPPED", 0)
    forget()
    in_files = results_of(cell_of(tiny, lr))
    forget()
    assert in_files["positions"] == in_memory["positions"]


def test_an_estimate_counts_the_tokens(tiny):
    found = check(Group(setup_of(tiny), (0.1,)), speed=1e9)
    model = load_model(tiny)
    _, demos, items = setup_of(tiny).rows()
    prepared = prompts.build(tasks.get("sst2"), demos, items, model.tokenizer, window=model.window)
    assert found.context == len(prepared.context)
    assert found.queries == sum(map(len, prepared.queries))
    assert found.n_parameters == model.net.num_parameters()
    tokens = found.context + 3 * found.queries + 4 * found.training
    assert found.operations == 2 * found.n_parameters * tokens
    more = check(Group(setup_of(tiny, parameters="all"), (0.1,)), speed=1e9)
    alone = check(Group(setup_of(tiny, settings=("zsl", "icl"))), speed=1e9)
    assert alone.memory < found.memory < more.memory
    assert alone.operations == 2 * found.n_parameters * (found.context + 2 * found.queries)
    assert alone.training == alone.disk == 0
    half = check(Group(setup_of(tiny, dtype="bfloat16"), (0.1,)), speed=1e9)
    assert half.memory < found.memory
    whole = check(Group(setup_of(tiny, task="cb", k=32, preset="dai-code"), (0.1,)), speed=1e9)
    assert whole.training > whole.context


def test_an_estimate_of_a_search_counts_the_items_that_decide(tiny):
    for preset, expected in (("dai-code", 20), ("book", Rate.selection)):
        setup = setup_of(tiny, preset=preset)
        searched = check(Group(setup, (0.1, 0.2), search=True), speed=1.0)
        one_cell = check(Group(setup, (0.1,)), speed=1.0)
        reading = expected * one_cell.queries / one_cell.items
        more = 2 * one_cell.n_parameters * (reading + 2 * (4 * one_cell.training + reading))
        assert searched.operations == pytest.approx(one_cell.operations + more)


def test_folders_of_a_model_are_expanded(tiny, monkeypatch):
    monkeypatch.setenv("HOME", str(Path(tiny).parent))
    assert Setup(model="~/tiny", task="sst2").card().window == 1024
