"""Layer-causal descent: against loops over layers and tokens, and what must not reach a layer."""

import copy

import numpy as np
import pytest
import torch
from tiny_finetuning import as_model, load_net, make_prompts, same, weights_of
from torch.nn.functional import cross_entropy

from iclbook.gpt.model.families import family_of
from iclbook.gpt.tuning.finetune import Finetuning, finetune

LR = 0.02
PARTS = {  # layers, attention block of a layer (without its residual), final norm
    "gpt2": ("transformer.h", "attn", "transformer.ln_f"),
    "gpt_neo": ("transformer.h", "attn", "transformer.ln_f"),
    "gpt_neox": ("gpt_neox.layers", "attention", "gpt_neox.final_layer_norm"),
    "opt": ("model.decoder.layers", "self_attn", "model.decoder.final_layer_norm"),
    "llama": ("model.layers", "self_attn", "model.norm"),
    "falcon": ("transformer.h", "self_attention", "transformer.ln_f"),
    "bloom": ("transformer.h", "self_attention.dense", "transformer.ln_f"),
}


def keys_and_values(net):
    """Of each layer, the entries of its keys, then those of its values."""
    layers = family_of(net).projections(net)
    return [[e for part in "kv" for e in parts[part].entries()] for parts in layers]


def changes(net, prompts, **how):
    """Of each layer, how far its keys' and values' entries move."""
    kv = keys_and_values(net)
    before = [[e.of(e.parameter.detach()).clone() for e in layer] for layer in kv]
    with finetune(as_model(net), prompts, Finetuning(**dict(lr=LR) | how)):
        return [
            [e.of(e.parameter.detach()) - b for e, b in zip(layer, old, strict=True)]
            for layer, old in zip(kv, before, strict=True)
        ]


def losses_by_layer(family, net, ids, form):
    """Token losses (T - 1,) of each layer, layer by layer, and the layer's trainable entries."""
    layers, attention, norm = PARTS[family]
    inputs = []
    hooks = [
        layer.register_forward_pre_hook(
            lambda module, args, kwargs: inputs.append((args, kwargs)), with_kwargs=True
        )
        for layer in net.get_submodule(layers)
    ]
    net(input_ids=ids, use_cache=False)
    for hook in hooks:
        hook.remove()
    for layer, (args, kwargs) in zip(net.get_submodule(layers), inputs, strict=True):
        read = []
        module = layer if form == "lcgd-code" else layer.get_submodule(attention)
        hook = module.register_forward_hook(lambda module, args, output, to=read: to.append(output))
        layer(args[0].detach(), *args[1:], **kwargs)
        hook.remove()
        output = read[0][0] if isinstance(read[0], tuple) else read[0]
        logits = net.get_output_embeddings()(net.get_submodule(norm)(output))[0, :-1]
        yield cross_entropy(logits, ids[0, 1:], reduction="none")


def loop(family, net, demos, form):
    """Descend by explicit loops; the losses."""
    kv = keys_and_values(net)
    totals = []

    def descend(losses):
        slopes = []
        for layer, loss in zip(kv, losses, strict=True):
            whole = torch.autograd.grad(loss, [e.parameter for e in layer])
            slopes += [e.of(g) for e, g in zip(layer, whole)]
        for e, slope in zip([e for layer in kv for e in layer], slopes, strict=True):
            e.of(e.parameter.detach()).sub_(slope, alpha=LR)
        totals.append(sum(losses).item())

    for demo in demos:
        if form == "lcgd-code":
            ids = torch.tensor([demo])
            descend([losses.mean() for losses in losses_by_layer(family, net, ids, form)])
        else:
            for t in range(2, len(demo) + 1):
                ids = torch.tensor([demo[:t]])
                descend([losses[-1] for losses in losses_by_layer(family, net, ids, form)])
    return totals


@pytest.mark.parametrize("form", ["lcgd-code", "lcgd-paper"])
@pytest.mark.parametrize("family", PARTS)
def test_equals_explicit_loops(family, form):
    net, prompts = load_net(family), make_prompts(3)
    oracle = copy.deepcopy(net).eval()
    expected = loop(family, oracle, prompts.finetuning, form)
    how = Finetuning(lr=LR, rule=form)
    with finetune(as_model(net), prompts, how) as result:
        for (name, ours), theirs in zip(net.named_parameters(), oracle.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5, msg=name)
    np.testing.assert_allclose(result.losses, expected, rtol=1e-4)


@pytest.mark.parametrize("form", ["lcgd-code", "lcgd-paper"])
def test_a_layer_does_not_feel_the_layers_above(form):
    net, prompts = load_net("gpt_neox", layers=3), make_prompts(1)
    altered = copy.deepcopy(net)
    with torch.no_grad():
        for p in altered.gpt_neox.layers[1].parameters():
            p.mul_(1.5)
    how = dict(rule=form) if form == "lcgd-code" else dict(rule=form, loss="label")  # one step
    ours, theirs = changes(net, prompts, **how), changes(altered, prompts, **how)
    for a, b in zip(ours[0], theirs[0], strict=True):
        assert a.abs().max() > 0
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert not torch.allclose(ours[2][0], theirs[2][0], atol=1e-4)

    plain = changes(net, prompts)[0], changes(altered, prompts)[0]
    assert not torch.allclose(plain[0][0], plain[1][0], atol=1e-4)


def test_the_last_layer_learns_as_it_does_by_backpropagation():
    for family in ("gpt2", "phi3", "qwen3"):
        net, prompts = load_net(family), make_prompts(1)
        causal, plain = changes(net, prompts, rule="lcgd-code"), changes(net, prompts)
        for a, b in zip(causal[-1], plain[-1], strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-6)
        assert not torch.allclose(causal[0][0], plain[0][0], atol=1e-4)


@pytest.mark.parametrize("family", ["xglm", "mistral", "phi"])
def test_batches_and_single_layers(family):
    net, prompts = load_net(family), make_prompts(4)
    whole = changes(net, prompts, rule="lcgd-code", batch="full")
    base = weights_of(net)
    how = Finetuning(lr=LR, rule="lcgd-code", batch="full", parameters="v:0")
    with finetune(as_model(net), prompts, how) as result:
        assert len(result.losses) == 1
        (entry, *_) = family_of(net).projections(net)[0]["v"].entries()
        name = next(n for n, p in net.named_parameters() if p is entry.parameter)
        moved = entry.parameter.detach() - base[name]
    values = whole[0][len(whole[0]) // 2]  # behind the entries of the keys
    torch.testing.assert_close(moved, values, rtol=0, atol=1e-6)
    assert same(weights_of(net), base)


def test_one_step_a_target_token_in_the_form_of_the_paper():
    labels = ((7, 11), (8,))
    net, prompts = load_net("gpt2"), make_prompts(3, labels)
    tokens = sum(len(demo) - 1 for demo in prompts.finetuning)
    for loss, steps in (("all", tokens), ("label", 2 + 1 + 2)):
        how = Finetuning(lr=LR, rule="lcgd-paper", loss=loss)
        with finetune(as_model(net), prompts, how) as result:
            assert len(result.losses) == steps
