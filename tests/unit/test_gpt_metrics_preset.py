"""All metrics of one cell: the authors' preset is the authors' code, and records are plain."""

import dataclasses
import json
from types import SimpleNamespace

import numpy as np
import oracle_dai as oracle
import pytest
import tiny_models

from iclbook.gpt.metrics import METRICS, Metric, kendall, measure, register, sim_aou, wanted
from iclbook.gpt.model.load import load_model
from iclbook.gpt.reading.observe import observe
from iclbook.gpt.study.presets import BOOK, DAI_CODE, PRESETS, Preset
from iclbook.gpt.text import tasks
from iclbook.gpt.text.prompts import build
from iclbook.gpt.tuning.finetune import Finetuning, finetune

N_ITEMS, L, H, D, LABELS = 130, 2, 3, 12, 3
LENGTHS = np.random.default_rng(9).integers(2, 7, N_ITEMS)
DEMOS = (5, 3, 4)  # tokens of each demonstration without BOS and separator


def observations(rng, base=None, dtype=np.float32):
    """Random arrays in the layout of `observe`; near `base` if it is given."""
    c = 1 + sum(DEMOS) + len(DEMOS)
    scores = rng.normal(size=(N_ITEMS, L, H, LENGTHS.max()))
    scores *= (np.arange(LENGTHS.max()) >= LENGTHS.max() - LENGTHS[:, None])[:, None, None]
    hidden = rng.normal(size=(N_ITEMS, L, D))
    if base is not None:
        scores, hidden = base.scores["label"] + scores / 2, base.hidden["label"] + hidden / 2
    gold = np.random.default_rng(1).integers(LABELS, size=N_ITEMS)
    guessed = rng.integers(LABELS, size=N_ITEMS)
    ids = np.stack([rng.permutation(30)[:10] for _ in range(N_ITEMS)])

    def both(array):
        return {"label": array.astype(dtype), "last": array[::-1].astype(dtype)}

    return SimpleNamespace(
        gold=gold,
        log_probs=rng.normal(size=(N_ITEMS, LABELS)),
        prior=rng.normal(size=LABELS),
        predicted=np.where(rng.random(N_ITEMS) < 0.3, gold, guessed),
        hidden=both(hidden),
        scores=both(scores),
        lengths={"label": LENGTHS, "last": LENGTHS[::-1]},
        context_scores=both(rng.normal(size=(N_ITEMS, L, c))),
        queries=both(rng.normal(size=(N_ITEMS, L, D))),
        top_ids=ids,
        top_probs=rng.random((N_ITEMS, 10)).astype(np.float32),
    )


@pytest.fixture(scope="module")
def cell():
    rng = np.random.default_rng(0)
    zsl = observations(rng)
    icl, ft = observations(rng, zsl), observations(rng, zsl)
    training = [rng.normal(size=(L, 1 + T, D)).astype(np.float32) for T in DEMOS]
    return zsl, icl, ft, training


def records(setting):
    """The same observations as records of the authors' code: one dict an item, no padding."""
    return [
        {
            "hidden": setting.hidden["label"][i].tolist(),
            "attn_map": setting.scores["label"][i][..., -length:].tolist(),
            "attn_ctx": setting.context_scores["label"][i].tolist(),
            "attn_q": setting.queries["label"][i].tolist(),
            "gold": int(setting.gold[i]),
            "predicted": int(setting.predicted[i]),
        }
        for i, length in enumerate(setting.lengths["label"])
    ]


def agree(ours, zsl, icl, ft, training):
    """Compare what the preset `dai-code` measured with the oracle."""
    z, i, f = (records(setting) for setting in (zsl, icl, ft))
    (position,) = ours["positions"].values()
    expected = {
        ("simaou", "normalised"): oracle.sim_aou(z, i, f),
        ("simam", "before"): oracle.sim_am(i, z),
        ("simam", "after"): oracle.sim_am(i, f),
    }
    for (metric, kind), layers in expected.items():
        found = position[metric][kind]
        assert found["layers"] == pytest.approx(layers, abs=1e-6)
        assert found["mean"] == pytest.approx(np.mean(layers), abs=1e-6)
    examples = [{"attn_q": q.tolist()} for q in training]
    assert position["kendall"]["layers"] == pytest.approx(oracle.kendall(i, f, examples), abs=1e-6)


def test_the_authors_preset_is_the_authors_code(cell):
    zsl, icl, ft, training = cell
    ours = measure(DAI_CODE, zsl, icl, ft, training, rng=np.random.default_rng(0))
    agree(ours, zsl, icl, ft, training)
    z, i, f = (records(setting) for setting in (zsl, icl, ft))
    assert ours["rec2ftp"]["value"] == pytest.approx(oracle.rec2ftp(z, i, f), abs=1e-12)


def test_a_models_observations_have_the_layout_of_the_authors_records(tmp_path):
    """BOS, separators, padding and order of tokens, through model and finetuning."""
    model = load_model(str(tiny_models.save_tiny("xglm", tmp_path / "xglm")))
    rng = np.random.default_rng(0)
    words = ["the", "a", "film", "was", "very", "good", "bad", "plot", "and", "with", "bright"]
    rows = [
        {"text": " ".join(rng.choice(words, rng.integers(3, 9))), "label": int(rng.integers(2))}
        for _ in range(17)
    ]
    prompts = build(
        tasks.get("sst2"),
        rows[:5],
        rows[5:],
        model.tokenizer,
        window=model.window,
        separator_text=model.separator,
    )
    want = {"hidden", "scores", "context_scores", "queries"}
    zsl, icl = (observe(model, prompts, context, want=want) for context in (False, True))
    with finetune(model, prompts, Finetuning(lr=0.3), record_queries=True) as tuned:
        ft = observe(model, prompts, False, want=want)
    layout = dict(bos=len(prompts.bos), separator=len(prompts.separator))
    assert layout == dict(bos=1, separator=1)
    ours = measure(DAI_CODE, zsl, icl, ft, tuned.queries, rng=rng, **layout)
    agree(ours, zsl, icl, ft, tuned.queries)


def test_the_authors_random_baselines_are_those_of_their_code(cell):
    zsl, icl, ft, training = cell
    outputs = [setting.hidden["label"] for setting in (zsl, icl, ft)]
    ours = sim_aou(*outputs, rng=np.random.default_rng(3))
    noise = np.random.default_rng(3).spawn(2)[0].random((N_ITEMS, L, D))
    z, i, f = (records(setting) for setting in (zsl, icl, ft))
    expected = oracle.sim_aou(z, i, f, random=noise.tolist())
    assert ours.layers("uniform") == pytest.approx(expected, abs=1e-6)

    ours = kendall(
        icl.context_scores["label"],
        training,
        ft.queries["label"],
        first=100,
        rng=np.random.default_rng(3),
    )
    noise = np.random.default_rng(3).spawn(2)[0].random((100, L, sum(DEMOS)))
    examples = [{"attn_q": q.tolist()} for q in training]
    expected = oracle.kendall(i, f, examples, random=noise.tolist())
    assert ours.layers("uniform") == pytest.approx(expected, abs=1e-6)


def test_presets_differ_in_these_options_and_no_others():
    book, dai = (dataclasses.asdict(preset) for preset in (BOOK, DAI_CODE))
    assert {name: (book[name], dai[name]) for name in book if book[name] != dai[name]} == {
        "name": ("book", "dai-code"),
        "strip": (True, False),
        "deduplicate": (True, False),
        "positions": (("last", "label"), ("label",)),
        "updates": (("normalised", "plain"), ("normalised",)),
        "random": (("isotropic", "uniform"), ("uniform",)),
        "kendall_items": (None, 100),
        "least_mended": (10, 1),
        "select": ("training", "evaluated"),
        "all_k": (False, True),
    }
    assert set(PRESETS) == {"book", "dai-code"}


def test_a_cell_is_plain_json_and_the_same_for_the_same_seed(cell):
    zsl, icl, ft, training = cell
    first, again = (
        measure(BOOK, zsl, icl, ft, training, rng=np.random.default_rng(4)) for _ in range(2)
    )
    assert json.loads(json.dumps(first, allow_nan=False)) == first == again
    assert list(first["positions"]) == ["last", "label"]
    for position in first["positions"].values():
        assert set(position["simaou"]["normalised"]["references"]) == {
            "chance",
            "uniform",
            "isotropic",
        }
        for score in (*position["simaou"].values(), *position["simam"].values()):
            low, high = score["interval"]
            assert low < score["mean"] < high
            assert len(score["layers"]) == L
    assert first["rec2ftp"]["interval"][0] < first["rec2ftp"]["value"]
    assert set(first["overlap"]) == {"icl-ft", "icl-zsl", "ft-zsl"}


def test_half_precision_observations_change_scores_by_their_rounding_only(cell):
    zsl, icl, ft, training = cell

    def half(setting):
        fields = {
            name: {at: array.astype(np.float16) for at, array in getattr(setting, name).items()}
            for name in ("hidden", "scores")
        }
        return SimpleNamespace(**{**vars(setting), **fields})

    exact = measure(BOOK, zsl, icl, ft, training, rng=np.random.default_rng(0))
    rounded = measure(BOOK, *map(half, (zsl, icl, ft)), training, rng=np.random.default_rng(0))
    for at in BOOK.positions:
        for metric in ("simaou", "simam"):
            for kind, score in exact["positions"][at][metric].items():
                other = rounded["positions"][at][metric][kind]
                assert other["layers"] == pytest.approx(score["layers"], abs=2e-3)


def test_what_was_not_observed_is_left_out(cell):
    zsl, icl, ft, _ = cell
    bare = [
        SimpleNamespace(
            gold=s.gold, predicted=s.predicted, hidden=s.hidden, scores={}, context_scores={},
            queries={}, lengths={}, top_ids=None, top_probs=None, prior=None,
        )
        for s in (zsl, icl, ft)
    ]  # fmt: skip
    found = measure(BOOK, *bare, rng=np.random.default_rng(0))
    assert not {"overlap", "calibrated"} & set(found)
    assert set(found["positions"]["label"]) == {"simaou"}


@pytest.mark.parametrize("names", [("zsl",), ("icl",), ("ft",), ("zsl", "icl"), ("icl", "ft")])
def test_fewer_settings_have_their_accuracy_and_no_comparison(cell, names):
    given = dict(zip(("zsl", "icl", "ft"), cell))
    found = measure(BOOK, **{n: given[n] for n in names}, rng=np.random.default_rng(0))
    assert set(found) == {"preset", "items", "accuracy", "calibrated"}
    assert set(found["accuracy"]) == set(found["calibrated"]) == set(names)
    assert all(not wanted(names)[name] for name in names)
    with pytest.raises(ValueError, match="there are no observations"):
        measure(BOOK, rng=np.random.default_rng(0))


def test_a_metric_of_your_own_changes_no_other(cell, monkeypatch):
    zsl, icl, ft, training = cell
    before = measure(BOOK, zsl, icl, ft, training, rng=np.random.default_rng(0))
    monkeypatch.setattr("iclbook.gpt.metrics.registry.METRICS", dict(METRICS))

    def share_alike(given, rng):
        icl, ft = (given.settings[s].predicted for s in ("icl", "ft"))
        return {"mean": float((icl == ft).mean()), "chance": float(rng.random())}

    alike = {setting: frozenset() for setting in ("icl", "ft")}
    register(Metric("alike", share_alike, alike))
    after = measure(BOOK, zsl, icl, ft, training, rng=np.random.default_rng(0))
    assert after.pop("alike")["mean"] == (icl.predicted == ft.predicted).mean()
    assert after == before
    with pytest.raises(ValueError, match="'alike' is registered already"):
        register(Metric("alike", share_alike))


def test_a_cell_observes_what_its_metrics_need():
    three = wanted(("zsl", "ft", "icl"))
    assert three["zsl"] == {"hidden", "scores", "top"}
    assert three["icl"] == three["zsl"] | {"context_scores"}
    assert three["ft"] == three["zsl"] | {"queries"}


def test_an_accuracy_of_all_or_none_has_an_exact_interval(cell):
    zsl, icl, _, _ = cell
    wrong = SimpleNamespace(**{**vars(zsl), "predicted": (zsl.gold + 1) % LABELS})
    right = SimpleNamespace(**{**vars(icl), "predicted": icl.gold})
    found = measure(BOOK, zsl=wrong, icl=right, rng=np.random.default_rng(0))["accuracy"]
    edge = 0.025 ** (1 / N_ITEMS)  # Clopper and Pearson: (1 - bound)^n = 2.5%
    assert found["zsl"]["interval"] == pytest.approx([0, 1 - edge])
    assert found["icl"]["interval"] == pytest.approx([edge, 1])


def test_rec2ftp_at_any_number_of_mended_items_with_the_authors_preset(cell):
    zsl, icl, ft, training = cell
    few = SimpleNamespace(**{**vars(ft), "predicted": zsl.predicted.copy()})
    mended = np.flatnonzero(zsl.predicted != zsl.gold)[:5]
    few.predicted[mended] = zsl.gold[mended]
    values = {
        preset.name: measure(preset, zsl, icl, few, training, rng=np.random.default_rng(0))
        for preset in (BOOK, DAI_CODE)
    }
    assert values["book"]["rec2ftp"]["value"] is None
    share = (icl.predicted == icl.gold)[mended].mean()
    assert values["dai-code"]["rec2ftp"]["value"] == pytest.approx(share)


def test_settings_must_have_the_same_items(cell):
    zsl, icl, ft, _ = cell
    other = SimpleNamespace(**{**vars(ft), "gold": ft.gold[::-1]})
    with pytest.raises(ValueError, match="ft has other gold labels"):
        measure(BOOK, zsl, icl, other, rng=np.random.default_rng(0))


def test_an_unknown_option_is_refused():
    with pytest.raises(ValueError, match="positions is 'first'"):
        Preset(positions=("first",))
