"""One line asks a model: the prompts of an experiment, and how many items it gets right."""

import dataclasses

import numpy as np
import pytest

from iclbook.gpt.model.load import load_model
from iclbook.gpt.reading.ask import prompts_for, share_right
from iclbook.gpt.reading.score import predict
from iclbook.gpt.study.setup import Setup


@pytest.fixture(scope="module")
def setup():
    return Setup(task="mini-sst5", k=6, seed=1, items=12)


@pytest.fixture(scope="module")
def model():
    return load_model("mini")


def test_prompts_are_those_of_an_experiment(setup, model):
    rows, demos, items = setup.rows()
    wanted = setup.prompts(model, rows, demos, items)
    found = prompts_for(model, rows.task, demos, items)
    for part in ("bos", "demos", "separator", "queries", "labels", "demo_gold"):
        assert getattr(found, part) == getattr(wanted, part)
    assert np.array_equal(found.gold, wanted.gold)
    assert prompts_for(setup.card(), rows.task, demos, items).demos == found.demos


def test_without_demonstrations_there_is_no_context(setup, model):
    rows, _, items = setup.rows()
    prompts = prompts_for(model, rows.task, [], items)
    assert prompts.context == prompts.zero_shot == prompts.bos


def test_label_words_of_several_tokens_are_asked_for(setup, model):
    rows, demos, items = setup.rows()
    task = dataclasses.replace(rows.task, labels=("very bad", *rows.task.labels[1:]))
    with pytest.raises(ValueError, match="very bad"):
        prompts_for(model, task, demos, items)
    assert len(prompts_for(model, task, demos, items, single=False).labels[0]) == 2


@pytest.mark.parametrize("context", [False, True])
def test_the_share_counts_the_answers_that_are_gold(setup, model, context):
    prompts = setup.prompts(model, *setup.rows())
    answers = predict(model, prompts, context).argmax(axis=1)
    for gold, share in ((answers, 1.0), ((answers + 1) % 5, 0.0)):
        marked = dataclasses.replace(prompts, gold=gold)
        assert share_right(model, marked, context) == share
    half = np.where(np.arange(12) < 6, answers, (answers + 1) % 5)
    assert share_right(model, dataclasses.replace(prompts, gold=half), context) == 0.5
