"""Momentum inside of models: every family, caches, padding, and what is refused."""

import copy

import numpy as np
import pytest
import torch
from tiny_models import FAMILIES, LOCAL, loaded
from transformers import DynamicCache, GPT2Config, GPT2Model, StaticCache

from iclbook.gpt.reading.takeover import reading
from iclbook.momentum.attach import add_mixing, add_momentum, attention_blocks, remove_mixing
from iclbook.momentum.mixing import Momentum, Taps
from iclbook.momentum.sums import decayed_sum

WITHOUT = {"gpt_neo", "xglm", "gptj", "bloom", "falcon", "mpt"}
"""Families with attention of their own."""
WITH = [name for name in FAMILIES if name.split()[0] not in WITHOUT]
WINDOWED = "mistral"
CLOSE = dict(rtol=0, atol=2e-5)


def tiny(family):
    """A tiny model that may be changed."""
    return copy.deepcopy(loaded(family).net)


def etas_of(net):
    """A rate of its own for every head."""
    shape = len(attention_blocks(net)), net.config.num_attention_heads
    return np.linspace(0.2, 0.9, np.prod(shape)).reshape(shape)


def drawn(rows, tokens, seed=0):
    return torch.randint(5, 300, (rows, tokens), generator=torch.Generator().manual_seed(seed))


def logits(net, ids, **options):
    with torch.no_grad():
        return net(input_ids=ids, **options).logits


def before_output(model, net, ids):
    """What goes into the first layer's output map, and the values of that layer."""
    found = {}
    out, values = model.family.outputs(net)[0], model.family.projections(net)[0]["v"]
    hooks = [
        out.register_forward_pre_hook(lambda m, args: found.update(out=args[0])),
        values.module.register_forward_hook(lambda m, args, o: found.update(v=o)),
    ]
    logits(net, ids)
    for hook in hooks:
        hook.remove()
    return found["out"].numpy(), values.of_output(found["v"]).numpy()


@pytest.mark.parametrize("family", WITH)
def test_each_family_adds_the_sum_of_its_values(family):
    model, net, ids = loaded(family), tiny(family), drawn(2, 40)
    plain, _ = before_output(model, net, ids)
    etas = etas_of(net)
    add_momentum(net, etas)
    found, values = before_output(model, net, ids)
    heads = etas.shape[1]
    values = values.reshape(2, 40, -1, found.shape[-1] // heads)
    added = (found - plain).reshape(2, 40, heads, -1)
    for h in range(heads):
        v = values[:, :, h * values.shape[2] // heads]
        sums = np.zeros_like(v[:, 0])
        for t in range(40):
            np.testing.assert_allclose(added[:, t, h], sums, **CLOSE)
            sums = etas[0, h] * (sums + v[:, t])


@pytest.mark.parametrize("family", WITH)
def test_small_rates_give_plain_attention_and_taking_out_gives_it_back(family):
    net, ids = tiny(family), drawn(2, 50)
    plain = logits(net, ids)
    add_momentum(net, 1e-12)
    np.testing.assert_allclose(logits(net, ids), plain, **CLOSE)
    add_momentum(net, 0.9)
    assert (logits(net, ids) - plain).abs().max() > 0.1
    remove_mixing(net)
    assert torch.equal(logits(net, ids), plain)
    assert net.state_dict().keys() == loaded(family).net.state_dict().keys()


@pytest.mark.parametrize("family", WITH)
@pytest.mark.parametrize("by_head", [False, True])
def test_reading_with_a_cache_equals_the_whole_pass(family, by_head):
    net, ids = tiny(family), drawn(2, 2 * LOCAL + 7)  # windows are passed
    add_momentum(net, etas_of(net) if by_head else 0.8, nesterov=by_head, normalised=by_head)
    whole = logits(net, ids, use_cache=False)
    cache, pieces = DynamicCache(config=net.config), [1, 9, 20, *[1] * (ids.shape[1] - 30)]
    found = [logits(net, piece, past_key_values=cache) for piece in ids.split(pieces, dim=1)]
    np.testing.assert_allclose(torch.cat(found, 1), whole, **CLOSE)


@pytest.mark.parametrize("family", ["gpt2", "llama", WINDOWED])
def test_generation_is_the_same_with_and_without_a_cache(family):
    net, ids = tiny(family), drawn(3, 9)
    add_momentum(net, 0.7)
    how = dict(max_new_tokens=30, min_new_tokens=30, do_sample=False, pad_token_id=1)
    assert torch.equal(net.generate(ids, **how), net.generate(ids, use_cache=False, **how))


def test_beam_search_reorders_the_cache_and_the_sums_with_it():
    net, ids = tiny("llama"), drawn(2, 9)
    add_momentum(net, 0.7)
    how = dict(max_new_tokens=25, min_new_tokens=25, do_sample=False, num_beams=4, pad_token_id=1)
    assert torch.equal(net.generate(ids, **how), net.generate(ids, use_cache=False, **how))


@pytest.mark.parametrize("change", ["crop", "repeat", "copy", "reset"])
def test_a_changed_cache_gives_the_sums_of_what_it_holds(change):
    net, ids = tiny("llama"), drawn(2, 40)
    add_momentum(net, 0.8)
    cache = DynamicCache(config=net.config)
    logits(net, ids[:, :20], past_key_values=cache)
    if change == "crop":
        cache.crop(-8)
        ids = torch.cat([ids[:, :12], ids[:, 20:]], 1)
    if change == "repeat":
        cache.batch_repeat_interleave(3)
        ids = ids.repeat_interleave(3, dim=0)
    if change == "copy":
        other = copy.deepcopy(cache)
        logits(net, ids[:, :5], past_key_values=cache)
        cache = other
    if change == "reset":
        cache.reset()
        ids = ids[:, 20:]
    held = cache.get_seq_length()
    found = logits(net, ids[:, held:], past_key_values=cache)
    np.testing.assert_allclose(found, logits(net, ids, use_cache=False)[:, held:], **CLOSE)


def test_taps_read_a_cache_too():
    net, ids = tiny("llama"), drawn(2, 30)
    add_mixing(net, lambda layer: Taps(torch.full((4, 3), 0.3)))
    cache = DynamicCache(config=net.config)
    found = [logits(net, ids[:, a:b], past_key_values=cache) for a, b in ((0, 17), (17, 30))]
    np.testing.assert_allclose(torch.cat(found, 1), logits(net, ids, use_cache=False), **CLOSE)


def padded(ids, lengths, side, total):
    """Rows cut to these lengths and filled up; with their mask and positions."""
    mask = torch.zeros(len(ids), total, dtype=torch.long)
    for row, n in zip(mask, lengths, strict=True):
        row[slice(0, n) if side == "right" else slice(total - n, total)] = 1
    rows = torch.full((len(ids), total), 7)
    for row, m, whole, n in zip(rows, mask, ids, lengths, strict=True):
        row[m.bool()] = whole[:n]
    return rows, mask, (mask.cumsum(1) - 1).clamp(min=0)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("family", ["gpt2", "llama", WINDOWED, "gemma2", "opt"])
def test_padded_rows_equal_rows_alone(family, side):
    net, ids, lengths = tiny(family), drawn(3, 60), (60, 33, 8)
    add_momentum(net, etas_of(net))
    rows, mask, positions = padded(ids, lengths, side, 64)
    found = logits(net, rows, attention_mask=mask, position_ids=positions, use_cache=False)
    for row, m, whole, n in zip(found, mask, ids, lengths, strict=True):
        np.testing.assert_allclose(row[m.bool()], logits(net, whole[None, :n])[0], **CLOSE)


@pytest.mark.parametrize("side", ["right", "left"])
@pytest.mark.parametrize("again", [False, True])
def test_padding_in_a_cache_is_passed_over(side, again):
    """Also where the sums have to be computed again from the cache."""
    net, ids, lengths = tiny("llama"), drawn(3, 60), (14, 9, 20)
    add_momentum(net, 0.9)
    rows, mask, positions = padded(ids, lengths, side, 22)
    cache = DynamicCache(config=net.config)
    logits(net, rows, attention_mask=mask, position_ids=positions, past_key_values=cache)
    if again:
        cache.reorder_cache(torch.arange(3))
    more = drawn(3, 11, seed=1)
    ends = torch.tensor(lengths)[:, None]
    found = logits(
        net,
        more,
        attention_mask=torch.cat([mask, torch.ones_like(more)], 1),
        position_ids=ends + torch.arange(11),
        past_key_values=cache,
    )
    for i, n in enumerate(lengths):
        whole = torch.cat([ids[i, :n], more[i]])[None]
        np.testing.assert_allclose(found[i], logits(net, whole)[0, n:], **CLOSE)


def test_a_batch_is_generated_as_its_rows_alone():
    net, ids, lengths = tiny("llama"), drawn(3, 20), (20, 5, 11)
    add_momentum(net, 0.9)
    rows, mask, _ = padded(ids, lengths, "left", 20)
    how = dict(max_new_tokens=12, min_new_tokens=12, do_sample=False, pad_token_id=7)
    found = net.generate(rows, attention_mask=mask, **how)[:, 20:]
    for row, whole, n in zip(found, ids, lengths, strict=True):
        alone = net.generate(whole[None, :n], attention_mask=torch.ones(1, n), **how)
        assert torch.equal(row, alone[0, n:])


@pytest.mark.parametrize("family", ["gpt_neox", "llama"])
def test_learned_rates_are_parameters_that_train_and_are_kept(family):
    net, ids = tiny(family), drawn(2, 40)
    add_momentum(net, np.full((2, 4), 0.5), learned=True)
    names = [name for name, _ in net.named_parameters() if "momentum" in name]
    assert len(names) == 2
    assert all(net.get_parameter(name).shape == (4,) for name in names)
    net.train()
    net(input_ids=ids, labels=ids).loss.backward()
    assert all((net.get_parameter(name).grad != 0).all() for name in names)
    other = tiny(family)
    add_momentum(other, 0.1 * np.ones((2, 4)), learned=True)
    other.load_state_dict(net.state_dict())
    assert torch.equal(logits(other.eval(), ids), logits(net.eval(), ids))
    add_momentum(net, 0.5, learned=True)  # one a layer
    assert all(net.get_parameter(name).shape == (1,) for name in names)


@pytest.mark.parametrize("learned", [False, True])
def test_gradient_checkpointing_changes_nothing(learned):
    grads = []
    for checkpointing in (False, True):
        net, ids = tiny("llama").train(), drawn(2, 40)
        add_momentum(net, 0.5, learned=learned)
        if checkpointing:
            net.gradient_checkpointing_enable()
        net(input_ids=ids, labels=ids, use_cache=False).loss.backward()
        grads.append([parameter.grad for parameter in net.parameters()])
    for a, b in zip(*grads, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_a_model_in_half_precision():
    net, ids = tiny("llama").to(torch.bfloat16), drawn(2, 60)
    add_momentum(net, etas_of(net), learned=True)
    found = logits(net, ids)
    assert found.dtype == torch.bfloat16
    assert torch.isfinite(found).all()


def test_the_sum_of_grouped_values_is_the_same_for_one_rate_and_for_equal_ones():
    net, ids = tiny("qwen2"), drawn(2, 50)
    add_momentum(net, 0.6)
    one = logits(net, ids)
    add_momentum(net, np.full((2, 4), 0.6))
    np.testing.assert_allclose(logits(net, ids), one, **CLOSE)
    add_momentum(net, [0.6, 0.6])
    np.testing.assert_allclose(logits(net, ids), one, **CLOSE)


@pytest.mark.parametrize("family", [n for n in FAMILIES if n.split()[0] in WITHOUT])
def test_a_family_with_attention_of_its_own_is_refused(family):
    with pytest.raises(ValueError, match="code of their own; expected one that uses transformers'"):
        add_momentum(tiny(family), 0.5)


@pytest.mark.parametrize("eta", [0.0, 1.0, 1.5, -0.5, float("nan"), [0.5, 1.0]])
def test_rates_outside_of_the_interval_are_refused(eta):
    net = tiny("gpt2")
    with pytest.raises(ValueError, match="expected a number between 0 and 1, both excluded"):
        add_momentum(net, eta)
    assert net.config._attn_implementation == "sdpa"


@pytest.mark.parametrize("shape", [(3,), (2, 3), (1,), (2, 4, 1)])
def test_rates_of_another_shape_are_refused(shape):
    with pytest.raises(ValueError, match=r"expected a number, \(2,\) for the layers .* \(2, 4\)"):
        add_momentum(tiny("gpt2"), np.full(shape, 0.5))


def test_caches_of_another_kind_are_refused():
    net, ids = tiny("llama"), drawn(1, 9)
    add_momentum(net, 0.5)
    cache = StaticCache(config=net.config, max_cache_len=30)
    with pytest.raises(ValueError, match="StaticLayer; expected a DynamicCache"):
        logits(net, ids, past_key_values=cache)


def test_a_lost_sum_is_refused_where_a_window_has_dropped_its_values():
    net, ids = tiny(WINDOWED), drawn(2, LOCAL + 9)
    add_momentum(net, 0.5)
    cache = DynamicCache(config=net.config)
    logits(net, ids, past_key_values=cache)
    cache.reorder_cache(torch.tensor([1, 0]))
    with pytest.raises(ValueError, match="the sum of the others is lost"):
        logits(net, ids[:, :1], past_key_values=cache)
    cache = DynamicCache()  # keeps all
    logits(net, ids, past_key_values=cache)
    cache.reorder_cache(torch.tensor([1, 0]))
    found = logits(net, ids[:, :1], past_key_values=cache)
    whole = torch.cat([ids.flip(0), ids[:, :1]], 1)
    np.testing.assert_allclose(found, logits(net, whole)[:, -1:], **CLOSE)


def test_several_texts_in_a_row_are_refused():
    net, ids = tiny("llama"), drawn(1, 20)
    add_momentum(net, 0.5)
    positions = torch.cat([torch.arange(12), torch.arange(8)])[None]
    with pytest.raises(ValueError, match="expected one text a row"):
        logits(net, ids, position_ids=positions, use_cache=False)


def test_attention_in_both_directions_is_refused():
    net, ids = tiny("llama"), drawn(1, 20)
    add_momentum(net, 0.5)
    for block in attention_blocks(net):
        block.is_causal = False
    with pytest.raises(ValueError, match="reads its text in both directions"):
        logits(net, ids)


def test_another_attention_to_add_to_is_refused():
    net = tiny("llama")
    net.config._attn_implementation = "flex_attention"
    with pytest.raises(ValueError, match="'flex_attention'; expected one of sdpa, eager"):
        add_momentum(net, 0.5)


def test_the_attention_without_a_mixing_says_how_to_get_one():
    net = GPT2Model(GPT2Config(n_embd=8, n_layer=1, n_head=2, vocab_size=300))
    net.config._attn_implementation = "momentum-sdpa"
    with pytest.raises(ValueError, match="add_momentum"):
        net(input_ids=drawn(1, 5))


def test_the_engine_does_not_read_past_momentum():
    net = tiny("llama")
    add_momentum(net, 0.5)
    with pytest.raises(ValueError, match="momentum"), reading(net):
        pass


def test_a_mixing_of_your_own():
    """What the chapter shows: a subclass with another rule, put in by one call."""

    class Doubled(Momentum):
        def read(self, sums, values):
            return 2 * super().read(sums, values)

    net, ids = tiny("gpt2"), drawn(1, 20)
    add_momentum(net, 0.5)
    block = attention_blocks(net)[0]
    values = torch.randn(1, 5, 4, 8)
    plain = block.momentum.read(decayed_sum(values, torch.tensor([0.5]))[0], values)
    add_mixing(net, lambda layer: Doubled(torch.tensor([0.5])))
    twice = block.momentum.read(decayed_sum(values, torch.tensor([0.5]))[0], values)
    np.testing.assert_allclose(twice, 2 * plain)
    assert torch.isfinite(logits(net, ids)).all()
