"""Heads split behind a shared context, against the split of single prompts; the exact patch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_gpt_score import make_prompts
from tiny_models import loaded

from iclbook.dual import softmax_split
from iclbook.gpt.reading.heads import read_heads
from iclbook.gpt.reading.outer import Frame, cosine, size
from iclbook.gpt.reading.patch import read_patched, read_patches
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


@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_the_own_patch_gives_the_answer_in_context(family):
    model, prompts = loaded(family), make_prompts(family, n=3)
    patches = read_patches(model, prompts, range(3))
    with torch.no_grad():
        for i, query in enumerate(prompts.queries):
            whole = model.net(torch.tensor([list(prompts.context + query)])).logits[0, -1]
            np.testing.assert_allclose(patches.logits[i], whole, atol=1e-4)
            alone = model.net(torch.tensor([list(prompts.zero_shot + query)])).logits[0, -1]
            none = read_patched(model, prompts, [i], patches, np.zeros((1, 3)))
            np.testing.assert_allclose(none[0], alone, atol=1e-4)
            assert abs(alone - whole).max() > 1e-2
    own = read_patched(model, prompts, range(3), patches, np.eye(3))
    np.testing.assert_allclose(own, patches.logits, atol=1e-4)
    other = read_patched(model, prompts, range(3), patches, np.roll(np.eye(3), 1, axis=1))
    assert abs(other - patches.logits.numpy()).max() > 1e-3


def test_a_patch_is_a_change_of_weights_and_of_a_bias():
    """The first layer's patch written into its weights, the rest of the model as it was."""
    model, prompts = loaded("llama"), make_prompts("llama", n=1)
    patches = read_patches(model, prompts, [0])
    block = model.net.model.layers[0]
    z_0, dz, shift = (x[0, 0] for x in (patches.before, patches.change, patches.bias))
    matrices = [block.mlp.gate_proj.weight, block.mlp.up_proj.weight]
    kept = [W.detach().clone() for W in matrices]

    def last_bias(module, args, output):
        output = output.clone()
        output[0, -1] += shift
        return output

    whole, ids = (
        torch.tensor([list(text + prompts.queries[0])])
        for text in (prompts.context, prompts.zero_shot)
    )

    def after_first_layer(ids):
        return model.net(ids, output_hidden_states=True).hidden_states[1][0, -1]

    with torch.no_grad():
        in_context, alone = after_first_layer(whole), after_first_layer(ids)
    hook = block.mlp.down_proj.register_forward_hook(last_bias)
    try:
        with torch.no_grad():
            for W in matrices:
                W += torch.outer(W @ dz, z_0) / (z_0 @ z_0)
            patched = after_first_layer(ids)
    finally:
        hook.remove()
        with torch.no_grad():
            for W, before in zip(matrices, kept, strict=True):
                W.copy_(before)
    np.testing.assert_allclose(patched, in_context, atol=1e-4)
    assert abs(alone - in_context).max() > 1e-4


class TestBadInput:
    def test_heads_with_a_window(self):
        with pytest.raises(ValueError, match=r"windows, a softcap or ALiBi"):
            read_splits(loaded("mistral"), make_prompts("mistral", n=1))

    def test_no_demonstrations(self):
        prompts = replace(make_prompts("llama", n=1), demos=(), demo_gold=())
        with pytest.raises(ValueError, match=r"no demonstrations"):
            read_splits(loaded("llama"), prompts)

    @pytest.mark.parametrize("family", ["gpt2", "gemma2"])
    def test_blocks_of_another_form(self, family):
        with pytest.raises(ValueError, match=r"not of the form"):
            read_patches(loaded(family), make_prompts(family, n=1), [0])

    def test_weights_for_other_questions(self):
        model, prompts = loaded("llama"), make_prompts("llama", n=2)
        patches = read_patches(model, prompts, [0, 1])
        with pytest.raises(ValueError, match=r"\(2, 1\); expected \(2, 2\)"):
            read_patched(model, prompts, [0, 1], patches, np.ones((2, 1)))
