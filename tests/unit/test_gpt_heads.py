"""What every head works with, against the model's own attention, of every family."""

import numpy as np
import pytest
import torch
from scipy.special import softmax
from test_gpt_score import make_prompts
from tiny_models import FAMILIES, GROUPS, LOCAL, WINDOW, WINDOWS, eager, loaded

from iclbook.dual import softmax_attention, softmax_split
from iclbook.gpt.model.families import FAMILIES as ENTRIES
from iclbook.gpt.reading.heads import read_heads
from iclbook.gpt.tuning.finetune import Finetuning, finetune

TURNED = [f for f in FAMILIES if ENTRIES[f.split()[0]].rotary and f != "falcon heads"]
PLAIN = [f for f in FAMILIES if f not in ("gemma2", "bloom", "mpt", "falcon heads")]
"""Scores are q·k alone: no softcap, no ALiBi."""


@pytest.fixture(scope="module")
def prompt():
    """A context longer than the window of windowed layers, and a query."""

    def make(family):
        prompts = make_prompts(family, n=2)
        return prompts, len(prompts.context), prompts.context + prompts.queries[0]

    return make


@torch.no_grad()
def own_outputs(net, family, tokens) -> list[np.ndarray]:
    """What goes into each block's last linear map when the model runs by itself."""
    seen = []
    hooks = [
        m.register_forward_pre_hook(lambda m, args: seen.append(args[0][0].numpy()))
        for m in family.outputs(net)
    ]
    try:
        with eager(net):
            net(torch.tensor([list(tokens)]))
    finally:
        for hook in hooks:
            hook.remove()
    return seen


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_rebuilt_from_its_parts_is_the_models_own(family, prompt):
    model = loaded(family)
    _, _, tokens = prompt(family)
    heads = read_heads(model, tokens)
    for layer, own in enumerate(own_outputs(model.net, model.family, tokens)):
        rebuilt = np.concatenate(
            [
                softmax(heads.scores(layer, head, range(len(tokens))))
                @ heads.memory(layer, head, range(len(tokens)))[1]
                for head in range(len(heads.q[layer]))
            ]
        )
        np.testing.assert_allclose(rebuilt, own[-1], rtol=0, atol=2e-5)
        recorded = heads.out[layer].transpose(1, 0, 2).reshape(len(tokens), -1)
        np.testing.assert_allclose(recorded, own, rtol=0, atol=2e-5)


@pytest.mark.parametrize("family", PLAIN)
def test_softmax_splits_into_demonstrations_and_own_tokens(family, prompt):
    _, c, tokens = prompt(family)
    heads = read_heads(loaded(family), tokens)
    shares = []
    for layer, head in np.ndindex(heads.q.shape[:2]):
        split = softmax_split(
            *heads.memory(layer, head, range(c, len(tokens))),
            *heads.memory(layer, head, range(c)),
            heads.query(layer, head),
            heads.scales[layer],
        )
        whole = softmax_attention(
            *heads.memory(layer, head, range(len(tokens))),
            heads.query(layer, head),
            heads.scales[layer],
        )
        np.testing.assert_allclose(split.output, whole, rtol=0, atol=1e-12)
        keys, _ = heads.memory(layer, head, range(len(tokens)))
        scores = heads.scales[layer] * keys @ heads.query(layer, head)
        rounding = 1e-6 * max(1.0, abs(scores).max())  # of float32 scores, in their softmax
        answer = heads.out[layer, head, -1]
        np.testing.assert_allclose(split.output, answer, rtol=0, atol=rounding)
        shares.append(float(split.lam))
    assert 0.2 < np.mean(shares) < 1  # the demonstrations do count


@pytest.mark.parametrize("family", FAMILIES)
def test_heads_of_a_group_share_keys_and_values(family, prompt):
    heads = read_heads(loaded(family), prompt(family)[2])
    groups = GROUPS.get(family, 4)
    for x in (heads.k, heads.v):
        different = {x[0, head].tobytes() for head in range(x.shape[1])}
        assert len(different) == groups
        assert (x[:, 0] == x[:, 4 // groups - 1]).all()
        if groups > 1:
            assert (x[:, 0] != x[:, 4 // groups]).any()
    assert len({q.tobytes() for q in heads.q[0]}) == 4


def test_update_is_the_sum_of_outer_products_that_linear_attention_uses(prompt):
    _, c, tokens = prompt("gpt2")
    heads = read_heads(loaded("gpt2"), tokens)
    W = heads.update(range(c))
    for layer, head in np.ndindex(heads.q.shape[:2]):
        by_hand = sum(
            np.outer(heads.v[layer, head, i], heads.k[layer, head, i].astype(float))
            for i in range(c)
        )
        np.testing.assert_allclose(W[layer, head], by_hand, rtol=1e-6, atol=1e-6)


def test_the_demonstrations_write_the_same_whatever_is_asked(prompt):
    prompts, c, _ = prompt("llama")
    one, other = (
        read_heads(loaded("llama"), prompts.context + query).update(range(c))
        for query in prompts.queries
    )
    np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("family", WINDOWS)
def test_tokens_outside_of_a_window_are_left_out(family, prompt):
    _, c, tokens = prompt(family)
    heads = read_heads(loaded(family), tokens)
    assert LOCAL in heads.windows
    for layer, window in enumerate(heads.windows):
        seen = heads.seen(layer, range(c))
        hidden = 0 if window is None else len(tokens) - window
        assert seen.tolist() == list(range(hidden, c))
        assert len(heads.memory(layer, 0, range(c))[0]) == c - hidden
        k, v = (x[layer, 1, hidden:c].astype(float) for x in (heads.k, heads.v))
        np.testing.assert_allclose(heads.update(range(c))[layer, 1], v.T @ k, rtol=1e-6)


def test_tokens_can_be_counted_from_the_end(prompt):
    heads = read_heads(loaded("gpt2"), prompt("gpt2")[2])
    last = heads.q.shape[2] - 1
    assert heads.seen(0, [-1, 0]).tolist() == [last, 0]


@pytest.mark.parametrize("family", TURNED)
def test_another_start_turns_keys_and_queries_and_changes_nothing_else(family, prompt):
    _, _, tokens = prompt(family)
    here, there = (read_heads(loaded(family), tokens, start=start) for start in (0, 40))
    for name in ("out", "inputs", "v"):
        np.testing.assert_allclose(getattr(here, name), getattr(there, name), atol=5e-4)
    scores = [np.einsum("lhd,lhtd->lht", x.q[:, :, -1], x.k) for x in (here, there)]
    np.testing.assert_allclose(*scores, atol=5e-3)
    assert abs(here.k - there.k).max() > 0.1
    assert abs(here.update([-2, -1]) - there.update([-2, -1])).max() > 0.1


@pytest.mark.parametrize("family", FAMILIES)
def test_finetuned_projections_on_inputs_of_the_base_model(family, prompt):
    """Against keys and values computed by hand where no rotation or norm comes in between."""
    model = loaded(family)
    prompts, _, tokens = prompt(family)
    base = read_heads(model, tokens)
    same = read_heads(model, tokens, inputs=base.inputs)
    for name in ("q", "k", "v", "out"):
        np.testing.assert_allclose(getattr(same, name), getattr(base, name), atol=1e-6)
    with finetune(model, prompts, Finetuning(lr=0.05)):
        held = read_heads(model, tokens, inputs=base.inputs)
        free = read_heads(model, tokens)
        expected = []
        for layer, parts in enumerate(model.family.projections(model.net)):
            x = torch.from_numpy(base.inputs[layer])
            v = parts["v"].of_output(parts["v"].module(x)).detach().numpy()
            expected.append(v.reshape(len(tokens), -1, held.v.shape[-1]).transpose(1, 0, 2))
    np.testing.assert_allclose(held.inputs, base.inputs, atol=1e-6)
    np.testing.assert_allclose(held.q, base.q, atol=1e-6)  # queries do not train
    repeats = held.v.shape[1] // expected[0].shape[0]
    np.testing.assert_allclose(held.v, np.repeat(expected, repeats, axis=1), atol=1e-5)
    assert abs(held.k - base.k).max() > 1e-4
    np.testing.assert_allclose(free.k[0], held.k[0], atol=1e-5)  # nothing below the first layer
    assert abs(free.v[1] - held.v[1]).max() > 1e-4


@pytest.mark.parametrize("family", ["llama", "gpt_neo", "bloom"])
def test_nothing_is_left_in_the_model(family, prompt):
    model = loaded(family)
    tokens = prompt(family)[2]

    def hooks():  # transformers leaves some of its own
        return [(len(m._forward_hooks), len(m._forward_pre_hooks)) for m in model.net.modules()]

    before = model.net.config._attn_implementation, hooks()
    read_heads(model, tokens, inputs=read_heads(model, tokens).inputs)
    assert (model.net.config._attn_implementation, hooks()) == before
    assert not {"forward", "_attn"} & set(vars(model.family.attentions(model.net)[0]))


class TestBadInput:
    def test_an_empty_prompt(self):
        with pytest.raises(ValueError, match=r"prompt has 0 tokens"):
            read_heads(loaded("gpt2"), ())

    def test_a_prompt_beyond_the_window(self):
        with pytest.raises(ValueError, match=rf"10 tokens from position {WINDOW - 9}.* 1 to 9 "):
            read_heads(loaded("gpt2"), (90,) * 10, start=WINDOW - 9)

    def test_a_negative_start(self):
        with pytest.raises(ValueError, match=r"start is -1"):
            read_heads(loaded("gpt2"), (90,), start=-1)

    def test_inputs_of_another_prompt(self):
        inputs = read_heads(loaded("gpt2"), (90, 91)).inputs
        with pytest.raises(ValueError, match=r"\(2, 2, 32\); expected \(2, 3, 32\)"):
            read_heads(loaded("gpt2"), (90, 91, 92), inputs=inputs)
