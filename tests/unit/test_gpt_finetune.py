"""Finetuning on demonstrations: against torch's own optimisers, and back to the base weights."""

import copy
import dataclasses
import sys

import numpy as np
import pytest
import torch
from tiny_finetuning import (
    as_model,
    load_net,
    make_prompts,
    plain_steps,
    same,
    weights_of,
)
from tiny_models import FAMILIES

from iclbook.gpt.model.families import family_of
from iclbook.gpt.tuning import finetune as module
from iclbook.gpt.tuning.finetune import Finetuning, finetune

LR = 0.05


def finetuned(net, prompts, **how):
    """The weights that finetuning gives, and its report."""
    with finetune(as_model(net), prompts, Finetuning(**dict(lr=LR) | how)) as result:
        return weights_of(net), result


def assert_near(ours, theirs, atol=1e-6):
    assert ours.keys() == theirs.keys()
    for name in ours:
        torch.testing.assert_close(ours[name], theirs[name], rtol=0, atol=atol, msg=name)


def kv_masks(family: str, net) -> dict[str, torch.Tensor]:
    """1 for each entry of keys and values, 0 elsewhere, written down family by family."""
    masks = {name: torch.zeros_like(p) for name, p in net.named_parameters()}
    for name, mask in masks.items():
        if any(fused in name for fused in ("c_attn", "query_key_value", "qkv_proj", "Wqkv")):
            if family in ("gpt_neox", "bloom", "gpt_bigcode heads", "falcon heads"):
                for head in range(4):
                    mask[24 * head + 8 : 24 * head + 24] = 1
            elif family == "falcon groups":
                mask[16:32], mask[48:64] = 1, 1
            elif family == "gpt2":
                mask[..., 32:] = 1
            else:
                mask[32:] = 1
        elif "k_proj" in name or "v_proj" in name:
            mask.fill_(1)
    return masks


class MaskedSGD(torch.optim.SGD):
    """Torch's SGD with the gradients multiplied by masks first."""

    def __init__(self, parameters, masks, lr):
        super().__init__(parameters, lr=lr)
        self.masks = masks

    def step(self):
        for group in self.param_groups:
            for p, mask in zip(group["params"], self.masks, strict=True):
                p.grad *= mask
        super().step()


@pytest.mark.parametrize("family", FAMILIES)
def test_equals_sgd_with_a_gradient_mask(family, monkeypatch):
    net = load_net(family)
    oracle, prompts = copy.deepcopy(net).eval(), make_prompts()
    masks = list(kv_masks(family, net).values())
    with monkeypatch.context() as patch:
        patch.setattr(torch.optim, "SGD", lambda ps, lr: MaskedSGD(ps, masks, lr))
        plain_steps(oracle, list(oracle.parameters()), prompts.finetuning, LR)
    weights, result = finetuned(net, prompts)
    assert_near(weights, weights_of(oracle))
    assert not result.diverged
    assert len(result.losses) == 4


def test_base_weights_are_back_bit_for_bit():
    net, prompts = load_net("gpt_neox"), make_prompts()
    net.train()
    net.gpt_neox.embed_in.requires_grad_(False)
    base, flags = weights_of(net), [p.requires_grad for p in net.parameters()]
    for how in (dict(), dict(parameters="all", optimiser="adam"), dict(rule="lcgd-code")):
        weights, _ = finetuned(net, prompts, **how)
        assert not same(weights, base)
        assert same(weights_of(net), base)
    assert [p.requires_grad for p in net.parameters()] == flags
    assert all(p.grad is None for p in net.parameters())
    assert net.training


def test_base_weights_are_back_when_something_fails(monkeypatch):
    net, prompts = load_net("gpt2"), make_prompts()
    base = weights_of(net)

    def interrupted():
        with finetune(as_model(net), prompts, Finetuning(lr=LR)):
            assert not same(weights_of(net), base)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert same(weights_of(net), base)

    calls = iter(range(9))
    true_loss = module.step_loss

    def out_of_memory(net, step):
        if next(calls) == 2:
            raise torch.OutOfMemoryError("no room")
        return true_loss(net, step)

    monkeypatch.setattr(module, "step_loss", out_of_memory)
    with pytest.raises(torch.OutOfMemoryError):
        finetuned(net, prompts, rule="lcgd-code")
    assert same(weights_of(net), base)
    assert all(p.requires_grad for p in net.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_works_where_gradients_are_switched_off():
    net, prompts = load_net("gpt2"), make_prompts()
    with torch.no_grad():
        weights, _ = finetuned(net, prompts)
    assert_near(weights, finetuned(net, prompts)[0], atol=0)


def test_label_loss_counts_the_label_tokens_alone():
    labels = ((7, 11), (8,))
    net, prompts = load_net("opt"), make_prompts(3, labels)
    oracle = copy.deepcopy(net).eval()
    learners = [p for n, p in oracle.named_parameters() if "k_proj" in n or "v_proj" in n]
    expected = []
    for demo, gold in zip(prompts.finetuning, prompts.demo_gold):
        ids = torch.tensor([demo])
        targets = ids.clone()
        targets[:, : -len(labels[gold])] = -100
        loss = oracle(input_ids=ids, labels=targets).loss
        expected.append(loss.item())
        for p, g in zip(learners, torch.autograd.grad(loss, learners)):
            p.data -= LR * g
    weights, result = finetuned(net, prompts, loss="label")
    assert_near(weights, weights_of(oracle))
    np.testing.assert_allclose(result.losses, expected, atol=1e-5)


@pytest.mark.parametrize("family", ["gpt2", "gpt_neo", "opt", "xglm", "mistral"])
@pytest.mark.parametrize(("batch", "sizes"), [(3, (3, 2)), ("full", (5,))])
def test_a_batch_is_the_mean_over_its_targets(family, batch, sizes):
    net, prompts = load_net(family), make_prompts(5)
    oracle = copy.deepcopy(net).eval()
    masks = kv_masks(family, oracle)
    demos = prompts.finetuning
    for size in sizes:
        some, demos = demos[:size], demos[size:]
        total = sum(len(demo) - 1 for demo in some)
        for demo in some:
            ids = torch.tensor([demo])
            (oracle(input_ids=ids, labels=ids).loss * (len(demo) - 1) / total).backward()
        for name, p in oracle.named_parameters():
            p.data -= LR * p.grad * masks[name]
            p.grad = None
    weights, result = finetuned(net, prompts, batch=batch)
    assert_near(weights, weights_of(oracle))
    assert len(result.losses) == len(sizes)


def test_adam_on_the_whole_model_for_some_epochs():
    net, prompts = load_net("gpt2"), make_prompts()
    oracle = copy.deepcopy(net).eval()
    optimiser = torch.optim.Adam(oracle.parameters(), lr=1e-3)
    for demo in prompts.finetuning * 3:
        ids = torch.tensor([demo])
        optimiser.zero_grad()
        oracle(input_ids=ids, labels=ids).loss.backward()
        optimiser.step()
    how = dict(lr=1e-3, optimiser="adam", epochs=3, parameters="all")
    weights, result = finetuned(net, prompts, **how)
    # Adam divides by the size of a gradient: rounding counts where the gradient is nearly zero.
    assert_near(weights, weights_of(oracle), atol=1e-4)
    assert len(result.losses) == 12
    assert np.mean(result.losses[-4:]) < np.mean(result.losses[:4])


@pytest.mark.parametrize("batch", [1, 2, "full"])
def test_each_epoch_shows_the_model_as_so_many_epochs_leave_it(batch):
    net, prompts, seen = load_net("gpt2"), make_prompts(), {}
    how = Finetuning(lr=LR, epochs=3, batch=batch)
    with finetune(
        as_model(net), prompts, how, each_epoch=lambda epoch: seen.update({epoch: weights_of(net)})
    ):
        pass
    assert list(seen) == [1, 2, 3]
    for epochs, weights in seen.items():
        assert_near(weights, finetuned(net, prompts, epochs=epochs, batch=batch)[0], atol=0)


def test_a_layer_causal_rule_is_not_looked_at_each_epoch():
    with (
        pytest.raises(ValueError, match="each_epoch does not go with rule 'lcgd-code'"),
        finetune(
            as_model(load_net("gpt2")),
            make_prompts(),
            Finetuning(lr=LR, rule="lcgd-code"),
            each_epoch=print,
        ),
    ):
        pass


def test_values_of_one_layer():
    net, prompts = load_net("qwen2"), make_prompts()
    base = weights_of(net)
    weights, _ = finetuned(net, prompts, parameters="v:1")
    changed = {name for name in base if not torch.equal(base[name], weights[name])}
    assert changed == {f"model.layers.1.self_attn.v_proj.{part}" for part in ("weight", "bias")}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_what_rounding_would_lose(dtype):
    """A float32 copy learns from the gradients at the rounded weights."""
    lr = 3e-4  # a step is far below the resolution of most weights
    net, prompts = load_net("llama").to(dtype), make_prompts(6)
    scale = module.FP16_SCALE if dtype == torch.float16 else 1.0
    oracle = copy.deepcopy(net).eval()
    learners = [p for n, p in oracle.named_parameters() if "k_proj" in n or "v_proj" in n]
    masters = [p.detach().float() for p in learners]
    for demo in prompts.finetuning * 2:
        ids = torch.tensor([demo])
        loss = oracle(input_ids=ids, labels=ids).loss * scale
        for p, master, g in zip(learners, masters, torch.autograd.grad(loss, learners)):
            master -= lr * g.float() / scale
            p.data.copy_(master)
    base = weights_of(net)
    weights, _ = finetuned(net, prompts, lr=lr, epochs=2)
    expected = weights_of(oracle)
    moved = sum(int((expected[name] != base[name]).sum()) for name in base)
    wrong = sum(int((expected[name] != weights[name]).sum()) for name in base)
    assert moved > 20 * wrong
    assert {w.dtype for w in weights.values()} == {dtype}
    assert same(weights_of(net), base)


def test_an_overflow_in_float16_is_mended_by_a_smaller_scale(monkeypatch):
    net, prompts = load_net("gpt2").half(), make_prompts()
    expected, _ = finetuned(net, prompts)
    monkeypatch.setattr(module, "FP16_SCALE", 2.0**24)
    weights, result = finetuned(net, prompts)
    assert not result.diverged
    assert_near(weights, expected, atol=2e-3)


@pytest.mark.parametrize("rule", ["gd", "lcgd-code", "lcgd-paper"])
def test_divergence_is_a_result_and_no_error(rule):
    net, prompts = load_net("llama"), make_prompts()
    base = weights_of(net)
    with finetune(as_model(net), prompts, Finetuning(lr=1e36, rule=rule), True) as result:
        assert result.diverged
        assert result.stopped_at > 0
        assert len(result.losses) == result.stopped_at + 1
    assert same(weights_of(net), base)


def test_weights_that_overflow_in_the_last_step_are_noticed():
    net, prompts = load_net("gpt2").half(), make_prompts(1)
    _, result = finetuned(net, prompts, lr=1e9)
    assert (result.diverged, result.stopped_at) == (True, 0)


@pytest.mark.parametrize("family", FAMILIES)
def test_recorded_queries_are_those_of_the_model(family, monkeypatch):
    """Rotation keeps the length of a query in each head: compare with what attention receives."""
    net, prompts = load_net(family), make_prompts(1)
    block = family_of(net).attentions(net)[0]
    received = []

    def keep(query, scale):
        received.append((query * scale).norm(dim=-1)[0].mT.detach())  # (T, H)

    scales = family_of(net).scales(net)
    if family in ("gpt_neo", "gptj"):
        for attention, scale in zip(family_of(net).attentions(net), scales, strict=True):

            def inner(q, *rest, true=attention._attn, scale=scale):
                keep(q, scale)
                return true(q, *rest)

            monkeypatch.setattr(attention, "_attn", inner)
    elif family.split()[0] in ("bloom", "falcon"):  # (batch, heads, T, size); falcon: T, heads
        split = "_reshape" if family == "bloom" else "_split_heads"
        for attention, scale in zip(family_of(net).attentions(net), scales, strict=True):
            true = getattr(attention, split)

            def own(fused, true=true, scale=scale):
                q, k, v = true(fused)
                keep(q if family == "bloom" else q.transpose(1, 2), scale)
                return q, k, v

            monkeypatch.setattr(attention, split, own)
    elif family == "mpt":
        true_matmul = torch.matmul

        def matmul(a, b):
            if a.ndim == 4 and b.shape[-1] == a.shape[-2] and a.shape[-1] == 8:
                keep(a, scales[0])
            return true_matmul(a, b)

        monkeypatch.setattr(torch, "matmul", matmul)
    elif family == "xglm":  # scores are a bmm of scaled queries (batch * heads, T, size)
        true_bmm = torch.bmm

        def bmm(a, b):
            if b.shape[-1] == a.shape[-2] and a.shape[-1] == 8:
                keep(a[None], 1.0)
            return true_bmm(a, b)

        monkeypatch.setattr(torch, "bmm", bmm)
    else:
        source = sys.modules[type(block).__module__]
        true_attention = source.eager_attention_forward

        def eager(module, query, *rest, scaling, **kwargs):
            keep(query, scaling)
            return true_attention(module, query, *rest, scaling=scaling, **kwargs)

        monkeypatch.setattr(source, "eager_attention_forward", eager)
        net.set_attn_implementation("eager")
    with finetune(as_model(net), prompts, Finetuning(lr=LR), record_queries=True) as result:
        (queries,) = result.queries
    T = len(prompts.finetuning[0])
    assert queries.shape == (2, T, 32)
    norms = np.linalg.norm(queries.reshape(2, T, 4, 8), axis=-1)
    np.testing.assert_allclose(norms, torch.stack(received), rtol=1e-4)


def test_queries_are_recorded_before_the_step_on_their_demonstration():
    net, prompts = load_net("opt"), make_prompts(3)
    first = dataclasses.replace(prompts, demos=prompts.demos[:1], demo_gold=prompts.demo_gold[:1])
    q_proj, scale = net.model.decoder.layers[1].self_attn.q_proj, 8**-0.5
    seen = []
    handle = q_proj.register_forward_hook(lambda m, a, output: seen.append(output[0] * scale))
    with torch.no_grad(), finetune(as_model(net), first, Finetuning(lr=LR)):
        seen.clear()
        net(torch.tensor([prompts.finetuning[1]]))
        expected = seen[0]
    handle.remove()
    with finetune(as_model(net), prompts, Finetuning(lr=LR, epochs=2), True) as result:
        assert [q.shape[1] for q in result.queries] == [len(d) for d in prompts.finetuning]
        np.testing.assert_allclose(result.queries[1][1], expected, atol=1e-6)


@pytest.mark.parametrize("how", [dict(batch="full"), dict(rule="lcgd-paper", lr=1e-9)])
def test_queries_without_training_between_do_not_depend_on_batches(how):
    net, prompts = load_net("gpt_neox"), make_prompts(3)
    with finetune(as_model(net), prompts, Finetuning(lr=1e-9), True) as one_by_one:
        pass
    with finetune(as_model(net), prompts, Finetuning(**dict(lr=LR) | how), True) as result:
        for ours, theirs in zip(result.queries, one_by_one.queries, strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (dict(lr=0.0), r"lr is 0.0"),
        (dict(lr=-1.0), r"lr is -1.0"),
        (dict(lr=float("nan")), r"lr is nan"),
        (dict(lr=float("inf")), r"lr is inf"),
        (dict(epochs=0), r"epochs is 0"),
        (dict(batch=0), r"batch is 0"),
        (dict(batch="all"), r"batch is 'all'.*'full'"),
        (dict(loss="labels"), r"loss is 'labels'.*'label'"),
        (dict(rule="lcgd"), r"rule is 'lcgd'.*'lcgd-paper', 'lcgd-code'"),
        (dict(optimiser="adamw"), r"optimiser is 'adamw'.*'adam'"),
        (dict(parameters="kq"), r"parameters is 'kq'; expected 'kv'"),
        (dict(rule="lcgd-code", parameters="all"), r"'lcgd-code' does not go with .*'all'"),
        (dict(rule="lcgd-paper", parameters="mlp"), r"'lcgd-paper' does not go with .*'mlp'"),
        (dict(rule="lcgd-paper", batch=2), r"'lcgd-paper' does not go with batch 2"),
    ],
)
def test_settings_are_checked_when_they_are_made(how, message, plain_python):
    with pytest.raises(ValueError, match=message):
        Finetuning(**dict(lr=LR) | how)


@pytest.mark.parametrize(("name", "value"), [("lr", "0.1"), ("epochs", 1.5), ("batch", 2.0)])
def test_settings_of_another_type(name, value, plain_python):
    with pytest.raises(TypeError, match=name):
        Finetuning(**dict(lr=LR) | {name: value})


def test_prompts_are_checked_before_any_work():
    model = as_model(load_net("gpt2"))
    prompts = make_prompts(2)
    short = dataclasses.replace(prompts, bos=(), demos=((7, 9),), demo_gold=(0,))
    none = dataclasses.replace(prompts, demos=(), demo_gold=())
    for how, given, message in (
        (dict(parameters="v:9"), prompts, r"'v:9', but the model has 2 layers"),
        (dict(batch=3), prompts, r"batch is 3, but there are 2 demonstrations"),
        (dict(), none, r"no demonstrations"),
        (dict(), short, r"demonstration 0 has 1 token"),
    ):
        with (
            pytest.raises(ValueError, match=message),
            finetune(model, given, Finetuning(**dict(lr=LR) | how)),
        ):
            pass
