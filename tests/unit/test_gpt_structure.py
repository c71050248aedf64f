"""Families without an entry: found by their structure, tried, and refused if anything differs."""

import sys

import numpy as np
import pytest
import torch
from test_gpt_observe import plain as own_attention
from test_gpt_score import make_prompts, plain
from tiny_finetuning import make_prompts as demonstrations
from tiny_finetuning import plain_steps
from tiny_models import LOCAL, save_tiny

from iclbook.gpt.model.families import FAMILIES, family_of
from iclbook.gpt.model.load import card, load_model
from iclbook.gpt.reading.observe import observe
from iclbook.gpt.reading.score import predict
from iclbook.gpt.tuning.finetune import Finetuning, finetune
from iclbook.gpt.tuning.trainable import trainable

pytestmark = pytest.mark.usefixtures("plain_python")

MIXED = dict(sliding_window=LOCAL, layer_types=["sliding_attention", "full_attention"])
UNKNOWN = {
    "arcee": {},
    "olmo3": MIXED,
    "exaone4": MIXED,
    "cohere2": dict(sliding_window=LOCAL),
    "persimmon": dict(qk_layernorm=True),
    "biogpt": {},
}


@pytest.mark.parametrize("family", UNKNOWN)
def test_a_family_without_an_entry_works_if_its_numbers_are_its_own(family, tmp_path):
    assert family not in FAMILIES
    model = load_model(str(save_tiny(family, tmp_path, **UNKNOWN[family])))
    prompts = make_prompts(family, n=6)
    for context in (True, False):
        assert (
            np.abs(predict(model, prompts, context) - plain(model, prompts, context)).max() < 1e-4
        )
    assert any(model.family.windows(model.net)) == ("sliding_window" in UNKNOWN[family])
    seen = observe(model, prompts, True, want={"hidden", "queries"})
    ids = prompts.context + prompts.queries[0]
    _, outputs, _ = own_attention(model, ids)
    for layer, output in enumerate(outputs):
        np.testing.assert_allclose(seen.hidden["last"][0, layer], output[-1], atol=1e-4)
    found = card(str(tmp_path))
    assert sum(e.of(e.parameter).numel() for e in trainable(found.skeleton, "kv")) == sum(
        e.of(e.parameter).numel() for e in trainable(model.net, "kv")
    )
    assert found.cache_bytes(10, 4) == 10 * 4 * sum(
        parts[part].width for parts in model.family.projections(model.net) for part in "kv"
    )


def test_its_keys_and_values_train(tmp_path):
    folder = str(save_tiny("persimmon", tmp_path))
    model, oracle = load_model(folder), load_model(folder).net
    prompts = demonstrations(1)
    fused = [
        p for layer in oracle.model.layers for p in layer.self_attn.query_key_value.parameters()
    ]
    base = [p.detach().clone() for p in fused]
    plain_steps(oracle, fused, prompts.finetuning, lr=0.05)
    for parameter, before in zip(fused, base, strict=True):  # (head, 3, size): queries do not train
        parameter.data.unflatten(0, (4, 3, 8))[:, 0] = before.unflatten(0, (4, 3, 8))[:, 0]
    with finetune(model, prompts, Finetuning(lr=0.05)):
        for ours, theirs in zip(model.net.parameters(), oracle.parameters(), strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("family", "options", "message"),
    [
        ("mamba", {}, "no attention block with queries, keys, values"),
        ("codegen", dict(n_embd=32, n_layer=2, n_head=4, rotary_dim=4), "attention interface"),
        ("llama4_text", dict(head_dim=8, num_local_experts=2), "chunked_attention"),
        (
            "gpt_oss",
            dict(head_dim=8, num_local_experts=4, num_experts_per_tok=2),
            "hands s_aux to its attention, which the book would ignore",
        ),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(family, options, message, tmp_path):
    folder = save_tiny(family, tmp_path, **options)
    with pytest.raises(ValueError, match=message) as told:
        load_model(str(folder))
    assert "Near" not in str(told.value)  # no family that merely sounds alike


def test_a_model_that_differs_from_its_own_forward_pass_is_refused(tmp_path, monkeypatch):
    folder = str(save_tiny("arcee", tmp_path))
    source = sys.modules[type(load_model(folder).net.model.layers[0].self_attn).__module__]
    true = source.ArceeAttention.forward

    def tokens_meet_elsewhere(self, hidden_states, *args, **kwargs):
        out, weights = true(self, hidden_states, *args, **kwargs)
        return out + 0.01 * hidden_states.cumsum(1), weights

    monkeypatch.setattr(source.ArceeAttention, "forward", tokens_meet_elsewhere)
    with pytest.raises(ValueError, match=r"'arcee'.*differs .* log-probabilities by \d\.\de[-+]\d"):
        load_model(folder)


def test_a_model_that_was_not_tried_is_not_read(tmp_path):
    net = load_model(str(save_tiny("arcee", tmp_path))).net
    other = type(net)(net.config)
    with pytest.raises(ValueError, match=r"'arcee', which has no entry"):
        family_of(other)


@pytest.mark.parametrize(
    ("name", "given"),
    [("softcap", 5.0), ("s_aux", torch.ones(4)), ("dropout", 0.1), ("sliding_window", 3)],
)
def test_attention_refuses_what_it_would_ignore(name, given, tmp_path, monkeypatch):
    """Also of a family with an entry, should another version of transformers hand it more."""
    model = load_model(str(save_tiny("llama", tmp_path)))
    source = sys.modules[type(model.net).__module__]
    interfaces = source.ALL_ATTENTION_FUNCTIONS
    true = type(interfaces).get_interface

    def more(self, *args, **kwargs):
        function = true(self, *args, **kwargs)
        return lambda *a, **k: function(*a, **(k | {name: given}))

    monkeypatch.setattr(type(interfaces), "get_interface", more)
    with pytest.raises(ValueError, match=rf"family 'llama' hands {name} to its attention"):
        predict(model, make_prompts("llama", n=2), True)


def test_a_softcap_that_the_model_does_not_use_is_not_dropped_silently(tmp_path):
    model = load_model(str(save_tiny("gemma2", tmp_path, attn_logit_softcapping=None)))
    prompts = make_prompts("gemma2", n=4)
    assert model.family.softcaps(model.net) == [None, None]
    assert np.abs(predict(model, prompts, True) - plain(model, prompts, True)).max() < 1e-4
