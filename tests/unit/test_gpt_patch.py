"""The exact patch: against the plain model, for every family, as real weights, by its formula."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_gpt_score import make_prompts
from tiny_models import FAMILIES, loaded

from iclbook.gpt.model.blocks import blocks_of
from iclbook.gpt.reading.patch import read_patched, read_patches

OTHER = {
    "gpt_neox": "adds attention and MLP side by side",
    "opt": "has no module for its MLP",
    "xglm": "has no module for its MLP",
    "olmo2": "norms what the MLP gives",
    "cohere": "adds attention and MLP side by side",
    "phi": "adds attention and MLP side by side",
    "gptj": "adds attention and MLP side by side",
    "falcon": "adds attention and MLP side by side",
    "falcon groups": "adds attention and MLP side by side",
    "mpt": "has other names",
}
"""Tiny models whose blocks are of another kind, and why."""

SERIAL = sorted(set(FAMILIES) - set(OTHER))


def after_blocks(model, context, query):
    """What each block of the plain model puts out at the query's tokens, and its last logits."""
    ids, found = torch.tensor([list(context + query)]), []
    hooks = [
        block.whole.register_forward_hook(
            lambda module, args, out: found.append(out[0] if isinstance(out, tuple) else out)
        )
        for block in blocks_of(model.net)
    ]
    try:
        with torch.no_grad():
            logits = model.net(ids).logits[0, -1]
    finally:
        for hook in hooks:
            hook.remove()
    return torch.stack([x[0, len(context) :] for x in found], 1), logits


@pytest.mark.parametrize("family", SERIAL)
def test_every_token_patched_gives_every_layer_in_context(family):
    model, prompts = loaded(family), make_prompts(family, n=3)
    patches = read_patches(model, prompts, range(3), tokens="all")
    own = np.eye(len(patches.before))
    found = read_patched(model, prompts, range(3), patches, own, tokens="all")
    start = 0
    for i, query in enumerate(prompts.queries):
        inside, answer = after_blocks(model, prompts.context, query)
        outside, _ = after_blocks(model, prompts.zero_shot, query)
        places = slice(start, start := start + len(query))
        np.testing.assert_allclose(found.after[places], inside, atol=2e-3)
        np.testing.assert_allclose(found.logits[i], answer, atol=2e-3)
        assert abs(inside - outside).max() > 1e-2


@pytest.mark.parametrize("family", SERIAL)
def test_the_last_token_patched_gives_the_answer_in_context(family):
    model, prompts = loaded(family), make_prompts(family, n=3)
    patches = read_patches(model, prompts, range(3))
    for i, query in enumerate(prompts.queries):
        inside, answer = after_blocks(model, prompts.context, query)
        np.testing.assert_allclose(patches.after[i], inside[-1], atol=2e-3)
        np.testing.assert_allclose(patches.logits[i], answer, atol=2e-3)
        alone = after_blocks(model, prompts.zero_shot, query)[1]
        none = read_patched(model, prompts, [i], patches, np.zeros((1, 3)))
        np.testing.assert_allclose(none.logits[0], alone, atol=2e-3)
    own = read_patched(model, prompts, range(3), patches, np.eye(3)).logits
    np.testing.assert_allclose(own, patches.logits, atol=2e-3)
    other = read_patched(model, prompts, range(3), patches, np.roll(np.eye(3), 1, axis=1)).logits
    assert abs(other - patches.logits).max() > 1e-2


@pytest.mark.parametrize("family", OTHER)
def test_blocks_of_another_kind_are_refused(family):
    with pytest.raises(ValueError, match=r"form r \+ MLP\(norm\(r\)\)"):
        read_patches(loaded(family), make_prompts(family, n=1), [0])


def test_blocks_that_only_look_right_are_refused(monkeypatch):
    """A family that hides its parallel form is found out by its answers."""
    model = loaded("gpt_neox")
    monkeypatch.setattr(model.net.config, "use_parallel_residual", False)
    with pytest.raises(ValueError, match=r"patched, its log-probabilities differ by"):
        read_patches(model, make_prompts("gpt_neox", n=1), [0])


def changed_weights(model, patches, item, layer):
    """The first matrices of a layer, patched for one item; what undoes it."""
    matrices = [module.weight for module in blocks_of(model.net)[layer].first]
    kept = [W.detach().clone() for W in matrices]
    z_0, dz = patches.before[item, layer], patches.change[item, layer]
    with torch.no_grad():
        for W in matrices:
            W += torch.outer(W @ dz, z_0) / (z_0 @ z_0)
    return lambda: [W.data.copy_(before) for W, before in zip(matrices, kept, strict=True)]


def test_a_patch_is_a_change_of_weights_and_of_a_bias():
    """The first layer's patch written into its weights, the rest of the model as it was."""
    model, prompts = loaded("llama"), make_prompts("llama", n=1)
    patches = read_patches(model, prompts, [0])
    inside, _ = after_blocks(model, prompts.context, prompts.queries[0])
    alone, _ = after_blocks(model, prompts.zero_shot, prompts.queries[0])
    undo = changed_weights(model, patches, 0, layer=0)
    try:
        patched, _ = after_blocks(model, prompts.zero_shot, prompts.queries[0])
    finally:
        undo()
    np.testing.assert_allclose(patched[-1, 0] + patches.bias[0, 0], inside[-1, 0], atol=1e-4)
    assert abs(alone[-1, 0] + patches.bias[0, 0] - inside[-1, 0]).max() > 1e-3


def test_one_patch_on_all_tokens_is_a_change_of_weights():
    """Of the first layer alone: every token of another question meets the changed matrices."""
    model, prompts = loaded("granite"), make_prompts("granite", n=2)  # nothing before a question
    patches = read_patches(model, prompts, [0])
    first = replace(patches, change=patches.change.clone())
    first.change[:, 1:] = 0
    weights = np.ones((len(prompts.queries[1]), 1))
    found = read_patched(model, prompts, [1], first, weights, tokens="all", bias=False)
    undo = changed_weights(model, patches, 0, layer=0)
    try:
        after, answer = after_blocks(model, prompts.zero_shot, prompts.queries[1])
    finally:
        undo()
    np.testing.assert_allclose(found.after, after, atol=1e-4)
    np.testing.assert_allclose(found.logits[0], answer, atol=1e-4)


def test_halves_of_the_patch_are_less_than_the_whole():
    model, prompts = loaded("llama"), make_prompts("llama", n=2)
    patches = read_patches(model, prompts, [0, 1])
    gaps = []
    for parts in (dict(), dict(bias=False), dict(matrices=False)):
        found = read_patched(model, prompts, [0, 1], patches, np.eye(2), **parts)
        gaps.append(abs(found.logits - patches.logits).max())
    assert gaps[0] < 1e-3 < min(gaps[1:])


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(1, 9), width=st.integers(1, 9), m=st.integers(1, 5), seed=st.integers(0, 999)
)
def test_the_formula_for_any_matrix_and_any_inputs(rows, width, m, seed):
    """(W + W M) z_0 = W z_C for one patch; for several W M is the mean of the patches."""
    rng = np.random.default_rng(seed)
    W, z_0, z_C = (rng.normal(size=shape) for shape in ((rows, width), (m, width), (m, width)))
    model, prompts = loaded("llama"), make_prompts("llama", n=1)
    patches = replace(
        read_patches(model, prompts, [0]),
        before=torch.tensor(z_0[:, None]),
        change=torch.tensor((z_C - z_0)[:, None]),
    )
    each = [np.outer(W @ (c - b), b) / (b @ b) for b, c in zip(z_0, z_C, strict=True)]
    np.testing.assert_allclose((W + each[0]) @ z_0[0], W @ z_C[0], atol=1e-9)
    assert np.linalg.matrix_rank(each[0]) <= 1
    np.testing.assert_allclose(W @ patches.carried(0).numpy(), np.mean(each, 0), atol=1e-9)
    weights = rng.normal(size=m)
    mixed = W @ patches.carried(0, weights).numpy()
    np.testing.assert_allclose(mixed, np.tensordot(weights, each, 1), atol=1e-9)


class TestBadInput:
    def test_weights_for_other_questions(self):
        model, prompts = loaded("llama"), make_prompts("llama", n=2)
        patches = read_patches(model, prompts, [0, 1])
        with pytest.raises(ValueError, match=r"\(2, 1\); expected \(2, 2\)"):
            read_patched(model, prompts, [0, 1], patches, np.ones((2, 1)))
        with pytest.raises(ValueError, match=r"one row a place \(tokens is 'all'\)"):
            read_patched(model, prompts, [0, 1], patches, np.eye(2), tokens="all")

    def test_tokens_that_are_no_choice(self):
        with pytest.raises(ValueError, match=r"tokens is 'first'; expected"):
            read_patches(loaded("llama"), make_prompts("llama", n=1), [0], tokens="first")
