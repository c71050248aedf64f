"""The corpus, the training and the bundled model."""

import dataclasses

import numpy as np
import pytest

from iclbook import mini, records
from iclbook.__main__ import main
from iclbook.gpt.model.load import load_model
from iclbook.gpt.text.tasks import MINI
from iclbook.mini.corpus import FORMS, FREQUENT, SORTS, Corpus, Mixture, token_ids
from iclbook.mini.measure import SETTINGS, accuracy
from iclbook.mini.pretrain import Pretraining, pretrain

TINY = Pretraining(
    steps=4, every=2, width=16, layers=1, heads=2, short_rows=2, short=64, long=64, threads=1
)


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def corpus():
    return Corpus(Mixture(), 0)


def test_documents_have_the_shares_of_the_mixture(corpus):
    mixture, n = corpus.mixture, 3000
    plan = corpus.documents(n, 64, False, np.random.default_rng(0))[1]
    wanted = [mixture.story, mixture.usual, mixture.swapped]
    wanted.append(1 - sum(wanted))
    for sort, share in zip(SORTS, wanted, strict=True):
        assert sum(p[0] == sort for p in plan) / n == pytest.approx(share, abs=0.03)
    arbitrary = [which for sort, which in plan if sort == "arbitrary"]
    shares = (mixture.lists, mixture.bare)
    for form, share in zip(FORMS[:-1], shares, strict=True):
        found = np.mean([which.startswith(form) for which in arbitrary])
        assert found == pytest.approx(share, abs=0.04)


def test_a_batch_depends_on_seed_and_number_alone(corpus):
    first = corpus.batch(3)
    corpus.batch(4)
    for a, b in zip(first, Corpus(Mixture(), 0).batch(3), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0], Corpus(Mixture(), 1).batch(3)[0])
    assert sum(rows.size for rows in first) == corpus.mixture.tokens


def test_rows_are_readable_text(corpus):
    words = {i: token for token, i in token_ids().items()}
    for row in corpus.documents(20, 256, False, np.random.default_rng(0))[0]:
        text = "".join(words[i] for i in row.tolist())
        assert text.startswith("<s>")
        assert not {"<s>", "<unk>", "<pad>"} & {words[i] for i in row[1:].tolist()}


@pytest.mark.parametrize("task", MINI)
def test_sheets_show_the_label_word_of_each_class(corpus, task):
    random = np.random.default_rng(0)
    for arbitrary in (False, True):
        rows, spots, words, values = corpus.sheets(task, 5, 12, arbitrary, random)
        there = np.take_along_axis(rows, spots, axis=1)
        np.testing.assert_array_equal(there, np.take_along_axis(words, values, axis=1))
        assert (np.take_along_axis(rows, spots + 1, axis=1) == token_ids()["\n"]).all()
        assert arbitrary == (len(np.unique(words, axis=0)) > 1)
        counts = np.bincount(values.ravel())
        assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("task", MINI)
def test_the_window_holds_32_demonstrations_and_a_query(corpus, task):
    rows, *_ = corpus.sheets(task, 40, 33, False, np.random.default_rng(0))
    assert rows.shape[1] <= corpus.mixture.long


def test_usual_sheets_prefer_the_frequent_word_and_repeat_examples():
    corpus = Corpus(Mixture(story=0.0, usual=1.0, swapped=0.0), 0)
    rows, plan = corpus.documents(300, 256, False, np.random.default_rng(0))
    ids, newline = token_ids(), token_ids()["\n"]
    task = next(t for t in mini.tasks() if t.name == "mini-mr")
    own = [ids[f" {word}"] for word in task.labels]
    counts, repeated, examples = np.zeros(2), 0, 0
    for row, (_, which) in zip(rows, plan, strict=True):
        if which != task.name:
            continue
        ends = np.flatnonzero(row == newline)
        counts += [(row[ends - 1] == label).sum() for label in own]
        lines = [tuple(line) for line in np.split(row, ends + 1)[1:-1]]
        repeated += len(lines) - len(set(lines))
        examples += len(lines)
    share = counts[FREQUENT[task.name]] / counts.sum()
    assert share == pytest.approx(0.75, abs=0.08)
    assert repeated / examples == pytest.approx(Mixture().repeats, abs=0.08)


def test_bad_mixtures_are_refused():
    with pytest.raises(ValueError, match="sum to 1 at most"):
        Mixture(story=0.5, usual=0.4, swapped=0.3)
    with pytest.raises(ValueError, match=r"lists and bare are 0\.7 and 0\.4"):
        Mixture(lists=0.7, bare=0.4)
    with pytest.raises(ValueError, match="repeats is 1"):
        Mixture(repeats=1.0)


def test_a_stopped_training_goes_on_to_the_same_models(tmp_path, monkeypatch):
    whole = pretrain(TINY, tmp_path / "whole")
    batch = Corpus.batch

    def stops(corpus, step):
        if step == 3:
            raise KeyboardInterrupt
        return batch(corpus, step)

    with monkeypatch.context() as patch:
        patch.setattr(Corpus, "batch", stops)
        with pytest.raises(KeyboardInterrupt):
            pretrain(TINY, tmp_path / "parts")
    parts = pretrain(TINY, tmp_path / "parts")
    for name in ("step", "loss", *SETTINGS):
        assert parts[name] == whole[name]
    kept = ("mini/step-0", "mini/step-2", "mini/step-4", "model")
    models = [weights(tmp_path / "whole" / name) for name in kept]
    assert models == [weights(tmp_path / "parts" / name) for name in kept]
    assert models[0] != models[2] == models[3]


def test_the_state_of_other_settings_is_refused(tmp_path):
    pretrain(TINY, tmp_path)
    with pytest.raises(ValueError, match=r"state\.pt is the state .* story was 0\.1 and is 0\.2"):
        pretrain(dataclasses.replace(TINY, story=0.2), tmp_path)


def test_the_command_keeps_models_and_writes_the_record(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ICLBOOK_CHECKPOINTS", "unused")  # the command's folder counts
    changed = [f"--{name.replace('_', '-')}={value}" for name, value in vars(TINY).items()]
    assert main(["pretrain", "--out", str(tmp_path), "--name", "small", *changed]) == 0
    assert "zero_shot [0." in capsys.readouterr().out
    record = records.load("mini-pretraining", "small", tmp_path)
    assert Pretraining(**record.config) == TINY
    assert record["step"] == [0, 2, 4]
    stored = records.load("mini-pretraining", "cpu").results
    assert record.results.deterministic.keys() == stored.deterministic.keys()
    assert record.results.measured.keys() == stored.measured.keys()
    for name in ("mini/step-2", "model"):
        model = load_model(str(tmp_path / name))
        assert model.window == 64
        assert model.tokenizer.get_vocab() == token_ids()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (dict(every=3), "every is 3; expected a divisor of 4 steps"),
        (dict(width=18), "width is 18; expected a multiple of 2 \\* 2 heads"),
        (dict(precision="float16"), "precision is 'float16'"),
        (dict(lr=0.0), "lr is 0"),
    ],
)
def test_bad_settings_are_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        Pretraining(**{**vars(TINY), **changed})


def test_bundled_model_loads_and_reaches_its_record():
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = mini.checkpoint()
    assert (folder / "model.safetensors").stat().st_size <= 4_000_000
    net = AutoModelForCausalLM.from_pretrained(folder).eval()
    assert 500_000 <= sum(p.numel() for p in net.parameters()) <= 1_000_000
    assert AutoTokenizer.from_pretrained(folder).get_vocab() == token_ids()
    record = records.load("mini-pretraining", "cpu")
    how = Pretraining(**record.config)
    assert dataclasses.replace(Pretraining(), threads=how.threads) == how
    found = accuracy(net, Corpus(how, how.seed), sheets=4)
    at = record["step"].index(mini.STEP)
    for setting in SETTINGS:
        np.testing.assert_allclose(found[setting], record[setting][at], atol=0.2)


def test_steps_that_are_not_bundled_are_refused():
    with pytest.raises(ValueError, match="no bundled model of step 1"):
        mini.checkpoint(1)
