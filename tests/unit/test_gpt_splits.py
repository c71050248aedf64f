"""Heads split behind a shared context, against the split of single prompts."""

from dataclasses import replace

import numpy as np
import pytest
from test_gpt_score import make_prompts
from tiny_models import loaded

from iclbook.dual import softmax_split
from iclbook.gpt.reading.heads import read_heads
from iclbook.gpt.reading.outer import Frame, cosine, size
from iclbook.gpt.reading.splits import read_splits
from iclbook.gpt.tuning.finetune import Finetuning, finetune

PLAIN = ["gpt2", "gpt_neox", "llama", "opt"]


@pytest.mark.parametrize("family", PLAIN)
def test_many_questions_are_split_as_one_by_one(family):
    model, prompts = loaded(family), make_prompts(family, n=3)
    found = read_splits(model, prompts)
    first, c = len(prompts.bos), len(prompts.context)
    for i, query in enumerate(prompts.queries):
        heads = read_heads(model, prompts.context + query)
        own = [*range(first), *range(c, heads.q.shape[2])]
        np.testing.assert_allclose(found.answer[i], heads.out[:, :, -1], atol=2e-5)
        for layer, head in np.ndindex(found.share.shape[1:]):
            q, scale = heads.query(layer, head), heads.scales[layer]
            split = softmax_split(
                *heads.memory(layer, head, own),
                *heads.memory(layer, head, range(first, c)),
                q,
                scale,
            )
            scores = scale * heads.memory(layer, head, range(heads.q.shape[2]))[0] @ q
            place = i, layer, head
            np.testing.assert_allclose(found.q[place], q, atol=2e-5)
            np.testing.assert_allclose(found.share[place], split.lam, atol=2e-5)
            np.testing.assert_allclose(found.demonstrations[place], split.demonstrations, atol=5e-5)
            np.testing.assert_allclose(found.update[place], split.update, atol=5e-5)
            weights = np.exp(scores - scores.max())
            np.testing.assert_allclose(found.first[place], weights[0] / weights.sum(), atol=2e-5)


def test_a_frame_brings_contexts_and_questions_together():
    """Queries that stand behind a context meet its matrix as they meet its keys."""
    model, prompts = loaded("llama"), make_prompts("llama", n=2)
    shorter = replace(prompts, demos=prompts.demos[:1], demo_gold=prompts.demo_gold[:1])
    frame = Frame(model, [prompts, shorter])
    short = frame.context(shorter)
    whole = read_heads(
        model,
        shorter.context + prompts.queries[0],
        start=len(prompts.context) - len(shorter.context),
    )
    own = range(len(prompts.bos), len(shorter.context))
    groups = model.net.config.num_key_value_heads
    apart = whole.q.shape[1] // groups
    assert frame.written(short).shape[1] == groups
    np.testing.assert_allclose(frame.written(short), whole.update(own)[:, ::apart], atol=1e-4)


def test_means_and_the_rest_make_the_whole():
    model, prompts = loaded("gpt2"), make_prompts("gpt2", n=1)
    frame = Frame(model, [prompts])
    heads = frame.context(prompts)
    first = len(prompts.bos)
    k, v = (x[:, :, first:].astype(float) for x in (heads.k, heads.v))
    k, v = (x - x.mean(2, keepdims=True) for x in (k, v))
    rest = np.einsum("lhnv,lhnk->lhvk", v, k)
    np.testing.assert_allclose(frame.written(heads) - frame.means(heads), rest, atol=1e-4)


def test_without_training_nothing_changes_and_with_it_something_does():
    model, prompts = loaded("llama"), make_prompts("llama", n=2)
    frame = Frame(model, [prompts])
    before = [frame.question(query) for query in prompts.queries]
    assert size(frame.changes(prompts.queries, before)).max() < 1e-5
    with finetune(model, prompts, Finetuning(lr=0.05)):
        changes = frame.changes(prompts.queries, before)
    assert changes.shape[0] == 2
    assert size(changes).min() > 1e-4
    np.testing.assert_allclose(cosine(changes, -3 * changes), -1)


class TestBadInput:
    def test_heads_with_a_window(self):
        with pytest.raises(ValueError, match=r"windows, a softcap or ALiBi"):
            read_splits(loaded("mistral"), make_prompts("mistral", n=1))

    def test_no_demonstrations(self):
        prompts = replace(make_prompts("llama", n=1), demos=(), demo_gold=())
        with pytest.raises(ValueError, match=r"no demonstrations"):
            read_splits(loaded("llama"), prompts)
