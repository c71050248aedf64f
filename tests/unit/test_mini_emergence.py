"""The little language, sheets for layers of Part II, and the experiment, on a small scale."""

import numpy as np
import pytest
import torch

from iclbook import states
from iclbook.gpt.doubts.sparsity import below, projections
from iclbook.gpt.model.load import load_model
from iclbook.mini import model
from iclbook.mini.corpus import label_words, token_ids
from iclbook.mini.emergence import Emergence, prompted
from iclbook.mini.joined import NEW, SheetLaw, accuracy, bags, sheets
from iclbook.mini.little import KINDS, Little, answers, unheard
from iclbook.mini.training import Schedule, mean_loss, train
from iclbook.regression.attention import SelfAttention

LANGUAGE = Little(words=2, labels=4, examples=5)
SMALL = dict(
    words=2, labels=4, examples=5, steps=4, every=2, rows=4, width=16, contexts=2, rates=(0.1,)
)


@pytest.fixture
def random():
    return np.random.default_rng(0)


def net(language=LANGUAGE):
    how = Emergence(**SMALL)
    return model.untrained(
        how,
        vocab_size=3 + len(language.vocabulary()),
        intermediate_size=32,
        max_position_embeddings=language.length,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_sheet_gives_each_value_one_label_word(kind, random):
    ids = LANGUAGE.ids()
    rows, labels, values = LANGUAGE.sheets(200, kind, random)
    assert rows.shape == (200, LANGUAGE.length)
    shown = rows[:, LANGUAGE.places() - 2]
    np.testing.assert_array_equal(np.isin(shown, ids["good"]), values == 1)
    there = rows[:, LANGUAGE.places()]
    np.testing.assert_array_equal(there, np.take_along_axis(labels, values, axis=1))
    assert (labels[:, 0] != labels[:, 1]).all()
    assert set(labels.ravel()) == set(ids[kind])


def test_no_word_has_two_parts():
    words = [word for part in LANGUAGE.parts.values() for word in part]
    assert len(set(words)) == len(words)


def test_the_share_of_sheets_and_what_stories_hold(random):
    ids = LANGUAGE.ids()
    rows = LANGUAGE.batch(2000, 0.3, random)
    labelled = (rows == ids["cue"]).any(axis=1)
    assert labelled.mean() == pytest.approx(0.3, abs=0.04)
    told = rows[~labelled, 1:]
    assert set(told.ravel()) == {*ids["bad"], *ids["good"], *ids["new"]}
    assert not (
        np.isin(told, ids["bad"]).any(axis=1) & np.isin(told, ids["good"]).any(axis=1)
    ).any()


def test_labels_are_found(random):
    rows = LANGUAGE.sheets(5, "known", random)[0]
    found = np.zeros(rows.shape, dtype=bool)
    found[:, LANGUAGE.places()] = True
    np.testing.assert_array_equal(LANGUAGE.is_label(rows), found)
    assert not LANGUAGE.is_label(LANGUAGE.batch(20, 0.0, random)).any()


def test_a_fresh_word_is_new_itself_but_not_its_value():
    words, values = np.array([[4, 5, 4, 6, 7]]), np.array([[0, 0, 0, 1, 1]])
    assert unheard(words, values).tolist() == [[False, True, False, False, True]]


def test_an_untrained_model_answers_at_chance():
    found = answers(net(), LANGUAGE)
    assert set(found) == {f"{how}{kind}" for kind in KINDS for how in ("", "said_", "fresh_")}
    for kind in KINDS:
        assert np.mean(found[kind]) == pytest.approx(0.5, abs=0.05)


def test_the_loss_of_labels_alone_is_that_of_their_tokens(random):
    rows, some = LANGUAGE.batch(6, 1.0, random), net()
    with torch.inference_mode():
        logits = some(input_ids=torch.from_numpy(rows)).logits.log_softmax(-1).numpy()
    places = LANGUAGE.places()
    each = [-logits[i, p - 1, rows[i, p]] for i in range(6) for p in places]
    loss = mean_loss(some, [rows], "float32", LANGUAGE.is_label)
    assert loss == pytest.approx(np.mean(each), rel=1e-5)
    assert loss != pytest.approx(mean_loss(some, [rows], "float32"), rel=1e-3)


@pytest.mark.parametrize("optimiser", ["muon", "adam"])
def test_training_on_labels_alone_lowers_their_loss(optimiser, random, tmp_path):
    rows, some = LANGUAGE.batch(16, 1.0, random), net()
    how = Schedule(
        steps=20, every=20, lr=0.01, warmup=1, fall=0.0, decay=0.0, precision="float32", threads=1,
        optimiser=optimiser,
    )  # fmt: skip
    before = mean_loss(some, [rows], "float32", LANGUAGE.is_label)
    train(some, how, {}, lambda _: [rows], lambda _: {}, tmp_path / "state.pt", LANGUAGE.is_label)
    assert mean_loss(some, [rows], "float32", LANGUAGE.is_label) < before - 0.5


def test_prompts_are_the_sheets(random):
    [one] = prompted(LANGUAGE, 1, random)
    assert one.k_used == LANGUAGE.examples - 1
    assert len(one.context) == LANGUAGE.length - 4
    assert len(one.queries) == len(one.gold) == 4
    for demo, label in zip(one.demos, one.demo_gold, strict=True):
        assert demo[2] == one.labels[label][0]


def test_the_experiment_on_a_small_scale():
    found = Emergence(**SMALL).run()
    value = {name: result["value"] for name, result in found.measured.items()}
    assert value["step"] == [0, 2, 4]
    assert np.shape(value["known"]) == (3, 5)
    assert len(value["compared"]["ft"]) == 1
    assert set(value["entries"]) == set("qkv")


def test_every_choice_of_settings_keeps_a_state_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv(states.CHECKPOINTS, str(tmp_path))
    for changed in ({}, {"sheets": 0.5}, {"steps": 2}):
        Emergence(**(SMALL | changed)).run()
    assert len([*tmp_path.rglob("*.pt")]) == 3
    with states.watched() as resumed:
        Emergence(**SMALL).run()
    assert [path.name.startswith("all-1-seed-0-") for path in resumed] == [True]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(sheets=1.5), "sheets is 1.5; expected a share"),
        (dict(sheets=0.5, loss="labels"), "stories have no labels"),
        (dict(labels=1000), "labels is 1000; expected 2 to"),
        (dict(words=0), "words"),
        (dict(rates=()), r"rates is \(\); expected one learning rate"),
        (dict(every=3), "every is 3"),
    ],
)
def test_settings_that_make_no_sense(changed, message):
    with pytest.raises(ValueError, match=message):
        Emergence(**(SMALL | changed))


def test_shares_of_small_entries():
    matrix = np.array([[0.0, -0.5], [1.0, 2.0]])
    np.testing.assert_allclose(below(matrix, [0.0, 0.5, 1.5, 2.0]), [0.25, 0.5, 0.75, 1.0])
    rms = np.sqrt((matrix**2).mean())
    np.testing.assert_allclose(below(10 * matrix, [0.6 / rms], relative=True), below(matrix, [0.6]))


def test_projections_have_the_shapes_of_the_bundled_model():
    bundled = load_model("mini")
    found = projections(bundled)
    layers, width = bundled.net.config.num_hidden_layers, bundled.net.config.hidden_size
    assert all(len(of) == layers for of in found.values())
    fused = bundled.net.gpt_neox.layers[0].attention.query_key_value.weight.detach().numpy()
    assert sum(found[part][0].size for part in "qkv") == fused.size
    total = sum((found[part][0] ** 2).sum() for part in "qkv")
    assert total == pytest.approx((fused.astype(float) ** 2).sum(), rel=1e-5)
    assert found["q"][0].size == width * width


def test_bags_count_the_words_of_each_sentence(random):
    rows, spots, words, values = sheets("topic", "new", 3, 4, random)
    counted = bags(rows, spots, len(token_ids()))
    for sheet in range(3):
        begins = [1, *(spots[sheet, :-1] + 2)]
        for example, (begin, end) in enumerate(zip(begins, spots[sheet], strict=True)):
            bag = np.bincount(rows[sheet, begin:end], minlength=len(token_ids()))
            np.testing.assert_allclose(counted[sheet, example], bag / np.linalg.norm(bag))
    there = np.take_along_axis(rows, spots, axis=1)
    np.testing.assert_array_equal(there, np.take_along_axis(words, values, axis=1))


def test_new_label_words_are_no_label_words():
    assert not set(NEW) & set(label_words())
    assert set(token_ids()) >= {f" {word}" for word in NEW}


def test_only_a_model_that_answers_is_right():
    law = SheetLaw(attribute="sentiment", N=6)
    tasks, candidates, which = law.answered(50, torch.Generator().manual_seed(0))
    assert tasks.X.shape == (50, 6, law.d)
    assert all(
        torch.allclose(words[right], y)
        for words, right, y in zip(candidates, which, tasks.y_q, strict=True)
    )
    assert accuracy(lambda tasks: tasks.y_q, law, n=100) == 1.0
    assert accuracy(lambda tasks: -tasks.y_q, law, n=100) == 0.0
    layer = SelfAttention(law.d + law.d_out, generator=torch.Generator().manual_seed(0))
    assert accuracy(layer, law, n=400) == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("name", ["attribute", "labels", "N"])
def test_laws_that_make_no_sense(name):
    with pytest.raises(ValueError, match=name):
        SheetLaw(**{name: 0 if name == "N" else "colour"})
