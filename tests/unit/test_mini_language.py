"""The small language, its tokenizer and its rows."""

import numpy as np
import pytest

from iclbook import mini
from iclbook.gpt.text.tasks import MINI, get
from iclbook.mini import language, tokenizer
from iclbook.mini.corpus import ATTRIBUTE, label_words, token_ids, vocabulary
from iclbook.mini.data import _rows

TASKS = mini.tasks()


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The tokenizer, written and read as any model's."""
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    tokenizer.word_tokenizer(vocabulary()).save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


def test_saved_tokenizer_has_the_ids_of_the_corpus(saved):
    assert saved.get_vocab() == token_ids()


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_prompts_come_back_as_text_and_labels_are_one_token(saved, task):
    for row in mini.data(task.name)[1][:50]:
        prompt = task.prompt(row)
        ids = saved(prompt).input_ids
        assert saved.decode(ids) == "<s>" + prompt
        assert saved.unk_token_id not in ids
        for label in range(len(task.labels)):
            longer = saved(prompt + task.answer(label)).input_ids
            assert longer[:-1] == ids
            assert saved.decode(longer[-1:]) == task.answer(label)


@pytest.mark.parametrize("name", ["cb", "sst2", "sst5", "subj", "mr", "agnews"])
def test_the_wording_of_the_paper_is_in_the_vocabulary_too(saved, name):
    task, row = get(name, "paper"), mini.data(f"mini-{name}")[0][0]
    assert saved.unk_token_id not in saved(task.prompt(row)).input_ids


def test_every_label_word_is_one_token_and_no_word_of_the_sentences():
    assert not set(label_words()) & set(language.vocabulary())
    assert all(f" {word}" in token_ids() for word in label_words())


@pytest.mark.parametrize("name", MINI)
def test_rows_are_the_same_each_time_disjoint_and_even(name):
    train, evaluation = mini.data(name)
    assert _rows.__wrapped__(name) == tuple(train + evaluation)
    columns = get(name).columns
    texts = [tuple(row[c] for c in columns) for row in train + evaluation]
    assert len(set(texts)) == len(texts)
    assert len(train) >= 500
    assert len(evaluation) >= 400
    counts = np.bincount([row["label"] for row in train + evaluation])
    assert counts.max() - counts.min() <= len(counts)


def test_changing_a_row_changes_no_later_row():
    mini.data("mini-mr")[0][0]["text"] = "changed"
    assert mini.data("mini-mr")[0][0]["text"] != "changed"


@pytest.mark.parametrize("name", sorted(language.ATTRIBUTES))
def test_words_show_the_value_as_often_as_the_noise_says(name):
    task = next(get(t) for t in MINI if ATTRIBUTE[t] == name)
    kind, ids = language.attribute_named(name), token_ids()
    writer = language.Writer(name, task.template, task.columns, ids)
    values = np.random.default_rng(0).integers(kind.n_values, size=6000)
    written = writer.write(values, np.random.default_rng(1))
    shown = np.full(len(ids), -1)
    for texts in kind.words.values():
        for value, text in enumerate(texts):
            shown[[ids[f" {word}"] for word in text.split()]] = value
    seen = np.where(written >= 0, shown[written], -1)
    right = (seen == values[:, None])[seen >= 0].mean()
    assert right == pytest.approx(1 - kind.noise, abs=0.01)


def test_the_hypothesis_is_the_clause_of_the_premise():
    for row in mini.data("mini-cb")[0]:
        assert row["premise"].endswith(row["hypothesis"])


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="task is 'sst2'; expected one of 'mini-cb'"):
        mini.data("sst2")
    with pytest.raises(ValueError, match="attribute is 'colour'"):
        language.attribute_named("colour")
