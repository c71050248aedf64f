"""Controls of the finetuning, models with drawn weights, and calibration: by hand and by command.

What a control is finetuned on is caught where it is handed to the finetuning.
"""

import json
import re
import shutil
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import torch
from scipy.special import softmax

from iclbook import records
from iclbook.__main__ import main
from iclbook.gpt.metrics import METRICS, accuracy
from iclbook.gpt.metrics.calibrated import calibrate
from iclbook.gpt.metrics.metric import SETTINGS, Comparison
from iclbook.gpt.model.load import card, load_model
from iclbook.gpt.reading.ask import prompts_for
from iclbook.gpt.reading.calibrate import CONTENT_FREE, content_free, prior
from iclbook.gpt.reading.observe import Observations
from iclbook.gpt.reading.score import predict
from iclbook.gpt.report.recorded import recorded_blocks
from iclbook.gpt.study import cell
from iclbook.gpt.study.cell import Cell
from iclbook.gpt.study.estimate import check
from iclbook.gpt.study.names import record_name
from iclbook.gpt.study.presets import PRESETS
from iclbook.gpt.study.run import Group, run_study
from iclbook.gpt.study.setup import Setup
from iclbook.gpt.text.demonstrations import draw, mislabelled
from iclbook.gpt.text.tasks import TASKS, get
from iclbook.gpt.tuning.finetune import Finetuning, finetune
from iclbook.gpt.tuning.noise import to_noise
from tests.unit.tiny_models import FAMILIES, save_tiny
from tests.unit.tiny_study import cell_of, results_of, setup_of, tiny_model

SUBSETS = [chosen for n in (1, 2, 3) for chosen in combinations(SETTINGS, n)]
CONTROLS = ("wrong-labels", "other-draw", "agnews", "noise")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    with tiny_model(tmp_path_factory) as folder:
        yield folder


def controlled(tiny, control, **settings) -> Cell:
    return replace(cell_of(tiny, **settings), control=control)


@pytest.fixture
def trained_on(monkeypatch):
    """The prompts of each finetuning that a cell has asked for."""
    seen, real = [], cell.finetune
    monkeypatch.setattr(
        cell, "finetune", lambda m, p, *a, **k: (seen.append(p), real(m, p, *a, **k))[1]
    )
    return seen


# Wrong labels, and another task


@pytest.mark.parametrize("labels", [2, 3, 5])
def test_wrong_labels_are_wrong_seeded_and_all_of_the_others(labels):
    rows = [{"text": f"text {i}", "label": i % labels} for i in range(400)]
    moved = mislabelled(rows, labels, seed=4)
    assert [row["text"] for row in moved] == [row["text"] for row in rows]
    assert [row["label"] for row in rows] == [i % labels for i in range(400)]  # as they were
    pairs = {(old["label"], new["label"]) for old, new in zip(rows, moved)}
    assert pairs == {(a, b) for a in range(labels) for b in range(labels) if a != b}
    assert moved == mislabelled(rows, labels, seed=4)
    if labels > 2:
        assert moved != mislabelled(rows, labels, seed=5)


def test_finetuning_gets_the_same_texts_with_wrong_labels(tiny, trained_on):
    for one in (cell_of(tiny, task="agnews"), controlled(tiny, "wrong-labels", task="agnews")):
        one.run()
    plain, wrong = trained_on
    assert len(wrong.finetuning) == len(plain.finetuning) == 4
    for right, other, was, becomes in zip(
        plain.finetuning, wrong.finetuning, plain.demo_gold, wrong.demo_gold
    ):
        assert becomes != was
        assert other[-1:] == wrong.labels[becomes] != right[-1:]
        assert other[:-1] == right[:-1]


def test_finetuning_gets_as_many_demonstrations_of_another_task(tiny, trained_on):
    one = controlled(tiny, "agnews", seed=3)
    one.run()
    other = setup_of(tiny, task="agnews", seed=3)
    rows, _, items = other.rows()
    expected = prompts_for(load_model(tiny), rows.task, draw(rows, 4, 3), items)
    assert trained_on[0].finetuning == expected.finetuning


def test_another_draw_is_as_many_other_examples_of_the_task(tiny, trained_on):
    for control in ("", "other-draw", "other-draw"):
        controlled(tiny, control, k=8).run()
    own, fresh, again = trained_on
    texts = [{demo[:-1] for demo in prompts.finetuning} for prompts in (own, fresh)]
    assert not texts[0] & texts[1]
    assert len(texts[0]) == len(texts[1]) == 8
    assert fresh.labels == own.labels
    assert fresh.finetuning == again.finetuning


def test_too_few_other_examples_are_found_before_any_work(tiny):
    setup = setup_of(tiny)
    k = len(setup.rows()[0].train) - 2
    with pytest.raises(ValueError, match="has 2 training rows"):
        check(Group(replace(setup, k=k), (0.1,), control="other-draw"), speed=1e9)


@pytest.mark.parametrize("parameters", ["kv", "v:1"])
def test_noise_moves_each_parameter_as_far_as_finetuning_in_another_direction(tiny, parameters):
    model, setup = load_model(tiny, dtype="float64"), setup_of(tiny)
    prompts = setup.prompts(model, *setup.rows())
    before = weights(model)
    with finetune(model, prompts, Finetuning(lr=0.05, parameters=parameters)) as tuned:
        moved = [now - base for now, base in zip(tuned.weights, tuned.base)]
        to_noise(tuned, np.random.default_rng(0))
        noised = [now - base for now, base in zip(tuned.weights, tuned.base)]
        assert (weights(model) != before).sum() <= sum(part.numel() for part in moved)
    assert torch.equal(weights(model), before)
    assert len(moved) == (8 if parameters == "kv" else 2)
    for a, b in zip(moved, noised, strict=True):
        torch.testing.assert_close(b.norm(), a.norm(), rtol=1e-9, atol=1e-14)
        if a.ndim > 1:
            assert a.norm() > 1e-3
            assert abs((a * b).sum()) < 0.2 * a.norm() ** 2


def test_noise_has_a_seed_and_no_plain_similarity():
    settings = dict(model="mini", task="mini-sst2", items=60, dtype="float64", lr=0.3)
    cells = [Cell(**settings, control=control) for control in ("", "noise", "noise")]
    own, noise, again = map(results_of, cells)
    assert noise == again
    assert noise["ft_losses"] == own["ft_losses"]
    plain = [found["positions"]["last"]["simaou"]["plain"]["mean"] for found in (own, noise)]
    assert plain[0] > 0.3
    assert abs(plain[1]) < 0.15
    assert noise["positions"]["last"]["simaou"]["normalised"]["mean"] > plain[1]


def test_a_control_trains_on_no_more_than_fits_its_own_task(tiny, trained_on):
    one = controlled(tiny, "sst2", task="cb", k=32, items=3, settings=("ft", "icl"))
    found = results_of(one)
    assert found["k_used"] < 32
    assert len(trained_on[0].finetuning) == len(found["ft_losses"]) == found["k_used"]


@pytest.mark.parametrize("control", CONTROLS)
def test_only_the_finetuned_side_is_another(tiny, control):
    plain, other = results_of(cell_of(tiny)), results_of(controlled(tiny, control))
    assert (plain["ft_losses"] == other["ft_losses"]) == (control == "noise")
    for name in ("gold", "k", "k_used", "zsl_predicted", "icl_predicted", "data"):
        assert plain[name] == other[name]
    for metric in ("accuracy", "calibrated"):
        for setting in ("zsl", "icl"):
            assert plain[metric][setting]["accuracy"] == other[metric][setting]["accuracy"]
    before, after = (
        [found["positions"]["last"]["simam"][name] for found in (plain, other)]
        for name in ("before", "after")
    )
    assert before[0] == before[1]
    assert after[0] != after[1]


def test_attention_to_training_tokens_is_compared_only_if_they_are_in_the_context(tiny):
    places = {c: results_of(controlled(tiny, c))["positions"] for c in ("", *CONTROLS)}
    compared = {c for c, at in places.items() if "kendall" in at["last"]}
    assert compared == {"", "wrong-labels", "noise"}


def test_a_control_has_a_name_a_block_and_a_record_of_its_own(tiny, tmp_path):
    groups = [
        Group(setup_of(tiny, items=5), (0.01,), control=control) for control in ("", *CONTROLS)
    ]
    done = dict(run_study(groups, tmp_path))
    names = [path.stem for (path,) in done.values()]
    assert len(set(names)) == len(groups)
    assert all(control in name for control, name in zip(CONTROLS, names[1:]))
    blocks = {block.settings: block for block in recorded_blocks(tmp_path)}
    few = "k = 4, items 5"
    assert blocks.keys() == {few, *(f"{few}, control {control}" for control in CONTROLS)}
    lines = []
    list(run_study(groups, tmp_path, progress=lines.append))
    assert len(lines) == len(groups)
    assert all("done before" in line for line in lines)


def test_other_rows_of_the_other_task_are_another_cell(tiny, tmp_path):
    for task in ("sst2", "agnews"):
        (tmp_path / task).mkdir()
        for split in ("train", "validation", "test"):
            lines = [json.dumps({"text": f"{split} {i}", "label": i % 2}) for i in range(8)]
            (tmp_path / task / f"{split}.jsonl").write_text("\n".join(lines))
    of_data = dict(data=str(tmp_path), k=2, items=4)
    kept = [record_name(controlled(tiny, control, **of_data)) for control in ("", "agnews")]
    line = json.dumps({"text": "one more", "label": 0})
    with (tmp_path / "agnews" / "train.jsonl").open("a") as file:
        file.write("\n" + line)
    assert record_name(controlled(tiny, "", **of_data)) == kept[0]
    assert record_name(controlled(tiny, "agnews", **of_data)) != kept[1]


def test_given_demonstrations_have_controls_too(tiny, tmp_path, trained_on):
    given = tmp_path / "given.jsonl"
    given.write_text("\n".join(json.dumps(row) for row in setup_of(tiny, k=3).rows()[1]))
    for control in CONTROLS:
        results_of(controlled(tiny, control, demonstrations=str(given), items=5))
    wrong, fresh, other, _ = trained_on
    plain = setup_of(tiny, k=3)
    assert not set(fresh.finetuning) & set(plain.prompts(plain.card(), *plain.rows()).finetuning)
    assert len(fresh.finetuning) == 3
    kept = plain.prompts(plain.card(), *plain.rows()).demo_gold
    assert all(a != b for a, b in zip(wrong.demo_gold, kept, strict=True))
    assert len(other.finetuning) == 3
    assert other.labels != wrong.labels


def test_without_finetuning_there_is_nothing_to_control(tiny):
    settings = ("zsl", "icl")
    plain = record_name(cell_of(tiny, settings=settings))
    assert record_name(controlled(tiny, "wrong-labels", settings=settings)) == plain


@pytest.mark.parametrize(
    ("control", "message"),
    [
        ("sst2", "the task itself; expected wrong-labels, other-draw, noise or the name of a"),
        ("wrong-label", "control is 'wrong-label'; expected wrong-labels, other-draw, noise or"),
        ("sst3", "control is 'sst3'; expected .* Did you mean"),
    ],
)
def test_a_bad_control_is_named_before_any_work(tiny, control, message):
    with pytest.raises(ValueError, match=message):
        Cell(model=tiny, task="sst2", control=control)
    with pytest.raises(ValueError, match=message):
        check(Group(setup_of(tiny), (0.1,), control=control), speed=1e9)


def test_too_few_rows_of_the_other_task_are_found_before_any_work(tiny, tmp_path):
    for task, rows in (("sst2", 40), ("agnews", 3)):
        (tmp_path / task).mkdir()
        for split in ("train", "validation", "test"):
            lines = [json.dumps({"text": f"{split} {i}", "label": i % 2}) for i in range(rows)]
            (tmp_path / task / f"{split}.jsonl").write_text("\n".join(lines))
    group = Group(setup_of(tiny, data=str(tmp_path)), (0.1,), control="agnews")
    with pytest.raises(ValueError, match="'agnews' has 3 training rows"):
        check(group, speed=1e9)


def test_an_estimate_counts_what_the_control_trains_on(tiny):
    plain, other = (
        check(Group(setup_of(tiny), (0.1,), control=control), speed=1e9)
        for control in ("", "agnews")
    )
    setup = setup_of(tiny, task="agnews")
    examples = setup.prompts(setup.card(), *setup.rows())
    assert other.training == sum(map(len, examples.finetuning)) != plain.training
    assert other.context == plain.context


# Drawn weights


def weights(model) -> torch.Tensor:
    return torch.cat([p.detach().double().flatten() for p in model.net.parameters()])


@pytest.mark.parametrize("name", ["tiny", "mini"])
def test_drawn_weights_are_the_same_twice_and_not_the_trained_ones(tiny, name):
    name = tiny if name == "tiny" else name
    torch.manual_seed(11)
    state = torch.random.get_rng_state()
    first = load_model(f"{name}@untrained")
    assert torch.equal(torch.random.get_rng_state(), state)  # nobody else's numbers
    torch.manual_seed(12)
    second, read = load_model(f"{name}@untrained"), load_model(name)
    assert torch.equal(weights(first), weights(second))
    assert weights(first).shape == weights(read).shape
    assert (weights(first) - weights(read)).norm() > 0.5 * weights(read).norm()
    assert weights(first).std() > 0
    assert first.origin["untrained"] is True
    assert read.origin["untrained"] is False
    assert first.tokenizer("a film")["input_ids"] == read.tokenizer("a film")["input_ids"]


@pytest.mark.parametrize("variant", ["untrained", "norms"])
def test_weights_can_be_drawn_again(tiny, variant):
    names = [f"{tiny}@{variant}{end}" for end in ("", ":0", ":1", ":2")]
    none, zero, one, two = (weights(load_model(name)) for name in names)
    assert torch.equal(none, zero)
    for a, b in ((zero, one), (one, two)):
        assert (a - b).norm() > 0.5 * a.norm() * (variant == "untrained")
        assert not torch.equal(a, b)
    origins = [load_model(name).origin for name in names]
    assert [origin.get("draw") for origin in origins] == [None, None, 1, 2]
    cells = [cell_of(name, items=5) for name in names]
    assert len({cell.inputs()["model"] for cell in cells}) == 3
    assert len({record_name(cell)[-8:] for cell in cells}) == 3
    assert record_name(cells[2]).split("-seed")[0].endswith(f"{variant}-1-sst2")


def test_a_draw_of_weights_is_a_number(tiny):
    with pytest.raises(ValueError, match="@norms behind the name, or another draw of them: :1"):
        card(f"{tiny}@untrained:x")


def test_drawn_weights_are_another_input_and_another_record(tiny):
    read, drawn = (cell_of(name, items=5) for name in (tiny, f"{tiny}@untrained"))
    differing = {n for n, value in read.inputs().items() if drawn.inputs()[n] != value}
    assert differing == {"model"}
    assert "untrained" in record_name(drawn)
    assert record_name(read) != record_name(drawn)
    assert results_of(drawn)["model_origin"]["untrained"] is True
    assert results_of(drawn)["zsl_predicted"] == results_of(drawn)["zsl_predicted"]


def test_other_precisions_round_the_same_draw(tiny):
    drawn, rounded = (load_model(f"{tiny}@untrained", dtype=d) for d in ("float32", "bfloat16"))
    expected = weights(drawn).float().bfloat16().double()
    assert torch.equal(weights(rounded), expected)


def test_what_cannot_be_found_cannot_be_drawn(tmp_path):
    with pytest.raises(ValueError, match=r"'\./nonsense', which looks like a folder"):
        card("./nonsense@untrained")
    with pytest.raises((ValueError, OSError), match="nonsense"):
        load_model("nonsense@untrained")
    with pytest.raises(ValueError, match="mini@soon"):
        card("mini@soon@untrained")


# Drawn weights, but for some


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("kept", ["embeddings", "norms"])
def test_a_variant_keeps_exactly_what_it_is_named_after(family, kept, tmp_path):
    """Known by their names here, and by their modules in the package."""
    folder = str(save_tiny(family, tmp_path))
    ends = ("", "@untrained", f"@{kept}")
    read, drawn, mixed = (load_model(folder + end).net for end in ends)
    roles = {
        "norms": re.compile(r"norm|\.ln_|ln_f"),
        "embeddings": re.compile(r"norm|\.ln_|ln_f|wte|wpe|embed|lm_head"),
    }
    found = 0
    for name, parameter in mixed.named_parameters():
        source = read if roles[kept].search(name) else drawn
        found += source is read
        assert torch.equal(parameter, source.get_parameter(name)), name
    assert 0 < found < len(list(mixed.parameters()))


def test_variants_are_other_inputs_other_records_and_still_untrained(tiny):
    names = [f"{tiny}{end}" for end in ("", "@untrained", "@embeddings", "@norms")]
    cells = [cell_of(name, items=5) for name in names]
    assert len({one.inputs()["model"] for one in cells}) == 4
    assert len({record_name(one) for one in cells}) == 4
    origins = [load_model(name).origin for name in names]
    assert [origin["untrained"] for origin in origins] == [False, True, True, True]
    assert [origin.get("kept") for origin in origins] == [None, None, "embeddings", "norms"]


@pytest.mark.parametrize("name", ["mini@embedding", "smollm2@norm", "TINY@embedings"])
def test_an_unknown_variant_is_told_which_there_are(tiny, name):
    with pytest.raises(ValueError, match="@untrained, @embeddings, @norms behind the name"):
        card(name.replace("TINY", tiny))


def test_two_variants_are_one_too_many():
    with pytest.raises(ValueError, match="one of @untrained, @embeddings, @norms, not two"):
        card("mini@norms@untrained")


@pytest.mark.parametrize("variant", ["untrained", "embeddings", "norms"])
def test_a_network_that_was_not_trained_learns_nothing_in_context(variant):
    """A control that a metric has to see: accuracy at the level of its own label frequencies.

    Behind calibration trained embeddings tell labels apart a little, whatever is in context.
    """
    found = results_of(Cell(model=f"mini@{variant}", task="mini-subj", items=150, lr=0.3))
    trained = results_of(Cell(task="mini-subj", items=150, lr=0.3))
    assert trained["accuracy"]["icl"]["counts"]
    for metric in ("accuracy", "calibrated") if variant != "embeddings" else ("accuracy",):
        assert not found[metric]["icl"]["counts"]
        assert found[metric]["icl"]["accuracy"] < trained[metric]["icl"]["accuracy"] - 0.15


# Calibration


@pytest.mark.parametrize("context", [False, True])
def test_the_prior_is_the_mean_answer_to_texts_without_content(tiny, context):
    model, setup = load_model(tiny), setup_of(tiny)
    rows, demos, items = setup.rows()
    blank = setup.without_content(model, rows, setup.prompts(model, rows, demos, items))
    found = prior(model, blank, context)

    before = "".join(rows.task.prompt(d) + rows.task.answer(d["label"]) + "\n" for d in demos)
    encode = lambda text: model.tokenizer(text, add_special_tokens=False)["input_ids"]  # noqa: E731
    start = list(blank.bos) + encode(before) * context
    shares = []
    for text in CONTENT_FREE:
        ids = torch.tensor([start + encode(rows.task.prompt({"text": text, "label": 0}))])
        with torch.inference_mode():
            log_p = model.net(input_ids=ids).logits[0, -1].log_softmax(-1)
        of_words = log_p[[word[0] for word in blank.labels]].numpy()
        shares.append(softmax(of_words))
    assert np.exp(found) == pytest.approx(np.mean(shares, axis=0), abs=1e-5)
    assert np.exp(found).sum() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("task", ["sst2", "cb", "agnews", "mini-mr", "mini-cb"])
def test_texts_without_content_fill_the_template(task):
    rows = content_free(TASKS[task])
    assert len(rows) == len(CONTENT_FREE)
    for row, text in zip(rows, CONTENT_FREE):
        for column in TASKS[task].columns:
            assert row[column] == text
        assert get(task).prompt(row)


def test_calibration_takes_the_prior_off():
    scores = np.log([[0.8, 0.2], [0.6, 0.4], [0.55, 0.45]])
    assert calibrate(scores, np.log([0.5, 0.5])).tolist() == [0, 0, 0]
    assert calibrate(scores, np.log([0.7, 0.3])).tolist() == [0, 1, 1]
    assert calibrate(scores + 3, np.log([0.7, 0.3]) - 9).tolist() == [0, 1, 1]  # scales are free


@pytest.mark.parametrize(
    ("scores", "base"), [((4, 2), (3,)), ((4, 2), (2, 1)), ((4, 2), (4,)), ((2,), (2,))]
)
def test_calibration_says_which_shapes_do_not_fit(plain_python, scores, base):
    with pytest.raises(ValueError, match=r"scores has shape .* and prior .*expected \(n, C\)"):
        calibrate(np.zeros(scores), np.zeros(base))


def observed(seed: int, base) -> Observations:
    rng = np.random.default_rng(seed)
    scores = np.log(rng.dirichlet(np.ones(3), 60))
    return Observations(
        scores, scores.argmax(1), np.arange(60) % 3, prior=None if base is None else np.array(base)
    )


def calibrated(**settings) -> dict | None:
    metric = METRICS["calibrated"]
    return metric.entries(Comparison(settings, PRESETS["book"]), seed=0).get("")


def test_a_prior_without_preference_changes_nothing():
    seen = observed(0, np.log([1 / 3] * 3))
    found = calibrated(zsl=seen)["zsl"]
    assert found["accuracy"] == accuracy(seen.predicted, seen.gold)
    assert found["prior"] == pytest.approx([1 / 3] * 3)


def test_the_metric_has_an_entry_for_each_setting_with_a_prior():
    seen = observed(1, np.log([0.6, 0.3, 0.1]))
    found = calibrated(zsl=seen, icl=observed(2, None))
    assert found.keys() == {"zsl"}
    expected = (seen.log_probs - seen.prior).argmax(1)
    assert found["zsl"]["accuracy"] == (expected == seen.gold).mean()
    assert found["zsl"]["prior"] == pytest.approx([0.6, 0.3, 0.1])
    assert {"chance", "p", "counts", "interval"} <= found["zsl"].keys()
    low, high = found["zsl"]["interval"]
    assert low <= found["zsl"]["accuracy"] <= high
    assert calibrated(zsl=observed(2, None)) is None


@pytest.mark.parametrize("settings", SUBSETS, ids="-".join)
def test_a_cell_calibrates_the_settings_that_it_runs(tiny, settings):
    found = results_of(cell_of(tiny, settings=settings))
    assert found["calibrated"].keys() == set(settings)
    model, setup = load_model(tiny), setup_of(tiny)
    rows, demos, items = setup.rows()
    prepared = setup.prompts(model, rows, demos, items)
    blank = setup.without_content(model, rows, prepared)
    for setting in set(settings) - {"ft"}:
        context = setting == "icl"
        base = prior(model, blank, context)
        expected = calibrate(predict(model, prepared, context), base)
        right = accuracy(expected, prepared.gold)
        assert found["calibrated"][setting]["accuracy"] == pytest.approx(right, abs=1e-4)
        assert found["calibrated"][setting]["prior"] == pytest.approx(softmax(base), abs=1e-3)


def test_the_prior_of_the_finetuned_model_is_its_own(tiny):
    slow, fast = (
        results_of(cell_of(tiny, lr, settings=("zsl", "ft")))["calibrated"] for lr in (1e-9, 0.3)
    )
    assert slow["ft"]["prior"] == pytest.approx(slow["zsl"]["prior"], abs=1e-4)
    assert fast["ft"]["prior"] != pytest.approx(fast["zsl"]["prior"], abs=1e-2)


# By command


@pytest.fixture
def command(capsys):
    """Run a command; its exit code, output and errors."""

    def call(*arguments) -> tuple[int, str, str]:
        code = main([str(a) for a in arguments])
        return code, *capsys.readouterr()

    return call


def asked(tiny, out, *more) -> tuple:
    few = ("--k", 2, "--items", 5, "--out", out)
    return ("run", "--model", tiny, "--tasks", "sst2", *few, *more)


@pytest.mark.parametrize("settings", SUBSETS, ids="-".join)
def test_a_control_goes_with_every_choice_of_settings(tiny, tmp_path, command, settings):
    words = asked(tiny, tmp_path, "--control", "wrong-labels", "--lr", 0.1, "--settings", *settings)
    code, _, errors = command(*words)
    assert code == 0, errors
    (record,) = records.all_records(tmp_path)
    assert record.config["control"] == ("wrong-labels" if "ft" in settings else "")
    assert record["accuracy"].keys() == record["calibrated"].keys() == set(settings)
    code, text, errors = command("table", "--out", tmp_path)
    assert code == 0, errors
    _, _, table = text.partition("calibrated accuracy (%)")
    rows = [
        line.split() for line in table.splitlines()[1:] if line.startswith(("ZSL", "FT", "ICL"))
    ]
    assert {row[0].lower() for row in rows[:3] if "–" not in row[1]} == set(settings)
    assert ("control wrong-labels" in text) == ("ft" in settings)


def test_a_control_takes_the_rate_that_the_demonstrations_themselves_choose(
    tiny, tmp_path, command
):
    words = asked(tiny, tmp_path, "--selection", 10, "--settings", "ft")
    for control in ((), ("--control", "agnews")):
        code, _, errors = command(*words, *control)
        assert code == 0, errors
    found = list(records.all_records(tmp_path))
    (search,) = (r for r in found if r.experiment == "gpt-rate")  # one, and done before
    cells = [r for r in found if r.experiment == "gpt-cell"]
    assert [sorted(r.config["control"] for r in cells)] == [["", "agnews"]]
    assert {r.config["lr"] for r in cells} == {search["best"]}


@pytest.mark.parametrize(
    ("control", "message"), [("sst2", "the task itself"), ("subjj", "Did you mean")]
)
def test_a_bad_control_stops_the_command_before_any_work(tiny, tmp_path, command, control, message):
    for dry in ((), ("--dry-run",)):
        code, _, errors = command(*asked(tiny, tmp_path, "--lr", 0.1, "--control", control, *dry))
        assert code == 1
        assert message in errors
        assert "Traceback" not in errors
    assert not list(tmp_path.rglob("*.json"))


def test_a_dry_run_of_a_control_writes_nothing(tiny, tmp_path, command):
    out = tmp_path / "records"
    code, text, errors = command(*asked(tiny, out, "--control", "wrong-labels", "--dry-run"))
    assert code == 0, errors
    assert "2/  2" in text
    assert not out.exists()


def test_drawn_weights_are_a_model_of_the_command(tiny, tmp_path, command):
    out = tmp_path / "records"
    words = asked(tiny, out, "--lr", 0.1)
    code, _, errors = command(*words, "--model", tiny, f"{tiny}@untrained")
    assert code == 0, errors
    made = {r.config["model"]: r["model_origin"]["untrained"] for r in records.all_records(out)}
    place = records.portable(tiny)
    assert made == {place: False, f"{place}@untrained": True}
    assert not place.startswith("/")
    assert len(recorded_blocks(out)) == 2
    code, _, errors = command(*words[:1], "--model", "./nonsense@untrained", *words[3:])
    assert code == 1
    assert "'./nonsense', which looks like a folder" in errors


def test_the_bundled_model_without_training_runs_its_own_tasks(tmp_path, command):
    words = ("run", "--model", "mini@untrained", "--settings", "zsl", "--items", 5, "--dry-run")
    code, text, errors = command(*words, "--out", tmp_path)
    assert code == 0, errors
    assert "mini-sst2" in text
    assert "mini-cb" in text


def test_a_folder_and_its_drawn_weights_move_together(tiny, tmp_path):
    shutil.copytree(tiny, tmp_path / "tiny")
    moved = cell_of(f"{tmp_path / 'tiny'}@untrained", items=5)
    assert record_name(moved) == record_name(cell_of(f"{tiny}@untrained", items=5))
    assert Setup(model=f"{tiny}@untrained", task="sst2").card().window == 1024
